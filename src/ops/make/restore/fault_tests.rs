//! Targets that are refused, and what a run that was killed has left.

use std::fs;
use std::path::{Path, PathBuf};

use super::tests::{assert_whole, snapshot, store};
use super::*;

/// A folder with a snapshot, and what is to be made of it there.
struct Scene {
    dir: tempfile::TempDir,
    input: Input<'static>,
    request: RestoreRequest,
}

impl Scene {
    fn new(is_there: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let input = snapshot(dir.path(), &store());
        let data = dir.path().join("data");
        if is_there {
            fs::create_dir(&data).unwrap();
        }
        let request = RestoreRequest {
            data_dir: Some(data),
            ..RestoreRequest::default()
        };
        Self {
            dir,
            input,
            request,
        }
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

/// Whether there is a data directory, which must be whole.
fn is_whole(prepared: &Prepared, hash: Option<crate::etcd::HashKv>) -> bool {
    let is_there = prepared.data_dir().join("member").exists();
    if is_there {
        assert_whole(prepared, hash);
    }
    is_there
}

/// A folder with a snapshot, and its three members to be.
struct Cluster {
    dir: tempfile::TempDir,
    input: Input<'static>,
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
    let scene = Scene::new(false);
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
            let scene = Scene::new(is_there);
            let request = RestoreRequest {
                wal_dir: Some(scene.dir.path().join(wal)),
                ..scene.request.clone()
            };
            let prepared = Prepared::new(request).unwrap();
            let restored = restore(&scene.input, &prepared, &Options::default()).unwrap();
            assert!(is_whole(&prepared, restored.proven.hash), "{wal}");
            assert_eq!(fs::read_dir(scene.dir.path()).unwrap().count(), 2, "{wal}");
        }
    }
}
