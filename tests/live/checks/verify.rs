//! `etcdsnap verify` passes what a healthy server leaves, and says when one is still writing.

use std::path::Path;

use serde_json::Value;

use crate::driver::Driver;
use crate::files::Frozen;
use crate::ledger::Ledger;
use crate::scene::Scene;
use crate::tools::Outcome;

/// Checks exit status and verdict, and that no finding is an error or, save a torn end, about the log.
pub(super) fn judge(ledger: &mut Ledger, what: &str, outcome: &Outcome, verdict: &str, code: i32) {
    let text = outcome.stdout_text();
    let lines: Vec<Value> = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(|line: &Value| line["type"] == "verify")
        .collect();
    let as_expected = match lines.as_slice() {
        [line] => {
            let findings = line["findings"].as_array();
            let is_about_log = |one: &Value| {
                let code = one["code"].as_str().unwrap_or_default();
                code.starts_with('W') && code != "W001"
            };
            let wrong = |one: &Value| one["severity"] == "error" || is_about_log(one);
            let errors = |list: &Vec<Value>| list.iter().any(wrong);
            outcome.code == Some(code)
                && line["verdict"] == verdict
                && findings.is_some_and(|list| !errors(list))
        }
        _ => false,
    };
    ledger.holds(&format!("verify says {verdict}"), as_expected, || {
        format!("{what} should end with {code}: {}", outcome.brief())
    });
}

pub(super) fn a_data_directory_in_use_is_told(
    scene: &mut Scene<'_>,
    _driver: &mut Driver,
    ledger: &mut Ledger,
) -> Result<(), String> {
    let words = ["verify", "--json"];
    let outcome = scene.etcdsnap.on_live(&words, &scene.data_dir)?;
    judge(ledger, "the running server's data", &outcome, "in-use", 2);
    Ok(())
}

pub(super) fn snapshots_are_ok(scene: &mut Scene<'_>, ledger: &mut Ledger) -> Result<(), String> {
    for file in [&scene.middle, &scene.snapshot] {
        let outcome = scene
            .etcdsnap
            .on_file(ledger, &["verify", "--json"], file)?;
        judge(ledger, &file.name(), &outcome, "ok", 0);
    }
    Ok(())
}

pub(super) fn a_stopped_data_directory_is_ok(
    scene: &mut Scene<'_>,
    ledger: &mut Ledger,
) -> Result<(), String> {
    let raw = scene.raw.as_ref().expect("the server has ended");
    let words = ["verify", "--json"];
    for path in [scene.data_dir.as_path(), raw.path.as_path()] {
        let outcome = scene.etcdsnap.on_path(ledger, &words, path, raw)?;
        judge(ledger, &told(path), &outcome, "ok", 0);
    }
    Ok(())
}

fn told(path: &Path) -> String {
    path.display().to_string()
}

/// The harness itself: were a file not sound, the comparisons on it would mean little.
pub(super) fn bbolt_finds_the_files_sound(
    scene: &mut Scene<'_>,
    ledger: &mut Ledger,
) -> Result<(), String> {
    let raw = scene.raw.as_ref().expect("the server has ended");
    let copy = scene.scratch.join("bbolt.db");
    let check = |ledger: &mut Ledger, file: &Frozen| -> Result<(), String> {
        file.copy_database_to(&copy)
            .map_err(|error| error.to_string())?;
        let outcome = scene.peers.bbolt_check(&copy)?;
        ledger.holds("bbolt check passes", outcome.code == Some(0), || {
            format!("{}: {}", file.name(), outcome.brief())
        });
        Ok(())
    };
    [&scene.middle, &scene.snapshot, raw]
        .into_iter()
        .try_for_each(|file| check(ledger, file))
}
