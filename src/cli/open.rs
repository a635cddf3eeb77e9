//! How the command line opens its input. The one place outside of `source/mapped.rs` with `unsafe` code.

use std::path::Path;

use crate::error::Result;
use crate::ops::Input;
use crate::source::OpenFile;

/// How the bytes of an input are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Through a memory map, where the file can be mapped and nobody holds its lock.
    Map,
    /// With positioned reads.
    Positioned,
}

/// Opens the input of a command.
#[allow(unsafe_code)]
pub(super) fn open(path: &Path, access: Access) -> Result<Input<'static>> {
    match access {
        Access::Positioned => Input::open(path),
        // SAFETY: that nobody writes to the file or shortens it while it is mapped cannot be enforced. It is taken
        // on trust here, and here only, for these reasons:
        // - What is mapped is what the user names as the input of a command: a backup at rest, or the database of a
        //   stopped member. A running etcd holds a lock on its database, and a file that is locked is not mapped.
        // - This program does not write to it: every job reads what it writes itself by position, and no job writes
        //   to its input.
        // - All readers take each byte for hostile, so what an address or a length became after it was read leads to
        //   an error or a finding.
        // - Length, times and the kernel's word of writes are looked at once the job is done, before its answer
        //   stands; a change makes it void. A read behind the end of a file that was shortened ends the process
        //   with one line: `main` installed the handler before anything is opened.
        // - Whoever cannot promise it has `--no-mmap`; the commands for live files read by position anyway.
        Access::Map => Input::open_by(path, |path, database| unsafe {
            OpenFile::open_mapped(path, database)
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn what_is_mapped_is_what_was_to_be_and_nobody_has_locked() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/real/etcd-3.6.14-a.db");
        std::fs::copy(real, &path).unwrap();
        let is_mapped = |access| {
            let input = open(&path, access).unwrap();
            input.file.source().bytes().is_some()
        };
        assert!(is_mapped(Access::Map));
        assert!(!is_mapped(Access::Positioned));
        let holder = File::open(&path).unwrap();
        holder.lock().unwrap();
        assert!(!is_mapped(Access::Map));
        assert!(!is_mapped(Access::Positioned));
    }
}
