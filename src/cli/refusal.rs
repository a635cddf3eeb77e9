//! Saying why a file gives no answer.

use std::path::Path;

use super::exit::Exit;
use super::term;
use crate::counted::counted;
use crate::finding::{Severity, escape};
use crate::ops::RefusedError;
use crate::report;

/// Says why there is no answer.
pub(super) fn refuse(refusal: &RefusedError, path: &Path) -> Exit {
    let name = escape::path(path);
    term::error(&report::worded(&refusal.message));
    for detail in &refusal.details {
        term::line(&format!("{name}: {}", report::worded(detail)));
    }
    let listed = refusal.details.len() as u64;
    let all = refusal.findings.count(Severity::Error);
    if all > 0 {
        let more = if all > listed {
            format!("{} in all; ", counted(all, "finding", "findings"))
        } else {
            String::new()
        };
        term::line(&format!(
            "{name}: {more}run `etcdsnap verify` for the whole report"
        ));
    }
    if refusal.possibly_torn {
        term::line(&format!(
            "{name}: another process held its lock, so this may come from reading while it wrote; \
             save a snapshot and look at that"
        ));
        return Exit::Failed;
    }
    Exit::Findings
}
