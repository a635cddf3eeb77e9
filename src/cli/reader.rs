//! The options that say how values are looked at.

use std::path::{Path, PathBuf};

use super::run::{not_opened, reason};
use crate::finding::escape;
use crate::kubernetes::secrets::encryption::EncryptionConfig;
use crate::kubernetes::{KubeRelease, Redactor};
use crate::ops::ValueReader;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Values")]
pub(super) struct ReaderArgs {
    /// Show secrets instead of hiding them
    #[arg(long)]
    show_secrets: bool,
    /// Mark hidden secrets with this key, so that marks of several runs can be compared
    #[arg(long, value_name = "TEXT")]
    redact_key: Option<String>,
    /// Decrypt values with the keys of the API server's EncryptionConfiguration
    #[arg(long, value_name = "FILE")]
    encryption_config: Option<PathBuf>,
    /// Show metadata.managedFields
    #[arg(long)]
    show_managed_fields: bool,
    /// Show objects as the API server of this release does: 1.34 to 1.37
    #[arg(long, value_name = "VERSION", default_value_t = KubeRelease::NEWEST, hide_default_value = true)]
    kube_version: KubeRelease,
}

impl ReaderArgs {
    pub(super) fn shows_managed_fields(&self) -> bool {
        self.show_managed_fields
    }

    /// The way to look; or why the configuration cannot be used.
    pub(super) fn reader(&self) -> Result<ValueReader, String> {
        let encryption = config_of(self.encryption_config.as_deref())?;
        let redactor = match (&self.redact_key, self.show_secrets) {
            (_, true) => None,
            (Some(key), _) => Some(Redactor::with_key(key.as_bytes())),
            (None, _) => {
                let random = Redactor::random();
                Some(random.map_err(|error| format!("no random key for hiding secrets: {error}"))?)
            }
        };
        Ok(ValueReader {
            encryption,
            redactor,
            managed_fields: self.show_managed_fields,
            release: self.kube_version,
        })
    }
}

/// Reads the EncryptionConfiguration at `path`, if one was given.
pub(super) fn config_of(path: Option<&Path>) -> Result<Option<EncryptionConfig>, String> {
    path.map(read_config).transpose()
}

fn read_config(path: &Path) -> Result<EncryptionConfig, String> {
    use std::io::Read as _;
    let name = escape::path(path);
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| not_opened(path, &error))?;
    file.take(EncryptionConfig::MAX_LEN as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("read {name}: {}", reason(&error)))?;
    EncryptionConfig::read(&bytes).map_err(|error| format!("{name}: {error}"))
}
