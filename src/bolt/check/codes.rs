//! The codes of structural findings.

crate::finding::codes! {
    /// One of the two metas is invalid.
    META_INVALID = "B001" Error "one of the two metas is invalid",
        "a torn write, or damaged bytes on one of the first two pages",
        "etcd goes by the other meta, which may be one transaction older; take another copy of the snapshot";
    /// The header in front of a meta is not what every writer writes.
    META_HEADER = "B002" Error "the page header of a meta is wrong",
        "damaged bytes on one of the first two pages",
        "etcd does not look at these bytes, but something changed them; take another copy";
    /// The metas name different page sizes.
    META_PAGE_SIZE = "B003" Error "the two metas name different page sizes",
        "pages of two databases in one file",
        "take another copy of the snapshot";
    /// The file ends before the high-water mark.
    FILE_SHORT = "B004" Error "the file ends before the last page that the meta speaks of",
        "the copy was cut short",
        "copy the snapshot again from where it was made";
    /// So few transactions are left that a writer soon starts over at 0.
    TXID_LIMIT = "B005" Error "no transaction ids are left for further writes",
        "damaged meta, or a file made by hand",
        "etcd reads the database but loses what it writes to it; take another copy";
    /// The page says that it is another one.
    PAGE_ID = "B010" Error "a page says it is another page",
        "bytes of another page, of another file, or text were written here",
        "what the page held is lost in this copy; take another one";
    /// A page is of the wrong type.
    PAGE_TYPE = "B011" Error "a page has the wrong type",
        "damaged page header, or a page that was overwritten",
        "what the page held is lost in this copy; take another one";
    /// A page id that cannot be.
    PAGE_OUT_OF_BOUNDS = "B012" Error "a page id is out of bounds",
        "damaged branch element, bucket header or meta",
        "what lies below it is lost in this copy; take another one";
    /// A page in use is beyond the end of the file.
    PAGE_MISSING = "B013" Error "a page in use lies beyond the end of the file",
        "the copy was cut short",
        "copy the snapshot again from where it was made";
    /// A page is used twice.
    PAGE_TWICE = "B014" Error "a page is referenced more than once",
        "damaged branch element or overflow count",
        "bbolt refuses or loops on such a file; take another copy";
    /// An overflow count that leads out of the file.
    OVERFLOW_OUT_OF_BOUNDS = "B015" Error "the overflow pages of a page are out of bounds",
        "damaged page header",
        "what the page held may be lost in this copy; take another one";
    /// More overflow pages than the data needs.
    OVERFLOW_EXCESS = "B016" Error "a page has more overflow pages than its data needs",
        "damaged page header",
        "writers never do this, so something changed the header; take another copy";
    /// Leaves at different depths.
    UNEVEN_DEPTH = "B017" Error "leaves lie at different depths",
        "a branch element that leads to the wrong page",
        "take another copy of the snapshot";
    /// A branch without children.
    EMPTY_BRANCH = "B018" Error "a branch page has no elements",
        "damaged page header",
        "what lay below it is lost in this copy; take another one";
    /// A tree deeper than any real one.
    TOO_DEEP = "B019" Error "a tree is deeper than any real one",
        "branch pages that lead in a chain",
        "take another copy of the snapshot";
    /// An element that reaches out of its page.
    ELEMENT_OUTSIDE = "B020" Error "an element reaches out of its page",
        "damaged element header or page header",
        "the element is lost in this copy; take another one";
    /// A key without bytes.
    EMPTY_KEY = "B021" Error "a key has no bytes",
        "damaged element header",
        "etcd panics when it next writes this page; take another copy";
    /// A key longer than can be written.
    LONG_KEY = "B022" Error "a key is longer than any writer allows",
        "damaged element header",
        "the element is lost in this copy; take another one";
    /// Elements whose data overlap.
    ELEMENT_OVERLAP = "B023" Error "an element overlaps an earlier one",
        "damaged element header",
        "the element is lost in this copy; take another one";
    /// Unused bytes between the data of elements.
    ELEMENT_GAP = "B024" Error "there is a gap in the data of a page",
        "a damaged element count, which hides elements, or a damaged element header",
        "elements may be hidden; take another copy";
    /// Element flags that mean nothing.
    ELEMENT_FLAGS = "B025" Error "an element has unknown flags",
        "damaged element header",
        "readers ignore them, but something changed the header; take another copy";
    /// Keys out of order.
    KEY_ORDER = "B026" Error "keys are not in ascending order",
        "damaged key bytes, or pages of different times mixed",
        "searches miss keys; take another copy";
    /// A key below its branch's key.
    KEY_BELOW = "B027" Error "a key is below the key of its branch",
        "damaged key bytes, or a branch element that leads to the wrong page",
        "searches miss keys; take another copy";
    /// A key that belongs to a later page.
    KEY_ABOVE = "B028" Error "a key belongs on a later page",
        "damaged key bytes, or a branch element that leads to the wrong page",
        "searches miss keys; take another copy";
    /// A bucket whose value is too short for its header.
    BUCKET_HEADER = "B030" Error "the header of a bucket is damaged",
        "damaged element or bucket header",
        "the bucket is lost in this copy; take another one";
    /// An inline bucket whose page is wrong.
    INLINE_BUCKET = "B031" Error "the page inside an inline bucket is damaged",
        "damaged bytes inside a bucket's value",
        "entries of the bucket may be lost in this copy; take another one";
    /// A bucket inside an inline bucket.
    NESTED_INLINE = "B032" Error "an inline bucket holds another bucket",
        "damaged element flags",
        "writers never do this, so something changed the element; take another copy";
    /// More buckets than any program has.
    TOO_MANY_BUCKETS = "B033" Error "there are more buckets, or deeper ones, than any program makes",
        "a file made to exhaust its reader",
        "the rest was not looked at; take another copy";
    /// The freelist page is not one.
    FREELIST_PAGE = "B040" Error "the freelist cannot be read",
        "a damaged meta or freelist page",
        "etcd panics when it opens the file; take another copy";
    /// A free page id that cannot be.
    FREELIST_ID = "B041" Error "the freelist names an impossible page",
        "a damaged freelist page",
        "etcd may write outside the file; take another copy";
    /// A page is free twice.
    FREELIST_TWICE = "B042" Error "the freelist names a page twice",
        "a damaged freelist page",
        "etcd may use one page for two purposes; take another copy";
    /// A page is both free and in use.
    FREE_AND_USED = "B043" Error "a page in use is in the freelist",
        "a damaged freelist page or branch element",
        "etcd overwrites the page sooner or later; take another copy";
    /// A page is neither free nor in use.
    NEITHER_FREE_NOR_USED = "B044" Error "a page is neither in use nor in the freelist",
        "a damaged freelist page or branch element",
        "what the page holds may be lost data; take another copy";
}
