//! `etcdsnap status --compat V` prints what `snapshot status` of that release line prints.

use crate::ledger::Ledger;
use crate::scene::Scene;
use crate::settings::Version;

const FORMATS: [&str; 4] = ["simple", "table", "json", "fields"];

pub(super) fn every_file_in_every_format_of_every_version(
    scene: &mut Scene<'_>,
    ledger: &mut Ledger,
) -> Result<(), String> {
    let raw = scene.raw.as_ref().expect("the server has ended");
    for (file, formats) in [
        (&scene.snapshot, &FORMATS[..]),
        (&scene.middle, &FORMATS[2..3]),
        (raw, &FORMATS[..]),
    ] {
        for version in Version::ALL {
            for format in formats {
                let what = format!("{} -w {format} --compat {version}", file.name());
                let theirs = scene
                    .peers
                    .status(version, &file.path, format)?
                    .success(&format!("snapshot status of {version}, {what}"))?;
                let words = ["status", "-w", format, "--compat", version.name()];
                let ours = scene.etcdsnap.on_file(ledger, &words, file)?;
                let kind = format!("status as {version} prints it");
                ledger.same(&kind, &what, &ours.stdout, &theirs);
                ledger.holds("status ends with 0", ours.code == Some(0), || {
                    format!("{what}: {}", ours.brief())
                });
            }
        }
    }
    Ok(())
}
