//! `version`: as `etcdutl version`.

use super::exit::Exit;
use super::run::{Run, print};

const EXAMPLES: &str = "\
Example:
  etcdsnap version
";

/// Print the version of this program, and the etcd release whose answers it gives
#[derive(Debug, clap::Args)]
#[command(after_help = super::help(EXAMPLES))]
pub(super) struct VersionArgs {}

pub(super) fn run(_: &VersionArgs, run: &Run) -> Exit {
    let version = env!("CARGO_PKG_VERSION");
    let release = run.release();
    print(
        &format!("etcdsnap version: {version}\nAPI version: {release}\n"),
        Exit::Fine,
    )
}
