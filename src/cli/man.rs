//! `man`: manual pages.

use std::path::PathBuf;

use clap::CommandFactory as _;

use super::exit::Exit;
use super::{Cli, term};
use crate::finding::escape;

const EXAMPLES: &str = "\
Example:
  etcdsnap man /usr/local/share/man/man1
";

/// Write a manual page for each command into a directory
#[derive(Debug, clap::Args)]
#[command(after_help = super::help(EXAMPLES))]
pub(super) struct ManArgs {
    /// The directory; it must exist
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

pub(super) fn run(args: &ManArgs) -> Exit {
    match clap_mangen::generate_to(Cli::command(), &args.dir) {
        Ok(()) => Exit::Fine,
        Err(error) => {
            term::error(&format!("{}: {error}", escape::path(&args.dir)));
            Exit::Failed
        }
    }
}
