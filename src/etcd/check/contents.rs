//! What the small buckets say, held against each other.

use std::collections::{BTreeMap, BTreeSet};

use super::codes;
use super::records::too_few_left;
use crate::bolt::Plan;
use crate::etcd::schema::{
    ALARM_BUCKET, AUTH_BUCKET, AUTH_USERS_BUCKET, AlarmKind, Compaction, Contents, KEY_BUCKET,
    MEMBERS_BUCKET, META_BUCKET, Meta, STANDARD_BUCKETS, StorageVersion,
};
use crate::finding::{Collector, Finding, Place, escape};

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
        let message = "the element has no bucket flag".to_string();
        findings.add(Finding::new(
            &codes::NOT_A_BUCKET,
            stray.place.clone(),
            message,
        ));
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
            let message = "etcd never nests buckets".to_string();
            findings.add(Finding::new(&codes::BUCKET_NESTED, place(), message));
        } else if bucket.is_top_level() && !is_known {
            let name = escape::text_limited(bucket.name(), 64);
            let message = format!("bucket \"{name}\" is none of etcd's");
            findings.add(Finding::new(&codes::BUCKET_UNKNOWN, place(), message));
        }
    }
    // When not even the root bucket could be read, that is what is to be said, and has been.
    let root_is_lost = plan.buckets.len() == 1 && findings.has_errors();
    for name in STANDARD_BUCKETS.into_iter().filter(|_| !root_is_lost) {
        if !seen.contains(name) {
            let is_vital = name == KEY_BUCKET || name == META_BUCKET;
            let code = if is_vital {
                &codes::BUCKET_MISSING
            } else {
                &codes::BUCKET_ABSENT
            };
            let message = format!("there is no bucket \"{}\"", escape::text(name));
            findings.add(Finding::new(
                code,
                Place::default().in_bucket(name),
                message,
            ));
        }
    }
}

fn check_meta(contents: &Contents, findings: &mut Collector) {
    let meta = &contents.meta;
    let mut report = |code, key: &[u8], message: String| {
        findings.add(Finding::new(
            code,
            Place::bucket_key(META_BUCKET, key),
            message,
        ));
    };
    let compaction = &meta.compaction;
    match (compaction.scheduled, compaction.finished) {
        (Some(scheduled), finished)
            if scheduled.main > finished.map_or(0, |finished| finished.main) =>
        {
            let finished = finished.map_or("none".into(), |revision| revision.main.to_string());
            let message = format!(
                "scheduled at revision {}, finished: {finished}",
                scheduled.main
            );
            report(&codes::COMPACTION_RUNNING, b"scheduledCompactRev", message);
        }
        (scheduled, Some(finished))
            if scheduled.is_none_or(|scheduled| scheduled.main < finished.main) =>
        {
            let scheduled = scheduled.map_or("none".into(), |revision| revision.main.to_string());
            let message = format!(
                "finished at revision {}, scheduled: {scheduled}",
                finished.main
            );
            report(&codes::COMPACTION_ORDER, b"finishedCompactRev", message);
        }
        _ => {}
    }
    for (key, revision) in [
        (Compaction::SCHEDULED_KEY, compaction.scheduled),
        (Compaction::FINISHED_KEY, compaction.finished),
    ] {
        if let Some((main, left)) =
            revision.and_then(|revision| Some((revision.main, too_few_left(revision.main)?)))
        {
            let message = format!("{left} revisions are left after {main}");
            report(&codes::REVISION_LIMIT, key, message);
        }
    }
    if let Some(text) = &meta.storage_version
        && StorageVersion::parse_strict(text).is_none()
    {
        let message = format!("it reads \"{}\"", escape::text_limited(text, 32));
        report(&codes::STORAGE_VERSION, StorageVersion::KEY, message);
    }
    if meta.consistent_index.is_none() && meta.term.is_some() {
        let message = "there is a term, but no consistent index".to_string();
        report(
            &codes::CONSISTENT_INDEX,
            Meta::CONSISTENT_INDEX_KEY,
            message,
        );
    }
    if let Some(state) = &meta.conf_state {
        let named: BTreeSet<u64> = state.members().collect();
        let present: BTreeSet<u64> = contents.members.iter().map(|member| member.id).collect();
        if !present.is_empty() && named != present {
            let message = format!(
                "confState names {} members, bucket `members` {}, {} of them are the same",
                named.len(),
                present.len(),
                named.intersection(&present).count()
            );
            report(&codes::CONF_STATE_STALE, Meta::CONF_STATE_KEY, message);
        }
    }
}

fn check_members(contents: &Contents, findings: &mut Collector) {
    let mut urls: BTreeMap<&str, u64> = BTreeMap::new();
    for member in &contents.members {
        let key = format!("{:x}", member.id);
        let mut report = |code, message: String| {
            let place = Place::bucket_key(MEMBERS_BUCKET, key.as_bytes());
            findings.add(Finding::new(code, place, message));
        };
        if contents.removed.binary_search(&member.id).is_ok() {
            report(
                &codes::MEMBER_ZOMBIE,
                format!("member {key} is in bucket `members_removed` too"),
            );
        }
        if member.is_learner {
            report(
                &codes::MEMBER_LEARNER,
                format!("member {key} does not vote"),
            );
        }
        for url in &member.peer_urls {
            if let Some(other) = urls
                .insert(url, member.id)
                .filter(|other| *other != member.id)
            {
                let url = escape::text_limited(url.as_bytes(), 128);
                let message = format!("members {other:x} and {key} are both at {url}");
                report(&codes::PEER_URL_TWICE, message);
            }
        }
    }
}

fn check_alarms(contents: &Contents, findings: &mut Collector) {
    for alarm in &contents.alarms {
        let code = match alarm.kind {
            AlarmKind::None => continue,
            AlarmKind::NoSpace => &codes::ALARM_NOSPACE,
            AlarmKind::Other(_) => &codes::ALARM_UNKNOWN,
            AlarmKind::Corrupt => &codes::ALARM_CORRUPT,
        };
        let message = format!("alarm {} of member {:x}", alarm.kind, alarm.member);
        findings.add(Finding::new(
            code,
            Place::default().in_bucket(ALARM_BUCKET),
            message,
        ));
    }
}

fn check_auth(contents: &Contents, findings: &mut Collector) {
    let roles: BTreeSet<&[u8]> = contents.roles.iter().map(|role| &*role.name).collect();
    for user in &contents.users {
        // The role root need not exist: etcd gives its users every permission.
        let lacks = |role: &&Vec<u8>| **role != b"root" && !roles.contains(&***role);
        for role in user.roles.iter().filter(lacks) {
            let message = format!("role \"{}\" does not exist", escape::text_limited(role, 64));
            let place = Place::bucket_key(AUTH_USERS_BUCKET, &user.name);
            findings.add(Finding::new(&codes::ROLE_MISSING, place, message));
        }
    }
    let has_root = contents.users.iter().any(|user| user.name == b"root");
    if contents.auth_enabled == Some(true) && !has_root {
        let message = "nobody can change users or roles".to_string();
        let place = Place::bucket_key(AUTH_BUCKET, b"authEnabled");
        findings.add(Finding::new(&codes::ROOT_MISSING, place, message));
    }
}
