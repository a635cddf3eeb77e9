//! Command lines as they stand in scripts: `etcdsnap --compat V` takes what the tool of that release line takes,
//! refuses what it refuses, and prints the same where both print an answer.

use std::fs;

use crate::ledger::Ledger;
use crate::scene::Scene;
use crate::settings::Version;

/// What is compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Same {
    /// Zero or not, and of zero the standard output, too.
    Output,
    /// Zero or not.
    Status,
}
use Same::{Output, Status};

/// The first release line that has the command line, and the last one.
type Since = (Version, Version);
const ALL: Since = (Version::V34, Version::V37);
const CTL: Since = (Version::V34, Version::V34);
const UTL: Since = (Version::V35, Version::V37);
const FROM_36: Since = (Version::V36, Version::V37);
const NEWEST: Since = (Version::V37, Version::V37);

/// FILE is a copy of a snapshot, DIR a directory that is not there.
const LINES: &[(Since, Same, &str)] = &[
    (ALL, Output, "snapshot status FILE"),
    (ALL, Output, "snapshot status FILE -w=json"),
    (ALL, Output, "--write-out=table snapshot status FILE"),
    (ALL, Output, "-wjson snapshot status FILE"),
    (ALL, Output, "snapshot -w fields status FILE"),
    (ALL, Output, "snapshot --write-out json status FILE"),
    (ALL, Output, "snapshot status -w table -w json FILE"),
    (ALL, Output, "snapshot status -- FILE"),
    (ALL, Output, "snapshot status FILE -w protobuf"),
    (ALL, Output, "snapshot status FILE -w bogus"),
    (ALL, Output, "snapshot status -h=false FILE"),
    (ALL, Output, "--help=false snapshot status FILE"),
    (ALL, Status, "snapshot status --help=true"),
    (ALL, Output, "snapshot status"),
    (ALL, Output, "snapshot status DIR"),
    (ALL, Output, "snapshot status FILE --frobnicate"),
    (ALL, Status, "version"),
    (ALL, Status, "version -w bogus"),
    (ALL, Status, "version more words"),
    (ALL, Output, "frobnicate"),
    (UTL, Output, "snapshot status FILE --endpoints"),
    (
        CTL,
        Output,
        "--endpoints=http://a:1,http://b:1 snapshot status FILE",
    ),
    (
        CTL,
        Output,
        "--cacert a --cert=b --key c snapshot status FILE",
    ),
    (CTL, Output, "snapshot status FILE --hex --debug=false"),
    (
        CTL,
        Output,
        "--command-timeout=3s --dial-timeout 1s snapshot status FILE",
    ),
    (
        CTL,
        Output,
        "--insecure-skip-tls-verify snapshot status FILE --user a:b",
    ),
    (CTL, Output, "snapshot status FILE --cacert"),
    (NEWEST, Output, "--timeout 3s snapshot status FILE"),
    (NEWEST, Output, "snapshot status FILE --timeout=3s"),
    (NEWEST, Output, "hashkv FILE"),
    (NEWEST, Output, "--rev=0 hashkv FILE -w json"),
    (NEWEST, Output, "hashkv --rev 0x0 FILE"),
    (NEWEST, Output, "hashkv --rev 1 --rev 0 FILE"),
    (NEWEST, Output, "hashkv --rev=0_0 FILE"),
    (NEWEST, Output, "--timeout=3s hashkv FILE"),
    (NEWEST, Output, "hashkv --rev=ten FILE"),
    (NEWEST, Output, "hashkv --rev 9223372036854775808 FILE"),
    (NEWEST, Output, "hashkv FILE -w protobuf"),
    (NEWEST, Output, "hashkv"),
    (NEWEST, Output, "hashkv --help=false FILE"),
    (FROM_36, Status, "completion bash"),
    (FROM_36, Status, "completion zsh"),
    (FROM_36, Output, "completion"),
    (FROM_36, Output, "completion cmd"),
    (ALL, Status, "snapshot restore FILE --data-dir=DIR"),
    (ALL, Status, "--data-dir DIR snapshot restore FILE"),
    (
        ALL,
        Status,
        "snapshot restore FILE --data-dir DIR -w protobuf",
    ),
    (
        ALL,
        Status,
        "-w bogus snapshot restore FILE --data-dir DIR --wal-dir=",
    ),
    (
        ALL,
        Status,
        "snapshot --data-dir DIR restore FILE --name=default",
    ),
    (
        ALL,
        Status,
        "snapshot restore FILE --data-dir DIR --skip-hash-check=false",
    ),
    (
        ALL,
        Status,
        "snapshot restore --skip-hash-check=T FILE --data-dir DIR",
    ),
    (
        ALL,
        Status,
        "snapshot restore FILE --data-dir DIR --skip-hash-check",
    ),
    (
        ALL,
        Output,
        "snapshot restore FILE --data-dir DIR --skip-hash-check=maybe",
    ),
    (
        ALL,
        Output,
        "snapshot restore FILE --data-dir DIR --skip-hash-check true",
    ),
    (
        ALL,
        Status,
        "snapshot restore FILE --name a --name default --data-dir DIR",
    ),
    (ALL, Output, "snapshot restore FILE --name a --data-dir DIR"),
    (
        ALL,
        Output,
        "snapshot restore FILE --data-dir DIR --frobnicate",
    ),
    (ALL, Output, "snapshot restore --data-dir DIR"),
    (
        UTL,
        Status,
        "snapshot restore FILE --data-dir DIR --bump-revision=0x10 --mark-compacted=true",
    ),
    (
        UTL,
        Status,
        "--bump-revision 1_000 --mark-compacted=true snapshot restore FILE --data-dir DIR",
    ),
    (
        UTL,
        Status,
        "snapshot restore FILE --data-dir DIR --mark-compacted=false",
    ),
    (
        UTL,
        Output,
        "snapshot restore FILE --data-dir DIR --mark-compacted=1",
    ),
    (
        UTL,
        Output,
        "snapshot restore FILE --data-dir DIR --bump-revision 5",
    ),
    (
        UTL,
        Output,
        "snapshot restore FILE --data-dir DIR --bump-revision -5 --mark-compacted",
    ),
    (
        FROM_36,
        Status,
        "snapshot restore FILE --data-dir DIR --initial-memory-map-size=0x100000",
    ),
];

pub(super) fn scripts_go_on_working(
    scene: &mut Scene<'_>,
    ledger: &mut Ledger,
) -> Result<(), String> {
    let file = scene.scratch.join("line.db");
    let dir = scene.scratch.join("line.etcd");
    for &((first, last), same, line) in LINES {
        for version in Version::ALL {
            if version < first || version > last {
                continue;
            }
            let words: Vec<String> = line
                .split(' ')
                .map(|word| {
                    word.replace("FILE", &file.to_string_lossy())
                        .replace("DIR", &dir.to_string_lossy())
                })
                .collect();
            let run = |is_ours: bool| {
                scene
                    .snapshot
                    .copy_to(&file)
                    .map_err(|error| format!("{}: {error}", file.display()))?;
                let outcome = match is_ours {
                    true => scene.etcdsnap.as_tool(version, &words),
                    false => scene.peers.as_written(version, &words),
                };
                let _ = fs::remove_dir_all(&dir);
                outcome
            };
            let (theirs, ours) = (run(false)?, run(true)?);
            let what = format!("{line} of {version}");
            let is_same = (theirs.code == Some(0)) == (ours.code == Some(0));
            ledger.holds("a command line is taken or refused alike", is_same, || {
                format!("{what}: theirs {}, ours {}", theirs.brief(), ours.brief())
            });
            // With a wrong line some print their help.
            if same == Output && theirs.code == Some(0) {
                let kind = "a command line prints the same";
                ledger.same(kind, &what, &ours.stdout, &theirs.stdout);
            }
        }
    }
    let _ = fs::remove_file(&file);
    Ok(())
}
