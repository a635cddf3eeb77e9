//! The codes of findings about the values that API servers store.

crate::finding::codes! {
    /// The first bytes of a live value are not those of an object.
    VALUE_FOREIGN = "K001" Warning Values "a value is not an object, though its key is that of one",
        "damaged value bytes, or another program wrote it",
        "the file restores, but an API server fails to list the resource; delete the key or take the object from an older copy" => {
            Empty = "empty" {}
            Zeros = "zeros" { bytes: Bytes }
            Foreign = "foreign" {}
            AlmostMagic = "magic" { found: Excerpt, expected: Excerpt }
        }
    /// A live value begins as an object does and cannot be decoded.
    VALUE_UNDECODABLE = "K002" Warning Values "an object cannot be decoded",
        "damaged value bytes",
        "the file restores, but an API server fails to list the resource; delete the key or take the object from an older copy" => {
            Encrypted = "encrypted" {}
            NotKubernetes = "not-kubernetes" {}
            Malformed = "malformed" { fault: Choice }
            MalformedField = "malformed-field" { fault: Choice, field: Excerpt }
            TooDeep = "too-deep" {}
            TooDeepField = "too-deep-field" { field: Excerpt }
            TooLarge = "too-large" { limit: Bytes, stored: Bytes }
            Trailing = "trailing" { bytes: Bytes }
            NoType = "no-type" {}
            NoName = "no-name" {}
            UnknownEnvelope = "envelope" {}
        }
    /// A live value is an object of another kind than its key.
    VALUE_KIND = "K003" Warning Values "an object is not of the kind that its key is for",
        "damaged value or key bytes, or another program wrote it",
        "the file restores, but an API server fails to list the resource; delete the key or take the object from an older copy" => {
            OtherKind { expected: Name, kind: Name, api_version: Name }
        }
    /// A live value is an object of another name than its key.
    VALUE_NAME = "K004" Warning Values "an object's namespace or name is not that of its key",
        "damaged value or key bytes, or another program wrote it",
        "an API server lists it under the name in the value and finds it under the one in the key; write it again" => {
            OtherNamespacedName = "namespaced" { namespace: Name, name: Name }
            OtherName = "cluster" { name: Name }
        }
    /// JSON with text that is not UTF-8.
    VALUE_TEXT = "K005" Warning Values "text in an object is not UTF-8",
        "damaged value bytes",
        "an API server serves the object with other signs in place of the damaged ones; write it again" => {
            NotUtf8 {}
        }
}
