//! Copying a snapshot's database and checking it in one pass. What is checked is the copy, as it will be
//! renamed: inside the kernel, and by reference where the file system can, it is made faster than it is
//! hashed.

use std::fs::File;
use std::io;
use std::path::Path;

use super::disk::Disk;
use super::output_error::OutputError;
use crate::bolt::{Metas, SecondMeta};
use crate::error::Error;
use crate::ids::FileOffset;
use crate::ops::copy_progress::CopyProgress;
use crate::ops::examine::verify::{verify, verify_copy};
use crate::ops::examine::verify_options::VerifyOptions;
use crate::ops::examine::verify_report::VerifyReport;
use crate::ops::input::Input;
use crate::options::Options;
use crate::source::Positioned;
use crate::workers::beside;

/// Bytes copied at a time.
const PIECE: u64 = 4 << 20;
/// Bytes that are brought to the disk together while more are copied.
const FLUSH: u64 = 64 << 20;

/// Copies everything but the trailer of `input` to `file`, which is at `path`, and tells what `verify` says of
/// the copy, looked at as `what` says. All of it is on the disk then.
pub(super) fn copy_and_verify(
    input: &Input,
    disk: &Disk,
    path: &Path,
    file: &File,
    what: VerifyOptions,
    options: &Options,
) -> Result<VerifyReport, OutputError> {
    let metas = Metas::read(input.file.source(), SecondMeta::Search)?;
    if metas.select().is_err() {
        // Nothing to copy: what is said of the file is said without reading the rest of it.
        return Ok(verify(input, what, options)?);
    }
    let unwritten = || OutputError::write("cannot write", path);
    let len = input.layout.database_len;
    disk.set_len(file, len).map_err(unwritten())?;
    let again = file.try_clone().map_err(unwritten())?;
    // By position: what is still being written must not be lent as a slice out of a map.
    let copy = Positioned::new(again, len);
    let progress = CopyProgress::default();
    let (report, copied, flushed) = std::thread::scope(|scope| {
        let copying = beside(scope, || {
            // However it ends, also by a panic: nobody must wait for what does not come.
            let _ended = progress.ends_with_this();
            copy_database(input, disk, file, &progress, options)
        });
        let flushing = beside(scope, || flush(disk, file, len, &progress));
        let report = verify_copy(input, &copy, Some(&progress), what, options);
        (report, copying.outcome(), flushing.outcome())
    });
    match copied {
        Ok(()) => {}
        Err(Copying::Read(error)) => return Err(error.into()),
        Err(Copying::Write(error)) => return Err(unwritten()(error)),
    }
    flushed.map_err(unwritten())?;
    Ok(report?)
}

enum Copying {
    Read(Error),
    Write(io::Error),
}

fn copy_database(
    input: &Input,
    disk: &Disk,
    file: &File,
    progress: &CopyProgress,
    options: &Options,
) -> Result<(), Copying> {
    let source = input.file.source();
    let len = input.layout.database_len;
    let mut at = 0;
    let mut in_kernel = source.file();
    let mut buffer = Vec::new();
    while at < len {
        options.cancel.check().map_err(Copying::Read)?;
        let piece = len.saturating_sub(at).min(PIECE);
        let copied = match in_kernel {
            Some(from) => disk.copy_range(from, file, at, piece),
            None => Err(io::ErrorKind::Unsupported.into()),
        };
        match copied {
            // The file ends here; reading tells it properly.
            Ok(0) => in_kernel = None,
            Ok(copied) => {
                at = at.saturating_add(copied);
                progress.up_to(at);
            }
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                in_kernel = None;
                let piece = usize::try_from(piece).unwrap_or(usize::MAX);
                buffer.resize(piece, 0);
                let offset = FileOffset(at);
                source
                    .read_exact_at(offset, &mut buffer)
                    .map_err(Copying::Read)?;
                disk.write_at(file, &buffer, at).map_err(Copying::Write)?;
                at = at.saturating_add(piece as u64);
                progress.up_to(at);
            }
            Err(error) => return Err(Copying::Write(error)),
        }
    }
    Ok(())
}

/// Brings what has arrived to the disk while the rest is copied and checked, so that nobody has to wait
/// for it at the end.
fn flush(disk: &Disk, file: &File, len: u64, progress: &CopyProgress) -> io::Result<()> {
    let mut next = 0u64;
    while next < len {
        next = next.saturating_add(FLUSH).min(len);
        if progress.wait(next).is_err() {
            // Whoever copies tells why.
            return Ok(());
        }
        disk.sync_data(file)?;
    }
    Ok(())
}
