//! The rules that hold between the parts of the source: who may know whom, who may be unsafe, and that
//! the list of findings for readers is that of the program.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use etcdsnap::finding::Code;
use etcdsnap::report::worded;

/// From the ground up. A part may name those of its own layer and of the layers before it.
const LAYERS: &[&[&str]] = &[
    &[
        "checksum", "counted", "error", "finding", "ids", "limits", "options", "steps", "wire",
        "workers", "Error", "Result",
    ],
    &["source"],
    &["bolt"],
    &["container"],
    &["etcd"],
    &["kubernetes"],
    &["codes"],
    &["sentence"],
    &["ops"],
    &["snapshot"],
    &["report"],
    &["cli"],
];

/// The rooms of a layer, from the ground up, with what stands beside them. A file may name its own room and those
/// before it.
const ROOMS: &[(&str, &[&str])] = &[
    (
        "kubernetes",
        &[
            "fields",
            "time",
            "release",
            "quantity",
            "catalog",
            "encodings",
            "secrets",
            "check",
            "query",
            "show",
            "compare",
            "apply",
        ],
    ),
    (
        "ops",
        &[
            "input",
            "times",
            "copy_progress",
            "opening",
            "session",
            "objects",
            "examine",
            "keys",
            "diff",
            "make",
        ],
    ),
];

/// The roots of library and program name the parts and nothing else.
const ROOTS: [&str; 2] = ["src/lib.rs", "src/main.rs"];

/// A file of the source.
struct SourceFile {
    /// Its path from the root of the repository.
    name: String,
    /// The modules that lead to it.
    modules: Vec<String>,
    /// Its words and signs, without comments and literals.
    tokens: Vec<String>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn source_files() -> Vec<SourceFile> {
    let files = source_files_below(&["src"]);
    assert!(files.len() > 40, "{} files", files.len());
    files
}

fn source_files_below(folders: &[&str]) -> Vec<SourceFile> {
    let mut paths = Vec::new();
    for folder in folders {
        gather(&root().join(folder), &mut paths);
    }
    paths.sort();
    let files = paths.iter().map(|path| {
        let text = fs::read_to_string(path).expect("a readable source file");
        let name = path.strip_prefix(root()).expect("a path inside");
        let inside = name.strip_prefix("src").unwrap_or(name);
        let mut modules: Vec<String> = inside
            .with_extension("")
            .iter()
            .map(|part| part.to_str().expect("UTF-8").to_owned())
            .collect();
        if modules.last().is_some_and(|last| last == "mod") {
            modules.pop();
        }
        SourceFile {
            name: name.to_str().expect("UTF-8").to_owned(),
            modules,
            tokens: tokens(&text),
        }
    });
    files.collect()
}

fn gather(dir: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a readable directory") {
        let path = entry.expect("a readable directory").path();
        if path.is_dir() {
            gather(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

/// Words and signs of Rust text; comments, strings and characters are left out.
fn tokens(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let at = |index: usize| chars.get(index).copied().unwrap_or('\0');
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut tokens = Vec::new();
    let mut i = 0;
    while i < chars.len() {
        let c = at(i);
        if c == '/' && at(i + 1) == '/' {
            while i < chars.len() && at(i) != '\n' {
                i += 1;
            }
        } else if c == '/' && at(i + 1) == '*' {
            let mut depth = 0;
            loop {
                match (at(i), at(i + 1)) {
                    ('/', '*') => (depth, i) = (depth + 1, i + 2),
                    ('*', '/') => (depth, i) = (depth - 1, i + 2),
                    _ => i += 1,
                }
                if depth == 0 || i >= chars.len() {
                    break;
                }
            }
        } else if c == '"' {
            i += 1;
            while i < chars.len() && at(i) != '"' {
                i += if at(i) == '\\' { 2 } else { 1 };
            }
            i += 1;
        } else if c == 'r' && (at(i + 1) == '"' || at(i + 1) == '#' && "\"#".contains(at(i + 2))) {
            let hashes = chars[i + 1..].iter().take_while(|c| **c == '#').count();
            let end: Vec<char> = std::iter::once('"')
                .chain(std::iter::repeat_n('#', hashes))
                .collect();
            i += 2 + hashes;
            while i < chars.len() && !chars[i..].starts_with(&end) {
                i += 1;
            }
            i += end.len();
        } else if c == '\'' && (at(i + 1) == '\\' || at(i + 2) == '\'') {
            // A character, not a lifetime.
            i += if at(i + 1) == '\\' { 3 } else { 2 };
            while i < chars.len() && at(i) != '\'' {
                i += 1;
            }
            i += 1;
        } else if is_word(c) {
            let start = i;
            while is_word(at(i)) {
                i += 1;
            }
            let word: String = chars[start..i].iter().collect();
            // The prefix of a byte string is not a word of its own.
            if !(word == "b" && (at(i) == '"' || at(i) == '\'')) {
                tokens.push(word);
            }
        } else if c == ':' && at(i + 1) == ':' {
            tokens.push("::".into());
            i += 2;
        } else {
            if !c.is_whitespace() {
                tokens.push(c.into());
            }
            i += 1;
        }
    }
    tokens
}

/// What a file names of the crate, by `crate::` or by as many `super::` as it takes: the words of each path, groups
/// written out.
fn paths_named(file: &SourceFile) -> Vec<Vec<String>> {
    let tokens: Vec<&str> = file.tokens.iter().map(String::as_str).collect();
    let mut named = Vec::new();
    // For each open brace, whether it belongs to a module.
    let mut braces = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        let rest = &tokens[i..];
        match rest {
            ["mod", _, "{", ..] => {
                braces.push(true);
                i += 3;
                continue;
            }
            ["{", ..] => braces.push(false),
            ["}", ..] => {
                braces.pop();
            }
            // How far something is visible is no use of it.
            ["in", "crate", ..] => {
                i += 2;
                continue;
            }
            ["crate", "::", ..] => {
                written_out(&[], &rest[2..], &mut named);
            }
            ["super", "::", ..] => {
                let pairs = rest.chunks(2);
                let supers = pairs.take_while(|pair| *pair == ["super", "::"]).count();
                let inline = braces.iter().filter(|is_module| **is_module).count();
                // Within the modules of the file itself nothing else is named.
                if let Some(up) = supers.checked_sub(inline).filter(|up| *up > 0) {
                    let above = file.modules.len().saturating_sub(up);
                    written_out(&file.modules[..above], &rest[2 * supers..], &mut named);
                }
                i += 2 * supers;
                continue;
            }
            _ => {}
        }
        i += 1;
    }
    named
}

/// Adds the path that begins `rest`, or each path of a group, behind the words of `before`. Returns how many tokens
/// it takes.
fn written_out(before: &[String], rest: &[&str], paths: &mut Vec<Vec<String>>) -> usize {
    let Some((first, behind)) = rest.split_first() else {
        return 0;
    };
    if *first == "{" {
        let mut at = 1;
        while rest.get(at).is_some_and(|token| *token != "}") {
            at += match rest[at] {
                "," => 1,
                _ => written_out(before, &rest[at..], paths).max(1),
            };
        }
        return at + 1;
    }
    let mut words = before.to_vec();
    if *first != "self" {
        words.push((*first).to_owned());
    }
    match behind {
        ["::", behind @ ..] => 2 + written_out(&words, behind, paths),
        ["as", _, ..] => {
            paths.push(words);
            3
        }
        _ => {
            paths.push(words);
            1
        }
    }
}

/// The parts of the crate that a file names.
fn parts_named(file: &SourceFile) -> Vec<String> {
    let paths = paths_named(file).into_iter();
    paths.filter_map(|path| path.into_iter().next()).collect()
}

fn layer_of(part: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&part))
}

#[test]
fn no_layer_names_one_above_it() {
    let mut seen = 0;
    for file in source_files() {
        if ROOTS.contains(&file.name.as_str()) {
            continue;
        }
        let own = layer_of(&file.modules[0]);
        let own = own.unwrap_or_else(|| panic!("{} belongs to no layer", file.name));
        for part in parts_named(&file) {
            let named = layer_of(&part);
            let named = named.unwrap_or_else(|| panic!("{} names {part}", file.name));
            assert!(
                named <= own,
                "{} names {part}, which is above it",
                file.name
            );
            seen += 1;
        }
    }
    assert!(seen > 100, "only {seen} paths were found");
}

#[test]
fn no_room_names_one_that_builds_on_it() {
    let mut seen = 0;
    for file in source_files() {
        let [layer, own, ..] = file.modules.as_slice() else {
            continue;
        };
        // Tests may build their inputs with whatever there is.
        if file.modules.iter().any(|part| part.ends_with("tests")) {
            continue;
        }
        let Some((_, rooms)) = ROOMS.iter().find(|(name, _)| name == layer) else {
            continue;
        };
        let place = |room: &str| {
            let place = rooms.iter().position(|known| *known == room);
            place.unwrap_or_else(|| {
                panic!("{} names {layer}::{room}, which is not a room", file.name)
            })
        };
        for path in paths_named(&file) {
            if path.first() != Some(layer) {
                continue;
            }
            // What a room has to offer is named by the room, not by the layer.
            let room = path.get(1).map_or("", String::as_str);
            assert!(
                place(room) <= place(own),
                "{} names {layer}::{room}, which builds on {layer}::{own}",
                file.name
            );
            seen += 1;
        }
    }
    assert!(seen > 200, "only {seen} paths were found");
}

/// The files that each file names, without those that only hold a module together, and without tests.
fn files_named() -> BTreeMap<String, BTreeSet<String>> {
    let is_of_tests = |file: &SourceFile| file.modules.iter().any(|part| part.ends_with("tests"));
    let mut files = source_files();
    files.retain(|file| !file.name.ends_with("/mod.rs") && !is_of_tests(file));
    files.retain(|file| !ROOTS.contains(&file.name.as_str()));
    for file in &mut files {
        let tests = ["mod", "tests", "{"];
        let at = file.tokens.windows(3).position(|words| words == tests);
        file.tokens.truncate(at.unwrap_or(file.tokens.len()));
    }
    let by_modules: BTreeMap<&[String], &str> = files
        .iter()
        .map(|file| (file.modules.as_slice(), file.name.as_str()))
        .collect();
    let named = files.iter().map(|file| {
        let paths = paths_named(file);
        let named = paths.iter().filter_map(|path| {
            let fronts = (1..=path.len()).rev().map(|len| &path[..len]);
            let mut known = fronts.filter_map(|front| by_modules.get(front));
            known.next().filter(|name| **name != file.name)
        });
        let named = named.map(|name| (*name).to_owned()).collect();
        (file.name.clone(), named)
    });
    named.collect()
}

#[test]
fn no_files_name_each_other_in_a_circle() {
    let mut left = files_named();
    let names: usize = left.values().map(BTreeSet::len).sum();
    assert!(names > 300, "only {names} names of files were found");
    // A file that names none of the others that are left is not part of a circle.
    loop {
        let is_done = |named: &BTreeSet<String>| !named.iter().any(|name| left.contains_key(name));
        let done = left.iter().filter(|(_, named)| is_done(named));
        let done: Vec<String> = done.map(|(name, _)| name.clone()).collect();
        if done.is_empty() {
            break;
        }
        left.retain(|name, _| !done.contains(name));
    }
    // And one that is named by none of them only leads to one.
    loop {
        let named: BTreeSet<&String> = left.values().flatten().collect();
        let named: BTreeSet<String> = named.into_iter().cloned().collect();
        let before = left.len();
        left.retain(|name, _| named.contains(name));
        if left.len() == before {
            break;
        }
    }
    let left: Vec<&String> = left.keys().collect();
    assert!(left.is_empty(), "these name each other: {left:?}");
}

#[test]
fn the_reader_of_paths_sees_groups_and_supers() {
    let file = |modules: &[&str], text: &str| SourceFile {
        name: String::new(),
        modules: modules.iter().map(|part| (*part).to_owned()).collect(),
        tokens: tokens(text),
    };
    let text = "use crate::{a::{b, c}, d}; // crate::no\nlet s = \"crate::no\"; crate::e::f();";
    assert_eq!(parts_named(&file(&["x"], text)), ["a", "a", "d", "e"]);
    let text = "use super::super::g; use super::near; mod tests { use super::super::near; }";
    assert_eq!(parts_named(&file(&["x", "y"], text)), ["g", "x", "x"]);
    let text = "use super::h; mod tests { use super::near; use super::super::i; } 'a: loop {}";
    assert_eq!(parts_named(&file(&["x"], text)), ["h", "i"]);
    let text = "let c = '\"'; let q = '\\''; crate::j(); let r = r#\"crate::no\"#; b\"crate::no\"";
    assert_eq!(parts_named(&file(&["x"], text)), ["j"]);
    let paths = |modules: &[&str], text: &str| -> Vec<String> {
        let named = paths_named(&file(modules, text));
        named.iter().map(|path| path.join("::")).collect()
    };
    let text = "use crate::a::{self, b::{C, d as e}, F}; use super::{g, h::I}; mod tests { use super::*; }";
    let expected = ["a", "a::b::C", "a::b::d", "a::F", "x::g", "x::h::I"];
    assert_eq!(paths(&["x", "y"], text), expected);
}

#[test]
fn each_format_layer_knows_nothing_of_what_is_stored_in_it() {
    for (part, word) in [("bolt", "etcd"), ("etcd", "kube")] {
        let files = source_files();
        let files = files.iter().filter(|file| file.modules[0] == part);
        for file in files {
            let told = file
                .tokens
                .iter()
                .find(|token| token.to_lowercase().contains(word));
            assert_eq!(told, None, "{}", file.name);
        }
    }
}

/// Files with `unsafe` code: the memory map, the one place of the command line that vouches for it, and the `unsafe fn`
/// by which other programs do.
const UNSAFE: [&str; 3] = [
    "src/cli/open.rs",
    "src/snapshot/mapped.rs",
    "src/source/mapped.rs",
];

/// Files of tests and benches that map files of their own.
const UNSAFE_BESIDE: [&str; 5] = [
    "benches/bolt.rs",
    "benches/commands.rs",
    "benches/sha256_mapped.rs",
    "tests/damage/sample.rs",
    "tests/front_door.rs",
];

#[test]
fn only_the_memory_map_and_who_vouches_for_it_are_unsafe() {
    let found = |folders: &[&str]| -> Vec<String> {
        let files = source_files_below(folders);
        let files = files.into_iter();
        files
            .filter(|file| file.tokens.iter().any(|token| token == "unsafe"))
            .map(|file| file.name)
            .collect()
    };
    assert_eq!(found(&["src"]), UNSAFE);
    assert_eq!(found(&["benches", "fuzz/src", "tests"]), UNSAFE_BESIDE);
}

#[test]
fn a_map_is_made_in_one_place_of_the_program() {
    for (word, places) in [
        ("open_mapped", &UNSAFE[..]),
        ("Mmap", &["src/source/mapped.rs"]),
        ("memmap2", &["src/source/mapped.rs"]),
    ] {
        let files = source_files();
        let naming = files
            .iter()
            .filter(|file| file.tokens.iter().any(|token| token == word));
        let naming: Vec<&str> = naming.map(|file| file.name.as_str()).collect();
        assert_eq!(naming, places, "{word}");
    }
}

/// Flags of etcd and of its tools, whose words the library repeats.
const FLAGS_OF_ETCD: [&str; 7] = [
    "--force-new-cluster",
    "--initial-advertise-peer-urls",
    "--initial-cluster",
    "--mark-compacted required",
    "--revision-bump > 0",
    "--skip-hash-check=false",
    "--wal-dir",
];

#[test]
fn no_text_below_the_reports_names_a_command_or_a_flag_of_this_program() {
    let ours = ["src/cli/", "src/report/", "src/main.rs"];
    let mut seen = 0;
    for SourceFile { name, .. } in source_files() {
        if ours.iter().any(|above| name.starts_with(above)) || name.contains("tests") {
            continue;
        }
        let text = fs::read_to_string(root().join(&name)).expect("a readable source file");
        for line in text.lines().take_while(|line| *line != "#[cfg(test)]") {
            let line = line.trim_start();
            if line.starts_with("//") {
                continue;
            }
            seen += 1;
            assert!(!line.contains("etcdsnap "), "{name}: {line}");
            for (at, _) in line.match_indices("--") {
                let flag = &line[at..];
                let is_flag = flag[2..].starts_with(|c: char| c.is_ascii_lowercase());
                let is_of_etcd = FLAGS_OF_ETCD.iter().any(|known| flag.starts_with(known));
                assert!(!is_flag || is_of_etcd, "{name}: {line}");
            }
        }
    }
    assert!(seen > 10_000, "only {seen} lines");
}

/// The types of circumstances that a list of codes declares: `Name {` or `Name = "name" {`.
fn declared_circumstances(list: &SourceFile) -> Vec<&str> {
    let tokens: Vec<&str> = list.tokens.iter().map(String::as_str).collect();
    let is_type = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_uppercase()) && word.contains(char::is_lowercase)
    };
    let windows = (0..tokens.len()).map(|at| &tokens[at..]);
    let declared = windows.filter_map(|rest| match rest {
        [name, "{", ..] | [name, "=", "{", ..] if is_type(name) => Some(*name),
        _ => None,
    });
    declared.collect()
}

#[test]
fn each_circumstance_is_found_by_some_check() {
    let files = source_files();
    let is_list = |file: &&SourceFile| file.name.ends_with("/codes.rs");
    let mut given = BTreeSet::new();
    for file in files.iter().filter(|file| !is_list(file)) {
        let tests = file
            .tokens
            .windows(3)
            .position(|found| found == ["mod", "tests", "{"]);
        let tokens = &file.tokens[..tests.unwrap_or(file.tokens.len())];
        for path in tokens.windows(3) {
            if path[0].ends_with("codes") && path[1] == "::" {
                given.insert(path[2].as_str());
            }
        }
    }
    let declared: Vec<&str> = files
        .iter()
        .filter(is_list)
        .flat_map(declared_circumstances)
        .collect();
    let codes = etcdsnap::codes::all();
    let expected: usize = codes.iter().map(|code| code.circumstances.len()).sum();
    assert_eq!(declared.len(), expected, "{declared:?}");
    let idle: Vec<&&str> = declared
        .iter()
        .filter(|name| !given.contains(*name))
        .collect();
    assert!(idle.is_empty(), "no check gives {idle:?}");
}

/// The circumstances of a code with their values, as the list has them.
fn data(code: &Code) -> String {
    let circumstances = code.circumstances.iter().map(|circumstance| {
        let values = circumstance.values.iter();
        let values: Vec<String> = values
            .map(|(name, kind)| format!("`{name}` ({})", kind.name()))
            .collect();
        let values = match values.is_empty() {
            true => "none".to_string(),
            false => values.join(", "),
        };
        match circumstance.name {
            Some(name) => format!("`{name}`: {values}"),
            None => values,
        }
    });
    circumstances.collect::<Vec<_>>().join("; ")
}

#[test]
fn the_list_of_findings_is_that_of_the_program() {
    let text = fs::read_to_string(root().join("docs/findings.md")).expect("docs/findings.md");
    let mut sections = BTreeMap::new();
    for section in text.split("\n### ").skip(1) {
        let section = section.split("\n## ").next().expect("a section");
        let (heading, body) = section.split_once('\n').expect("a section with a body");
        let (id, title) = heading
            .split_once(' ')
            .expect("a heading with code and title");
        // Sentences begin with a capital there, and lines end elsewhere.
        let body = body.split_whitespace().collect::<Vec<_>>().join(" ");
        let body = body.to_lowercase();
        let twice = sections.insert(id, (title, body));
        assert!(twice.is_none(), "{id} is there twice");
    }
    for code in etcdsnap::codes::all() {
        let (title, body) = sections
            .remove(code.id)
            .unwrap_or_else(|| panic!("docs/findings.md lacks {}", code.id));
        assert_eq!(title, code.title, "{}", code.id);
        for line in [
            format!("Severity: {}", code.severity.as_str()),
            format!("- Area: {}.", code.area.as_str()),
            format!("- Data: {}.", data(code)),
            format!("- Cause: {}.", worded(code.cause)),
            format!("- Next: {}.", worded(code.next_step)),
        ] {
            assert!(
                body.contains(&line.to_lowercase()),
                "{}: {line:?} is not in {body:?}",
                code.id
            );
        }
    }
    let unknown: Vec<_> = sections.keys().collect();
    assert!(
        unknown.is_empty(),
        "{unknown:?} are not codes of the program"
    );
}

#[test]
fn the_lines_of_each_mutant_stand_in_the_source() {
    let folder = root().join("tests/mutants");
    let mut seen = 0;
    for entry in fs::read_dir(folder).expect("the mutants") {
        let path = entry.expect("the mutants").path();
        let text = fs::read_to_string(&path).expect("a mutant");
        let name = path.display();
        let Some(file) = text.lines().find_map(|line| line.strip_prefix("file: ")) else {
            continue; // What runs them.
        };
        let old: String = text
            .lines()
            .filter_map(|line| line.strip_prefix('-'))
            .map(|line| format!("{line}\n"))
            .collect();
        let source = fs::read_to_string(root().join(file));
        let source = format!("\n{}", source.unwrap_or_default());
        let places = source.matches(&format!("\n{old}")).count();
        assert_eq!(places, 1, "{name}: places in {file} where its lines stand");
        seen += 1;
    }
    assert!(seen >= 30, "only {seen} mutants");
}
