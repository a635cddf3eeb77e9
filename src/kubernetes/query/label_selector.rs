//! Label selectors: `app=web,tier in (a,b),!canary`.

use std::borrow::Cow;
use std::fmt;

use serde_json::Value;

pub use super::label_syntax::SelectorError;
use super::label_syntax::{check_key, check_value};
use crate::kubernetes::fields::{at, items, members};

/// Conditions on the labels of an object, all of which must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LabelSelector {
    requirements: Vec<Requirement>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    Exists,
    Missing,
    /// With the operator as it was written.
    Equals(&'static str, String),
    Differs(String),
    In(Vec<String>),
    NotIn(Vec<String>),
    Above(i64),
    Below(i64),
}

impl LabelSelector {
    /// Reads kubectl's syntax: `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`, `a`, `!a`, `a>1`,
    /// `a<1`, with commas between. The empty text selects everything.
    ///
    /// # Errors
    /// [`SelectorError`].
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let tokens = tokens(text);
        let mut parser = Parser {
            tokens: &tokens,
            next: 0,
        };
        let mut requirements = Vec::new();
        if parser.peek() == Token::End {
            return Ok(Self { requirements });
        }
        loop {
            requirements.push(parser.requirement()?);
            match parser.take() {
                Token::End => break,
                Token::Sign(",") => {}
                other => return Err(unexpected("',' or the end", other)),
            }
        }
        Ok(Self::sorted(requirements))
    }

    /// The selector that an object holds with `matchLabels` and `matchExpressions`. None if there is none
    /// (which selects nothing), or one that cannot be.
    pub fn from_object(selector: &Value) -> Option<Self> {
        selector.as_object()?;
        let mut requirements = Vec::new();
        for (key, value) in members(selector, "matchLabels").into_iter().flatten() {
            check_key(key).ok()?;
            check_value(value.as_str()?).ok()?;
            requirements.push(Requirement {
                key: key.clone(),
                test: Test::Equals("=", value.as_str()?.to_owned()),
            });
        }
        for expression in items(selector, "matchExpressions") {
            let values = items(expression, "values").iter();
            let values = values
                .map(|value| value.as_str().map(str::to_owned))
                .collect::<Option<Vec<_>>>()?;
            check_key(at(expression, "key").as_str()?).ok()?;
            if values.iter().any(|value| check_value(value).is_err()) {
                return None;
            }
            requirements.push(Requirement {
                key: at(expression, "key").as_str()?.to_owned(),
                test: match at(expression, "operator").as_str()? {
                    "In" if !values.is_empty() => Test::In(sorted(values)),
                    "NotIn" if !values.is_empty() => Test::NotIn(sorted(values)),
                    "Exists" if values.is_empty() => Test::Exists,
                    "DoesNotExist" if values.is_empty() => Test::Missing,
                    _ => return None,
                },
            });
        }
        Some(Self::sorted(requirements))
    }

    fn sorted(mut requirements: Vec<Requirement>) -> Self {
        requirements.sort_by(|a, b| a.key.cmp(&b.key));
        Self { requirements }
    }

    /// True if everything is selected.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// True if the labels of `object` fulfil all conditions.
    pub fn matches(&self, object: &Value) -> bool {
        self.matches_labels(at(object, "metadata.labels"))
    }

    /// True if labels, key and value, fulfil all conditions.
    pub fn matches_list<'a>(
        &self,
        labels: impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
    ) -> bool {
        // Only those that are asked for are kept: there may be many.
        let wanted = labels.filter(|(key, _)| self.requirements.iter().any(|one| one.key == *key));
        let wanted = wanted.map(|(key, value)| (key.into_owned(), Value::from(&*value)));
        self.matches_labels(&Value::Object(wanted.collect()))
    }

    /// True if `labels`, an object of texts, fulfil all conditions.
    pub fn matches_labels(&self, labels: &Value) -> bool {
        self.requirements.iter().all(|requirement| {
            let label = labels.get(&requirement.key).and_then(Value::as_str);
            requirement.test.holds(label)
        })
    }
}

impl Test {
    fn holds(&self, label: Option<&str>) -> bool {
        let number = || label.and_then(integer);
        match self {
            Self::Exists => label.is_some(),
            Self::Missing => label.is_none(),
            Self::Equals(_, value) => label == Some(value),
            Self::Differs(value) => label != Some(value),
            Self::In(values) => {
                label.is_some_and(|label| values.iter().any(|value| value == label))
            }
            Self::NotIn(values) => {
                !label.is_some_and(|label| values.iter().any(|value| value == label))
            }
            Self::Above(limit) => number().is_some_and(|number| number > *limit),
            Self::Below(limit) => number().is_some_and(|number| number < *limit),
        }
    }
}

/// The canonical text, with requirements by key and values in order.
impl fmt::Display for LabelSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, Requirement { key, test }) in self.requirements.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            match test {
                Test::Exists => f.write_str(key),
                Test::Missing => write!(f, "!{key}"),
                Test::Equals(sign, value) => write!(f, "{key}{sign}{value}"),
                Test::Differs(value) => write!(f, "{key}!={value}"),
                Test::In(values) => write!(f, "{key} in ({})", values.join(",")),
                Test::NotIn(values) => write!(f, "{key} notin ({})", values.join(",")),
                Test::Above(limit) => write!(f, "{key}>{limit}"),
                Test::Below(limit) => write!(f, "{key}<{limit}"),
            }?;
        }
        Ok(())
    }
}

fn sorted(mut values: Vec<String>) -> Vec<String> {
    values.sort();
    values.dedup();
    values
}

/// A decimal number as Go reads one.
fn integer(text: &str) -> Option<i64> {
    text.parse().ok()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Sign(&'static str),
    End,
}

impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(text) => write!(f, "{text:?}"),
            Self::Sign(text) => write!(f, "'{text}'"),
            Self::End => f.write_str("the end"),
        }
    }
}

/// Longer ones come before those they begin with.
const SIGNS: [&str; 8] = ["==", "!=", "=", "!", ">", "<", "(", ")"];

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let sign = SIGNS
            .iter()
            .chain(&[","])
            .find(|sign| rest.starts_with(**sign));
        let len = match sign {
            Some(sign) => {
                tokens.push(Token::Sign(sign));
                sign.len()
            }
            None => {
                let is_end = |c: char| c.is_whitespace() || "=!(),><".contains(c);
                let len = rest.find(is_end).unwrap_or(rest.len());
                tokens.push(Token::Word(rest.get(..len).unwrap_or_default()));
                len
            }
        };
        rest = rest.get(len..).unwrap_or_default().trim_start();
    }
    tokens
}

struct Parser<'a> {
    tokens: &'a [Token<'a>],
    next: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Token<'a> {
        self.tokens.get(self.next).copied().unwrap_or(Token::End)
    }

    fn take(&mut self) -> Token<'a> {
        let token = self.peek();
        self.next = self.next.saturating_add(1);
        token
    }

    fn requirement(&mut self) -> Result<Requirement, SelectorError> {
        let mut token = self.take();
        let negated = token == Token::Sign("!");
        if negated {
            token = self.take();
        }
        let Token::Word(key) = token else {
            return Err(unexpected("a key", token));
        };
        check_key(key)?;
        let key = key.to_owned();
        if negated {
            return Ok(Requirement {
                key,
                test: Test::Missing,
            });
        }
        let test = match self.peek() {
            Token::End | Token::Sign(",") => Test::Exists,
            Token::Sign(sign @ ("=" | "==")) => {
                self.take();
                Test::Equals(sign, self.value()?)
            }
            Token::Sign("!=") => {
                self.take();
                Test::Differs(self.value()?)
            }
            Token::Sign(">") => {
                self.take();
                Test::Above(self.number()?)
            }
            Token::Sign("<") => {
                self.take();
                Test::Below(self.number()?)
            }
            Token::Word("in") => {
                self.take();
                Test::In(self.values()?)
            }
            Token::Word("notin") => {
                self.take();
                Test::NotIn(self.values()?)
            }
            other => return Err(unexpected("one of = == != in notin < >", other)),
        };
        Ok(Requirement { key, test })
    }

    /// A value, or nothing, which is the empty one.
    fn value(&mut self) -> Result<String, SelectorError> {
        match self.peek() {
            Token::End | Token::Sign(",") => Ok(String::new()),
            Token::Word(value) => {
                self.take();
                check_value(value)?;
                Ok(value.to_owned())
            }
            other => Err(unexpected("a value", other)),
        }
    }

    fn number(&mut self) -> Result<i64, SelectorError> {
        let value = self.value()?;
        integer(&value).ok_or(SelectorError::Unexpected {
            expected: "a whole number",
            found: format!("{value:?}"),
        })
    }

    /// Values in parentheses. Between two commas is the empty value.
    fn values(&mut self) -> Result<Vec<String>, SelectorError> {
        match self.take() {
            Token::Sign("(") => {}
            other => return Err(unexpected("'('", other)),
        }
        let mut values = Vec::new();
        loop {
            let value = match self.peek() {
                Token::Word(value) => {
                    self.take();
                    value
                }
                _ => "",
            };
            check_value(value)?;
            values.push(value.to_owned());
            match self.take() {
                Token::Sign(")") => return Ok(sorted(values)),
                Token::Sign(",") => {}
                other => return Err(unexpected("',' or ')'", other)),
            }
        }
    }
}

fn unexpected(expected: &'static str, found: Token<'_>) -> SelectorError {
    SelectorError::Unexpected {
        expected,
        found: found.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn matches(selector: &str) -> bool {
        let object =
            json!({"metadata": {"labels": {"app": "web", "n": "5", "e": "", "x.io/y": "z"}}});
        LabelSelector::parse(selector)
            .unwrap_or_else(|error| panic!("{selector}: {error}"))
            .matches(&object)
    }

    #[test]
    fn each_operator_selects_as_in_kubectl() {
        for selector in [
            "",
            " ",
            "app",
            "app=web",
            "app==web",
            "app = web , n=5",
            "app!=db",
            "gone!=db",
            "app in (db,web)",
            "app in ( web )",
            "app notin (db)",
            "gone notin (db)",
            "!gone",
            "n>4",
            "n<6",
            "e=",
            "e in ()",
            "e in (,)",
            "x.io/y=z",
            "app,n",
        ] {
            assert!(matches(selector), "{selector}");
        }
        for selector in [
            "app=db",
            "gone",
            "gone=",
            "!app",
            "app!=web",
            "app in (db)",
            "app notin (web,db)",
            "n>5",
            "n<5",
            "app>1",
            "gone<1",
            "app,gone",
        ] {
            assert!(!matches(selector), "{selector}");
        }
    }

    #[test]
    fn a_broken_selector_is_explained() {
        for (selector, message) in [
            ("=a", "label selector: a key expected, found '='"),
            ("a,", "label selector: a key expected, found the end"),
            (
                "a b",
                "label selector: one of = == != in notin < > expected, found \"b\"",
            ),
            ("!a=b", "label selector: ',' or the end expected, found '='"),
            ("a in b", "label selector: '(' expected, found \"b\""),
            (
                "a in (b",
                "label selector: ',' or ')' expected, found the end",
            ),
            (
                "a>b",
                "label selector: a whole number expected, found \"b\"",
            ),
        ] {
            let error = LabelSelector::parse(selector).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
        for selector in ["a=-b", "A_/b", "x/y/z", "é=1", &"a".repeat(64)] {
            let error = LabelSelector::parse(selector).unwrap_err();
            assert!(matches!(error, SelectorError::Invalid { .. }), "{selector}");
        }
    }

    #[test]
    fn a_selector_of_an_object_prints_in_order() {
        let selector = json!({
            "matchLabels": {"b": "1", "a": "2"},
            "matchExpressions": [
                {"key": "c", "operator": "In", "values": ["y", "x"]},
                {"key": "aa", "operator": "DoesNotExist"},
            ],
        });
        let selector = LabelSelector::from_object(&selector).expect("a selector");
        assert_eq!(selector.to_string(), "a=2,!aa,b=1,c in (x,y)");
        assert_eq!(LabelSelector::from_object(&Value::Null), None);
        let broken = json!({"matchExpressions": [{"key": "c", "operator": "Near"}]});
        assert_eq!(LabelSelector::from_object(&broken), None);
    }

    proptest! {
        #[test]
        fn any_text_is_survived_and_what_prints_parses_again(text in "[a-c1!=<>(), ]{0,24}|\\PC{0,24}|(a|in|notin|!|=|,|\\(|\\)| ){0,12}") {
            if let Ok(selector) = LabelSelector::parse(&text) {
                prop_assert_eq!(LabelSelector::parse(&selector.to_string()), Ok(selector));
            }
        }
    }
}
