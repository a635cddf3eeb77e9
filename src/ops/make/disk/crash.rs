//! What a disk may hold after the power failed, told from a journal of calls.
//!
//! What was synced is there. Of the rest anything may be: a file's bytes and length once the file is synced, a name
//! once the folder is that holds it. A rename is there or not; of a write, half may be.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::faults::Call;

/// Up to so many calls that are not synced, every choice of them is tried; of more, some.
const ALL_OF: usize = 5;
/// How many.
const SOME: u64 = 24;

/// A file as far as it was written.
#[derive(Debug, Clone, Default, Hash, PartialEq, Eq)]
struct Content {
    len: u64,
    writes: Vec<(u64, Vec<u8>)>,
}

/// Files and folders after a crash, below the folder of the test.
#[derive(Debug, Clone, Default, Hash)]
pub(in crate::ops::make) struct Image {
    folders: BTreeSet<PathBuf>,
    /// Paths, and the paths under which the files were made.
    files: BTreeMap<PathBuf, PathBuf>,
    contents: BTreeMap<PathBuf, Content>,
}

impl Image {
    fn apply(&mut self, call: &Call, half: bool) {
        let parent = |path: &Path| path.parent().map(Path::to_owned).unwrap_or_default();
        match call {
            Call::MakeFolder(path) if self.folders.contains(&parent(path)) => {
                self.folders.insert(path.clone());
            }
            Call::MakeFile(path) if self.folders.contains(&parent(path)) => {
                self.files.insert(path.clone(), path.clone());
            }
            Call::Write(path, offset, bytes) => {
                let len = if half { bytes.len() / 2 } else { bytes.len() };
                let content = self.contents.entry(path.clone()).or_default();
                content.len = content.len.max(offset + len as u64);
                content.writes.push((*offset, bytes[..len].to_vec()));
            }
            Call::SetLength(path, len) => {
                self.contents.entry(path.clone()).or_default().len = *len;
            }
            Call::Rename(from, to) if self.folders.contains(&parent(to)) => {
                let moved = |path: &PathBuf| match path.strip_prefix(from) {
                    Ok(rest) if rest.as_os_str().is_empty() => to.clone(),
                    Ok(rest) => to.join(rest),
                    Err(_) => path.clone(),
                };
                self.folders = self.folders.iter().map(moved).collect();
                let files = self.files.iter();
                self.files = files
                    .map(|(path, made)| (moved(path), made.clone()))
                    .collect();
            }
            Call::Remove(path) => {
                self.folders.remove(path);
                self.files.remove(path);
            }
            _ => {}
        }
    }

    /// Writes it into an empty folder that stands for `root`.
    pub(in crate::ops::make) fn make(&self, root: &Path, at: &Path) {
        let place = |path: &Path| at.join(path.strip_prefix(root).unwrap());
        for folder in &self.folders {
            fs::create_dir_all(place(folder)).unwrap();
        }
        for (path, made) in &self.files {
            let file = fs::File::create(place(path)).unwrap();
            if let Some(content) = self.contents.get(made) {
                for (offset, bytes) in &content.writes {
                    file.write_all_at(bytes, *offset).unwrap();
                }
                file.set_len(content.len).unwrap();
            }
        }
    }
}

/// True for what is lost unless something is synced behind it.
fn is_change(call: &Call) -> bool {
    matches!(
        call,
        Call::MakeFolder(_)
            | Call::MakeFile(_)
            | Call::Write(..)
            | Call::SetLength(..)
            | Call::Rename(..)
            | Call::Remove(_)
    )
}

/// Whether `sync` brings `change` to the disk.
fn brings(sync: &Call, change: &Call) -> bool {
    match (sync, change) {
        (Call::Sync(path), Call::Write(of, ..) | Call::SetLength(of, _)) => path == of,
        (
            Call::SyncFolder(folder),
            Call::MakeFolder(path) | Call::MakeFile(path) | Call::Remove(path),
        ) => path.parent() == Some(folder),
        (Call::SyncFolder(folder), Call::Rename(from, to)) => {
            from.parent() == Some(folder) || to.parent() == Some(folder)
        }
        _ => false,
    }
}

/// What the disk may hold after a crash behind any of the calls, each once. `there` are the folders that were there
/// before.
pub(in crate::ops::make) fn images(journal: &[Call], there: &[PathBuf]) -> Vec<Image> {
    let mut seen = HashSet::new();
    let mut images = Vec::new();
    for end in 0..=journal.len() {
        let done = &journal[..end];
        let is_synced = |number: usize| {
            let later = &done[number + 1..];
            later.iter().any(|sync| brings(sync, &done[number]))
        };
        let open: Vec<usize> = (0..end)
            .filter(|number| is_change(&done[*number]) && !is_synced(*number))
            .collect();
        for (mask, half) in choices(open.len()) {
            let mut image = Image {
                folders: there.iter().cloned().collect(),
                ..Image::default()
            };
            for (number, call) in done.iter().enumerate() {
                match open.iter().position(|one| *one == number) {
                    Some(bit) if mask >> bit & 1 == 0 => {}
                    Some(_) => image.apply(call, half),
                    None => image.apply(call, false),
                }
            }
            // What no name leads to is nowhere.
            let named: BTreeSet<&PathBuf> = image.files.values().collect();
            image.contents.retain(|made, _| named.contains(made));
            let mut hasher = DefaultHasher::new();
            image.hash(&mut hasher);
            if seen.insert(hasher.finish()) {
                images.push(image);
            }
        }
    }
    images
}

/// Which of so many calls are on the disk, as bits, and whether only half of each write is.
fn choices(calls: usize) -> Vec<(u64, bool)> {
    assert!(calls < 64, "{calls} calls without a sync");
    let mut masks: Vec<u64> = match calls <= ALL_OF {
        true => (0..1 << calls).collect(),
        false => {
            // All that came before some call; and as it happens.
            let prefixes = (0..=calls).map(|len| (1u64 << len) - 1);
            let random = (1..=SOME).map(|seed| {
                let mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                (mixed ^ mixed >> 29) & ((1 << calls) - 1)
            });
            prefixes.chain(random).collect()
        }
    };
    masks.sort_unstable();
    masks.dedup();
    let halves = masks.iter().map(|mask| (*mask, true)).collect::<Vec<_>>();
    masks
        .into_iter()
        .map(|mask| (mask, false))
        .chain(halves)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_synced_may_be_lost_and_what_is_synced_is_there() {
        let root = PathBuf::from("/r");
        let (staged, whole) = (root.join("a.partial"), root.join("a"));
        let made = Call::MakeFile(staged.clone());
        let written = Call::Write(staged.clone(), 0, b"text".to_vec());
        let named = Call::Rename(staged.clone(), whole.clone());
        let states = |journal: &[Call]| {
            let images = images(journal, std::slice::from_ref(&root));
            let text = |image: &Image| {
                let (path, made) = image.files.iter().next()?;
                let content = image.contents.get(made);
                let len = content.map_or(0, |content| content.len);
                Some((path.clone(), len))
            };
            images.iter().map(text).collect::<BTreeSet<_>>()
        };
        let without_sync = states(&[made.clone(), written.clone(), named.clone()]);
        assert!(without_sync.contains(&Some((whole.clone(), 0))));
        assert!(without_sync.contains(&Some((whole.clone(), 2))));
        assert!(without_sync.contains(&None));
        let journal = [
            made,
            written,
            Call::Sync(staged.clone()),
            named,
            Call::SyncFolder(root.clone()),
        ];
        let with_sync = states(&journal);
        assert!(!with_sync.contains(&Some((whole.clone(), 0))));
        assert!(with_sync.contains(&Some((staged, 4))));
        assert!(with_sync.contains(&Some((whole, 4))));
    }
}
