use std::cmp::Ordering;
use std::fmt;

use super::escape;
use crate::ids::{FileOffset, PageId};

/// Where in a file something is. Every part that is not known or does not apply stays empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// Byte position in the file.
    pub offset: Option<FileOffset>,
    /// The page.
    pub page: Option<PageId>,
    /// Page ids from the root of the bucket down to the page, the page included.
    pub path: Vec<PageId>,
    /// Names of the bucket and the buckets around it, outermost first.
    pub bucket: Vec<Vec<u8>>,
    /// Which element of the page.
    pub element: Option<u32>,
    /// Main and sub revision of the record.
    pub revision: Option<(i64, i64)>,
    /// The key: of the element, or the user's key of the record when `revision` is set. At most its first
    /// [`KEY_LIMIT`] bytes.
    pub key: Option<Vec<u8>>,
}

/// Places keep no more of a key than this; thousands of findings may name keys of 32 KiB.
pub const KEY_LIMIT: usize = 1024;

/// Keys longer than this are cut in text.
const KEY_TEXT_LIMIT: usize = 96;

impl Place {
    /// A place at `offset` and nothing else.
    pub fn at(offset: FileOffset) -> Self {
        Self {
            offset: Some(offset),
            ..Self::default()
        }
    }

    /// The whole of page `page`.
    pub fn page(page: PageId, page_size: u32) -> Self {
        Self {
            offset: page.offset(page_size),
            page: Some(page),
            ..Self::default()
        }
    }

    /// An entry of the top-level bucket `bucket`.
    pub fn bucket_key(bucket: &[u8], key: &[u8]) -> Self {
        Self {
            bucket: vec![bucket.to_vec()],
            key: Some(limited(key)),
            ..Self::default()
        }
    }

    /// Notes the key, as far as it is kept.
    pub fn set_key(&mut self, key: Option<&[u8]>) {
        self.key = key.map(limited);
    }

    /// The same place, seen from bucket `bucket`.
    pub fn in_bucket(mut self, bucket: &[u8]) -> Self {
        self.bucket = vec![bucket.to_vec()];
        self
    }

    /// Orders places as they lie in the file; what has no offset comes last.
    pub fn file_order(&self, other: &Self) -> Ordering {
        let offset = |p: &Self| p.offset.map_or(u64::MAX, |o| o.0);
        offset(self)
            .cmp(&offset(other))
            .then_with(|| self.page.cmp(&other.page))
            .then_with(|| self.element.cmp(&other.element))
            .then_with(|| self.bucket.cmp(&other.bucket))
            .then_with(|| self.revision.cmp(&other.revision))
            .then_with(|| self.key.cmp(&other.key))
            .then_with(|| self.path.cmp(&other.path))
    }

    /// True when nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn limited(key: &[u8]) -> Vec<u8> {
    key.get(..KEY_LIMIT).unwrap_or(key).to_vec()
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = Vec::new();
        match (self.page, self.offset) {
            (Some(page), Some(offset)) => parts.push(format!("page {page} (offset {offset})")),
            (Some(page), None) => parts.push(format!("page {page}")),
            (None, Some(offset)) => parts.push(format!("offset {offset}")),
            (None, None) => {}
        }
        if self.path.len() > 1 {
            let ids: Vec<String> = self.path.iter().map(PageId::to_string).collect();
            parts.push(format!("path {}", ids.join("/")));
        }
        if !self.bucket.is_empty() {
            let names: Vec<String> = self
                .bucket
                .iter()
                .map(|b| escape::text_limited(b, KEY_TEXT_LIMIT))
                .collect();
            parts.push(format!("bucket {}", names.join("/")));
        }
        if let Some(element) = self.element {
            parts.push(format!("element {element}"));
        }
        if let Some((main, sub)) = self.revision {
            parts.push(format!("revision {main}.{sub}"));
        }
        if let Some(key) = &self.key {
            parts.push(format!(
                "key \"{}\"",
                escape::text_limited(key, KEY_TEXT_LIMIT)
            ));
        }
        f.write_str(&parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_keeps_so_much_of_a_key_and_no_more() {
        let key = [b'k'; KEY_LIMIT + 1];
        let mut place = Place::default();
        for (len, kept) in [(KEY_LIMIT, KEY_LIMIT), (KEY_LIMIT + 1, KEY_LIMIT)] {
            place.set_key(key.get(..len));
            assert_eq!(place.key.as_ref().map(Vec::len), Some(kept));
            let place = Place::bucket_key(b"b", &key[..len]);
            assert_eq!(place.key.map(|key| key.len()), Some(kept));
        }
    }
}
