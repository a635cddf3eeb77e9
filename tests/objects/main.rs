//! Keys, values and objects on the command line: statuses, streams, secrets, exports, and what the API
//! servers of two real clusters say.

#[path = "../support/mod.rs"]
mod support;

mod absent;
mod canary;
mod damaged;
mod decode;
mod describe;
mod export;
mod folders;
mod forms;
mod grep;
mod history;
mod judge;
#[path = "../restore/mount.rs"]
mod mount;
mod readme;
mod secrets;
mod selecting;
mod shapes;
mod statuses;
mod terminal;

use std::path::Path;

use support::clusters;
use support::tool::{self, Outcome};
use tempfile::TempDir;

/// The cluster that most tests ask about, at the end.
const AFTER: &str = "kube-1.34-etcd-3.6-after.db";
const BEFORE: &str = "kube-1.34-etcd-3.6-before.db";
/// Its configuration.
const CONFIG: &str = "kube-1.34-etcd-3.6.yaml";

/// A temporary directory with the snapshots and configurations of the clusters.
fn unpacked() -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary directory");
    clusters::unpack(dir.path());
    dir
}

/// Runs the program in `dir`; the arguments are separated by spaces.
fn etcdsnap(dir: &Path, args: &str) -> Outcome {
    tool::run(dir, args.split(' '))
}
