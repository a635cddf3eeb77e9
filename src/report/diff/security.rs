//! What should be looked at first, each with its reasons.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::code_span::{code, who};
use crate::finding::escape;
use crate::ops::diff::Item;

/// So many changes with the same reason are told.
const SAME_REASON: usize = 10;

/// Changes with the reasons that are told of them.
type Told<'i> = Vec<(&'i Item, Vec<&'i str>)>;

/// What is told, and how many more there are for a reason.
fn chosen<'i>(items: &[&'i Item]) -> (Told<'i>, Vec<(&'i str, usize)>) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut told = Told::new();
    for &item in items {
        let mut reasons: Vec<&str> = Vec::new();
        for reason in &item.security {
            let count = counts.entry(reason).or_default();
            *count = count.saturating_add(1);
            if *count <= SAME_REASON {
                reasons.push(reason);
            }
        }
        if !reasons.is_empty() {
            told.push((item, reasons));
        }
    }
    let more = counts
        .into_iter()
        .filter_map(|(reason, count)| Some((reason, count.checked_sub(SAME_REASON)?)))
        .filter(|(_, more)| *more > 0);
    (told, more.collect())
}

/// As text; empty when there is nothing.
pub fn security_text(items: &[&Item]) -> String {
    let style = AnsiColor::Red.on_default().bold();
    let mut out = String::new();
    let (told, more) = chosen(items);
    for (item, reasons) in told {
        let who = match &item.name {
            Some(name) => {
                let place = item.namespace.as_ref();
                let place = place.map_or(String::new(), |namespace| format!("{namespace}/"));
                format!("{} {place}{name}", item.kind)
            }
            None => String::from_utf8_lossy(&item.key).into_owned(),
        };
        for reason in reasons {
            // Writing to a String cannot fail.
            let _ = writeln!(
                out,
                "  {style}! {}: {}{style:#}  ({})",
                escape::text(who.as_bytes()),
                escape::text(reason.as_bytes()),
                item.change.as_str()
            );
        }
    }
    for (reason, more) in more {
        let reason = escape::text(reason.as_bytes());
        let _ = writeln!(out, "  {style}! … and {more} more: {reason}{style:#}");
    }
    if !out.is_empty() {
        let title = Style::new().bold();
        out.insert_str(0, &format!("{title}security-relevant{title:#}\n"));
    }
    out
}

/// As a part of a ticket; empty when there is nothing.
pub(super) fn security_markdown(items: &[&Item]) -> String {
    let mut out = String::new();
    let (told, more) = chosen(items);
    for (item, reasons) in told {
        let _ = writeln!(out, "- **{}** {}", item.change.as_str(), who(item, true));
        for reason in reasons {
            let _ = writeln!(out, "  - {}", code(&escape::text(reason.as_bytes())));
        }
    }
    for (reason, more) in more {
        let reason = code(&escape::text(reason.as_bytes()));
        let _ = writeln!(out, "- … and {more} more: {reason}");
    }
    if !out.is_empty() {
        out.insert_str(0, "\n## Security-relevant\n\n");
    }
    out
}
