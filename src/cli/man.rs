//! `man`: manual pages.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use clap::builder::Resettable;
use clap::{Command, CommandFactory as _};
use clap_mangen::Man;

use super::exit::Exit;
use super::run;
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
    let mut all = Cli::command().disable_help_subcommand(true);
    all.build();
    match write_pages(&all, &args.dir) {
        Ok(()) => Exit::Fine,
        Err(error) => {
            term::error(&format!(
                "{}: {}",
                escape::path(&args.dir),
                run::reason(&error)
            ));
            Exit::Failed
        }
    }
}

/// Writes the pages of a command and of those beneath it.
fn write_pages(command: &Command, dir: &Path) -> io::Result<()> {
    for inner in command.get_subcommands().filter(|one| !one.is_hide_set()) {
        write_pages(inner, dir)?;
    }
    let help = command.get_after_long_help().or(command.get_after_help());
    let sections = sections(&help.map(ToString::to_string).unwrap_or_default());
    let page = command
        .clone()
        .after_help(Resettable::Reset)
        .after_long_help(Resettable::Reset);
    let page = Man::new(page)
        .source(concat!("etcdsnap ", env!("CARGO_PKG_VERSION")))
        .manual("etcdsnap manual");
    let mut text = Vec::new();
    page.render(&mut text)?;
    text.extend_from_slice(sections.as_bytes());
    fs::write(dir.join(page.get_filename()), text)
}

/// What stands behind the options in help, as sections: blocks beneath a head such as `Examples:` line by line as they are,
/// others as text.
fn sections(help: &str) -> String {
    let mut out = String::new();
    let mut has_notes = false;
    for block in help.split("\n\n").map(|block| block.trim_matches('\n')) {
        let (first, rest) = block.split_once('\n').unwrap_or((block, ""));
        let head = first
            .strip_suffix(':')
            .filter(|head| !head.starts_with(' ') && head.len() <= 20);
        // Writing to a String cannot fail.
        let _ = match head {
            Some(head) => {
                has_notes = false;
                let lines = roff_text(rest);
                write!(out, ".SH {}\n.nf\n{lines}.fi\n", head.to_uppercase())
            }
            None if block.is_empty() => Ok(()),
            None => {
                let head = if has_notes { ".PP" } else { ".SH NOTES" };
                has_notes = true;
                write!(out, "{head}\n{}", roff_text(block))
            }
        };
    }
    out
}

/// Lines of text for roff, which takes backslashes, dashes, and dots and quotes in front for something else.
fn roff_text(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        if line.starts_with(['.', '\'']) {
            out.push_str("\\&");
        }
        for c in line.chars() {
            match c {
                '\\' => out.push_str("\\e"),
                '-' => out.push_str("\\-"),
                '\'' => out.push_str("\\(aq"),
                '`' => out.push_str("\\(ga"),
                c => out.push(c),
            }
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_with_a_head_stay_line_by_line_and_others_are_text() {
        let help = "Examples:\n  a --b   c\n  'd' \\n\n\n.e is\na note.\n\nand f\n\nExit status:\n  0  fine";
        assert_eq!(
            sections(help),
            ".SH EXAMPLES\n.nf\n  a \\-\\-b   c\n  \\(aqd\\(aq \\en\n.fi\n.SH NOTES\n\\&.e is\na note.\n.PP\nand f\n\
             .SH EXIT STATUS\n.nf\n  0  fine\n.fi\n"
        );
    }
}
