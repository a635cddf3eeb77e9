//! Encryption at rest: what stands around an encrypted value, the API server's configuration with the keys,
//! decrypting, and whether a value is stored as the configuration asks.

mod cipher;
mod config;
mod decrypt;
mod document;
mod envelope;
mod standing;
#[cfg(test)]
mod tests;

pub use config::{ConfigError, EncryptionConfig, Group, Key, KmsVersion, ProviderEntry};
pub use decrypt::{DecryptError, decrypt, resource_of};
pub use envelope::{Envelope, EnvelopeError, PREFIX, Provider, is_encrypted, shown_name};
pub use standing::{Standing, Stored, standing};
