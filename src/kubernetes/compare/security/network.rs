//! Network policies that let more through.

use serde_json::Value;

use super::fresh;
use crate::kubernetes::fields::{at, is_set, items};

/// With more rules, a new one counts as more, whatever the old ones are.
const MOST_RULES: usize = 200;
/// The same with more comparisons of their peers and ports.
const MOST_COMPARISONS: usize = 2_000_000;

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
        found.push("a network policy was deleted".into());
        return;
    };
    if at(old, "spec.podSelector") != at(new, "spec.podSelector") {
        found.push("the network policy selects other pods".into());
    }
    for direction in DIRECTIONS {
        let name = direction.name.to_lowercase();
        match (is_limited(old, direction), is_limited(new, direction)) {
            (true, false) => found.push(format!("{name} is not limited any more")),
            (true, true) => {
                let known = items(old, direction.list);
                let mut more = fresh(known, items(new, direction.list));
                let comparisons = comparisons(known, &more, direction);
                if known.len() <= MOST_RULES
                    && more.len() <= MOST_RULES
                    && comparisons <= MOST_COMPARISONS
                {
                    crate::steps::count(comparisons);
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

/// How many peers and ports have to be compared to hold each rule of `more` against each that is known.
fn comparisons(known: &[Value], more: &[&Value], direction: Direction) -> usize {
    [direction.peers, "ports"]
        .iter()
        .map(|list| {
            let all = |sum: usize, rule: &Value| sum.saturating_add(items(rule, list).len());
            let wide = known.iter().fold(0, all);
            wide.saturating_mul(more.iter().copied().fold(0, all))
        })
        .fold(0, usize::saturating_add)
}

/// True when `known` lets through whatever `rule` does; sometimes false though it does.
fn covers(known: &Value, rule: &Value, direction: Direction) -> bool {
    [direction.peers, "ports"].iter().all(|list| {
        let (wide, narrow) = (items(known, list), items(rule, list));
        wide.is_empty() || !narrow.is_empty() && narrow.iter().all(|one| wide.contains(one))
    })
}
