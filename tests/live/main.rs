//! The live suite: random stores on real etcd servers, and `etcdsnap` against the real tools.
//!
//! README.md beside this file tells what is compared, how to run it and how to add a comparison.

mod checks;
mod driver;
mod dump;
mod files;
mod ledger;
mod question;
#[path = "../support/random.rs"]
mod random;
mod record;
mod scene;
mod settings;
mod tools;

use std::time::Instant;

use ledger::Ledger;
use settings::Settings;
use tools::{Etcdsnap, Peers};

#[test]
fn every_answer_about_a_live_etcd_agrees_with_the_real_tools() {
    let settings = Settings::from_environment().unwrap_or_else(|wrong| panic!("{wrong}"));
    let peers = Peers::find().unwrap_or_else(|missing| panic!("{missing}"));
    let etcdsnap = Etcdsnap::new(env!("CARGO_BIN_EXE_etcdsnap"));
    let mut ledger = Ledger::new(&settings.versions);

    let started = Instant::now();
    for (done, seed) in (settings.first_seed..).enumerate() {
        if !settings.begins_another(done, started.elapsed()) {
            break;
        }
        for &version in &settings.versions {
            let run = Instant::now();
            ledger.begin(version, seed);
            scene::play(&peers, &etcdsnap, &mut ledger, &settings, version, seed);
            let (comparisons, differences) = ledger.end();
            eprintln!(
                "etcd {version} seed {seed}: {comparisons} comparisons, {differences} differences, {:.1} s",
                run.elapsed().as_secs_f64()
            );
        }
    }

    let report = ledger.report(started.elapsed());
    println!("{report}");
    // The captured output of a passing test is lost; this copy is not.
    let kept = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("live-report.txt");
    std::fs::write(&kept, &report).unwrap_or_else(|error| panic!("{}: {error}", kept.display()));
    eprintln!("report: {}", kept.display());
    assert_eq!(ledger.differences(), 0, "see the differences above");
    assert!(ledger.comparisons() > 0, "nothing was compared");
}
