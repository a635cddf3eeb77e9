//! How values are encrypted at rest.

use std::collections::BTreeMap;

use serde::Serialize;

use super::json::{JsonLine, line};
use super::objects::columns_text;
use crate::kubernetes::secrets::encryption::Standing;
use crate::ops::{EncryptionCount, EncryptionReport};

fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Current => "current",
        Standing::Unencrypted { .. } => "unencrypted",
        Standing::OldKey => "old-key",
        Standing::Plain { readable: true } => "plain",
        Standing::Plain { readable: false } => "plain-unreadable",
        Standing::NoKey => "no-key",
        Standing::OnlyIdentity => "identity-only",
        Standing::Kms {
            configured: true,
            current: true,
        } => "kms",
        Standing::Kms {
            configured: true, ..
        } => "kms-old-key",
        Standing::Kms { .. } => "kms-not-configured",
    }
}

/// What that means for an API server with this configuration.
fn meaning(standing: Standing) -> &'static str {
    match standing {
        Standing::Current => "as it would be written today",
        Standing::Unencrypted { .. } => {
            "plain, as it would be written today: not to be encrypted by this configuration"
        }
        Standing::OldKey => "readable; would be written with another key, or plain, today",
        Standing::Plain { readable: true } => "plain, but would be encrypted today",
        Standing::Plain { readable: false } => {
            "plain and unreadable: the resource has no identity provider"
        }
        Standing::NoKey => "unreadable: the configuration lacks the key",
        Standing::OnlyIdentity => {
            "unreadable: the configuration does not encrypt the resource, so it has no key for it"
        }
        Standing::Kms {
            configured: true,
            current: true,
        } => "readable only with the plugin",
        Standing::Kms {
            configured: true, ..
        } => "readable only with the plugin; would be written with another key, or plain, today",
        Standing::Kms { .. } => "unreadable: the plugin is not configured",
    }
}

/// What does not fit that: values that cannot be read in spite of the configuration.
fn exception(count: &EncryptionCount) -> Option<String> {
    let what = match &count.error {
        _ if count.is_damaged() => "not objects: an API server cannot read them".into(),
        Some(error) => format!("{} unreadable: {error}", count.unreadable),
        None => return None,
    };
    let (resource, provider) = (&count.resource, count.stored.as_ref());
    let provider = provider.map_or("none", |(provider, _)| provider);
    Some(format!("{resource} ({provider}): {what}"))
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonEncryption<'c> {
    resource: &'c str,
    provider: &'c str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_name: Option<&'c str>,
    count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    standing: Option<&'static str>,
    unreadable: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
}

impl JsonLine for JsonEncryption<'_> {
    const TYPE: &'static str = "encryption";
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonEncryptionSummary {
    encrypted: u64,
    plain: u64,
    #[serde(skip_serializing_if = "is_none")]
    damaged: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    encrypts_anything: Option<bool>,
    readable_after_restore: Option<bool>,
    current_revision: i64,
    compact_revision: i64,
}

impl JsonLine for JsonEncryptionSummary {
    const TYPE: &'static str = "summary";
    const COMMAND: Option<&'static str> = Some("encryption");
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_none(number: &u64) -> bool {
    *number == 0
}

/// As lines of JSON, a summary last.
pub fn encryption_json(report: &EncryptionReport) -> String {
    let mut out = String::new();
    let (mut encrypted, mut plain, mut damaged) = (0u64, 0u64, 0u64);
    for count in &report.counts {
        match &count.stored {
            Some(_) if count.is_damaged() => damaged = damaged.saturating_add(count.values),
            Some(_) => encrypted = encrypted.saturating_add(count.values),
            None => plain = plain.saturating_add(count.values),
        }
        out.push_str(&line(&JsonEncryption {
            resource: &count.resource,
            provider: count
                .stored
                .as_ref()
                .map_or("none", |(provider, _)| provider),
            key_name: count
                .stored
                .as_ref()
                .filter(|_| !count.is_damaged())
                .map(|(_, name)| name.as_str()),
            count: count.values,
            standing: count.standing.map(word),
            unreadable: count.unreadable,
            fault: count.error.as_ref().map(ToString::to_string),
        }));
    }
    let is_configured = report.counts.iter().any(|count| count.standing.is_some());
    out.push_str(&line(&JsonEncryptionSummary {
        encrypted,
        plain,
        damaged,
        encrypts_anything: report.encrypts_anything,
        readable_after_restore: is_configured.then(|| !report.has_unreadable()),
        current_revision: report.bounds.current,
        compact_revision: report.bounds.compacted,
    }));
    out
}

/// As a table, and under it what its last column means.
pub fn encryption_text(report: &EncryptionReport) -> String {
    let head = ["RESOURCE", "PROVIDER", "KEY", "VALUES", "STANDING"].map(String::from);
    let rows: Vec<Vec<String>> = report
        .counts
        .iter()
        .map(|count| {
            let (provider, key) = count
                .stored
                .clone()
                .unwrap_or_else(|| ("none".into(), "-".into()));
            let key = if key.is_empty() { "-".into() } else { key };
            vec![
                count.resource.clone(),
                provider,
                key,
                count.values.to_string(),
                count.standing.map_or("-", word).to_string(),
            ]
        })
        .collect();
    let with_config = report.counts.iter().any(|count| count.standing.is_some());
    let columns = if with_config { 5 } else { 4 };
    let cut = |cells: &[String]| cells.iter().take(columns).cloned().collect::<Vec<_>>();
    let mut text = columns_text(
        &cut(&head),
        &rows.iter().map(|row| cut(row)).collect::<Vec<_>>(),
    );
    let standings = report.counts.iter().filter_map(|count| count.standing);
    let meanings: BTreeMap<&str, &str> = standings
        .map(|standing| (word(standing), meaning(standing)))
        .collect();
    let exceptions: Vec<String> = report.counts.iter().filter_map(exception).collect();
    if !meanings.is_empty() || !exceptions.is_empty() {
        text.push('\n');
    }
    for (word, meaning) in meanings {
        text.push_str(&format!("{word}: {meaning}\n"));
    }
    for line in exceptions {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// The schemas of the lines that are written here.
#[cfg(feature = "schema")]
pub(super) fn schemas() -> Vec<(&'static str, serde_json::Value)> {
    use crate::report::line_schema::schema;
    vec![
        schema::<JsonEncryption<'_>>(),
        schema::<JsonEncryptionSummary>(),
    ]
}
