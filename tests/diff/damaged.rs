//! Every damage of the table against the file before it: what cannot be read is unknown, not gone.

use serde_json::Value;

use crate::lines;
use crate::support::damage::Table;
use crate::support::tool::{Outcome, for_all, run};

/// The lines, if there were any; a refusal has none.
fn told(outcome: &Outcome, what: &str) -> Option<(Vec<Value>, Value)> {
    assert!(matches!(outcome.status, Some(0..=2)), "{what}: {outcome:?}");
    let mut lines = lines(outcome);
    if lines.is_empty() {
        assert_eq!(outcome.status, Some(2), "{what}");
        assert!(!outcome.stderr.is_empty(), "{what}");
        return None;
    }
    let summary = lines.pop().expect("a summary");
    Some((lines, summary))
}

fn number(line: &Value, side: &str) -> i64 {
    line[side]["mod_revision"].as_i64().unwrap_or_default()
}

#[test]
fn what_damage_hides_is_unknown_and_the_exit_status_tells() {
    let table = Table::read();
    let dir = tempfile::tempdir().expect("a directory");
    let judged = for_all(&table.cases, |case| {
        let mut wrong = Vec::new();
        let [whole, damaged] = ["whole", "damaged"].map(|word| format!("{}-{word}.db", case.name));
        std::fs::write(dir.path().join(&whole), table.build_base(case)).expect("a file");
        std::fs::write(dir.path().join(&damaged), table.build(case)).expect("a file");
        let mut unknown = 0;
        for (old, new, side, lost) in [
            (&whole, &damaged, "new", "removed"),
            (&damaged, &whole, "old", "added"),
        ] {
            let what = format!("{old} {new}");
            let outcome = run(dir.path(), ["diff", old, new, "--json", "--noise", "none"]);
            let Some((lines, summary)) = told(&outcome, &what) else {
                continue;
            };
            unknown += summary["unknown"].as_u64().expect("a count");
            if summary[side]["is_damaged"] != true {
                continue;
            }
            if outcome.status != Some(2) || summary[lost] != 0 {
                wrong.push(format!("{what}: {:?} {summary}", outcome.status));
            }
            // Where only pages were damaged, nobody has taken anything out of the other buckets either.
            let is_gone = |line: &&Value| line["type"] == "bucket-change" && line["change"] == lost;
            // But where a key itself is damaged, what is read is another one.
            if case.is_physical() && case.name != "zero-length-key" {
                wrong.extend(
                    lines
                        .iter()
                        .filter(is_gone)
                        .map(|line| format!("{what}: {line}")),
                );
            }
            // A record that is lost from the new file does not make the one before it a change.
            for line in lines.iter().filter(|line| line["change"] == "changed") {
                if side == "new" && number(line, "new") < number(line, "old") {
                    wrong.push(format!("{what}: {line}"));
                }
            }
        }
        (unknown, wrong)
    });
    let wrong: Vec<&String> = judged.iter().flat_map(|(_, wrong)| wrong).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let count = judged.iter().filter(|(unknown, _)| *unknown > 0).count();
    assert!(
        count > 20,
        "{count} of {} damages hide something",
        judged.len()
    );
}
