//! The codes of structural findings.

crate::finding::codes! {
    /// One of the two metas is invalid.
    META_INVALID = "B001" Error Metas "one of the two metas is invalid",
        "a torn write, or damaged bytes on one of the first two pages",
        "etcd goes by the other meta, which may be one transaction older; take another copy of the snapshot" => {
            MetaBeyondFile = "beyond-file" { meta: Ordinal }
            MetaMagic = "magic" { meta: Ordinal }
            MetaVersion = "version" { meta: Ordinal }
            MetaChecksum = "checksum" { meta: Ordinal }
            MetaImpossibleSize = "page-size" { meta: Ordinal }
        }
    /// The header in front of a meta is not what every writer writes.
    META_HEADER = "B002" Error Metas "the page header of a meta is wrong",
        "damaged bytes on one of the first two pages",
        "etcd does not look at these bytes, but something changed them; take another copy" => {
            MetaPageHeader { meta: Ordinal, page: Page, page_type: PageType, elements: Count, overflow: Count }
        }
    /// The metas name different page sizes.
    META_PAGE_SIZE = "B003" Error Metas "the two metas name different page sizes",
        "pages of two databases in one file",
        "take another copy of the snapshot" => {
            PageSizesDiffer { meta_0: Bytes, meta_1: Bytes }
        }
    /// The file ends before the high-water mark.
    FILE_SHORT = "B004" Error Tree "the file ends before the last page that the meta speaks of",
        "the copy was cut short",
        "copy the snapshot again from where it was made" => {
            PagesCutOff { pages: Count, held: Count, missing: Bytes, missing_in_use: Count }
        }
    /// So few transactions are left that a writer soon starts over at 0.
    TXID_LIMIT = "B005" Error Metas "no transaction ids are left for further writes",
        "damaged meta, or a file made by hand",
        "etcd reads the database but loses what it writes to it; take another copy" => {
            FewTransactionsLeft { left: Count, transaction: Transaction }
        }
    /// The page says that it is another one.
    PAGE_ID = "B010" Error Tree "a page says it is another page",
        "bytes of another page, of another file, or text were written here",
        "what the page held is lost in this copy; take another one" => {
            OtherPage = "page" { found: Page }
            TextInsteadOfPage = "text" { found: Page, text: Excerpt }
        }
    /// A page is of the wrong type.
    PAGE_TYPE = "B011" Error Tree "a page has the wrong type",
        "damaged page header, or a page that was overwritten",
        "what the page held is lost in this copy; take another one" => {
            NotALeaf = "leaf-expected" { found: PageType }
            NeitherBranchNorLeaf = "branch-or-leaf-expected" { found: PageType }
            SearchMetType = "search-type" { found: PageType }
            SearchLacksElement = "search-element" { element: Ordinal }
            SearchStopped = "search" { fault: Choice }
        }
    /// A page id that cannot be.
    PAGE_OUT_OF_BOUNDS = "B012" Error Tree "a page id is out of bounds",
        "damaged branch element, bucket header or meta",
        "what lies below it is lost in this copy; take another one" => {
            PageOutOfBounds = "number" { page: Page, high_water_mark: Page }
            TextInsteadOfNumber = "text" { page: Page, text: Excerpt, high_water_mark: Page }
        }
    /// A page in use is beyond the end of the file.
    PAGE_MISSING = "B013" Error Tree "a page in use lies beyond the end of the file",
        "the copy was cut short",
        "copy the snapshot again from where it was made" => {
            PageBeyondFile { pages_in_file: Count }
        }
    /// A page is used twice.
    PAGE_TWICE = "B014" Error Tree "a page is referenced more than once",
        "damaged branch element or overflow count",
        "bbolt refuses or loops on such a file; take another copy" => {
            PageInUse = "page" {}
            OverflowInUse = "overflow" { overflow: Count, page: Page }
        }
    /// An overflow count that leads out of the file.
    OVERFLOW_OUT_OF_BOUNDS = "B015" Error Tree "the overflow pages of a page are out of bounds",
        "damaged page header",
        "what the page held may be lost in this copy; take another one" => {
            OverflowOutOfBounds = "high-water-mark" { overflow: Count, high_water_mark: Page }
            OverflowBeyondFile = "end-of-file" { overflow: Count, held: Count }
        }
    /// More overflow pages than the data needs.
    OVERFLOW_EXCESS = "B016" Error Tree "a page has more overflow pages than its data needs",
        "damaged page header",
        "writers never do this, so something changed the header; take another copy" => {
            OverflowExcess { overflow: Count, data_end: Byte, page_size: Bytes }
        }
    /// Leaves at different depths.
    UNEVEN_DEPTH = "B017" Error Tree "leaves lie at different depths",
        "a branch element that leads to the wrong page",
        "take another copy of the snapshot" => {
            LeafTooHigh = "leaf" { level: Ordinal }
            BranchAmongLeaves = "branch" {}
        }
    /// A branch without children.
    EMPTY_BRANCH = "B018" Error Tree "a branch page has no elements",
        "damaged page header",
        "what lay below it is lost in this copy; take another one" => {
            EmptyBranch {}
        }
    /// A tree deeper than any real one.
    TOO_DEEP = "B019" Error Tree "a tree is deeper than any real one",
        "branch pages that lead in a chain",
        "take another copy of the snapshot" => {
            BranchTooDeep { level: Ordinal }
        }
    /// An element that reaches out of its page.
    ELEMENT_OUTSIDE = "B020" Error Tree "an element reaches out of its page",
        "damaged element header or page header",
        "the element is lost in this copy; take another one" => {
            HeadersOutside = "headers" { elements: Count, bytes: Bytes, held: Count }
            DataOutside = "data" { start: Byte, end: Byte, bytes: Bytes }
            KeyOutside = "key" { start: Byte, end: Byte, bytes: Bytes }
        }
    /// A key without bytes.
    EMPTY_KEY = "B021" Error Tree "a key has no bytes",
        "damaged element header",
        "etcd panics when it next writes this page; take another copy" => {
            EmptyKey {}
        }
    /// A key longer than can be written.
    LONG_KEY = "B022" Error Tree "a key is longer than any writer allows",
        "damaged element header",
        "the element is lost in this copy; take another one" => {
            LongKey { bytes: Bytes, limit: Bytes }
        }
    /// Elements whose data overlap.
    ELEMENT_OVERLAP = "B023" Error Tree "an element overlaps an earlier one",
        "damaged element header",
        "the element is lost in this copy; take another one" => {
            DataOverlap = "data" { start: Byte, data_end: Byte }
            KeyOverlap = "key" { start: Byte, data_end: Byte }
        }
    /// Unused bytes between the data of elements.
    ELEMENT_GAP = "B024" Error Tree "there is a gap in the data of a page",
        "a damaged element count, which hides elements, or a damaged element header",
        "elements may be hidden; take another copy" => {
            HiddenData = "hidden" {}
            GapBeforeData = "data" { start: Byte, data_end: Byte }
            GapBeforeKey = "key" { start: Byte, data_end: Byte }
        }
    /// Element flags that mean nothing.
    ELEMENT_FLAGS = "B025" Error Tree "an element has unknown flags",
        "damaged element header",
        "readers ignore them, but something changed the header; take another copy" => {
            UnknownFlags { flags: Flags }
        }
    /// Keys out of order.
    KEY_ORDER = "B026" Error Tree "keys are not in ascending order",
        "damaged key bytes, or pages of different times mixed",
        "searches miss keys; take another copy" => {
            KeyEqual = "equal" {}
            KeyBefore = "below" {}
        }
    /// A key below its branch's key.
    KEY_BELOW = "B027" Error Tree "a key is below the key of its branch",
        "damaged key bytes, or a branch element that leads to the wrong page",
        "searches miss keys; take another copy" => {
            KeyBelowBranch { lower: Key }
        }
    /// A key that belongs to a later page.
    KEY_ABOVE = "B028" Error Tree "a key belongs on a later page",
        "damaged key bytes, or a branch element that leads to the wrong page",
        "searches miss keys; take another copy" => {
            KeyAboveNext { upper: Key }
        }
    /// A bucket whose value is too short for its header.
    BUCKET_HEADER = "B030" Error Tree "the header of a bucket is damaged",
        "damaged element or bucket header",
        "the bucket is lost in this copy; take another one" => {
            BucketHeaderShort = "short" { found: Bytes, expected: Bytes }
            BucketHeaderLong = "long" { root: Page, found: Bytes, expected: Bytes }
            InlineTooLong = "inline" { found: Bytes, page_size: Bytes }
        }
    /// An inline bucket whose page is wrong.
    INLINE_BUCKET = "B031" Error Tree "the page inside an inline bucket is damaged",
        "damaged bytes inside a bucket's value",
        "entries of the bucket may be lost in this copy; take another one" => {
            InlineShort = "short" { found: Bytes, expected: Bytes }
            InlineHeader = "header" { page: Page, overflow: Count }
            InlineNotALeaf = "type" { found: PageType }
            InlineEnd = "end" { data_end: Byte, value_end: Byte }
        }
    /// A bucket inside an inline bucket.
    NESTED_INLINE = "B032" Error Tree "an inline bucket holds another bucket",
        "damaged element flags",
        "writers never do this, so something changed the element; take another copy" => {
            NestedInline {}
        }
    /// More buckets than any program has.
    TOO_MANY_BUCKETS = "B033" Error Tree "there are more buckets, or deeper ones, than any program makes",
        "a file made to exhaust its reader",
        "the rest was not looked at; take another copy" => {
            TooManyBuckets = "number" { limit: Count }
            BucketsTooDeep = "depth" { limit: Count }
        }
    /// The freelist page is not one.
    FREELIST_PAGE = "B040" Error Freelist "the freelist cannot be read",
        "a damaged meta or freelist page",
        "etcd panics when it opens the file; take another copy" => {
            FreelistOutOfBounds = "out-of-bounds" { page: Page, high_water_mark: Page }
            FreelistBeyondFile = "beyond-file" { page: Page, pages_in_file: Count }
            FreelistOtherPage = "page" { found: Page, page_type: PageType }
            FreelistOverflow = "overflow" { overflow: Count, last: Page }
            FreelistTooLong = "room" { named: Count, room: Count }
        }
    /// A free page id that cannot be.
    FREELIST_ID = "B041" Error Freelist "the freelist names an impossible page",
        "a damaged freelist page",
        "etcd may write outside the file; take another copy" => {
            FreeOutOfBounds { page: Page, high_water_mark: Page }
        }
    /// A page is free twice.
    FREELIST_TWICE = "B042" Error Freelist "the freelist names a page twice",
        "a damaged freelist page",
        "etcd may use one page for two purposes; take another copy" => {
            FreeTwice { page: Page }
        }
    /// A page is both free and in use.
    FREE_AND_USED = "B043" Error Freelist "a page in use is in the freelist",
        "a damaged freelist page or branch element",
        "etcd overwrites the page sooner or later; take another copy" => {
            FreeAndUsed {}
        }
    /// A page is neither free nor in use.
    NEITHER_FREE_NOR_USED = "B044" Error Freelist "a page is neither in use nor in the freelist",
        "a damaged freelist page or branch element",
        "what the page holds may be lost data; take another copy" => {
            NeitherFreeNorUsed {}
        }
}
