//! `snapshot status`, `snapshot restore` and `snapshot hashkv`: the spelling of etcdctl and etcdutl, so that an alias to this program works.

use super::exit::Exit;
use super::run::Run;
use super::{hashkv, restore, status};

const EXAMPLES: &str = "\
Examples:
  etcdsnap snapshot status snapshot.db
  etcdsnap snapshot restore snapshot.db --data-dir /var/lib/etcd
  alias etcdutl=etcdsnap; etcdutl --write-out=table snapshot status snapshot.db
";

/// The commands of `etcdutl snapshot`, for scripts that call it
#[derive(Debug, clap::Args)]
#[command(after_help = super::help(EXAMPLES))]
pub(super) struct SnapshotArgs {
    #[command(subcommand)]
    command: SnapshotCommand,
}

#[derive(Debug, clap::Subcommand)]
enum SnapshotCommand {
    Status(status::StatusArgs),
    Restore(Box<restore::RestoreArgs>),
    Hashkv(hashkv::HashkvArgs),
}

pub(super) fn run(args: &SnapshotArgs, run: &Run) -> Exit {
    match &args.command {
        SnapshotCommand::Status(args) => status::run(args, run),
        SnapshotCommand::Restore(args) => restore::run(args, run),
        SnapshotCommand::Hashkv(args) => hashkv::run(args, run),
    }
}
