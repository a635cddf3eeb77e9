//! Node ports that Services exchange: while one has a port, no other one can get it, so that one of them has to step aside
//! first. The one for health checks cannot be changed as long as a Service needs one, so it is given up first in any case.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use crate::kubernetes::fields::{items, text};

/// The last port of the default range.
const LAST: u64 = 32_767;

/// One Service that is changed.
#[derive(Debug, Default)]
pub struct MovedService {
    /// What it has now, but for a port that it gives up in any case.
    pub present: BTreeSet<u64>,
    /// What it is to have.
    pub wanted: BTreeSet<u64>,
    /// The port for health checks that it has now.
    health: Option<u64>,
    /// It has to give that up before it can get another one.
    is_other_health: bool,
}

impl MovedService {
    /// From what it is and what it is to be.
    pub fn new(present: &Value, wanted: &Value) -> Self {
        let (health, other) = (health_port(present), health_port(wanted));
        let is_other_health = health.is_some()
            && other.is_some()
            && health != other
            && needs_health_port(present)
            && needs_health_port(wanted);
        let mut ports = node_ports(present);
        if let Some(port) = health.filter(|_| is_other_health) {
            ports.remove(&port);
        }
        Self {
            present: ports,
            wanted: node_ports(wanted),
            health,
            is_other_health,
        }
    }

    /// How it steps aside if it must give up `ports`; `other` finds what it has in the meantime.
    pub fn aside(&self, ports: &BTreeSet<u64>, mut other: impl FnMut() -> Option<u64>) -> Aside {
        let is_health = |port: &&u64| self.health == Some(**port);
        let moved = ports.iter().filter(|port| !is_health(port));
        Aside {
            ports: moved.filter_map(|port| Some((*port, other()?))).collect(),
            without_health: self.is_other_health || ports.iter().any(|port| is_health(&port)),
        }
    }
}

/// What a Service is like while others take over its ports.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Aside {
    /// Node ports, and what it has instead.
    pub ports: HashMap<u64, u64>,
    /// It takes traffic from all nodes, and so needs no port for health checks.
    pub without_health: bool,
}

impl Aside {
    /// True when it does not have to step aside.
    pub fn is_empty(&self) -> bool {
        self.ports.is_empty() && !self.without_health
    }

    /// The Service as it is then.
    pub fn of(&self, service: &Value) -> Value {
        let mut json = service.clone();
        let Some(spec) = json.get_mut("spec").and_then(Value::as_object_mut) else {
            return json;
        };
        let ports = spec.get_mut("ports").and_then(Value::as_array_mut);
        for port in ports.into_iter().flatten() {
            let other = port.get("nodePort").and_then(Value::as_u64);
            let other = other.and_then(|port| self.ports.get(&port));
            if let (Some(members), Some(other)) = (port.as_object_mut(), other) {
                members.insert("nodePort".into(), (*other).into());
            }
        }
        if self.without_health {
            spec.remove("healthCheckNodePort");
            spec.insert("externalTrafficPolicy".into(), "Cluster".into());
        }
        json
    }
}

/// True for a Service that has a port for health checks, which stays the same as long as this is so.
fn needs_health_port(service: &Value) -> bool {
    text(service, "spec.type") == "LoadBalancer"
        && text(service, "spec.externalTrafficPolicy") == "Local"
}

fn health_port(service: &Value) -> Option<u64> {
    let port = service.pointer("/spec/healthCheckNodePort")?.as_u64();
    port.filter(|port| *port > 0)
}

/// True for a Service.
pub fn is_service(object: &Value) -> bool {
    (text(object, "apiVersion"), text(object, "kind")) == ("v1", "Service")
}

/// The node ports that a Service has, that for health checks included.
pub fn node_ports(service: &Value) -> BTreeSet<u64> {
    let ports = items(service, "spec.ports").iter();
    ports
        .filter_map(|port| port.get("nodePort")?.as_u64())
        .filter(|port| *port > 0)
        .chain(health_port(service))
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn moved(all: &[(&[u64], &[u64])]) -> Vec<MovedService> {
        let set = |ports: &[u64]| ports.iter().copied().collect();
        all.iter()
            .map(|(present, wanted)| MovedService {
                present: set(present),
                wanted: set(wanted),
                ..MovedService::default()
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

    #[test]
    fn a_port_for_health_checks_is_given_up_before_there_can_be_another_one() {
        let service = |policy: &str, health: u64, port: u64| {
            json!({"spec": {"type": "LoadBalancer", "externalTrafficPolicy": policy,
                "healthCheckNodePort": health, "ports": [{"nodePort": port}]}})
        };
        let exchanged = MovedService::new(&service("Local", 1, 5), &service("Local", 2, 5));
        // Nobody waits for it.
        assert_eq!(exchanged.present, [5].into());
        assert_eq!(exchanged.wanted, [2, 5].into());
        let aside = exchanged.aside(&BTreeSet::new(), || None);
        assert!(aside.without_health && !aside.is_empty());
        assert_eq!(
            aside.of(&service("Local", 1, 5)),
            json!({"spec": {"type": "LoadBalancer", "externalTrafficPolicy": "Cluster",
                "ports": [{"nodePort": 5}]}})
        );
        let same = MovedService::new(&service("Local", 1, 5), &service("Local", 1, 6));
        assert!(same.aside(&BTreeSet::new(), || None).is_empty());
        // One that is not to have any gives it up early only where somebody waits for it in a circle.
        let no_more = MovedService::new(&service("Local", 1, 5), &service("Cluster", 0, 6));
        assert_eq!(no_more.present, [1, 5].into());
        assert!(no_more.aside(&BTreeSet::new(), || None).is_empty());
        let aside = no_more.aside(&[1, 5].into(), || Some(9));
        let expected = Aside {
            ports: [(5, 9)].into(),
            without_health: true,
        };
        assert_eq!(aside, expected);
    }
}
