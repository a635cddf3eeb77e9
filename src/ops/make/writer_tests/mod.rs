//! Every job that writes, in every form: in which order it writes, and what is there when something goes wrong.

mod crashing;
mod failing;
mod order;
mod system;

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::compact::{CompactRequest, compact_on};
use super::disk::Disk;
use super::folder::Folder;
use super::output_error::OutputError;
use super::place::Naming;
use super::rebuild::KeyScope;
use super::restore::tests::{assert_whole, store};
use super::restore::{Prepared, RestoreRequest, restore_members};
use super::trailer::add_trailer_on;
use crate::bolt::write::{WriteError, WriteLayout, Writer};
use crate::etcd::{HashKv, Release};
use crate::ops::examine::hashkv::{HashKvOutcome, hashkv};
use crate::ops::examine::verify::verify;
use crate::ops::examine::verify_options::VerifyOptions;
use crate::ops::examine::verify_report::Verdict;
use crate::ops::input::Input;
use crate::ops::session::Session;
use crate::options::Options;

/// A data directory to be made, below a folder.
#[derive(Debug, Clone, Copy)]
struct Directory {
    data: &'static str,
    /// Whether it is there, empty.
    is_there: bool,
    wal: Option<&'static str>,
    owner: bool,
    /// Only some keys.
    selected: bool,
    bump: u64,
}

const PLAIN: Directory = Directory {
    data: "data",
    is_there: false,
    wal: None,
    owner: false,
    selected: false,
    bump: 0,
};

/// A job that writes.
#[derive(Debug, Clone, Copy)]
enum Job {
    Compact {
        live_only: bool,
        trailer: bool,
    },
    Trailer,
    Restore(Directory),
    /// All members, where these folders are there before.
    Members(&'static [&'static str]),
    /// A folder of manifests, as `export` and `diff` write them.
    Manifests(Naming),
}

const JOBS: [Job; 19] = [
    Job::Compact {
        live_only: false,
        trailer: true,
    },
    Job::Compact {
        live_only: false,
        trailer: false,
    },
    Job::Compact {
        live_only: true,
        trailer: true,
    },
    Job::Trailer,
    Job::Restore(PLAIN),
    Job::Restore(Directory {
        is_there: true,
        ..PLAIN
    }),
    Job::Restore(Directory {
        wal: Some("log"),
        ..PLAIN
    }),
    Job::Restore(Directory {
        wal: Some("logs/of/etcd"),
        is_there: true,
        ..PLAIN
    }),
    Job::Restore(Directory {
        wal: Some("data/log/here"),
        ..PLAIN
    }),
    Job::Restore(Directory {
        wal: Some("data/log/here"),
        is_there: true,
        ..PLAIN
    }),
    Job::Restore(Directory {
        data: "a/b/data",
        ..PLAIN
    }),
    Job::Restore(Directory {
        owner: true,
        bump: 1000,
        ..PLAIN
    }),
    Job::Restore(Directory {
        selected: true,
        ..PLAIN
    }),
    Job::Members(&[]),
    Job::Members(&["out/another"]),
    Job::Members(&["out/m1", "out/m3"]),
    Job::Manifests(Naming::New),
    Job::Manifests(Naming::OverEmpty),
    Job::Manifests(Naming::Inside),
];

/// The names of manifests, which are their contents too.
const MANIFESTS: [&str; 4] = ["a.yaml", "apply/1-b.yaml", "apply/2-c.yaml", "index.md"];

/// The names of the members, all of one cluster.
const MEMBERS: [&str; 3] = ["m1", "m2", "m3"];

/// Another run of a job: what writes, and what it is to make.
struct Attempt<'s> {
    disk: Disk,
    scene: &'s Scene,
    members: Vec<Prepared>,
}

/// A folder with a file, and the job to be done with it.
struct Scene {
    job: Job,
    dir: tempfile::TempDir,
    input: Input<'static>,
}

impl Scene {
    fn new(job: Job) -> Self {
        // In memory, where the system has such a place, a sync takes no time.
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        let dir = dir.unwrap();
        let layout = match job {
            Job::Trailer => WriteLayout::default(),
            _ => WriteLayout::snapshot(),
        };
        let path = dir.path().join("snapshot.db");
        write_store(&path, layout);
        let scene = Self {
            job,
            input: Input::open(&path).unwrap(),
            dir,
        };
        if let Job::Manifests(Naming::Inside) = job {
            // A link stays.
            fs::create_dir(scene.dir.path().join("real")).unwrap();
            std::os::unix::fs::symlink("real", scene.dir.path().join("out")).unwrap();
            return scene;
        }
        for folder in scene.folders() {
            fs::create_dir_all(scene.dir.path().join(folder)).unwrap();
        }
        scene
    }

    /// The folders that are there before.
    fn folders(&self) -> Vec<&'static str> {
        match self.job {
            Job::Restore(form) if form.is_there => vec![form.data],
            Job::Members([]) => vec![],
            Job::Members(before) => [&["out"], before].concat(),
            Job::Manifests(Naming::OverEmpty | Naming::Inside) => vec!["out"],
            _ => vec![],
        }
    }

    /// All paths below the folder, but the file's.
    fn paths(&self) -> Vec<PathBuf> {
        let mut paths = Vec::new();
        gather(self.dir.path(), &mut paths);
        paths.retain(|path| !path.ends_with("snapshot.db"));
        paths.sort();
        paths
    }

    fn prepared(&self, root: &Path) -> Result<Vec<Prepared>, OutputError> {
        match self.job {
            Job::Restore(form) => {
                let own = fs::metadata(root).unwrap();
                let scope = KeyScope {
                    prefixes: vec![b"k".to_vec()],
                    excludes: Vec::new(),
                };
                let request = RestoreRequest {
                    data_dir: Some(root.join(form.data)),
                    wal_dir: form.wal.map(|wal| root.join(wal)),
                    owner: form.owner.then(|| (own.uid(), Some(own.gid()))),
                    keep: form.selected.then_some(scope),
                    bump_revision: form.bump,
                    mark_compacted: form.bump > 0,
                    ..RestoreRequest::default()
                };
                Ok(vec![Prepared::new(request)?])
            }
            Job::Members(_) => {
                let urls = MEMBERS.iter().enumerate();
                let urls = urls.map(|(port, name)| format!("{name}=http://127.0.0.1:{}", port + 1));
                let request = RestoreRequest {
                    initial_cluster: urls.collect::<Vec<_>>().join(","),
                    ..RestoreRequest::default()
                };
                Prepared::all_members(&request, &root.join("out"))
            }
            _ => Ok(Vec::new()),
        }
    }

    fn attempt(&self) -> Result<Attempt<'_>, OutputError> {
        let members = self.prepared(self.dir.path())?;
        let disk = members.first().map(Prepared::disk).cloned();
        Ok(Attempt {
            disk: disk.unwrap_or_default(),
            scene: self,
            members,
        })
    }

    /// How many of the final names below `root` are there; what has one must be whole. And how many there are in all.
    #[track_caller]
    fn whole(&self, root: &Path) -> (usize, usize) {
        let out = root.join("out");
        match self.job {
            Job::Compact { live_only, .. } => {
                if out.exists() {
                    let hash = check_file(&out, self.input.layout.trailer.is_some());
                    assert!(live_only || Some(hash) == hash_of(&self.input));
                }
                (usize::from(out.exists()), 1)
            }
            Job::Trailer => {
                if out.exists() {
                    let hash = check_file(&out, true);
                    assert_eq!(Some(hash), hash_of(&self.input));
                }
                (usize::from(out.exists()), 1)
            }
            Job::Restore(form) => {
                let data = root.join(form.data);
                let is_there = data.join("member").exists();
                if is_there {
                    check_directory(&data, form.wal.map(|wal| root.join(wal)), form.data);
                }
                (usize::from(is_there), 1)
            }
            Job::Members(_) => {
                let there = MEMBERS.iter().filter(|name| {
                    let data = out.join(name);
                    let is_there = data.join("member").exists();
                    if is_there {
                        check_directory(&data, None, name);
                    }
                    is_there
                });
                (there.count(), MEMBERS.len())
            }
            Job::Manifests(_) => {
                let there = MANIFESTS.iter().filter(|name| {
                    let path = out.join(name);
                    if path.exists() {
                        assert_eq!(fs::read(&path).unwrap(), name.as_bytes());
                    }
                    path.exists()
                });
                (there.count(), MANIFESTS.len())
            }
        }
    }
}

impl Attempt<'_> {
    fn run(&self, options: &Options) -> Result<(), OutputError> {
        let Scene { job, input, dir } = self.scene;
        let out = dir.path().join("out");
        match *job {
            Job::Compact { live_only, trailer } => {
                let request = CompactRequest {
                    out,
                    live_only,
                    trailer: Some(trailer),
                };
                compact_on(&self.disk, input, &request, options).map(drop)
            }
            Job::Trailer => add_trailer_on(&self.disk, input, &out, options).map(drop),
            Job::Restore(_) | Job::Members(_) => {
                let restored = restore_members(input, &self.members, options)?;
                for (restored, member) in restored.iter().zip(&self.members) {
                    assert_whole(member, restored.proven.hash);
                }
                Ok(())
            }
            Job::Manifests(_) => {
                let session = Session::open(input, options).unwrap();
                let mut folder = Folder::create_on(&out, self.disk.clone())?;
                folder.folder("apply")?;
                for (number, name) in MANIFESTS.iter().enumerate() {
                    // What some are called is known when all of them are there.
                    let (first, is_renamed) = match name.starts_with("apply/") {
                        true => (format!("unnamed-{number}"), true),
                        false => ((*name).to_string(), false),
                    };
                    folder.write(&first, |out| out.write_all(name.as_bytes()))?;
                    if is_renamed {
                        folder.rename(&first, name)?;
                    }
                }
                folder.finish(&[&session])
            }
        }
    }
}

/// Whether a refusal names what an earlier run left.
fn tells_what_is_left(refusal: &str) -> bool {
    refusal.contains(" left over ") || refusal.contains(" is left from an interrupted run")
}

fn gather(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, paths);
        }
        paths.push(path);
    }
}

fn write_store(path: &Path, layout: WriteLayout) {
    let mut options = fs::File::options();
    let file = options.read(true).write(true).create_new(true).open(path);
    let mut writer = Writer::new(file.unwrap(), layout).unwrap();
    for (name, entries) in &store() {
        writer
            .bucket(name, |bucket| -> Result<(), WriteError> {
                bucket.extend(entries)
            })
            .unwrap();
    }
    writer.finish().unwrap();
}

fn hash_of(input: &Input) -> Option<HashKv> {
    match hashkv(input, 0, Release::default(), &Options::default()).unwrap() {
        HashKvOutcome::Answer(hash) => Some(hash),
        HashKvOutcome::Refused(_) => None,
    }
}

/// That the file is sound; its HashKV.
#[track_caller]
fn check_file(path: &Path, may_have_trailer: bool) -> HashKv {
    let input = Input::open(path).unwrap();
    let report = verify(&input, VerifyOptions::default(), &Options::default()).unwrap();
    match report.verdict {
        Verdict::Ok => {}
        Verdict::NoTrailer => assert!(may_have_trailer),
        other => panic!("{other:?}"),
    }
    hash_of(&input).unwrap()
}

/// That the data directory is sound.
#[track_caller]
fn check_directory(data: &Path, wal: Option<PathBuf>, name: &str) {
    let input = Input::open(data).unwrap();
    let input = input.with_wal_dir(Some(wal.unwrap_or_else(|| data.join("member/wal"))));
    let what = VerifyOptions {
        quick: true,
        directory: true,
        ..VerifyOptions::default()
    };
    let report = verify(&input, what, &Options::default()).unwrap();
    assert!(
        !report.findings.has_errors(),
        "{name}: {:?}",
        report.findings
    );
    let snap = fs::read_dir(data.join("member/snap")).unwrap();
    let len = |entry: fs::DirEntry| entry.metadata().unwrap().len();
    assert!(snap.map(|entry| len(entry.unwrap())).all(|len| len > 0));
}
