//! The examples of the README and of the guide print what they say.

use std::os::unix::fs::symlink;
use std::path::Path;

use crate::support::testdata;
use crate::{AFTER, CONFIG, etcdsnap, unpacked};

/// A command of the README and the lines below it.
struct Example {
    args: Vec<String>,
    printed: String,
}

/// The words of a command; quoted ones keep their spaces.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for c in command.chars() {
        match c {
            '\'' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(String::new()),
            c => words.last_mut().expect("a word").push(c),
        }
    }
    words
}

/// All examples that run the program and nothing else.
fn examples(text: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut is_console = false;
    let mut is_ours = false;
    for line in text.lines() {
        if line.starts_with("```") {
            is_console = line == "```console";
            is_ours = false;
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| is_console) {
            let ours = command
                .strip_prefix("etcdsnap ")
                .or(command.strip_prefix("cargo run --release -- "))
                .filter(|args| !args.contains(" | ") && !args.contains(" > "));
            is_ours = ours.is_some();
            examples.extend(ours.map(|args| Example {
                args: words(args),
                printed: String::new(),
            }));
        } else if is_ours && let Some(example) = examples.last_mut() {
            example.printed.push_str(line);
            example.printed.push('\n');
        }
    }
    examples
}

#[test]
fn the_examples_of_the_readme_and_the_guide_print_what_they_say() {
    let dir = unpacked();
    let rename = |from: &str, to: &str| {
        std::fs::rename(dir.path().join(from), dir.path().join(to)).expect("a file");
    };
    rename(AFTER, "after.db");
    rename(&AFTER.replace("after", "before"), "before.db");
    rename(CONFIG, "config.yaml");
    symlink(testdata::dir(), dir.path().join("testdata")).expect("a link");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let [readme, guide] = ["README.md", "docs/guide.md"]
        .map(|path| examples(&std::fs::read_to_string(root.join(path)).expect("a document")));
    assert!(!readme.is_empty(), "no example in the README");
    let examples: Vec<_> = readme.into_iter().chain(guide).collect();
    assert!(examples.len() > 10, "{} examples", examples.len());
    for Example { args, printed } in examples {
        if args.first().is_some_and(|word| word == "man") {
            continue;
        }
        let outcome = crate::support::tool::run(dir.path(), &args);
        let mut said = outcome.stdout + &outcome.stderr;
        if !said.is_empty() && !said.ends_with('\n') {
            said.push('\n');
        }
        assert_eq!(said, printed, "{args:?}");
    }
    // Manuals go into a folder of their own.
    assert_eq!(etcdsnap(dir.path(), "man .").status, Some(0));
}
