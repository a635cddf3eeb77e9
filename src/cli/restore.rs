//! `restore`: a data directory from a snapshot.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use super::etcd_habits::unsigned;
use super::exit::Exit;
use super::offered::offered;
use super::open::Access;
use super::run::{Asked, Run, not_made, print_report};
use super::term;
use crate::error::Error;
use crate::etcd::Release;
use crate::etcd::raft::WalForm;
use crate::etcd::schema::StorageVersion;
use crate::finding::escape;
use crate::ops::make::restore::{Prepared, RestoreRequest, plan, restore_members};
use crate::ops::{KeptFigures, KeyScope, OutputError};
use crate::report;

const EXAMPLES: &str = "\
Examples:
  etcdsnap restore snapshot.db --data-dir /var/lib/etcd
  etcdsnap restore snapshot.db --plan
  etcdsnap restore snapshot.db --name m1 --data-dir m1.etcd \\
    --initial-cluster m1=http://10.0.0.1:2380,m2=http://10.0.0.2:2380 \\
    --initial-advertise-peer-urls http://10.0.0.1:2380
  etcdsnap restore snapshot.db --all-members --out members/ \\
    --initial-cluster m1=http://10.0.0.1:2380,m2=http://10.0.0.2:2380
  etcdsnap restore snapshot.db --data-dir new/ --exclude /registry/events/

The file is checked as by `etcdsnap verify`, and nothing gets its final name before it has
passed. What is not finished is in a folder whose name ends in `.partial`.
";

/// Create a data directory that etcd starts from
#[derive(Debug, clap::Args)]
#[command(after_help = super::help(EXAMPLES), args_override_self = true)]
pub(super) struct RestoreArgs {
    /// The snapshot
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The data directory; must not exist or be empty [default: NAME.etcd]
    #[arg(long, value_name = "DIR", conflicts_with = "out")]
    data_dir: Option<PathBuf>,
    /// The directory of the log; must not exist [default: DATA-DIR/member/wal]
    #[arg(long, value_name = "DIR", conflicts_with = "all_members")]
    wal_dir: Option<PathBuf>,
    /// Name of this member
    #[arg(long, value_name = "NAME", default_value = "default")]
    name: String,
    /// All members with their peer URLs
    #[arg(
        long,
        value_name = "NAME=URL,...",
        default_value = "default=http://localhost:2380"
    )]
    initial_cluster: String,
    /// Token of the new cluster, which keeps it apart from others
    #[arg(long, value_name = "TOKEN", default_value = "etcd-cluster")]
    initial_cluster_token: String,
    /// Peer URLs of this member
    #[arg(
        long,
        value_name = "URL,...",
        default_value = "http://localhost:2380",
        conflicts_with = "all_members"
    )]
    initial_advertise_peer_urls: String,
    /// Restore a file whose SHA-256 is missing or does not match
    #[arg(long)]
    skip_hash_check: bool,
    /// Raise the revision by N, past any that clients have seen
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, value_parser = unsigned)]
    bump_revision: u64,
    /// Mark everything up to the raised revision as compacted; needed with --bump-revision
    #[arg(long)]
    mark_compacted: bool,
    /// Restore despite errors in structure or records; what they affect may be lost
    #[arg(long)]
    force: bool,
    /// Check and report what would be done; write nothing
    #[arg(long)]
    plan: bool,
    /// The revision the cluster had reached; reports how far behind the file is
    #[arg(long, value_name = "REVISION")]
    live_revision: Option<i64>,
    /// A later backup or database of the same cluster; reports how far behind it the file is
    #[arg(long, value_name = "FILE", conflicts_with = "live_revision")]
    newer: Option<PathBuf>,
    /// The etcd release that will start from the directory; with --plan, exit 1 if it would not start
    #[arg(
        long,
        value_name = "VERSION",
        hide_possible_values = true,
        value_parser = offered(release, &[&["3.4", "3.5", "3.6", "3.7"]])
    )]
    for_etcd: Option<StorageVersion>,
    /// One line of JSON
    #[arg(long)]
    json: bool,
    /// One directory per member of --initial-cluster, named after it
    #[arg(long, requires = "out")]
    all_members: bool,
    /// Where to create the directories of --all-members
    #[arg(long, value_name = "DIR", requires = "all_members")]
    out: Option<PathBuf>,
    /// Leave in the database what etcdutl leaves: a stale alarm, the old raft configuration
    #[arg(long)]
    exact: bool,
    /// Owner of the new files: user and group by name or number
    #[arg(long, value_name = "USER[:GROUP]", value_parser = owner)]
    owner: Option<Owner>,
    /// Restore only keys with this prefix, with their newest records; may be repeated
    #[arg(long, value_name = "PREFIX", help_heading = "Choosing keys")]
    prefix: Vec<OsString>,
    /// Leave out keys with this prefix, and all history; may be repeated
    #[arg(long, value_name = "PREFIX", help_heading = "Choosing keys")]
    exclude: Vec<OsString>,
    /// Restore only the newest record of each key, and no free pages
    #[arg(long, help_heading = "Choosing keys")]
    compact: bool,
    #[arg(long, hide = true, value_parser = unsigned)]
    initial_memory_map_size: Option<u64>,
}

fn release(text: &str) -> Result<StorageVersion, String> {
    StorageVersion::parse_lenient(text.trim_start_matches('v').as_bytes())
        .ok_or_else(|| "a version is like 3.5 or 3.6.14".into())
}

/// The form of log and raft snapshot that this release writes. Every server reads that of 3.6.
fn form(release: Option<Release>) -> WalForm {
    match release {
        Some(Release::V3_4) => WalForm::V34,
        Some(Release::V3_7 | Release::V3_8) => WalForm::V37,
        Some(Release::V3_5 | Release::V3_6) | None => WalForm::V36,
    }
}

/// User and group as numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Owner {
    user: u32,
    group: Option<u32>,
}

fn owner(text: &str) -> Result<Owner, String> {
    let (user, group) = match text.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (text, None),
    };
    Ok(Owner {
        user: number(user, "/etc/passwd").ok_or_else(|| format!("there is no user {user:?}"))?,
        group: match group {
            Some(group) => Some(
                number(group, "/etc/group")
                    .ok_or_else(|| format!("there is no group {group:?}"))?,
            ),
            None => None,
        },
    })
}

/// A number as it is, or that of a name: both files have it in the third column.
fn number(text: &str, file: &str) -> Option<u32> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let lines = std::fs::read_to_string(file).ok()?;
    let mut columns = lines.lines().map(|line| line.split(':'));
    columns.find_map(|mut columns| {
        let is_it = !text.is_empty() && columns.next() == Some(text);
        is_it.then(|| columns.nth(1)?.parse().ok())?
    })
}

impl RestoreArgs {
    fn request(&self, live_revision: Option<i64>, release: Option<Release>) -> RestoreRequest {
        RestoreRequest {
            name: self.name.clone(),
            initial_cluster: self.initial_cluster.clone(),
            token: self.initial_cluster_token.clone(),
            advertise: self.initial_advertise_peer_urls.clone(),
            data_dir: self.data_dir.clone(),
            wal_dir: self.wal_dir.clone(),
            skip_hash_check: self.skip_hash_check,
            force: self.force,
            bump_revision: self.bump_revision,
            mark_compacted: self.mark_compacted,
            form: form(release),
            exact: self.exact,
            live_revision,
            newer: self.newer.as_deref().map(escape::path),
            for_etcd: self.for_etcd.clone(),
            keep: self.keep(),
            owner: self.owner.map(|owner| (owner.user, owner.group)),
        }
    }

    /// Which keys are to be restored, if not everything is.
    fn keep(&self) -> Option<KeyScope> {
        let bytes =
            |words: &[OsString]| words.iter().map(|word| word.as_bytes().to_vec()).collect();
        let scope = KeyScope {
            prefixes: bytes(&self.prefix),
            excludes: bytes(&self.exclude),
        };
        (self.compact || !scope.is_everything()).then_some(scope)
    }

    /// What is to be made: one directory, or one per member.
    fn prepare(
        &self,
        live_revision: Option<i64>,
        release: Option<Release>,
    ) -> Result<Vec<Prepared>, OutputError> {
        let request = self.request(live_revision, release);
        match &self.out {
            Some(out) => Prepared::all_members(&request, out),
            None => Prepared::new(request).map(|one| vec![one]),
        }
    }

    /// The revision that the cluster had reached, as far as we are told.
    fn live_revision(&self, run: &Run) -> Result<Option<i64>, Exit> {
        let Some(newer) = &self.newer else {
            return Ok(self.live_revision);
        };
        let asked = run.beside(|| run.ask(newer, Access::Map, |session| session.bounds()));
        match asked {
            Ok(Asked::Done(_, findings)) if findings.has_errors() => {
                term::error(&format!(
                    "{}: damage hides its newest revision; give it as --live-revision, or another file",
                    escape::path(newer)
                ));
                Err(Exit::Failed)
            }
            Ok(Asked::Done(bounds, _)) => Ok(Some(bounds.current)),
            Ok(Asked::Refused(refusal)) => {
                term::error(&format!("{}: {}", escape::path(newer), refusal.message));
                Err(Exit::Failed)
            }
            Err(error) => Err(super::run::fail(&error, newer)),
        }
    }

    fn is_json(&self, run: &Run) -> bool {
        run.wants_json(self.json)
    }
}

pub(super) fn run(args: &RestoreArgs, run: &Run) -> Exit {
    if args.initial_memory_map_size.is_some() {
        term::line("note: --initial-memory-map-size changes nothing here");
    }
    let live_revision = match args.live_revision(run) {
        Ok(live_revision) => live_revision,
        Err(exit) => return exit,
    };
    let prepared = match args.prepare(live_revision, run.compat()) {
        Ok(prepared) => prepared,
        Err(error) => return not_made(error, &args.file),
    };
    let outcome = run.with_input(&args.file, Access::Map, |input, options| {
        if args.plan {
            return Ok(plan_all(args, run, input, &prepared, options));
        }
        Ok(restore_all(args, run, input, &prepared, options))
    });
    match outcome {
        Ok(Ok(exit)) => exit,
        Ok(Err(error)) => not_made(error, &args.file),
        Err(Error::Open { path, source }) if source.kind() == std::io::ErrorKind::NotFound => {
            // etcdutl opens the file here, where `status` looks it up.
            let path = escape::path(&path);
            term::error(&format!("open {path}: no such file or directory"));
            Exit::Failed
        }
        Err(error) => super::run::fail(&error, &args.file),
    }
}

type Outcome = Result<Exit, OutputError>;

fn plan_all(
    args: &RestoreArgs,
    run: &Run,
    input: &crate::ops::Input,
    prepared: &[Prepared],
    options: &crate::options::Options,
) -> Outcome {
    let plan = plan(input, prepared, options)?;
    let file = escape::path(&args.file);
    let text = if args.is_json(run) {
        report::restore_plan_json(&plan, prepared, &file)
    } else {
        report::restore_plan_text(&plan, prepared, &file)
    };
    let exit = match &plan.refusal {
        Some(OutputError::InUse { .. }) => Exit::Failed,
        None if plan.starts => Exit::Fine,
        _ => Exit::Findings,
    };
    let exit = exit.max(tell_unmatched(args, plan.kept.as_ref()));
    Ok(print_report(&text, args.is_json(run), exit))
}

fn restore_all(
    args: &RestoreArgs,
    run: &Run,
    input: &crate::ops::Input,
    prepared: &[Prepared],
    options: &crate::options::Options,
) -> Outcome {
    let restored = restore_members(input, prepared, options)?;
    let file = escape::path(&args.file);
    let report = match args.is_json(run) {
        true => report::restored_json,
        false => report::restored_text,
    };
    let all = restored.iter().zip(prepared);
    let text: String = all
        .map(|(restored, prepared)| report(restored, prepared, &file))
        .collect();
    // All are made of the same keys.
    let kept = restored.first().and_then(|restored| restored.kept.as_ref());
    let exit = tell_unmatched(args, kept.map(|kept| &kept.figures));
    Ok(print_report(&text, args.is_json(run), exit))
}

/// Names the prefixes that were to be restored and that no key begins with. Where there is nothing to leave out, what
/// was asked for is done, and the report has a note of it.
fn tell_unmatched(args: &RestoreArgs, kept: Option<&KeptFigures>) -> Exit {
    let unmatched = kept.iter().flat_map(|kept| &kept.unmatched);
    let is_wanted = |prefix: &&[u8]| {
        args.prefix
            .iter()
            .any(|wanted| wanted.as_bytes() == *prefix)
    };
    let missing: BTreeSet<&[u8]> = unmatched.map(Vec::as_slice).filter(is_wanted).collect();
    for prefix in &missing {
        term::error(&format!("no key begins with {}", escape::text(prefix)));
    }
    match missing.is_empty() {
        true => Exit::Fine,
        false => Exit::Findings,
    }
}
