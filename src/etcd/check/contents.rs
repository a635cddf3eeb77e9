//! What the small buckets say, held against each other.

use std::collections::{BTreeMap, BTreeSet};

use super::codes;
use super::records::too_few_left;
use crate::bolt::Plan;
use crate::etcd::schema::{
    ALARM_BUCKET, AUTH_BUCKET, AUTH_USERS_BUCKET, AlarmKind, Compaction, Contents, KEY_BUCKET,
    MEMBERS_BUCKET, META_BUCKET, Meta, STANDARD_BUCKETS, StorageVersion,
};
use crate::finding::{Collector, Excerpt, Finding, Observation, Place};

/// Looks at which buckets there are and at what the small ones hold.
pub fn check_contents(plan: &Plan<'_>, contents: &Contents, findings: &mut Collector) {
    check_buckets(plan, findings);
    check_meta(contents, findings);
    check_members(contents, findings);
    check_alarms(contents, findings);
    check_auth(contents, findings);
}

fn check_buckets(plan: &Plan<'_>, findings: &mut Collector) {
    for stray in &plan.strays {
        findings.add(Finding::new(codes::NotABucket {}, stray.place.clone()));
    }
    let mut seen: BTreeSet<&[u8]> = BTreeSet::new();
    for bucket in &plan.buckets {
        if bucket.is_top_level() {
            seen.insert(bucket.name());
        }
        let place = || Place {
            bucket: bucket.names(),
            ..Place::default()
        };
        let is_known =
            STANDARD_BUCKETS.contains(&bucket.path.first().map_or(&[][..], |name| &**name));
        if bucket.path.len() > 1 && is_known {
            findings.add(Finding::new(codes::BucketNested {}, place()));
        } else if bucket.is_top_level() && !is_known {
            let bucket = Excerpt::of(bucket.name());
            findings.add(Finding::new(codes::BucketUnknown { bucket }, place()));
        }
    }
    // When not even the root bucket could be read, that is what is to be said, and has been.
    let root_is_lost = plan.buckets.len() == 1 && findings.has_errors();
    for name in STANDARD_BUCKETS.into_iter().filter(|_| !root_is_lost) {
        if !seen.contains(name) {
            let is_vital = name == KEY_BUCKET || name == META_BUCKET;
            let bucket = Excerpt::of(name);
            let what: Observation = match is_vital {
                true => codes::VitalBucketMissing { bucket }.into(),
                false => codes::BucketMissing { bucket }.into(),
            };
            findings.add(Finding::new(what, Place::default().in_bucket(name)));
        }
    }
}

fn check_meta(contents: &Contents, findings: &mut Collector) {
    let meta = &contents.meta;
    let mut report = |what: Observation, key: &[u8]| {
        findings.add(Finding::new(what, Place::bucket_key(META_BUCKET, key)));
    };
    let compaction = &meta.compaction;
    match (compaction.scheduled, compaction.finished) {
        (Some(scheduled), finished)
            if scheduled.main > finished.map_or(0, |finished| finished.main) =>
        {
            let scheduled = scheduled.main;
            let what = match finished.map(|finished| finished.main) {
                Some(finished) => codes::CompactionRunning {
                    scheduled,
                    finished,
                }
                .into(),
                None => codes::FirstCompactionRunning { scheduled }.into(),
            };
            report(what, b"scheduledCompactRev");
        }
        (scheduled, Some(finished))
            if scheduled.is_none_or(|scheduled| scheduled.main < finished.main) =>
        {
            let finished = finished.main;
            let what = match scheduled.map(|scheduled| scheduled.main) {
                Some(scheduled) => codes::CompactionOrder {
                    finished,
                    scheduled,
                }
                .into(),
                None => codes::CompactionNotScheduled { finished }.into(),
            };
            report(what, b"finishedCompactRev");
        }
        _ => {}
    }
    for (key, revision) in [
        (Compaction::SCHEDULED_KEY, compaction.scheduled),
        (Compaction::FINISHED_KEY, compaction.finished),
    ] {
        if let Some((newest, left)) =
            revision.and_then(|revision| Some((revision.main, too_few_left(revision.main)?)))
        {
            report(codes::FewRevisionsLeft { left, newest }.into(), key);
        }
    }
    if let Some(text) = &meta.storage_version
        && StorageVersion::parse_strict(text).is_none()
    {
        let text = Excerpt::of(text);
        report(
            codes::StorageVersionText { text }.into(),
            StorageVersion::KEY,
        );
    }
    if meta.consistent_index.is_none() && meta.term.is_some() {
        report(
            codes::NoConsistentIndex {}.into(),
            Meta::CONSISTENT_INDEX_KEY,
        );
    }
    if let Some(state) = &meta.conf_state {
        let named: BTreeSet<u64> = state.members().collect();
        let present: BTreeSet<u64> = contents.members.iter().map(|member| member.id).collect();
        if !present.is_empty() && named != present {
            let stale = codes::ConfStateStale {
                named: named.len() as u64,
                present: present.len() as u64,
                same: named.intersection(&present).count() as u64,
            };
            report(stale.into(), Meta::CONF_STATE_KEY);
        }
    }
}

fn check_members(contents: &Contents, findings: &mut Collector) {
    let mut urls: BTreeMap<&str, u64> = BTreeMap::new();
    for member in &contents.members {
        let key = format!("{:x}", member.id);
        let id = member.id;
        let mut report = |what: Observation| {
            let place = Place::bucket_key(MEMBERS_BUCKET, key.as_bytes());
            findings.add(Finding::new(what, place));
        };
        if contents.removed.binary_search(&member.id).is_ok() {
            report(codes::MemberZombie { member: id }.into());
        }
        if member.is_learner {
            report(codes::MemberLearner { member: id }.into());
        }
        for url in &member.peer_urls {
            if let Some(other) = urls
                .insert(url, member.id)
                .filter(|other| *other != member.id)
            {
                let twice = codes::PeerUrlTwice {
                    other,
                    member: id,
                    url: Excerpt::of(url),
                };
                report(twice.into());
            }
        }
    }
}

fn check_alarms(contents: &Contents, findings: &mut Collector) {
    for alarm in &contents.alarms {
        let member = alarm.member;
        let what: Observation = match alarm.kind {
            AlarmKind::None => continue,
            AlarmKind::NoSpace => codes::AlarmNoSpace { member }.into(),
            AlarmKind::Other(alarm) => codes::AlarmUnknown { alarm, member }.into(),
            AlarmKind::Corrupt => codes::AlarmCorrupt { member }.into(),
        };
        findings.add(Finding::new(what, Place::default().in_bucket(ALARM_BUCKET)));
    }
}

fn check_auth(contents: &Contents, findings: &mut Collector) {
    let roles: BTreeSet<&[u8]> = contents.roles.iter().map(|role| &*role.name).collect();
    for user in &contents.users {
        // The role root need not exist: etcd gives its users every permission.
        let lacks = |role: &&Vec<u8>| **role != b"root" && !roles.contains(&***role);
        for role in user.roles.iter().filter(lacks) {
            let role = Excerpt::of(role);
            let place = Place::bucket_key(AUTH_USERS_BUCKET, &user.name);
            findings.add(Finding::new(codes::RoleMissing { role }, place));
        }
    }
    let has_root = contents.users.iter().any(|user| user.name == b"root");
    if contents.auth_enabled == Some(true) && !has_root {
        let place = Place::bucket_key(AUTH_BUCKET, b"authEnabled");
        findings.add(Finding::new(codes::RootMissing {}, place));
    }
}
