//! The buckets that etcd keeps, and what is in the small ones. Source: etcd v3.6.14
//! server/storage/schema; v3.4.45 mvcc, lease, auth, membership.

mod compaction;
mod contents;
mod meta;
mod meta_bucket;
mod version;

pub use compaction::Compaction;
pub use contents::{Alarm, AlarmKind, Contents, ContentsVisitor, Lease, Member, Role, User};
pub use meta::{ConfState, Meta};
pub use meta_bucket::meta_value;
pub use version::StorageVersion;

/// Records of the key space.
pub const KEY_BUCKET: &[u8] = b"key";
/// Consistent index, term, compaction state, storage version.
pub const META_BUCKET: &[u8] = b"meta";
/// Leases.
pub const LEASE_BUCKET: &[u8] = b"lease";
/// Members of the cluster.
pub const MEMBERS_BUCKET: &[u8] = b"members";
/// Ids of members that were removed.
pub const MEMBERS_REMOVED_BUCKET: &[u8] = b"members_removed";
/// Cluster version and downgrade.
pub const CLUSTER_BUCKET: &[u8] = b"cluster";
/// Raised alarms.
pub const ALARM_BUCKET: &[u8] = b"alarm";
/// Whether authentication is on.
pub const AUTH_BUCKET: &[u8] = b"auth";
/// Users.
pub const AUTH_USERS_BUCKET: &[u8] = b"authUsers";
/// Roles.
pub const AUTH_ROLES_BUCKET: &[u8] = b"authRoles";

/// The buckets that every server since 3.4 creates, in the order of their names.
pub const STANDARD_BUCKETS: [&[u8]; 10] = [
    ALARM_BUCKET,
    AUTH_BUCKET,
    AUTH_ROLES_BUCKET,
    AUTH_USERS_BUCKET,
    CLUSTER_BUCKET,
    KEY_BUCKET,
    LEASE_BUCKET,
    MEMBERS_BUCKET,
    MEMBERS_REMOVED_BUCKET,
    META_BUCKET,
];
