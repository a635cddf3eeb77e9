//! Calls that fail, disks that spoil what they are given, interrupts, a source that changes.

use super::super::disk::faults::Spoiling;
use super::*;
use crate::error::Error;

#[track_caller]
fn tells_what_failed(error: &OutputError) {
    let text = crate::error::with_causes(error);
    let is_about_writing = matches!(
        error,
        OutputError::Write { .. } | OutputError::NotSynced { .. }
    );
    assert!(is_about_writing, "{text}");
    let is_told = text.starts_with("cannot ") || text.contains(": cannot sync ");
    assert!(is_told, "{text}");
    assert!(text.contains("Input/output error"), "{text}");
}

/// That nothing was made, and nothing is in the way of another try.
#[track_caller]
fn is_as_before(scene: &Scene, before: &[PathBuf], told: &str) {
    assert_eq!(scene.paths(), before, "{told}");
    scene.attempt().unwrap();
}

#[test]
fn whatever_call_fails_everything_is_whole_or_nothing_is_there_and_the_next_run_works() {
    for job in JOBS {
        let mut named = 0;
        for call in 1.. {
            let scene = Scene::new(job);
            let before = scene.paths();
            let attempt = scene.attempt().unwrap();
            attempt.disk.faults.fail_at(call);
            let outcome = attempt.run(&Options::default());
            let told = format!("{job:?}, call {call}");
            let (whole, all) = scene.whole(scene.dir.path());
            if !attempt.disk.faults.has_failed() {
                outcome.unwrap();
                assert_eq!(whole, all, "{told}");
                assert!(call > 5, "{told}");
                break;
            }
            match (outcome, whole) {
                // What removes an empty folder of ours may fail.
                (Ok(()), whole) => assert_eq!(whole, all, "{told}"),
                (Err(error), 0) => {
                    tells_what_failed(&error);
                    is_as_before(&scene, &before, &told);
                    if call % 7 == 0 {
                        scene.attempt().unwrap().run(&Options::default()).unwrap();
                    }
                }
                (Err(error), whole) => {
                    assert_eq!(whole, all, "{told}");
                    tells_what_failed(&error);
                    assert!(matches!(error, OutputError::NotSynced { .. }), "{told}");
                    assert!(error.to_string().contains("is there and whole"), "{error}");
                    named += 1;
                }
            }
        }
        let expected = match job {
            // Takes back its names where they cannot be synced.
            Job::Manifests(_) => 0..=0,
            _ => 1..=3,
        };
        assert!(
            expected.contains(&named),
            "{job:?}: the last syncs alone may fail so: {named}"
        );
    }
}

#[test]
fn a_disk_that_fails_for_good_leaves_whole_things_or_names_that_the_next_run_tells() {
    for (number, job) in JOBS.into_iter().enumerate() {
        // Each job is taken at other calls: what each of them leaves alone is tried above.
        for call in (1 + number % 3..).step_by(3) {
            let scene = Scene::new(job);
            let before = scene.paths();
            let attempt = scene.attempt().unwrap();
            attempt.disk.faults.fail_from(call);
            let outcome = attempt.run(&Options::default());
            let told = format!("{job:?}, from call {call}");
            let (whole, all) = scene.whole(scene.dir.path());
            assert!(whole == 0 || whole == all, "{told}: {whole}");
            if !attempt.disk.faults.has_failed() {
                outcome.unwrap();
                break;
            }
            tells_what_failed(&outcome.unwrap_err());
            // An empty folder that gave way may be missing.
            let left = scene.paths().len().saturating_sub(before.len());
            if whole == 0 && left > 0 {
                let again = scene
                    .attempt()
                    .and_then(|again| again.run(&Options::default()));
                match again {
                    Err(error) => {
                        assert!(tells_what_is_left(&error.to_string()), "{told}: {error}");
                    }
                    // Folders above that are empty are in nobody's way.
                    Ok(()) => assert!(left <= 2, "{told}"),
                }
            }
        }
    }
}

/// That the error blames what was written, never the source.
#[track_caller]
fn is_of_what_was_written(error: &OutputError, told: &str) {
    let is_staged = |path: &Path| path.to_string_lossy().ends_with(".partial");
    match error {
        // It is shorter than it should be.
        OutputError::Read(Error::Read {
            path: Some(path), ..
        }) => assert!(is_staged(path), "{told}: {error}"),
        OutputError::Write { what, path, .. } => {
            assert_eq!(*what, "cannot read back", "{told}: {error}");
            assert!(
                path.to_string_lossy().contains(".partial/"),
                "{told}: {error}"
            );
        }
        _ => {
            let error = error.to_string();
            assert!(error.contains("does not read back"), "{told}: {error}");
        }
    }
}

#[test]
fn what_a_disk_spoils_gets_no_final_name() {
    for job in JOBS {
        let scene = Scene::new(job);
        let attempt = scene.attempt().unwrap();
        attempt.run(&Options::default()).unwrap();
        let writes = attempt.disk.faults.writes();
        assert!(writes > 0, "{job:?}");
        for write in 1..=writes {
            for how in [Spoiling::Flip, Spoiling::Drop, Spoiling::Shorten] {
                let scene = Scene::new(job);
                let before = scene.paths();
                let attempt = scene.attempt().unwrap();
                attempt.disk.faults.spoil_at(write, how);
                let told = format!("{job:?}, write {write} of {writes}, {how:?}");
                let error = attempt.run(&Options::default()).expect_err(&told);
                is_of_what_was_written(&error, &told);
                is_as_before(&scene, &before, &told);
            }
        }
    }
}

#[test]
fn what_reads_back_other_than_it_was_written_gets_no_final_name() {
    for job in JOBS {
        let scene = Scene::new(job);
        let attempt = scene.attempt().unwrap();
        attempt.run(&Options::default()).unwrap();
        let reads = attempt.disk.faults.reads();
        assert!(reads > 0, "{job:?}");
        for read in 1..=reads {
            for thousandths in [0, 333, 1000] {
                let scene = Scene::new(job);
                let before = scene.paths();
                let attempt = scene.attempt().unwrap();
                attempt.disk.faults.rot_at(read, thousandths);
                let told = format!("{job:?}, file {read} of {reads}, at {thousandths}");
                let error = attempt.run(&Options::default()).expect_err(&told);
                is_of_what_was_written(&error, &told);
                is_as_before(&scene, &before, &told);
            }
        }
    }
}

#[test]
fn a_source_that_changes_right_before_the_rename_is_refused_and_nothing_is_left() {
    for job in JOBS {
        let scene = Scene::new(job);
        let before = scene.paths();
        let attempt = scene.attempt().unwrap();
        let path = scene.input.file.path().to_owned();
        attempt.disk.faults.before_look(move || {
            let bytes = fs::read(&path).unwrap();
            fs::write(&path, [&bytes[..], b"more"].concat()).unwrap();
        });
        let error = attempt.run(&Options::default()).unwrap_err();
        let is_told = matches!(error, OutputError::Read(Error::Changed { .. }));
        assert!(is_told, "{job:?}: {error}");
        is_as_before(&scene, &before, &format!("{job:?}"));
    }
}

#[test]
fn whenever_it_is_interrupted_everything_is_whole_or_nothing_is_there() {
    for job in JOBS {
        let (mut interrupted, mut finished) = (0, 0);
        for call in 1.. {
            let scene = Scene::new(job);
            let before = scene.paths();
            let options = Options::default();
            let attempt = scene.attempt().unwrap();
            attempt.disk.faults.cancel_at(call, options.cancel.clone());
            let outcome = attempt.run(&options);
            let told = format!("{job:?}, call {call}");
            let (whole, all) = scene.whole(scene.dir.path());
            match outcome {
                Ok(()) => {
                    assert_eq!(whole, all, "{told}");
                    if options.cancel.check().is_err() {
                        // Only what has begun to get its name goes on.
                        let named_at = attempt.disk.faults.named_at().unwrap();
                        assert!(call >= named_at, "{told}: {named_at}");
                    }
                    finished += 1;
                }
                Err(OutputError::Read(Error::Cancelled)) => {
                    is_as_before(&scene, &before, &told);
                    interrupted += 1;
                }
                Err(other) => panic!("{told}: {other}"),
            }
            if options.cancel.check().is_ok() {
                break;
            }
        }
        assert!(
            interrupted > 3 && finished > 1,
            "{job:?}: {interrupted} {finished}"
        );
    }
}

#[test]
fn what_has_come_to_stand_there_meanwhile_is_not_replaced() {
    for job in [
        JOBS[0],
        Job::Trailer,
        Job::Restore(PLAIN),
        Job::Members(&[]),
        Job::Manifests(Naming::New),
    ] {
        let scene = Scene::new(job);
        let attempt = scene.attempt().unwrap();
        let target = match job {
            Job::Restore(form) => scene.dir.path().join(form.data),
            _ => scene.dir.path().join("out"),
        };
        let meanwhile = target.clone();
        attempt
            .disk
            .faults
            .before_look(move || fs::create_dir(meanwhile).unwrap());
        let error = attempt.run(&Options::default()).unwrap_err().to_string();
        assert!(error.contains("cannot give its final name to"), "{error}");
        assert_eq!(scene.paths(), std::slice::from_ref(&target));
        assert_eq!(fs::read_dir(target).unwrap().count(), 0);
    }
}

#[test]
fn a_file_that_has_come_to_stand_there_meanwhile_is_not_replaced() {
    for job in [JOBS[0], Job::Trailer] {
        let scene = Scene::new(job);
        let attempt = scene.attempt().unwrap();
        let target = scene.dir.path().join("out");
        let meanwhile = target.clone();
        attempt
            .disk
            .faults
            .before_look(move || fs::write(meanwhile, "theirs").unwrap());
        let error = attempt.run(&Options::default()).unwrap_err().to_string();
        assert!(error.contains("cannot give its final name to"), "{error}");
        assert_eq!(fs::read(&target).unwrap(), b"theirs");
    }
}
