//! `encryption`: what is encrypted at rest, and what a configuration could read.

use std::path::PathBuf;

use super::exit::Exit;
use super::objects::Notes;
use super::open::Access;
use super::reader::config_of;
use super::run::{JsonArgs, Run, conclude};
use super::term;
use crate::finding::escape;
use crate::ops;
use crate::report;

const EXAMPLES: &str = "\
Examples:
  etcdsnap encryption snapshot.db
  etcdsnap encryption snapshot.db --encryption-config encryption-config.yaml

Exit status 1: with the configuration, some values could not be read after a restore; or a value
is not the object that its key promises.
";

/// Show how each resource is encrypted, and which values a configuration can read
#[derive(Debug, clap::Args)]
#[command(after_help = super::help(EXAMPLES))]
pub(super) struct EncryptionArgs {
    /// A snapshot, a database or a data directory
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The API server's EncryptionConfiguration
    #[arg(long, value_name = "FILE")]
    encryption_config: Option<PathBuf>,
    #[command(flatten)]
    json: JsonArgs,
}

pub(super) fn run(args: &EncryptionArgs, run: &Run) -> Exit {
    let config = match config_of(args.encryption_config.as_deref()) {
        Ok(config) => config,
        Err(message) => {
            term::error(&message);
            return Exit::Failed;
        }
    };
    let json = args.json.wanted(run);
    let asked = run.ask(&args.file, Access::Positioned, |session| {
        let found = ops::encryption(session, config.as_ref())?;
        if found.counts.is_empty() {
            let name = escape::path(&args.file);
            term::line(&format!("{name}: nothing is encrypted"));
        }
        let text = match (json, found.counts.is_empty()) {
            (true, _) => report::encryption_json(&found),
            (false, true) => String::new(),
            (false, false) => report::encryption_text(&found),
        };
        let mut notes = Notes::default();
        let told = notes.tell_with(&found.damaged.iter().collect::<Vec<_>>());
        if found.encrypts_anything == Some(false) {
            term::line(
                "this configuration encrypts nothing: identity is the first provider of every entry, so that values \
                 are written in plain text",
            );
        }
        let exit = match found.has_unreadable() {
            true => Exit::Findings,
            false => told,
        };
        let mut out = term::Lines::new();
        Ok(out.write(&text).and_then(|()| out.finish()).map(|()| exit))
    });
    conclude(asked, &args.file)
}
