//! `snapshot status`: the spelling of etcdctl and etcdutl, so that an alias to this program works.

use super::exit::Exit;
use super::run::Run;
use super::status;

/// The commands of etcdutl's `snapshot`, for scripts that call it
#[derive(Debug, clap::Args)]
pub(super) struct SnapshotArgs {
    #[command(subcommand)]
    command: SnapshotCommand,
}

#[derive(Debug, clap::Subcommand)]
enum SnapshotCommand {
    Status(status::StatusArgs),
}

/// Flags that etcdctl's users have in their scripts and that mean nothing for a file.
#[derive(Debug, clap::Args)]
pub(super) struct IgnoredArgs {
    #[arg(long, global = true, hide = true)]
    endpoints: Option<String>,
    #[arg(long, global = true, hide = true)]
    cacert: Option<String>,
    #[arg(long, global = true, hide = true)]
    cert: Option<String>,
    #[arg(long, global = true, hide = true)]
    key: Option<String>,
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
    }
}
