//! The messages that bbolt's own check (`tx.Check`) gives for a damaged tree, word for word.
//!
//! Sources: bbolt v1.3.6 tx.go, v1.3.12 and v1.4.3 tx_check.go. The walk is repeated here because its
//! order and its quirks are part of the text. It runs only after the scan has found damage, reads a few
//! times the length of the file at most, and gives up where bbolt itself would crash.

use std::cmp::Ordering;
use std::fmt::Write as _;

use crate::bolt::Database;
use crate::bolt::elements::leaf_entry;
use crate::bolt::freelist::Freelist;
use crate::bolt::layout::{BucketHeader, ELEMENT_IS_BUCKET, PAGE_HEADER, PageHeader, flags};
use crate::bolt::page_set::PageSet;
use crate::bolt::pages::PageError;
use crate::bolt::plan::{BRANCH_SLACK, branch_element, branch_key};
use crate::error::Result;
use crate::finding::{Collector, escape};
use crate::ids::PageId;
use crate::options::Options;
use crate::source::WindowBuffer;

/// Which bbolt's texts are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageStyle {
    /// From 1.3.7: key order is checked and messages name the stack of pages.
    pub key_order: bool,
    /// From 1.4: the text for a page of an unexpected type names its flags.
    pub names_flags: bool,
}

/// More text than this helps nobody.
const TEXT_LIMIT: usize = 8 << 20;
/// What looking at a page costs at least, in bytes of the budget.
const PAGE_COST: u64 = 512;
/// Branch and leaf objects longer than this are not walked again for their messages.
const OBJECT_LIMIT: u64 = 64 << 20;
const MAX_DEPTH: usize = 64;

/// The messages of bbolt's check, in its order. Empty when bbolt would find nothing, or would crash
/// before it could say anything.
///
/// # Errors
/// Reading, cancelling.
pub fn bolt_messages(
    database: &Database<'_>,
    style: MessageStyle,
    options: &Options,
) -> Result<Vec<String>> {
    let geometry = database.geometry();
    let pages = geometry.pages_in_file.min(geometry.high_water.0);
    let mut ignored = Collector::new(1);
    let freelist = match database.selected().meta.freelist {
        Some(page) => Some(Freelist::read(database.pages(), page, &mut ignored)?),
        None => None,
    };
    let mut check = Check {
        database,
        style,
        options,
        messages: Vec::new(),
        reachable: PageSet::new(pages),
        walked: PageSet::new(pages),
        free: freelist.as_ref().map(|list| &list.free),
        budget: database
            .len()
            .saturating_mul(4)
            .saturating_add(OBJECT_LIMIT),
        text: 0,
    };
    if let Some(list) = &freelist {
        check.freed_twice(list)?;
    }
    check.reachable.insert(PageId(0));
    check.reachable.insert(PageId(1));
    for page in freelist.iter().flat_map(|list| list.own_pages.clone()) {
        check.reachable.insert(PageId(page));
    }
    check.bucket(database.selected().meta.root, 0)?;
    if let Some(list) = &freelist {
        for id in (0..pages).map(PageId) {
            if !check.reachable.contains(id) && !list.free.contains(id) {
                check.say(format!("page {id}: unreachable unfreed"));
            }
        }
    }
    Ok(check.messages)
}

struct Check<'d, 's> {
    database: &'d Database<'s>,
    style: MessageStyle,
    options: &'d Options,
    messages: Vec<String>,
    reachable: PageSet,
    /// Objects whose keys have been walked; bbolt walks them again, which may never end.
    walked: PageSet,
    free: Option<&'d PageSet>,
    /// Bytes that may still be read: pages that are referenced again and again end the walk.
    budget: u64,
    /// Bytes of all messages.
    text: usize,
}

impl Check<'_, '_> {
    fn say(&mut self, message: String) {
        if self.text < TEXT_LIMIT {
            self.text = self.text.saturating_add(message.len());
            self.messages.push(message);
        }
    }

    /// Takes `cost` from what may still be read. False when the walk is to end: nothing is left, or
    /// nobody would read more messages.
    fn spend(&mut self, cost: u64) -> bool {
        self.budget = self.budget.saturating_sub(cost);
        self.budget > 0 && self.text < TEXT_LIMIT
    }

    fn freed_twice(&mut self, list: &Freelist) -> Result<()> {
        let pages = self.database.pages();
        let geometry = pages.geometry;
        let mut buffer = WindowBuffer::new();
        let page = PageId(list.own_pages.start);
        let limit = geometry.object_len(u32::MAX);
        let object = pages.object(page, limit.min(OBJECT_LIMIT), &mut buffer);
        let Some((header, bytes)) = PageError::unless_absent(object)? else {
            return Ok(());
        };
        let first = PAGE_HEADER.saturating_add(if header.count == u16::MAX { 8 } else { 0 });
        let ids = bytes.get(first..).unwrap_or_default().chunks_exact(8);
        let mut ids: Vec<u64> = ids
            .take(usize::try_from(list.count).unwrap_or(usize::MAX))
            .filter_map(|id| id.first_chunk().copied().map(u64::from_le_bytes))
            .collect();
        ids.sort_unstable();
        for (a, b) in ids.iter().zip(ids.iter().skip(1)) {
            if a == b {
                self.say(format!("page {a}: already freed"));
            }
        }
        Ok(())
    }

    fn bucket(&mut self, root: PageId, nesting: usize) -> Result<()> {
        if root == PageId(0) || nesting > MAX_DEPTH {
            return Ok(());
        }
        let mut stack = Vec::new();
        self.visit(root, &mut stack)?;
        if self.style.key_order {
            let mut stack = Vec::new();
            self.key_order(root, None, None, &mut stack)?;
        }
        let mut buckets = Vec::new();
        let mut stack = Vec::new();
        self.nested(root, &mut stack, &mut buckets)?;
        for bucket in buckets {
            self.bucket(bucket, nesting.saturating_add(1))?;
        }
        Ok(())
    }

    /// The header of a page, and its bytes as far as the walk needs them: of a branch the part that can
    /// hold its elements, of a leaf all of it if its elements are wanted.
    fn object(&mut self, page: PageId, leaves: bool) -> Result<Option<(PageHeader, Vec<u8>)>> {
        if !self.spend(PAGE_COST) {
            return Ok(None);
        }
        let mut buffer = WindowBuffer::new();
        let pages = self.database.pages();
        let Some(header) = PageError::unless_absent(pages.header(page))? else {
            return Ok(None);
        };
        let limit = match header.flags {
            flags::BRANCH => u64::from(pages.geometry.page_size).saturating_add(BRANCH_SLACK),
            flags::LEAF if leaves => OBJECT_LIMIT,
            _ => PAGE_HEADER as u64,
        };
        let object = pages.object(page, limit, &mut buffer);
        let Some((header, bytes)) = PageError::unless_absent(object)? else {
            return Ok(None);
        };
        self.budget = self.budget.saturating_sub(bytes.len() as u64);
        Ok(Some((header, bytes.to_vec())))
    }

    /// Phase B1: page references.
    fn visit(&mut self, page: PageId, stack: &mut Vec<PageId>) -> Result<()> {
        self.options.cancel.check()?;
        let Some((header, bytes)) = self.object(page, false)? else {
            return Ok(());
        };
        stack.push(page);
        // bbolt prints and follows what the page says of itself; newer ones crash when it is wrong.
        let id = header.id;
        let tail = if self.style.key_order {
            format!(" (stack: {})", list(stack))
        } else {
            String::new()
        };
        let high_water = self.database.geometry().high_water;
        if id > high_water {
            self.say(format!("page {id}: out of bounds: {high_water}{tail}"));
        }
        let mut again = false;
        for step in 0..=u64::from(header.overflow) {
            let part = PageId(id.0.saturating_add(step));
            if !self.spend(16) {
                break;
            }
            if self.reachable.contains(part) {
                self.say(format!("page {part}: multiple references{tail}"));
                again |= step == 0;
            }
            if part.0 >= self.database.geometry().pages_in_file {
                break;
            }
            self.reachable.insert(part);
        }
        let is_tree = matches!(header.flags, flags::BRANCH | flags::LEAF);
        if self.free.is_some_and(|free| free.contains(id)) {
            self.say(format!("page {id}: reachable freed"));
        } else if !is_tree {
            self.say(format!(
                "page {id}: invalid type: {}{tail}",
                flags::name(header.flags)
            ));
        }
        if header.flags == flags::BRANCH && !again && stack.len() < MAX_DEPTH {
            for index in 0..header.count {
                let Some(element) = branch_element(&bytes, index) else {
                    break;
                };
                self.visit(element.child, stack)?;
            }
        }
        stack.pop();
        Ok(())
    }

    /// Phase B2: key order. Returns the largest key below `page`.
    fn key_order(
        &mut self,
        page: PageId,
        min: Option<&[u8]>,
        max: Option<&[u8]>,
        stack: &mut Vec<PageId>,
    ) -> Result<Option<Vec<u8>>> {
        self.options.cancel.check()?;
        let Some((header, bytes)) = self.object(page, true)? else {
            return Ok(None);
        };
        if stack.len() >= MAX_DEPTH || stack.contains(&page) {
            return Ok(None);
        }
        stack.push(page);
        let mut last = None;
        match header.flags {
            flags::BRANCH => {
                let first_time = self.walked.insert(page);
                let mut run = min.map(<[u8]>::to_vec);
                for index in 0..header.count {
                    let Some(element) = branch_element(&bytes, index) else {
                        break;
                    };
                    let Some(key) = branch_key(&bytes, index, &element) else {
                        break;
                    };
                    let at = Position {
                        kind: "branch",
                        page: element.child,
                        index,
                    };
                    self.verify(at, key, run.as_deref(), max, stack);
                    let next = index.saturating_add(1);
                    let next_key = branch_element(&bytes, next)
                        .filter(|_| next < header.count)
                        .and_then(|e| branch_key(&bytes, next, &e));
                    if !first_time {
                        continue;
                    }
                    last = self.key_order(element.child, Some(key), next_key.or(max), stack)?;
                    run.clone_from(&last);
                }
            }
            flags::LEAF => last = self.leaf_order(page, &header, &bytes, (min, max), stack),
            other => {
                let flags = if self.style.names_flags {
                    format!(" (flags: {other:x})")
                } else {
                    String::new()
                };
                self.say(format!("unexpected page type{flags} for pgId:{page}"));
            }
        }
        stack.pop();
        Ok(last)
    }

    /// The leaf's part of [`Check::key_order`].
    fn leaf_order(
        &mut self,
        page: PageId,
        header: &PageHeader,
        bytes: &[u8],
        (min, max): (Option<&[u8]>, Option<&[u8]>),
        stack: &[PageId],
    ) -> Option<Vec<u8>> {
        let mut run = min;
        let mut last = None;
        for index in 0..header.count {
            let Some((_, key, _)) = leaf_entry(bytes, index) else {
                break;
            };
            if !self.spend(key.len() as u64) {
                break;
            }
            self.verify(
                Position {
                    kind: "leaf",
                    page,
                    index,
                },
                key,
                run,
                max,
                stack,
            );
            run = Some(key);
            last = run;
        }
        last.map(<[u8]>::to_vec)
    }

    fn verify(
        &mut self,
        at: Position,
        key: &[u8],
        previous: Option<&[u8]>,
        max: Option<&[u8]>,
        stack: &[PageId],
    ) {
        let Position { kind, page, index } = at;
        let order = previous.map(|previous| previous.cmp(key));
        let too_low = index == 0 && order == Some(Ordering::Greater);
        let sign = match order {
            Some(Ordering::Greater) if index > 0 => Some('<'),
            Some(Ordering::Equal) if index > 0 => Some('='),
            _ => None,
        };
        let too_high = max.is_some_and(|max| key >= max);
        if !(too_low || too_high || sign.is_some()) || !self.spend(key.len() as u64) {
            return;
        }
        let hex = escape::hex(key);
        let before = previous.map(escape::hex).unwrap_or_default();
        let stack = list(stack);
        let start = format!("key[{index}]=(hex){hex} on {kind} page({page}) needs to be");
        if too_low {
            self.say(format!(
                "the first {start} >= the key in the ancestor ({before}). Stack: {stack}"
            ));
        }
        if let Some(sign) = sign {
            self.say(format!(
                "{start} > (found {sign}) than previous element (hex){before}. Stack: {stack}"
            ));
        }
        if too_high {
            // The previous key stands where the bound should: that is what bbolt prints.
            self.say(format!(
                "{start} < than key of the next element in ancestor (hex){before}. \
                 Pages stack: {stack}"
            ));
        }
    }

    /// Phase B3: the roots of the buckets below `page`.
    fn nested(
        &mut self,
        page: PageId,
        stack: &mut Vec<PageId>,
        found: &mut Vec<PageId>,
    ) -> Result<()> {
        let Some((header, bytes)) = self.object(page, true)? else {
            return Ok(());
        };
        if stack.len() >= MAX_DEPTH || stack.contains(&page) {
            return Ok(());
        }
        stack.push(page);
        for index in 0..header.count {
            match header.flags {
                flags::BRANCH => {
                    let Some(element) = branch_element(&bytes, index) else {
                        break;
                    };
                    self.nested(element.child, stack, found)?;
                }
                flags::LEAF => {
                    let Some((element, _, value)) = leaf_entry(&bytes, index) else {
                        break;
                    };
                    if element.flags & ELEMENT_IS_BUCKET != 0 {
                        found.extend(BucketHeader::decode(value).map(|header| header.root));
                    }
                }
                _ => break,
            }
        }
        stack.pop();
        Ok(())
    }
}

#[derive(Clone, Copy)]
struct Position {
    kind: &'static str,
    page: PageId,
    index: u16,
}

/// A list of pages as Go prints it: `[4 2]`.
fn list(pages: &[PageId]) -> String {
    let mut out = String::from("[");
    for (number, page) in pages.iter().enumerate() {
        let space = if number == 0 { "" } else { " " };
        // Writing to a String cannot fail.
        let _ = write!(out, "{space}{page}");
    }
    out.push(']');
    out
}
