//! The sources of volumes.

use serde_json::Value;

use super::claims::claim_spec;
use super::text::{Text, bracketed, joined, or_none, pairs, put, scalar_or, shortened};
use crate::kubernetes::fields::{at, integer, is_set, is_true, items, scalar, text};
use crate::kubernetes::show::columns::shared::amount;

/// How a field of a source is written.
#[derive(Clone, Copy)]
enum Form {
    Text,
    Number,
    Flag,
    /// `<none>` where it is missing.
    OrNone,
    /// `<unset>` where it is missing.
    OrUnset,
    List,
    Commas,
    Map,
    /// A reference to a Secret of the same namespace.
    Reference,
    /// A reference to a Secret with its namespace.
    FullReference,
}

use Form::{Commas, Flag, FullReference, List, Number, OrNone, OrUnset, Reference};

/// A kind of source: its field, what it is called, and its own fields.
type Source = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str, Form)],
);

const ISCSI: &str = "ISCSI (an ISCSI Disk resource that is attached to a kubelet's host machine and then exposed to the pod)";
const RBD: &str = "RBD (a Rados Block Device mount on the host that shares a pod's lifetime)";
const GLUSTERFS: &str = "Glusterfs (a Glusterfs mount on the host that shares a pod's lifetime)";
const CINDER: &str = "Cinder (a Persistent Disk resource in OpenStack)";
const SCALE_IO: &str = "ScaleIO (a persistent volume backed by a block device in ScaleIO)";
const CEPH: &str = "CephFS (a CephFS mount on the host that shares a pod's lifetime)";
const STORAGE_OS: &str = "StorageOS (a StorageOS Persistent Disk resource)";
const AZURE_FILE: &str =
    "AzureFile (an Azure File Service mount on the host and bind mount to the pod)";
const FLEX: &str = "FlexVolume (a generic volume resource that is provisioned/attached using an exec based plugin)";
pub(super) const CSI: &str = "CSI (a Container Storage Interface (CSI) volume source)";

const HOST_PATH: Source = (
    "hostPath",
    "HostPath (bare host directory volume)",
    &[
        ("Path:", "path", Form::Text),
        ("HostPathType:", "type", OrNone),
    ],
);
const GCE: Source = (
    "gcePersistentDisk",
    "GCEPersistentDisk (a Persistent Disk resource in Google Compute Engine)",
    &[
        ("PDName:", "pdName", Form::Text),
        ("FSType:", "fsType", Form::Text),
        ("Partition:", "partition", Number),
        ("ReadOnly:", "readOnly", Flag),
    ],
);
const AWS: Source = (
    "awsElasticBlockStore",
    "AWSElasticBlockStore (a Persistent Disk resource in AWS)",
    &[
        ("VolumeID:", "volumeID", Form::Text),
        ("FSType:", "fsType", Form::Text),
        ("Partition:", "partition", Number),
        ("ReadOnly:", "readOnly", Flag),
    ],
);
const NFS: Source = (
    "nfs",
    "NFS (an NFS mount that lasts the lifetime of a pod)",
    &[
        ("Server:", "server", Form::Text),
        ("Path:", "path", Form::Text),
        ("ReadOnly:", "readOnly", Flag),
    ],
);
const QUOBYTE: Source = (
    "quobyte",
    "Quobyte (a Quobyte mount on the host that shares a pod's lifetime)",
    &[
        ("Registry:", "registry", Form::Text),
        ("Volume:", "volume", Form::Text),
        ("ReadOnly:", "readOnly", Flag),
    ],
);
const AZURE_DISK: Source = (
    "azureDisk",
    "AzureDisk (an Azure Data Disk mount on the host and bind mount to the pod)",
    &[
        ("DiskName:", "diskName", Form::Text),
        ("DiskURI:", "diskURI", Form::Text),
        ("Kind: ", "kind", Form::Text),
        ("FSType:", "fsType", Form::Text),
        ("CachingMode:", "cachingMode", Form::Text),
        ("ReadOnly:", "readOnly", Flag),
    ],
);
const VSPHERE: Source = (
    "vsphereVolume",
    "vSphereVolume (a Persistent Disk resource in vSphere)",
    &[
        ("VolumePath:", "volumePath", Form::Text),
        ("FSType:", "fsType", Form::Text),
        ("StoragePolicyName:", "storagePolicyName", Form::Text),
    ],
);
const PHOTON: Source = (
    "photonPersistentDisk",
    "PhotonPersistentDisk (a Persistent Disk resource in photon platform)",
    &[
        ("PdID:", "pdID", Form::Text),
        ("FSType:", "fsType", Form::Text),
    ],
);
const PORTWORX: Source = (
    "portworxVolume",
    "PortworxVolume (a Portworx Volume resource)",
    &[("VolumeID:", "volumeID", Form::Text)],
);
const FC: Source = (
    "fc",
    "FC (a Fibre Channel disk)",
    &[
        ("TargetWWNs:", "targetWWNs", Commas),
        ("LUN:", "lun", OrNone),
        ("FSType:", "fsType", Form::Text),
        ("ReadOnly:", "readOnly", Flag),
    ],
);
const FLOCKER: Source = (
    "flocker",
    "Flocker (a Flocker volume mounted by the Flocker agent)",
    &[
        ("DatasetName:", "datasetName", Form::Text),
        ("DatasetUUID:", "datasetUUID", Form::Text),
    ],
);

/// The fields of sources that differ between pods and persistent volumes in the reference to a Secret.
macro_rules! with_reference {
    ($name:ident, $field:literal, $title:expr, [$($before:expr),*], $reference:expr, [$($after:expr),*]) => {
        const $name: Source = ($field, $title, &[$($before,)* ("SecretRef:", "secretRef", $reference), $($after),*]);
    };
}

macro_rules! of_both {
    ($pod:ident, $volume:ident, $field:literal, $title:expr, [$($before:expr),* $(,)?], [$($after:expr),* $(,)?]) => {
        with_reference!($pod, $field, $title, [$($before),*], Reference, [$($after),*]);
        with_reference!($volume, $field, $title, [$($before),*], FullReference, [$($after),*]);
    };
}

of_both!(
    POD_ISCSI,
    VOLUME_ISCSI,
    "iscsi",
    ISCSI,
    [
        ("TargetPortal:", "targetPortal", Form::Text),
        ("IQN:", "iqn", Form::Text),
        ("Lun:", "lun", Number),
        ("ISCSIInterface", "iscsiInterface", Form::Text),
        ("FSType:", "fsType", Form::Text),
        ("ReadOnly:", "readOnly", Flag),
        ("Portals:", "portals", List),
        ("DiscoveryCHAPAuth:", "chapAuthDiscovery", Flag),
        ("SessionCHAPAuth:", "chapAuthSession", Flag),
    ],
    [("InitiatorName:", "initiatorName", OrNone)]
);
of_both!(
    POD_RBD,
    VOLUME_RBD,
    "rbd",
    RBD,
    [
        ("CephMonitors:", "monitors", List),
        ("RBDImage:", "image", Form::Text),
        ("FSType:", "fsType", Form::Text),
        ("RBDPool:", "pool", Form::Text),
        ("RadosUser:", "user", Form::Text),
        ("Keyring:", "keyring", Form::Text),
    ],
    [("ReadOnly:", "readOnly", Flag)]
);
of_both!(
    POD_CINDER,
    VOLUME_CINDER,
    "cinder",
    CINDER,
    [
        ("VolumeID:", "volumeID", Form::Text),
        ("FSType:", "fsType", Form::Text),
        ("ReadOnly:", "readOnly", Flag),
    ],
    []
);
of_both!(
    POD_CEPH,
    VOLUME_CEPH,
    "cephfs",
    CEPH,
    [
        ("Monitors:", "monitors", List),
        ("Path:", "path", Form::Text),
        ("User:", "user", Form::Text),
        ("SecretFile:", "secretFile", Form::Text),
    ],
    [("ReadOnly:", "readOnly", Flag)]
);
of_both!(
    POD_FLEX,
    VOLUME_FLEX,
    "flexVolume",
    FLEX,
    [
        ("Driver:", "driver", Form::Text),
        ("FSType:", "fsType", Form::Text),
    ],
    [
        ("ReadOnly:", "readOnly", Flag),
        ("Options:", "options", Form::Map),
    ]
);

const EMPTY_DIR: Source = (
    "emptyDir",
    "EmptyDir (a temporary directory that shares a pod's lifetime)",
    &[],
);
const SECRET: Source = (
    "secret",
    "Secret (a volume populated by a Secret)",
    &[
        ("SecretName:", "secretName", Form::Text),
        ("Optional:", "optional", Flag),
    ],
);
const CONFIG_MAP: Source = (
    "configMap",
    "ConfigMap (a volume populated by a ConfigMap)",
    &[
        ("Name:", "name", Form::Text),
        ("Optional:", "optional", Flag),
    ],
);

/// In the order in which kubectl looks for them.
const OF_PODS: &[Source] = &[
    HOST_PATH,
    EMPTY_DIR,
    GCE,
    AWS,
    (
        "gitRepo",
        "GitRepo (a volume that is pulled from git when the pod is created)",
        &[
            ("Repository:", "repository", Form::Text),
            ("Revision:", "revision", Form::Text),
        ],
    ),
    SECRET,
    CONFIG_MAP,
    NFS,
    POD_ISCSI,
    (
        "glusterfs",
        GLUSTERFS,
        &[
            ("EndpointsName:", "endpoints", Form::Text),
            ("Path:", "path", Form::Text),
            ("ReadOnly:", "readOnly", Flag),
        ],
    ),
    (
        "persistentVolumeClaim",
        "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
        &[
            ("ClaimName:", "claimName", Form::Text),
            ("ReadOnly:", "readOnly", Flag),
        ],
    ),
    (
        "ephemeral",
        "EphemeralVolume (an inline specification for a volume that gets created and deleted with the pod)",
        &[],
    ),
    POD_RBD,
    QUOBYTE,
    (
        "downwardAPI",
        "DownwardAPI (a volume populated by information about the pod)",
        &[],
    ),
    AZURE_DISK,
    VSPHERE,
    POD_CINDER,
    PHOTON,
    PORTWORX,
    (
        "scaleIO",
        SCALE_IO,
        &[
            ("Gateway:", "gateway", Form::Text),
            ("System:", "system", Form::Text),
            ("Protection Domain:", "protectionDomain", Form::Text),
            ("Storage Pool:", "storagePool", Form::Text),
            ("Storage Mode:", "storageMode", Form::Text),
            ("VolumeName:", "volumeName", Form::Text),
            ("FSType:", "fsType", Form::Text),
            ("ReadOnly:", "readOnly", Flag),
        ],
    ),
    POD_CEPH,
    (
        "storageos",
        STORAGE_OS,
        &[
            ("VolumeName:", "volumeName", Form::Text),
            ("VolumeNamespace:", "volumeNamespace", Form::Text),
            ("FSType:", "fsType", Form::Text),
            ("ReadOnly:", "readOnly", Flag),
        ],
    ),
    FC,
    (
        "azureFile",
        AZURE_FILE,
        &[
            ("SecretName:", "secretName", Form::Text),
            ("ShareName:", "shareName", Form::Text),
            ("ReadOnly:", "readOnly", Flag),
        ],
    ),
    POD_FLEX,
    FLOCKER,
    (
        "projected",
        "Projected (a volume that contains injected data from multiple sources)",
        &[],
    ),
    (
        "csi",
        CSI,
        &[
            ("Driver:", "driver", Form::Text),
            ("FSType:", "fsType", Form::Text),
            ("ReadOnly:", "readOnly", Flag),
        ],
    ),
    (
        "image",
        "Image (a container image or OCI artifact)",
        &[
            ("Reference:", "reference", Form::Text),
            ("PullPolicy:", "pullPolicy", Form::Text),
        ],
    ),
];

/// The same of persistent volumes.
const OF_VOLUMES: &[Source] = &[
    HOST_PATH,
    GCE,
    AWS,
    NFS,
    VOLUME_ISCSI,
    (
        "glusterfs",
        GLUSTERFS,
        &[
            ("EndpointsName:", "endpoints", Form::Text),
            ("EndpointsNamespace:", "endpointsNamespace", OrUnset),
            ("Path:", "path", Form::Text),
            ("ReadOnly:", "readOnly", Flag),
        ],
    ),
    VOLUME_RBD,
    QUOBYTE,
    VSPHERE,
    VOLUME_CINDER,
    AZURE_DISK,
    PHOTON,
    PORTWORX,
    (
        "scaleIO",
        SCALE_IO,
        &[
            ("Gateway:", "gateway", Form::Text),
            ("System:", "system", Form::Text),
            ("Protection Domain:", "protectionDomain", Form::Text),
            ("Storage Pool:", "storagePool", Form::Text),
            ("Storage Mode:", "storageMode", Form::Text),
            ("VolumeName:", "volumeName", Form::Text),
            ("SecretName:", "secretRef.name", Form::Text),
            ("SecretNamespace:", "secretRef.namespace", Form::Text),
            ("FSType:", "fsType", Form::Text),
            ("ReadOnly:", "readOnly", Flag),
        ],
    ),
    (
        "local",
        "LocalVolume (a persistent volume backed by local storage on a node)",
        &[("Path:", "path", Form::Text)],
    ),
    VOLUME_CEPH,
    (
        "storageos",
        STORAGE_OS,
        &[
            ("VolumeName:", "volumeName", Form::Text),
            ("VolumeNamespace:", "volumeNamespace", Form::Text),
            ("FSType:", "fsType", Form::Text),
            ("ReadOnly:", "readOnly", Flag),
        ],
    ),
    FC,
    (
        "azureFile",
        AZURE_FILE,
        &[
            ("SecretName:", "secretName", Form::Text),
            ("SecretNamespace:", "secretNamespace", Form::Text),
            ("ShareName:", "shareName", Form::Text),
            ("ReadOnly:", "readOnly", Flag),
        ],
    ),
    VOLUME_FLEX,
    FLOCKER,
    (
        "csi",
        CSI,
        &[
            ("Driver:", "driver", Form::Text),
            ("FSType:", "fsType", Form::Text),
            ("VolumeHandle:", "volumeHandle", Form::Text),
            ("ReadOnly:", "readOnly", Flag),
        ],
    ),
];

/// The volumes of a pod.
pub(super) fn volumes(w: &mut Text, volumes: &[Value], indent: &str) {
    if volumes.is_empty() {
        put!(w, 0, "{indent}Volumes:\t<none>\n");
        return;
    }
    put!(w, 0, "{indent}Volumes:\n");
    let name_indent = if indent.is_empty() { "" } else { " " };
    for volume in volumes {
        put!(w, 1, "{name_indent}{}:\n", text(volume, "name"));
        source(w, volume, OF_PODS);
    }
}

/// The source of a persistent volume.
pub(super) fn volume_source(w: &mut Text, spec: &Value) {
    source(w, spec, OF_VOLUMES);
}

fn source(w: &mut Text, holder: &Value, known: &[Source]) {
    let Some((field, title, rows)) = known.iter().find(|(field, ..)| is_set(holder, field)) else {
        put!(w, 1, "<unknown>\n");
        return;
    };
    let source = at(holder, field);
    put!(w, 2, "Type:\t{title}\n");
    for (label, path, form) in *rows {
        put!(w, 2, "{label}\t{}\n", written(source, path, *form));
    }
    match *field {
        "emptyDir" => empty_dir(w, source),
        "projected" => projected(w, source),
        "downwardAPI" => downward(w, source),
        "csi" => attributes(w, at(source, "volumeAttributes")),
        "ephemeral" if is_set(source, "volumeClaimTemplate") => {
            let template = at(source, "volumeClaimTemplate");
            w.indented(2, |w| claim_spec(w, template, None));
        }
        _ => {}
    }
}

fn written(source: &Value, path: &str, form: Form) -> String {
    let value = at(source, path);
    match form {
        Form::Text => scalar(value),
        Number => integer(source, path).to_string(),
        Flag => is_true(source, path).to_string(),
        OrNone => scalar_or(source, path, "<none>"),
        OrUnset => scalar_or(source, path, "<unset>"),
        List => bracketed(items(source, path)),
        Commas => joined(items(source, path), ", "),
        Form::Map => {
            let all = pairs(value).map(|(key, value)| format!("{key}:{}", scalar(value)));
            format!("map[{}]", all.collect::<Vec<_>>().join(" "))
        }
        Reference | FullReference if value.is_null() => "nil".into(),
        Reference => format!("&LocalObjectReference{{Name:{},}}", text(value, "name")),
        FullReference => format!(
            "&SecretReference{{Name:{},Namespace:{},}}",
            text(value, "name"),
            text(value, "namespace")
        ),
    }
}

fn empty_dir(w: &mut Text, source: &Value) {
    let limit = amount(at(source, "sizeLimit"));
    let is_limit = !matches!(limit.as_bytes().first(), Some(b'0' | b'-'));
    put!(w, 2, "Medium:\t{}\n", text(source, "medium"));
    put!(
        w,
        2,
        "SizeLimit:\t{}\n",
        if is_limit { &limit } else { "<unset>" }
    );
}

fn projected(w: &mut Text, source: &Value) {
    for one in items(source, "sources") {
        let named = |w: &mut Text, title: &str, of: &Value| {
            put!(w, 2, "{title}:\t{}\n", text(of, "name"));
            put!(w, 2, "Optional:\t{}\n", is_true(of, "optional"));
        };
        if is_set(one, "secret") {
            named(w, "SecretName", at(one, "secret"));
        } else if is_set(one, "downwardAPI") {
            put!(w, 2, "DownwardAPI:\ttrue\n");
        } else if is_set(one, "configMap") {
            named(w, "ConfigMapName", at(one, "configMap"));
        } else if is_set(one, "serviceAccountToken") {
            let seconds = integer(one, "serviceAccountToken.expirationSeconds");
            put!(w, 2, "TokenExpirationSeconds:\t{seconds}\n");
        }
    }
}

fn downward(w: &mut Text, source: &Value) {
    put!(w, 2, "Items:\n");
    for item in items(source, "items") {
        let path = text(item, "path");
        for field in ["fieldRef.fieldPath", "resourceFieldRef.resource"] {
            let holder = field.split('.').next().unwrap_or_default();
            if is_set(item, holder) {
                put!(w, 3, "{} -> {path}\n", text(item, field));
            }
        }
    }
}

/// Longer attributes are cut.
const LONG: usize = 140;

fn attributes(w: &mut Text, attributes: &Value) {
    put!(w, 2, "VolumeAttributes:\t");
    let mut is_first = true;
    for (key, value) in pairs(attributes) {
        if !std::mem::take(&mut is_first) {
            put!(w, 2, "");
            put!(w, 2, "\t");
        }
        put!(
            w,
            2,
            "{}\n",
            shortened(&format!("{key}={}", scalar(value)), LONG)
        );
    }
    if is_first {
        put!(w, 0, "{}\n", or_none(""));
    }
}
