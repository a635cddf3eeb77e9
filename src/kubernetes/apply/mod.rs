//! Objects as manifests that an API server takes: without what servers fill in, and in an order that works; and the
//! steps that lead a cluster from one state to another.

pub mod clean;
pub mod immutable;
pub mod order;
pub mod patch;
pub mod same_cluster;
pub mod served;
pub mod service_ports;
pub mod step;
