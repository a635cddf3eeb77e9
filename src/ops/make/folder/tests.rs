use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{FileExt as _, symlink};
use std::path::{Path, PathBuf};

use super::*;
use crate::error::{Error, with_causes};
use crate::ops::input::Input;
use crate::ops::make::disk::faults::Call;
use crate::options::Options;

/// What is at the target before: nothing, an empty folder, a link to one.
const PLACES: [Naming; 3] = [Naming::New, Naming::OverEmpty, Naming::Inside];

const FILES: [&str; 4] = ["a.yaml", "apply/1-b.yaml", "apply/2-c.yaml", "index.md"];

fn content(name: &str) -> Vec<u8> {
    // Some of them take more than one call to write.
    name.bytes().cycle().take(name.len() * 1500).collect()
}

struct Scene {
    dir: tempfile::TempDir,
    place: Naming,
    disk: Disk,
    cancel: Cancel,
}

impl Scene {
    fn new(place: Naming) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        match place {
            Naming::New => {}
            Naming::OverEmpty => fs::create_dir(out).unwrap(),
            Naming::Inside => {
                fs::create_dir(dir.path().join("real")).unwrap();
                symlink("real", out).unwrap();
            }
        }
        Self {
            dir,
            place,
            disk: Disk::default(),
            cancel: Cancel::new(),
        }
    }

    fn out(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    fn filled(&self) -> Result<Folder, OutputError> {
        let mut folder = Folder::create_on(&self.out(), self.disk.clone())?;
        assert_eq!(folder.place.naming(), self.place);
        folder.folder("apply")?;
        for name in FILES {
            folder.write("unnamed", |out| out.write_all(&content(name)))?;
            folder.rename("unnamed", name)?;
        }
        Ok(folder)
    }

    fn run(&self, look: impl FnOnce() -> Result<()>) -> Result<(), OutputError> {
        self.filled()?.publish(&self.cancel, look)
    }

    /// Every path below the folder.
    fn paths(&self) -> Vec<PathBuf> {
        fn gather(folder: &Path, paths: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() && !path.is_symlink() {
                    gather(&path, paths);
                }
                paths.push(path);
            }
        }
        let mut paths = Vec::new();
        gather(self.dir.path(), &mut paths);
        paths.sort();
        paths
    }

    fn is_whole(&self) -> bool {
        let out = self.out();
        let count = |folder: &Path| fs::read_dir(folder).unwrap().count();
        FILES
            .iter()
            .all(|name| fs::read(out.join(name)).is_ok_and(|read| read == content(name)))
            && count(&out) == 3
            && count(&out.join("apply")) == 2
    }

    fn is_as_before(&self) -> bool {
        self.paths() == Self::new(self.place).named_like(self)
    }

    fn named_like(&self, other: &Self) -> Vec<PathBuf> {
        let moved = |path: PathBuf| {
            let inside = path.strip_prefix(self.dir.path()).unwrap();
            other.dir.path().join(inside)
        };
        self.paths().into_iter().map(moved).collect()
    }
}

#[test]
fn after_an_interrupt_no_more_files_are_synced() {
    let scene = Scene::new(Naming::New);
    let folder = scene.filled().unwrap();
    scene.cancel.cancel();
    let done = folder.publish(&scene.cancel, || panic!("it looked at the sources"));
    assert!(matches!(done, Err(OutputError::Read(Error::Cancelled))));
    let calls = scene.disk.faults.journal();
    assert!(!calls.iter().any(|call| matches!(call, Call::Sync(_))));
    assert!(scene.is_as_before());
}

#[test]
fn of_several_files_that_do_not_read_back_the_first_by_name_is_told() {
    for _ in 0..20 {
        let scene = Scene::new(Naming::New);
        let folder = scene.filled().unwrap();
        for name in FILES {
            fs::write(folder.staged.join(name), "").unwrap();
        }
        let error = folder.publish(&scene.cancel, || Ok(())).unwrap_err();
        let error = with_causes(&error);
        assert!(error.contains("/a.yaml:"), "{error}");
    }
}

#[test]
fn what_does_not_read_back_as_it_was_written_gets_no_name() {
    type Harm = fn(&Path);
    let harms: [(&str, Harm); 5] = [
        ("are not those that were written", |path| {
            let file = OpenOptions::new().write(true).open(path).unwrap();
            file.write_all_at(b"#", 70).unwrap();
        }),
        ("it has 8999 bytes, 9000 were", |path| {
            let file = OpenOptions::new().write(true).open(path).unwrap();
            file.set_len(8999).unwrap();
        }),
        ("it has 9001 bytes, 9000 were", |path| {
            let mut file = OpenOptions::new().append(true).open(path).unwrap();
            file.write_all(b"#").unwrap();
        }),
        ("it has 0 bytes, 9000 were", |path| {
            fs::write(path, "").unwrap();
        }),
        ("No such file", |path| fs::remove_file(path).unwrap()),
    ];
    for (told, harm) in harms {
        for place in PLACES {
            let scene = Scene::new(place);
            let folder = scene.filled().unwrap();
            let path = folder.staged.join("a.yaml");
            harm(&path);
            let error = folder.publish(&scene.cancel, || panic!("it looked at the sources"));
            let text = with_causes(&error.unwrap_err());
            assert!(text.contains(path.to_str().unwrap()), "{text}");
            assert!(text.contains(told), "{text}");
            assert!(scene.is_as_before(), "{told}");
        }
    }
}

#[test]
fn folders_are_synced_from_within_when_all_files_are_and_before_any_of_them_is_read_back() {
    for place in PLACES {
        let scene = Scene::new(place);
        let folder = scene.filled().unwrap();
        let staged = folder.staged.clone();
        folder.publish(&scene.cancel, || Ok(())).unwrap();
        let calls = scene.disk.faults.journal();
        let last_file = calls.iter().rposition(|call| matches!(call, Call::Sync(_)));
        let first_read = calls
            .iter()
            .position(|call| matches!(call, Call::ReadBack(_)));
        let (last_file, first_read) = (last_file.unwrap(), first_read.unwrap());
        let above = staged.parent().unwrap().to_owned();
        let expected = [staged.join("apply"), staged, above].map(Call::SyncFolder);
        assert_eq!(calls[last_file + 1..first_read], expected, "{place:?}");
    }
}

#[test]
fn names_are_given_behind_the_last_look_by_as_few_renames_as_the_place_allows() {
    for place in PLACES {
        let scene = Scene::new(place);
        scene.run(|| Ok(())).unwrap();
        let calls = scene.disk.faults.journal();
        let look = calls.iter().position(|call| *call == Call::LookAtSource);
        let (out, above) = (scene.out(), scene.dir.path().to_owned());
        let staged = match place {
            Naming::Inside => out.join(".partial"),
            _ => above.join("out.partial"),
        };
        let expected = match place {
            Naming::Inside => {
                let tops = ["a.yaml", "index.md", "apply"];
                let named = tops.map(|name| Call::Rename(staged.join(name), out.join(name)));
                let end = [Call::SyncFolder(out), Call::Remove(staged)];
                named.into_iter().chain(end).collect()
            }
            _ => vec![Call::Rename(staged, out), Call::SyncFolder(above)],
        };
        assert_eq!(calls[look.unwrap() + 1..], expected, "{place:?}");
    }
}

#[test]
fn what_has_come_to_stand_there_meanwhile_is_neither_replaced_nor_filled() {
    type Put = fn(&Path);
    let puts: [Put; 3] = [
        |out| fs::write(out, "mine").unwrap(),
        |out| fs::create_dir(out).unwrap(),
        |out| {
            fs::create_dir_all(out).unwrap();
            fs::write(out.join("a.yaml"), "mine").unwrap();
        },
    ];
    for place in PLACES {
        for put in puts.iter().skip(if place == Naming::New { 0 } else { 2 }) {
            let scene = Scene::new(place);
            let mut paths = Vec::new();
            let done = scene.run(|| {
                put(&scene.out());
                paths = scene.paths();
                paths.retain(|path| !path.to_str().unwrap().contains(".partial"));
                Ok(())
            });
            let text = with_causes(&done.unwrap_err());
            assert!(text.contains("cannot give its final name to"), "{text}");
            assert_eq!(scene.paths(), paths, "{place:?}");
            for path in [scene.out(), scene.out().join("a.yaml")] {
                assert!(!path.is_file() || fs::read(path).unwrap() == b"mine");
            }
        }
    }
}

#[test]
fn a_source_that_changes_until_just_before_the_rename_leaves_nothing_and_one_that_changes_later_is_no_matter()
 {
    let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/real/etcd-3.6.14-a.db");
    for place in PLACES {
        let scene = Scene::new(place);
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::copy(&real, file.path()).unwrap();
        let change = || {
            let mut source = OpenOptions::new().append(true).open(file.path()).unwrap();
            source.write_all(b"more").unwrap();
        };
        let options = Options::default();
        let input = Input::open(file.path()).unwrap();
        let session = Session::open(&input, &options).unwrap();
        scene.filled().unwrap().finish(&[&session]).unwrap();
        assert!(scene.is_whole());
        change();
        session.finish().unwrap();

        let scene = Scene::new(place);
        let input = Input::open(file.path()).unwrap();
        let session = Session::open(&input, &options).unwrap();
        let folder = scene.filled().unwrap();
        change();
        let error = folder.finish(&[&session]).unwrap_err();
        assert!(matches!(error, OutputError::Read(Error::Changed { .. })));
        assert!(scene.is_as_before(), "{place:?}");

        // The other one of two.
        let one = Input::open(file.path()).unwrap();
        let one = Session::open(&one, &options).unwrap();
        let copy = scene.dir.path().join("copy");
        fs::copy(&real, &copy).unwrap();
        let other = Input::open(&copy).unwrap();
        let other = Session::open(&other, &options).unwrap();
        let folder = scene.filled().unwrap();
        fs::write(&copy, "else").unwrap();
        folder.finish(&[&one, &other]).unwrap_err();
        fs::remove_file(&copy).unwrap();
        assert!(scene.is_as_before(), "{place:?}");
    }
}
