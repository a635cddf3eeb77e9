//! What is there when the power fails.

use super::super::disk::crash::images;
use super::*;

#[test]
fn after_a_crash_what_has_a_final_name_is_whole_and_the_rest_is_told_by_the_next_run() {
    for job in JOBS {
        let scene = Scene::new(job);
        let root = scene.dir.path().to_owned();
        let folders = scene.folders().into_iter().map(|folder| root.join(folder));
        let there: Vec<PathBuf> = std::iter::once(root.clone()).chain(folders).collect();
        let attempt = scene.attempt().unwrap();
        attempt.run(&Options::default()).unwrap();
        let images = images(&attempt.disk.faults.journal(), &there);
        let (mut named, mut left) = (0, 0);
        for image in &images {
            let at = tempfile::tempdir_in(scene.dir.path().parent().unwrap()).unwrap();
            image.make(&root, at.path());
            let told = format!("{job:?}: {image:?}");
            let (whole, all) = scene.whole(at.path());
            if whole == all {
                named += 1;
                continue;
            }
            let mut paths = Vec::new();
            gather(at.path(), &mut paths);
            let is_staged = |path: &PathBuf| path.to_string_lossy().contains("partial");
            let is_left = paths.iter().any(is_staged);
            // Where members or manifests get their names one by one, some may have theirs.
            assert!(whole == 0 || is_left, "{told}");
            if !is_left {
                // Nothing but folders, which were there or stand above.
                assert!(paths.iter().all(|path| path.is_dir()), "{told}: {paths:?}");
                continue;
            }
            left += 1;
            let refused = match job {
                Job::Compact { .. } | Job::Trailer => {
                    let out = at.path().join("out");
                    let output =
                        super::super::output::Output::create(&out, &scene.input, &Disk::default());
                    output.map(drop)
                }
                Job::Restore(_) | Job::Members(_) => scene.prepared(at.path()).map(drop),
                Job::Manifests(_) => Folder::create(&at.path().join("out")).map(drop),
            };
            let refused = refused.expect_err(&told).to_string();
            assert!(tells_what_is_left(&refused), "{told}: {refused}");
        }
        assert!(
            named > 0 && left > 3,
            "{job:?}: {named}, {left} of {}",
            images.len()
        );
    }
}
