//! Counts what was compared, what had to be left out, and what differed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use crate::settings::Version;

type Counts = BTreeMap<(String, Version), usize>;

pub(crate) struct Ledger {
    versions: Vec<Version>,
    runs: Vec<(Version, u64)>,
    compared: Counts,
    excluded: Counts,
    differences: Vec<String>,
    notes: Vec<String>,
    compared_before: usize,
    differences_before: usize,
}

impl Ledger {
    pub(crate) fn new(versions: &[Version]) -> Self {
        Self {
            versions: versions.to_vec(),
            runs: Vec::new(),
            compared: Counts::new(),
            excluded: Counts::new(),
            differences: Vec::new(),
            notes: Vec::new(),
            compared_before: 0,
            differences_before: 0,
        }
    }

    /// All that follows belongs to this run.
    pub(crate) fn begin(&mut self, version: Version, seed: u64) {
        self.compared_before = self.comparisons();
        self.differences_before = self.differences();
        self.runs.push((version, seed));
    }

    /// Comparisons and differences since `begin`.
    pub(crate) fn end(&self) -> (usize, usize) {
        (
            self.comparisons() - self.compared_before,
            self.differences() - self.differences_before,
        )
    }

    fn run(&self) -> (Version, u64) {
        *self.runs.last().expect("a run has begun")
    }

    /// One comparison of the kind; `otherwise` describes the difference.
    pub(crate) fn holds(&mut self, kind: &str, holds: bool, otherwise: impl FnOnce() -> String) {
        let (version, _) = self.run();
        *self.compared.entry((kind.to_owned(), version)).or_default() += 1;
        if !holds {
            self.differs(&format!("{kind}: {}", otherwise()));
        }
    }

    /// One comparison of two texts that must be the same, byte for byte.
    pub(crate) fn same(&mut self, kind: &str, what: &str, ours: &[u8], theirs: &[u8]) {
        self.holds(kind, ours == theirs, || {
            format!(
                "{what}\n    ours   {:?}\n    theirs {:?}",
                String::from_utf8_lossy(ours),
                String::from_utf8_lossy(theirs)
            )
        });
    }

    /// One question where the reference is known to answer another one.
    pub(crate) fn exclude(&mut self, why: &str) {
        let (version, _) = self.run();
        *self.excluded.entry((why.to_owned(), version)).or_default() += 1;
    }

    /// A difference, or something that kept the suite from comparing.
    pub(crate) fn differs(&mut self, what: &str) {
        let (version, seed) = self.run();
        let line = format!("etcd {version} seed {seed}: {what}");
        eprintln!("DIFFERENCE {line}");
        self.differences.push(line);
    }

    /// Something to know about the differences of this run.
    pub(crate) fn note(&mut self, what: &str) {
        let (version, seed) = self.run();
        let line = format!("etcd {version} seed {seed}: {what}");
        eprintln!("{line}");
        self.notes.push(line);
    }

    pub(crate) fn comparisons(&self) -> usize {
        self.compared.values().sum()
    }

    pub(crate) fn differences(&self) -> usize {
        self.differences.len()
    }

    pub(crate) fn report(&self, elapsed: Duration) -> String {
        let mut text = String::new();
        let mut line = |what: &str, cells: &[String], sum: usize| {
            let _ = write!(text, "{what:<66}");
            for cell in cells {
                let _ = write!(text, "{cell:>8}");
            }
            let _ = writeln!(text, "{sum:>9}");
        };

        line(
            "seeds",
            &self.row(|version| self.seeds(version)),
            self.runs.len(),
        );
        for (title, counts) in [("compared", &self.compared), ("left out", &self.excluded)] {
            let mut kinds: Vec<&str> = counts.keys().map(|(kind, _)| kind.as_str()).collect();
            kinds.dedup();
            for kind in kinds {
                let of = |version| counts.get(&(kind.to_owned(), version)).copied();
                let sum = self
                    .versions
                    .iter()
                    .filter_map(|&version| of(version))
                    .sum();
                line(
                    &format!("{title}: {kind}"),
                    &self.row(|version| of(version).unwrap_or(0)),
                    sum,
                );
            }
        }
        let mut head = format!("{:<66}", "etcd");
        for version in &self.versions {
            let _ = write!(head, "{:>8}", version.name());
        }
        let _ = writeln!(head, "{:>9}", "all");
        let _ = writeln!(
            text,
            "{} runs, {} comparisons, {} left out, {} differences, {:.0} s",
            self.runs.len(),
            self.comparisons(),
            self.excluded.values().sum::<usize>(),
            self.differences(),
            elapsed.as_secs_f64()
        );
        for difference in &self.differences {
            let _ = writeln!(text, "DIFFERENCE {difference}");
        }
        for note in &self.notes {
            let _ = writeln!(text, "{note}");
        }
        head + &text
    }

    fn row(&self, count: impl Fn(Version) -> usize) -> Vec<String> {
        let counts = self.versions.iter().map(|&version| count(version));
        counts.map(|count| count.to_string()).collect()
    }

    fn seeds(&self, version: Version) -> usize {
        self.runs.iter().filter(|(of, _)| *of == version).count()
    }
}
