//! Roles that allow more than before, and who is bound to those that allow everything of something.

use std::collections::BTreeSet;

use serde_json::Value;

use super::fresh;
use crate::kubernetes::fields::{at, items, text};

/// The role that may do everything.
const ADMIN: &str = "cluster-admin";

/// So many comparisons are made to find out what a role allows that it did not.
const MOST_COMPARISONS: usize = 2_000_000;

/// So many new permissions of a role are named.
const NAMED: usize = 3;

/// Roles of a cluster in whose rules is a `*`.
#[derive(Debug, Clone, Default)]
pub struct WideRoles(BTreeSet<(String, String)>);

impl WideRoles {
    /// Takes note of a Role or ClusterRole.
    pub fn note(&mut self, role: &Value) {
        if items(role, "rules").iter().any(has_star) {
            let of = |path: &str| text(role, path).to_string();
            self.0
                .insert((of("metadata.namespace"), of("metadata.name")));
        }
    }

    fn has(&self, namespace: &str, name: &str) -> bool {
        self.0.contains(&(namespace.to_string(), name.to_string()))
    }
}

fn has_star(rule: &Value) -> bool {
    ["verbs", "resources", "apiGroups", "nonResourceURLs"]
        .iter()
        .any(|list| items(rule, list).iter().any(|word| word == "*"))
}

pub(super) fn binding(
    old: Option<&Value>,
    new: Option<&Value>,
    roles: &WideRoles,
    found: &mut Vec<String>,
) {
    let Some(new) = new else { return };
    let (kind, name) = (text(new, "roleRef.kind"), text(new, "roleRef.name"));
    let namespace = match kind {
        "Role" => text(new, "metadata.namespace"),
        _ => "",
    };
    let is_admin = kind == "ClusterRole" && name == ADMIN;
    if !is_admin && !roles.has(namespace, name) {
        return;
    }
    let known = match old {
        Some(old) if at(old, "roleRef") == at(new, "roleRef") => items(old, "subjects"),
        _ => &[],
    };
    let role = if is_admin {
        name.to_string()
    } else {
        format!("{kind} {name}, which has a *")
    };
    for subject in fresh(known, items(new, "subjects")) {
        let place = match text(subject, "namespace") {
            "" => String::new(),
            namespace => format!("{namespace}/"),
        };
        found.push(format!(
            "{} {place}{} gets {role}",
            text(subject, "kind"),
            text(subject, "name")
        ));
    }
}

pub(super) fn role(old: Option<&Value>, new: Option<&Value>, found: &mut Vec<String>) {
    let Some(new) = new else { return };
    let rules = items(new, "rules");
    let Some(old) = old else {
        if rules.iter().any(has_star) {
            found.push("a role with a wildcard (*) was created".into());
        }
        if rules.iter().any(allows_more_than_it_says) {
            found.push(
                "a role was created whose subjects can gain further rights (escalate, bind, impersonate)".into(),
            );
        }
        return;
    };
    let known = items(old, "rules");
    let mut more = Vec::new();
    let mut budget = MOST_COMPARISONS;
    let weight = known.iter().map(weight).fold(1, usize::saturating_add);
    for rule in fresh(known, rules) {
        widened((known, weight), rule, &mut budget, &mut more);
    }
    if let Some(more) = sentence(more) {
        found.push(format!("the role allows more: {more}"));
    }
    if at(old, "aggregationRule") != at(new, "aggregationRule") {
        found.push("the role takes its rules from other roles".into());
    }
}

fn sentence(mut more: Vec<String>) -> Option<String> {
    more.sort();
    more.dedup();
    let rest = more.len().checked_sub(NAMED).filter(|rest| *rest > 0);
    more.truncate(NAMED);
    let text = more.join(", ");
    (!text.is_empty()).then(|| match rest {
        Some(rest) => format!("{text} and {rest} more"),
        None => text,
    })
}

fn allows_more_than_it_says(rule: &Value) -> bool {
    items(rule, "verbs")
        .iter()
        .any(|verb| matches!(verb.as_str(), Some("escalate" | "bind" | "impersonate")))
}

fn words<'v>(rule: &'v Value, list: &str) -> Vec<&'v str> {
    items(rule, list).iter().filter_map(Value::as_str).collect()
}

/// The lists of a rule.
const LISTS: [&str; 5] = [
    "verbs",
    "apiGroups",
    "resources",
    "resourceNames",
    "nonResourceURLs",
];

/// How many words a rule has.
fn weight(rule: &Value) -> usize {
    crate::steps::count(1);
    let lengths = LISTS.iter().map(|list| items(rule, list).len());
    lengths.fold(0, usize::saturating_add)
}

/// Adds what `rule` allows and none of `known`, which have so many words in all, does.
fn widened(
    (known, weight): (&[Value], usize),
    rule: &Value,
    budget: &mut usize,
    more: &mut Vec<String>,
) {
    let [verbs, groups, resources, names, urls] = LISTS.map(|list| words(rule, list));
    let mut names: Vec<Option<&str>> = names.into_iter().map(Some).collect();
    if names.is_empty() {
        names.push(None);
    }
    let permissions = [groups.len(), resources.len(), verbs.len(), names.len()]
        .into_iter()
        .fold(1, usize::saturating_mul)
        .saturating_add(urls.len().saturating_mul(verbs.len()));
    match budget.checked_sub(permissions.saturating_mul(weight)) {
        Some(rest) => {
            crate::steps::count(permissions.saturating_mul(weight));
            *budget = rest;
        }
        None => {
            more.push("rules too many to compare one by one".into());
            return;
        }
    }
    for url in &urls {
        for verb in &verbs {
            let is_known = known
                .iter()
                .any(|known| covers(known, "verbs", verb) && covers_url(known, url));
            if !is_known {
                more.push(format!("{verb} {url}"));
            }
        }
    }
    for group in &groups {
        for resource in &resources {
            for verb in &verbs {
                for name in &names {
                    if !known
                        .iter()
                        .any(|rule| allows(rule, group, resource, verb, *name))
                    {
                        let group = if group.is_empty() {
                            String::new()
                        } else {
                            format!(".{group}")
                        };
                        let name = name.map_or(String::new(), |name| format!("/{name}"));
                        more.push(format!("{verb} {resource}{group}{name}"));
                    }
                }
            }
        }
    }
}

fn covers_url(rule: &Value, url: &str) -> bool {
    words(rule, "nonResourceURLs")
        .iter()
        .any(|pattern| match pattern.strip_suffix('*') {
            Some(prefix) => url.starts_with(prefix),
            None => *pattern == url,
        })
}

fn covers(rule: &Value, list: &str, word: &str) -> bool {
    items(rule, list)
        .iter()
        .any(|one| one == "*" || one == word)
}

fn allows(rule: &Value, group: &str, resource: &str, verb: &str, name: Option<&str>) -> bool {
    let names = items(rule, "resourceNames");
    let sub = resource.split_once('/').map(|(_, sub)| format!("*/{sub}"));
    covers(rule, "verbs", verb)
        && covers(rule, "apiGroups", group)
        && (covers(rule, "resources", resource)
            || sub.is_some_and(|all| items(rule, "resources").iter().any(|one| *one == all)))
        && (names.is_empty() || name.is_some_and(|name| names.iter().any(|one| one == name)))
}
