//! Values that are encrypted at rest, and what is hidden from whoever looks.

pub mod encryption;
pub mod redact;

pub use redact::Redactor;
