//! The parts of a data directory against each other, its log, its `.snap` files and its database: does a
//! server start from it, and which one?

mod releases;
mod start;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::log_story::LogStory;

use self::releases::{Reason, Releases};
use self::start::{Obstacle, Scene, Start};
use super::ledger::{Ledger, Proof};
use super::wal::{Blank, WAL_IN_DATA_DIR, WalSummary, blank_findings, read, segments_in};
use crate::error::{Error, Result};
use crate::etcd::raft::{
    MemberChange, SnapshotFile, SnapshotFileError, codes, parse_snapshot_file_name,
    read_snapshot_file,
};
use crate::etcd::schema::{Contents, MEMBERS_BUCKET, META_BUCKET, Meta, StorageVersion};
use crate::finding::{Collector, Excerpt, Finding, Findings, Observation, Place, escape};
use crate::options::Options;

/// More `.snap` files than this, or longer ones, are not looked at.
const SNAPSHOTS: usize = 64;
const SNAPSHOT_LIMIT: u64 = 1 << 29;

/// What is to be said of a data directory as a whole.
#[derive(Debug, Clone)]
pub struct DirectoryReport {
    /// The directory that etcd takes as `--data-dir`.
    pub data_dir: PathBuf,
    /// The folder of its log.
    pub wal_dir: PathBuf,
    /// Which servers start from it, and as whom; empty when none does.
    pub headline: String,
    /// What to know before one is started; may be empty.
    pub next_step: String,
    /// The log's account: what was read of it.
    pub log: String,
}

impl DirectoryReport {
    /// Puts what concerns the directory into the account of what was proven.
    pub(in crate::ops) fn amend(
        &self,
        ledger: &mut Vec<Ledger>,
        has_trailer: bool,
        findings: &Findings,
    ) {
        let trailer = ledger.iter_mut().find(|line| line.proof == Proof::Trailer);
        if let Some(line) = trailer.filter(|_| !has_trailer) {
            line.detail = "(normal) the database of a data directory has none".into();
        }
        let broken = Proof::Log.is_broken_by(findings);
        let seen = if broken { "; see the findings" } else { "" };
        ledger.push(Ledger {
            proof: Proof::Log,
            proven: !broken,
            detail: format!("{}{seen}", self.log),
        });
    }
}

/// Reads the log of the data directory whose database is at `database` and has these contents, and judges
/// whether a server starts from all of it. `wal_dir` is the folder of the log if it is not `member/wal`.
pub(in crate::ops) fn check_directory(
    database: &Path,
    wal_dir: Option<&Path>,
    contents: &Contents,
    options: &Options,
    findings: &mut Collector,
) -> Result<DirectoryReport> {
    let snap = database.parent().unwrap_or(database);
    let data_dir = snap.parent().and_then(Path::parent).unwrap_or(snap);
    // `member/snap/db` itself was given, within the directory.
    let data_dir = match data_dir.as_os_str().is_empty() {
        true => Path::new("."),
        false => data_dir,
    };
    let folder = wal_dir.map_or_else(|| data_dir.join(WAL_IN_DATA_DIR), Path::to_owned);
    let mut own = Collector::new(findings.limit());
    let mut report = DirectoryReport {
        data_dir: data_dir.to_owned(),
        wal_dir: folder.clone(),
        headline: String::new(),
        next_step: String::new(),
        log: "there is none".into(),
    };
    let found = match segments_in(&folder, &mut own) {
        Ok(found) => found,
        // A folder that was named must be there.
        Err(Error::Open { source, .. })
            if wal_dir.is_none() && source.kind() == std::io::ErrorKind::NotFound =>
        {
            Vec::new()
        }
        Err(error) => return Err(error),
    };
    if found.is_empty() {
        let what: Observation = match folder.is_dir() {
            true => codes::LogEmpty { folder }.into(),
            false => codes::LogAbsent { folder }.into(),
        };
        own.add(Finding::new(what, Place::default()));
        findings.merge(own);
        return Ok(report);
    }
    let log = read(&found, options, &mut own, |_, _| {
        std::ops::ControlFlow::Continue(())
    })?;
    report.log = log.describe();
    // What a broken log says last is not its end.
    if !own.has_errors() {
        judge(&log, snap, contents, &mut own, &mut report)?;
    } else {
        blank_findings(&log.parts, None, &mut own);
    }
    findings.merge(own);
    Ok(report)
}

fn judge(
    log: &WalSummary,
    snap: &Path,
    contents: &Contents,
    findings: &mut Collector,
    report: &mut DirectoryReport,
) -> Result<()> {
    let story = &log.story;
    let snapshot = newest_snapshot(story, snap, findings)?;
    let scene = Scene {
        story,
        segments: &log.parts,
        contents,
        snap,
    };
    let earlier = scene.with_snapshot(snapshot.as_ref());
    let later = scene.with_mark();
    let needed = [&earlier, &later]
        .into_iter()
        .filter_map(|start| match start {
            Ok(start) => Some(start.from),
            Err(Obstacle::Blank(segment)) => Some(*segment),
            Err(_) => None,
        });
    blank_findings(&log.parts, needed.min(), findings);
    if findings.has_errors() {
        // What follows from it need not be told.
        return Ok(());
    }

    // The release that the directory's own servers are.
    let own = written_by(contents).unwrap_or(releases::OLDEST);
    let mut releases = Releases::all(own);
    let is_of_later = own >= releases::NEWEST;
    if let Err(obstacle) = &earlier {
        let lacks_snapshot = snapshot.is_none() && matches!(obstacle, Obstacle::NoSegment { .. });
        releases.refuse(
            0..=6,
            match lacks_snapshot {
                true => Reason::NoSnapFile,
                false => Reason::BehindSnapFile,
            },
        );
        let finding = match (lacks_snapshot && later.is_ok(), obstacle) {
            (true, Obstacle::NoSegment { first, .. }) => {
                let first = Excerpt::of(first);
                Some(Finding::new(codes::NoStart { first }, Place::default()))
            }
            _ => obstacle.finding(),
        };
        if let Some(finding) = finding.filter(|_| later.is_err() || !is_of_later) {
            findings.add(finding);
        }
    }
    if let Err(obstacle) = &later {
        releases.refuse(7..=u64::MAX, Reason::BehindMark);
        // What was just told need not be told again.
        let told = earlier.as_ref().err();
        let is_new = told.map(|told| told.finding().map(|finding| finding.code.id))
            != Some(obstacle.finding().map(|finding| finding.code.id));
        if let Some(finding) = obstacle
            .finding()
            .filter(|_| is_new && (earlier.is_err() || is_of_later))
        {
            findings.add(finding);
        }
    }
    refuse_by_version(&mut releases, contents, story, &earlier, snapshot.as_ref());
    if let Ok(start) = &later
        && story.last_v2 > start.index
    {
        releases.refuse(7..=u64::MAX, Reason::OldRequests);
    }
    if log
        .parts
        .iter()
        .any(|part| part.blank == Some(Blank::Foreign))
    {
        releases.refuse(4..=4, Reason::ForeignSegment);
    }
    let member = story.metadata.map_or(0, |metadata| metadata.member);
    let outsider = outsider(story, snapshot.as_ref(), &earlier, contents);
    if let Some(outsider) = &outsider {
        findings.add(outsider.finding(story));
        if *outsider != Outsider::Backup {
            // What follows from it need not be told.
            return Ok(());
        }
        let names_others = contents.members.iter().any(|other| other.id != member);
        if names_others && later.as_ref().is_ok_and(|start| start.index == 0) {
            releases.refuse(7..=u64::MAX, Reason::OtherMembers);
        }
        if contents.members.is_empty() {
            releases.refuse(6..=6, Reason::NoMembers);
        }
    } else {
        check_members(story, snapshot.as_ref(), contents, findings);
        let is_listed = contents.members.iter().any(|other| other.id == member);
        let will_come = story
            .changes
            .iter()
            .any(|(index, _)| *index > contents.meta.consistent_index.unwrap_or(0));
        if !contents.members.is_empty() && !is_listed && !will_come && !contents.truncated {
            if is_of_other(story, snapshot.as_ref(), contents) {
                let metadata = story.metadata.unwrap_or_default();
                let other = codes::LogOfOtherDatabase {
                    member,
                    cluster: metadata.cluster,
                    named: contents.members.iter().map(|other| other.id).collect(),
                };
                let place = Place {
                    bucket: vec![MEMBERS_BUCKET.to_vec()],
                    ..Place::default()
                };
                findings.add(Finding::new(other, place));
                return Ok(());
            }
            releases.refuse(6..=u64::MAX, Reason::MemberUnknown);
        }
    }
    if let Ok(start) = earlier.as_ref().or(later.as_ref()) {
        let ahead = check_database(story, *start, contents, outsider.is_some(), findings);
        if ahead && outsider.is_some() {
            releases.refuse(5..=u64::MAX, Reason::DatabaseAhead);
        }
    }
    if findings.has_errors() {
        return Ok(());
    }
    let Some((which, newer)) = releases.describe() else {
        let refusals = releases.reasons();
        findings.add(Finding::new(
            codes::NoRelease { refusals },
            Place::default(),
        ));
        return Ok(());
    };
    let newer = newer.map_or_else(String::new, |newer| format!("; {newer}"));
    let standing = standing(member, contents, outsider.is_some());
    report.headline = match outsider {
        Some(_) => format!("{which} with --force-new-cluster{newer} ({standing})"),
        None => format!("{which}{newer} ({standing})"),
    };
    report.next_step = match outsider {
        Some(_) => "start it once with --force-new-cluster, then without".into(),
        None => "nothing to do".into(),
    };
    if let Ok(start) = earlier.as_ref().or(later.as_ref()) {
        use std::fmt::Write as _;
        // Writing to a String cannot fail.
        let _ = write!(report.log, "; servers start after entry {}", start.index);
    }
    Ok(())
}

/// The minor release whose servers wrote the database last, as far as it tells.
fn written_by(contents: &Contents) -> Option<u64> {
    let minor = |version: StorageVersion| u64::try_from(version.minor).ok();
    let storage = contents.meta.storage_version.as_deref();
    let storage = storage.and_then(StorageVersion::parse_lenient);
    let cluster = contents.cluster_version.as_deref().map(str::as_bytes);
    let cluster = cluster.and_then(StorageVersion::parse_lenient);
    storage.into_iter().chain(cluster).filter_map(minor).max()
}

/// No server starts from what a newer one has written. 3.4 and 3.5 look at the old store and the log for the
/// version, 3.6 and later at the database.
fn refuse_by_version(
    releases: &mut Releases,
    contents: &Contents,
    story: &LogStory,
    earlier: &std::result::Result<Start, Obstacle>,
    snapshot: Option<&SnapshotFile>,
) {
    if let Some(minor) = written_by(contents).filter(|minor| *minor > 6) {
        let last = minor.saturating_sub(1);
        releases.refuse(6..=last, Reason::NewerDatabase);
    }
    let start = earlier.as_ref().map_or(0, |start| start.index);
    let stored = snapshot.and_then(SnapshotFile::cluster_version);
    for (minor, of_old_store) in [(4, true), (5, false)] {
        let version = stored.max(story.version_after(start, of_old_store));
        if version.is_some_and(|version| version > (3, minor)) {
            releases.refuse(minor..=minor, Reason::NewerCluster);
        }
    }
    let target = contents.downgrade_target.as_deref().map(str::as_bytes);
    if let Some(target) = target.and_then(StorageVersion::parse_lenient)
        && (target.major, target.minor) != (3, 5)
    {
        releases.refuse(5..=5, Reason::Downgrade);
    }
}

/// Who the member is among how many, and how many the cluster needs.
fn standing(member: u64, contents: &Contents, is_outsider: bool) -> String {
    let entry = contents.members.iter().find(|other| other.id == member);
    let name = match entry.filter(|entry| !entry.name.is_empty()) {
        Some(entry) => format!(
            "{} {member:x}",
            escape::text_limited(entry.name.as_bytes(), 64)
        ),
        None => format!("{member:x}"),
    };
    if is_outsider || contents.members.is_empty() || contents.truncated {
        return format!("member {name}");
    }
    let voters = contents.members.iter().filter(|other| !other.is_learner);
    let voters = voters.count();
    let quorum = voters.checked_div(2).unwrap_or(0).saturating_add(1);
    let s = if quorum == 1 { "" } else { "s" };
    let learner = match entry.is_some_and(|entry| entry.is_learner) {
        true => ", a learner",
        false => "",
    };
    format!(
        "member {name}{learner} of {}, needs {quorum} member{s}",
        contents.members.len()
    )
}

/// Entries that a server writes by itself when it makes a new cluster of one member, before it serves anyone.
const ENTRIES_OF_NEW_CLUSTER: u64 = 3;

/// What the database says of the log: how far it is, and of which term. Tells whether it is ahead.
fn check_database(
    story: &LogStory,
    start: Start,
    contents: &Contents,
    is_outsider: bool,
    findings: &mut Collector,
) -> bool {
    let index = contents.meta.consistent_index.unwrap_or(0);
    let ahead = index.saturating_sub(start.last);
    let harmless = match is_outsider {
        // `etcdctl backup` of 3.4 leaves entries about members out, and renumbers the others.
        true => ENTRIES_OF_NEW_CLUSTER,
        false => 0,
    };
    let mut report = |what: Observation, key: &[u8]| {
        findings.add(Finding::new(what, Place::bucket_key(META_BUCKET, key)));
    };
    if ahead > harmless {
        let is_ahead = codes::DatabaseAhead {
            applied: index,
            last: start.last,
            ahead,
        };
        report(is_ahead.into(), Meta::CONSISTENT_INDEX_KEY);
    }
    if let Some(term) = contents.meta.term
        && term > story.state.term
    {
        let later = codes::DatabaseTerm {
            database: term,
            log: story.state.term,
        };
        report(later.into(), Meta::TERM_KEY);
    }
    ahead > 0
}

/// The newest `.snap` file that belongs to the log.
fn newest_snapshot(
    story: &LogStory,
    snap: &Path,
    findings: &mut Collector,
) -> Result<Option<SnapshotFile>> {
    let open = |source| Error::Open {
        path: snap.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(snap).map_err(open)? {
        let path = entry.map_err(open)?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if let Some(of) = name.and_then(parse_snapshot_file_name) {
            files.push((of, path));
        }
    }
    files.sort();
    for (_, path) in files.into_iter().rev().take(SNAPSHOTS) {
        let open = |source| Error::Open {
            path: path.clone(),
            source,
        };
        if std::fs::metadata(&path).map_err(open)?.len() > SNAPSHOT_LIMIT {
            continue;
        }
        match read_snapshot_file(&std::fs::read(&path).map_err(open)?) {
            Ok(snapshot) if story.is_valid_mark(snapshot.index, snapshot.term) => {
                return Ok(Some(snapshot));
            }
            // One that was cut off the log with its segments, or not yet noted in it.
            Ok(_) => {}
            Err(error) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let file = Excerpt::of(&*name);
                let what: Observation = match error {
                    SnapshotFileError::Malformed => codes::SnapFileMalformed { file }.into(),
                    SnapshotFileError::Crc { stored, computed } => codes::SnapFileChecksum {
                        file,
                        stored,
                        computed,
                    }
                    .into(),
                };
                findings.add(Finding::new(what, Place::default()));
            }
        }
    }
    Ok(None)
}

/// Why the member will never be elected or sent anything: it is not in raft's configuration as the log leaves
/// it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outsider {
    /// By `etcdctl backup` or `etcdutl backup`: a server puts the member in with --force-new-cluster.
    Backup,
    /// The cluster has removed it. Etcd never lets an id that was removed in again: with --force-new-cluster it
    /// takes the other members out, cannot put this one in, and panics.
    Removed,
    /// The `.snap` file, and so the database beside it, is of another cluster, with these members.
    OfOther(BTreeSet<u64>),
}

impl Outsider {
    fn finding(&self, story: &LogStory) -> Finding {
        let metadata = story.metadata.unwrap_or_default();
        let (member, cluster) = (metadata.member, metadata.cluster);
        let what: Observation = match self {
            Self::Backup => codes::MemberUnknown { member }.into(),
            Self::Removed => codes::MemberRemoved { member, cluster }.into(),
            Self::OfOther(present) => codes::LogOfOtherSnapFile {
                member,
                cluster,
                named: present.iter().copied().collect(),
            }
            .into(),
        };
        Finding::new(what, Place::default())
    }
}

/// The name that `etcdutl backup` gives the only member of its database.
const NAME_IN_BACKUP: &str = "etcdctl-v2-backup";

/// Backups have ids that were counted up from the time. Unlike hashes of URLs these begin with 16 zero bits.
fn is_counted(id: u64) -> bool {
    id >> 48 == 0
}

fn outsider(
    story: &LogStory,
    snapshot: Option<&SnapshotFile>,
    earlier: &std::result::Result<Start, Obstacle>,
    contents: &Contents,
) -> Option<Outsider> {
    let start = earlier.as_ref().ok()?;
    // A member that has just joined knows nothing yet.
    if snapshot.is_none() && story.is_without_entries() {
        return None;
    }
    let metadata = story.metadata.unwrap_or_default();
    let member = metadata.member;
    let mut present: BTreeSet<u64> = BTreeSet::new();
    if let Some(snapshot) = snapshot {
        let configuration = &snapshot.configuration;
        present.extend(&configuration.voters);
        present.extend(&configuration.learners);
        present.extend(&configuration.voters_outgoing);
        present.extend(&configuration.learners_next);
    }
    let mut was_removed = contents.removed.contains(&member);
    let mut is_coming = false;
    for (index, change) in &story.changes {
        // What is not committed waits for a leader, and there is none but of these members.
        let is_committed = *index <= story.state.commit;
        let counts = *index > start.index && is_committed;
        match change {
            MemberChange::Add(id) | MemberChange::AddLearner(id) => {
                if counts {
                    present.insert(*id);
                }
                is_coming |= *id == member && *index > start.index;
            }
            MemberChange::Remove(id) => {
                if counts {
                    present.remove(id);
                }
                was_removed |= *id == member && is_committed;
            }
            MemberChange::Other => {}
        }
    }
    if present.contains(&member) {
        return None;
    }
    if was_removed {
        return Some(Outsider::Removed);
    }
    // 3.4 counts the ids of the log's member and cluster, 3.5 those in the `.snap` file and the database.
    let is_backup = is_counted(member) && is_counted(metadata.cluster)
        || present.iter().all(|id| is_counted(*id))
        || contents
            .members
            .iter()
            .any(|other| other.name == NAME_IN_BACKUP);
    match snapshot {
        // Every member finds itself in what its leader sent it, and in what it wrote itself.
        Some(_) if !is_backup && !is_coming => Some(Outsider::OfOther(present)),
        _ => Some(Outsider::Backup),
    }
}

/// Entries after which a server that was restored has surely written itself into the database; it does so with
/// the first that it writes.
const ENTRIES_BEFORE_NAMED: u64 = 16;

/// True when the database, which does not name the log's member, names none of those that the log ever had
/// either. `etcdctl snapshot restore` of 3.4 leaves a database like that, until a server starts.
fn is_of_other(story: &LogStory, snapshot: Option<&SnapshotFile>, contents: &Contents) -> bool {
    let applied = contents.meta.consistent_index.unwrap_or(0);
    let last_change = story.changes.back().map_or(0, |(index, _)| *index);
    let begun = snapshot.map_or(0, |snapshot| match snapshot.term {
        1 => snapshot.index,
        _ => 0,
    });
    if applied <= last_change.max(begun).saturating_add(ENTRIES_BEFORE_NAMED) {
        return false;
    }
    let mut known: BTreeSet<u64> = BTreeSet::new();
    if let Some(snapshot) = snapshot {
        known.extend(&snapshot.configuration.voters);
        known.extend(&snapshot.configuration.learners);
    }
    known.extend(story.changes.iter().filter_map(|(_, change)| match change {
        MemberChange::Add(id) | MemberChange::AddLearner(id) | MemberChange::Remove(id) => {
            Some(*id)
        }
        MemberChange::Other => None,
    }));
    !known.is_empty()
        && !contents
            .members
            .iter()
            .any(|other| known.contains(&other.id))
}

/// As long as no entry has changed them since, the members are those of the snapshot.
fn check_members(
    story: &LogStory,
    snapshot: Option<&SnapshotFile>,
    contents: &Contents,
    findings: &mut Collector,
) {
    let Some(start) = snapshot else { return };
    let configuration = &start.configuration;
    let in_change =
        !configuration.voters_outgoing.is_empty() || !configuration.learners_next.is_empty();
    let last_change = story.changes.iter().map(|(index, _)| *index).max();
    if last_change > Some(start.index) || in_change || contents.truncated {
        return;
    }
    let sorted = |ids: &mut dyn Iterator<Item = u64>| {
        let mut ids: Vec<u64> = ids.collect();
        ids.sort_unstable();
        ids
    };
    let of_log = configuration.voters.iter().chain(&configuration.learners);
    let of_log = sorted(&mut of_log.copied());
    let of_database = sorted(&mut contents.members.iter().map(|member| member.id));
    if of_log != of_database {
        let differ = codes::MembersDiffer {
            log: of_log.into_iter().collect(),
            database: of_database.into_iter().collect(),
        };
        let place = Place {
            bucket: vec![MEMBERS_BUCKET.to_vec()],
            ..Place::default()
        };
        findings.add(Finding::new(differ, place));
    }
}
