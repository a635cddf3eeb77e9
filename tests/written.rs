//! `compact`, `trailer`, and `restore` of chosen keys: what they write, what they keep, what they refuse.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use support::damage::Table;
use support::tool::{self, Outcome, for_all};
use support::{clusters, testdata};
use tempfile::TempDir;

const SNAPSHOT: &str = "etcd-3.6.14-b.db";
/// Its current revision.
const REVISION: i64 = 662;

fn folder_with(name: &str, bytes: &[u8]) -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary directory");
    fs::write(dir.path().join(name), bytes).expect("a copy");
    dir
}

/// A folder with a sound snapshot in it.
fn folder() -> TempDir {
    folder_with(SNAPSHOT, &testdata::read(&format!("real/{SNAPSHOT}")))
}

fn run(dir: &TempDir, args: &str) -> Outcome {
    tool::run(dir.path(), args.split_whitespace())
}

/// The standard output of a run that must go well.
fn told(dir: &TempDir, args: &str) -> String {
    let outcome = run(dir, args);
    assert_eq!(outcome.status, Some(0), "{args}: {}", outcome.stderr);
    outcome.stdout
}

fn json(dir: &TempDir, args: &str) -> Value {
    serde_json::from_str(&told(dir, args)).expect("JSON")
}

fn read(dir: &TempDir, name: &str) -> Vec<u8> {
    fs::read(dir.path().join(name)).expect("a file")
}

fn names(dir: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(dir.path()).expect("a folder");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("an entry").file_name())
        .map(|name| name.into_string().expect("UTF-8"))
        .collect();
    names.sort();
    names
}

/// Lines of `keys --long`, less those whose key begins with one of `without`.
fn keys(dir: &TempDir, file: &str, without: &[&str]) -> Vec<String> {
    let all = told(dir, &format!("keys {file} --json"));
    let mut lines: Vec<String> = all.lines().map(str::to_owned).collect();
    lines.pop();
    lines.retain(|line| {
        let told: Value = serde_json::from_str(line).expect("JSON");
        let key = told["key"].as_str().unwrap_or_default();
        !without.iter().any(|prefix| key.starts_with(prefix))
    });
    lines
}

#[test]
fn a_compacted_snapshot_holds_the_same_and_cannot_be_compacted_further() {
    for file in testdata::real() {
        let dir = folder_with("in", &testdata::read(&file));
        told(&dir, "compact in -o out");
        let hash = |name: &str| told(&dir, &format!("hashkv {name}"));
        assert_eq!(hash("in"), hash("out"), "{file}");
        let status = |name: &str| json(&dir, &format!("status -w json {name}"));
        for field in ["hash", "revision", "totalKey", "version"] {
            assert_eq!(status("in")[field], status("out")[field], "{file} {field}");
        }
        let info = |name: &str| json(&dir, &format!("info --json {name}"));
        assert_eq!(info("out")["pages"]["free"], 0, "{file}");
        assert!(read(&dir, "out").len() <= read(&dir, "in").len(), "{file}");
        assert_eq!(
            run(&dir, "verify --strict out").status,
            run(&dir, "verify --strict in").status
        );
        told(&dir, "compact out -o again");
        assert!(read(&dir, "out") == read(&dir, "again"), "{file}");
    }
}

#[test]
fn without_history_the_same_keys_are_there_and_the_revision_stays() {
    for file in testdata::real() {
        let dir = folder_with("in", &testdata::read(&file));
        let made = json(&dir, "compact in -o out --live-only --json");
        assert_eq!(keys(&dir, "in", &[]), keys(&dir, "out", &[]), "{file}");
        let revision = made["revision"].as_i64().expect("a revision");
        assert_eq!(
            json(&dir, "status -w json in")["revision"]
                .as_i64()
                .map(|last| last <= revision),
            Some(true)
        );
        let hash: Vec<String> = told(&dir, "hashkv out")
            .trim()
            .split(", ")
            .map(str::to_owned)
            .collect();
        assert_eq!(
            hash[1..],
            [revision.to_string(), revision.to_string()],
            "{file}"
        );
        assert_eq!(hash[0], made["hashkv"].to_string(), "{file}");
        let old = run(&dir, &format!("keys out --rev {}", revision - 1));
        assert_eq!(
            old.stderr, "Error: mvcc: required revision has been compacted\n",
            "{file}"
        );
        let buckets = |name: &str| -> Vec<Value> {
            let info = json(&dir, &format!("info --json {name}"));
            let all = info["buckets"].as_array().expect("buckets").clone();
            let others = all
                .into_iter()
                .filter(|one| one["name"] != "key" && one["name"] != "meta");
            others
                .map(|one| serde_json::json!([one["name"], one["entries"], one["bytes"]]))
                .collect()
        };
        assert_eq!(buckets("in"), buckets("out"), "{file}");
    }
}

#[test]
fn a_last_change_that_is_a_deletion_does_not_turn_the_revision_back() {
    for name in ["25marker", "j_bumped", "i_compact3", "40two_None"] {
        let dir = folder_with("in", &testdata::read(&format!("crafted/{name}")));
        let before = json(&dir, "verify --quick --skip-hash-check --json in");
        let made = json(&dir, "compact in -o out --live-only --json");
        let after = json(&dir, "verify --quick --skip-hash-check --json out");
        assert_eq!(
            made["revision"], before["figures"]["current_revision"],
            "{name}"
        );
        assert_eq!(
            after["figures"]["current_revision"], before["figures"]["current_revision"],
            "{name}"
        );
        assert_eq!(
            after["figures"]["compact_revision"], made["revision"],
            "{name}"
        );
        assert_eq!(
            after["figures"]["live_keys"], before["figures"]["live_keys"],
            "{name}"
        );
    }
}

#[test]
fn the_sha_256_follows_as_in_the_input_or_as_wanted() {
    let dir = folder();
    let verdict =
        |name: &str| json_any(&run(&dir, &format!("verify --json {name}")))["verdict"].clone();
    told(&dir, &format!("compact {SNAPSHOT} -o with"));
    assert_eq!(verdict("with"), "ok");
    told(&dir, "compact with -o without --no-trailer");
    assert_eq!(verdict("without"), "no-trailer");
    told(&dir, "compact without -o still-without");
    assert_eq!(verdict("still-without"), "no-trailer");
    told(&dir, "compact without -o again-with --with-trailer");
    assert!(read(&dir, "again-with") == read(&dir, "with"));
    assert_eq!(
        run(&dir, "compact with -o x --with-trailer --no-trailer").status,
        Some(2)
    );
}

fn json_any(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.stdout).expect("JSON")
}

#[test]
fn the_output_is_new_and_for_its_owner_and_the_input_stays_as_it_is() {
    let dir = folder();
    let path = dir.path().join(SNAPSHOT);
    let state = || {
        let meta = fs::metadata(&path).expect("the input");
        (
            fs::read(&path).expect("the input"),
            meta.modified().expect("a time"),
        )
    };
    let before = state();
    fs::write(dir.path().join("there"), b"mine").expect("a file");
    std::os::unix::fs::symlink("nowhere", dir.path().join("dangling")).expect("a link");
    std::os::unix::fs::symlink(SNAPSHOT, dir.path().join("link")).expect("a link");
    for (command, extra) in [("compact", ""), ("compact", "--live-only"), ("trailer", "")] {
        for (out, text) in [
            ("there", "there exists; nothing is overwritten"),
            ("dangling", "dangling exists; nothing is overwritten"),
            ("link", "link is the input itself; give another name"),
            (
                SNAPSHOT,
                "etcd-3.6.14-b.db is the input itself; give another name",
            ),
        ] {
            let outcome = run(&dir, &format!("{command} {SNAPSHOT} -o {out} {extra}"));
            assert_eq!(outcome.stderr, format!("Error: {text}\n"));
            assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(2), ""));
        }
    }
    assert_eq!(read(&dir, "there"), b"mine");
    fs::write(dir.path().join("new.partial"), [0; 77]).expect("a file");
    let outcome = run(&dir, &format!("compact {SNAPSHOT} -o new"));
    assert!(
        outcome.stderr.contains("new.partial is left over"),
        "{}",
        outcome.stderr
    );
    assert!(outcome.stderr.contains("(77 bytes)"), "{}", outcome.stderr);
    assert_eq!(read(&dir, "new.partial").len(), 77);

    told(&dir, &format!("compact {SNAPSHOT} -o out"));
    let mode = fs::metadata(dir.path().join("out"))
        .expect("the output")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(
        names(&dir),
        ["dangling", SNAPSHOT, "link", "new.partial", "out", "there"]
    );
    assert!(state() == before);
    let nowhere = run(&dir, &format!("compact {SNAPSHOT} -o no/such/folder"));
    assert_eq!(nowhere.status, Some(2), "{}", nowhere.stderr);
}

#[test]
fn a_damaged_file_is_refused_with_the_reason_and_leaves_nothing() {
    let whole = testdata::read(&format!("real/{SNAPSHOT}"));
    let mut changed = whole.clone();
    *changed.last_mut().expect("a byte") ^= 1;
    let cases = [
        (changed, "does not match the database"),
        (
            testdata::read("crafted/19unsorted"),
            "keys are not in ascending order",
        ),
        (testdata::read("crafted/05trunc4096"), ""),
        (b"not a database at all".to_vec(), "text"),
        (Vec::new(), "empty"),
    ];
    for (bytes, text) in cases {
        let dir = folder_with("in", &bytes);
        for command in [
            "compact in -o out",
            "compact in -o out --live-only",
            "trailer in -o out",
        ] {
            let outcome = run(&dir, command);
            assert_eq!(outcome.status, Some(1), "{command}: {}", outcome.stderr);
            let said = outcome.stderr.contains(text) || command.starts_with("trailer");
            assert!(said, "{command}: {}", outcome.stderr);
            assert_eq!(names(&dir), ["in"], "{command}");
        }
    }
}

#[test]
fn a_file_that_etcd_holds_is_refused() {
    let dir = folder();
    let held = fs::File::open(dir.path().join(SNAPSHOT)).expect("the input");
    held.lock().expect("a lock");
    for command in ["compact", "trailer"] {
        let outcome = run(&dir, &format!("{command} {SNAPSHOT} -o out"));
        assert_eq!(outcome.status, Some(2));
        let told = format!("{SNAPSHOT} is in use: another process holds its lock");
        assert!(outcome.stderr.contains(&told), "{}", outcome.stderr);
        assert_eq!(names(&dir), [SNAPSHOT]);
    }
}

#[test]
fn a_trailer_makes_the_very_snapshot_again() {
    for file in testdata::real() {
        let snapshot = testdata::read(&file);
        let mut raw = snapshot[..snapshot.len() - 32].to_vec();
        let dir = folder_with("exact", &raw);
        // As a server leaves its file: pages behind the database.
        raw.resize(raw.len() + 8 * 4096, 0);
        fs::write(dir.path().join("slack"), &raw).expect("a file");
        told(&dir, "trailer exact -o one");
        assert!(read(&dir, "one") == snapshot, "{file}");
        let made = json(&dir, "trailer slack -o two --json");
        assert_eq!(made["cut_bytes"], 8 * 4096, "{file}");
        assert!(read(&dir, "two") == snapshot, "{file}");
        assert_eq!(
            json(&dir, "restore two --json")["proof"]["sound"],
            true,
            "{file}"
        );
    }
}

#[test]
fn a_database_sealed_with_its_unused_pages_is_sound_and_restored() {
    use sha2::{Digest, Sha256};
    let snapshot = testdata::read(&testdata::real()[0]);
    let whole = snapshot.len() - 32;
    let mut sealed = snapshot[..whole].to_vec();
    sealed.resize(whole + 8 * 4096, 0);
    let digest = Sha256::digest(&sealed);
    sealed.extend(digest);
    let dir = folder_with("sealed", &sealed);
    let report = json(&dir, "verify sealed --json");
    assert_eq!(report["verdict"], "ok", "{report}");
    assert_eq!(report["errors"], 0, "{report}");
    let made = json(&dir, "restore sealed --data-dir data --json");
    assert_eq!(made["proof"]["sound"], true, "{made}");
    fs::write(dir.path().join("plain"), &snapshot).expect("a file");
    told(&dir, "restore plain --data-dir other");
    // Only the database is copied.
    let [one, other] = ["data", "other"].map(|data| {
        let database = dir.path().join(data).join("member/snap/db");
        fs::metadata(database).expect("a file").len()
    });
    assert_eq!(one, other);
}

#[test]
fn a_snapshot_gets_no_second_trailer() {
    let dir = folder();
    let outcome = run(&dir, &format!("trailer {SNAPSHOT} -o out"));
    let text = "Error: the file ends in a SHA-256 already\n";
    assert_eq!((outcome.stderr.as_str(), outcome.status), (text, Some(1)));
    assert_eq!(names(&dir), [SNAPSHOT]);
}

#[test]
fn a_data_directory_is_compacted_and_sealed_like_its_file() {
    let dir = folder();
    told(&dir, &format!("restore {SNAPSHOT} --data-dir data"));
    told(&dir, "compact data -o small --with-trailer");
    told(&dir, "trailer data -o sealed");
    for name in ["small", "sealed"] {
        assert_eq!(run(&dir, &format!("verify {name}")).status, Some(0));
        assert_eq!(
            told(&dir, &format!("hashkv {name}")),
            told(&dir, "hashkv data")
        );
    }
}

#[test]
fn chosen_keys_are_restored_with_their_revisions_and_no_others() {
    let dir = folder();
    let cases: [(&str, &[&str], usize); 4] = [
        ("--compact", &[], 372),
        ("--exclude /app/", &["/app/"], 328),
        (
            "--exclude /app/ --exclude /registry/configmaps/ns-0/",
            &["/app/", "/registry/configmaps/ns-0/"],
            0,
        ),
        (
            "--prefix /app/ --prefix /registry/ --exclude /registry/configmaps/",
            &["/registry/configmaps/", "mark", "empty"],
            0,
        ),
    ];
    for (number, (flags, without, count)) in cases.into_iter().enumerate() {
        let target = format!("data-{number}");
        let made = json(
            &dir,
            &format!("restore {SNAPSHOT} --data-dir {target} --json {flags}"),
        );
        assert_eq!(made["proof"]["sound"], true, "{flags}");
        assert_eq!(
            made["proof"]["hashkv_as_in_snapshot"],
            Value::Null,
            "{flags}"
        );
        assert_eq!(made["kept"]["compact_revision"], REVISION, "{flags}");
        let mut expected = keys(&dir, SNAPSHOT, without);
        if flags.contains("--prefix") {
            expected.retain(|line| {
                line.contains("\"key\":\"/app/") || line.contains("\"key\":\"/registry/")
            });
        }
        assert!(!expected.is_empty(), "{flags}");
        assert!(
            count == 0 || expected.len() == count,
            "{flags}: {}",
            expected.len()
        );
        assert_eq!(made["kept"]["kept_keys"], expected.len(), "{flags}");
        assert_eq!(keys(&dir, &target, &[]), expected, "{flags}");
        let verified = json(&dir, &format!("verify --json {target}"));
        assert_eq!(verified["figures"]["current_revision"], REVISION, "{flags}");
        assert_eq!(verified["figures"]["compact_revision"], REVISION, "{flags}");
        assert_eq!(verified["figures"]["records"], expected.len(), "{flags}");
        assert_eq!(verified["errors"], 0, "{flags}");
        let info = json(&dir, &format!("info --json {target}"));
        assert_eq!(
            info["leases"],
            json(&dir, &format!("info --json {SNAPSHOT}"))["leases"],
            "{flags}"
        );
        assert_eq!(info["pages"]["free"], 0, "{flags}");
        assert_eq!(info["members"][0]["name"], "default", "{flags}");
    }
}

#[test]
fn events_and_leases_of_kubernetes_can_be_left_out() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for file in clusters::unpack(dir.path()) {
        let target = format!(
            "{}-data",
            Path::new(&file).file_name().expect("a name").display()
        );
        let args = "--exclude /registry/events/ --exclude /registry/leases/ --json";
        let made = json(
            &dir,
            &format!("restore {file} --data-dir {target} {args} --skip-hash-check"),
        );
        assert_eq!(
            made["kept"]["unmatched_prefixes"],
            serde_json::json!([]),
            "{file}"
        );
        let expected = keys(&dir, &file, &["/registry/events/", "/registry/leases/"]);
        assert_eq!(keys(&dir, &target, &[]), expected, "{file}");
        assert_eq!(made["kept"]["kept_keys"], expected.len(), "{file}");
    }
}

#[test]
fn a_bump_goes_up_from_the_revision_of_the_file() {
    let dir = folder();
    let flags = "--exclude /app/ --bump-revision 1000 --mark-compacted --all-members --out out";
    let cluster = "--initial-cluster a=http://127.0.0.1:1,b=http://127.0.0.1:2";
    let lines = told(
        &dir,
        &format!("restore {SNAPSHOT} {flags} {cluster} --json"),
    );
    assert_eq!(lines.lines().count(), 2);
    assert!(read(&dir, "out/a/member/snap/db") == read(&dir, "out/b/member/snap/db"));
    let verified = json(&dir, "verify --json out/a");
    assert_eq!(verified["figures"]["current_revision"], REVISION + 1000);
    assert_eq!(verified["figures"]["compact_revision"], REVISION + 1000);
    assert_eq!(keys(&dir, "out/a", &[]), keys(&dir, SNAPSHOT, &["/app/"]));
}

#[test]
fn a_plan_tells_what_would_be_kept_and_what_clients_will_see() {
    let dir = folder();
    let flags = "--exclude /app/ --exclude /nothing/ --plan";
    let told_json = json(&dir, &format!("restore {SNAPSHOT} {flags} --json"));
    assert_eq!(told_json["kept"]["live_keys"], 372);
    assert_eq!(told_json["kept"]["kept_keys"], 328);
    assert_eq!(
        told_json["kept"]["unmatched_prefixes"],
        serde_json::json!(["/nothing/"])
    );
    let whole = json(&dir, &format!("restore {SNAPSHOT} --plan --json"));
    assert!(told_json["bytes"].as_u64() <= whole["bytes"].as_u64());
    assert_eq!(whole["kept"], Value::Null);
    let text = told(&dir, &format!("restore {SNAPSHOT} {flags}"));
    for line in [
        "note: 328 of 372 keys are kept",
        "note: no key begins with /nothing/",
        "note: the history is left out: everything up to revision 662 counts as compacted",
        "note: HashKV differs",
        "note: leases that no key refers to any more are kept as well",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert_eq!(names(&dir), [SNAPSHOT]);
}

#[test]
fn a_choice_that_leaves_nothing_is_refused_and_so_is_choosing_from_a_damaged_file() {
    let dir = folder();
    for flags in [
        "--prefix /registri/",
        "--prefix /app/ --exclude /",
        "--prefix /registri/ --plan",
    ] {
        let outcome = run(&dir, &format!("restore {SNAPSHOT} {flags}"));
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(
            said.contains("of the file's 372 keys, none would be left"),
            "{said}"
        );
        assert_eq!(
            outcome.status,
            Some(if flags.contains("plan") { 1 } else { 2 }),
            "{flags}"
        );
        assert_eq!(names(&dir), [SNAPSHOT]);
    }
    let dir = folder_with("in", &testdata::read("crafted/30fldup"));
    let flags = "--skip-hash-check --force --compact";
    let outcome = run(&dir, &format!("restore in {flags}"));
    assert_eq!(outcome.status, Some(1));
    let text = "--force restores it only whole, without choosing keys";
    assert!(outcome.stderr.contains(text), "{}", outcome.stderr);
    assert_eq!(names(&dir), ["in"]);
}

#[test]
fn a_killed_compact_leaves_no_output_that_is_not_whole() {
    let dir = folder();
    let out = dir.path().join("out");
    let mut kept = 0;
    for round in 0..20u64 {
        let mut child = tool::command(dir.path())
            .args(["compact", SNAPSHOT, "-o", "out"])
            .spawn()
            .expect("the program");
        std::thread::sleep(std::time::Duration::from_micros(round * round * 500));
        let _ = child.kill();
        child.wait().expect("an end");
        if out.exists() {
            kept += 1;
            assert_eq!(run(&dir, "verify out").status, Some(0));
            fs::remove_file(&out).expect("it can be removed");
        }
        let leftover = dir.path().join("out.partial");
        if leftover.exists() {
            let refused = run(&dir, &format!("compact {SNAPSHOT} -o out"));
            assert_eq!(refused.status, Some(2));
            fs::remove_file(&leftover).expect("it can be removed");
        }
        assert_eq!(names(&dir), [SNAPSHOT]);
    }
    // How many depends on the machine.
    println!("{kept} of 20 were done before they were killed");
}

#[test]
fn an_interrupted_compact_removes_what_it_began() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    // Large enough to be still at it.
    let name = clusters::unpack(dir.path()).remove(0);
    let before = names(&dir);
    let mut child = tool::command(dir.path())
        .args(["compact", &name, "-o", "out"])
        .spawn()
        .expect("the program");
    let staged = dir.path().join("out.partial");
    while !staged.exists() && child.try_wait().expect("a child").is_none() {
        std::thread::sleep(std::time::Duration::from_micros(200));
    }
    // The program has its handlers before it stages anything.
    kill_process(Pid::from_child(&child), Signal::INT).expect("it can be sent");
    let ended = child.wait().expect("an end");
    let mut after = names(&dir);
    if ended.code() == Some(130) {
        assert_eq!(after, before);
    } else {
        // It was faster than the signal.
        assert_eq!(ended.code(), Some(0));
        after.retain(|name| name != "out");
        assert_eq!(after, before);
    }
}

#[test]
fn a_full_disk_leaves_nothing_and_is_told() {
    let dir = folder();
    told(&dir, &format!("compact {SNAPSHOT} -o raw --no-trailer"));
    // A limit on the length of files stands for the disk; the signal that comes with it is ignored.
    let limited = |args: &str| {
        let script = format!("trap '' XFSZ; ulimit -f 300; exec \"$0\" {args}");
        let output = tool::shell(dir.path(), &script).output();
        Outcome::from(output.expect("a shell"))
    };
    for (args, staged) in [
        (format!("compact {SNAPSHOT} -o out"), "out.partial"),
        (
            format!("compact {SNAPSHOT} -o out --live-only"),
            "out.partial",
        ),
        ("trailer raw -o out".to_string(), "out.partial"),
        (
            format!("restore {SNAPSHOT} --data-dir out --compact"),
            "out.partial/member/snap/db",
        ),
    ] {
        let outcome = limited(&args);
        let text = format!("Error: cannot write {staged}: File too large\n");
        assert_eq!(
            (outcome.stderr.as_str(), outcome.status),
            (text.as_str(), Some(2)),
            "{args}"
        );
        assert_eq!(names(&dir), [SNAPSHOT, "raw"], "{args}");
    }
}

#[test]
fn whatever_is_damaged_nothing_is_written_of_it_that_is_not_sound() {
    let table = Table::read();
    let refused = for_all(&table.cases, |case| {
        let dir = folder_with("in", &table.build(case));
        let mut refused = 0;
        for command in [
            "compact in -o out",
            "compact in -o out --live-only",
            "trailer in -o out",
            "restore in --data-dir out --skip-hash-check --force --compact",
        ] {
            let outcome = run(&dir, command);
            let name = &case.name;
            match outcome.status {
                Some(0) => {
                    let verified = run(&dir, "verify --skip-hash-check out");
                    assert_eq!(
                        verified.status,
                        Some(0),
                        "{name}: {command}: {}",
                        verified.stdout
                    );
                    let out = dir.path().join("out");
                    let gone = if out.is_dir() {
                        fs::remove_dir_all(out)
                    } else {
                        fs::remove_file(out)
                    };
                    gone.expect("it can be removed");
                }
                Some(1) => refused += 1,
                other => panic!("{name}: {command}: {other:?}: {}", outcome.stderr),
            }
            assert_eq!(names(&dir), ["in"], "{name}: {command}");
        }
        refused
    });
    let refused: usize = refused.into_iter().sum();
    assert!(
        refused > table.cases.len() * 2,
        "{refused} of {}",
        table.cases.len()
    );
}
