//! The table of damages, `testdata/damaged/cases.txt`: its reader, and the hand that does the damage.
//! The head of the table describes its words.

use std::collections::{BTreeMap, BTreeSet};

use etcdsnap::bolt::layout::{
    BranchElement, BucketHeader, ELEMENT_HEADER, ELEMENT_IS_BUCKET, LeafElement, META, PAGE_HEADER,
    PageHeader, RawMeta, flags,
};
use etcdsnap::checksum::Sha256Stream;
use etcdsnap::ids::{PageId, TxId};

use super::bytes::{self, words};
use super::database::{Bucket, Database, Elements};
use super::testdata;

/// One damaged file and what is to be said about it.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) why: String,
    pub(crate) verdict: String,
    pub(crate) status: i32,
    pub(crate) codes: BTreeSet<String>,
    /// For what is not a database: what it is instead.
    pub(crate) kind: Option<String>,
    from: String,
    steps: Vec<Vec<String>>,
}

/// The table as read.
#[derive(Debug)]
pub(crate) struct Table {
    bases: BTreeMap<String, Vec<Vec<String>>>,
    pub(crate) cases: Vec<Case>,
}

impl Table {
    /// Reads the table.
    pub(crate) fn read() -> Self {
        let text = testdata::read_text("damaged/cases.txt");
        let mut bases = BTreeMap::new();
        let mut cases: Vec<Case> = Vec::new();
        let blocks = text.split("\n\n").map(|block| {
            let lines = block.lines().filter(|line| !line.starts_with('#'));
            lines.filter(|line| !line.trim().is_empty())
        });
        for mut block in blocks {
            let Some(head) = block.next() else { continue };
            match head.split_once(' ') {
                Some(("base", name)) => {
                    bases.insert(name.into(), block.map(words).collect());
                }
                Some(("case", name)) => {
                    assert!(
                        cases.iter().all(|case| case.name != name),
                        "{name} is there twice"
                    );
                    cases.push(Case::parse(name, block));
                }
                _ => panic!("neither a base nor a case: {head}"),
            }
        }
        Self { bases, cases }
    }

    /// The bytes of the file before the damage.
    pub(crate) fn build_base(&self, case: &Case) -> Vec<u8> {
        let whole = Case {
            steps: Vec::new(),
            ..case.clone()
        };
        self.build(&whole)
    }

    /// The bytes of a damaged file.
    pub(crate) fn build(&self, case: &Case) -> Vec<u8> {
        let mut work = match self.bases.get(&case.from) {
            Some(lines) => {
                let mut database = Database::default();
                for line in lines {
                    assert!(edit(&mut database, line), "{}: {line:?}", case.from);
                }
                let logical = case.steps.iter().take_while(|line| is_logical(line));
                let mut done = 0;
                for line in logical {
                    assert!(edit(&mut database, line), "{}: {line:?}", case.name);
                    done += 1;
                }
                (Work::new(database.lay_out(), Trailer::Right), done)
            }
            None => (Work::of_file(testdata::read(&case.from)), 0),
        };
        let (work, done) = (&mut work.0, work.1);
        for line in &case.steps[done..] {
            let did = work.step(line);
            assert!(did.is_some(), "{}: cannot do {line:?}", case.name);
        }
        std::mem::take(work).finish()
    }
}

impl Case {
    /// True when the database was sound until its pages were damaged.
    pub(crate) fn is_physical(&self) -> bool {
        !self.steps.iter().any(|line| is_logical(line))
    }

    fn parse<'l>(name: &str, lines: impl Iterator<Item = &'l str>) -> Self {
        let mut case = Self {
            name: name.into(),
            why: String::new(),
            verdict: String::new(),
            status: -1,
            codes: BTreeSet::new(),
            kind: None,
            from: String::new(),
            steps: Vec::new(),
        };
        for line in lines {
            if let Some(why) = line.trim().strip_prefix("why ") {
                case.why = why.trim().into();
                continue;
            }
            let mut words = words(line);
            match words[0].as_str() {
                "from" => case.from.clone_from(&words[1]),
                "verdict" => {
                    case.verdict.clone_from(&words[1]);
                    case.status = words[2].parse().expect("an exit status");
                    case.codes = words.drain(3..).collect();
                }
                "kind" => case.kind = Some(words[1].clone()),
                _ => case.steps.push(words),
            }
        }
        let complete = !case.why.is_empty() && !case.from.is_empty() && !case.verdict.is_empty();
        assert!(complete, "{name} lacks why, from or verdict");
        case
    }
}

const LOGICAL: &[&str] = &[
    "put",
    "drop",
    "bucket",
    "no-bucket",
    "stray",
    "nest",
    "deep",
    "inline",
    "leaves",
    "chain",
    "uneven",
    "free",
    "freelist",
];

fn is_logical(line: &[String]) -> bool {
    LOGICAL.contains(&line[0].as_str())
}

/// Changes a database before it is laid out. False when the line says something else.
fn edit(database: &mut Database, line: &[String]) -> bool {
    let line: Vec<&str> = line.iter().map(String::as_str).collect();
    match &*line {
        ["bucket", name] => {
            let name = name.as_bytes().to_vec();
            database.buckets.insert(name, Bucket::default());
        }
        ["no-bucket", name] => {
            let removed = database.buckets.remove(name.as_bytes());
            assert!(removed.is_some(), "there is no bucket {name}");
        }
        ["put", name, key, value @ ..] => {
            put(&mut bucket(database, name).elements, key, value, 0);
        }
        ["drop", name, key] => {
            let removed = bucket(database, name).elements.remove(&bytes::one(key));
            assert!(removed.is_some(), "{name} has no {key}");
        }
        ["nest", name, key] => {
            // A bucket inside: inline, without elements.
            let value = [
                &[0; 16][..],
                &PageHeader {
                    id: PageId(0),
                    flags: flags::LEAF,
                    count: 0,
                    overflow: 0,
                }
                .encode(),
            ]
            .concat();
            let elements = &mut bucket(database, name).elements;
            elements.insert(bytes::one(key), (ELEMENT_IS_BUCKET, value));
        }
        ["deep", name, key, depth] => {
            bucket(database, name).deep = Some((bytes::one(key), number(depth)));
        }
        ["stray", key, value @ ..] => put(&mut database.strays, key, value, 0),
        ["inline", name] => bucket(database, name).inline = true,
        ["leaves", name, count] => bucket(database, name).leaves = number(count),
        ["chain", name, count] => bucket(database, name).chain = number(count),
        ["uneven", name] => bucket(database, name).uneven = true,
        ["free", count] => database.free = bytes::number(count),
        ["freelist"] => database.freelist = true,
        _ => return false,
    }
    true
}

fn bucket<'d>(database: &'d mut Database, name: &str) -> &'d mut Bucket {
    let bucket = database.buckets.get_mut(name.as_bytes());
    bucket.unwrap_or_else(|| panic!("there is no bucket {name}"))
}

fn put(elements: &mut Elements, key: &str, value: &[&str], flags: u32) {
    let value = value.iter().flat_map(|word| bytes::one(word)).collect();
    elements.insert(bytes::one(key), (flags, value));
}

fn number(text: &str) -> usize {
    usize::try_from(bytes::number(text)).expect("a number for this machine")
}

/// What becomes of the digest at the end.
#[derive(Debug, Clone, Copy, Default)]
enum Trailer {
    /// There is none, or what there is belongs to the bytes.
    #[default]
    None,
    /// It is computed when all is done, as if the server had sent the damage.
    Right,
    /// It stays as it was before the damage.
    Old([u8; 32]),
}

/// A file being damaged.
#[derive(Debug, Default)]
struct Work {
    bytes: Vec<u8>,
    /// The digest before any damage.
    first: [u8; 32],
    trailer: Trailer,
}

impl Work {
    fn new(bytes: Vec<u8>, trailer: Trailer) -> Self {
        Self {
            first: sha256(&bytes),
            bytes,
            trailer,
        }
    }

    fn of_file(mut bytes: Vec<u8>) -> Self {
        if bytes.len() % 512 != 32 {
            return Self::new(bytes, Trailer::None);
        }
        bytes.truncate(bytes.len() - 32);
        Self::new(bytes, Trailer::Right)
    }

    fn finish(mut self) -> Vec<u8> {
        self.seal();
        self.bytes
    }

    /// Puts the digest in its place; from here on the bytes are those of the whole file.
    fn seal(&mut self) {
        match self.trailer {
            Trailer::None => {}
            Trailer::Right => self.bytes.extend(sha256(&self.bytes)),
            Trailer::Old(digest) => self.bytes.extend(digest),
        }
        self.trailer = Trailer::None;
    }

    fn step(&mut self, line: &[String]) -> Option<()> {
        let words: Vec<&str> = line.iter().map(String::as_str).collect();
        match &*words {
            ["old-trailer"] => self.trailer = Trailer::Old(self.first),
            ["no-trailer"] => self.trailer = Trailer::None,
            ["keep", len] => {
                self.seal();
                self.bytes.truncate(number(len));
            }
            ["lose", len] => {
                self.seal();
                let rest = self.bytes.len().checked_sub(number(len))?;
                self.bytes.truncate(rest);
            }
            ["append", ..] => {
                self.seal();
                self.bytes.extend(bytes::joined(&line[1..]));
            }
            ["prepend", ..] => {
                self.seal();
                self.bytes.splice(0..0, bytes::joined(&line[1..]));
            }
            ["drop", from, len] => {
                self.seal();
                let (from, len) = (number(from), number(len));
                self.bytes.drain(from..from + len);
            }
            ["twice", from, len] => {
                self.seal();
                let (from, len) = (number(from), number(len));
                let block = self.bytes.get(from..from + len)?.to_vec();
                self.bytes.splice(from..from, block);
            }
            ["crlf"] => {
                self.seal();
                self.bytes = crlf(&self.bytes);
            }
            ["utf8"] => {
                self.seal();
                let text: String = self.bytes.iter().map(|b| char::from(*b)).collect();
                self.bytes = text.into_bytes();
            }
            ["become", ..] => {
                self.bytes = bytes::joined(&line[1..]);
                self.trailer = Trailer::None;
            }
            ["write", at, ..] => self.put(number(at), &bytes::joined(&line[2..]))?,
            ["bytes", page, at, ..] => {
                let at = self.offset(page)? + number(at);
                self.put(at, &bytes::joined(&line[3..]))?;
            }
            ["key", page, index, ..] => {
                let (at, element) = self.leaf_element(page, index)?;
                let new = bytes::joined(&line[3..]);
                assert!(new.len() <= element.key_size as usize, "{line:?}");
                self.put(at + element.pos as usize, &new)?;
            }
            ["value", page, index, ..] => {
                let (at, element) = self.leaf_element(page, index)?;
                let new = bytes::joined(&line[3..]);
                assert!(new.len() <= element.value_size as usize, "{line:?}");
                self.put(at + (element.pos + element.key_size) as usize, &new)?;
            }
            ["zero", page] => {
                let at = self.offset(page)?;
                let len = self.page_size()?;
                self.put(at, &vec![0; len])?;
            }
            ["copy", from, to] => {
                let (from, to) = (self.offset(from)?, self.offset(to)?);
                let page = self.bytes.get(from..from + self.page_size()?)?.to_vec();
                self.put(to, &page)?;
            }
            ["swap", one, other] => {
                let (one, other) = (self.offset(one)?, self.offset(other)?);
                let size = self.page_size()?;
                let first = self.bytes.get(one..one + size)?.to_vec();
                let second = self.bytes.get(other..other + size)?.to_vec();
                self.put(one, &second)?;
                self.put(other, &first)?;
            }
            ["page", page, field, "=", value] => {
                let at = self.offset(page)?;
                let value = self.number(value)?;
                let mut header = PageHeader::decode(self.bytes.get(at..)?)?;
                match *field {
                    "id" => header.id = PageId(value),
                    "flags" => header.flags = value.try_into().ok()?,
                    "count" => header.count = value.try_into().ok()?,
                    "overflow" => header.overflow = value.try_into().ok()?,
                    _ => return None,
                }
                self.put(at, &header.encode())?;
            }
            ["leaf", page, index, field, "=", value] => {
                let (at, mut element) = self.leaf_element(page, index)?;
                let value = u32::try_from(self.number(value)?).ok()?;
                *match *field {
                    "flags" => &mut element.flags,
                    "pos" => &mut element.pos,
                    "key-size" => &mut element.key_size,
                    "value-size" => &mut element.value_size,
                    _ => return None,
                } = value;
                self.put(at, &element.encode())?;
            }
            ["branch", page, index, field, "=", value] => {
                let at = self.element(page, index)?;
                let mut element = BranchElement::decode(self.bytes.get(at..)?)?;
                let value = self.number(value)?;
                match *field {
                    "pos" => element.pos = value.try_into().ok()?,
                    "key-size" => element.key_size = value.try_into().ok()?,
                    "child" => element.child = PageId(value),
                    _ => return None,
                }
                self.put(at, &element.encode())?;
            }
            ["meta", number, field, "=", value] => {
                let at = self.offset(number)? + PAGE_HEADER;
                let mut meta = RawMeta::decode(self.bytes.get(at..at + META)?)?;
                let value = self.number(value)?;
                match *field {
                    "magic" => meta.magic = value.try_into().ok()?,
                    "version" => meta.version = value.try_into().ok()?,
                    "page-size" => meta.page_size = value.try_into().ok()?,
                    "root" => meta.root = PageId(value),
                    "freelist" => meta.freelist = value,
                    "high-water" => meta.high_water = PageId(value),
                    "txid" => meta.txid = TxId(value),
                    "checksum" => meta.checksum = value,
                    _ => return None,
                }
                if *field != "checksum" {
                    meta = meta.sealed();
                }
                self.put(at, &meta.encode())?;
            }
            ["free-id", index, "=", value] => {
                let at = self.offset("@freelist")? + PAGE_HEADER + 8 * number(index);
                let value = self.number(value)?;
                self.put(at, &value.to_le_bytes())?;
            }
            _ => return None,
        }
        Some(())
    }

    fn put(&mut self, at: usize, new: &[u8]) -> Option<()> {
        self.bytes.get_mut(at..at + new.len())?.copy_from_slice(new);
        Some(())
    }

    fn page_size(&self) -> Option<usize> {
        Some(self.meta()?.page_size as usize)
    }

    /// Meta 0, or meta 1 of pages of 4096 bytes when that one was damaged before.
    fn meta(&self) -> Option<RawMeta> {
        let at = |at: usize| RawMeta::decode(self.bytes.get(at + PAGE_HEADER..)?);
        let sound = |meta: &RawMeta| meta.sealed() == *meta && meta.page_size >= 1024;
        let zero = at(0).filter(sound);
        zero.or_else(|| at(4096).filter(sound))
    }

    fn offset(&self, page: &str) -> Option<usize> {
        usize::try_from(self.number(page)?)
            .ok()?
            .checked_mul(self.page_size()?)
    }

    fn element(&self, page: &str, index: &str) -> Option<usize> {
        Some(self.offset(page)? + PAGE_HEADER + ELEMENT_HEADER * number(index))
    }

    fn leaf_element(&self, page: &str, index: &str) -> Option<(usize, LeafElement)> {
        let at = self.element(page, index)?;
        Some((at, LeafElement::decode(self.bytes.get(at..)?)?))
    }

    /// A number, or the page that a name such as `@key/3` stands for.
    fn number(&self, text: &str) -> Option<u64> {
        let Some(name) = text.strip_prefix('@') else {
            return Some(bytes::number(text));
        };
        let meta = self.meta()?;
        let mut parts = name.split('/');
        let mut page = match parts.next()? {
            "root" => meta.root.0,
            "freelist" => meta.freelist,
            "high-water" => return Some(meta.high_water.0),
            bucket => self.bucket_root(meta.root.0, bucket.as_bytes())?,
        };
        for index in parts {
            let at = self.element(&page.to_string(), index)?;
            page = BranchElement::decode(self.bytes.get(at..)?)?.child.0;
        }
        Some(page)
    }

    fn bucket_root(&self, root: u64, name: &[u8]) -> Option<u64> {
        let root = root.to_string();
        let at = self.offset(&root)?;
        let count = PageHeader::decode(self.bytes.get(at..)?)?.count;
        for index in 0..count {
            let (at, element) = self.leaf_element(&root, &index.to_string())?;
            let key = at + element.pos as usize;
            let value = key + element.key_size as usize;
            if self.bytes.get(key..value)? == name {
                let header = BucketHeader::decode(self.bytes.get(value..)?)?;
                return Some(header.root.0).filter(|page| *page != 0);
            }
        }
        None
    }
}

fn crlf(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for byte in bytes {
        if *byte == b'\n' {
            out.push(b'\r');
        }
        out.push(*byte);
    }
    out
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut stream = Sha256Stream::new();
    stream.update(bytes);
    stream.finish().0
}
