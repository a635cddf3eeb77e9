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
fn tells_what_failed(error: &RestoreError) {
    let text = error.to_string();
    assert!(matches!(error, RestoreError::Write { .. }), "{text}");
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

#[test]
fn a_member_that_cannot_be_made_leaves_the_others_whole() {
    let options = Options::default();
    let cluster = "m1=http://127.0.0.1:1,m2=http://127.0.0.1:2";
    let mut call = 1;
    loop {
        let dir = tempfile::tempdir().unwrap();
        let input = snapshot(dir.path(), &store());
        let request = RestoreRequest {
            initial_cluster: cluster.into(),
            ..RestoreRequest::default()
        };
        let out = dir.path().join("out");
        let all = Prepared::all_members(&request, &out).unwrap();
        let [first, second] = all.as_slice() else {
            panic!("{} members", all.len());
        };
        let restored = restore(&input, first, &options).unwrap();
        second.target.disk.faults.fail_at(call);
        let sibling = restore_sibling(restored, first, second, &options);
        let proven = prove(&input, first, None, &options).unwrap();
        assert_eq!(proven.problems, Vec::<String>::new());
        let is_there = second.data_dir().exists();
        if !second.target.disk.faults.has_failed() {
            sibling.unwrap();
            assert!(is_there);
            break;
        }
        tells_what_failed(&sibling.unwrap_err());
        if is_there {
            let proven = prove(&input, second, None, &options).unwrap();
            assert_eq!(proven.problems, Vec::<String>::new());
        } else {
            assert_eq!(fs::read_dir(&out).unwrap().count(), 1, "call {call}");
        }
        call += 1;
    }
    assert!(call > 15, "only {call} calls");
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
