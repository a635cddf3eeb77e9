//! Whether two files are of one history, as real servers left them.

use std::path::Path;

use tempfile::TempDir;

use crate::support::tool::{Outcome, run};
use crate::support::{clusters, testdata};
use crate::{RELEASES, summary};

fn unpacked() -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    for name in testdata::files_in("history") {
        let packed = testdata::dir().join(&name);
        let file = packed.file_stem().expect("a name");
        std::fs::write(dir.path().join(file), clusters::unpacked(&packed)).expect("a file");
    }
    let whole = testdata::read("real/etcd-3.6.14-a.db");
    std::fs::write(dir.path().join("whole.db"), whole).expect("a file");
    dir
}

fn divergence(dir: &Path, a: &str, b: &str) -> Outcome {
    run(dir, ["divergence", a, b])
}

#[test]
fn a_member_that_ends_below_the_compaction_of_another_cannot_be_judged() {
    let dir = unpacked();
    for (a, b) in [
        ("lagging-old.db", "lagging-new.db"),
        ("lagging-new.db", "lagging-old.db"),
    ] {
        let told = divergence(dir.path(), a, b);
        assert_eq!(told.status, Some(2), "{}", told.stdout);
        let first = "cannot be determined: lagging-old.db ends at revision 2, lagging-new.db is compacted at 3\n";
        assert!(told.stdout.starts_with(first), "{}", told.stdout);
        assert!(!told.stdout.contains("one history"), "{}", told.stdout);
        assert!(
            told.stdout
                .contains("member ids are equal, which speaks for one cluster"),
            "{}",
            told.stdout
        );
        let json = summary(&run(dir.path(), ["divergence", a, b, "--json"]));
        assert_eq!(
            (&json["relation"], &json["doubt"]),
            (&"undecided".into(), &"compacted".into())
        );
        assert_eq!(json["members_in_common"], "all");
        // The states are compared all the same.
        let states = run(dir.path(), ["diff", a, b]);
        assert_eq!(states.status, Some(1));
        assert!(
            states.stdout.contains("cannot be determined"),
            "{}",
            states.stdout
        );
        let log = run(dir.path(), ["diff", a, b, "--log"]);
        assert_eq!((log.status, &*log.stdout), (Some(2), ""));
    }
}

#[test]
fn what_differs_below_the_compaction_is_found_and_named() {
    let dir = unpacked();
    for (one, other, key, hashes) in [
        (
            "deleted-and-compacted.db",
            "deleted-key-kept.db",
            "/registry/pods/d/p4",
            [4_265_598_112u32, 2_655_971_309],
        ),
        (
            "record-below-compaction-lost.db",
            "whole.db",
            "/registry/configmaps/ns-5/cm-075",
            [2_893_329_447, 2_033_329_912],
        ),
    ] {
        for (a, b) in [(one, other), (other, one)] {
            let told = divergence(dir.path(), a, b);
            assert_eq!(told.status, Some(1), "{}", told.stdout);
            let line = format!("only in {other}: {key}\n");
            assert!(told.stdout.contains(&line), "{}", told.stdout);
            let states = run(dir.path(), ["diff", a, b]);
            assert_eq!(states.status, Some(1));
            assert!(
                !states.stdout.contains("knows every change"),
                "{}",
                states.stdout
            );
            let json = summary(&run(dir.path(), ["diff", a, b, "--json"]));
            assert_eq!(json["history_complete"], false);
            assert_eq!(json["relation"], "diverged");
        }
        let json = summary(&run(dir.path(), ["divergence", one, other, "--json"]));
        let told = ["old", "new"].map(|side| json[side]["hashkv"].clone());
        assert_eq!(serde_json::json!(told), serde_json::json!(hashes));
    }
}

#[test]
fn what_compact_leaves_of_a_later_snapshot_cannot_be_held_against_an_earlier_one() {
    let real = testdata::dir().join("real");
    let dir = tempfile::tempdir().expect("a directory");
    for release in RELEASES {
        let [a, b] = ["a", "b"].map(|letter| {
            let path = real.join(format!("etcd-{release}-{letter}.db"));
            path.to_str().expect("UTF-8").to_owned()
        });
        let live = format!("{release}.db");
        let made = run(dir.path(), ["compact", &b, "--live-only", "-o", &live]);
        assert_eq!(made.status, Some(0), "{}", made.stderr);
        let told = divergence(dir.path(), &a, &live);
        assert_eq!(told.status, Some(2), "{}", told.stdout);
        assert!(
            told.stdout.contains("ends at revision 507")
                && told.stdout.contains("is compacted at 662"),
            "{}",
            told.stdout
        );
        // At its own revision nothing is missing.
        let told = divergence(dir.path(), &b, &live);
        assert_eq!(told.status, Some(0), "{}", told.stdout);
    }
}

#[test]
fn a_restore_with_a_bump_cannot_be_held_against_its_snapshot() {
    let dir = unpacked();
    let words = [
        "restore",
        "whole.db",
        "--data-dir",
        "bumped",
        "--bump-revision",
        "1000000",
        "--mark-compacted",
    ];
    let made = run(dir.path(), words);
    assert_eq!(made.status, Some(0), "{}", made.stderr);
    let told = divergence(dir.path(), "whole.db", "bumped");
    assert_eq!(told.status, Some(2), "{}", told.stdout);
    let first =
        "cannot be determined: whole.db ends at revision 507, bumped is compacted at 1000507\n";
    assert!(told.stdout.starts_with(first), "{}", told.stdout);
    assert!(
        told.stdout.contains("no member id is in both"),
        "{}",
        told.stdout
    );
}

#[test]
fn two_members_that_were_restored_together_are_told_by_the_ids_in_their_logs() {
    let dir = unpacked();
    let cluster = "one=http://10.0.0.1:2380,two=http://10.0.0.2:2380";
    for (name, peer) in [
        ("one", "http://10.0.0.1:2380"),
        ("two", "http://10.0.0.2:2380"),
    ] {
        let words = ["restore", "whole.db", "--name", name, "--data-dir", name];
        let urls = [
            "--initial-cluster",
            cluster,
            "--initial-advertise-peer-urls",
            peer,
        ];
        let made = run(dir.path(), words.into_iter().chain(urls));
        assert_eq!(made.status, Some(0), "{}", made.stderr);
    }
    let told = divergence(dir.path(), "one", "two");
    assert_eq!(told.status, Some(0), "{}", told.stdout);
    assert!(
        told.stdout.contains("cluster ids are equal: "),
        "{}",
        told.stdout
    );
    assert!(told.stdout.contains("one is of member "), "{}", told.stdout);
    let json = summary(&run(dir.path(), ["divergence", "one", "two", "--json"]));
    assert_eq!(json["old"]["cluster_id"], json["new"]["cluster_id"]);
    assert_ne!(json["old"]["member_id"], json["new"]["member_id"]);
    assert!(json["old"]["member_id"].is_string());
}
