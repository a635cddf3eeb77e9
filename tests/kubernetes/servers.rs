//! What the code of API servers of several releases makes of stored objects: the objects that they serve, with all
//! that they add on reading, and the cells of their tables. Made by the generator of the table.

use std::collections::{BTreeMap, BTreeSet};

use etcdsnap::kubernetes::catalog::resources::Resources;
use etcdsnap::kubernetes::show::columns::{TableLayout, TableOptions};
use etcdsnap::kubernetes::{Encoding, KubeRelease, add_read_defaults, convert, decode};
use serde::Deserialize;
use serde_json::Value;

use crate::api::differ;
use crate::random::pairs;

/// 2009-11-10T23:00:00Z, as which the servers ran.
const NOW: i64 = 1_257_894_000;

/// What one release makes of an object.
#[derive(Deserialize)]
struct Answer {
    /// Why it makes nothing of it: most often it does not know the kind.
    fault: Option<String>,
    #[serde(default)]
    object: Value,
    /// The same in other versions.
    #[serde(default)]
    others: BTreeMap<String, Value>,
    /// The names of the columns, with a star behind those of wide tables.
    #[serde(default)]
    columns: Vec<String>,
    #[serde(default)]
    cells: Vec<String>,
}

/// A stored object, and the answers of all releases, oldest first.
struct Sample {
    stored: Vec<u8>,
    answers: Vec<(KubeRelease, Answer)>,
}

fn samples() -> Vec<Sample> {
    let told: Vec<(Vec<u8>, BTreeMap<String, Value>)> =
        pairs(include_bytes!("../../testdata/kubernetes/served.gz"))
            .into_iter()
            .map(|(stored, text)| (stored, serde_json::from_slice(&text).expect("answers")))
            .collect();
    let releases: BTreeSet<&String> = told.iter().flat_map(|(_, told)| told.keys()).collect();
    let names: Vec<&str> = releases.iter().map(|name| name.as_str()).collect();
    assert_eq!(names, ["1.34", "1.35", "1.36", "1.37"]);
    let all = told.iter().map(|(stored, told)| {
        let mut answers = Vec::new();
        let mut last = None;
        for name in &releases {
            // A release that is left out says what the one before says. Objects with what is new in later
            // releases are not shown to earlier ones.
            last = told.get(*name).or(last);
            if let Some(answer) = last {
                let answer = Answer::deserialize(answer).expect("an answer");
                answers.push((name.parse().expect("a release"), answer));
            }
        }
        Sample {
            stored: stored.clone(),
            answers,
        }
    });
    all.collect()
}

#[test]
fn objects_are_read_as_the_servers_of_four_releases_read_them() {
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for Sample { stored, answers } in samples() {
        let object = decode(&stored).expect("an object");
        let kind = &object.description;
        // Kinds that the newest release cannot write are there as JSON, which is shown as it stands.
        if kind.encoding == Encoding::Json && !kind.api_version.starts_with("example.com/") {
            continue;
        }
        for (release, answer) in answers {
            if answer.fault.is_some() {
                continue;
            }
            seen += 1;
            let mut read = object.json.clone();
            add_read_defaults(&mut read, release);
            let mut differences = Vec::new();
            differ("", &answer.object, &read, &mut differences);
            // What later releases have dropped is still shown.
            differences.retain(|one| !one.starts_with(".spec.deviceSelector."));
            for (version, other) in answer.others {
                let mut converted = read.clone();
                assert!(convert(&mut converted, &version), "{version}");
                differ("", &other, &converted, &mut differences);
            }
            wrong.extend(differences.iter().map(|difference| {
                format!("{release} {} {}{difference}", kind.api_version, kind.kind)
            }));
        }
    }
    assert!(seen > 4000, "{seen} objects");
    report(wrong, seen);
}

#[test]
fn tables_have_the_cells_that_the_servers_of_four_releases_print() {
    let all = samples();
    let mut resources = Resources::builtin();
    for Sample { stored, .. } in &all {
        let object = decode(stored).expect("an object");
        if object.description.kind == "CustomResourceDefinition"
            && object.json["spec"]["group"] == "example.com"
        {
            resources.add_custom(&object.json);
        }
    }
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for Sample { stored, answers } in &all {
        let object = decode(stored).expect("an object");
        let (version, kind) = (&object.description.api_version, &object.description.kind);
        let resource = resources.of_kind_or_guess(version, kind);
        for (release, answer) in answers {
            if answer.fault.is_some() {
                continue;
            }
            seen += 1;
            let mut read = object.json.clone();
            add_read_defaults(&mut read, *release);
            let options = TableOptions {
                wide: true,
                now: Some(NOW),
                release: *release,
            };
            let layout = TableLayout::of(&resource, version, *release);
            let row = layout.row(&read, options);
            let columns = layout.columns(true).into_iter().map(|column| {
                let mark = if column.wide { "*" } else { "" };
                column.name + mark
            });
            let expected = answer.columns.iter().map(|name| name.to_uppercase());
            if !columns.eq(expected) {
                wrong.push(format!(
                    "{release} {version} {kind}: columns {:?}",
                    answer.columns
                ));
            }
            if row != answer.cells {
                wrong.push(format!(
                    "{release} {version} {kind}: {row:?} instead of {:?}",
                    answer.cells
                ));
            }
        }
    }
    assert!(seen > 4000, "{seen} objects");
    report(wrong, seen);
}

fn report(mut wrong: Vec<String>, seen: usize) {
    let count = wrong.len();
    wrong.truncate(40);
    assert!(
        wrong.is_empty(),
        "{count} in {seen} objects:\n{}",
        wrong.join("\n")
    );
}
