//! Each call that changes the disk fails once, in every form of target.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::tests::{snapshot, store};
use super::*;

/// A form of target.
#[derive(Debug, Clone, Copy)]
struct Form {
    /// The data directory is there, empty.
    is_there: bool,
    /// `--wal-dir`, below the folder of the test.
    wal: Option<&'static str>,
    /// The folder above the data directory is not there.
    deep: bool,
    owner: bool,
}

const PLAIN: Form = Form {
    is_there: false,
    wal: None,
    deep: false,
    owner: false,
};

const FORMS: [Form; 8] = [
    PLAIN,
    Form {
        is_there: true,
        ..PLAIN
    },
    Form {
        wal: Some("log"),
        ..PLAIN
    },
    Form {
        wal: Some("logs/of/etcd"),
        is_there: true,
        ..PLAIN
    },
    Form {
        wal: Some("data/log/here"),
        ..PLAIN
    },
    Form {
        wal: Some("data/log/here"),
        is_there: true,
        ..PLAIN
    },
    Form {
        deep: true,
        ..PLAIN
    },
    Form {
        owner: true,
        ..PLAIN
    },
];

/// A folder with a snapshot, and what is to be made of it there.
struct Scene {
    dir: tempfile::TempDir,
    input: Input,
    request: RestoreRequest,
}

impl Scene {
    fn new(form: Form) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let input = snapshot(dir.path(), &store());
        let data = dir.path().join(if form.deep { "a/b/data" } else { "data" });
        if form.is_there {
            fs::create_dir(&data).unwrap();
        }
        let own = fs::metadata(dir.path()).unwrap();
        let request = RestoreRequest {
            data_dir: Some(data),
            wal_dir: form.wal.map(|wal| dir.path().join(wal)),
            owner: form.owner.then(|| (own.uid(), Some(own.gid()))),
            ..RestoreRequest::default()
        };
        Self {
            dir,
            input,
            request,
        }
    }

    fn prepared(&self) -> Prepared {
        Prepared::new(self.request.clone()).unwrap()
    }

    /// Every path below the folder, without the snapshot.
    fn paths(&self) -> Vec<PathBuf> {
        let mut paths = Vec::new();
        gather(self.dir.path(), &mut paths);
        paths.retain(|path| !path.ends_with("snapshot.db"));
        paths.sort();
        paths
    }
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

/// True when the directory is whole: then everything reads back.
fn is_whole(scene: &Scene, prepared: &Prepared) -> bool {
    if !prepared.data_dir().join("member").exists() {
        return false;
    }
    let proven = prove(&scene.input, prepared, None, &Options::default()).unwrap();
    assert_eq!(proven.problems, Vec::<String>::new());
    true
}

#[track_caller]
fn tells_what_failed(error: &OutputError) {
    let text = error.to_string();
    assert!(matches!(error, OutputError::Write { .. }), "{text}");
    assert!(text.starts_with("cannot "), "{text}");
    assert!(text.contains("Input/output error"), "{text}");
}

#[test]
fn whatever_call_fails_the_target_is_whole_or_nothing_is_there() {
    let options = Options::default();
    for form in FORMS {
        let mut whole = 0;
        let mut call = 1;
        loop {
            let scene = Scene::new(form);
            let before = scene.paths();
            let prepared = scene.prepared();
            prepared.target.disk.faults.fail_at(call);
            let restored = restore(&scene.input, &prepared, &options);
            if !prepared.target.disk.faults.has_failed() {
                restored.unwrap();
                assert!(is_whole(&scene, &prepared));
                break;
            }
            tells_what_failed(&restored.unwrap_err());
            if is_whole(&scene, &prepared) {
                whole += 1;
            } else {
                assert_eq!(scene.paths(), before, "{form:?}, call {call}");
                // Nothing is in the way of another try.
                restore(&scene.input, &scene.prepared(), &options).unwrap();
            }
            call += 1;
        }
        assert!(call > 15, "{form:?}: only {call} calls");
        assert_eq!(whole, 1, "{form:?}: only the last sync may fail so");
    }
}

/// What is there before all members are restored below `out`.
const BEFORE: [&[&str]; 3] = [&[], &["out/another"], &["out/m1", "out/m3"]];

/// A folder with a snapshot, and its three members to be.
struct Cluster {
    dir: tempfile::TempDir,
    input: Input,
    members: Vec<Prepared>,
}

impl Cluster {
    fn new(before: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let input = snapshot(dir.path(), &store());
        for folder in before {
            fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        let mut cluster = Self {
            dir,
            input,
            members: Vec::new(),
        };
        cluster.members = cluster.prepared().unwrap();
        cluster
    }

    fn prepared(&self) -> Result<Vec<Prepared>, OutputError> {
        let request = RestoreRequest {
            initial_cluster: "m1=http://127.0.0.1:1,m2=http://127.0.0.1:2,m3=http://127.0.0.1:3"
                .into(),
            ..RestoreRequest::default()
        };
        Prepared::all_members(&request, &self.dir.path().join("out"))
    }

    fn restore(&self, options: &Options) -> Result<Vec<Restored>, OutputError> {
        restore_members(&self.input, &self.members, options)
    }

    fn paths(&self) -> Vec<PathBuf> {
        let mut paths = Vec::new();
        gather(self.dir.path(), &mut paths);
        paths.sort();
        paths
    }

    /// True when every member has all its files and nothing else is there, false when everything is as it was.
    #[track_caller]
    fn are_all_whole(&self, before: &[PathBuf], told: &str) -> bool {
        let whole = self.members.iter().filter(|member| {
            if !member.data_dir().join("member").exists() {
                return false;
            }
            let len = |name| {
                fs::metadata(member.data_dir().join("member").join(name))
                    .unwrap()
                    .len()
            };
            assert_eq!(
                len("wal/0000000000000000-0000000000000000.wal"),
                SEGMENT_LEN,
                "{told}"
            );
            assert!(len("snap/db") >= self.input.layout.database_len, "{told}");
            assert!(
                len("snap/0000000000000001-0000000000000003.snap") > 0,
                "{told}"
            );
            true
        });
        match whole.count() {
            0 => assert_eq!(self.paths(), before, "{told}"),
            number => assert_eq!(number, 3, "{told}"),
        }
        let left = self.paths();
        let left = left
            .iter()
            .find(|path| path.to_string_lossy().contains("partial"));
        assert_eq!(left, None, "{told}");
        self.members[0].data_dir().join("member").exists()
    }
}

#[test]
fn whatever_call_fails_all_members_are_whole_or_none_is_there() {
    for before in BEFORE {
        for unlucky in [0, 2] {
            let (mut call, mut whole) = (1, 0);
            loop {
                let cluster = Cluster::new(before);
                let paths = cluster.paths();
                let faults = &cluster.members[unlucky].target.disk.faults;
                faults.fail_at(call);
                let restored = cluster.restore(&Options::default());
                let told = format!("{before:?}, member {unlucky}, call {call}");
                let are_whole = cluster.are_all_whole(&paths, &told);
                if !faults.has_failed() {
                    assert_eq!(restored.unwrap().len(), 3);
                    assert!(are_whole, "{told}");
                    let last = &cluster.members[unlucky];
                    let proven = prove(&cluster.input, last, None, &Options::default()).unwrap();
                    assert_eq!(proven.problems, Vec::<String>::new());
                    break;
                }
                tells_what_failed(&restored.unwrap_err());
                whole += u32::from(are_whole);
                if !are_whole {
                    // Nothing is in the way of another try.
                    cluster.prepared().unwrap();
                }
                call += 1;
            }
            assert!(call > 12, "{before:?}: only {call} calls");
            assert!(whole <= 1, "{before:?}: only the last sync may fail so");
        }
    }
}

#[test]
fn whenever_it_is_interrupted_all_members_are_whole_or_none_is_there() {
    for before in BEFORE {
        let (mut interrupted, mut finished) = (0, 0);
        for unlucky in [0, 2] {
            let mut call = 1;
            loop {
                let cluster = Cluster::new(before);
                let paths = cluster.paths();
                let options = Options::default();
                let faults = &cluster.members[unlucky].target.disk.faults;
                faults.cancel_at(call, options.cancel.clone());
                let restored = cluster.restore(&options);
                let told = format!("{before:?}, member {unlucky}, call {call}");
                let are_whole = cluster.are_all_whole(&paths, &told);
                assert_eq!(restored.is_ok(), are_whole, "{told}");
                match restored {
                    Ok(_) => finished += 1,
                    Err(OutputError::Read(crate::Error::Cancelled)) => interrupted += 1,
                    Err(other) => panic!("{told}: {other}"),
                }
                if options.cancel.check().is_ok() {
                    break;
                }
                call += 1;
            }
        }
        assert!(interrupted > 20 && finished > 2, "{interrupted} {finished}");
    }
}

#[test]
fn what_a_killed_run_left_is_named_whole_and_in_the_way_until_it_is_removed() {
    // One member had its name, the others had not.
    let cluster = Cluster::new(&["out"]);
    cluster.restore(&Options::default()).unwrap();
    let out = cluster.dir.path().join("out");
    for name in ["m2", "m3"] {
        fs::rename(out.join(name), out.join(format!("{name}.partial"))).unwrap();
    }
    let told = cluster.prepared().unwrap_err().to_string();
    for path in ["m2.partial", "m3.partial", "m1"] {
        let path = out.join(path).display().to_string();
        assert!(told.contains(&path), "{path}: {told}");
    }
    assert!(told.contains("may be of the same run, whole"), "{told}");
    for name in ["m1", "m2.partial", "m3.partial"] {
        fs::remove_dir_all(out.join(name)).unwrap();
    }
    let members = cluster.prepared().unwrap();
    restore_members(&cluster.input, &members, &Options::default()).unwrap();

    // None had its name.
    let cluster = Cluster::new(&[]);
    fs::create_dir_all(cluster.dir.path().join("out.partial/m1/member")).unwrap();
    let told = cluster.prepared().unwrap_err().to_string();
    assert!(told.contains("out.partial is left over"), "{told}");
    assert!(!told.contains("same run"), "{told}");
}

#[test]
fn a_member_called_as_another_one_before_it_is_whole_is_refused() {
    let request = RestoreRequest {
        initial_cluster: "m=http://127.0.0.1:1,m.partial=http://127.0.0.1:2".into(),
        ..RestoreRequest::default()
    };
    let told = Prepared::all_members(&request, Path::new("nowhere")).unwrap_err();
    assert!(told.to_string().contains("until it is whole"), "{told}");
}

#[test]
fn a_log_in_the_place_of_the_data_is_refused() {
    let scene = Scene::new(PLAIN);
    for wal in [
        "",
        "data",
        "data/member",
        "data/member/snap",
        "data/../data",
    ] {
        let request = RestoreRequest {
            wal_dir: Some(scene.dir.path().join(wal)),
            ..scene.request.clone()
        };
        let error = Prepared::new(request).unwrap_err().to_string();
        assert!(error.starts_with("wal-dir "), "{wal}: {error}");
    }
    assert_eq!(scene.paths(), Vec::<PathBuf>::new());
}

#[test]
fn a_log_inside_the_data_comes_with_it() {
    for wal in ["data/member/wal", "data/member/log/x", "data/log"] {
        for is_there in [false, true] {
            let scene = Scene::new(Form { is_there, ..PLAIN });
            let request = RestoreRequest {
                wal_dir: Some(scene.dir.path().join(wal)),
                ..scene.request.clone()
            };
            let prepared = Prepared::new(request).unwrap();
            restore(&scene.input, &prepared, &Options::default()).unwrap();
            assert!(is_whole(&scene, &prepared), "{wal}");
            assert_eq!(fs::read_dir(scene.dir.path()).unwrap().count(), 2, "{wal}");
        }
    }
}
