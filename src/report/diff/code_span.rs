//! Names and keys in Markdown.

use crate::finding::escape;
use crate::ops::diff::Item;

pub(super) fn who(item: &Item, with_namespace: bool) -> String {
    let Some(name) = item.name.as_ref().filter(|_| !item.kind.is_empty()) else {
        return code(&escape::text(&item.key));
    };
    let place = match &item.namespace {
        Some(namespace) if with_namespace => format!("{namespace}/"),
        _ => String::new(),
    };
    code(&escape::text(
        format!("{} {place}{name}", item.kind).as_bytes(),
    ))
}

/// A code span that holds any text: the fence is longer than every run of backticks in it.
pub(in crate::report) fn code(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.saturating_add(1));
    let pad = if text.is_empty() || text.starts_with('`') || text.ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{fence}{pad}{text}{pad}{fence}")
}

#[cfg(test)]
mod tests {
    use super::code;

    #[test]
    fn a_code_span_holds_backticks() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("a``b"), "```a``b```");
        assert_eq!(code("`"), "`` ` ``");
    }
}
