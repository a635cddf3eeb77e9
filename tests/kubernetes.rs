//! Stored objects against what Kubernetes itself makes of them.

#[path = "kubernetes/api.rs"]
mod api;
#[path = "kubernetes/clusters.rs"]
mod clusters;
#[path = "kubernetes/hostile.rs"]
mod hostile;
#[path = "kubernetes/random.rs"]
mod random;
#[path = "kubernetes/servers.rs"]
mod servers;
#[path = "kubernetes/speed.rs"]
mod speed;
#[path = "support/wire.rs"]
#[allow(dead_code, reason = "other suites use more of it")]
mod wire;
