//! How a text may be written: plain, in quotes, or line by line.

use crate::kubernetes::encodings::yaml_scalar::{
    Resolved, is_base_60, is_special_elsewhere, resolve,
};

/// The styles of a text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

impl Style {
    /// The plainest style that reads back as the same text.
    pub(super) fn of(text: &str, is_key: bool) -> Self {
        let wanted = if text.contains('\n') {
            Self::Literal
        } else if resolve(text) == Resolved::Text
            && !is_base_60(text)
            && !is_special_elsewhere(text)
        {
            Self::Plain
        } else {
            Self::Double
        };
        let seen = Seen::of(text);
        match wanted {
            Self::Literal if seen.literal && !is_key => Self::Literal,
            Self::Plain if is_key && seen.breaks => Self::Double,
            Self::Plain if seen.plain => Self::Plain,
            Self::Plain if seen.single => Self::Single,
            _ => Self::Double,
        }
    }
}

pub(super) fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// What may stand in a document unescaped; for the original, nothing beyond the basic plane. The original
/// also leaves the separators of lines and paragraphs as they are, which end a line in YAML 1.1 and do not in
/// YAML 1.2.
pub(super) fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{fffd}')
        && !matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}')
}

/// The styles in which a text may stand.
struct Seen {
    plain: bool,
    single: bool,
    literal: bool,
    breaks: bool,
}

impl Seen {
    fn of(text: &str) -> Self {
        let mut indicators = text.starts_with("---") || text.starts_with("...");
        let (mut special, mut breaks) = (false, false);
        let (mut space_break, mut break_space) = (false, false);
        let mut before = None;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let ends_word = chars.peek().is_none_or(|next| matches!(next, ' ' | '\t'));
            let begins_word = before.is_none_or(|c| matches!(c, ' ' | '\t' | '\0') || is_break(c));
            indicators |= match c {
                ':' => ends_word,
                '#' => begins_word,
                '?' | '-' => before.is_none() && ends_word,
                ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%'
                | '@' | '`' => before.is_none(),
                _ => false,
            };
            special |= !is_printable(c);
            breaks |= is_break(c);
            space_break |= is_break(c) && before == Some(' ');
            break_space |= c == ' ' && before.is_some_and(is_break);
            before = Some(c);
        }
        let at_edge = |c| c == ' ' || is_break(c);
        let edges = text.starts_with(at_edge) || text.ends_with(at_edge);
        let broken = special || space_break;
        Self {
            plain: !(indicators || edges || breaks || broken || break_space),
            single: !(broken || break_space),
            literal: !(broken || text.ends_with(' ')),
            breaks,
        }
    }
}
