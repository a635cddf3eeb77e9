//! Sentences about pages and trees.

use super::Template;
use crate::bolt::check::codes::*;

pub(super) const TEMPLATES: &[Template] = &[
    (
        &META_INVALID,
        Some("beyond-file"),
        "meta {meta} lies beyond the end of the file",
    ),
    (
        &META_INVALID,
        Some("magic"),
        "meta {meta} has no bbolt magic number",
    ),
    (
        &META_INVALID,
        Some("version"),
        "meta {meta} names an unknown format version",
    ),
    (
        &META_INVALID,
        Some("checksum"),
        "meta {meta} has a checksum that does not match its fields",
    ),
    (
        &META_INVALID,
        Some("page-size"),
        "meta {meta} has an impossible page size",
    ),
    (
        &META_HEADER,
        None,
        "the header says page {page}, type {page_type}, {elements} elements, {overflow} overflow pages; it is always page {meta}, type meta, 0, 0",
    ),
    (
        &META_PAGE_SIZE,
        None,
        "meta 0 says {meta_0} bytes, but meta 1 says {meta_1}",
    ),
    (
        &FILE_SHORT,
        None,
        "the meta says {pages} pages, but the file holds {held}; {missing} bytes are missing; {missing_in_use} of the missing pages are known to be in use",
    ),
    (
        &TXID_LIMIT,
        None,
        "{left?1 transaction id is|# transaction ids are} left after {transaction}",
    ),
    (&PAGE_ID, Some("page"), "the page says it is page {found}"),
    (
        &PAGE_ID,
        Some("text"),
        "the page says it is page {found}; the page begins with the text \"{text}\"",
    ),
    (
        &PAGE_TYPE,
        Some("leaf-expected"),
        "the page is of type {found} (flags {found:flags}), expected: leaf",
    ),
    (
        &PAGE_TYPE,
        Some("branch-or-leaf-expected"),
        "the page is of type {found} (flags {found:flags}), expected: branch or leaf",
    ),
    (
        &PAGE_TYPE,
        Some("search-type"),
        "the page is of type {found}",
    ),
    (
        &PAGE_TYPE,
        Some("search-element"),
        "the branch has no element {element}",
    ),
    (&PAGE_TYPE, Some("search"), "{fault}"),
    (
        &PAGE_OUT_OF_BOUNDS,
        Some("number"),
        "page {page} is referenced; pages go from 2 to the high-water mark {high_water_mark}",
    ),
    (
        &PAGE_OUT_OF_BOUNDS,
        Some("text"),
        "page {page} (text: \"{text}\") is referenced; pages go from 2 to the high-water mark {high_water_mark}",
    ),
    (
        &PAGE_MISSING,
        None,
        "the page is in use; the file holds {pages_in_file} pages",
    ),
    (
        &PAGE_TWICE,
        Some("page"),
        "the page is already in use elsewhere; it is not read again",
    ),
    (
        &PAGE_TWICE,
        Some("overflow"),
        "it has {overflow?1 overflow page|# overflow pages}, but page {page} is in use elsewhere",
    ),
    (
        &OVERFLOW_OUT_OF_BOUNDS,
        Some("high-water-mark"),
        "it has {overflow} overflow pages, which lead beyond the high-water mark {high_water_mark}",
    ),
    (
        &OVERFLOW_OUT_OF_BOUNDS,
        Some("end-of-file"),
        "it has {overflow} overflow pages, of which the file holds {held}",
    ),
    (
        &OVERFLOW_EXCESS,
        None,
        "it has {overflow?1 overflow page|# overflow pages}, but its data end at byte {data_end} and a page has {page_size} bytes",
    ),
    (
        &UNEVEN_DEPTH,
        Some("leaf"),
        "a leaf at level {level}; other leaves are deeper",
    ),
    (
        &UNEVEN_DEPTH,
        Some("branch"),
        "a branch where its siblings are leaves",
    ),
    (&EMPTY_BRANCH, None, "a branch needs at least one element"),
    (
        &TOO_DEEP,
        None,
        "the branch is at level {level}; nothing below it is read",
    ),
    (
        &ELEMENT_OUTSIDE,
        Some("headers"),
        "the page names {elements?1 element|# elements}, but its {bytes} bytes hold only {held} headers",
    ),
    (
        &ELEMENT_OUTSIDE,
        Some("data"),
        "key and value take bytes {start} to {end} of the page, which has {bytes} bytes",
    ),
    (
        &ELEMENT_OUTSIDE,
        Some("key"),
        "the key takes bytes {start} to {end} of the page, which has {bytes} bytes",
    ),
    (&EMPTY_KEY, None, "the key has no bytes"),
    (
        &LONG_KEY,
        None,
        "the key has {bytes} bytes; the limit is {limit}",
    ),
    (
        &ELEMENT_OVERLAP,
        Some("data"),
        "key and value begin at byte {start} of the page, inside what ends at byte {data_end}; they are not read again",
    ),
    (
        &ELEMENT_OVERLAP,
        Some("key"),
        "the key begins at byte {start} of the page, inside what ends at byte {data_end}",
    ),
    (
        &ELEMENT_GAP,
        Some("hidden"),
        "the page names no elements, but holds data",
    ),
    (
        &ELEMENT_GAP,
        Some("data"),
        "its data begins at byte {start} of the page, but the data before it ends at byte {data_end}; no writer leaves such a gap",
    ),
    (
        &ELEMENT_GAP,
        Some("key"),
        "its key begins at byte {start} of the page, but the data before it ends at byte {data_end}; no writer leaves such a gap",
    ),
    (
        &ELEMENT_FLAGS,
        None,
        "the element has unknown flags {flags}",
    ),
    (
        &KEY_ORDER,
        Some("equal"),
        "the key is equal to the one before it",
    ),
    (
        &KEY_ORDER,
        Some("below"),
        "the key is below the one before it",
    ),
    (
        &KEY_BELOW,
        None,
        "the key is below the branch's key {lower:hex}",
    ),
    (
        &KEY_ABOVE,
        None,
        "the key is not below {upper:hex}, where the next page begins",
    ),
    (
        &BUCKET_HEADER,
        Some("short"),
        "the value has {found?1 byte|# bytes}, but a bucket header has {expected}",
    ),
    (
        &BUCKET_HEADER,
        Some("long"),
        "the bucket has root page {root} and still {found?1 byte|# bytes} of value; a header has {expected}",
    ),
    (
        &BUCKET_HEADER,
        Some("inline"),
        "an inline bucket has {found?1 byte|# bytes} of value; writers inline a quarter of a page of {page_size}",
    ),
    (
        &INLINE_BUCKET,
        Some("short"),
        "it has {found?1 byte|# bytes}, but a page header has {expected}",
    ),
    (
        &INLINE_BUCKET,
        Some("header"),
        "its header has id {page} and {overflow} overflow pages; both are always 0",
    ),
    (
        &INLINE_BUCKET,
        Some("type"),
        "it is of type {found} (flags {found:flags}), expected: leaf",
    ),
    (
        &INLINE_BUCKET,
        Some("end"),
        "its data end at byte {data_end}, but its value ends at byte {value_end}",
    ),
    (
        &NESTED_INLINE,
        None,
        "an inline bucket holds another bucket, which writers never do",
    ),
    (
        &TOO_MANY_BUCKETS,
        Some("number"),
        "buckets beyond {limit} are not looked at",
    ),
    (
        &TOO_MANY_BUCKETS,
        Some("depth"),
        "buckets deeper than {limit} are not looked at",
    ),
    (
        &FREELIST_PAGE,
        Some("out-of-bounds"),
        "the meta names page {page} as freelist; pages go from 2 to {high_water_mark}",
    ),
    (
        &FREELIST_PAGE,
        Some("beyond-file"),
        "the meta names page {page} as freelist; the file holds {pages_in_file} pages",
    ),
    (
        &FREELIST_PAGE,
        Some("page"),
        "the page says it is page {found} of type {page_type}",
    ),
    (
        &FREELIST_PAGE,
        Some("overflow"),
        "it has {overflow} overflow pages, which lead beyond page {last}",
    ),
    (
        &FREELIST_PAGE,
        Some("room"),
        "it names {named} ids, but its pages have room for {room}",
    ),
    (
        &FREELIST_ID,
        None,
        "it names page {page}; free pages go from 2 to the high-water mark {high_water_mark}, without its own",
    ),
    (&FREELIST_TWICE, None, "it names page {page} a second time"),
    (
        &FREE_AND_USED,
        None,
        "the page is in use and in the freelist",
    ),
    (
        &NEITHER_FREE_NOR_USED,
        None,
        "nothing refers to the page, and it is not free",
    ),
];
