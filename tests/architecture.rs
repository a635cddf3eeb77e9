//! The rules that hold between the parts of the source: who may know whom, who may be unsafe, and that
//! the list of findings for readers is that of the program.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use etcdsnap::finding::Code;

/// From the ground up. A part may name those of its own layer and of the layers before it.
const LAYERS: &[&[&str]] = &[
    &[
        "checksum", "error", "finding", "ids", "options", "workers", "Error", "Result",
    ],
    &["source"],
    &["bolt"],
    &["container"],
    &["etcd"],
    &["kubernetes"],
    &["codes"],
    &["sentence"],
    &["ops"],
    &["report"],
    &["cli"],
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
    let mut paths = Vec::new();
    gather(&root().join("src"), &mut paths);
    paths.sort();
    assert!(paths.len() > 40, "{} files", paths.len());
    let files = paths.iter().map(|path| {
        let text = fs::read_to_string(path).expect("a readable source file");
        let name = path.strip_prefix(root()).expect("a path inside");
        let inside = name.strip_prefix("src").expect("a source file");
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
            // The prefix of a byte string is no word of its own.
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

/// The parts of the crate that a file names, by `crate::` or by as many `super::` as lead to the root.
fn parts_named(file: &SourceFile) -> Vec<String> {
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
            ["crate", "::", ..] => named.extend(heads(&rest[2..])),
            ["super", "::", ..] => {
                let pairs = rest.chunks(2);
                let supers = pairs.take_while(|pair| *pair == ["super", "::"]).count();
                let inline = braces.iter().filter(|is_module| **is_module).count();
                if supers == file.modules.len() + inline {
                    named.extend(heads(&rest[2 * supers..]));
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

/// The first words of a path, or of each path of a group.
fn heads(rest: &[&str]) -> Vec<String> {
    let [first, ..] = rest else {
        return Vec::new();
    };
    if *first != "{" {
        return vec![(*first).to_owned()];
    }
    let mut depth = 0;
    let mut heads = Vec::new();
    let mut is_head = false;
    for token in rest {
        match *token {
            "{" => (depth, is_head) = (depth + 1, depth == 0),
            "}" => depth -= 1,
            "," => is_head = depth == 1,
            word if is_head => {
                heads.push(word.to_owned());
                is_head = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    heads
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
fn the_reader_of_paths_sees_groups_and_supers() {
    let file = |modules: &[&str], text: &str| SourceFile {
        name: String::new(),
        modules: modules.iter().map(|part| (*part).to_owned()).collect(),
        tokens: tokens(text),
    };
    let text = "use crate::{a::{b, c}, d}; // crate::no\nlet s = \"crate::no\"; crate::e::f();";
    assert_eq!(parts_named(&file(&["x"], text)), ["a", "d", "e"]);
    let text = "use super::super::g; use super::near; mod tests { use super::super::near; }";
    assert_eq!(parts_named(&file(&["x", "y"], text)), ["g"]);
    let text = "use super::h; mod tests { use super::near; use super::super::i; } 'a: loop {}";
    assert_eq!(parts_named(&file(&["x"], text)), ["h", "i"]);
    let text = "let c = '\"'; let q = '\\''; crate::j(); let r = r#\"crate::no\"#; b\"crate::no\"";
    assert_eq!(parts_named(&file(&["x"], text)), ["j"]);
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

#[test]
fn only_the_memory_map_is_unsafe() {
    let files = source_files();
    let unsafe_files: Vec<&str> = files
        .iter()
        .filter(|file| file.tokens.iter().any(|token| token == "unsafe"))
        .map(|file| file.name.as_str())
        .collect();
    assert_eq!(unsafe_files, ["src/source/mapped.rs"]);
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
            format!("- Cause: {}.", code.cause),
            format!("- Next: {}.", code.next_step),
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
        "{unknown:?} are no codes of the program"
    );
}
