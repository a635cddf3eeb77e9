//! Stored bytes and objects as JSON: which encoding a value has, the object it holds, kind and name without the rest.

pub(in crate::kubernetes) mod cbor;
pub(in crate::kubernetes) mod converted;
mod decode;
pub(in crate::kubernetes) mod decode_error;
mod defaults;
pub(in crate::kubernetes) mod envelope;
pub(in crate::kubernetes) mod format;
pub(crate) mod go_float;
pub(in crate::kubernetes) mod head;
pub(in crate::kubernetes) mod object;
pub(crate) mod yaml_scalar;

pub use converted::convert;
pub use decode::{UnknownField, memory_of, read_json};
pub use decode_error::{Broken, DecodeError};
pub use defaults::add_read_defaults;
pub use envelope::{ENVELOPE_MAGIC, Envelope};
pub use format::Encoding;
pub use head::{Head, Labels};
pub use object::{Description, Object, decode, write_json};
