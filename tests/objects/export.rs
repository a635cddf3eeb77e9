//! Exports: folders, permissions, what is left out.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::{AFTER, CONFIG, etcdsnap, unpacked};

fn mode(path: &Path) -> u32 {
    let meta = fs::metadata(path).expect("a file");
    meta.permissions().mode() & 0o777
}

fn names(dir: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(dir).expect("a folder");
    entries
        .map(|entry| entry.expect("a file").file_name())
        .map(|name| name.to_str().expect("UTF-8").to_owned())
        .collect()
}

#[test]
fn an_export_is_a_folder_of_files_that_only_the_owner_reads() {
    let dir = unpacked();
    let outcome = etcdsnap(dir.path(), &format!("export {AFTER} -n shop --out shop/"));
    // The encrypted Token has no key; it is named and the rest is written.
    assert_eq!(outcome.status, Some(1), "{}", outcome.stderr);
    assert_eq!(outcome.stdout, "");
    assert!(
        outcome
            .stderr
            .contains("left out: Token shop/t-1: encrypted")
    );
    assert!(
        outcome
            .stderr
            .contains("left out, has secrets: Secret shop/db\n")
    );
    assert!(
        outcome
            .stderr
            .contains("objects that others make again (--include-owned)")
    );
    let folder = dir.path().join("shop");
    assert_eq!(mode(&folder), 0o700);
    let names = names(&folder);
    assert!(
        names.contains("shop_deployments.apps_web.yaml"),
        "{names:?}"
    );
    for name in &names {
        assert_eq!(mode(&folder.join(name)), 0o600, "{name}");
        assert!(name.starts_with("shop_"), "{name}");
        // Pods and ReplicaSets have owners, Endpoints and Events come by themselves.
        for kind in [
            "_pods_",
            "_replicasets.",
            "_endpoints_",
            "_events_",
            "_secrets_",
            "_leases.",
        ] {
            assert!(!name.contains(kind), "{name}");
        }
    }
    assert!(!dir.path().join("shop.partial").exists());
    let text =
        fs::read_to_string(folder.join("shop_deployments.apps_web.yaml")).expect("a manifest");
    for field in [
        "status:",
        "uid:",
        "resourceVersion:",
        "creationTimestamp:",
        "managedFields:",
    ] {
        assert!(!text.contains(field), "{text}");
    }
    assert!(
        text.contains("image: registry.example.com/shop/web:6.6.6"),
        "{text}"
    );
}

#[test]
fn a_folder_that_is_not_empty_is_refused_and_left_alone() {
    let dir = unpacked();
    fs::create_dir(dir.path().join("full")).expect("a folder");
    fs::write(dir.path().join("full/mine"), "mine").expect("a file");
    let outcome = etcdsnap(dir.path(), &format!("export {AFTER} deploy --out full"));
    assert_eq!(outcome.status, Some(2));
    assert_eq!(
        outcome.stderr,
        "Error: full is not empty; give a new folder\n"
    );
    assert_eq!(names(&dir.path().join("full")).len(), 1);
    fs::create_dir(dir.path().join("empty")).expect("a folder");
    let outcome = etcdsnap(
        dir.path(),
        &format!("export {AFTER} deploy -n shop --out empty"),
    );
    assert_eq!((outcome.status, &*outcome.stderr), (Some(0), ""));
    assert_eq!(names(&dir.path().join("empty")).len(), 3);
}

#[test]
fn what_an_interrupted_run_left_is_not_overwritten() {
    let dir = unpacked();
    fs::create_dir(dir.path().join("out.partial")).expect("a folder");
    let outcome = etcdsnap(dir.path(), &format!("export {AFTER} deploy --out out"));
    assert_eq!(outcome.status, Some(2));
    assert!(
        outcome.stderr.contains("out.partial is left"),
        "{}",
        outcome.stderr
    );
    assert!(!dir.path().join("out").exists());
}

#[test]
fn a_failed_export_leaves_nothing_behind() {
    let dir = unpacked();
    for args in ["nonsense --out out", "deploy --rev 999999 --out out"] {
        let outcome = etcdsnap(dir.path(), &format!("export {AFTER} {args}"));
        assert_eq!(outcome.status, Some(2), "{args}");
        assert!(!dir.path().join("out").exists(), "{args}");
        assert!(!dir.path().join("out.partial").exists(), "{args}");
    }
}

#[test]
fn secrets_and_owned_objects_are_exported_when_they_are_wanted() {
    let dir = unpacked();
    let all = format!(
        "export {AFTER} --show-secrets --include-owned --as-stored --encryption-config {CONFIG} --out all"
    );
    let outcome = etcdsnap(dir.path(), &all);
    assert_eq!((outcome.status, &*outcome.stderr), (Some(0), ""));
    let objects = etcdsnap(
        dir.path(),
        &format!("objects {AFTER} -o name --encryption-config {CONFIG}"),
    );
    let names = names(&dir.path().join("all"));
    assert_eq!(names.len(), objects.stdout.lines().count());
    let secret = fs::read_to_string(dir.path().join("all/payments_secrets_db.yaml"));
    assert!(
        secret
            .expect("a manifest")
            .contains("password: Y2hhbmdlZA==")
    );
}

#[test]
fn an_export_that_leaves_secrets_out_names_each_and_ends_with_1_unless_that_is_wanted() {
    let dir = unpacked();
    let secrets = format!("export {AFTER} secrets,deploy --encryption-config {CONFIG}");
    let outcome = etcdsnap(dir.path(), &format!("{secrets} --out all"));
    assert_eq!(outcome.status, Some(1), "{}", outcome.stderr);
    let told: BTreeSet<&str> = outcome.stderr.lines().collect();
    let listed = etcdsnap(dir.path(), &format!("objects {AFTER} secrets --no-headers"));
    assert!(listed.stdout.lines().count() > 5);
    for row in listed.stdout.lines() {
        let cells: Vec<&str> = row.split_whitespace().collect();
        let line = format!("left out, has secrets: Secret {}/{}", cells[0], cells[1]);
        assert!(told.contains(&*line), "{line}: {told:?}");
    }
    let written = names(&dir.path().join("all"));
    assert!(!written.is_empty() && written.iter().all(|name| name.contains("_deployments.")));
    let partial = etcdsnap(dir.path(), &format!("{secrets} --partial --out partial"));
    assert_eq!((partial.status, partial.stderr), (Some(0), outcome.stderr));
    assert_eq!(names(&dir.path().join("partial")), written);
    // What is locked and no Secret is missing for another reason.
    let tokens = etcdsnap(
        dir.path(),
        &format!("export {AFTER} tokens --partial --out tokens"),
    );
    assert_eq!(tokens.status, Some(1), "{}", tokens.stderr);
    // An empty folder gives way to one that only the owner may enter.
    fs::create_dir(dir.path().join("open")).expect("a folder");
    let permissions = fs::Permissions::from_mode(0o755);
    fs::set_permissions(dir.path().join("open"), permissions).expect("a folder of ours");
    let shown = etcdsnap(dir.path(), &format!("{secrets} --show-secrets --out open"));
    assert_eq!((shown.status, &*shown.stderr), (Some(0), ""));
    assert_eq!(mode(&dir.path().join("open")), 0o700);
}
