//! Moving through one bucket key by key, for commands that need a few entries and not a scan.

use std::fmt;

use super::check::codes;
use super::elements::leaf_element;
use super::layout::{ELEMENT_HEADER, ELEMENT_IS_BUCKET, PAGE_HEADER, PageHeader, flags};
use super::pages::{AbsentPage, PageError, Pages, WHOLE_OBJECT_LIMIT};
use super::plan::{branch_element, branch_key};
use crate::error::{Error, Result};
use crate::finding::{Observation, Place};
use crate::ids::{FileOffset, PageId};
use crate::source::WindowBuffer;

/// Levels beyond which a tree is taken for a loop.
const MAX_DEPTH: usize = 64;

/// One entry of a bucket, borrowed from the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'c> {
    /// The key.
    pub key: &'c [u8],
    /// The value; of a bucket, its header and what follows.
    pub value: &'c [u8],
    /// True when the value is a bucket.
    pub is_bucket: bool,
}

/// Why a cursor gives no entry.
#[derive(Debug, thiserror::Error)]
pub enum CursorError {
    /// The tree is damaged on the way.
    #[error(transparent)]
    Damaged(Box<CursorDamage>),
    /// Reading failed, or the caller asked to stop.
    #[error(transparent)]
    Read(#[from] Error),
}

impl From<CursorDamage> for CursorError {
    fn from(damage: CursorDamage) -> Self {
        Self::Damaged(Box::new(damage))
    }
}

impl CursorError {
    /// Sets damage apart from what fails, for jobs that report it and go on elsewhere.
    pub(crate) fn damage_apart<T>(
        outcome: Result<T, Self>,
    ) -> Result<Result<T, Box<CursorDamage>>> {
        match outcome {
            Ok(found) => Ok(Ok(found)),
            Err(Self::Damaged(damage)) => Ok(Err(damage)),
            Err(Self::Read(error)) => Err(error),
        }
    }

    /// What was found; nothing behind damage, which is for others to report.
    pub(crate) fn unless_damaged<T>(outcome: Result<T, Self>) -> Result<Option<T>> {
        Ok(Self::damage_apart(outcome)?.ok())
    }
}

/// Damage that a cursor cannot get past.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {kind}")]
pub struct CursorDamage {
    /// Where.
    pub place: Place,
    /// What is wrong there.
    pub kind: CursorDamageKind,
}

/// What is wrong where a cursor cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CursorDamageKind {
    /// The page says that it is another one.
    OtherPage(PageId),
    /// The page is of a type that no tree has; its flags.
    OtherType(u16),
    /// The branch does not have an element of this number.
    NoElement(u16),
    /// The page id is below 2, or not below the high-water mark.
    OutOfBounds,
    /// The file ends before the page.
    BeyondFile,
    /// More pages are on the way than the file has.
    LongWay,
    /// The branch leads in a circle, or deeper than any tree is.
    Loop,
    /// The page of an inline bucket cannot be read.
    InlineBucket,
    /// A bucket's value is too short for its header.
    BucketHeader,
    /// Key or value end behind the page.
    ElementOutside,
    /// Going up, the next key is not above the last one.
    NotAbove,
    /// Going down, the next key is not below the last one.
    NotBelow,
}

impl CursorDamageKind {
    /// Those that have a word, and what they say.
    pub(crate) const WORDS: [(Self, &'static str, &'static str); 9] = [
        (
            Self::OutOfBounds,
            "out-of-bounds",
            "the page id is out of bounds",
        ),
        (
            Self::BeyondFile,
            "beyond-file",
            "the page lies beyond the end of the file",
        ),
        (
            Self::LongWay,
            "long-way",
            "the way leads over more pages than the file has",
        ),
        (
            Self::Loop,
            "loop",
            "the branch leads back to a page above it, or too deep",
        ),
        (
            Self::InlineBucket,
            "inline-bucket",
            "the inline bucket is damaged",
        ),
        (
            Self::BucketHeader,
            "bucket-header",
            "the bucket's header is cut off",
        ),
        (
            Self::ElementOutside,
            "element-outside",
            "the element reaches out of its page",
        ),
        (
            Self::NotAbove,
            "not-above",
            "the key is not above the one before it",
        ),
        (
            Self::NotBelow,
            "not-below",
            "the key is not below the one after it",
        ),
    ];

    fn word(self) -> (&'static str, &'static str) {
        let found = Self::WORDS.into_iter().find(|(kind, ..)| *kind == self);
        found.map_or(("", ""), |(_, word, text)| (word, text))
    }

    /// The same as a finding, for where no check has told it.
    pub(crate) fn observation(self) -> Observation {
        match self {
            Self::OtherPage(found) => codes::OtherPage { found }.into(),
            Self::OtherType(found) => codes::SearchMetType { found }.into(),
            Self::NoElement(element) => codes::SearchLacksElement {
                element: u64::from(element),
            }
            .into(),
            other => codes::SearchStopped {
                fault: other.word().0,
            }
            .into(),
        }
    }
}

impl fmt::Display for CursorDamageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherPage(page) => write!(f, "the page says it is page {page}"),
            Self::OtherType(flags) => write!(f, "the page is of type {}", flags::name(*flags)),
            Self::NoElement(element) => write!(f, "the branch has no element {element}"),
            other => f.write_str(other.word().1),
        }
    }
}

/// A position in one bucket. Once it has met damage, every further move reports the same damage.
///
/// Whatever the file says, a move ends: it looks at no more pages than the file has, and `next` and `prev`
/// go on only while keys ascend or descend.
#[derive(Debug)]
pub struct Cursor<'s> {
    pages: Pages<'s>,
    root: Root,
    stack: Vec<Level<'s>>,
    /// Key and value of the current element, where its leaf is not held whole.
    element: Vec<u8>,
    damage: Option<CursorDamage>,
    /// Pages that the current move may still look at.
    budget: u64,
    /// The key that the last move came to.
    key: Vec<u8>,
}

/// Which way keys must go for a move to be sound.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Anywhere,
    Up,
    Down,
}

#[derive(Debug)]
enum Root {
    Page(PageId),
    Inline {
        page: PageId,
        bytes: Vec<u8>,
        offset: FileOffset,
    },
}

#[derive(Debug)]
struct Level<'s> {
    page: PageId,
    header: PageHeader,
    bytes: Held<'s>,
    index: u16,
}

#[derive(Debug)]
enum Held<'s> {
    Lent(&'s [u8]),
    Copied(Vec<u8>),
    /// The header and element headers of a leaf that is too long to be held whole; keys and values are
    /// read one by one.
    Table(Vec<u8>),
}

impl Held<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Held::Lent(bytes) => bytes,
            Held::Copied(bytes) | Held::Table(bytes) => bytes,
        }
    }
}

impl<'s> Cursor<'s> {
    pub(crate) fn over_tree(pages: Pages<'s>, root: PageId) -> Self {
        Self {
            pages,
            root: Root::Page(root),
            stack: Vec::new(),
            element: Vec::new(),
            damage: None,
            budget: 0,
            key: Vec::new(),
        }
    }

    pub(crate) fn over_inline(
        pages: Pages<'s>,
        page: PageId,
        offset: FileOffset,
        bytes: Vec<u8>,
    ) -> Self {
        Self {
            pages,
            root: Root::Inline {
                page,
                bytes,
                offset,
            },
            stack: Vec::new(),
            element: Vec::new(),
            damage: None,
            budget: 0,
            key: Vec::new(),
        }
    }

    /// Moves to the first entry.
    ///
    /// # Errors
    /// [`CursorError`]
    pub fn first(&mut self) -> Result<Option<Entry<'_>>, CursorError> {
        self.run(Direction::Anywhere, |cursor| {
            cursor.stack.clear();
            cursor.descend(None, End::First)?;
            cursor.skip_empty(End::First)
        })
    }

    /// Moves to the last entry.
    ///
    /// # Errors
    /// [`CursorError`]
    pub fn last(&mut self) -> Result<Option<Entry<'_>>, CursorError> {
        self.run(Direction::Anywhere, |cursor| {
            cursor.stack.clear();
            cursor.descend(None, End::Last)?;
            cursor.skip_empty(End::Last)
        })
    }

    /// Moves to the first entry whose key is not below `key`.
    ///
    /// # Errors
    /// [`CursorError`]
    pub fn seek(&mut self, key: &[u8]) -> Result<Option<Entry<'_>>, CursorError> {
        self.run(Direction::Anywhere, |cursor| {
            cursor.stack.clear();
            cursor.descend(Some(key), End::First)?;
            cursor.skip_empty(End::First)
        })
    }

    /// Moves on by one entry.
    ///
    /// # Errors
    /// [`CursorError`]
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator cannot lend from itself"
    )]
    pub fn next(&mut self) -> Result<Option<Entry<'_>>, CursorError> {
        self.run(Direction::Up, |cursor| {
            if let Some(leaf) = cursor.stack.last_mut() {
                leaf.index = leaf.index.saturating_add(1);
            }
            cursor.skip_empty(End::First)
        })
    }

    /// Moves back by one entry.
    ///
    /// # Errors
    /// [`CursorError`]
    pub fn prev(&mut self) -> Result<Option<Entry<'_>>, CursorError> {
        self.run(Direction::Down, |cursor| {
            match cursor.stack.last_mut() {
                Some(leaf) if leaf.index > 0 => {
                    leaf.index = leaf.index.min(leaf.header.count).saturating_sub(1);
                    return Ok(());
                }
                Some(_) => cursor.stack.truncate(cursor.stack.len().saturating_sub(1)),
                None => return Ok(()),
            }
            cursor.step_branches(End::Last)?;
            cursor.skip_empty(End::Last)
        })
    }

    /// The entry that the last move came to.
    ///
    /// # Errors
    /// [`CursorError::Damaged`], where the last move met damage.
    pub fn current(&self) -> Result<Option<Entry<'_>>, CursorError> {
        match &self.damage {
            Some(damage) => Err(damage.clone().into()),
            None => Ok(self.entry()),
        }
    }

    /// Where the current entry is.
    pub fn place(&self) -> Place {
        let Some(leaf) = self.stack.last() else {
            return Place::default();
        };
        let mut place = match &self.root {
            Root::Page(_) => Place::page(leaf.page, self.pages.geometry.page_size),
            Root::Inline { page, offset, .. } => Place {
                offset: Some(*offset),
                page: Some(*page),
                ..Place::default()
            },
        };
        place.path = self.stack.iter().map(|level| level.page).collect();
        place.element = Some(u32::from(leaf.index));
        place
    }

    fn run(
        &mut self,
        way: Direction,
        step: impl FnOnce(&mut Self) -> Result<(), CursorError>,
    ) -> Result<Option<Entry<'_>>, CursorError> {
        let pages = self.pages.geometry.pages_in_file;
        self.budget = pages.saturating_add(MAX_DEPTH as u64);
        if self.damage.is_none()
            && let Err(damage) = CursorError::damage_apart(step(self))?
        {
            self.damage = Some(*damage);
        }
        if let Some(damage) = &self.damage {
            return Err(damage.clone().into());
        }
        if self.stack.is_empty() {
            return Ok(None);
        }
        self.read_element()?;
        let wrong = match self.entry() {
            None => Some(CursorDamageKind::ElementOutside),
            Some(entry) if way == Direction::Up && *entry.key <= *self.key => {
                Some(CursorDamageKind::NotAbove)
            }
            Some(entry) if way == Direction::Down && *entry.key >= *self.key => {
                Some(CursorDamageKind::NotBelow)
            }
            Some(_) => None,
        };
        if let Some(kind) = wrong {
            let damage = CursorDamage {
                place: self.place(),
                kind,
            };
            self.damage = Some(damage.clone());
            return Err(damage.into());
        }
        let key = self
            .entry()
            .map_or_else(Vec::new, |entry| entry.key.to_vec());
        self.key = key;
        Ok(self.entry())
    }

    fn entry(&self) -> Option<Entry<'_>> {
        let leaf = self.stack.last()?;
        let (element, key) = leaf_element(leaf.bytes.bytes(), leaf.index)?;
        let is_bucket = element.flags & ELEMENT_IS_BUCKET != 0;
        let (bytes, key) = match &leaf.bytes {
            Held::Table(_) => (&*self.element, 0),
            held => (held.bytes(), key),
        };
        let value = key.checked_add(element.key_size as usize)?;
        let end = value.checked_add(element.value_size as usize)?;
        Some(Entry {
            key: bytes.get(key..value)?,
            value: bytes.get(value..end)?,
            is_bucket,
        })
    }

    /// Reads the current element of a leaf that is not held whole.
    fn read_element(&mut self) -> Result<()> {
        let Some(leaf) = self
            .stack
            .last()
            .filter(|leaf| matches!(leaf.bytes, Held::Table(_)))
        else {
            return Ok(());
        };
        self.element.clear();
        let Some((element, _)) = leaf_element(leaf.bytes.bytes(), leaf.index) else {
            return Ok(());
        };
        let len = u64::from(element.key_size).saturating_add(u64::from(element.value_size));
        let mut bytes = Vec::new();
        if self.read_far(leaf, leaf.index, len, &mut bytes)? {
            self.element = bytes;
        }
        Ok(())
    }

    /// Reads `len` bytes from the key of an element on; false when they are not inside the leaf.
    fn read_far(
        &self,
        leaf: &Level<'_>,
        index: u16,
        len: u64,
        bytes: &mut Vec<u8>,
    ) -> Result<bool> {
        let Some((_, key)) = leaf_element(leaf.bytes.bytes(), index) else {
            return Ok(false);
        };
        let object = self.pages.geometry.object_len(leaf.header.overflow);
        let end = (key as u64).saturating_add(len);
        let offset = leaf
            .page
            .offset(self.pages.geometry.page_size)
            .unwrap_or_default();
        if end > object || offset.0.saturating_add(end) > self.pages.source.len() {
            return Ok(false);
        }
        bytes.resize(usize::try_from(len).unwrap_or(0), 0);
        self.pages
            .source
            .read_exact_at(offset.plus(key as u64), bytes)?;
        Ok(true)
    }

    /// Goes down from the top, or from the child of the lowest branch, to a leaf.
    fn descend(&mut self, key: Option<&[u8]>, end: End) -> Result<(), CursorError> {
        loop {
            let child = match self.stack.last() {
                None => match &self.root {
                    Root::Page(page) => *page,
                    Root::Inline { page, bytes, .. } => {
                        let mut level = inline_level(*page, bytes.clone())
                            .ok_or_else(|| self.damage_at(*page, CursorDamageKind::InlineBucket))?;
                        level.index = self.place_in_leaf(&level, key, end)?;
                        self.stack.push(level);
                        return Ok(());
                    }
                },
                Some(level) if level.header.flags == flags::LEAF => return Ok(()),
                Some(level) => match branch_element(level.bytes.bytes(), level.index) {
                    Some(element) if level.index < level.header.count => element.child,
                    _ => {
                        let kind = CursorDamageKind::NoElement(level.index);
                        return Err(self.damage_at(level.page, kind).into());
                    }
                },
            };
            let Some(budget) = self.budget.checked_sub(1) else {
                return Err(self.damage_at(child, CursorDamageKind::LongWay).into());
            };
            self.budget = budget;
            crate::steps::count(1);
            if self.stack.len() >= MAX_DEPTH || self.stack.iter().any(|l| l.page == child) {
                return Err(self.damage_at(child, CursorDamageKind::Loop).into());
            }
            let mut level = self.load(child)?;
            level.index = if level.header.flags == flags::LEAF {
                self.place_in_leaf(&level, key, end)?
            } else {
                place_in_branch(&level, key, end)
            };
            self.stack.push(level);
        }
    }

    /// Past the end or before the beginning of a leaf: goes to the neighbour, over empty leaves.
    fn skip_empty(&mut self, end: End) -> Result<(), CursorError> {
        while let Some(leaf) = self.stack.last() {
            if leaf.index < leaf.header.count {
                return Ok(());
            }
            self.stack.pop();
            self.step_branches(end)?;
        }
        Ok(())
    }

    /// Moves the lowest branch that has a further child to it, and down to a leaf again.
    fn step_branches(&mut self, end: End) -> Result<(), CursorError> {
        while let Some(branch) = self.stack.last_mut() {
            let next = match end {
                End::First => {
                    Some(branch.index.saturating_add(1)).filter(|i| *i < branch.header.count)
                }
                End::Last => branch.index.checked_sub(1),
            };
            match next {
                Some(index) => {
                    branch.index = index;
                    return self.descend(None, end);
                }
                None => {
                    self.stack.pop();
                }
            }
        }
        Ok(())
    }

    fn load(&self, page: PageId) -> Result<Level<'s>, CursorError> {
        let header = match self.pages.header(page) {
            Ok(header) => header,
            Err(PageError::Absent(AbsentPage::OutOfBounds)) => {
                return Err(self.damage_at(page, CursorDamageKind::OutOfBounds).into());
            }
            Err(PageError::Absent(AbsentPage::BeyondFile)) => {
                return Err(self.damage_at(page, CursorDamageKind::BeyondFile).into());
            }
            Err(PageError::Read(error)) => return Err(error.into()),
        };
        if header.id != page {
            let kind = CursorDamageKind::OtherPage(header.id);
            return Err(self.damage_at(page, kind).into());
        }
        if header.flags != flags::LEAF && header.flags != flags::BRANCH {
            let kind = CursorDamageKind::OtherType(header.flags);
            return Err(self.damage_at(page, kind).into());
        }
        let len = self.pages.geometry.object_len(header.overflow);
        let source = self.pages.source;
        let is_long = len > WHOLE_OBJECT_LIMIT && source.bytes().is_none();
        // Of a branch nobody needs more: its data end long before.
        let limit = if is_long && header.flags == flags::LEAF {
            PAGE_HEADER.saturating_add(ELEMENT_HEADER.saturating_mul(usize::from(header.count)))
                as u64
        } else {
            WHOLE_OBJECT_LIMIT
        };
        let offset = page
            .offset(self.pages.geometry.page_size)
            .unwrap_or_default();
        let held = match source.bytes() {
            Some(all) => usize::try_from(offset.0)
                .ok()
                .zip(usize::try_from(len).ok())
                .and_then(|(at, len)| all.get(at..at.saturating_add(len).min(all.len())))
                .map(Held::Lent),
            None => {
                let mut buffer = WindowBuffer::new();
                match PageError::unless_absent(self.pages.object(page, limit, &mut buffer))? {
                    Some((_, bytes)) if limit < WHOLE_OBJECT_LIMIT => {
                        Some(Held::Table(bytes.to_vec()))
                    }
                    Some((_, bytes)) => Some(Held::Copied(bytes.to_vec())),
                    None => None,
                }
            }
        };
        let bytes = held.ok_or_else(|| self.damage_at(page, CursorDamageKind::BeyondFile))?;
        Ok(Level {
            page,
            header,
            bytes,
            index: 0,
        })
    }

    fn place_in_leaf(&self, level: &Level<'_>, key: Option<&[u8]>, end: End) -> Result<u16> {
        let Some(key) = key else {
            return Ok(match end {
                End::First => 0,
                // An empty leaf gives 0, which is not below its count and is skipped.
                End::Last => level.header.count.saturating_sub(1),
            });
        };
        let bytes = level.bytes.bytes();
        let mut far = Vec::new();
        let mut failed = Ok(());
        let index = partition(level.header.count, |index| {
            let Some((element, start)) = leaf_element(bytes, index) else {
                return false;
            };
            if !matches!(level.bytes, Held::Table(_)) {
                let found = bytes.get(start..start.saturating_add(element.key_size as usize));
                return found.is_some_and(|found| found < key);
            }
            match self.read_far(level, index, u64::from(element.key_size), &mut far) {
                Ok(true) => &*far < key,
                Ok(false) => false,
                Err(error) => {
                    failed = Err(error);
                    false
                }
            }
        });
        failed.map(|()| index)
    }

    fn damage_at(&self, page: PageId, kind: CursorDamageKind) -> CursorDamage {
        let mut place = Place::page(page, self.pages.geometry.page_size);
        place.path = self.stack.iter().map(|level| level.page).collect();
        place.path.push(page);
        CursorDamage { place, kind }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    First,
    Last,
}

fn inline_level<'s>(page: PageId, bytes: Vec<u8>) -> Option<Level<'s>> {
    let header = PageHeader::decode(&bytes).filter(|header| header.flags == flags::LEAF)?;
    Some(Level {
        page,
        header,
        bytes: Held::Copied(bytes),
        index: 0,
    })
}

fn place_in_branch(level: &Level<'_>, key: Option<&[u8]>, end: End) -> u16 {
    let Some(key) = key else {
        return match end {
            End::First => 0,
            End::Last => level.header.count.saturating_sub(1),
        };
    };
    let bytes = level.bytes.bytes();
    // The last element whose key is not above the wanted one, or the first element.
    partition(level.header.count, |index| {
        branch_element(bytes, index)
            .and_then(|e| branch_key(bytes, index, &e))
            .is_some_and(|found| found <= key)
    })
    .saturating_sub(1)
}

/// The first index below `count` for which `before` is false.
fn partition(count: u16, mut before: impl FnMut(u16) -> bool) -> u16 {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low.midpoint(high);
        if before(middle) {
            low = middle.saturating_add(1);
        } else {
            high = middle;
        }
    }
    low
}
