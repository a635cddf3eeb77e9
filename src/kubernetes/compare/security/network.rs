//! Network policies that let more through.

use serde_json::Value;

use super::fresh;
use crate::kubernetes::fields::{at, is_set, items};

/// With more rules, a new one counts as more, whatever the old ones are.
const MOST_RULES: usize = 200;

#[derive(Clone, Copy)]
struct Direction {
    name: &'static str,
    list: &'static str,
    peers: &'static str,
}

const DIRECTIONS: [Direction; 2] = [
    Direction {
        name: "Ingress",
        list: "spec.ingress",
        peers: "from",
    },
    Direction {
        name: "Egress",
        list: "spec.egress",
        peers: "to",
    },
];

pub(super) fn policy(old: Option<&Value>, new: Option<&Value>, found: &mut Vec<String>) {
    let Some(old) = old else { return };
    let Some(new) = new else {
        found.push("a network policy went away".into());
        return;
    };
    if at(old, "spec.podSelector") != at(new, "spec.podSelector") {
        found.push("the network policy is for other pods".into());
    }
    for direction in DIRECTIONS {
        let name = direction.name.to_lowercase();
        match (is_limited(old, direction), is_limited(new, direction)) {
            (true, false) => found.push(format!("{name} is not limited any more")),
            (true, true) => {
                let known = items(old, direction.list);
                let mut more = fresh(known, items(new, direction.list));
                if known.len() <= MOST_RULES && more.len() <= MOST_RULES {
                    more.retain(|rule| !known.iter().any(|known| covers(known, rule, direction)));
                }
                if more.is_empty() {
                    continue;
                }
                let is_all = more.iter().any(|rule| {
                    items(rule, direction.peers).is_empty() && items(rule, "ports").is_empty()
                });
                found.push(if is_all {
                    format!("all {name} is allowed")
                } else {
                    format!("more {name} is allowed")
                });
            }
            _ => {}
        }
    }
}

/// True when the policy says what is let through in this direction.
fn is_limited(policy: &Value, direction: Direction) -> bool {
    if is_set(policy, "spec.policyTypes") {
        return items(policy, "spec.policyTypes")
            .iter()
            .any(|word| word == direction.name);
    }
    direction.name == "Ingress" || is_set(policy, direction.list)
}

/// True when `known` lets through whatever `rule` does; sometimes false though it does.
fn covers(known: &Value, rule: &Value, direction: Direction) -> bool {
    [direction.peers, "ports"].iter().all(|list| {
        let (wide, narrow) = (items(known, list), items(rule, list));
        wide.is_empty() || !narrow.is_empty() && narrow.iter().all(|one| wide.contains(one))
    })
}
