//! `completions`: scripts for shells.

use clap::CommandFactory as _;

use super::exit::Exit;
use super::run::print;
use super::{Cli, EXIT_HELP};

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = format!("Example:\n  etcdsnap completions bash > /etc/bash_completion.d/etcdsnap\n\n{EXIT_HELP}"))]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: clap_complete::Shell,
}

pub(super) fn run(args: &CompletionsArgs) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "etcdsnap", &mut script);
    print(&String::from_utf8_lossy(&script), Exit::Fine)
}
