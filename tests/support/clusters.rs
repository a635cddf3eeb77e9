//! Snapshots of real Kubernetes clusters, unpacked for a test.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::testdata;

/// The clusters; each has a snapshot from before an incident and one from after it.
pub(crate) const CLUSTERS: [&str; 2] = ["kube-1.34-etcd-3.6", "kube-1.36-etcd-3.7-cbor"];

/// Writes the snapshots as `CLUSTER-before.db` and `CLUSTER-after.db` into `dir`, and each configuration
/// as `CLUSTER.yaml`. Gives the names of the snapshots.
pub(crate) fn unpack(dir: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for cluster in CLUSTERS {
        let folder = folder(cluster);
        for moment in ["before", "after"] {
            let packed = folder.join(format!("{moment}.db.zst"));
            let name = format!("{cluster}-{moment}.db");
            std::fs::write(dir.join(&name), unpacked(&packed)).expect("a temporary file");
            names.push(name);
        }
        let config = folder.join("encryption-config.yaml");
        std::fs::copy(config, dir.join(format!("{cluster}.yaml"))).expect("a configuration");
    }
    names
}

/// What a file packed with zstd holds.
pub(crate) fn unpacked(path: &Path) -> Vec<u8> {
    let packed = std::fs::File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut stream = ruzstd::decoding::StreamingDecoder::new(packed).expect("zstd");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("zstd");
    bytes
}

fn folder(cluster: &str) -> PathBuf {
    testdata::dir().join("kubernetes/clusters").join(cluster)
}

/// What the API server listed when `moment`, `before` or `after`, was saved: `group/version/resource`, and the
/// items.
pub(crate) fn listing(cluster: &str, moment: &str) -> BTreeMap<String, Vec<Value>> {
    let path = folder(cluster).join(format!("{moment}.objects.json.gz"));
    let packed = std::fs::File::open(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_reader(flate2::read::GzDecoder::new(packed)).expect("a listing")
}
