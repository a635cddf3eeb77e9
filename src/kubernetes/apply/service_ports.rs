//! Node ports that Services exchange: while one has a port, no other one can get it, so that one of them has to step aside
//! first.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use crate::kubernetes::fields::{items, text};

/// The last port of the default range.
const LAST: u64 = 32_767;

/// One Service that is changed.
#[derive(Debug)]
pub struct MovedService {
    /// What it has now.
    pub present: BTreeSet<u64>,
    /// What it is to have.
    pub wanted: BTreeSet<u64>,
}

/// True for a Service.
pub fn is_service(object: &Value) -> bool {
    (text(object, "apiVersion"), text(object, "kind")) == ("v1", "Service")
}

/// The node ports that a Service has, that for health checks included.
pub fn node_ports(service: &Value) -> BTreeSet<u64> {
    let ports = items(service, "spec.ports").iter();
    let health = service.pointer("/spec/healthCheckNodePort");
    ports
        .filter_map(|port| port.get("nodePort"))
        .chain(health)
        .filter_map(Value::as_u64)
        .filter(|port| *port > 0)
        .collect()
}

/// Those whose ports others wait for in a circle, one of each circle: by their places, the ports that they must give up
/// first.
pub fn in_the_way(services: &[MovedService]) -> HashMap<usize, BTreeSet<u64>> {
    let mut holders: HashMap<u64, usize> = HashMap::new();
    for (place, service) in services.iter().enumerate() {
        let given_up = service.present.difference(&service.wanted);
        holders.extend(given_up.map(|port| (*port, place)));
    }
    // Which ports each waits for, and from whom.
    let waits: Vec<Vec<(u64, usize)>> = services
        .iter()
        .map(|service| {
            let missing = service.wanted.difference(&service.present);
            missing
                .filter_map(|port| Some((*port, *holders.get(port)?)))
                .collect()
        })
        .collect();
    let mut found: HashMap<usize, BTreeSet<u64>> = HashMap::new();
    let mut on_path = vec![false; services.len()];
    let mut seen = vec![false; services.len()];
    for start in 0..services.len() {
        let mut path = vec![(start, 0usize)];
        while let Some((place, next)) = path.pop() {
            let (Some(was_seen), Some(is_on_path)) = (seen.get_mut(place), on_path.get_mut(place))
            else {
                continue;
            };
            if next == 0 && std::mem::replace(was_seen, true) {
                continue;
            }
            let wait = waits.get(place).and_then(|waits| waits.get(next));
            *is_on_path = wait.is_some();
            let Some((port, holder)) = wait else { continue };
            path.push((place, next.saturating_add(1)));
            if on_path.get(*holder) == Some(&true) {
                found.entry(*holder).or_default().insert(*port);
            } else if seen.get(*holder) == Some(&false) {
                path.push((*holder, 0));
            }
        }
    }
    found
}

/// A port that nobody has, among those that are in use; it is taken.
pub fn free_port(taken: &mut BTreeSet<u64>) -> Option<u64> {
    let (first, last) = (*taken.first()?, *taken.last()?);
    let between = (first..last).find(|port| !taken.contains(port));
    let port = match between {
        Some(port) => port,
        None if last == LAST || last >= u64::from(u16::MAX) => first.checked_sub(1)?,
        None => last.checked_add(1)?,
    };
    taken.insert(port);
    Some(port)
}

/// The Service with other node ports.
pub fn with_ports(service: &Value, instead: &HashMap<u64, u64>) -> Value {
    let mut json = service.clone();
    let ports = json
        .pointer_mut("/spec/ports")
        .and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten() {
        let other = port.get("nodePort").and_then(Value::as_u64);
        let other = other.and_then(|port| instead.get(&port));
        if let (Some(members), Some(other)) = (port.as_object_mut(), other) {
            members.insert("nodePort".into(), (*other).into());
        }
    }
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(all: &[(&[u64], &[u64])]) -> Vec<MovedService> {
        let set = |ports: &[u64]| ports.iter().copied().collect();
        all.iter()
            .map(|(present, wanted)| MovedService {
                present: set(present),
                wanted: set(wanted),
            })
            .collect()
    }

    #[test]
    fn one_of_each_circle_of_ports_steps_aside_and_nobody_of_a_chain() {
        assert!(in_the_way(&moved(&[(&[1], &[2]), (&[2], &[3]), (&[3], &[4])])).is_empty());
        let found = in_the_way(&moved(&[
            (&[1], &[2]),
            (&[2], &[1]),
            (&[5], &[6]),
            (&[6], &[7]),
            (&[7], &[5]),
            (&[9], &[10]),
        ]));
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[&0], [1].into());
        assert_eq!(found[&2], [5].into());
        // Within one Service nobody waits.
        assert!(in_the_way(&moved(&[(&[1, 2], &[2, 1])])).is_empty());
    }

    #[test]
    fn the_port_in_between_is_one_that_nobody_has() {
        let mut taken: BTreeSet<u64> = [30_001, 30_002, 30_004].into();
        assert_eq!(free_port(&mut taken), Some(30_003));
        assert_eq!(free_port(&mut taken), Some(30_005));
        assert_eq!(free_port(&mut [32_766, 32_767].into()), Some(32_765));
        assert_eq!(free_port(&mut BTreeSet::new()), None);
    }
}
