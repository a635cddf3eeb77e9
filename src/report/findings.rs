use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::wording::worded;
use crate::finding::{Findings, Severity};
use crate::sentence::sentence;

pub(super) fn severity_style(severity: Severity) -> Style {
    match severity {
        Severity::Error => AnsiColor::Red.on_default().bold(),
        Severity::Warning => AnsiColor::Yellow.on_default().bold(),
        Severity::Note => AnsiColor::Cyan.on_default(),
    }
}

/// Findings grouped by code, at most `per_code` of each shown.
pub fn findings_text(findings: &Findings, per_code: usize) -> String {
    let mut out = String::new();
    for count in &findings.counts {
        let severity = count.code.severity;
        let style = severity_style(severity);
        let times = if count.count == 1 {
            String::new()
        } else {
            format!(" ({} times)", count.count)
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "  {style}{}{style:#} {} {}{times}",
            severity.as_str(),
            count.code.id,
            count.code.title
        );
        let mut shown = 0u64;
        for finding in findings
            .list
            .iter()
            .filter(|f| f.code.id == count.code.id)
            .take(per_code)
        {
            let place = if finding.place.is_empty() {
                String::new()
            } else {
                format!("{}: ", finding.place)
            };
            let _ = writeln!(out, "      {place}{}", sentence(finding));
            shown += 1;
        }
        if count.count > shown {
            let _ = writeln!(out, "      … and {} more", count.count - shown);
        }
        let _ = writeln!(out, "      cause: {}", worded(count.code.cause));
        let _ = writeln!(out, "      next:  {}", worded(count.code.next_step));
    }
    out
}
