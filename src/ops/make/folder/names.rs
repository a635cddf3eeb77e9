//! Names of files, made of texts that may be anything.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// Characters of a text that become part of a name: what is put behind fits into 255 bytes, the most that
/// file systems take.
const LONGEST: usize = 200;

/// A text as the name of a file: what a name should not have becomes `~`, and so does what in front would hide the
/// file, or make a program take it for an option.
pub fn safe_name(text: &str) -> String {
    if text.is_empty() {
        return "~".into();
    }
    text.chars()
        .enumerate()
        .map(|(at, c)| match c {
            '.' | '-' if at == 0 => '~',
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' | '_' => c,
            _ => '~',
        })
        .take(LONGEST)
        .collect()
}

/// Gives each file of a folder a name of its own, also where large and small letters are the same. There may be as many as
/// there are objects, so that hashes are kept: two names of one hash are taken for the same, and get numbers.
#[derive(Debug, Default)]
pub struct FileNames {
    taken: HashSet<u64>,
    /// How often each name was asked for.
    asked: HashMap<u64, u32>,
}

impl FileNames {
    /// A name for `text`, with a number if it would be that of another file.
    pub fn unique(&mut self, text: &str, ending: &str) -> String {
        let number = self.unique_number(text, ending);
        Self::numbered(text, number, ending)
    }

    /// The number of the name that [`FileNames::unique`] would give: see [`FileNames::numbered`].
    pub fn unique_number(&mut self, text: &str, ending: &str) -> u32 {
        let asked = self.asked.entry(folded(&safe_name(text))).or_default();
        loop {
            *asked = asked.saturating_add(1);
            // Another name may end like one with a number.
            let name = Self::numbered(text, *asked, ending);
            if self.taken.insert(folded(&name)) {
                return *asked;
            }
        }
    }

    /// The name for `text` with a number; 1 does not show.
    pub fn numbered(text: &str, number: u32, ending: &str) -> String {
        let name = safe_name(text);
        match number {
            1 => format!("{name}{ending}"),
            number => format!("{name}~{number}{ending}"),
        }
    }
}

/// The same for names that differ in large and small letters alone, and in every run.
fn folded(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.to_lowercase().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_only_in_what_a_file_name_cannot_have_get_numbers() {
        let mut names = FileNames::default();
        let long = "x".repeat(5000);
        let longer = format!("{long}y");
        let texts = [
            "a/b",
            "a\\b",
            "A:B",
            "a~b~2",
            "a~b",
            "a~b~2",
            "",
            "",
            "../../etc",
            "..",
            ".",
            "-rf",
            "ä",
            "é",
            "a\nb",
            &long,
            &longer,
        ];
        let made: Vec<String> = texts
            .iter()
            .map(|text| names.unique(text, ".yaml"))
            .collect();
        let folded: HashSet<String> = made.iter().map(|name| name.to_lowercase()).collect();
        assert_eq!(folded.len(), texts.len(), "{made:?}");
        assert_eq!(made[..3], ["a~b.yaml", "a~b~2.yaml", "A~B~3.yaml"]);
        for name in &made {
            assert!(name.len() <= 255, "{name}");
            assert!(!name.starts_with(['.', '-']), "{name}");
            assert!(!name.contains(['/', '\\', ':', '\n']), "{name}");
        }
    }

    #[test]
    fn very_many_equal_names_take_one_step_each() {
        let mut names = FileNames::default();
        // Each step over a name that is taken moves the number on for good.
        for number in 2..20_000 {
            names.unique(&format!("x~{number}"), "");
        }
        for _ in 0..20_000 {
            names.unique("x", "");
        }
        assert_eq!(names.asked[&folded("x")], 39_998);
    }
}
