//! `version`: as `etcdutl version`.

use super::exit::Exit;
use super::run::{Run, print};
use crate::report;

const EXAMPLES: &str = "\
Examples:
  etcdsnap version
  etcdsnap version --json
";

/// Print the version of this program and of the etcd release that it imitates
#[derive(Debug, clap::Args)]
#[command(after_help = super::help(EXAMPLES))]
pub(super) struct VersionArgs {
    /// One line of JSON
    #[arg(long)]
    json: bool,
    /// Means nothing, as with etcd's tools
    #[arg(hide = true)]
    _words: Vec<String>,
}

pub(super) fn run(args: &VersionArgs, run: &Run) -> Exit {
    let version = env!("CARGO_PKG_VERSION");
    let release = run.release();
    if args.json {
        return print(
            &report::version_json(version, release.to_string()),
            Exit::Fine,
        );
    }
    print(
        &format!("etcdsnap version: {version}\nAPI version: {release}\n"),
        Exit::Fine,
    )
}
