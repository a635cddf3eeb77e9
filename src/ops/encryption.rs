//! How a file's values are encrypted at rest, and what an API server could read with a configuration.

use std::collections::BTreeMap;

use super::keyspace::Session;
use super::objects::{Live, live};
use crate::error::Result;
use crate::etcd::keyspace::{RecordView, RecordVisitor, RevisionBounds};
use crate::kubernetes::Head;
use crate::kubernetes::encryption::{
    DecryptFault, EncryptionConfig, Standing, Stored, decrypt, standing,
};
use crate::kubernetes::resources::Resources;

/// Values of one resource that are stored in the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptionCount {
    /// `secrets`, `tokens.vault.example.com`.
    pub resource: String,
    /// Provider and key name; `None` when they are plain.
    pub stored: Option<(String, String)>,
    /// How many.
    pub values: u64,
    /// How they stand to the configuration, if there is one.
    pub standing: Option<Standing>,
    /// How many the configuration's keys do not open, and why the first does not.
    pub unreadable: u64,
    /// Why the first of them cannot be read.
    pub fault: Option<DecryptFault>,
}

/// All resources that are encrypted, or would be.
#[derive(Debug, Clone)]
pub struct EncryptionReport {
    /// By resource, then by how they are stored.
    pub counts: Vec<EncryptionCount>,
    /// From where to where the file can answer.
    pub bounds: RevisionBounds,
}

impl EncryptionReport {
    /// True when some value could not be read after a restore with this configuration.
    pub fn has_unreadable(&self) -> bool {
        self.counts.iter().any(|count| {
            count.unreadable > 0
                || matches!(
                    count.standing,
                    Some(
                        Standing::NoKey
                            | Standing::OnlyIdentity
                            | Standing::Plain { readable: false }
                            | Standing::Kms {
                                configured: false,
                                ..
                            }
                    )
                )
        })
    }
}

struct Counter<'q> {
    resources: &'q Resources,
    config: Option<&'q EncryptionConfig>,
}

type Way = (String, Option<(String, String)>);

impl RecordVisitor for Counter<'_> {
    type Local = BTreeMap<Way, EncryptionCount>;

    fn start(&self) -> Self::Local {
        BTreeMap::new()
    }

    fn record(&self, local: &mut Self::Local, view: &RecordView<'_>) -> Result<()> {
        let key = view.record.key;
        let value = view.value()?;
        let stored = Stored::of(&value);
        let resource = match self.resource(key, &value) {
            Some(resource) => resource,
            // Plain values of others are nobody's concern here.
            None if matches!(stored, Ok(Stored::Plain)) => return Ok(()),
            None => "?".to_string(),
        };
        let way = match &stored {
            Ok(Stored::Plain) => None,
            Ok(Stored::With(provider, name)) => Some((
                provider.to_string(),
                crate::finding::escape::text_limited(name, 128),
            )),
            Err(_) => Some(("unknown".to_string(), String::new())),
        };
        let count = local
            .entry((resource.clone(), way.clone()))
            .or_insert_with(|| EncryptionCount {
                standing: match (self.config, &stored) {
                    (Some(config), Ok(stored)) => Some(standing(&resource, *stored, config)),
                    _ => None,
                },
                resource,
                stored: way,
                values: 0,
                unreadable: 0,
                fault: None,
            });
        count.values = count.values.saturating_add(1);
        if let Some(config) = self.config
            && let Err(fault) = decrypt(key, &value, config, Some(&count.resource))
            && !matches!(fault, DecryptFault::Kms { .. })
        {
            count.unreadable = count.unreadable.saturating_add(1);
            count.fault.get_or_insert(fault);
        }
        Ok(())
    }
}

impl Counter<'_> {
    /// The resource of a value: from itself where it can be read, else from its key.
    fn resource(&self, key: &[u8], value: &[u8]) -> Option<String> {
        let head = Head::of(value);
        if let (Some(api_version), Some(kind)) = (&head.api_version, &head.kind) {
            return Some(
                self.resources
                    .of_kind_or_guess(api_version, kind)
                    .full_name(),
            );
        }
        let parts = self.resources.of_key(std::str::from_utf8(key).ok()?)?;
        let known = self.resources.of_plural(&parts.group, &parts.resource);
        Some(match known {
            Some(resource) => resource.full_name(),
            None if parts.group.is_empty() => parts.resource,
            None => format!("{}.{}", parts.resource, parts.group),
        })
    }
}

/// Counts how the values of each resource are encrypted, at the newest revision. Resources that are plain
/// and that no configuration would encrypt are left out.
///
/// # Errors
/// Reading, cancelling.
pub fn encryption(
    session: &mut Session<'_>,
    config: Option<&EncryptionConfig>,
) -> Result<EncryptionReport> {
    let live = live(session, 0)?;
    let all = counted(&live, session, config)?;
    let encrypted: std::collections::BTreeSet<String> = all
        .iter()
        .filter(|count| count.stored.is_some())
        .map(|count| count.resource.clone())
        .collect();
    let is_shown = |count: &EncryptionCount| {
        encrypted.contains(&count.resource)
            || count.resource == "secrets"
            || config.is_some_and(|config| config.providers_for(&count.resource).is_some())
    };
    Ok(EncryptionReport {
        counts: all.into_iter().filter(is_shown).collect(),
        bounds: live.keyspace.bounds(),
    })
}

/// Counts how live values are stored, by resource and way; plain ones too.
pub(super) fn counted(
    live: &Live<'_>,
    session: &Session<'_>,
    config: Option<&EncryptionConfig>,
) -> Result<Vec<EncryptionCount>> {
    let counter = Counter {
        resources: &live.resources,
        config,
    };
    let parts = live
        .keyspace
        .visit(&live.places, &counter, &session.workers, session.options)?;
    let mut all: BTreeMap<Way, EncryptionCount> = BTreeMap::new();
    for (way, count) in parts.into_iter().flatten() {
        match all.get_mut(&way) {
            Some(sum) => {
                sum.values = sum.values.saturating_add(count.values);
                sum.unreadable = sum.unreadable.saturating_add(count.unreadable);
                sum.fault = sum.fault.take().or(count.fault);
            }
            None => {
                all.insert(way, count);
            }
        }
    }
    Ok(all.into_values().collect())
}
