//! Why a value, or a part of it, could not be decoded.

use std::fmt;

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It is encrypted; it has to be decrypted first.
    Encrypted,
    /// It is nothing Kubernetes writes.
    NotKubernetes,
    /// Bytes that do not follow the rules of the encoding.
    Malformed {
        /// Which encoding or part is broken.
        what: &'static str,
        /// Where in the object, as a path of JSON; empty at the top.
        path: String,
    },
    /// Nested deeper than anything sensible.
    TooDeep {
        /// Where in the object, as a path of JSON.
        path: String,
    },
    /// Decoded, it would take more memory than a value may.
    TooLarge {
        /// So many bytes.
        limit: usize,
        /// What it takes in the file.
        stored: usize,
    },
}

impl Fault {
    pub(in crate::kubernetes) fn malformed(what: &'static str) -> Self {
        let path = String::new();
        Self::Malformed { what, path }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, path) = match self {
            Self::Encrypted => return f.write_str("encrypted at rest"),
            Self::NotKubernetes => return f.write_str("not an object of Kubernetes"),
            Self::Malformed { what, path } => (*what, path),
            Self::TooDeep { path } => ("nested too deeply", path),
            Self::TooLarge { limit, stored } => {
                let limit = limit >> 20;
                return write!(
                    f,
                    "decoded it takes more than {limit} MiB of memory, the limit for a value of {stored} bytes"
                );
            }
        };
        f.write_str(text)?;
        if !path.is_empty() {
            write!(f, " at {}", crate::finding::escape::text(path.as_bytes()))?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}
