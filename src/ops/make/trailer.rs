//! A database of a data directory becomes a snapshot: the same bytes, and their SHA-256.

use std::path::Path;

use super::copying::copy_and_verify;
use super::disk::Disk;
use super::output::Output;
use super::output_error::OutputError;
use super::read_back::refusal_by_copy;
use super::source_checks::{check_memory, check_not_in_use, first_errors, unless_changed};
use crate::bolt::{Metas, SecondMeta};
use crate::checksum::Sha256;
use crate::ops::examine::digest::digest_of;
use crate::ops::examine::verify::verify;
use crate::ops::examine::verify_options::VerifyOptions;
use crate::ops::examine::verify_report::{Verdict, VerifyReport};
use crate::ops::input::Input;
use crate::options::Options;

/// The snapshot that was made.
#[derive(Debug)]
pub struct AddedTrailer {
    /// What `verify` says of the input.
    pub source: VerifyReport,
    /// Bytes of the snapshot, the SHA-256 included.
    pub len: u64,
    /// Unused bytes behind the database that were left out, as a server leaves them out.
    pub cut: u64,
    /// The SHA-256.
    pub trailer: Sha256,
}

/// Makes a snapshot at `out` of a database without SHA-256. The file is checked as by `verify` while it is
/// copied; only the verdict [`Verdict::NoTrailer`] will do.
///
/// # Errors
/// [`OutputError`]; nothing stands under the final name then.
pub fn add_trailer(
    input: &Input,
    out: &Path,
    options: &Options,
) -> Result<AddedTrailer, OutputError> {
    add_trailer_on(&Disk::default(), input, out, options)
}

/// The same on a disk that tests look at.
pub(super) fn add_trailer_on(
    disk: &Disk,
    input: &Input,
    out: &Path,
    options: &Options,
) -> Result<AddedTrailer, OutputError> {
    unless_changed(input, write_with_trailer(disk, input, out, options))
}

fn write_with_trailer(
    disk: &Disk,
    input: &Input,
    out: &Path,
    options: &Options,
) -> Result<AddedTrailer, OutputError> {
    check_memory(options)?;
    let output = Output::create(out, input, disk)?;
    check_not_in_use(input)?;
    let metas = Metas::read(input.file.source(), SecondMeta::Search)?;
    let selected = metas.select().ok();
    // Without a meta the check will tell what the file is.
    let keep = selected.map_or(0, |selected| {
        selected.meta.database_len().unwrap_or(u64::MAX)
    });
    let keep = keep.min(input.layout.database_len);
    output.check_space(keep)?;
    let what = VerifyOptions::default();
    let source = match selected {
        Some(_) => copy_and_verify(
            input,
            output.disk(),
            output.path(),
            output.file(),
            what,
            options,
        )?,
        None => verify(input, what, options)?,
    };
    check_has_none(&source).or_else(|refusal| match selected {
        Some(_) => Err(refusal_by_copy(
            refusal,
            input,
            disk,
            output.path(),
            options,
        )?),
        None => Err(refusal),
    })?;
    let cut = source.layout.database_len.saturating_sub(keep);
    output.cut(keep)?;
    let trailer = match source.database_sha256 {
        Some(digest) if cut == 0 => digest,
        _ => digest_of(&output.written(keep)?, options)?,
    };
    output.append(&trailer.0, keep)?;
    output.sync()?;
    // The digest is that of the copy: only the source tells whether the copy is right.
    let back = output.read_back(options)?;
    if !back.holds_source(input.file.source(), keep, &trailer.0)? {
        return Err(OutputError::differs(vec![
            "the bytes are not those of the source and its SHA-256".into(),
        ]));
    }
    let made = Input::open(output.path())?;
    let result = verify(&made, VerifyOptions::default(), options)?;
    if result.verdict != Verdict::Ok {
        return Err(OutputError::differs(first_errors(&result)));
    }
    output.finish(input, options)?;
    Ok(AddedTrailer {
        cut,
        len: result.layout.file_len,
        source,
        trailer,
    })
}

/// Nothing but a sound file without SHA-256 gets one: it says that the bytes are those that were checked.
fn check_has_none(report: &VerifyReport) -> Result<(), OutputError> {
    let (message, mut details) = match report.verdict {
        Verdict::NoTrailer => return Ok(()),
        _ if report.layout.trailer.is_some() => (
            "the file ends in a SHA-256 already".to_string(),
            first_errors(report),
        ),
        _ => (report.reason.clone(), first_errors(report)),
    };
    if report.verdict != Verdict::Ok {
        details.push(report.next_step.clone());
    }
    Err(OutputError::File { message, details })
}
