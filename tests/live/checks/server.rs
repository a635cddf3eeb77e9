//! What the comparisons of keys ask the running server, and how they read what `etcdsnap` prints.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::hashkv::refusal;
use crate::driver::Driver;
use crate::files::Frozen;
use crate::ledger::Ledger;
use crate::question::Question;
use crate::record::{Record, bytes};
use crate::scene::Scene;
use crate::tools::Outcome;

/// A Range request. An end of one NUL stands for no end.
#[derive(Clone, Debug)]
pub(super) struct Range {
    pub(super) key: Vec<u8>,
    pub(super) end: Vec<u8>,
    pub(super) revision: i64,
    pub(super) limit: i64,
    /// Such as `("DESCEND", "MOD")`.
    pub(super) order: (&'static str, &'static str),
}

/// The server's answer.
pub(super) enum Ranged {
    Keys {
        records: Vec<Record>,
        values: Vec<Vec<u8>>,
    },
    /// Which of etcd's two texts it refused with.
    Refused(&'static str),
}

impl Range {
    /// Keys from `start` on and below `end`; without `end`, all of them.
    pub(super) fn span(start: &[u8], end: Option<&[u8]>, revision: i64) -> Self {
        let or_nul = |bytes: &[u8]| {
            if bytes.is_empty() {
                vec![0]
            } else {
                bytes.to_vec()
            }
        };
        Self {
            key: or_nul(start),
            end: end.map_or_else(|| vec![0], <[u8]>::to_vec),
            revision,
            limit: 0,
            order: ("NONE", "KEY"),
        }
    }

    pub(super) fn prefix(prefix: &[u8], revision: i64) -> Self {
        Self::span(prefix, prefix_end(prefix).as_deref(), revision)
    }

    pub(super) fn key(key: &[u8], revision: i64) -> Self {
        Self {
            end: Vec::new(),
            ..Self::span(key, None, revision)
        }
    }

    pub(super) fn ask(&self, driver: &mut Driver, values: bool) -> Result<Ranged, String> {
        let answer = driver.ask(json!({
            "op": "range",
            "key": STANDARD.encode(&self.key),
            "range_end": STANDARD.encode(&self.end),
            "revision": self.revision,
            "limit": self.limit,
            "order": self.order.0,
            "target": self.order.1,
            "values": values,
        }))?;
        if let Some(text) = answer["refused"].as_str() {
            return refusal(text)
                .map(Ranged::Refused)
                .ok_or_else(|| format!("{self:?}: {text}"));
        }
        let told = answer["keys"].as_array().ok_or("no keys in an answer")?;
        let records = told
            .iter()
            .map(Record::of_server)
            .collect::<Result<_, _>>()?;
        let values = told
            .iter()
            .map(|one| bytes(&one["value"]).unwrap_or_default());
        Ok(Ranged::Keys {
            records,
            values: values.collect(),
        })
    }
}

/// The first key above those with this prefix.
pub(super) fn prefix_end(prefix: &[u8]) -> Option<Vec<u8>> {
    let kept = prefix.iter().rposition(|byte| *byte < 0xff)?;
    let mut end = prefix[..=kept].to_vec();
    end[kept] += 1;
    Some(end)
}

/// Lines of JSON that `etcdsnap` printed: the records, and the summary that ends them.
pub(super) struct Lines {
    pub(super) lines: Vec<Value>,
    pub(super) records: Vec<Record>,
    pub(super) summary: Value,
}

impl Lines {
    pub(super) fn read(outcome: &Outcome) -> Result<Self, String> {
        let read = || {
            let text = std::str::from_utf8(&outcome.stdout).map_err(|error| error.to_string())?;
            let lines = text.lines().map(serde_json::from_str::<Value>);
            let mut lines: Vec<Value> = lines
                .collect::<Result<_, _>>()
                .map_err(|error| error.to_string())?;
            // What is not there is told behind the summary.
            lines.retain(|line| line["type"] != "error");
            let summary = lines
                .pop()
                .filter(|line| line["type"] == "summary")
                .ok_or("no summary")?;
            let records = lines
                .iter()
                .map(Record::of_ours)
                .collect::<Result<_, _>>()?;
            Ok(Self {
                lines,
                records,
                summary,
            })
        };
        read().map_err(|fault: String| format!("{fault}: {}", outcome.brief()))
    }

    /// Whether the summary tells where the file begins and ends as the server knows it.
    pub(super) fn has_bounds(&self, current: i64, compacted: i64) -> bool {
        self.summary["current_revision"] == current && self.summary["compact_revision"] == compacted
    }
}

/// Whether a run ended as one that has nothing but etcd's refusal to say, in JSON too.
pub(super) fn refuses(outcome: &Outcome, text: &str) -> bool {
    let printed = outcome.stdout_text();
    let is_said = serde_json::from_str::<Value>(&printed).is_ok_and(|line| {
        let message = line["message"].as_str().unwrap_or_default();
        line["type"] == "error" && line["exit_status"] == 2 && message.contains(text)
    });
    outcome.code == Some(2) && is_said && outcome.stderr.contains(text)
}

/// The same where JSON was not asked for.
pub(super) fn refuses_in_text(outcome: &Outcome, text: &str) -> bool {
    outcome.code == Some(2) && outcome.stdout.is_empty() && outcome.stderr.contains(text)
}

pub(super) fn ask(
    scene: &Scene<'_>,
    ledger: &mut Ledger,
    file: &Frozen,
    question: &Question,
) -> Result<Outcome, String> {
    scene
        .etcdsnap
        .on_file(ledger, &question.clone().words(), file)
}

/// Compares two lists and tells the first place where they part.
pub(super) fn same_list<T: PartialEq + std::fmt::Debug>(
    ledger: &mut Ledger,
    kind: &str,
    what: &str,
    ours: &[T],
    theirs: &[T],
) {
    ledger.holds(kind, ours == theirs, || {
        let at = ours.iter().zip(theirs).take_while(|(a, b)| a == b).count();
        format!(
            "{what}: {} for {}, from number {at} on:\n    ours   {:?}\n    theirs {:?}",
            ours.len(),
            theirs.len(),
            ours.get(at),
            theirs.get(at)
        )
    });
}
