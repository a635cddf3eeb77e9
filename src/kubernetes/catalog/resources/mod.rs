//! Kinds of objects: what they are called, and what is behind a word of the user.

mod asked;
mod builtin;
mod custom;
mod index;
mod keys;

use std::borrow::Cow;

pub use asked::{Asked, NotServed};
use builtin::{BUILTINS, OLD_GROUP};
pub use custom::{CustomColumn, CustomVersion};
use index::Index;
pub use keys::KeyParts;
pub(in crate::kubernetes) use keys::is_other_path;

/// A kind of objects.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resource {
    /// The API group; empty for the core.
    pub group: String,
    /// `Deployment`.
    pub kind: String,
    /// `deployments`; what kubectl and the API call the resource.
    pub plural: String,
    /// `deployment`.
    pub singular: String,
    /// `deploy`.
    pub short_names: Vec<String>,
    /// Words for several kinds, such as `all`.
    pub categories: Vec<String>,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
    /// The preferred one first.
    pub versions: Vec<String>,
    /// The path between prefix and name in keys of etcd, without namespace.
    pub path: String,
    /// Set for what a CustomResourceDefinition defines.
    pub custom: Option<Vec<CustomVersion>>,
}

impl Resource {
    /// `deployments.apps`; the plural alone in the core.
    pub fn full_name(&self) -> String {
        qualified(&self.plural, &self.group)
    }

    /// What `-o name` prints for an object: `deployment.apps/web`, `pod/web-1`.
    pub fn printed_name(&self, name: &str) -> String {
        format!(
            "{}/{name}",
            qualified(&self.kind.to_lowercase(), &self.group)
        )
    }

    /// The additional columns that its definition has for `version`. None for a built-in kind.
    pub fn custom_columns(&self, version: &str) -> Option<&[CustomColumn]> {
        self.custom.as_ref()?;
        let found = self.custom_version(version);
        Some(found.map_or(&[], |found| &*found.columns))
    }

    /// What its definition says of a version.
    pub fn custom_version(&self, version: &str) -> Option<&CustomVersion> {
        let versions = self.custom.as_ref()?;
        versions.iter().find(|one| one.name == version)
    }

    /// The version in which a server gives out what is stored in `stored`, the one that is asked for or else the
    /// preferred one, if it is another and nothing but its name is changed.
    pub(crate) fn served_alike<'r>(
        &'r self,
        stored: &str,
        asked: Option<&'r str>,
    ) -> Option<&'r str> {
        let preferred = || {
            let served = self.custom.as_ref()?.iter().find(|one| one.served)?;
            Some(served.name.as_str())
        };
        let target = asked
            .or_else(preferred)
            .filter(|target| *target != stored)?;
        let alike = |version| self.custom_version(version)?.alike;
        (alike(target)? == alike(stored)?).then_some(target)
    }

    /// The group and version that its objects have most likely.
    pub fn preferred_version(&self) -> String {
        self.api_version(self.versions.first().map_or("v1", String::as_str))
    }

    /// Group and version: `apps/v1`.
    pub fn api_version(&self, version: &str) -> String {
        if self.group.is_empty() {
            version.to_string()
        } else {
            format!("{}/{version}", self.group)
        }
    }

    fn is_called(&self, word: &str) -> bool {
        word == self.plural || word == self.singular || word == self.kind.to_lowercase()
    }

    fn is_called_briefly(&self, word: &str) -> bool {
        self.short_names.iter().any(|name| name == word)
    }

    /// A kind that nothing is known of, with the plural that is usual for such a name.
    pub fn guess(api_version: &str, kind: &str) -> Self {
        let (group, version) = split_api_version(api_version);
        let singular = kind.to_lowercase();
        let plural = if singular.ends_with('s') {
            format!("{singular}es")
        } else if let Some(stem) = singular.strip_suffix('y') {
            format!("{stem}ies")
        } else {
            format!("{singular}s")
        };
        Self {
            group: group.to_owned(),
            kind: kind.to_owned(),
            path: custom::path(group, &plural),
            plural,
            singular,
            namespaced: true,
            versions: vec![version.to_owned()],
            ..Self::default()
        }
    }
}

fn qualified(name: &str, group: &str) -> String {
    if group.is_empty() {
        name.to_owned()
    } else {
        format!("{name}.{group}")
    }
}

/// Group and version of `apps/v1`, or of `v1`.
pub fn split_api_version(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

/// What a word stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolved<'a> {
    /// Nothing.
    Unknown,
    /// One kind.
    One(&'a Resource),
    /// All kinds of a category.
    Category(Vec<&'a Resource>),
    /// Several custom resources go by that name; their full names tell them apart.
    Ambiguous(Vec<&'a Resource>),
}

/// All kinds that are known: those of Kubernetes itself, and custom ones.
#[derive(Debug, Clone)]
pub struct Resources {
    all: Vec<Resource>,
    index: Index,
}

impl Default for Resources {
    fn default() -> Self {
        Self::builtin()
    }
}

impl Resources {
    /// The kinds that Kubernetes brings along.
    pub fn builtin() -> Self {
        let list = |text: &str| {
            let parts = text.split(',').filter(|part| !part.is_empty());
            parts.map(str::to_owned).collect::<Vec<_>>()
        };
        let all = BUILTINS.iter().map(|row| Resource {
            group: row.group.to_owned(),
            kind: row.kind.to_owned(),
            plural: row.plural.to_owned(),
            singular: row.kind.to_lowercase(),
            short_names: list(row.short_names),
            categories: list(row.categories),
            namespaced: row.namespaced,
            versions: list(row.versions),
            path: if row.path.is_empty() {
                row.plural
            } else {
                row.path
            }
            .to_owned(),
            custom: None,
        });
        let mut resources = Self {
            all: Vec::new(),
            index: Index::default(),
        };
        all.for_each(|resource| resources.add(resource));
        resources
    }

    fn add(&mut self, resource: Resource) {
        self.index.add(&resource, self.all.len());
        self.all.push(resource);
    }

    /// All kinds; built-in ones first.
    pub fn all(&self) -> &[Resource] {
        &self.all
    }

    /// What `word` stands for, in any case: kind, singular, plural or short name, alone or with a group or
    /// the beginning of one (`deploy.apps`), or with version and group (`deployments.v1.apps`); or a
    /// category. As with kubectl, a full name goes before a short one, and a built-in kind before a custom
    /// one of the same name.
    pub fn resolve(&self, word: &str) -> Resolved<'_> {
        let word = word.to_lowercase();
        let mut found = self.named(&word, "", None);
        if found.is_empty()
            && let Some((name, group)) = word.split_once('.')
        {
            if let Some((version, group)) = group.split_once('.') {
                found = self.named(name, group, Some(version));
            } else {
                // Version and no group is the core.
                found = self.named(name, "", Some(group));
                found.retain(|resource| resource.group.is_empty());
            }
            if found.is_empty() {
                found = self.named(name, group, None);
            }
        }
        match found.as_slice() {
            [one] => Resolved::One(one),
            [] => match self.category(&word) {
                members if members.is_empty() => Resolved::Unknown,
                members => Resolved::Category(members),
            },
            _ => Resolved::Ambiguous(found),
        }
    }

    /// The kinds of a category.
    pub fn category(&self, word: &str) -> Vec<&Resource> {
        let is_member = |resource: &&Resource| resource.categories.iter().any(|one| one == word);
        self.all.iter().filter(is_member).collect()
    }

    /// Kinds by name; the group may be only a beginning, unless one fits it exactly.
    fn named(&self, name: &str, group: &str, version: Option<&str>) -> Vec<&Resource> {
        let fits = |resource: &&Resource| {
            resource.group.starts_with(group)
                && version.is_none_or(|version| resource.versions.iter().any(|one| one == version))
        };
        let pick = |called: fn(&Resource, &str) -> bool| -> Vec<&Resource> {
            let all = self.all.iter().filter(fits);
            let mut found: Vec<_> = all.filter(|resource| called(resource, name)).collect();
            if found.iter().any(|resource| resource.group == group) && !group.is_empty() {
                found.retain(|resource| resource.group == group);
            }
            if found.first().is_some_and(|first| first.custom.is_none()) {
                found.truncate(1);
            }
            found
        };
        let full = pick(Resource::is_called);
        if full.is_empty() {
            pick(Resource::is_called_briefly)
        } else {
            full
        }
    }

    /// The kind of an object. Objects of `extensions` belong to the group that has the kind now.
    pub fn of_kind(&self, api_version: &str, kind: &str) -> Option<&Resource> {
        let (group, _) = split_api_version(api_version);
        let of_old_group = || {
            self.index
                .of_kind_alone(kind)
                .filter(|_| group == OLD_GROUP)
        };
        let found = self.index.of_kind(group, kind).or_else(of_old_group)?;
        self.all.get(found)
    }

    /// The kind of an object, guessed if it is not known.
    pub fn of_kind_or_guess(&self, api_version: &str, kind: &str) -> Cow<'_, Resource> {
        match self.of_kind(api_version, kind) {
            Some(resource) => Cow::Borrowed(resource),
            None => Cow::Owned(Resource::guess(api_version, kind)),
        }
    }

    /// The kind of an object of which only the key can be read: the one of that group and plural, else a stand-in
    /// that goes by the name of the resource. Also the group and version that its objects have most likely;
    /// without a version, and empty without a group, where it is a stand-in.
    pub fn of_parts(&self, parts: &KeyParts) -> (String, Cow<'_, Resource>) {
        if let Some(resource) = self.of_plural(&parts.group, &parts.resource) {
            return (resource.preferred_version(), Cow::Borrowed(resource));
        }
        let name = parts.resource.clone();
        let resource = Resource {
            group: parts.group.clone(),
            kind: name.clone(),
            plural: name.clone(),
            singular: name.clone(),
            namespaced: parts.namespace.is_some(),
            path: custom::path(&parts.group, &name),
            ..Resource::default()
        };
        let api_version = match parts.group.as_str() {
            "" => String::new(),
            group => format!("{group}/"),
        };
        (api_version, Cow::Owned(resource))
    }

    /// The kind with that group and plural.
    pub fn of_plural(&self, group: &str, plural: &str) -> Option<&Resource> {
        self.all.get(*self.index.of_plural(group, plural).first()?)
    }
}

#[cfg(test)]
mod tests;
