//! What copy-on-write makes of a file is a file to bbolt.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use etcdsnap::bolt::edit::Edits;
use etcdsnap::bolt::write::{FreelistForm, WriteError, WriteLayout, Writer};
use etcdsnap::bolt::{Database, SecondMeta};
use etcdsnap::source::{Positioned, Source as _};

use crate::ledger::Ledger;
use crate::random::Random;
use crate::scene::Scene;

const BUCKETS: [&[u8]; 4] = [b"alarm", b"key", b"meta", b"new"];

/// Files that are written and edited in one run.
const FILES: usize = 4;

pub(super) fn bbolt_finds_edited_files_sound(
    scene: &mut Scene<'_>,
    ledger: &mut Ledger,
) -> Result<(), String> {
    let path = scene.scratch.join("edited.db");
    for number in 0..FILES {
        let told = if number == 0 {
            let copied = scene.snapshot.copy_database_to(&path);
            copied.map_err(|error| error.to_string())?;
            "a copy of the snapshot".to_owned()
        } else {
            write(&path, &mut scene.random)?
        };
        let rounds = scene.random.between(1, 3);
        for round in 0..rounds {
            edit(&path, &mut scene.random)?;
            let outcome = scene.peers.bbolt_check(&path)?;
            ledger.holds(
                "bbolt check of an edited file",
                outcome.code == Some(0),
                || format!("{told}, change {round}: {}", outcome.brief()),
            );
        }
        fs::remove_file(&path).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// A random file: how it was written.
fn write(path: &Path, random: &mut Random) -> Result<String, String> {
    let layout = WriteLayout {
        page_size: 1 << random.between(10, 14),
        freelist: match random.between(0, 1) {
            0 => FreelistForm::None,
            _ => FreelistForm::Stored,
        },
        free_share: 0.1 * random.between(0, 4) as f64,
        ..WriteLayout::default()
    };
    let told = format!("{layout:?}");
    let file = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(|error| error.to_string())?;
    let mut writer = Writer::new(file, layout).map_err(|error| error.to_string())?;
    for name in &BUCKETS[..3] {
        let mut keys: Vec<Vec<u8>> = (0..random.between(0, 2000)).map(|_| key(random)).collect();
        keys.sort();
        keys.dedup();
        let put = writer.bucket(name, |bucket| -> Result<(), WriteError> {
            keys.iter()
                .try_for_each(|key| bucket.put(key, &value(random)))
        });
        put.map_err(|error| error.to_string())?;
    }
    writer.finish().map_err(|error| error.to_string())?;
    Ok(told)
}

fn edit(path: &Path, random: &mut Random) -> Result<(), String> {
    let open = || File::options().read(true).write(true).open(path);
    let file = open().map_err(|error| error.to_string())?;
    let len = file.metadata().map_err(|error| error.to_string())?.len();
    let source = Positioned::new(open().map_err(|error| error.to_string())?, len);
    let opened = Database::open(&source, source.len(), SecondMeta::Search);
    let database = opened.map_err(|error| error.to_string())?;
    let mut edits = Edits::new();
    for name in BUCKETS {
        match random.between(0, 5) {
            0 => edits.clear(name),
            1 => continue,
            _ => edits.create(name),
        }
        let changes = [0, 3, 40, 1500][random.between(0, 3) as usize];
        for _ in 0..changes {
            match random.between(0, 2) {
                0 => edits.put(name, &key(random), &value(random)),
                _ => edits.delete(name, &key(random)),
            }
        }
    }
    let patch = edits.patch(&database).map_err(|error| error.to_string())?;
    let written = file.set_len(patch.len).and_then(|()| {
        let mut writes = patch.writes.iter();
        writes.try_for_each(|(offset, bytes)| file.write_all_at(bytes, offset.0))
    });
    written.map_err(|error| error.to_string())
}

/// Few enough different ones that what is deleted is often there.
fn key(random: &mut Random) -> Vec<u8> {
    let number = random.between(0, 3000);
    match random.between(0, 20) {
        0 => vec![b'k'; random.between(1, 900) as usize],
        _ => number.to_be_bytes()[5..].to_vec(),
    }
}

fn value(random: &mut Random) -> Vec<u8> {
    let len = match random.between(0, 30) {
        0 => random.between(0, 20_000),
        _ => random.between(0, 80),
    };
    vec![b'v'; len as usize]
}
