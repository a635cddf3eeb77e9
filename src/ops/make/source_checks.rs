//! What is asked of a file before something is made of it.

use super::output_error::OutputError;
use crate::bolt::check::codes as bolt_codes;
use crate::bolt::{Database, OpenError, SecondMeta};
use crate::container::codes;
use crate::error::Error;
use crate::finding::{Severity, escape};
use crate::ops::examine::ledger::Proof;
use crate::ops::examine::verify_report::VerifyReport;
use crate::ops::input::Input;
use crate::options::Options;
use crate::sentence::sentence;
use crate::workers::Workers;

/// Another process may write to the file meanwhile.
pub(super) fn check_not_in_use(input: &Input) -> Result<(), OutputError> {
    if !input.file.in_use() {
        return Ok(());
    }
    Err(OutputError::InUse {
        message: format!(
            "{} is in use: another process holds its lock (a running etcd?)",
            escape::path(input.file.path())
        ),
        details: vec!["save a snapshot and take that: etcdctl snapshot save FILE".into()],
    })
}

/// Memory that a job takes besides its tables, and each of its threads.
const HEADROOM: usize = 16 << 20;
const PER_THREAD: usize = 4 << 20;

/// Refuses a job that would run out of memory while it is at work: that ends a process at once, and what it has staged
/// stays.
pub(super) fn check_memory(options: &Options) -> Result<(), OutputError> {
    // They are there meanwhile, with their stacks.
    let workers = Workers::of(options)?;
    let threads = workers.threads();
    let needed = HEADROOM.saturating_add(threads.saturating_mul(PER_THREAD));
    let mut headroom: Vec<u8> = Vec::new();
    let fewer = match threads {
        1 => "",
        _ => ", or allow fewer `threads`",
    };
    headroom.try_reserve_exact(needed).map_err(|_| {
        OutputError::Request(format!(
            "{needed} bytes of memory are needed besides those of tables, and cannot be had; raise the limit{fewer}"
        ))
    })
}

/// The outcome of a job, unless its source was changed meanwhile: that explains whatever was found to be wrong.
pub(super) fn unless_changed<T>(
    input: &Input,
    outcome: Result<T, OutputError>,
) -> Result<T, OutputError> {
    if let Err(OutputError::File { .. } | OutputError::Read(Error::Read { .. })) = &outcome {
        input.check_unchanged(None)?;
    }
    outcome
}

/// The database of a file that was found to have one.
pub(super) fn open_database<'i>(input: &'i Input<'i>) -> Result<Database<'i>, OutputError> {
    let source = input.file.source();
    let opened = Database::open(source, input.layout.database_len, SecondMeta::Search);
    opened.map_err(|error| match error {
        OpenError::Read(error) => error.into(),
        OpenError::NoMeta(_, error) => OutputError::File {
            message: format!("neither meta can be used: {}", error.describe()),
            details: Vec::new(),
        },
    })
}

/// The first errors of structure and records, one line each.
pub(super) fn first_errors(report: &VerifyReport) -> Vec<String> {
    let findings = report.findings.list.iter();
    findings
        .filter(|finding| finding.severity() == Severity::Error)
        .filter(|finding| finding.code.id != codes::TRAILER_DIFFERS.id)
        // Of a copy that is told with what helps; in what is rewritten, transaction ids start over.
        .filter(|finding| finding.code.id != bolt_codes::TXID_LIMIT.id)
        // A restore needs no log.
        .filter(|finding| !Proof::Log.rests_on_code(finding.code))
        .map(|finding| {
            let (code, place) = (finding.code.id, &finding.place);
            format!(
                "{code} {}: {place}: {}",
                finding.code.title,
                sentence(finding)
            )
        })
        .take(5)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_source_that_was_changed_nothing_else_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        std::fs::write(&path, vec![1; 10_000]).unwrap();
        let input = Input::open(&path).unwrap();
        let differs = || Err::<(), _>(OutputError::differs(Vec::new()));
        let outcome = unless_changed(&input, differs());
        assert!(matches!(outcome, Err(OutputError::File { .. })));
        assert!(unless_changed(&input, Ok(())).is_ok());
        std::fs::write(&path, vec![1; 20_000]).unwrap();
        let outcome = unless_changed(&input, differs());
        let is_told = matches!(outcome, Err(OutputError::Read(Error::Changed { .. })));
        assert!(is_told);
        // What came to its end had looked at the source before.
        assert!(unless_changed(&input, Ok(())).is_ok());
    }
}
