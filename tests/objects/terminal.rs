//! What reaches a terminal, and that inputs stay as they are.

use std::fs;
use std::path::Path;

use crate::support::damage::Table;
use crate::support::{testdata, tool};
use crate::{AFTER, CONFIG, etcdsnap, unpacked};

const REAL: &str = "real/etcd-3.8.0-alpha-b.db";
/// A key of that file, and its value, which sets the title of a window.
const LOUD: &str = "esc\u{1b}[31mred\n";
const LOUD_VALUE: &[u8] = b"x\x1b]0;t\x07";

fn has_escapes(text: &str) -> bool {
    text.contains(|c: char| c.is_control() && c != '\n' && c != '\r' || c == '\u{202e}')
}

/// Runs the program on a terminal, where there is one, without a pager and colours.
fn on_terminal(dir: &Path, args: &[&str]) -> Option<String> {
    let quoted: Vec<String> = std::iter::once(env!("CARGO_BIN_EXE_etcdsnap"))
        .chain(args.iter().copied())
        .map(|word| format!("'{word}'"))
        .collect();
    with_pager(dir, &quoted.join(" "), "")
}

fn with_pager(dir: &Path, line: &str, pager: &str) -> Option<String> {
    tool::on_terminal(dir, line, &[("NO_COLOR", "1"), ("PAGER", pager)])
}

#[test]
fn a_value_in_a_pipe_is_what_was_stored() {
    let dir = testdata::dir();
    for (form, expected) in [
        (&[][..], [LOUD_VALUE, b"\n"].concat()),
        (&["-o", "raw"], LOUD_VALUE.to_vec()),
        (&["-o", "yaml"], b"\"x\\e]0;t\\a\"\n".to_vec()),
        (&["-o", "hex"], b"781b5d303b7407\n".to_vec()),
    ] {
        let args = ["get", REAL, LOUD].into_iter().chain(form.iter().copied());
        let output = tool::command(&dir).args(args).output();
        let output = output.expect("the program starts");
        assert_eq!(output.stdout, expected, "{form:?}");
    }
}

#[test]
fn nothing_from_a_file_reaches_a_terminal_as_it_is() {
    let dir = testdata::dir();
    if tool::on_terminal(&dir, "true", &[]).is_none() {
        return;
    }
    for form in ["yaml", "json", "raw", "hex", "fields", "etcdctl-json"] {
        let shown = on_terminal(&dir, &["get", REAL, LOUD, "-o", form]).expect("as before");
        assert!(!has_escapes(&shown), "{form}: {shown:?}");
        if form == "raw" {
            assert!(shown.contains("--force"), "{shown}");
        }
    }
    for args in [
        &["get", REAL, LOUD][..],
        &["get", REAL, LOUD, "--json"],
        &["history", REAL, LOUD],
        &["history", REAL, LOUD, "--json"],
        &["show", REAL, "502"],
        &["keys", REAL, "esc"],
        &["keys", REAL, "esc", "--long"],
        &["keys", REAL, "esc", "--json"],
        &["log", REAL, "/nothing\u{1b}[31m"],
        &["get", REAL, "no\u{1b}[31mthing"],
        &["contains", REAL, "no\u{1b}[31mthing"],
    ] {
        let shown = on_terminal(&dir, args).expect("it was there before");
        assert!(!shown.is_empty(), "{args:?}");
        assert!(!has_escapes(&shown), "{args:?}: {shown:?}");
    }
    let forced = on_terminal(&dir, &["get", REAL, LOUD, "-o", "raw", "--force"]);
    assert!(forced.expect("as before").contains('\u{1b}'));
}

#[test]
fn what_is_longer_than_the_terminal_is_high_goes_to_the_pager() {
    let dir = testdata::dir();
    if tool::on_terminal(&dir, "true", &[]).is_none() {
        return;
    }
    let shown = |pager: &str, args: &str| {
        let program = env!("CARGO_BIN_EXE_etcdsnap");
        let command = format!("'{program}' {args}; echo status $?");
        with_pager(&dir, &command, pager).expect("as before")
    };
    let long = format!("keys {REAL}");
    let loud = shown("tr a-z A-Z", &long);
    assert!(
        loud.contains("/APP/K") && !loud.contains("/app/k"),
        "{loud}"
    );
    assert!(loud.ends_with("status 0\r\n"), "{loud}");
    // A shell takes apart what has to be.
    let loud = shown("tr a-z A-Z | sed 's/^/> /'", &long);
    assert!(loud.contains("> /APP/K"), "{loud}");
    for (pager, args) in [
        ("", long.as_str()),
        ("cat", &long),
        ("no-such-pager", &long),
        ("tr a-z A-Z", &format!("{long} --limit 3")),
        ("tr a-z A-Z", &format!("{long} --no-pager")),
        ("tr a-z A-Z", &format!("{long} | cat")),
    ] {
        let plain = shown(pager, args);
        assert!(plain.contains("/app/k"), "{pager}: {args}: {plain}");
    }
    // Whoever has seen enough leaves the pager, and that is no fault.
    let left = shown("head -2", &long);
    assert!(
        left.contains("/app/k") && left.lines().count() < 5,
        "{left}"
    );
    assert!(left.ends_with("status 0\r\n"), "{left}");
    // How it ended is told all the same.
    let missing = shown("tr a-z A-Z", &format!("get {REAL} /nothing"));
    assert!(missing.ends_with("status 1\r\n"), "{missing}");
}

#[test]
fn reports_fit_the_terminal_and_part_no_word() {
    let dir = testdata::dir();
    if tool::on_terminal(&dir, "true", &[]).is_none() {
        return;
    }
    let other = "real/etcd-3.6.14-b.db";
    let program = env!("CARGO_BIN_EXE_etcdsnap");
    for args in [
        &["verify", REAL][..],
        &["info", REAL],
        &["diff", REAL, other],
    ] {
        let output = tool::command(&dir).args(args).output();
        let output = output.expect("the program starts");
        let bare = [output.stdout, output.stderr].concat();
        let bare = String::from_utf8(bare).expect("UTF-8");
        let command = format!("stty cols 60 rows 40; '{program}' {}", args.join(" "));
        let shown = with_pager(&dir, &command, "").expect("as before");
        let words = |text: &str| {
            text.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(words(&shown), words(&bare), "{args:?}");
        assert!(
            bare.lines().any(|line| line.chars().count() > 60),
            "{args:?}"
        );
        for line in shown.lines() {
            // A long word has a line of its own; tables are what they are.
            let is_long = line.trim_end().chars().count() > 60 && line.trim().contains(' ');
            let is_table = line.matches("  ").count() > 3;
            assert!(!is_long || is_table, "{args:?}: {line}");
        }
    }
}

#[test]
fn harmful_keys_are_escaped_in_text_and_in_json() {
    let table = Table::read();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let case = table
        .cases
        .iter()
        .find(|case| case.name == "keys-with-terminal-escapes");
    let bytes = table.build(case.expect("a case of the table"));
    fs::write(dir.path().join("loud.db"), bytes).expect("a temporary file");
    for args in [
        "keys loud.db",
        "keys loud.db --long",
        "keys loud.db --json",
        "log loud.db",
        "log loud.db --json",
    ] {
        let outcome = etcdsnap(dir.path(), args);
        assert!(
            outcome.stdout.contains("loud"),
            "{args}: {}",
            outcome.stdout
        );
        assert!(!has_escapes(&outcome.stdout), "{args}: {}", outcome.stdout);
        assert!(!has_escapes(&outcome.stderr), "{args}: {}", outcome.stderr);
    }
}

#[test]
fn no_command_changes_its_input() {
    let dir = unpacked();
    let path = dir.path().join(AFTER);
    let state = || {
        let meta = fs::metadata(&path).expect("the input");
        (
            fs::read(&path).expect("the input"),
            meta.modified().expect("a time"),
        )
    };
    let before = state();
    for (number, args) in [
        "keys FILE",
        "get FILE deploy/web -n shop",
        "history FILE deploy/web -n shop",
        "log FILE",
        "show FILE 915",
        "kinds FILE",
        "objects FILE",
        "export FILE --out out",
        "contains FILE deploy/web -n shop",
        "encryption FILE --encryption-config CONFIG",
        "decode FILE",
    ]
    .iter()
    .enumerate()
    {
        let args = args.replace("FILE", AFTER).replace("CONFIG", CONFIG);
        let way = if number % 2 == 0 {
            "--mmap"
        } else {
            "--no-mmap"
        };
        etcdsnap(dir.path(), &format!("{args} {way}"));
        assert!(before == state(), "{args} changed it");
    }
    let names = fs::read_dir(dir.path()).expect("the directory").count();
    assert_eq!(names, 7, "four snapshots, two configurations, one export");
}

#[test]
fn the_form_that_a_command_is_asked_for_counts_more_than_the_one_of_all_commands() {
    let dir = crate::unpacked();
    for (args, start) in [
        (
            "objects FILE deploy/web -n shop -w json -o yaml",
            "apiVersion: ",
        ),
        ("objects FILE deploy/web -n shop -w json -o table", "NAME "),
        (
            "get FILE deploy/web -n shop -w json -o yaml",
            "apiVersion: ",
        ),
        (
            "diff FILE --from 1500 -w json -o markdown",
            "# What changed",
        ),
        (
            "objects FILE deploy/nope -n shop -w json -o yaml",
            "apiVersion: v1\nitems: []",
        ),
        (
            "objects FILE deploy/web -n shop -w json",
            "{\"type\":\"object\"",
        ),
        ("diff FILE --from 1500 -w json", "{\"type\":\"change\""),
        (
            "objects FILE deploy/nope -n shop -w json",
            "{\"type\":\"summary\"",
        ),
    ] {
        let outcome = crate::etcdsnap(dir.path(), &args.replace("FILE", AFTER));
        assert!(
            outcome.stdout.starts_with(start),
            "{args}: {}",
            outcome.stdout
        );
        let is_ours = outcome.stdout.contains("\"schema_version\"");
        let is_form = args.contains(" -o ");
        assert_eq!(is_ours, !is_form, "{args}: {}", outcome.stdout);
    }
}
