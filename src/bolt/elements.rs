//! The elements of one leaf: checked once, then lent to everybody.

use std::cmp::Ordering;

use super::check::codes;
use super::layout::{self, ELEMENT_HEADER, LeafElement, PAGE_HEADER};
use crate::finding::{Collector, Excerpt, Finding, Observation, Place};

/// Where key and value of one element lie in the bytes of their leaf.
#[derive(Debug, Clone, Copy)]
pub struct Element {
    pub(super) key: usize,
    pub(super) key_len: u32,
    pub(super) value_len: u32,
    /// Number of the element on its page.
    pub index: u32,
    /// True when the value is a bucket.
    pub is_bucket: bool,
}

impl Element {
    /// The element of this header, when it lies within a leaf of `len` bytes. Nothing else is checked.
    pub(crate) fn within(index: u16, header: &LeafElement, len: usize) -> Option<Self> {
        let element = Self {
            key: element_at(index).saturating_add(header.pos as usize),
            key_len: header.key_size,
            value_len: header.value_size,
            index: u32::from(index),
            is_bucket: header.flags & layout::ELEMENT_IS_BUCKET != 0,
        };
        (element.end() <= len).then_some(element)
    }

    pub(super) fn end(&self) -> usize {
        self.key
            .saturating_add(self.key_len as usize)
            .saturating_add(self.value_len as usize)
    }

    /// Position of the key in the bytes of the leaf.
    pub(crate) fn key_start(&self) -> usize {
        self.key
    }

    pub(crate) fn key_len(&self) -> u32 {
        self.key_len
    }

    pub(crate) fn value_len(&self) -> u32 {
        self.value_len
    }

    /// The same element in bytes that begin at its key.
    pub(crate) fn rebased(self) -> Self {
        Self { key: 0, ..self }
    }
}

/// Where the header of an element is on its page.
pub(crate) fn element_at(index: u16) -> usize {
    PAGE_HEADER.saturating_add(ELEMENT_HEADER.saturating_mul(usize::from(index)))
}

/// The header of an element of a leaf, and where its key begins on the page. Nothing is checked.
pub(crate) fn leaf_element(bytes: &[u8], index: u16) -> Option<(LeafElement, usize)> {
    let at = PAGE_HEADER.checked_add(ELEMENT_HEADER.checked_mul(usize::from(index))?)?;
    let element = LeafElement::decode(bytes.get(at..)?)?;
    Some((element, at.checked_add(element.pos as usize)?))
}

/// The same with key and value, if the page holds them.
pub(crate) fn leaf_entry(bytes: &[u8], index: u16) -> Option<(LeafElement, &[u8], &[u8])> {
    let (element, key) = leaf_element(bytes, index)?;
    let value = key.checked_add(element.key_size as usize)?;
    let end = value.checked_add(element.value_size as usize)?;
    Some((element, bytes.get(key..value)?, bytes.get(value..end)?))
}

/// Bounds that the keys of a page must keep, from its ancestors.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bounds<'a> {
    /// No key may be below it.
    pub(crate) lower: Option<&'a [u8]>,
    /// Every key must be below it.
    pub(crate) upper: Option<&'a [u8]>,
}

/// What [`check_elements`] found out besides findings.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LeafFacts {
    /// Where the data of the last element ends, from the beginning of the page.
    pub(crate) data_end: usize,
    /// Elements that failed.
    pub(crate) skipped: u32,
}

/// Gives the key of an element whose page is too long to be lent whole.
pub(crate) type FarKey<'f> = &'f mut dyn FnMut(usize, usize) -> Option<Vec<u8>>;

/// Checks the element headers of a leaf and collects those that hold. `place` is called only when
/// something is wrong. `object_len` is how many bytes the page and its overflow pages have, of which
/// `bytes` are the beginning. Source: bbolt v1.4.3 page layout, and its writers' habit of laying data
/// out densely, in element order, right behind the last header.
#[expect(
    clippy::too_many_arguments,
    reason = "the leaf, its bounds, and where results go"
)]
pub(crate) fn check_elements(
    bytes: &[u8],
    object_len: usize,
    count: u16,
    bounds: Bounds<'_>,
    elements: &mut Vec<Element>,
    findings: &mut Collector,
    place: &dyn Fn() -> Place,
    mut far_key: Option<FarKey<'_>>,
) -> LeafFacts {
    elements.clear();
    let mut facts = LeafFacts::default();
    let headers_end = PAGE_HEADER.saturating_add(ELEMENT_HEADER.saturating_mul(usize::from(count)));
    let mut data_end = headers_end;
    // Where the data of a skipped element ends is not known, so what follows it is not a gap.
    let mut skipped_before = 0;
    let mut previous: Option<(usize, usize)> = None;
    let mut previous_far: Vec<u8> = Vec::new();
    if count == 0
        && bytes
            .get(PAGE_HEADER..)
            .is_some_and(|rest| rest.iter().any(|b| *b != 0))
    {
        // Writers write whole pages, with zeros behind their data.
        findings.add(Finding::new(codes::HiddenData {}, place()));
        return facts;
    }
    let mut report = |what: Observation, index: u32, key: Option<&[u8]>| {
        let mut at = place();
        at.element = Some(index);
        at.set_key(key);
        findings.add(Finding::new(what, at));
    };
    for index in 0..u32::from(count) {
        crate::steps::count(1);
        let header = PAGE_HEADER.saturating_add(ELEMENT_HEADER.saturating_mul(index as usize));
        let Some(element) = bytes.get(header..).and_then(LeafElement::decode) else {
            let outside = codes::HeadersOutside {
                elements: u64::from(count),
                bytes: object_len as u64,
                held: u64::from(index),
            };
            report(outside.into(), index, None);
            facts.skipped = facts
                .skipped
                .saturating_add(u32::from(count).saturating_sub(index));
            break;
        };
        let key = header.saturating_add(element.pos as usize);
        let value = key.saturating_add(element.key_size as usize);
        let end = value.saturating_add(element.value_size as usize);
        if end > object_len {
            let outside = codes::DataOutside {
                start: key as u64,
                end: end as u64,
                bytes: object_len as u64,
            };
            report(outside.into(), index, None);
            facts.skipped = facts.skipped.saturating_add(1);
            continue;
        }
        if element.key_size == 0 {
            report(codes::EmptyKey {}.into(), index, None);
            facts.skipped = facts.skipped.saturating_add(1);
            continue;
        }
        if element.key_size > layout::MAX_KEY_SIZE {
            let long = codes::LongKey {
                bytes: u64::from(element.key_size),
                limit: u64::from(layout::MAX_KEY_SIZE),
            };
            report(long.into(), index, None);
            facts.skipped = facts.skipped.saturating_add(1);
            continue;
        }
        if key < data_end {
            let overlap = codes::DataOverlap {
                start: key as u64,
                data_end: data_end as u64,
            };
            report(overlap.into(), index, None);
            data_end = data_end.max(end);
            facts.skipped = facts.skipped.saturating_add(1);
            continue;
        }
        let far;
        let key_bytes: &[u8] = match bytes.get(key..value) {
            Some(near) => near,
            None => {
                far = far_key
                    .as_mut()
                    .and_then(|read| read(key, element.key_size as usize))
                    .unwrap_or_default();
                &far
            }
        };
        if key > data_end && facts.skipped == skipped_before {
            let gap = codes::GapBeforeData {
                start: key as u64,
                data_end: data_end as u64,
            };
            report(gap.into(), index, Some(key_bytes));
        }
        skipped_before = facts.skipped;
        data_end = end;
        if element.flags & !layout::ELEMENT_IS_BUCKET != 0 {
            let flags = element.flags;
            report(codes::UnknownFlags { flags }.into(), index, Some(key_bytes));
        }
        let before: Option<&[u8]> = match previous {
            Some((start, end)) => Some(bytes.get(start..end).unwrap_or(&previous_far)),
            None => None,
        };
        match before {
            Some(before) => {
                let order = before.cmp(key_bytes);
                if order != Ordering::Less {
                    let what = match order == Ordering::Equal {
                        true => codes::KeyEqual {}.into(),
                        false => codes::KeyBefore {}.into(),
                    };
                    report(what, index, Some(key_bytes));
                }
            }
            None => {
                if let Some(lower) = bounds.lower.filter(|lower| *lower > key_bytes) {
                    let lower = Excerpt::of(lower);
                    report(
                        codes::KeyBelowBranch { lower }.into(),
                        index,
                        Some(key_bytes),
                    );
                }
            }
        }
        if let Some(upper) = bounds.upper.filter(|upper| key_bytes >= *upper) {
            let upper = Excerpt::of(upper);
            report(codes::KeyAboveNext { upper }.into(), index, Some(key_bytes));
        }
        if bytes.get(key..value).is_none() {
            previous_far = key_bytes.to_vec();
        }
        previous = Some((key, value));
        elements.push(Element {
            key,
            key_len: element.key_size,
            value_len: element.value_size,
            index,
            is_bucket: element.flags & layout::ELEMENT_IS_BUCKET != 0,
        });
    }
    facts.data_end = data_end;
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: usize = 64 << 10;

    /// Codes with elements, and the elements that are left.
    type Seen = (Vec<(&'static str, Option<u32>)>, Vec<u32>);

    /// What is seen on a leaf of these keys, each with a value of one byte, laid out as writers do it except for
    /// what `change` does to the headers.
    fn seen(keys: &[&[u8]], bounds: Bounds<'_>, change: impl FnOnce(&mut [LeafElement])) -> Seen {
        let (mut headers, mut data) = (Vec::new(), Vec::new());
        for (number, key) in keys.iter().enumerate() {
            headers.push(LeafElement {
                flags: 0,
                pos: (ELEMENT_HEADER * (keys.len() - number) + data.len()) as u32,
                key_size: key.len() as u32,
                value_size: 1,
            });
            data.extend_from_slice(key);
            data.push(b'v');
        }
        change(&mut headers);
        let mut bytes = vec![0; PAGE_HEADER];
        headers
            .iter()
            .for_each(|header| bytes.extend(header.encode()));
        bytes.extend(data);
        bytes.resize(PAGE, 0);
        let mut elements = Vec::new();
        let mut findings = Collector::new(10);
        let (count, place) = (keys.len() as u16, Place::default);
        let facts = check_elements(
            &bytes,
            PAGE,
            count,
            bounds,
            &mut elements,
            &mut findings,
            &place,
            None,
        );
        assert_eq!(elements.len() + facts.skipped as usize, keys.len());
        let findings = findings.finish().list;
        let findings = findings.iter().map(|f| (f.code.id, f.place.element));
        let left = elements.iter().map(|element| element.index);
        (findings.collect(), left.collect())
    }

    fn unbounded(keys: &[&[u8]], change: impl FnOnce(&mut [LeafElement])) -> Seen {
        seen(keys, Bounds::default(), change)
    }

    const ABC: [&[u8]; 3] = [b"a", b"bb", b"c"];

    #[test]
    fn a_gap_is_found_unless_what_lies_in_it_was_skipped() {
        assert_eq!(unbounded(&ABC, |_| ()), (vec![], vec![0, 1, 2]));
        let gap = unbounded(&ABC, |headers| {
            headers[1].pos += 1;
            headers[1].key_size = 1;
        });
        assert_eq!(gap, (vec![("B024", Some(1))], vec![0, 1, 2]));
        let first = unbounded(&ABC, |headers| {
            headers[0].pos += 1;
            headers[0].value_size = 0;
        });
        assert_eq!(first.0[0], ("B024", Some(0)));
        let skipped = unbounded(&ABC, |headers| headers[1].key_size = 0);
        assert_eq!(skipped, (vec![("B021", Some(1))], vec![0, 2]));
    }

    #[test]
    fn data_may_end_with_its_page_and_not_one_byte_later() {
        let value = PAGE - PAGE_HEADER - ELEMENT_HEADER - 1;
        let whole = unbounded(&[b"k"], |headers| headers[0].value_size = value as u32);
        assert_eq!(whole, (vec![], vec![0]));
        let long = unbounded(&[b"k"], |headers| headers[0].value_size = value as u32 + 1);
        assert_eq!(long, (vec![("B020", Some(0))], vec![]));
    }

    #[test]
    fn data_that_reaches_back_into_earlier_data_is_skipped() {
        let overlap = unbounded(&ABC, |headers| headers[1].pos -= 1);
        assert_eq!(overlap, (vec![("B023", Some(1))], vec![0, 2]));
    }

    #[test]
    fn a_key_is_as_long_as_bbolt_allows_and_no_longer() {
        let longest = vec![b'k'; layout::MAX_KEY_SIZE as usize];
        assert_eq!(unbounded(&[&longest], |_| ()), (vec![], vec![0]));
        let longer = [&longest[..], b"k"].concat();
        let found = unbounded(&[&longer], |_| ());
        assert_eq!(found, (vec![("B022", Some(0))], vec![]));
    }

    #[test]
    fn keys_ascend_between_the_bounds_of_the_branch() {
        let codes = |keys: &[&[u8]], lower: Option<&[u8]>, upper: Option<&[u8]>| {
            let found = seen(keys, Bounds { lower, upper }, |_| ()).0;
            found.iter().map(|(code, _)| *code).collect::<Vec<_>>()
        };
        assert_eq!(codes(&[b"a", b"b"], Some(b"a"), Some(b"c")), [""; 0]);
        assert_eq!(codes(&[b"b", b"b"], None, None), ["B026"]);
        assert_eq!(codes(&[b"b", b"a"], None, None), ["B026"]);
        assert_eq!(codes(&[b"a", b"b"], Some(b"aa"), None), ["B027"]);
        assert_eq!(codes(&[b"a", b"b"], None, Some(b"b")), ["B028"]);
    }
}
