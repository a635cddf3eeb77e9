//! From a snapshot to a data directory that etcd starts from.
//!
//! The members of the new cluster take the place of the old ones, and a log that begins where the database
//! ends takes the place of theirs. Source: etcd v3.6.14 etcdutl/snapshot/v3_snapshot.go.

mod changes;
#[cfg(test)]
mod fault_tests;
mod outlook;
mod proof;
mod raft_files;
mod selected;
mod space;
mod stage;
#[cfg(test)]
pub(super) mod tests;
mod urls;
mod write;

pub use outlook::RestoredObjects;
pub use proof::Proven;
pub use selected::KeptRecords;
pub use write::{Restored, WrittenFile, restore, restore_members};

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::disk::Disk;
use super::output_error::OutputError;
use super::place::with_ending;
use super::rebuild::{KeptFigures, KeyScope};
use super::source_checks::{check_not_in_use, first_errors, open_database};
use crate::bolt::check::codes;
use crate::counted::{counted, is_or_are};
use crate::etcd::raft::{NewCluster, NewMember, SEGMENT_LEN, WalForm};
use crate::etcd::schema::{AlarmKind, StorageVersion};
use crate::finding::{Severity, escape};
use crate::ops::examine::examination::Examination;
use crate::ops::examine::verify::verify;
use crate::ops::examine::verify_options::VerifyOptions;
use crate::ops::examine::verify_report::VerifyReport;
use crate::ops::input::Input;
use crate::options::Options;
use stage::{Target, check_none_is_left, stages_of};

/// What is to be restored, as etcdutl's flags say it. The default is that of the flags.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestoreRequest {
    /// `--name`.
    pub name: String,
    /// `--initial-cluster`.
    pub initial_cluster: String,
    /// `--initial-cluster-token`.
    pub token: String,
    /// `--initial-advertise-peer-urls`, separated by commas.
    pub advertise: String,
    /// `--data-dir`; without it the name and `.etcd`.
    pub data_dir: Option<PathBuf>,
    /// `--wal-dir`; without it inside the data directory.
    pub wal_dir: Option<PathBuf>,
    /// Restore a file whose digest is missing or different.
    pub skip_hash_check: bool,
    /// Restore a file with errors in its structure or records.
    pub force: bool,
    /// How far the revision goes up, with everything below marked as compacted; 0 leaves it.
    pub bump_revision: u64,
    /// Must be given with `bump_revision`, and only then.
    pub mark_compacted: bool,
    /// Which release's way of writing the log has.
    pub form: WalForm,
    /// Leave stale alarms and the old configuration in the database, as etcdutl does.
    pub exact: bool,
    /// The revision that the cluster had reached when it was lost, for the plan to tell how far back
    /// the snapshot is.
    pub live_revision: Option<i64>,
    /// What that revision is of, as it is to be named: a file of the same cluster.
    pub newer: Option<String>,
    /// The release that is to start from the directory, for the plan to tell whether it will.
    pub for_etcd: Option<StorageVersion>,
    /// Keep only the newest records of these keys; none keeps the whole history of all keys.
    pub keep: Option<KeyScope>,
    /// User and group that everything is to belong to, as numbers.
    pub owner: Option<(u32, Option<u32>)>,
}

impl Default for RestoreRequest {
    fn default() -> Self {
        Self {
            name: "default".into(),
            initial_cluster: "default=http://localhost:2380".into(),
            token: "etcd-cluster".into(),
            advertise: "http://localhost:2380".into(),
            data_dir: None,
            wal_dir: None,
            skip_hash_check: false,
            force: false,
            bump_revision: 0,
            mark_compacted: false,
            form: WalForm::default(),
            exact: false,
            live_revision: None,
            newer: None,
            for_etcd: None,
            keep: None,
            owner: None,
        }
    }
}

/// A request that fits together, and a target that is free.
#[derive(Debug, Clone)]
pub struct Prepared {
    request: RestoreRequest,
    cluster: NewCluster,
    member: u64,
    target: Target,
    /// The folder above the data directories of all members, if it is made with them.
    above: Option<PathBuf>,
}

impl Prepared {
    /// Checks everything that can be checked without the file, in the order of etcdutl.
    ///
    /// # Errors
    /// [`OutputError::Request`], in etcdutl's words where it has any.
    pub fn new(request: RestoreRequest) -> Result<Self, OutputError> {
        Self::below(request, None, &Disk::default())
    }

    fn below(
        request: RestoreRequest,
        above: Option<&Path>,
        disk: &Disk,
    ) -> Result<Self, OutputError> {
        let refuse = OutputError::Request;
        if (request.bump_revision > 0) != request.mark_compacted {
            let text = "--mark-compacted required if --revision-bump > 0";
            return Err(refuse(text.into()));
        }
        let advertised = urls::parse_urls(request.advertise.split(',')).map_err(refuse)?;
        let cluster = urls::parse_cluster(&request.initial_cluster).map_err(refuse)?;
        urls::check_advertised(&request.name, &advertised, &cluster).map_err(refuse)?;
        urls::check_duplicates(&cluster).map_err(refuse)?;
        let members = cluster
            .iter()
            .map(|(name, urls)| NewMember::new(name, &urls::strings(urls), &request.token))
            .collect();
        let cluster = NewCluster::new(members);
        let twins = cluster.members().windows(2);
        for pair in twins {
            if let [one, other] = pair
                && one.id == other.id
            {
                let text = format!("member exists with identical ID {}", one.key());
                return Err(refuse(text));
            }
        }
        let own = |member: &&NewMember| member.name == request.name && member.id != 0;
        let Some(member) = cluster.members().iter().find(own).map(|own| own.id) else {
            return Err(refuse("the member's id would be 0; change a URL".into()));
        };
        if let Some((user, group)) = request.owner
            && !stage::may_give_to(user, group)
        {
            let group = group.map_or_else(String::new, |group| format!(", group {group}"));
            let text = format!("`owner`: only root can make files belong to user {user}{group}");
            return Err(refuse(text));
        }
        let data_dir = match &request.data_dir {
            Some(path) if !path.as_os_str().is_empty() => path.clone(),
            _ => PathBuf::from(format!("{}.etcd", request.name)),
        };
        let wal_dir = request.wal_dir.as_deref();
        let target = Target::check(
            &data_dir,
            wal_dir.filter(|path| !path.as_os_str().is_empty()),
            above,
            disk,
        )?;
        Ok(Self {
            request,
            cluster,
            member,
            target,
            above: above.map(Path::to_owned),
        })
    }

    /// One request per member of the cluster, each with a directory of its name below `out`.
    ///
    /// # Errors
    /// Those of [`Prepared::new`]; a name that cannot be a folder's.
    pub fn all_members(request: &RestoreRequest, out: &Path) -> Result<Vec<Self>, OutputError> {
        let cluster =
            urls::parse_cluster(&request.initial_cluster).map_err(OutputError::Request)?;
        if cluster.is_empty() {
            let text = "initial cluster unset and no discovery URL found";
            return Err(OutputError::Request(text.into()));
        }
        let names: Vec<&String> = cluster.keys().collect();
        for name in &names {
            let is_a_stage = |other: &&&String| with_ending(Path::new(name)) == Path::new(other);
            if name.is_empty() || *name == "." || *name == ".." || name.contains(['/', '\0']) {
                let text = format!("{name:?} cannot be the name of a folder");
                return Err(OutputError::Request(text));
            }
            if let Some(other) = names.iter().find(is_a_stage) {
                let text =
                    format!("{other:?} is what the folder of {name:?} is called until it is whole");
                return Err(OutputError::Request(text));
            }
        }
        let out: PathBuf = out.components().collect();
        // A folder that is not there yet gets its name with everything in it, at once.
        let above = (out.file_name().is_some() && fs::symlink_metadata(&out).is_err())
            .then_some(out.as_path());
        check_no_leftovers(&out, &names)?;
        let disk = Disk::default();
        cluster
            .iter()
            .map(|(name, urls)| {
                let request = RestoreRequest {
                    name: name.clone(),
                    advertise: urls::strings(urls).join(","),
                    data_dir: Some(out.join(name)),
                    wal_dir: None,
                    ..request.clone()
                };
                Self::below(request, above, &disk)
            })
            .collect()
    }

    /// The members of the new cluster.
    pub fn cluster(&self) -> &NewCluster {
        &self.cluster
    }

    /// The id of the member whose directory is made.
    pub fn member(&self) -> u64 {
        self.member
    }

    /// What writes it.
    #[cfg(test)]
    pub(super) fn disk(&self) -> &Disk {
        &self.target.disk
    }

    /// What was asked for.
    pub fn request(&self) -> &RestoreRequest {
        &self.request
    }

    /// The data directory.
    pub fn data_dir(&self) -> &Path {
        self.target.data()
    }

    /// Whom the data directory should belong to, when that is not who runs this.
    pub fn other_owner(&self) -> Option<(u32, u32)> {
        self.target.other_owner()
    }

    /// True when what is made belongs to root, as whom etcd seldom runs.
    pub fn is_made_by_root(&self) -> bool {
        rustix::process::geteuid().is_root()
    }

    /// The folder of the log.
    pub fn wal_dir(&self) -> PathBuf {
        self.target.wal()
    }
}

/// What a restore would do.
#[derive(Debug)]
pub struct RestorePlan {
    /// What `verify` says of the file.
    pub report: VerifyReport,
    /// Why the restore would refuse the file, if it would.
    pub refusal: Option<OutputError>,
    /// False when the release that was named will not start from the result.
    pub starts: bool,
    /// What the objects tell.
    pub outlook: RestoredObjects,
    /// What changes against the snapshot, and what to know.
    pub notes: Vec<String>,
    /// What would be kept, where not everything is.
    pub kept: Option<KeptFigures>,
    /// Bytes that the data directory will take.
    pub bytes: u64,
    /// Bytes free there, if the system tells.
    pub free_bytes: Option<u64>,
}

/// What of a whole copy would be refused that the verdict does not tell: changes that do not fit, a disk
/// without room.
fn copy_refused(input: &Input, members: &[Prepared]) -> Result<Option<OutputError>, OutputError> {
    if let Err(refusal) = space::check_space(input.layout.database_len, members) {
        return Ok(Some(refusal));
    }
    let database = open_database(input)?;
    let last = changes::last_revision(&database)?;
    let patch = members
        .first()
        .map(|first| changes::patch(&database, first, last));
    input.check_unchanged(None)?;
    match patch {
        Some(Err(OutputError::Read(error))) => Err(error.into()),
        Some(Err(refusal)) => Ok(Some(refusal)),
        _ => Ok(None),
    }
}

/// Checks the file and the targets as a restore of all `members` would, and writes nothing.
///
/// # Errors
/// Reading, cancelling, a file that changed meanwhile; [`OutputError::Request`] without a member.
pub fn plan(
    input: &Input,
    members: &[Prepared],
    options: &Options,
) -> Result<RestorePlan, OutputError> {
    let Some(prepared) = members.first() else {
        return Err(OutputError::Request("there is no member to restore".into()));
    };
    let report = verify(input, VerifyOptions::default(), options)?;
    let mut refusal = judge(input, &report, prepared).err();
    let mut kept = None;
    if refusal.is_none() {
        refusal = match &prepared.request.keep {
            None => copy_refused(input, members)?,
            Some(scope) => {
                let (refusal, figures) = selected::plan(input, &report, members, scope, options)?;
                kept = Some(figures);
                refusal
            }
        };
    }
    if refusal.is_none() {
        let mut targets = members.iter().map(|member| &member.target);
        refusal = targets.find_map(Target::cannot_be_made);
    }
    if refusal.is_none() {
        refusal = beyond_file_limit(needed_bytes(&report, kept.as_ref()), prepared);
    }
    let storage = report.examination.as_deref().and_then(storage_version);
    let release = prepared.request.for_etcd.as_ref();
    Ok(RestorePlan {
        starts: refusal.is_none()
            && release
                .zip(storage.as_ref())
                .is_none_or(|(release, storage)| starts(release, storage)),
        refusal,
        outlook: RestoredObjects::of(input, options)?,
        notes: all_notes(&report, prepared, kept.as_ref()),
        bytes: needed_bytes(&report, kept.as_ref()),
        kept,
        free_bytes: prepared.target.free_bytes(),
        report,
    })
}

/// That no file may become as long as the database, or the log, has to be.
fn beyond_file_limit(needed: u64, prepared: &Prepared) -> Option<OutputError> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Fsize).current?;
    let database = needed.saturating_sub(SEGMENT_LEN.saturating_add(ROOM_FOR_CHANGES));
    let error = io::Error::from(rustix::io::Errno::FBIG);
    (database.max(SEGMENT_LEN) > limit)
        .then(|| OutputError::write("cannot write", prepared.data_dir())(error))
}

/// What an earlier run for the same members left, which was killed: it is named as a whole, so that it can be
/// removed at once.
fn check_no_leftovers(out: &Path, names: &[&String]) -> Result<(), OutputError> {
    let mut left = vec![with_ending(out)];
    left.extend(names.iter().flat_map(|name| stages_of(&out.join(name))));
    // A run that was killed while it gave the names had given some.
    let whole = names.iter().map(|name| out.join(name));
    let whole: Vec<PathBuf> = whole.filter(|data| data.join("member").exists()).collect();
    let made = match whole.is_empty() {
        true => String::new(),
        false => format!("; {} may be of the same run, whole", escape::paths(&whole)),
    };
    check_none_is_left(left, &made)
}

/// The first release that looks at the storage version when it starts.
const CHECKS_STORAGE: (i64, i64) = (3, 6);

fn storage_version(examined: &Examination) -> Option<StorageVersion> {
    let version = examined.contents.meta.storage_version.as_deref()?;
    StorageVersion::parse_lenient(version)
}

/// Whether etcd of this release starts on a database of this storage version.
fn starts(release: &StorageVersion, storage: &StorageVersion) -> bool {
    let release = (release.major, release.minor);
    release < CHECKS_STORAGE || (storage.major, storage.minor) <= release
}

/// Suggested bumps are multiples of it, so that writes after the last known one are covered as well.
const BUMP_STEP: u64 = 1_000_000;

/// Bytes of a data directory made of this file: the database, its changes, the log.
fn needed_bytes(report: &VerifyReport, kept: Option<&KeptFigures>) -> u64 {
    let database = report
        .examination
        .as_ref()
        .and_then(|examined| examined.selected.meta.database_len())
        .unwrap_or(report.layout.database_len);
    let database = kept.map_or(database, |kept| selected::room(report, kept, database));
    database
        .saturating_add(SEGMENT_LEN)
        .saturating_add(ROOM_FOR_CHANGES)
}

/// More than the few pages that change, and the raft snapshot, take.
const ROOM_FOR_CHANGES: u64 = 1 << 20;

/// Whether the file is one to restore from: the verdict is that of `verify`. Where it is a database, the words
/// are those of etcdutl if it has any.
fn judge(input: &Input, report: &VerifyReport, prepared: &Prepared) -> Result<(), OutputError> {
    let request = &prepared.request;
    check_not_in_use(input)?;
    let refuse = |message: String, details: Vec<String>| OutputError::File { message, details };
    let Some(examined) = &report.examination else {
        let message = format!(
            "{}: {} - {}",
            escape::path(input.file.path()),
            report.verdict.title(),
            report.reason
        );
        return Err(refuse(message, vec![report.next_step.clone()]));
    };
    if !request.skip_hash_check
        && let (Some(stored), Some(computed)) = (report.layout.trailer, report.database_sha256)
        && stored != computed
    {
        let list = |bytes: &[u8]| {
            let numbers: Vec<String> = bytes.iter().map(u8::to_string).collect();
            format!("[{}]", numbers.join(" "))
        };
        let message = format!(
            "expected sha256 {}, got {}",
            list(&stored.0),
            list(&computed.0)
        );
        let advice = "take another copy, or restore what is there with `skip_hash_check`";
        return Err(refuse(message, vec![advice.into()]));
    }
    let mut details = first_errors(report);
    if !details.is_empty() {
        if !request.force || request.keep.is_some() {
            details.push(match (&request.keep, request.force) {
                (Some(_), true) => "`force` restores it only whole, without choosing keys".into(),
                _ => "`verify` tells all of it; `force` restores what is there".to_string(),
            });
            return Err(refuse("the file is damaged".into(), details));
        }
        check_something_is_left(examined, details)?;
    }
    if lacks_trailer(input, request) {
        let message = "snapshot missing hash but --skip-hash-check=false".into();
        let what = match report.findings.has_errors() {
            true => "it is damaged, and nothing tells which bytes were saved",
            false => {
                "it is sound as far as can be proven without a SHA-256: a copied member/snap/db has none, nor \
                 has the output of `etcdutl defrag`"
            }
        };
        let details = vec![
            what.into(),
            "`verify` tells what was proven; `skip_hash_check` restores it all the same".into(),
        ];
        return Err(refuse(message, details));
    }
    check_room(examined, prepared)
}

/// True for a file that must have a SHA-256 and has none.
fn lacks_trailer(input: &Input, request: &RestoreRequest) -> bool {
    !request.skip_hash_check && input.layout.trailer.is_none()
}

/// Even --force makes no empty store of a file that had something in it.
fn check_something_is_left(
    examined: &Examination,
    mut details: Vec<String>,
) -> Result<(), OutputError> {
    if examined.records.records > 0 {
        return Ok(());
    }
    details.push("take another copy; what would be made of this one is an empty store".into());
    Err(OutputError::File {
        message: "nothing of the file can be read, so `force` restores nothing".into(),
        details,
    })
}

/// A server must be able to go on from where the file ends.
fn check_room(examined: &Examination, prepared: &Prepared) -> Result<(), OutputError> {
    let request = &prepared.request;
    let compaction = &examined.contents.meta.compaction;
    let current = match request.bump_revision {
        0 => compaction.current(examined.records.last.map_or(0, |last| last.main)),
        // The order to compact is replaced.
        _ => compaction.finished.map_or(0, |finished| finished.main),
    };
    if let Some(message) = changes::lacks_revisions(current) {
        let details = vec!["take an earlier snapshot".into()];
        return Err(OutputError::File { message, details });
    }
    if request.keep.is_none()
        && let Some(message) = changes::lacks_transactions(examined.selected.meta.txid)
    {
        let advice = "`compact` writes the same contents with transaction ids that start over";
        let details = vec![advice.into()];
        return Err(OutputError::File { message, details });
    }
    Ok(())
}

/// All that is to be said: what is chosen first.
fn all_notes(
    report: &VerifyReport,
    prepared: &Prepared,
    kept: Option<&KeptFigures>,
) -> Vec<String> {
    let mut all = kept.map_or_else(Vec::new, |kept| selected::notes(report, prepared, kept));
    all.extend(notes(report, prepared));
    let target = &prepared.target;
    all.extend(target.mode_note());
    if prepared.request.owner.is_none() {
        all.extend(target.owner_note());
    }
    all
}

/// What changes against the snapshot beyond the members, and what an operator should know.
fn notes(report: &VerifyReport, prepared: &Prepared) -> Vec<String> {
    let Some(examined) = &report.examination else {
        return Vec::new();
    };
    let mut notes = Vec::new();
    let contents = &examined.contents;
    for alarm in &contents.alarms {
        let member = format!("{:x}", alarm.member);
        match alarm.kind {
            AlarmKind::NoSpace if !prepared.request.exact => notes.push(format!(
                "the alarm NOSPACE of the old member {member} is left out; with it etcd would refuse writes"
            )),
            AlarmKind::NoSpace => notes.push(format!(
                "the alarm NOSPACE of the old member {member} stays: etcd refuses writes until \
                 `etcdctl alarm disarm`"
            )),
            AlarmKind::Corrupt => notes.push(format!(
                "the alarm CORRUPT of the old member {member} stays: find out why, then `etcdctl alarm disarm`"
            )),
            AlarmKind::None | AlarmKind::Other(_) => {}
        }
    }
    if contents.auth_enabled == Some(true) {
        notes.push("authentication is on: clients need the users of the old cluster".into());
    }
    if !contents.leases.is_empty() {
        let leases = contents.leases.len() as u64;
        notes.push(format!(
            "{} {} kept; etcd gives each its full time again",
            counted(leases, "lease", "leases"),
            is_or_are(leases)
        ));
    }
    let members = contents.members.iter().filter(|member| !member.is_learner);
    let (before, after) = (members.count(), prepared.cluster.members().len());
    if before > 1 && after == 1 {
        notes.push(format!(
            "the snapshot is of a cluster of {before} members, and this restores a cluster of one; for one of \
             {before} name all of them in `initial_cluster`, and use `all_members` or restore each"
        ));
    }
    if let Some(release) = &prepared.request.for_etcd
        && storage_version(examined).is_none_or(|storage| starts(release, &storage))
    {
        let storage = storage_version(examined).map_or_else(
            || "no storage version is stored".to_string(),
            |storage| format!("the storage version is {storage}"),
        );
        notes.push(format!(
            "etcd {}.{} can start from it: {storage}",
            release.major, release.minor
        ));
    }
    if let Some(storage) = storage_version(examined) {
        match &prepared.request.for_etcd {
            Some(release) if !starts(release, &storage) => notes.push(format!(
                "etcd {}.{} will not start: the storage version is {storage}, and it refuses one newer \
                 than its own; use etcd {}.{}",
                release.major, release.minor, storage.major, storage.minor
            )),
            None if (storage.major, storage.minor) > CHECKS_STORAGE => notes.push(format!(
                "the storage version is {storage}: etcd 3.6 and later refuse one newer than their own"
            )),
            _ => {}
        }
    }
    let last = examined.records.last.map_or(0, |last| last.main);
    let current = contents.meta.compaction.current(last);
    notes.extend(distance(&prepared.request, current, last));
    if let Some(target) = &contents.downgrade_target {
        notes.push(format!(
            "a downgrade to {target} was under way when the snapshot was taken"
        ));
    }
    let extra = report
        .layout
        .database_len
        .saturating_sub(examined.selected.meta.database_len().unwrap_or(u64::MAX));
    if extra > 0 {
        notes.push(format!(
            "{} after the database {} left out",
            counted(extra, "unused byte", "unused bytes"),
            is_or_are(extra)
        ));
    }
    // What is left of transaction ids matters to none that is restored: it is refused, or begins again.
    let mut found = report.findings.counts.iter().map(|count| count.code);
    if found.any(|code| code.severity == Severity::Error && code.id != codes::TXID_LIMIT.id) {
        notes.push("the file has errors; what they concern may be lost".into());
    }
    notes
}

/// How far the snapshot, of revision `current` and with `last` as its last record, is from what the cluster
/// had come to.
fn distance(request: &RestoreRequest, current: i64, last: i64) -> Option<String> {
    let live = request.live_revision?;
    let what = match &request.newer {
        Some(name) => format!("{name} (revision {live})"),
        None => format!("revision {live}"),
    };
    let back = live.saturating_sub(current);
    Some(match back {
        1.. => {
            let bump = live.saturating_sub(last).max(1).unsigned_abs();
            let bump = bump.div_ceil(BUMP_STEP).saturating_mul(BUMP_STEP);
            let revisions = counted(back.unsigned_abs(), "revision", "revisions");
            format!(
                "the snapshot is {revisions} behind {live}: clients that know later ones need \
                 `bump_revision` {bump} `mark_compacted`"
            )
        }
        0 => format!("the snapshot is as new as {what}: nothing is missing up to there"),
        _ => format!(
            "{what} is older than the snapshot, by {}: it does not show what came later",
            counted(back.unsigned_abs(), "revision", "revisions")
        ),
    })
}
