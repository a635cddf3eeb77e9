//! `verify`: will this file restore?

use std::path::PathBuf;

use super::exit::Exit;
use super::reader::config_of;
use super::run::{JsonArgs, Run, describe_without_name, exit_of, print_report};
use super::term;
use crate::error::Error;
use crate::finding::{EXTENDED_LIMIT, Severity, escape};
use crate::ops::{self, ValueReader, Verdict, VerifyOptions, VerifyReport};
use crate::report;

const EXAMPLES: &str = "\
Examples:
  etcdsnap verify snapshot.db
  etcdsnap verify --json /backup/*.db | jq -r 'select(.verdict != \"ok\") | .file'
  etcdsnap verify /var/lib/etcd            a data directory: does a server start from it?
  etcdsnap verify /var/lib/etcd --wal-dir /wal    its log lies elsewhere
  etcdsnap verify --values snapshot.db     also: could an API server serve every object?

Verdicts:
  OK              restores as it is; a data directory: these releases start from it
  NO TRAILER      sound as far as can be proven; restores only with --skip-hash-check
  DAMAGED         something is wrong with it
  NOT A SNAPSHOT  no etcd snapshot and no etcd database
  IN USE          another process writes to it; save a snapshot instead
  UNREADABLE      it could not be read

Exit status:
  0    OK; also NO TRAILER of a copied member/snap/db, or with --skip-hash-check
  1    any other verdict on what was read; with --strict also warnings
  2    could not do it: usage, missing or unreadable file, in use
  130  interrupted";

/// Check everything that can be checked and give one verdict per file
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct VerifyArgs {
    /// Snapshots, databases or data directories
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    json: JsonArgs,
    /// Skip the SHA-256, which reads every byte of the file
    #[arg(long)]
    quick: bool,
    /// Accept a file without SHA-256, as `etcdutl snapshot restore --skip-hash-check` does
    #[arg(long)]
    skip_hash_check: bool,
    /// The directory of the log, if etcd runs with --wal-dir
    #[arg(long, value_name = "DIR")]
    wal_dir: Option<PathBuf>,
    /// Exit 1 for warnings as well
    #[arg(long)]
    strict: bool,
    /// Decode every live value of a Kubernetes cluster too, and warn of what an API server could not serve
    #[arg(long)]
    values: bool,
    /// With --values: open encrypted values with the keys of the API server's EncryptionConfiguration
    #[arg(long, value_name = "FILE", requires = "values")]
    encryption_config: Option<PathBuf>,
    /// Keep and show up to 100,000 findings of each kind
    #[arg(long)]
    all: bool,
}

pub(super) fn run(args: &VerifyArgs, run: &Run) -> Exit {
    let json = args.json.wanted(run);
    let what = VerifyOptions {
        quick: args.quick,
        values: args.values,
        finding_limit: if args.all { EXTENDED_LIMIT } else { 0 },
        directory: true,
        hash: false,
    };
    if args.wal_dir.is_some() && args.files.len() != 1 {
        term::error("--wal-dir is the log of one data directory; give one");
        return Exit::Failed;
    }
    let config = match config_of(args.encryption_config.as_deref()) {
        Ok(config) => config,
        Err(message) => {
            term::error(&message);
            return Exit::Failed;
        }
    };
    let reader = ValueReader {
        encryption: config,
        ..ValueReader::default()
    };
    let mut exit = Exit::Fine;
    for path in &args.files {
        let name = escape::path(path);
        let outcome = run.with_input_and_log(path, args.wal_dir.clone(), |input, options| {
            let mut report = ops::verify(input, what, options)?;
            if args.values && report.examination.is_some() && report.verdict != Verdict::InUse {
                ops::verify_values(input, &reader, what.finding_limit, options, &mut report)?;
            }
            Ok(report)
        });
        let one = match outcome {
            Ok(report) => {
                let text = if json {
                    report::verify_json(&report, &name)
                } else {
                    report::verify_text(&report, &name, args.all)
                };
                print_report(&text, json, judge(&report, args))
            }
            Err(Error::Cancelled) => {
                term::begin_file(path, false);
                term::error("interrupted");
                return Exit::Interrupted;
            }
            Err(error) => {
                let message = describe_without_name(&error, path);
                let text = if json {
                    report::unreadable_json(&name, &message)
                } else {
                    format!("{name}: {} - {message}\n", Verdict::Unreadable.title())
                };
                print_report(&text, json, exit_of(&error))
            }
        };
        exit = exit.max(one);
    }
    exit
}

fn judge(report: &VerifyReport, args: &VerifyArgs) -> Exit {
    let warned = args.strict && report.findings.count(Severity::Warning) > 0;
    match report.verdict {
        Verdict::InUse | Verdict::Unreadable => Exit::Failed,
        _ if warned => Exit::Findings,
        Verdict::Ok => Exit::Fine,
        Verdict::NoTrailer if report.is_data_dir || args.skip_hash_check => Exit::Fine,
        Verdict::NoTrailer | Verdict::Damaged | Verdict::NotASnapshot => Exit::Findings,
    }
}
