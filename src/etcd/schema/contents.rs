//! Everything in the small buckets, gathered in the scan and decoded entry by entry. Passwords are never
//! kept.

use serde::Deserialize;
use serde_json::error::Category;

use super::{
    ALARM_BUCKET, AUTH_BUCKET, AUTH_ROLES_BUCKET, AUTH_USERS_BUCKET, CLUSTER_BUCKET, Compaction,
    LEASE_BUCKET, MEMBERS_BUCKET, MEMBERS_REMOVED_BUCKET, META_BUCKET, Meta, StorageVersion,
};
use crate::bolt::{Leaf, PlannedBucket, Visitor};
use crate::error::Result;
use crate::etcd::check::codes;
use crate::etcd::revision::LeaseId;
use crate::finding::{Collector, Finding, Observation, Place, escape};
use crate::wire::{FieldValue, Fields};

/// More bytes of small entries than this are not gathered: no cluster has them. Unit tests make do with smaller
/// files.
const GATHER_LIMIT: u64 = if cfg!(test) { 1 << 20 } else { 64 << 20 };

/// A member as stored: the cluster's own text, so never trusted further than shown.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Member {
    /// Its id.
    pub id: u64,
    /// Where other members reach it.
    #[serde(rename = "peerURLs")]
    pub peer_urls: Vec<String>,
    /// True when it does not vote.
    #[serde(rename = "isLearner")]
    pub is_learner: bool,
    /// Its name.
    pub name: String,
    /// Where clients reach it.
    #[serde(rename = "clientURLs")]
    pub client_urls: Vec<String>,
}

/// What an alarm is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlarmKind {
    /// Nothing.
    None,
    /// The database reached its quota; the cluster refuses writes.
    NoSpace,
    /// Members disagree about their data.
    Corrupt,
    /// A kind that is not known here.
    Other(u64),
}

impl std::fmt::Display for AlarmKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("NONE"),
            Self::NoSpace => f.write_str("NOSPACE"),
            Self::Corrupt => f.write_str("CORRUPT"),
            Self::Other(number) => write!(f, "{number}"),
        }
    }
}

/// A raised alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alarm {
    /// The member that raised it.
    pub member: u64,
    /// What it is about.
    pub kind: AlarmKind,
}

/// A lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lease {
    /// Its id.
    pub id: LeaseId,
    /// Seconds granted.
    pub ttl: i64,
}

/// A user, without the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Name.
    pub name: Vec<u8>,
    /// Roles granted.
    pub roles: Vec<Vec<u8>>,
    /// True when the user may only come in with a certificate.
    pub no_password: bool,
}

/// A role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Name.
    pub name: Vec<u8>,
    /// How many permissions it grants.
    pub permissions: u64,
}

/// What the small buckets hold.
#[derive(Debug, Clone, Default)]
pub struct Contents {
    /// Bucket `meta`.
    pub meta: Meta,
    /// Bucket `members`.
    pub members: Vec<Member>,
    /// Bucket `members_removed`.
    pub removed: Vec<u64>,
    /// Bucket `cluster`, key `clusterVersion`.
    pub cluster_version: Option<String>,
    /// Bucket `cluster`, key `downgrade`: the version to go down to, while that is under way.
    pub downgrade_target: Option<String>,
    /// Bucket `alarm`.
    pub alarms: Vec<Alarm>,
    /// Bucket `lease`, by id.
    pub leases: Vec<Lease>,
    /// Bucket `auth`, key `authEnabled`.
    pub auth_enabled: Option<bool>,
    /// Bucket `auth`, key `authRevision`.
    pub auth_revision: Option<u64>,
    /// Bucket `authUsers`.
    pub users: Vec<User>,
    /// Bucket `authRoles`.
    pub roles: Vec<Role>,
    /// True when the buckets held more than anybody would want to have decoded.
    pub truncated: bool,
}

/// Gathers and decodes the small buckets.
#[derive(Debug, Clone, Copy)]
pub struct ContentsVisitor {
    finding_limit: usize,
}

/// What one thread gathers.
#[derive(Debug)]
pub struct ContentsParts {
    contents: Contents,
    findings: Collector,
    bytes: u64,
}

impl ContentsVisitor {
    /// A visitor whose findings are kept up to `finding_limit` per code.
    pub fn new(finding_limit: usize) -> Self {
        Self { finding_limit }
    }

    /// Joins what all threads gathered.
    pub fn join(parts: Vec<ContentsParts>, findings: &mut Collector) -> Contents {
        let mut all = Contents::default();
        for part in parts {
            findings.merge(part.findings);
            all.merge(part.contents);
        }
        all.members.sort_by_key(|member| member.id);
        all.removed.sort_unstable();
        all.leases.sort_unstable();
        all.alarms.sort_by_key(|alarm| alarm.member);
        all.users.sort_by(|a, b| a.name.cmp(&b.name));
        all.roles.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }
}

impl Visitor for ContentsVisitor {
    type Local = ContentsParts;

    fn start(&self) -> ContentsParts {
        ContentsParts {
            contents: Contents::default(),
            findings: Collector::new(self.finding_limit),
            bytes: 0,
        }
    }

    fn leaf(
        &self,
        local: &mut ContentsParts,
        bucket: &PlannedBucket,
        leaf: &Leaf<'_>,
    ) -> Result<()> {
        let name = bucket.name();
        if !bucket.is_top_level() || !is_small(name) {
            return Ok(());
        }
        for element in leaf.elements.iter().filter(|element| !element.is_bucket) {
            let (key, value) = (leaf.key(element), leaf.value(element));
            let held = (key.len() as u64).saturating_add(value.len() as u64);
            local.bytes = local.bytes.saturating_add(held);
            if name != LEASE_BUCKET && local.bytes > GATHER_LIMIT {
                local.contents.truncated = true;
                continue;
            }
            let place = || leaf.place(element);
            local
                .contents
                .take(name, key, value, &place, &mut local.findings);
        }
        Ok(())
    }
}

fn is_small(bucket: &[u8]) -> bool {
    [
        META_BUCKET,
        MEMBERS_BUCKET,
        MEMBERS_REMOVED_BUCKET,
        CLUSTER_BUCKET,
        ALARM_BUCKET,
        LEASE_BUCKET,
        AUTH_BUCKET,
        AUTH_USERS_BUCKET,
        AUTH_ROLES_BUCKET,
    ]
    .contains(&bucket)
}

impl Contents {
    fn take(
        &mut self,
        bucket: &[u8],
        key: &[u8],
        value: &[u8],
        place: &dyn Fn() -> Place,
        findings: &mut Collector,
    ) {
        let mut report = |what: Observation| findings.add(Finding::new(what, place()));
        match bucket {
            META_BUCKET => {
                if let Err(what) = self.take_meta(key, value) {
                    report(what);
                }
            }
            MEMBERS_BUCKET => match serde_json::from_slice::<Member>(value) {
                Ok(member) => {
                    let expected = format!("{:x}", member.id);
                    if expected.as_bytes() != key {
                        report(codes::MemberIdDiffers { member: member.id }.into());
                    }
                    self.members.push(member);
                }
                Err(error) => {
                    // The error's own text could quote the value.
                    let what = codes::MemberValue {
                        error: match error.classify() {
                            Category::Io => "io",
                            Category::Syntax => "syntax",
                            Category::Data => "data",
                            Category::Eof => "eof",
                        },
                        column: error.column() as u64,
                    };
                    report(what.into());
                }
            },
            MEMBERS_REMOVED_BUCKET => match parse_member_id(key) {
                Some(id) => self.removed.push(id),
                None => report(codes::MemberIdMalformed {}.into()),
            },
            CLUSTER_BUCKET => {
                if let Err(what) = self.take_cluster(key, value) {
                    report(what);
                }
            }
            ALARM_BUCKET => match parse_alarm(key) {
                Some(alarm) => self.alarms.push(alarm),
                None => report(codes::AlarmKey {}.into()),
            },
            LEASE_BUCKET => match parse_lease(key, value) {
                Ok(lease) => self.leases.push(lease),
                Err(what) => report(what),
            },
            AUTH_BUCKET => match (key, value) {
                (b"authEnabled", [flag @ (0 | 1)]) => self.auth_enabled = Some(*flag == 1),
                (b"authRevision", value) if value.len() == 8 => self.auth_revision = be64(value),
                (b"authEnabled" | b"authRevision", value) => {
                    let bytes = value.len() as u64;
                    report(codes::AuthValueForm { bytes }.into());
                }
                _ => {}
            },
            AUTH_USERS_BUCKET => match parse_user(value) {
                Some(user) if user.name == key => self.users.push(user),
                Some(_) => report(codes::OtherUser {}.into()),
                None => report(codes::UserMalformed {}.into()),
            },
            AUTH_ROLES_BUCKET => match parse_role(value) {
                Some(role) if role.name == key => self.roles.push(role),
                Some(_) => report(codes::OtherRole {}.into()),
                None => report(codes::RoleMalformed {}.into()),
            },
            _ => {}
        }
    }

    fn take_meta(&mut self, key: &[u8], value: &[u8]) -> Result<(), Observation> {
        let number = || {
            be64(value)
                .filter(|_| value.len() == 8)
                .ok_or(codes::MetaValueLength {
                    found: value.len() as u64,
                    expected: 8,
                })
        };
        let revision = || Compaction::parse(value).ok_or(codes::MetaValueRevision {});
        match key {
            Meta::CONSISTENT_INDEX_KEY => self.meta.consistent_index = Some(number()?),
            Meta::TERM_KEY => self.meta.term = Some(number()?),
            Meta::CONF_STATE_KEY => {
                let state = serde_json::from_slice(value).map_err(|error| {
                    let column = error.column() as u64;
                    codes::MetaValueConfState { column }
                })?;
                self.meta.conf_state = Some(state);
            }
            Compaction::SCHEDULED_KEY => self.meta.compaction.scheduled = Some(revision()?),
            Compaction::FINISHED_KEY => self.meta.compaction.finished = Some(revision()?),
            StorageVersion::KEY => self.meta.storage_version = Some(value.to_vec()),
            _ => {}
        }
        Ok(())
    }

    fn take_cluster(&mut self, key: &[u8], value: &[u8]) -> Result<(), Observation> {
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Downgrade {
            #[serde(rename = "target-version")]
            target: String,
            enabled: bool,
        }
        match key {
            b"clusterVersion" => {
                let version =
                    StorageVersion::parse_strict(value).ok_or(codes::ClusterVersion {})?;
                self.cluster_version = Some(version.to_string());
            }
            b"downgrade" => {
                let downgrade: Downgrade =
                    serde_json::from_slice(value).map_err(|_| codes::Downgrade {})?;
                if downgrade.enabled {
                    self.downgrade_target = Some(escape::text(downgrade.target.as_bytes()));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn merge(&mut self, other: Self) {
        let meta = other.meta;
        or(&mut self.meta.consistent_index, meta.consistent_index);
        or(&mut self.meta.term, meta.term);
        or(&mut self.meta.conf_state, meta.conf_state);
        or(
            &mut self.meta.compaction.scheduled,
            meta.compaction.scheduled,
        );
        or(&mut self.meta.compaction.finished, meta.compaction.finished);
        or(&mut self.meta.storage_version, meta.storage_version);
        or(&mut self.cluster_version, other.cluster_version);
        or(&mut self.downgrade_target, other.downgrade_target);
        or(&mut self.auth_enabled, other.auth_enabled);
        or(&mut self.auth_revision, other.auth_revision);
        self.members.extend(other.members);
        self.removed.extend(other.removed);
        self.alarms.extend(other.alarms);
        self.leases.extend(other.leases);
        self.users.extend(other.users);
        self.roles.extend(other.roles);
        self.truncated |= other.truncated;
    }
}

fn or<T>(field: &mut Option<T>, other: Option<T>) {
    if field.is_none() {
        *field = other;
    }
}

fn be64(value: &[u8]) -> Option<u64> {
    value.first_chunk().copied().map(u64::from_be_bytes)
}

/// Ids are hex without leading zeros.
fn parse_member_id(key: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(key)
        .ok()
        .filter(|text| !text.starts_with(['+', '-']))?;
    u64::from_str_radix(text, 16).ok()
}

impl Alarm {
    /// The alarm that a key of bucket `alarm` stands for.
    pub fn parse_key(key: &[u8]) -> Option<Self> {
        parse_alarm(key)
    }
}

fn parse_alarm(key: &[u8]) -> Option<Alarm> {
    let mut alarm = Alarm {
        member: 0,
        kind: AlarmKind::None,
    };
    for field in Fields::of_etcd(key) {
        match field.ok()? {
            (1, FieldValue::Varint(member)) => alarm.member = member,
            (2, FieldValue::Varint(kind)) => {
                alarm.kind = match kind {
                    0 => AlarmKind::None,
                    1 => AlarmKind::NoSpace,
                    2 => AlarmKind::Corrupt,
                    other => AlarmKind::Other(other),
                }
            }
            _ => {}
        }
    }
    Some(alarm)
}

fn parse_lease(key: &[u8], value: &[u8]) -> Result<Lease, Observation> {
    let id = be64(key)
        .filter(|_| key.len() == 8)
        .ok_or(codes::LeaseKeyLength {
            found: key.len() as u64,
            expected: 8,
        })?;
    let mut lease = Lease {
        id: LeaseId(0),
        ttl: 0,
    };
    for field in Fields::of_etcd(value) {
        match field.map_err(|_| codes::LeaseMalformed {})? {
            (1, FieldValue::Varint(id)) => lease.id = LeaseId(id.cast_signed()),
            (2, FieldValue::Varint(ttl)) => lease.ttl = ttl.cast_signed(),
            _ => {}
        }
    }
    if lease.id.0 != id.cast_signed() {
        let LeaseId(lease) = lease.id;
        return Err(codes::LeaseIdDiffers { lease }.into());
    }
    Ok(lease)
}

fn parse_user(value: &[u8]) -> Option<User> {
    let mut user = User {
        name: Vec::new(),
        roles: Vec::new(),
        no_password: false,
    };
    for field in Fields::of_etcd(value) {
        match field.ok()? {
            (1, FieldValue::Bytes(name)) => user.name = name.to_vec(),
            (3, FieldValue::Bytes(role)) => user.roles.push(role.to_vec()),
            (4, FieldValue::Bytes(options)) => {
                for option in Fields::of_etcd(options) {
                    if let (1, FieldValue::Varint(flag)) = option.ok()? {
                        user.no_password = flag != 0;
                    }
                }
            }
            _ => {}
        }
    }
    Some(user)
}

fn parse_role(value: &[u8]) -> Option<Role> {
    let mut role = Role {
        name: Vec::new(),
        permissions: 0,
    };
    for field in Fields::of_etcd(value) {
        match field.ok()? {
            (1, FieldValue::Bytes(name)) => role.name = name.to_vec(),
            (2, FieldValue::Bytes(_)) => role.permissions = role.permissions.saturating_add(1),
            _ => {}
        }
    }
    Some(role)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(bucket: &[u8], key: &[u8], value: &[u8]) -> (Contents, Vec<&'static str>) {
        let mut contents = Contents::default();
        let mut findings = Collector::new(10);
        contents.take(bucket, key, value, &Place::default, &mut findings);
        (
            contents,
            findings.finish().list.iter().map(|f| f.code.id).collect(),
        )
    }

    #[test]
    fn a_member_is_read_as_etcd_writes_it() {
        let value = br#"{"id":15985099378392235387,"peerURLs":["http://127.0.0.1:12380"],"name":"default","clientURLs":["http://127.0.0.1:12379"]}"#;
        let (contents, codes) = take(MEMBERS_BUCKET, b"ddd66f5bd1d3497b", value);
        assert_eq!(contents.members[0].id, 15_985_099_378_392_235_387);
        assert_eq!(contents.members[0].peer_urls, ["http://127.0.0.1:12380"]);
        assert_eq!(codes, [codes::MEMBER_ID.id], "the key names another member");
    }

    #[test]
    fn an_alarm_is_read_from_its_key() {
        let key = b"\x08\xb0\xf5\xcb\xde\x80\x94\x90\xec\xcf\x01\x10\x01";
        let (contents, codes) = take(ALARM_BUCKET, key, b"");
        assert_eq!(contents.alarms[0].kind, AlarmKind::NoSpace);
        assert!(codes.is_empty());
        assert_eq!(take(ALARM_BUCKET, b"\x08", b"").1, [codes::ALARM_KEY.id]);
    }

    #[test]
    fn a_users_password_is_not_kept() {
        let value = b"\x0a\x05alice\x12\x0a$2a$10$abc\x1a\x04root\"\x02\x08\x01";
        let (contents, codes) = take(AUTH_USERS_BUCKET, b"alice", value);
        assert!(codes.is_empty());
        assert_eq!(contents.users[0].roles, [b"root"]);
        assert!(contents.users[0].no_password);
        assert!(!format!("{contents:?}").contains("2a"));
    }

    #[test]
    fn values_of_the_wrong_form_are_findings_without_the_value() {
        for (bucket, key, value) in [
            (META_BUCKET, &b"consistent_index"[..], &b"secret"[..]),
            (META_BUCKET, b"confState", b"secret"),
            (META_BUCKET, b"scheduledCompactRev", b"secret"),
            (MEMBERS_BUCKET, b"1", b"\"secret\""),
            (CLUSTER_BUCKET, b"clusterVersion", b"secret"),
            (LEASE_BUCKET, b"12345678", b"\xffsecret"),
            (AUTH_BUCKET, b"authEnabled", b"secret"),
            (AUTH_USERS_BUCKET, b"u", b"\x0asecret"),
        ] {
            let mut contents = Contents::default();
            let mut findings = Collector::new(10);
            contents.take(bucket, key, value, &Place::default, &mut findings);
            let found = findings.finish();
            assert_eq!(found.list.len(), 1, "{key:?}");
            let told = format!("{:?}", found.list[0].values().collect::<Vec<_>>());
            let bytes = format!("{:?}", b"secret");
            let bytes = bytes.trim_matches(['[', ']']);
            assert!(!told.contains("secret") && !told.contains(bytes), "{told}");
        }
    }

    #[test]
    fn small_buckets_are_gathered_up_to_a_number_of_bytes() {
        use crate::bolt::write::{WriteError, WriteLayout, Writer};
        use crate::bolt::{Database, SecondMeta};
        use crate::options::Options;
        use crate::source::Slice;
        use crate::workers::Workers;

        let member = |number: u32| {
            let name = "n".repeat(1 << 10);
            format!(r#"{{"id":{number},"name":"{name}","peerURLs":[]}}"#)
        };
        let gathered = |count: u32| {
            let out = std::io::Cursor::new(Vec::new());
            let mut writer = Writer::new(out, WriteLayout::default()).unwrap();
            writer
                .bucket(MEMBERS_BUCKET, |bucket| {
                    for number in 0..count {
                        let key = format!("{number:016x}");
                        bucket.put(key.as_bytes(), member(number).as_bytes())?;
                    }
                    Ok::<(), WriteError>(())
                })
                .unwrap();
            let bytes = writer.finish().unwrap().0.into_inner();
            let source = Slice(&bytes);
            let database = Database::open(&source, bytes.len() as u64, SecondMeta::Search);
            let workers = Workers::new(std::num::NonZeroUsize::MIN).unwrap();
            let mut findings = Collector::new(1);
            let visitor = ContentsVisitor::new(1);
            let scanned = database
                .unwrap()
                .scan(&visitor, &workers, &Options::default(), &mut findings)
                .unwrap();
            let parts = scanned.scan.locals;
            let held: usize = parts.iter().map(|part| part.contents.members.len()).sum();
            (held, parts.iter().any(|part| part.contents.truncated))
        };
        assert_eq!(gathered(900), (900, false));
        let (held, is_truncated) = gathered(2000);
        assert!(is_truncated && (900..1024).contains(&held), "{held}");
    }
}
