//! The syntax.

use serde_json::{Number, Value};

use std::fmt;

use super::PathError;

/// A piece of a template.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    Text(String),
    Path(Vec<Node>),
    Range(Vec<Node>, Vec<Part>),
}

/// A step of a path: from some values to others.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Field(String),
    Wildcard,
    /// The values and all that is inside of them.
    Recursive,
    Slice(Slice),
    Union(Vec<Vec<Node>>),
    Filter(Box<Filter>),
    /// Whatever came before, this text.
    Text(Value),
    /// For each value before, this number or truth value.
    Literal(Value),
    /// A word that means nothing, such as `null`: an error where it has to be looked at.
    Word(String),
}

/// As it may be written; filters and unions in short.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{}", name.replace('.', "\\.")),
            Self::Wildcard => f.write_str("[*]"),
            Self::Recursive => f.write_str(".."),
            Self::Slice(Slice {
                first,
                end: End::One,
                ..
            }) => write!(f, "[{first}]"),
            Self::Slice(_) => f.write_str("[…:…]"),
            Self::Union(_) => f.write_str("[…,…]"),
            Self::Filter(_) => f.write_str("[?(…)]"),
            Self::Text(_) | Self::Literal(_) | Self::Word(_) => f.write_str("…"),
        }
    }
}

/// `[first:end:step]`, or one element.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Slice {
    pub(super) first: i64,
    pub(super) end: End,
    pub(super) step: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum End {
    /// Behind the first element.
    One,
    At(i64),
    Open,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Filter {
    pub(super) left: Vec<Node>,
    /// Without it, the left side only has to be there.
    pub(super) right: Option<(Comparison, Vec<Node>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// How deep filters and ranges may be nested.
const DEPTH: usize = 32;

pub(super) fn template(text: &str) -> Result<Vec<Part>, PathError> {
    // Ranges that are still open, each with the parts that stand before it.
    let mut open: Vec<(Vec<Part>, Vec<Node>)> = Vec::new();
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (before, action) = match rest.split_once('{') {
            Some((before, action)) => (before, Some(action)),
            None => (rest, None),
        };
        if !before.is_empty() {
            parts.push(Part::Text(before.to_owned()));
        }
        let Some(action) = action else { break };
        let mut parser = Parser::new(action);
        let (word, nodes) = parser.action(true, 0)?;
        rest = parser.rest;
        match word {
            None => parts.push(Part::Path(nodes)),
            Some("range") if open.len() >= DEPTH => {
                return Err(syntax("too many ranges in each other"));
            }
            Some("range") => open.push((std::mem::take(&mut parts), nodes)),
            Some("end") => {
                let (outer, nodes) = open.pop().ok_or_else(|| syntax("an end without a range"))?;
                let inner = std::mem::replace(&mut parts, outer);
                parts.push(Part::Range(nodes, inner));
            }
            Some(word) => {
                return Err(PathError::Syntax(format!(
                    "unknown word {word:?}; a field begins with a dot"
                )));
            }
        }
    }
    // A range without end goes to the end.
    while let Some((outer, nodes)) = open.pop() {
        let inner = std::mem::replace(&mut parts, outer);
        parts.push(Part::Range(nodes, inner));
    }
    Ok(parts)
}

fn syntax(message: &str) -> PathError {
    PathError::Syntax(message.to_owned())
}

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    /// The steps up to the closing brace, or to the end of the text if there is none to be. The first
    /// bare word is `range` or `end`.
    fn action(
        &mut self,
        braced: bool,
        depth: usize,
    ) -> Result<(Option<&'a str>, Vec<Node>), PathError> {
        if depth > DEPTH {
            return Err(syntax("too many filters in each other"));
        }
        let mut word = None;
        let mut nodes = Vec::new();
        loop {
            let Some(c) = self.rest.chars().next() else {
                return if braced {
                    Err(syntax("a brace is not closed"))
                } else {
                    Ok((word, nodes))
                };
            };
            match c {
                '}' if braced => {
                    self.skip(1);
                    return Ok((word, nodes));
                }
                ' ' | '@' | '$' => self.skip(1),
                '[' if self.rest.starts_with("[?(") => nodes.push(self.filter(depth)?),
                '[' => self.brackets(&mut nodes, depth)?,
                '"' | '\'' => nodes.push(self.quoted(c)?),
                '.' if self.rest.starts_with("..") => {
                    if nodes.last() == Some(&Node::Recursive) {
                        return Err(syntax("'....' goes down twice"));
                    }
                    self.skip(2);
                    nodes.push(Node::Recursive);
                    if self.rest.starts_with(is_word) {
                        nodes.push(self.field());
                    }
                }
                '.' => {
                    self.skip(1);
                    nodes.push(self.field());
                }
                '+' | '-' | '0'..='9' => nodes.push(self.number()?),
                c if is_word(c) => match self.until_terminator() {
                    "true" => nodes.push(Node::Literal(Value::Bool(true))),
                    "false" => nodes.push(Node::Literal(Value::Bool(false))),
                    other if word.is_none() && nodes.is_empty() => word = Some(other),
                    other => return Err(PathError::Syntax(format!("unexpected word {other:?}"))),
                },
                c => return Err(PathError::Syntax(format!("unexpected character {c:?}"))),
            }
        }
    }

    fn skip(&mut self, len: usize) {
        self.rest = self.rest.get(len..).unwrap_or_default();
    }

    /// Takes the first `len` bytes.
    fn take(&mut self, len: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(len).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    /// Takes all up to a character that ends a name; one behind a backslash does not.
    fn until_terminator(&mut self) -> &'a str {
        let mut escaped = false;
        let len = self.rest.find(|c: char| {
            let ends = !escaped && " \t\r\n.,[]$@{}".contains(c);
            escaped = c == '\\' && !escaped;
            ends
        });
        self.take(len.unwrap_or(self.rest.len()))
    }

    fn field(&mut self) -> Node {
        match self.until_terminator() {
            "*" => Node::Wildcard,
            name => Node::Field(name.replace('\\', "")),
        }
    }

    fn number(&mut self) -> Result<Node, PathError> {
        let signed = usize::from(self.rest.starts_with(['+', '-']));
        let digits = self.rest.get(signed..).unwrap_or_default();
        let len = digits.find(|c: char| !c.is_ascii_digit() && c != '.');
        let text = self.take(len.unwrap_or(digits.len()).saturating_add(signed));
        let whole = text.parse().ok().map(|number: i64| Number::from(number));
        let number = whole.or_else(|| text.parse().ok().and_then(Number::from_f64));
        match number {
            Some(number) => Ok(Node::Literal(Value::Number(number))),
            None => Err(PathError::Syntax(format!("{text:?} is not a number"))),
        }
    }

    fn quoted(&mut self, quote: char) -> Result<Node, PathError> {
        self.skip(1);
        let mut escaped = false;
        let len = self.rest.find(|c: char| {
            let ends = (!escaped && c == quote) || c == '\n';
            escaped = c == '\\' && !escaped;
            ends
        });
        let text = len.map(|len| self.take(len));
        let Some(text) = text.filter(|_| self.rest.starts_with(quote)) else {
            return Err(syntax("a quoted text is not closed"));
        };
        self.skip(1);
        Ok(Node::Text(Value::String(unquote(text)?)))
    }

    /// `[...]`: a key, an element, a slice, or several of those.
    fn brackets(&mut self, nodes: &mut Vec<Node>, depth: usize) -> Result<(), PathError> {
        self.skip(1);
        let len = self.rest.find([']', '\n']);
        let text = len.map(|len| self.take(len));
        let Some(text) = text.filter(|_| self.rest.starts_with(']')) else {
            return Err(syntax("a bracket is not closed"));
        };
        self.skip(1);
        if text.contains(',') {
            let mut union = Vec::new();
            for one in text.split(',') {
                union.push(bracketed(one.trim_matches(' '), depth)?);
            }
            nodes.push(Node::Union(union));
        } else {
            nodes.extend(bracketed(text, depth)?);
        }
        Ok(())
    }

    /// `[?(left OPERATOR right)]`.
    fn filter(&mut self, depth: usize) -> Result<Node, PathError> {
        self.skip(3);
        let mut quote = None;
        let mut escaped = false;
        let len = self.rest.find(|c: char| {
            let ends = quote.is_none() && c == ')';
            if matches!(c, '"' | '\'') && !escaped {
                quote = match quote {
                    None => Some(c),
                    Some(open) if open == c => None,
                    open => open,
                };
            }
            escaped = c == '\\' && !escaped;
            ends || c == '\n'
        });
        let text = len.map(|len| self.take(len));
        let Some(text) = text.filter(|_| self.rest.starts_with(")]")) else {
            return Err(syntax("a filter is not closed with ')]'"));
        };
        self.skip(2);
        let depth = depth.saturating_add(1);
        let Some(at) = text.find(['!', '<', '>', '=']).filter(|at| *at > 0) else {
            let left = path(text, depth)?;
            return Ok(Node::Filter(Box::new(Filter { left, right: None })));
        };
        let (left, rest) = text.split_at_checked(at).unwrap_or((text, ""));
        let right = rest.trim_start_matches(['!', '<', '>', '=']);
        let right = right.strip_prefix('~').unwrap_or(right);
        let sign_len = rest.len().saturating_sub(right.len());
        let comparison = match rest.get(..sign_len).unwrap_or_default() {
            "==" => Comparison::Equal,
            "!=" => Comparison::NotEqual,
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterOrEqual,
            sign => {
                return Err(PathError::Syntax(format!(
                    "unknown comparison {sign:?} in a filter"
                )));
            }
        };
        if right.trim().is_empty() {
            return Err(syntax("a filter has nothing to compare with"));
        }
        Ok(Node::Filter(Box::new(Filter {
            left: path(left, depth)?,
            right: Some((comparison, path(right, depth)?)),
        })))
    }
}

/// The steps of a text without braces.
fn path(text: &str, depth: usize) -> Result<Vec<Node>, PathError> {
    let mut parser = Parser::new(text);
    match parser.action(false, depth)? {
        (None, nodes) => Ok(nodes),
        // As in kubectl, a word is an error only where there is something to compare it with.
        (Some(word), nodes) if depth > 0 => {
            let word = Node::Word(word.to_owned());
            Ok(std::iter::once(word).chain(nodes).collect())
        }
        (Some(word), _) => Err(PathError::Syntax(format!(
            "unknown word {word:?}; a field begins with a dot"
        ))),
    }
}

/// What stands between brackets, without commas.
fn bracketed(text: &str, depth: usize) -> Result<Vec<Node>, PathError> {
    let key = text
        .strip_prefix('\'')
        .and_then(|key| key.strip_suffix('\''));
    if let Some(key) = key.filter(|key| !key.contains('\'')) {
        return path(&format!(".{key}"), depth.saturating_add(1));
    }
    let text = if text == "*" { ":" } else { text };
    let invalid = || PathError::Syntax(format!("{text:?} is not an element, slice or 'key'"));
    let number = |text: &str| match text {
        "" => Ok(None),
        _ if text.starts_with('+') => Err(invalid()),
        _ => text.parse::<i64>().map(Some).map_err(|_| invalid()),
    };
    let mut parts = text.split(':');
    let first = number(parts.next().unwrap_or_default())?.unwrap_or(0);
    let end = match parts.next() {
        None => End::One,
        Some(end) => number(end)?.map_or(End::Open, End::At),
    };
    let step = number(parts.next().unwrap_or_default())?;
    if parts.next().is_some() {
        return Err(invalid());
    }
    Ok(vec![Node::Slice(Slice { first, end, step })])
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// The escapes of Go's quoted texts.
fn unquote(text: &str) -> Result<String, PathError> {
    let invalid = || PathError::Syntax(format!("unknown escape in the text {text:?}"));
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let escape = chars.next().ok_or_else(invalid)?;
        let (radix, count) = match escape {
            'x' => (16, 2),
            'u' => (16, 4),
            'U' => (16, 8),
            '0'..='7' => (8, 3),
            _ => (10, 0),
        };
        if count > 0 {
            let mut code = if radix == 8 {
                escape.to_digit(8)
            } else {
                Some(0)
            };
            let more = if radix == 8 { 2 } else { count };
            for _ in 0..more {
                let digit = chars.next().and_then(|c| c.to_digit(radix));
                code = code
                    .zip(digit)
                    .and_then(|(code, digit)| code.checked_mul(radix)?.checked_add(digit));
            }
            out.push(code.and_then(char::from_u32).ok_or_else(invalid)?);
            continue;
        }
        out.push(match escape {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'v' => '\u{b}',
            '\\' | '"' | '\'' => escape,
            _ => return Err(invalid()),
        });
    }
    Ok(out)
}
