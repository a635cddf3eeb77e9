//! `completions`: scripts for shells.

use clap::CommandFactory as _;

use super::Cli;
use super::exit::Exit;
use super::run::print;

const EXAMPLES: &str = "\
Example:
  etcdsnap completions bash > /etc/bash_completion.d/etcdsnap
";

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = super::help(EXAMPLES))]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: clap_complete::Shell,
    /// Means nothing here: only shells that show descriptions get them
    #[arg(long, hide = true)]
    no_descriptions: bool,
}

pub(super) fn run(args: &CompletionsArgs) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "etcdsnap", &mut script);
    print(&String::from_utf8_lossy(&script), Exit::Fine)
}
