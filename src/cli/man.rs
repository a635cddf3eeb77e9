//! `man`: manual pages.

use std::path::PathBuf;

use clap::CommandFactory as _;

use super::exit::Exit;
use super::{Cli, EXIT_HELP, term};
use crate::finding::escape;

/// Write a manual page for each command into a directory
#[derive(Debug, clap::Args)]
#[command(after_help = format!("Example:\n  etcdsnap man /usr/local/share/man/man1\n\n{EXIT_HELP}"))]
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
