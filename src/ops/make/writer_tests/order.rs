//! The one order: write, sync, read back, look at the source again, rename, sync the folder above.

use super::super::disk::faults::Call;
use super::*;

fn journal_of(job: Job) -> Vec<Call> {
    let scene = Scene::new(job);
    let attempt = scene.attempt().unwrap();
    attempt.run(&Options::default()).unwrap();
    let (whole, all) = scene.whole(scene.dir.path());
    assert_eq!(whole, all, "{job:?}");
    attempt.disk.faults.journal()
}

/// Where the last such call is.
#[track_caller]
fn last(journal: &[Call], what: &str, is: impl Fn(&Call) -> bool) -> usize {
    let found = journal.iter().rposition(is);
    found.unwrap_or_else(|| panic!("no {what}: {journal:?}"))
}

#[test]
fn every_file_is_written_synced_and_read_back_before_the_source_is_looked_at_and_names_are_given() {
    for job in JOBS {
        let journal = journal_of(job);
        let look = last(&journal, "look at the source", |call| {
            *call == Call::LookAtSource
        });
        let first_rename = journal
            .iter()
            .position(Call::gives_final_name)
            .expect("a rename");
        assert!(look < first_rename, "{job:?}");
        let mut files = 0;
        for call in &journal {
            let Call::MakeFile(path) = call else { continue };
            files += 1;
            let written = last(&journal, "write", |call| match call {
                Call::Write(of, ..) | Call::SetLength(of, _) | Call::Give(of) => of == path,
                _ => false,
            });
            let is_sync = |call: &Call| *call == Call::Sync(path.clone());
            let synced = last(&journal, "sync", is_sync);
            let is_read = |call: &Call| *call == Call::ReadBack(path.clone());
            let read = last(&journal, "reading back", is_read);
            let told = format!("{job:?}: {}", path.display());
            assert!(written < synced, "{told} was written after its sync");
            assert!(synced < read, "{told} was read back before its sync");
            assert!(read < look, "{told} was read back after the last look");
        }
        let expected = match job {
            Job::Compact { .. } | Job::Trailer => 1,
            Job::Restore(_) => 3,
            Job::Members(_) => 9,
            Job::Manifests(_) => MANIFESTS.len(),
        };
        assert_eq!(files, expected, "{job:?}");
    }
}

#[test]
fn folders_are_synced_before_they_get_their_names_and_what_holds_the_names_afterwards() {
    for job in JOBS {
        let journal = journal_of(job);
        let synced = |folder: &Path, calls: &[Call]| {
            let is_sync = |call: &Call| *call == Call::SyncFolder(folder.to_owned());
            calls.iter().any(is_sync)
        };
        let look = last(&journal, "look", |call| *call == Call::LookAtSource);
        for (number, call) in journal.iter().enumerate() {
            let told = format!("{job:?}: {call:?}");
            match call {
                // A single file has its folder synced when it has its name.
                Call::MakeFolder(path) | Call::MakeFile(path)
                    if !matches!(job, Job::Compact { .. } | Job::Trailer) =>
                {
                    let folder = path.parent().unwrap();
                    assert!(synced(folder, &journal[number..look]), "{told}");
                }
                Call::Give(path) if journal.contains(&Call::MakeFolder(path.clone())) => {
                    assert!(synced(path, &journal[number..look]), "{told}");
                }
                Call::Rename(_, to) => {
                    let folder = to.parent().unwrap();
                    assert!(synced(folder, &journal[number..]), "{told}");
                    // The log has its name on the disk before the data has its own.
                    let has_log = matches!(job, Job::Restore(_));
                    let next = journal[number + 1..]
                        .iter()
                        .position(|call| matches!(call, Call::Rename(..)));
                    if let Some(next) = next.filter(|_| has_log) {
                        let between = &journal[number..number + 1 + next];
                        assert!(synced(folder, between), "{told}");
                        assert!(to.to_string_lossy().contains("log"), "{told}");
                    }
                }
                _ => {}
            }
        }
        let renamed = last(&journal, "rename", |call| matches!(call, Call::Rename(..)));
        for call in &journal[renamed + 1..] {
            let is_last = matches!(call, Call::SyncFolder(_) | Call::Remove(_));
            assert!(is_last, "{job:?}: {call:?} comes after the last rename");
        }
    }
}

#[test]
fn a_sync_reaches_the_system() {
    // A pipe cannot be synced, and the system says so.
    let (reader, _writer) = std::io::pipe().unwrap();
    let pipe = fs::File::from(std::os::fd::OwnedFd::from(reader));
    let disk = Disk::default();
    assert!(disk.sync(&pipe).is_err());
    assert!(disk.sync_data(&pipe).is_err());
}
