//! The colours of `diff`: those of git, on a terminal only.

use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

use crate::support::tool::{self, command};
use crate::{Step, object, snapshot};

const RED: &str = "\u{1b}[31m";
const GREEN: &str = "\u{1b}[32m";
const YELLOW: &str = "\u{1b}[33m";
const BOLD_RED: &str = "\u{1b}[1m\u{1b}[31m";

fn files() -> TempDir {
    let policy = |name: &str| {
        object(
            "networking.k8s.io/v1",
            "NetworkPolicy",
            "ns",
            name,
            json!({}),
        )
    };
    let map = |data: &str| {
        let data = json!({"word": data, "loud": format!("\u{1b}[35m{data}"), "text": format!("a\nb\n{data}\n")});
        object("v1", "ConfigMap", "ns", "map", json!({"data": data}))
    };
    let steps: Vec<Step> = vec![
        ("/registry/networkpolicies/ns/gone", policy("gone")),
        ("/registry/configmaps/ns/map", map("before")),
        ("/registry/networkpolicies/ns/gone", None),
        ("/registry/configmaps/ns/map", map("after")),
        ("/registry/networkpolicies/ns/new", policy("new")),
    ];
    let dir = tempfile::tempdir().expect("a directory");
    snapshot(&dir.path().join("old.db"), &steps[..2]);
    snapshot(&dir.path().join("new.db"), &steps);
    dir
}

fn check_painted(shown: &str) {
    for painted in [
        format!("{GREEN}added     NetworkPolicy new"),
        format!("{RED}removed   NetworkPolicy gone"),
        format!("{YELLOW}changed   ConfigMap map"),
        format!("data.word: {RED}before\u{1b}[0m → {GREEN}after\u{1b}[0m"),
        format!("{RED}-before\u{1b}[0m"),
        format!("{GREEN}+after\u{1b}[0m"),
        format!("{BOLD_RED}! NetworkPolicy ns/gone: a network policy was deleted"),
    ] {
        assert!(shown.contains(&painted), "{painted:?} in {shown:?}");
    }
    // What a file says stays what it is.
    assert!(!shown.contains("\u{1b}[35m"), "{shown:?}");
    assert!(shown.contains("\\x1b[35m"), "{shown:?}");
}

fn shown(dir: &Path, variable: Option<(&str, &str)>, args: &[&str]) -> String {
    let mut command = command(dir);
    command.args(["diff", "old.db", "new.db"]).args(args);
    command.envs(variable);
    let output = command.output().expect("the program starts");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn a_pipe_gets_no_colours_unless_they_are_wanted() {
    let dir = files();
    assert!(!shown(dir.path(), None, &[]).contains('\u{1b}'));
    let wanted = Some(("CLICOLOR_FORCE", "1"));
    check_painted(&shown(dir.path(), wanted, &[]));
    for form in [&["--json"][..], &["-o", "markdown"], &["--names-only"]] {
        assert!(
            !shown(dir.path(), wanted, form).contains('\u{1b}'),
            "{form:?}"
        );
    }
}

/// What a terminal gets, where there is one.
fn on_terminal(dir: &Path, variables: &[(&str, &str)]) -> Option<String> {
    let program = env!("CARGO_BIN_EXE_etcdsnap");
    let line = format!("'{program}' --no-pager diff old.db new.db");
    tool::on_terminal(dir, &line, variables)
}

#[test]
fn a_terminal_gets_colours_unless_they_are_not_wanted() {
    let dir = files();
    let Some(painted) = on_terminal(dir.path(), &[]) else {
        return;
    };
    check_painted(&painted);
    for variable in [("NO_COLOR", "1"), ("CLICOLOR", "0"), ("TERM", "dumb")] {
        let plain = on_terminal(dir.path(), &[variable]).expect("as before");
        assert!(plain.contains("changed   ConfigMap map"), "{plain}");
        assert!(!plain.contains('\u{1b}'), "{variable:?}: {plain:?}");
    }
}
