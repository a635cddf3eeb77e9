//! Whether an API server could serve what is stored: for `verify`, from the first bytes of the values, which the scan
//! passes over anyway; or, where it is asked for, from every live value.

use crate::error::Result;
use crate::etcd::keyspace::{RecordView, RecordVisitor};
use crate::finding::{Collector, DEFAULT_LIMIT, Finding};
use crate::ops::examine::ledger::{Ledger, Proof};
use crate::ops::examine::verify_report::VerifyReport;
use crate::ops::input::Input;
use crate::ops::objects::live::{Live, live};
use crate::ops::objects::reader::ValueReader;
use crate::ops::objects::stored::{Classifier, StoredValue};
use crate::ops::session::Session;
use crate::options::Options;

/// What became of the live values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Figures {
    objects: u64,
    pub(super) damaged: u64,
    locked: u64,
}

pub(super) struct Seen {
    pub(super) figures: Figures,
    pub(super) findings: Collector,
}

struct Check<'q> {
    classifier: Classifier<'q>,
    limit: usize,
    first_bytes_only: bool,
}

impl RecordVisitor for Check<'_> {
    type Local = Seen;

    fn start(&self) -> Seen {
        Seen {
            figures: Figures::default(),
            findings: Collector::new(self.limit),
        }
    }

    fn record(&self, local: &mut Seen, view: &RecordView<'_>) -> Result<()> {
        let value = view.value()?;
        let figures = &mut local.figures;
        let count = |number: &mut u64| *number = number.saturating_add(1);
        let flaw = match self.classifier.classify(view.record.key, &value) {
            StoredValue::Other => return Ok(()),
            StoredValue::Locked(_) => {
                count(&mut figures.locked);
                return Ok(());
            }
            StoredValue::Object(_, None) | StoredValue::ServerLease => {
                count(&mut figures.objects);
                return Ok(());
            }
            StoredValue::Object(_, Some(flaw)) | StoredValue::Damaged(_, flaw) => flaw,
        };
        if self.first_bytes_only && !flaw.is_of_first_bytes() {
            return Ok(());
        }
        count(&mut figures.damaged);
        let finding = Finding::new(flaw.observation(), view.place_in_file());
        local.findings.add(finding);
        Ok(())
    }
}

pub(super) fn check<'i>(
    session: &Session<'i>,
    live: &Live<'i>,
    reader: &ValueReader,
    limit: usize,
    first_bytes_only: bool,
) -> Result<Seen> {
    let visitor = Check {
        classifier: Classifier {
            reader,
            resources: &live.resources,
            layout: &live.layout,
        },
        limit,
        first_bytes_only,
    };
    let parts = live
        .keyspace
        .visit(&live.places, &visitor, &session.workers, session.options)?;
    let mut all = visitor.start();
    for part in parts {
        all.findings.merge(part.findings);
        for (sum, more) in [
            (&mut all.figures.objects, part.figures.objects),
            (&mut all.figures.damaged, part.figures.damaged),
            (&mut all.figures.locked, part.figures.locked),
        ] {
            *sum = sum.saturating_add(more);
        }
    }
    Ok(all)
}

/// Decodes every live value where API servers keep objects, and adds to `report` what they could not serve, as
/// warnings, and a line of the account. Encrypted values are opened with the keys of `reader`.
///
/// # Errors
/// Reading, cancelling, a file that changed meanwhile.
pub fn verify_values(
    input: &Input,
    reader: &ValueReader,
    finding_limit: usize,
    options: &Options,
    report: &mut VerifyReport,
) -> Result<()> {
    let Some(mut session) = Session::open_if_readable(input, options)? else {
        return Ok(());
    };
    let limit = match finding_limit {
        0 => DEFAULT_LIMIT,
        limit => limit,
    };
    let live = live(&mut session, 0)?;
    let Seen { figures, findings } = check(&session, &live, reader, limit, false)?;
    drop(live);
    session.finish()?;
    report.values_decoded = true;
    report.findings.extend(findings.finish());
    let Figures {
        objects,
        damaged,
        locked,
    } = figures;
    let mut detail = format!("{objects} values decoded as objects");
    if objects > 0 {
        detail.push_str("; types of fields in JSON and CBOR are not checked");
    }
    if damaged > 0 {
        detail.push_str(&format!("; {damaged} are not what their keys promise"));
    }
    if locked > 0 {
        let hint = match reader.encryption {
            Some(_) => "no key opens them",
            None => "`encryption` opens them",
        };
        detail.push_str(&format!("; {locked} are encrypted ({hint})"));
    }
    if damaged > 0 {
        detail.push_str("; see the findings");
    }
    report.ledger.push(Ledger {
        proof: Proof::Values,
        proven: damaged == 0 && locked == 0,
        detail,
    });
    Ok(())
}
