//! The codes of findings about the values that API servers store.

crate::finding::codes! {
    /// The first bytes of a live value are not those of an object.
    VALUE_FOREIGN = "K001" Warning "a value is not an object, though its key is that of one",
        "damaged value bytes, or another program wrote it",
        "the file restores, but an API server fails to list the resource; delete the key or take the object from an older copy";
    /// A live value begins as an object does and cannot be decoded.
    VALUE_UNDECODABLE = "K002" Warning "an object cannot be decoded",
        "damaged value bytes",
        "the file restores, but an API server fails to list the resource; delete the key or take the object from an older copy";
    /// A live value is an object of another kind than its key.
    VALUE_KIND = "K003" Warning "an object is not of the kind that its key is for",
        "damaged value or key bytes, or another program wrote it",
        "the file restores, but an API server fails to list the resource; delete the key or take the object from an older copy";
    /// A live value is an object of another name than its key.
    VALUE_NAME = "K004" Warning "an object's namespace or name is not that of its key",
        "damaged value or key bytes, or another program wrote it",
        "an API server lists it under the name in the value and finds it under the one in the key; write it anew";
    /// JSON with text that is not UTF-8.
    VALUE_TEXT = "K005" Warning "text in an object is not UTF-8",
        "damaged value bytes",
        "an API server serves the object with other signs in place of the damaged ones; write it anew";
}
