//! What plain scalars are to the readers that matter, from their own resolvers: PyYAML 6.0, ruamel.yaml 0.19
//! for YAML 1.1 and 1.2, go.yaml.in/yaml v2 and v3. Written independently, so that the writer is not held against
//! itself.

use serde_json::Value;

/// Words that are not text to at least one of them.
const WORDS: &str = "~ null Null NULL y Y yes Yes YES n N no No NO true True TRUE false False FALSE on On ON off \
    Off OFF .nan .NaN .NAN .inf .Inf .INF +.inf +.Inf +.INF -.inf -.Inf -.INF << =";

type Pattern = fn(&mut Text<'_>) -> bool;

/// The value of a plain scalar; an error where readers may disagree about it.
pub(crate) fn plain(text: &str) -> Result<Value, String> {
    match text {
        "null" => return Ok(Value::Null),
        "true" => return Ok(true.into()),
        "false" => return Ok(false.into()),
        "{}" | "[]" => return Err("no scalar".into()),
        _ => {}
    }
    if is_json_number(text) {
        // Numbers are compared as JSON has them.
        return serde_json::from_str(text).map_err(|error| error.to_string());
    }
    if text.is_empty() || WORDS.split_whitespace().any(|word| word == text) {
        return Err(format!("{text:?} is a word"));
    }
    let patterns: [(&str, Pattern); 6] = [
        ("an integer", integer),
        ("a float", float),
        ("a float that begins with its point", pointed),
        ("an integer to base 60", base_60),
        ("a day", day),
        ("a moment", moment),
    ];
    for (what, matches) in patterns {
        let mut rest = Text(text);
        if matches(&mut rest) && rest.0.is_empty() {
            return Err(format!("{text:?} is {what}"));
        }
    }
    Ok(Value::String(text.to_owned()))
}

fn is_json_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit())
        && (digits.len() == 1 || !digits.starts_with('0') || digits.starts_with("0."))
        && serde_json::from_str::<f64>(text).is_ok()
}

/// What is left of a text.
struct Text<'t>(&'t str);

impl Text<'_> {
    /// Takes as many of these as there are, and says how many.
    fn many(&mut self, is: impl Fn(char) -> bool) -> usize {
        let rest = self.0.trim_start_matches(&is);
        let count = self.0.len() - rest.len();
        self.0 = rest;
        count
    }

    /// Takes up to `most` of them.
    fn up_to(&mut self, most: usize, is: impl Fn(char) -> bool) -> usize {
        let mut count = 0;
        while count < most && self.one(&is) {
            count += 1;
        }
        count
    }

    fn one(&mut self, is: impl Fn(char) -> bool) -> bool {
        match self.0.strip_prefix(&is) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn sign(&mut self) {
        self.one(|c| c == '+' || c == '-');
    }
}

fn digit(c: char) -> bool {
    c.is_ascii_digit()
}

fn digit_or_line(c: char) -> bool {
    c.is_ascii_digit() || c == '_'
}

/// `[-+]?[0-9_]+` of ruamel.yaml, and other bases.
fn integer(text: &mut Text<'_>) -> bool {
    if !text.0.starts_with(|c: char| digit(c) || "+-".contains(c)) {
        return false;
    }
    text.sign();
    let bases: [(&str, &str); 6] = [
        ("0b", "01_"),
        ("0B", "01_"),
        ("0o", "01234567_"),
        ("0O", "01234567_"),
        ("0x", "0123456789abcdefABCDEF_"),
        ("0X", "0123456789abcdefABCDEF_"),
    ];
    for (prefix, digits) in bases {
        if let Some(rest) = text.0.strip_prefix(prefix) {
            // A capital letter is Go's, which has no underscores alone, and 64 bits.
            let is_go = prefix.ends_with(|c: char| c.is_uppercase());
            let own = rest.replace('_', "");
            if is_go && (own.is_empty() || own.len() > 16) {
                return false;
            }
            text.0 = rest;
            return text.many(|c| digits.contains(c)) > 0;
        }
    }
    text.many(digit_or_line) > 0
}

/// `[-+]?[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?`; Go takes underscores in the exponent too.
fn float(text: &mut Text<'_>) -> bool {
    text.sign();
    if !text.one(digit) {
        return false;
    }
    text.many(digit_or_line);
    if text.one(|c| c == '.') {
        text.many(digit_or_line);
    }
    exponent(text)
}

fn exponent(text: &mut Text<'_>) -> bool {
    if !text.one(|c| c == 'e' || c == 'E') {
        return true;
    }
    text.sign();
    let before = text.0;
    text.many(digit_or_line);
    before[..before.len() - text.0.len()].contains(digit)
}

fn pointed(text: &mut Text<'_>) -> bool {
    text.sign();
    text.one(|c| c == '.') && text.many(digit_or_line) > 0 && exponent(text)
}

fn base_60(text: &mut Text<'_>) -> bool {
    text.sign();
    if !text.one(digit) {
        return false;
    }
    text.many(digit_or_line);
    let mut parts = 0;
    while text.one(|c| c == ':') {
        parts += 1;
        let before = text.0;
        // Up to 59.
        if text.up_to(2, digit) == 0 || text.0.len() + 2 == before.len() && before > "6" {
            return false;
        }
    }
    if text.one(|c| c == '.') {
        text.many(digit_or_line);
    }
    parts > 0
}

fn day(text: &mut Text<'_>) -> bool {
    text.up_to(4, digit) == 4
        && text.one(|c| c == '-')
        && text.up_to(2, digit) > 0
        && text.one(|c| c == '-')
        && text.up_to(2, digit) > 0
}

fn moment(text: &mut Text<'_>) -> bool {
    if !day(text) {
        return false;
    }
    if text.one(|c| c == 'T' || c == 't') {
    } else if text.many(|c| c == ' ' || c == '\t') == 0 {
        return false;
    }
    for part in 0..3 {
        if part > 0 && !text.one(|c| c == ':') {
            return false;
        }
        if text.up_to(2, digit) < if part > 0 { 2 } else { 1 } {
            return false;
        }
    }
    if text.one(|c| c == '.' || c == ',') {
        text.many(digit);
    }
    text.many(|c| c == ' ' || c == '\t');
    if text.one(|c| c == 'Z') {
        return true;
    }
    if text.one(|c| c == '+' || c == '-') {
        text.up_to(2, digit);
        if text.one(|c| c == ':') {
            text.up_to(2, digit);
        }
    }
    true
}
