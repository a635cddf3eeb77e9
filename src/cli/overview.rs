//! The overview of `--help`: commands by what they are for.

use std::fmt::Write as _;

use clap::builder::StyledStr;
use clap::{Command, CommandFactory as _};

use super::Cli;
use crate::report;

/// Lines are no longer than this.
const COLUMNS: usize = 80;

/// Every command that is not hidden, in groups.
const GROUPS: [(&str, &[&str]); 5] = [
    ("Check", &["verify", "status", "hashkv", "contains"]),
    (
        "Look",
        &[
            "info",
            "kinds",
            "objects",
            "describe",
            "keys",
            "get",
            "grep",
            "encryption",
        ],
    ),
    ("Compare", &["diff", "divergence", "log", "history", "show"]),
    ("Restore", &["restore", "export"]),
    (
        "Low level",
        &[
            "decode",
            "wal",
            "compact",
            "trailer",
            "snapshot",
            "version",
            "completions",
            "man",
            "help",
        ],
    ),
];

/// What `help` is for, which the parser adds when it runs, in its words.
const HELP: &str = "Print this message or the help of the given subcommand(s)";

/// The command line with its overview.
pub(super) fn command() -> Command {
    let command = Cli::command();
    let overview = overview(&command);
    command.help_template(overview)
}

fn overview(command: &Command) -> StyledStr {
    let header = command.get_styles().get_header();
    let literal = command.get_styles().get_literal();
    let mut template = String::from("{before-help}{about-with-newline}\n{usage-heading} {usage}\n");
    let width = command
        .get_subcommands()
        .map(|command| command.get_name().len())
        .max()
        .unwrap_or_default();
    for (group, names) in GROUPS {
        // Writing to a String cannot fail.
        let _ = write!(template, "\n{header}{group}:{header:#}\n");
        for name in names {
            let about = command.find_subcommand(name).and_then(Command::get_about);
            let about = about.map_or(HELP.into(), ToString::to_string);
            let gap = width.saturating_sub(name.len());
            let line = format!("  {literal}{name}{literal:#}{:gap$}  {about}\n", "");
            template.push_str(&report::wrapped(&line, COLUMNS));
        }
    }
    let _ = write!(
        template,
        "\n{header}Options:{header:#}\n{{options}}{{after-help}}"
    );
    template.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_in_one_group() {
        let mut built = Cli::command();
        built.build();
        let visible = built
            .get_subcommands()
            .filter(|command| !command.is_hide_set());
        let mut names: Vec<&str> = visible.map(Command::get_name).collect();
        let mut grouped: Vec<&str> = GROUPS
            .iter()
            .flat_map(|(_, names)| *names)
            .copied()
            .collect();
        names.sort_unstable();
        grouped.sort_unstable();
        assert_eq!(grouped, names);
        let help = built.find_subcommand("help").and_then(Command::get_about);
        assert_eq!(help.map(ToString::to_string).as_deref(), Some(HELP));
    }
}
