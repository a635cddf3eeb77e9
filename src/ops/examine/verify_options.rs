//! What a verification looks at.

/// What to look at.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct VerifyOptions {
    /// Leave out the SHA-256, which needs every byte.
    pub quick: bool,
    /// Leave the values to [`verify_values`](crate::ops::examine::verify_values), which decodes them.
    pub values: bool,
    /// How many findings of each code to keep; 0 takes [`DEFAULT_LIMIT`](crate::finding::DEFAULT_LIMIT).
    pub finding_limit: usize,
    /// Judge a data directory as a whole: does a server start from it, with its log and its `.snap` files?
    /// Otherwise its database alone is judged, as a file to restore from.
    pub directory: bool,
    /// Compute HashKV in the same pass, unless memory is limited.
    pub hash: bool,
}

impl VerifyOptions {
    /// Leaves out the SHA-256.
    pub fn with_quick(self, quick: bool) -> Self {
        Self { quick, ..self }
    }

    /// Leaves the values to [`verify_values`](crate::ops::examine::verify_values).
    pub fn with_values(self, values: bool) -> Self {
        Self { values, ..self }
    }

    /// Keeps so many findings of each code.
    pub fn with_finding_limit(self, finding_limit: usize) -> Self {
        Self {
            finding_limit,
            ..self
        }
    }

    /// Judges a data directory as a whole.
    pub fn with_directory(self, directory: bool) -> Self {
        Self { directory, ..self }
    }

    /// Computes HashKV in the same pass.
    pub fn with_hash(self, hash: bool) -> Self {
        Self { hash, ..self }
    }
}
