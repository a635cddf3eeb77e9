//! The same answer whatever the number of threads and the way of reading: every command, on damaged and hostile
//! files. What is run is drawn by `ETCDSNAP_SEED` (default 1); `ETCDSNAP_DRAWS` says how many pairs of a command and
//! a file (default: two for each command), `all` means every command on every file in every way.

use std::io::Cursor;
use std::path::Path;

use etcdsnap::bolt::layout::{ELEMENT_HEADER, LeafElement, PAGE_HEADER, PageHeader};
use etcdsnap::bolt::write::{WriteError, WriteLayout, Writer};

use crate::support::clusters;
use crate::support::damage::{Table, sha256};
use crate::support::database::PAGE;
use crate::support::tool::{self, Outcome, for_all};
use crate::support::wire::{field, varint};

/// Every command; of most the forms that take ways of their own. `OUT` is a file or a folder that is not there,
/// `BASE` the file before the damage, `MARKED` makes the marks of hidden secrets the same in every run.
const COMMANDS: &[&str] = &[
    "status FILE -w json",
    "snapshot status FILE",
    "hashkv FILE",
    "hashkv FILE --rev 40",
    "verify FILE",
    "verify FILE --all --json",
    "verify FILE --values --json",
    "info FILE",
    "info FILE --json",
    "keys FILE --deleted --limit 0",
    "keys FILE --long --limit 20 --json",
    "keys FILE --sort size --limit 30 --long",
    "compact FILE --out OUT",
    "compact FILE --out OUT --live-only",
    "contains FILE /registry/configmaps/ns/c7 MARKED",
    "contains FILE cm/c7 --field {.data.a}=1 MARKED",
    "decode FILE MARKED",
    "diff BASE FILE MARKED",
    "diff BASE FILE -o json MARKED",
    "diff FILE BASE -o markdown MARKED",
    "diff FILE --from 30 --flat MARKED",
    "diff FILE --from 30 --log MARKED",
    "diff BASE FILE -o manifests --to-new --out OUT MARKED",
    "divergence BASE FILE",
    "divergence FILE BASE --json",
    "encryption FILE",
    "encryption FILE --json",
    "export FILE --out - MARKED",
    "export FILE --out OUT --partial MARKED",
    "get FILE --prefix /registry/ --json MARKED",
    "get FILE cm/c7 -o yaml MARKED",
    "grep . FILE --json MARKED",
    "grep a FILE --rev all MARKED",
    "history FILE cm/c7 MARKED",
    "history FILE /registry/configmaps/ns/c3 --json MARKED",
    "kinds FILE",
    "kinds FILE --json",
    "log FILE --limit 0",
    "log FILE --reverse --limit 30 --json",
    "log FILE -p --json MARKED",
    "log FILE --kind cm -n ns --noise all-status --reverse --limit 9",
    "log FILE --since 1d --until 2h --glob **/c*",
    "objects FILE --deleted MARKED",
    "objects FILE --deleted --json MARKED",
    "objects FILE MARKED",
    "objects FILE --json MARKED",
    "objects FILE -o yaml MARKED",
    "objects FILE -l app=a -o name MARKED",
    "objects FILE -o jsonpath={.items[*].metadata.name} MARKED",
    "objects FILE --sort-by=.data.a --show-labels MARKED",
    "objects FILE -o custom-columns=N:.metadata.name,D:.data MARKED",
    "restore FILE --data-dir OUT --skip-hash-check",
    "show FILE 40 MARKED",
    "show FILE 41 --json MARKED",
    "trailer FILE --out OUT",
    "wal FILE",
];

/// The first is what the others must be like.
const WAYS: [&str; 8] = [
    "--no-mmap --threads 1",
    "--mmap --threads 1",
    "--no-mmap --threads 2",
    "--mmap --threads 2",
    "--no-mmap --threads 3",
    "--mmap --threads 3",
    "--no-mmap --threads 8",
    "--mmap --threads 8",
];

/// A file that something is wrong with.
struct Sample {
    name: String,
    base: Vec<u8>,
    bytes: Vec<u8>,
}

/// Numbers that are the same for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound.max(1) as u64) as usize
    }
}

#[test]
fn every_command_says_the_same_whatever_the_number_of_threads() {
    let seed = variable("ETCDSNAP_SEED").map_or(1, |text| text.parse().expect("a number"));
    let draws = variable("ETCDSNAP_DRAWS");
    let is_all = draws.as_deref() == Some("all");
    let draws = draws
        .filter(|_| !is_all)
        .map(|text| text.parse().expect("a number"));
    let mut random = Random(seed);
    let samples = samples(&mut random);
    let dir = tempfile::tempdir().expect("a temporary directory");
    for (number, sample) in samples.iter().enumerate() {
        let folder = dir.path().join(number.to_string());
        std::fs::create_dir(&folder).expect("a folder");
        std::fs::write(folder.join("a.db"), &sample.bytes).expect("a temporary file");
        std::fs::write(folder.join("base.db"), &sample.base).expect("a temporary file");
    }
    let runs: Vec<(usize, usize, Vec<usize>)> = if is_all {
        let ways: Vec<usize> = (1..WAYS.len()).collect();
        let files = 0..samples.len();
        files
            .flat_map(|file| (0..COMMANDS.len()).map(move |command| (file, command)))
            .map(|(file, command)| (file, command, ways.clone()))
            .collect()
    } else {
        // The generated files are many leaves long; of the table each is a few pages.
        (0..draws.unwrap_or(2 * COMMANDS.len()))
            .map(|number| {
                let file = match number % 3 {
                    0 => random.below(samples.len()),
                    _ => random.below(GENERATED),
                };
                let ways = vec![1 + random.below(3), 4 + random.below(4)];
                (file, number % COMMANDS.len(), ways)
            })
            .collect()
    };
    let numbered: Vec<_> = runs.into_iter().enumerate().collect();
    let found = for_all(&numbered, |(number, (file, command, ways))| {
        let folder = dir.path().join(file.to_string());
        let out = format!("out-{number}");
        let command = COMMANDS[*command];
        let expected = run(&folder, command, WAYS[0], &out);
        ways.iter().find_map(|way| {
            let other = run(&folder, command, WAYS[*way], &out);
            (other != expected).then(|| {
                format!(
                    "{} (seed {seed}): {command}: {} and {} differ\n{}",
                    samples[*file].name,
                    WAYS[0],
                    WAYS[*way],
                    first_difference(&expected, &other)
                )
            })
        })
    });
    let wrong: Vec<String> = found.into_iter().flatten().collect();
    if let Some(folder) = variable("ETCDSNAP_KEEP").filter(|_| !wrong.is_empty()) {
        for sample in &samples {
            let path = Path::new(&folder).join(&sample.name);
            std::fs::write(path, &sample.bytes).expect("the file can be kept");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

type Answer = (Outcome, Vec<(String, [u8; 32])>);

/// Runs a command in one way: what it prints, and the files that it makes.
fn run(dir: &Path, command: &str, way: &str, out: &str) -> Answer {
    let words = command.split(' ').map(|word| match word {
        "FILE" => "a.db",
        "BASE" => "base.db",
        "OUT" => out,
        "MARKED" => "--redact-key=k",
        word => word,
    });
    let outcome = tool::run(dir, words.chain(way.split(' ')));
    let panicked = outcome.stderr.contains("panicked");
    assert!(
        !panicked && outcome.status.is_some(),
        "{command} {way}: {outcome:?}"
    );
    let path = dir.join(out);
    let mut made = Vec::new();
    gather(&path, out, &mut made);
    if path.is_dir() {
        std::fs::remove_dir_all(&path).expect("the folder can be removed");
    } else if path.exists() {
        std::fs::remove_file(&path).expect("the file can be removed");
    }
    made.sort();
    (outcome, made)
}

fn gather(path: &Path, name: &str, made: &mut Vec<(String, [u8; 32])>) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).expect("a readable folder") {
            let path = entry.expect("an entry").path();
            let own = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            gather(&path, &format!("{name}/{own}"), made);
        }
    } else if let Ok(bytes) = std::fs::read(path) {
        made.push((name.into(), sha256(&bytes)));
    }
}

fn first_difference((a, made): &Answer, (b, other): &Answer) -> String {
    for (a, b) in [(&a.stdout, &b.stdout), (&a.stderr, &b.stderr)] {
        let (mut a, mut b) = (a.lines(), b.lines());
        loop {
            match (a.next(), b.next()) {
                (None, None) => break,
                (a, b) if a == b => {}
                (a, b) => {
                    let cut =
                        |line: Option<&str>| line.map(|l| l.chars().take(300).collect::<String>());
                    return format!("  {:?}\n  {:?}", cut(a), cut(b));
                }
            }
        }
    }
    format!(
        "  status {:?} and {:?}; files {made:?} and {other:?}",
        a.status, b.status
    )
}

/// How many of the samples are generated.
const GENERATED: usize = 14;

fn samples(random: &mut Random) -> Vec<Sample> {
    let table = Table::read();
    let mut samples = Vec::new();
    let store = store(random);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let names = clusters::unpack(dir.path());
    let cluster = std::fs::read(dir.path().join(&names[1])).expect("a snapshot");
    samples.push(Sample {
        name: "store.db".into(),
        base: store.clone(),
        bytes: store.clone(),
    });
    for number in samples.len()..GENERATED {
        let (name, base) = match number % 4 {
            0 => ("cluster", &cluster),
            _ => ("store", &store),
        };
        let hurts = 1 + random.below(12);
        samples.push(Sample {
            name: format!("{name}-{number}.db"),
            bytes: hurt(base.clone(), hurts, random),
            base: base.clone(),
        });
    }
    samples.extend(table.cases.iter().map(|case| Sample {
        name: format!("{}.db", case.name),
        base: table.build_base(case),
        bytes: table.build(case),
    }));
    samples
}

/// Damages so many places of a snapshot, and makes the digest fit.
fn hurt(mut bytes: Vec<u8>, places: usize, random: &mut Random) -> Vec<u8> {
    bytes.truncate(bytes.len() - 32);
    let pages = bytes.len() / PAGE;
    for _ in 0..places {
        let page = 2 + random.below(pages - 2);
        let at = page * PAGE;
        let header = PageHeader::decode(&bytes[at..]).expect("a header");
        let element = random.below(usize::from(header.count).clamp(1, 40));
        let slot = at + PAGE_HEADER + element * ELEMENT_HEADER;
        match random.below(8) {
            // The header of the page: id, type, count, overflow.
            0 => bytes[at + random.below(PAGE_HEADER)] ^= 1 << random.below(8),
            1 => bytes[at + 12] = bytes[at + 12].wrapping_add(1),
            // An element: flags, place, lengths.
            2 | 3 => bytes[slot + random.below(ELEMENT_HEADER)] ^= 1 << random.below(8),
            // A key or a value.
            4 | 5 => {
                let found =
                    LeafElement::decode(&bytes[slot..]).map_or(0, |found| found.pos as usize);
                let inside = (slot + found + random.below(80)).min(bytes.len() - 1);
                bytes[inside] ^= 1 << random.below(8);
            }
            // A page in another one's place, or none.
            6 => {
                let from = (2 + random.below(pages - 2)) * PAGE;
                bytes.copy_within(from..from + PAGE, at);
            }
            _ => bytes[at..at + PAGE].fill(0),
        }
    }
    bytes.extend(sha256(&bytes));
    bytes
}

/// A store of some hundred leaves in which much is odd: prefixes inside each other, kinds that have one name,
/// objects that call themselves otherwise, missing leases and members, several records of one revision.
fn store(random: &mut Random) -> Vec<u8> {
    let mut records: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let prefixes = [
        "/registry/",
        "/registry/pods/",
        "/a/",
        "/registry/deep/er/",
        "/z/",
    ];
    let mut versions = std::collections::BTreeMap::<String, (u64, u64)>::new();
    for main in 2..2_600u64 {
        for sub in 0..=u64::from(main.is_multiple_of(7)) {
            let prefix = prefixes[random.below(40).min(prefixes.len() - 1)];
            let prefix = if random.below(8) > 0 {
                "/registry/"
            } else {
                prefix
            };
            let number = random.below(400);
            let name = format!("c{number}");
            let (key, kind, api) = match random.below(9) {
                0 => (
                    format!("{prefix}g{}.io/things/{name}", number % 5),
                    "Thing",
                    "g1.io/v1",
                ),
                1 => (
                    format!("{prefix}g{}.io/things/ns/{name}", number % 5),
                    "thing",
                    "g1.io/v1",
                ),
                2 => (format!("{prefix}pods/ns/{name}"), "Pod", "v1"),
                3 => (format!("{prefix}secrets/ns/{name}"), "Secret", "v1"),
                4 => (
                    format!("{prefix}deployments/ns{}/{name}", number % 9),
                    "Deployment",
                    "apps/v1",
                ),
                5 => (format!("key-{number}"), "", ""),
                _ => (format!("{prefix}configmaps/ns/{name}"), "ConfigMap", "v1"),
            };
            let own = if random.below(20) == 0 { "c7" } else { &name };
            let value = match random.below(30) {
                0 => "k8s\0broken".into(),
                1 => "k8s:enc:aescbc:v1:key1:0123456789abcdef0123456789abcdef".into(),
                2 => format!("{{\"apiVersion\":\"{api}\",\"kind\":\"{kind}\",\"metadata\":"),
                _ => format!(
                    "{{\"apiVersion\":\"{api}\",\"kind\":\"{kind}\",\"metadata\":{{\"name\":\"{own}\",\"namespace\":\"ns\",\
                     \"labels\":{{\"app\":\"{}\"}}}},\"data\":{{\"a\":\"{}\",\"token\":\"x{main}\"}}}}",
                    ["a", "b"][number % 2],
                    main % 3
                ),
            };
            let is_deleted = random.below(12) == 0;
            let known = versions.entry(key.clone()).or_insert((main, 0));
            let wrong = u64::from(random.below(60) == 0);
            known.1 += 1 + wrong;
            let (created, version) = *known;
            let mut record = Vec::new();
            field(&mut record, 1, key.as_bytes());
            if is_deleted {
                versions.remove(&key);
            } else {
                for (number, n) in [(2, created), (3, main + wrong), (4, version)] {
                    varint(&mut record, number << 3);
                    varint(&mut record, n);
                }
                field(&mut record, 5, value.as_bytes());
                if number.is_multiple_of(4) {
                    varint(&mut record, 6 << 3);
                    varint(&mut record, main);
                }
            }
            let mut name = [&main.to_be_bytes()[..], b"_", &sub.to_be_bytes()].concat();
            if is_deleted {
                name.push(b't');
            }
            // Some revisions are lost.
            if random.below(50) > 0 {
                records.push((name, record));
            }
        }
    }
    let mut writer =
        Writer::new(Cursor::new(Vec::new()), WriteLayout::default()).expect("a writer");
    let none = |_: &mut etcdsnap::bolt::write::Bucket<'_, _>| Ok::<(), WriteError>(());
    for name in ["alarm", "auth", "authRoles", "authUsers"] {
        writer.bucket(name.as_bytes(), none).expect("a bucket");
    }
    writer.bucket(b"cluster", none).expect("a bucket");
    writer
        .bucket(b"key", |bucket| bucket.extend(records))
        .expect("bucket key");
    let leases = (2..400u64).map(|id| {
        let mut lease = vec![8];
        varint(&mut lease, id);
        (id.to_be_bytes(), lease)
    });
    let leases: Vec<_> = leases.collect();
    writer
        .bucket(b"lease", |bucket| bucket.extend(leases))
        .expect("bucket lease");
    let members = (1..300u64).map(|id| {
        let member = format!(
            "{{\"id\":{id},\"peerURLs\":[\"http://h{}:2380\"],\"name\":\"m\"}}",
            id % 50
        );
        (format!("{id:03x}"), member)
    });
    let members: Vec<_> = members.collect();
    writer
        .bucket(b"members", |bucket| bucket.extend(members))
        .expect("bucket members");
    for name in ["members_removed", "meta"] {
        writer.bucket(name.as_bytes(), none).expect("a bucket");
    }
    let (file, _) = writer.finish().expect("a database");
    let mut bytes = file.into_inner();
    bytes.extend(sha256(&bytes));
    bytes
}
