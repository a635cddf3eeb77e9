//! `snapshot status` and `snapshot restore`: the spelling of etcdctl and etcdutl, so that an alias to this program works.

use super::exit::Exit;
use super::run::Run;
use super::{restore, status};

const EXAMPLES: &str = "\
Examples:
  etcdsnap snapshot status snapshot.db
  etcdsnap snapshot restore snapshot.db --data-dir /var/lib/etcd
  alias etcdutl=etcdsnap; etcdutl --write-out=table snapshot status snapshot.db
";

/// The commands of etcdutl's `snapshot`, for scripts that call it
#[derive(Debug, clap::Args)]
#[command(after_help = super::help(EXAMPLES))]
pub(super) struct SnapshotArgs {
    #[command(flatten)]
    _ignored: IgnoredInside,
    #[command(subcommand)]
    command: SnapshotCommand,
}

#[derive(Debug, clap::Subcommand)]
enum SnapshotCommand {
    Status(status::StatusArgs),
    Restore(Box<restore::RestoreArgs>),
}

/// Flags that etcdctl's users have in their scripts and that mean nothing for a file. These stand before
/// the command.
#[derive(Debug, clap::Args)]
pub(super) struct IgnoredArgs {
    #[arg(long, hide = true)]
    endpoints: Option<String>,
    #[arg(long, hide = true)]
    cacert: Option<String>,
    #[arg(long, hide = true)]
    cert: Option<String>,
    #[arg(long, hide = true)]
    key: Option<String>,
}

/// The same behind `snapshot`. They are not global, so that other commands may use the names.
#[derive(Debug, clap::Args)]
struct IgnoredInside {
    #[arg(id = "inner_endpoints", long = "endpoints", global = true, hide = true)]
    _endpoints: Option<String>,
    #[arg(id = "inner_cacert", long = "cacert", global = true, hide = true)]
    _cacert: Option<String>,
    #[arg(id = "inner_cert", long = "cert", global = true, hide = true)]
    _cert: Option<String>,
    #[arg(id = "inner_key", long = "key", global = true, hide = true)]
    _key: Option<String>,
}

impl IgnoredArgs {
    /// The first of them that was given.
    pub(super) fn first(&self) -> Option<&'static str> {
        [
            (&self.endpoints, "--endpoints"),
            (&self.cacert, "--cacert"),
            (&self.cert, "--cert"),
            (&self.key, "--key"),
        ]
        .into_iter()
        .find_map(|(value, name)| value.is_some().then_some(name))
    }
}

pub(super) fn run(args: &SnapshotArgs, run: &Run) -> Exit {
    match &args.command {
        SnapshotCommand::Status(args) => status::run(args, run),
        SnapshotCommand::Restore(args) => restore::run(args, run),
    }
}
