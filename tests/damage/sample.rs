//! A real snapshot, and the verdict on changed copies of it.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use etcdsnap::Workers;
use etcdsnap::bolt::layout::PageHeader;
use etcdsnap::bolt::{Database, SecondMeta};
use etcdsnap::finding::Collector;
use etcdsnap::ops::{Input, Verdict, VerifyOptions, verify};
use etcdsnap::options::Options;
use etcdsnap::source::{OpenFile, Slice};

pub(crate) const PAGE: usize = 4096;
pub(crate) const TRAILER: usize = 32;

/// Two files of different releases, of which one has a compaction behind it.
pub(crate) const NAMES: [&str; 2] = ["etcd-3.6.14-a.db", "etcd-3.4.23-b.db"];

/// True for the run over everything, which takes minutes.
pub(crate) fn is_long() -> bool {
    std::env::var("ETCDSNAP_DAMAGE").is_ok_and(|value| value == "long")
}

/// What a page is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Meta,
    /// The first page of a tree node or freelist.
    Head,
    /// A further page of one, all of it keys and values.
    Data,
    /// Nothing refers to it.
    Free,
}

/// A sound snapshot.
pub(crate) struct Sample {
    pub(crate) bytes: Vec<u8>,
    pub(crate) uses: Vec<Use>,
}

impl Sample {
    pub(crate) fn read(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("testdata/real")
            .join(name);
        let bytes = std::fs::read(&path).expect("the snapshot is there");
        let uses = uses(&bytes[..bytes.len() - TRAILER]);
        Self { bytes, uses }
    }

    pub(crate) fn database(&self) -> &[u8] {
        &self.bytes[..self.bytes.len() - TRAILER]
    }
}

fn uses(database: &[u8]) -> Vec<Use> {
    let source = Slice(database);
    let opened = Database::open(&source, database.len() as u64, SecondMeta::Search);
    let open = opened.unwrap_or_else(|error| panic!("{error}"));
    let workers = Workers::new(std::num::NonZeroUsize::MIN).expect("no threads");
    let mut findings = Collector::new(1);
    let scanned = open
        .scan(&(), &workers, &Options::default(), &mut findings)
        .expect("memory can be read");
    assert!(findings.is_empty(), "the sample is sound");
    let mut uses = vec![Use::Meta; 2];
    while uses.len() < database.len() / PAGE {
        let page = uses.len();
        if !scanned
            .plan
            .claimed
            .contains(etcdsnap::ids::PageId(page as u64))
        {
            uses.push(Use::Free);
            continue;
        }
        let header = PageHeader::decode(&database[page * PAGE..]).expect("the page is whole");
        uses.push(Use::Head);
        uses.resize(page + 1 + header.overflow as usize, Use::Data);
    }
    uses
}

#[allow(unsafe_code)]
fn open_mapped(path: &Path) -> etcdsnap::Result<Input<'static>> {
    // SAFETY: the file is this test's own, and it writes to it only while it is not open for reading.
    Input::open_by(path, |path, database| unsafe {
        OpenFile::open_mapped(path, database)
    })
}

/// A copy of a file on disk that is changed, judged and put back.
pub(crate) struct Copy {
    path: PathBuf,
    file: tempfile::NamedTempFile,
    bytes: Vec<u8>,
    is_mapped: bool,
}

impl Copy {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(bytes).expect("the file can be written");
        Self {
            path: file.path().to_owned(),
            file,
            bytes: bytes.to_vec(),
            is_mapped: true,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The verdict on the file with `pieces` written over it, each at its place.
    pub(crate) fn with(&mut self, pieces: &[(usize, &[u8])]) -> Verdict {
        for (at, piece) in pieces {
            self.put(*at, piece);
        }
        let verdict = self.verdict();
        for (at, piece) in pieces {
            self.put(*at, &self.bytes[*at..at + piece.len()]);
        }
        verdict
    }

    /// The verdict on the first `len` bytes of the file.
    pub(crate) fn cut(&mut self, len: usize) -> Verdict {
        let file = self.file.as_file();
        file.set_len(len as u64).expect("the file can be cut");
        let verdict = self.verdict();
        if len < self.bytes.len() {
            self.put(len, &self.bytes[len..]);
        }
        self.file
            .as_file()
            .set_len(self.bytes.len() as u64)
            .expect("the file can be restored");
        verdict
    }

    /// The verdict on the file as it is, read by map and by positioned reads in turn.
    pub(crate) fn verdict(&mut self) -> Verdict {
        self.is_mapped = !self.is_mapped;
        let options = Options::default().with_threads(std::num::NonZeroUsize::MIN);
        let input = match self.is_mapped {
            true => open_mapped(&self.path),
            false => Input::open(&self.path),
        };
        let input = input.expect("the file can be opened");
        // Without a digest there is nothing to compare one with.
        let what = VerifyOptions::default().with_quick(input.layout.trailer.is_none());
        let report = verify(&input, what, &options).expect("the file can be read");
        report.verdict
    }

    fn put(&self, at: usize, piece: &[u8]) {
        let file = self.file.as_file();
        file.write_all_at(piece, at as u64)
            .expect("the file can be written");
    }
}

/// Counts cases and what became of them.
pub(crate) struct Figures {
    title: String,
    cases: u64,
    detected: u64,
    exceptions: BTreeMap<&'static str, u64>,
    unexplained: Vec<String>,
}

impl Figures {
    pub(crate) fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            cases: 0,
            detected: 0,
            exceptions: BTreeMap::new(),
            unexplained: Vec::new(),
        }
    }

    /// Notes one case: found, not found for a reason, or not found.
    pub(crate) fn note(
        &mut self,
        found: bool,
        reason: Option<&'static str>,
        case: impl Fn() -> String,
    ) {
        self.cases += 1;
        match (found, reason) {
            (true, _) => self.detected += 1,
            (false, Some(reason)) => *self.exceptions.entry(reason).or_default() += 1,
            (false, None) => self.unexplained.push(case()),
        }
    }

    /// Prints the figures; fails when a case was neither found nor explained.
    pub(crate) fn end(self) {
        println!(
            "{}: {} cases, {} detected, not detected: {:?}, unexplained: {}",
            self.title,
            self.cases,
            self.detected,
            self.exceptions,
            self.unexplained.len()
        );
        let shown = self.unexplained.get(..40).unwrap_or(&self.unexplained);
        assert!(
            self.unexplained.is_empty(),
            "{}:\n{}",
            self.title,
            shown.join("\n")
        );
    }
}

/// Numbers that are the same in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }
}
