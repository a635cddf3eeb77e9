//! Roles and who has them.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;

use super::text::{Text, put};
use super::{Now, Related};
use crate::kubernetes::fields::{at, items, text};

/// More lines of rules are not shown: lists in a rule stand for all their combinations.
const RULES: usize = 1 << 16;

/// A rule of one resource, one group and at most one name.
#[derive(Default)]
struct Rule<'o> {
    resource: Option<&'o str>,
    group: Option<&'o str>,
    name: Option<&'o str>,
    url: Option<&'o str>,
    verbs: Vec<&'o str>,
    known_verbs: HashSet<&'o str>,
}

impl<'o> Rule<'o> {
    fn add(&mut self, verb: &'o str) {
        if self.known_verbs.insert(verb) {
            self.verbs.push(verb);
        }
    }

    /// By what rules are sorted.
    fn order(&self) -> String {
        let list = |one: Option<&str>| one.unwrap_or_default().to_owned();
        format!(
            "Verbs:[{}],APIGroups:[{}],Resources:[{}],ResourceNames:[{}],NonResourceURLs:[{}],",
            self.verbs.join(" "),
            list(self.group),
            list(self.resource),
            list(self.name),
            list(self.url)
        )
    }

    fn what(&self) -> String {
        let resource = self.resource.unwrap_or_default();
        let (resource, below) = match resource.split_once('/') {
            Some((resource, below)) => (resource, format!("/{below}")),
            None => (resource, String::new()),
        };
        match self.group {
            Some(group) if !group.is_empty() => format!("{resource}.{group}{below}"),
            _ => format!("{resource}{below}"),
        }
    }
}

pub(super) fn role(w: &mut Text, role: &Value, _: &Related, _: Now) {
    put!(w, 0, "Name:\t{}\n", text(role, "metadata.name"));
    w.labels_and_annotations(role);
    put!(w, 0, "PolicyRule:\n");
    put!(
        w,
        1,
        "Resources\tNon-Resource URLs\tResource Names\tVerbs\n"
    );
    put!(
        w,
        1,
        "---------\t-----------------\t--------------\t-----\n"
    );
    let (rules, is_all) = rules(role);
    let mut rules: Vec<(String, Rule<'_>)> =
        rules.into_iter().map(|rule| (rule.order(), rule)).collect();
    rules.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (_, rule) in rules {
        let [url, name] = [rule.url, rule.name].map(Option::unwrap_or_default);
        put!(
            w,
            1,
            "{}\t[{url}]\t[{name}]\t[{}]\n",
            rule.what(),
            rule.verbs.join(" ")
        );
    }
    if !is_all {
        put!(w, 1, "...\n");
    }
}

/// The rules of a role, each broken down and those that differ only by verb joined; and whether these are all.
fn rules(role: &Value) -> (Vec<Rule<'_>>, bool) {
    let mut of_resources: BTreeMap<(&str, &str, Option<&str>), Rule<'_>> = BTreeMap::new();
    let mut of_urls = Vec::new();
    let mut steps = 0usize;
    for rule in items(role, "rules") {
        let texts = |path: &str| -> Vec<&str> {
            items(rule, path).iter().filter_map(Value::as_str).collect()
        };
        let [groups, resources, names, urls, verbs] = [
            "apiGroups",
            "resources",
            "resourceNames",
            "nonResourceURLs",
            "verbs",
        ]
        .map(texts);
        let names: Vec<Option<&str>> = match names.is_empty() {
            true => vec![None],
            false => names.into_iter().map(Some).collect(),
        };
        for group in &groups {
            for resource in &resources {
                for verb in &verbs {
                    for name in &names {
                        steps = steps.saturating_add(1);
                        if steps > RULES {
                            return (of_resources.into_values().chain(of_urls).collect(), false);
                        }
                        let of_one = of_resources.entry((group, resource, *name));
                        let of_one = of_one.or_insert_with(|| Rule {
                            resource: Some(resource),
                            group: Some(group),
                            name: *name,
                            ..Rule::default()
                        });
                        of_one.add(verb);
                    }
                }
            }
        }
        for url in &urls {
            for verb in &verbs {
                steps = steps.saturating_add(1);
                if steps > RULES {
                    return (of_resources.into_values().chain(of_urls).collect(), false);
                }
                let mut of_one = Rule {
                    url: Some(url),
                    ..Rule::default()
                };
                of_one.add(verb);
                of_urls.push(of_one);
            }
        }
    }
    (
        of_urls
            .into_iter()
            .chain(of_resources.into_values())
            .collect(),
        true,
    )
}

pub(super) fn binding(w: &mut Text, binding: &Value, _: &Related, _: Now) {
    put!(w, 0, "Name:\t{}\n", text(binding, "metadata.name"));
    w.labels_and_annotations(binding);
    let role = at(binding, "roleRef");
    put!(w, 0, "Role:\n");
    put!(w, 1, "Kind:\t{}\n", text(role, "kind"));
    put!(w, 1, "Name:\t{}\n", text(role, "name"));
    put!(w, 0, "Subjects:\n");
    put!(w, 1, "Kind\tName\tNamespace\n");
    put!(w, 1, "----\t----\t---------\n");
    for subject in items(binding, "subjects") {
        let [kind, name, namespace] = ["kind", "name", "namespace"].map(|path| text(subject, path));
        put!(w, 1, "{kind}\t{name}\t{namespace}\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_that_stand_for_very_many_rules_are_cut() {
        let many: Vec<String> = (0..1000).map(|number| format!("r{number}")).collect();
        let rule = json!({"apiGroups": many, "resources": many, "verbs": many});
        let role = json!({"rules": [rule]});
        let (all, is_all) = rules(&role);
        assert!(!is_all && all.len() <= RULES, "{}", all.len());
        let rule =
            json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "get", "list"]});
        let role = json!({"rules": [rule, rule]});
        let (all, is_all) = rules(&role);
        assert!(is_all);
        assert_eq!(
            all.iter()
                .map(|rule| rule.verbs.join(" "))
                .collect::<Vec<_>>(),
            ["get list"]
        );
    }
}
