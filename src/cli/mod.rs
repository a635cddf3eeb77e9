//! The command line: arguments, exit statuses, the terminal. One file per command.

mod absent;
mod compact;
mod completions;
mod contains;
mod decode;
mod describe;
mod diff;
mod divergence;
mod encryption;
mod etcd_habits;
mod exit;
mod export;
mod get;
mod grep;
mod hashkv;
mod history;
mod info;
mod interrupt;
mod keys;
mod kinds;
mod log;
mod man;
mod objects;
mod offered;
mod open;
mod overview;
mod pager;
mod progress;
mod reader;
mod refusal;
mod restore;
mod run;
mod show;
mod snapshot;
mod status;
mod term;
mod time_bound;
mod trailer;
mod verify;
mod version;
mod wal;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::etcd::Release;
use crate::finding::escape;
use exit::Exit;
use offered::offered;
use run::Run;

/// Exit statuses, shown with every command's help.
const EXIT_HELP: &str = "\
Exit status:
  0    fine
  1    findings of severity error, or no answer because of damage; what was asked for
       and is not there; a value that no key opens
  2    could not do it: usage, missing or unreadable file, file changed meanwhile
  130  interrupted";

const EXAMPLES: &str = "\
Examples:
  etcdsnap verify snapshot.db              will this file restore?
  etcdsnap info snapshot.db                what is in it?
  etcdsnap status -w table snapshot.db     the same output as etcdutl snapshot status
  etcdsnap hashkv --rev 4711 snapshot.db   the same output as etcdutl hashkv
";

/// The end of a command's help: its examples, then what all commands have in common.
fn help(examples: &str) -> String {
    format!("{examples}\n{EXIT_HELP}")
}

/// Read, verify and explain etcd v3 snapshot files.
///
/// Works on snapshots, on the database of a data directory (member/snap/db), and on data directories.
/// Needs no etcd, never writes to its input.
#[derive(Debug, Parser)]
#[command(name = "etcdsnap", version, after_help = help(EXAMPLES), max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

/// Arguments that stand before or after the command.
#[derive(Debug, clap::Args)]
struct GlobalArgs {
    /// Output format: simple or json; table and fields too for commands that mirror etcd's tools
    #[arg(
        short = 'w',
        long = "write-out",
        value_name = "FORMAT",
        global = true,
        help_heading = "Output",
        hide_possible_values = true,
        value_parser = offered(|text| Ok(text.to_owned()), &[&["simple", "json", "table", "fields"]])
    )]
    write_out: Option<String>,
    /// Worker threads, at most 16 or four per core [default: one per core]
    #[arg(long, value_name = "N", global = true, help_heading = "Reading")]
    threads: Option<std::num::NonZeroUsize>,
    /// Read through a memory map
    #[arg(
        long,
        global = true,
        conflicts_with = "no_mmap",
        help_heading = "Reading"
    )]
    mmap: bool,
    /// Read with positioned reads, never through a memory map
    #[arg(long, global = true, help_heading = "Reading")]
    no_mmap: bool,
    /// Answer as this etcd release: 3.4, 3.5, 3.6, 3.7 or 3.8 [default: $ETCDSNAP_COMPAT, else 3.7]
    #[arg(
        long,
        value_name = "RELEASE",
        global = true,
        help_heading = "Output",
        hide_possible_values = true,
        value_parser = offered(str::parse::<Release>, &[&["3.4", "3.5", "3.6", "3.7", "3.8"]])
    )]
    compat: Option<Release>,
    /// Never give long output on a terminal to $PAGER
    #[arg(long, global = true, help_heading = "Output")]
    no_pager: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Status(status::StatusArgs),
    Hashkv(hashkv::HashkvArgs),
    Verify(verify::VerifyArgs),
    Info(info::InfoArgs),
    Keys(keys::KeysArgs),
    Compact(compact::CompactArgs),
    Contains(contains::ContainsArgs),
    Decode(decode::DecodeArgs),
    Describe(describe::DescribeArgs),
    Diff(diff::DiffArgs),
    Divergence(divergence::DivergenceArgs),
    Encryption(encryption::EncryptionArgs),
    Export(export::ExportArgs),
    Get(get::GetArgs),
    Grep(grep::GrepArgs),
    History(history::HistoryArgs),
    Kinds(kinds::KindsArgs),
    Log(log::LogArgs),
    Objects(objects::ObjectsArgs),
    Restore(restore::RestoreArgs),
    Show(show::ShowArgs),
    Snapshot(snapshot::SnapshotArgs),
    Trailer(trailer::TrailerArgs),
    Version(version::VersionArgs),
    Wal(wal::WalArgs),
    #[command(visible_alias = "completion")]
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

/// What the parser says of wrong arguments. It repeats them and leaves out what would colour a terminal, so they are made
/// visible before.
fn usage_message(error: &clap::Error, arguments: &[OsString]) -> String {
    let visible = arguments.iter().map(|argument| {
        let text = argument.to_string_lossy();
        escape::report(&text).replace('\n', "\\n")
    });
    let again = parsed(visible).err();
    let again = again.filter(|again| again.kind() == error.kind());
    let message = again.as_ref().unwrap_or(error).render().to_string();
    // That a flag which does not exist can be passed as a value helps nobody.
    let lines = message.lines();
    let lines: Vec<&str> = lines
        .filter(|line| !line.trim_start().starts_with("tip: to pass "))
        .collect();
    let mut message = lines
        .join("\n")
        .replace("\n\n\n", "\n\n")
        .trim_end()
        .to_owned();
    for (of_rust, ours) in NUMBERS {
        message = message.replace(of_rust, ours);
    }
    if let Some(tip) = etcd_habits::tip(arguments) {
        message.push_str(&format!("\n\n{tip}"));
    }
    message
}

/// What the parser says of numbers, in the words of its language, and what it means.
const NUMBERS: [(&str, &str); 6] = [
    ("invalid digit found in string", "not a whole number"),
    (
        "cannot parse integer from empty string",
        "the number is missing",
    ),
    (
        "number too large to fit in target type",
        "the number is too large",
    ),
    (
        "number too small to fit in target type",
        "the number is too small",
    ),
    (
        "number would be zero for non-zero type",
        "it must be at least 1",
    ),
    (
        "provided string was not `true` or `false`",
        "neither true nor false",
    ),
];

/// What the arguments mean.
fn parsed<I, T>(arguments: I) -> Result<Cli, clap::Error>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let matches = overview::command().try_get_matches_from(arguments)?;
    Cli::from_arg_matches(&matches)
}

/// One word, not empty.
pub(crate) fn word(text: &str) -> Result<String, String> {
    match text.contains(',') {
        true => Err("it must be one, without a comma; `objects` takes several".into()),
        false => words(text),
    }
}

/// Words with commas between them, none of them empty: an empty one would ask for nothing, or for everything, and is a slip,
/// such as a variable that is not set.
pub(crate) fn words(text: &str) -> Result<String, String> {
    match text.split(',').any(str::is_empty) {
        true => Err("a word is empty; leave the option out to ask for all".into()),
        false => Ok(text.to_owned()),
    }
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    crate::source::install_fault_handler();
    let cancel = Arc::new(AtomicBool::new(false));
    interrupt::install(&cancel);
    let arguments: Vec<_> = std::env::args_os().collect();
    if asks_for_json(&arguments, &Cli::command()) {
        term::errors_as_json();
    }
    let failed = || run::finish(term::errors_told(Exit::Failed), Exit::Failed).into();
    let arguments = match etcd_habits::translated(arguments, &Cli::command()) {
        Ok(arguments) => arguments,
        Err(refusal) => {
            term::error(&refusal);
            return failed();
        }
    };
    let cli = match parsed(&arguments) {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => {
            let message = usage_message(&error, &arguments);
            term::line(&message);
            term::usage_error(&message);
            return failed();
        }
        Err(help) => {
            // Help into a closed pipe is not a failure.
            let _ = help.print();
            return Exit::Fine.into();
        }
    };
    let run = match Run::new(&cli.global, cancel) {
        Ok(run) => run,
        Err(message) => {
            term::error(&message);
            return failed();
        }
    };
    if !cli.global.no_pager {
        pager::allow();
    }
    let exit = match cli.command {
        Command::Status(args) => status::run(&args, &run),
        Command::Snapshot(args) => snapshot::run(&args, &run),
        Command::Hashkv(args) => hashkv::run(&args, &run),
        Command::Verify(args) => verify::run(&args, &run),
        Command::Info(args) => info::run(&args, &run),
        Command::Keys(args) => keys::run(&args, &run),
        Command::Compact(args) => compact::run(&args, &run),
        Command::Contains(args) => contains::run(&args, &run),
        Command::Decode(args) => decode::run(&args, &run),
        Command::Describe(args) => describe::run(&args, &run),
        Command::Diff(args) => diff::run(&args, &run),
        Command::Divergence(args) => divergence::run(&args, &run),
        Command::Encryption(args) => encryption::run(&args, &run),
        Command::Export(args) => export::run(&args, &run),
        Command::Get(args) => get::run(&args, &run),
        Command::Grep(args) => grep::run(&args, &run),
        Command::History(args) => history::run(&args, &run),
        Command::Kinds(args) => kinds::run(&args, &run),
        Command::Log(args) => log::run(&args, &run),
        Command::Objects(args) => objects::run(&args, &run),
        Command::Restore(args) => restore::run(&args, &run),
        Command::Show(args) => show::run(&args, &run),
        Command::Trailer(args) => trailer::run(&args, &run),
        Command::Version(args) => version::run(&args, &run),
        Command::Wal(args) => wal::run(&args, &run),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
    };
    let exit = run.end_file(run.exit(exit));
    pager::wait();
    exit.into()
}

/// Commands with forms of `-o`, which counts more than `-w`.
const OF_FORMS: [&str; 3] = ["diff", "get", "objects"];

/// Commands whose `-o json` is this program's own JSON: elsewhere it is kubectl's, or a file.
const OWN_OUTPUT: [&str; 10] = [
    "diff",
    "encryption",
    "grep",
    "history",
    "info",
    "keys",
    "kinds",
    "log",
    "show",
    "verify",
];

/// Whether errors, too, are wanted as this program's own lines of JSON. Told by the arguments as they are: they may be
/// wrong.
fn asks_for_json(arguments: &[OsString], cli: &clap::Command) -> bool {
    let words: Vec<&str> = arguments
        .iter()
        .skip(1)
        .filter_map(|word| word.to_str())
        .collect();
    let words = words.split(|word| *word == "--").next().unwrap_or_default();
    if words.contains(&"--json") {
        return true;
    }
    let is_command = |word: &&&str| cli.get_subcommands().any(|one| one.get_name() == **word);
    let command = words.iter().find(is_command).copied().unwrap_or_default();
    // What these print is in etcd's form, but for what a restore tells.
    let has_own_write_out = !matches!(command, "status" | "hashkv" | "snapshot" | "version")
        || command == "snapshot" && words.contains(&"restore");
    // Nothing but manifests goes where they go.
    let is_stream = command == "export" && words.iter().any(|word| ["-", "--out=-"].contains(word));
    // Where forms can be chosen, `-o` counts more.
    let has_form = OF_FORMS.contains(&command)
        && words
            .iter()
            .any(|word| word.starts_with("-o") || word.starts_with("--output"));
    let has_own_write_out = has_own_write_out && !is_stream && !has_form;
    let has_own_output = OWN_OUTPUT.contains(&command);
    let asks = |short: &str, long: &str| {
        let is_joined = |word: &&str| {
            let value = word.strip_prefix(long).or_else(|| word.strip_prefix(short));
            value.is_some_and(|value| value.strip_prefix('=').unwrap_or(value) == "json")
        };
        let is_apart = |pair: &[&str]| (pair == [short, "json"]) || (pair == [long, "json"]);
        words.iter().any(is_joined) || words.windows(2).any(is_apart)
    };
    has_own_write_out && asks("-w", "--write-out") || has_own_output && asks("-o", "--output")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_laid_out_in_help_fits_its_width() {
        let mut commands = vec![Cli::command()];
        while let Some(command) = commands.pop() {
            commands.extend(command.get_subcommands().cloned());
            let text = command.get_after_help().map(ToString::to_string);
            for line in text.unwrap_or_default().lines() {
                let len = line.chars().count();
                assert!(len <= 100, "{}: {len} columns: {line}", command.get_name());
            }
        }
    }
}
