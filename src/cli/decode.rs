//! `decode`: one stored value, from anywhere.

use std::io::{self, Read as _};
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::ValueEnum;

use super::exit::Exit;
use super::reader::ReaderArgs;
use super::run::{self, Run, finish, print};
use super::term;
use crate::error::Error;
use crate::finding::escape;
use crate::kubernetes::{self, Encoding, Flaw};
use crate::ops::{ReadValue, ValueContent};
use crate::report::{self, Readable};

const EXAMPLES: &str = "\
Examples:
  etcdctl get /registry/pods/shop/web-1 --print-value-only | etcdsnap decode
  etcdsnap decode value.bin -o json
  etcdsnap decode value.bin --json | jq .object
  etcdsnap decode --etcd-key /registry/secrets/shop/db --encryption-config config.yaml value.bin

The value may also be in hex or base64. Exit status 1: it is empty, damaged, or stays encrypted.
";

/// More is not a value of etcd.
const LIMIT: u64 = 64 << 20;

/// Decode one stored value to YAML or JSON
#[derive(Debug, clap::Args)]
#[command(after_help = super::help(EXAMPLES))]
pub(super) struct DecodeArgs {
    /// A file with the value; - or nothing reads standard input
    #[arg(value_name = "FILE", default_value = "-", hide_default_value = true)]
    file: PathBuf,
    /// The form
    #[arg(short = 'o', long, value_name = "FORM", value_enum, default_value_t = Form::Yaml)]
    output: Form,
    /// One line of JSON: the value, how it is encoded, and what is wrong with it
    #[arg(long, conflicts_with = "output")]
    json: bool,
    /// The key that it was stored under; encrypted values are bound to it
    #[arg(
        long,
        value_name = "KEY",
        default_value = "",
        hide_default_value = true
    )]
    etcd_key: String,
    #[command(flatten)]
    reader: ReaderArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Form {
    Yaml,
    Json,
}

pub(super) fn run(args: &DecodeArgs, run: &Run) -> Exit {
    term::begin_file(&args.file, false);
    let reader = match args.reader.reader() {
        Ok(reader) => reader,
        Err(message) => {
            term::error(&message);
            return Exit::Failed;
        }
    };
    let name = escape::path(&args.file);
    let bytes = match read(args) {
        Ok(bytes) => bytes,
        Err(message) => {
            term::error(&message);
            return Exit::Failed;
        }
    };
    if bytes.len() as u64 > LIMIT {
        term::error(&format!(
            "{name}: longer than 64 MiB; that is not a value of etcd"
        ));
        return Exit::Failed;
    }
    let value = unwrapped(bytes);
    let key = args.etcd_key.as_bytes();
    let mut look = reader.read(key, &value, 0);
    drop_revision(&mut look);
    if let Some(error) = &look.locked {
        term::error(&report::locked_line(&name, error));
        return Exit::Findings;
    }
    if let Some(error) = &look.too_large {
        term::error(&format!("{name}: {error}"));
        return Exit::Findings;
    }
    let flaw = match &look.content {
        ValueContent::Object(object) if object.description.undecoded.is_none() => {
            damage(&look.plain)
        }
        ValueContent::Object(_) => None,
        _ => undecodable(&look.plain),
    };
    let is_binary = Encoding::of(&look.plain) != Encoding::Json;
    let mut exit = Exit::Fine;
    let flaw = flaw.map(|flaw| format!("damaged: {flaw}"));
    if let Some(flaw) = &flaw {
        term::error(&format!("{name}: {flaw}"));
        exit = Exit::Findings;
    }
    if let ValueContent::Object(object) = &look.content {
        let undecoded = report::undecoded(&object.description);
        for note in report::notes(&object.description) {
            if Some(&note) == undecoded.as_ref() {
                exit = Exit::Findings;
            }
            if Some(&note) != flaw.as_ref() {
                term::line(&format!("{name}: {note}"));
            }
        }
    } else if exit != Exit::Fine && is_binary {
        return exit;
    }
    let is_text = |look: &ReadValue<'_>| std::str::from_utf8(&look.plain).is_ok();
    let is_shown = !matches!(look.content, ValueContent::Bytes) || is_text(&look);
    if run.wants_json(args.json) && is_shown {
        return print(&report::value_json(&name, &look, flaw), exit);
    }
    let Some(json) = shown(look) else {
        term::error(&format!(
            "{name}: neither an object of Kubernetes nor JSON nor text, also not in hex or base64"
        ));
        return Exit::Findings;
    };
    let mut lines = term::Lines::exact();
    let written = match args.output {
        Form::Yaml => report::write_yaml(&json, &mut lines.stored()),
        Form::Json => report::write_pretty_json(&json, &mut lines.stored()),
    };
    let written = written.and_then(|()| lines.finish());
    finish(written.and_then(|()| term::release()), exit)
}

/// What is wrong with the bytes of an object.
fn damage(plain: &[u8]) -> Option<Flaw> {
    let flaw = kubernetes::inspect(plain).1;
    // `etcdctl` puts a line end behind a value.
    flaw.filter(|flaw| *flaw != Flaw::Trailing(1) || !plain.ends_with(b"\n"))
}

/// What is wrong with a value that is empty, or that begins like an object and cannot be decoded as one.
fn undecodable(plain: &[u8]) -> Option<Flaw> {
    match Encoding::of(plain) {
        Encoding::Protobuf | Encoding::Cbor => damage(plain),
        Encoding::Json if kubernetes::read_json(plain).is_err() => damage(plain),
        // Other JSON and text may be anybody's.
        _ => matches!(plain, b"" | b"\n" | b"\r\n").then_some(Flaw::Empty),
    }
}

fn shown(look: ReadValue<'_>) -> Option<serde_json::Value> {
    match report::readable(look.content, &look.plain) {
        Readable::Json(json) => Some(json),
        Readable::Text(text) => Some(text.into()),
        Readable::Binary => None,
    }
}

/// Takes the resource version out that stands for none.
fn drop_revision(look: &mut ReadValue<'_>) {
    if let ValueContent::Object(object) = &mut look.content
        && let Some(metadata) = object.json.get_mut("metadata")
        && let Some(metadata) = metadata.as_object_mut()
        && metadata.get("resourceVersion").and_then(|v| v.as_str()) == Some("0")
    {
        metadata.remove("resourceVersion");
    }
}

/// The bytes that are given; the error is a line about the file.
fn read(args: &DecodeArgs) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = if args.file.as_os_str() == "-" {
        io::stdin().lock().take(LIMIT + 1).read_to_end(&mut bytes)
    } else {
        let file = std::fs::File::open(&args.file).map_err(|source| {
            let path = args.file.clone();
            run::describe(&Error::Open { path, source }, &args.file)
        })?;
        file.take(LIMIT + 1).read_to_end(&mut bytes)
    };
    match read {
        Ok(_) => Ok(bytes),
        Err(error) => Err(format!(
            "{}: {}",
            escape::path(&args.file),
            run::reason(&error)
        )),
    }
}

/// The value itself: as it is when it is of a known form, else out of hex or base64 if that gives one.
/// `etcdctl` puts a line end behind it.
fn unwrapped(bytes: Vec<u8>) -> Vec<u8> {
    if Encoding::of(&bytes) != Encoding::Other {
        return match bytes.strip_suffix(b"\n") {
            // Encrypted values are exact to the byte; a line end is not part of them.
            Some(value) if Encoding::of(&bytes) == Encoding::Encrypted => value.to_vec(),
            _ => bytes,
        };
    }
    let text: Vec<u8> = bytes
        .iter()
        .copied()
        .filter(|b| !b.is_ascii_whitespace())
        .collect();
    let candidates = [unhex(&text), STANDARD.decode(&text).ok()];
    candidates
        .into_iter()
        .flatten()
        .find(|value| Encoding::of(value) != Encoding::Other)
        .unwrap_or(bytes)
}

fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.strip_prefix(b"0x").unwrap_or(text);
    if text.is_empty() || !text.len().is_multiple_of(2) {
        return None;
    }
    text.chunks(2)
        .map(|pair| {
            let pair = std::str::from_utf8(pair).ok()?;
            u8::from_str_radix(pair, 16).ok()
        })
        .collect()
}
