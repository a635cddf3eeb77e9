//! How a file's values are encrypted at rest, and what an API server could read with a configuration.

use std::collections::BTreeMap;

use super::live::{Live, live};
use super::reader::ValueReader;
use super::stored::{Classifier, DamagedValue, StoredValue};
use crate::error::Result;
use crate::etcd::keyspace::{RecordView, RecordVisitor, RevisionBounds};
use crate::kubernetes::Head;
use crate::kubernetes::catalog::resources::Resources;
use crate::kubernetes::secrets::encryption::{
    DecryptError, EncryptionConfig, Standing, Stored, decrypt, shown_name, standing,
};
use crate::ops::session::Session;

/// Values of one resource that are stored in the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptionCount {
    /// `secrets`, `tokens.vault.example.com`.
    pub resource: String,
    /// Provider and key name; `None` when they are plain. Of damaged values, and of those encrypted in an unknown
    /// way, the provider is a word for that.
    pub stored: Option<(String, String)>,
    /// How many.
    pub values: u64,
    /// How they stand to the configuration, if there is one.
    pub standing: Option<Standing>,
    /// How many the configuration's keys do not open, and why the first does not.
    pub unreadable: u64,
    /// Why the first of them cannot be read.
    pub error: Option<DecryptError>,
}

impl EncryptionCount {
    /// True for values that are not objects where there should be some.
    pub fn is_damaged(&self) -> bool {
        let stored = self.stored.as_ref();
        stored.is_some_and(|(provider, _)| provider == DAMAGED)
    }
}

/// All resources that are encrypted, or would be.
#[derive(Debug, Clone)]
pub struct EncryptionReport {
    /// By resource, then by how they are stored.
    pub counts: Vec<EncryptionCount>,
    /// Values that are not what their keys promise, of all resources, by key.
    pub damaged: Vec<DamagedValue>,
    /// Set with a configuration: whether it encrypts anything that is written.
    pub encrypts_anything: Option<bool>,
    /// From where to where the file can answer.
    pub bounds: RevisionBounds,
}

impl EncryptionReport {
    /// True when some value could not be read after a restore with this configuration.
    pub fn has_unreadable(&self) -> bool {
        let has_damaged = self.damaged.iter().any(|one| !one.flaw.is_decodable());
        has_damaged
            || self.counts.iter().any(|count| {
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
    classifier: Classifier<'q>,
}

/// The word for values that are not objects where there should be one.
const DAMAGED: &str = "damaged";

type CountKey = (String, Option<(String, String)>);

impl RecordVisitor for Counter<'_> {
    type Local = (BTreeMap<CountKey, EncryptionCount>, Vec<DamagedValue>);

    fn start(&self) -> Self::Local {
        Self::Local::default()
    }

    fn record(&self, (local, damaged): &mut Self::Local, view: &RecordView<'_>) -> Result<()> {
        let key = view.record.key;
        let value = view.value()?;
        let stored = Stored::of(&value);
        let flaw = match self.classifier.classify(key, &value) {
            StoredValue::Damaged(_, flaw) | StoredValue::Object(_, Some(flaw)) => Some(flaw),
            _ => None,
        };
        let is_damaged = flaw.as_ref().is_some_and(|flaw| !flaw.is_decodable());
        damaged.extend(flaw.map(|flaw| DamagedValue {
            key: key.to_vec(),
            flaw,
            mod_revision: view.revision.main,
            place: view.place,
        }));
        let resource = match self.resource(key, &value) {
            Some(resource) => resource,
            // Plain values of others are nobody's concern here.
            None if matches!(stored, Ok(Stored::Plain)) => return Ok(()),
            None => "?".to_string(),
        };
        let way = match &stored {
            Ok(Stored::Plain) if is_damaged => Some((DAMAGED.to_string(), String::new())),
            Ok(Stored::Plain) => None,
            Ok(Stored::With(provider, name)) => Some((provider.to_string(), shown_name(name))),
            Err(_) => Some(("unknown".to_string(), String::new())),
        };
        let count = local
            .entry((resource.clone(), way.clone()))
            .or_insert_with(|| EncryptionCount {
                standing: match (self.config, &stored) {
                    _ if is_damaged && matches!(stored, Ok(Stored::Plain)) => None,
                    (Some(config), Ok(stored)) => Some(standing(&resource, *stored, config)),
                    _ => None,
                },
                resource,
                stored: way,
                values: 0,
                unreadable: 0,
                error: None,
            });
        count.values = count.values.saturating_add(1);
        if let Some(config) = self.config
            && let Err(error) = decrypt(key, &value, config, Some(&count.resource))
            && !matches!(error, DecryptError::Kms { .. })
        {
            count.unreadable = count.unreadable.saturating_add(1);
            count.error.get_or_insert(error);
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
    let (all, damaged) = count(&live, session, config)?;
    let encrypted: std::collections::BTreeSet<String> = all
        .iter()
        .filter(|count| count.stored.is_some() && !count.is_damaged())
        .map(|count| count.resource.clone())
        .collect();
    let is_shown = |count: &EncryptionCount| {
        encrypted.contains(&count.resource)
            || count.is_damaged()
            || count.resource == "secrets"
            || config.is_some_and(|config| config.providers_for(&count.resource).is_some())
    };
    Ok(EncryptionReport {
        counts: all.into_iter().filter(is_shown).collect(),
        damaged,
        encrypts_anything: config.map(EncryptionConfig::encrypts_anything),
        bounds: live.keyspace.bounds(),
    })
}

/// Counts how live values are stored, by resource and way; plain ones too.
pub(in crate::ops) fn counted(
    live: &Live<'_>,
    session: &Session<'_>,
    config: Option<&EncryptionConfig>,
) -> Result<Vec<EncryptionCount>> {
    let (mut counts, _) = count(live, session, config)?;
    counts.retain(|count| !count.is_damaged());
    Ok(counts)
}

fn count(
    live: &Live<'_>,
    session: &Session<'_>,
    config: Option<&EncryptionConfig>,
) -> Result<(Vec<EncryptionCount>, Vec<DamagedValue>)> {
    let reader = ValueReader {
        encryption: config.cloned(),
        ..ValueReader::default()
    };
    let counter = Counter {
        resources: &live.resources,
        config,
        classifier: Classifier {
            reader: &reader,
            resources: &live.resources,
            layout: &live.layout,
        },
    };
    let parts = live
        .keyspace
        .visit(&live.places, &counter, &session.workers, session.options)?;
    let mut all: BTreeMap<CountKey, EncryptionCount> = BTreeMap::new();
    let (parts, damaged): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
    let mut damaged: Vec<DamagedValue> = damaged.into_iter().flatten().collect();
    damaged.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    for (way, count) in parts.into_iter().flatten() {
        match all.get_mut(&way) {
            Some(sum) => {
                sum.values = sum.values.saturating_add(count.values);
                sum.unreadable = sum.unreadable.saturating_add(count.unreadable);
                sum.error = sum.error.take().or(count.error);
            }
            None => {
                all.insert(way, count);
            }
        }
    }
    Ok((all.into_values().collect(), damaged))
}
