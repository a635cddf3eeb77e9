//! Writes the small files that fuzzing begins with into `seeds/`: `cargo run --example seeds`. Those named
//! `crafted-*` are not from here but from `testdata/crafted`, those named `etcd-*` from `testdata/restore`, and
//! `server-*` are files of real servers without their zeros.

use std::path::Path;

use etcdsnap::ids::PageId;
use etcdsnap_fuzz::draft::{Draft, Item, branch_image, leaf_image, record, revision_key};
use etcdsnap_fuzz::raft;

fn entry(revision: u8) -> Item {
    let key = revision_key(u64::from(revision), 0);
    Item::entry(&key, &record(b"a", revision, b"value"))
}

/// Every standard bucket with something in it, one of them with branches and one with overflow pages.
fn full(freelist: bool) -> Draft {
    let mut draft = Draft::new(1024);
    let meta = [
        Item::entry(b"confState", b"{\"voters\":[1],\"auto_leave\":false}"),
        Item::entry(b"consistent_index", &[0, 0, 0, 0, 0, 0, 0, 9]),
        Item::entry(b"finishedCompactRev", &revision_key(2, 0)),
        Item::entry(b"storageVersion", b"3.6.0"),
        Item::entry(b"term", &[0, 0, 0, 0, 0, 0, 0, 2]),
    ];
    let member = b"{\"id\":1,\"peerURLs\":[\"http://a\"],\"name\":\"m\",\"clientURLs\":[]}";
    let mut lease = Item::entry(&[0, 0, 0, 0, 0, 0, 0, 5], &[8, 5, 16, 60]);
    lease.key[0] = 1;
    draft.root(
        2,
        &[
            Item::bucket(b"key", 3),
            Item::bucket(b"meta", 6),
            Item::inline(b"alarm", &[Item::entry(&[8, 1, 16, 1], b"")]),
            Item::inline(b"auth", &[Item::entry(b"authEnabled", &[0])]),
            Item::inline(b"authRoles", &[Item::entry(b"r", b"\x0a\x01r")]),
            Item::inline(b"authUsers", &[Item::entry(b"u", b"\x0a\x01u\x1a\x01r")]),
            Item::inline(b"cluster", &[Item::entry(b"clusterVersion", b"3.6.0")]),
            Item::inline(b"lease", &[lease]),
            Item::inline(b"members", &[Item::entry(b"1", member)]),
            Item::inline(b"members_removed", &[Item::entry(b"2", b"removed")]),
        ],
    );
    draft.branch(3, &[(revision_key(2, 0), 4), (revision_key(4, 0), 5)]);
    draft.leaf(4, &[entry(2), entry(3)]);
    draft.leaf(5, &[entry(4), entry(5)]);
    draft.leaf(6, &meta);
    if freelist {
        let header = etcdsnap::bolt::layout::PageHeader {
            id: PageId(7),
            flags: etcdsnap::bolt::layout::flags::FREELIST,
            count: 1,
            overflow: 0,
        };
        let page = [&header.encode()[..], &8u64.to_le_bytes()].concat();
        draft.put(7, &page);
        draft.put(8, &[0; 1024]);
        let end = draft.end();
        draft.metas_with(2, 7, end);
    } else {
        draft.metas(2);
    }
    draft
}

fn main() -> std::io::Result<()> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let write = |target: &str, name: &str, bytes: &[u8]| -> std::io::Result<()> {
        let directory = directory.join(target);
        std::fs::create_dir_all(&directory)?;
        std::fs::write(directory.join(name), bytes)
    };
    let plain = full(false).into_bytes();
    let listed = full(true).into_bytes();
    let mut long = Draft::new(1024);
    long.root(2, &[Item::bucket(b"key", 3)]);
    let value = record(b"a", 2, &[b'v'; 3000]);
    long.leaf(3, &[Item::entry(&revision_key(2, 0), &value)]);
    long.metas(2);
    for target in ["verify", "cursor", "classification"] {
        write(target, "plain", &plain)?;
        write(target, "freelist", &listed)?;
        write(target, "overflow", long.bytes())?;
        write(target, "snapshot", &full(false).into_snapshot())?;
    }
    write("meta", "both", &plain[..2048])?;
    write("meta", "one", &plain[..80])?;
    let files: [(&str, &[u8]); 10] = [
        ("empty", b""),
        ("gzip", b"\x1f\x8b\x08\0\0\0\0\0"),
        ("zstd", b"\x28\xb5\x2f\xfd"),
        ("zip", b"PK\x03\x04"),
        ("html", b"<!DOCTYPE html><title>404</title>"),
        ("xml", b"<?xml version=\"1.0\"?><Error/>"),
        ("json", b"{\"error\":1}"),
        ("text", b"no such file\n"),
        (
            "lines",
            b"a\r\nb\r\nc\r\nd\r\ne\r\nf\r\ng\r\nh\r\ni\r\n\x80",
        ),
        ("wal", b"\x04\0\0\0\0\0\0\x84"),
    ];
    for (name, bytes) in files {
        write("classification", name, bytes)?;
    }
    let leaf = leaf_image(5, 0, &[entry(7), entry(8)]);
    let root = leaf_image(5, 0, &[Item::bucket(b"key", 3), Item::inline(b"meta", &[])]);
    let branch = branch_image(5, 0, &[(revision_key(2, 0), 3), (revision_key(4, 0), 4)]);
    let inline = leaf_image(0, 0, &[entry(2)]);
    let pages: [(&str, u8, &[u8]); 8] = [
        ("root-leaf", 0, &root),
        ("key-leaf", 1, &leaf),
        ("meta-leaf", 2, &leaf),
        (
            "freelist",
            3,
            &[0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 1, 0, 0, 0, 0, 0, 4],
        ),
        ("inline", 4 | 8, &inline),
        ("child-leaf", 5, &leaf),
        ("twice", 6, &leaf),
        ("key-branch", 1 | 16, &branch),
    ];
    for (name, how, image) in pages {
        write("page", name, &[&[how], image].concat())?;
    }
    let value = record(b"key", 3, b"value");
    write("record", "record", &value)?;
    write("record", "revision", &revision_key(3, 1))?;
    let entries: [(&str, u8, &[u8]); 6] = [
        ("confstate", 9, b"{\"voters\":[1]}"),
        ("member", 7 + 4 * 10, b"1{\"id\":1,\"peerURLs\":[]}"),
        ("lease", 6, b"\0\0\0\0\0\0\0\x05\x08\x05\x10\x3c"),
        ("user", 3, b"u\x0a\x01u\x1a\x01r"),
        ("alarm", 0, b"\x08\x01\x10\x01"),
        ("cluster", 4, b"3.6.0"),
    ];
    for (name, how, bytes) in entries {
        write("record", name, &[&[how], bytes].concat())?;
    }
    let config: [(&str, &[u8]); 3] = [
        (
            "config-yaml",
            b"kind: EncryptionConfiguration\napiVersion: apiserver.config.k8s.io/v1\nresources:\n\
- resources: [secrets, '*.apps']\n  providers:\n  - aescbc:\n      keys:\n      - name: k\n        \
secret: MDEyMzQ1Njc4OWFiY2RlZg==\n  - kms: {name: x, apiVersion: v2}\n  - identity: {}\n",
        ),
        (
            "config-json",
            b"{\"kind\":\"EncryptionConfig\",\"apiVersion\":\"v1\",\"resources\":[{\"resources\":\
[\"*.*\"],\"providers\":[{\"identity\":{}}]}]}",
        ),
        (
            "config-alias",
            b"a: &a [x, |-\n y]\nb: [*a, !!str 1, <<: ? k]\n",
        ),
    ];
    for (name, bytes) in config {
        write("encryption", name, &[&[0], bytes].concat())?;
    }
    let payload = [b'x'; 64];
    for provider in ["aescbc:v1", "aesgcm:v1", "secretbox:v1", "kms:v1"] {
        let front = format!("\x01/registry/secrets/a/b\0k8s:enc:{provider}:k:");
        let name = provider.replace(':', "-");
        write("encryption", &name, &[front.as_bytes(), &payload].concat())?;
    }
    let kms: &[u8] =
        b"\x01/registry/g.example/r/a/b\0k8s:enc:kms:v2:k:\x0a\x01x\x12\x02id\x1a\x01y";
    write("encryption", "kms-v2", kms)?;
    let json: &[u8] =
        b"\x01/x\0{\"kind\":\"Secret\",\"apiVersion\":\"v1\",\"data\":{\"a\":\"Yg==\"}}";
    write("encryption", "secret", json)?;
    let objects: [(&str, &[u8]); 5] = [
        (
            "protobuf",
            b"k8s\0\x0a\x0f\x0a\x02v1\x12\x09ConfigMap\x12\x14\x0a\x0a\x0a\x01n\x1a\x02ns\x2a\x01u\
\x12\x06\x0a\x01k\x12\x01v\x1a\0\x22\0",
        ),
        (
            "json",
            b"{\"kind\":\"K\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"n\",\"labels\":{\"a\":\"b\"},\
\"managedFields\":[{\"time\":\"2000-01-01T00:00:00Z\"}]},\"spec\":[1,-2.5e3,true,null,\"\\u00e9\"]}",
        ),
        (
            "cbor",
            b"\xd9\xd9\xf7\xa2\x44kind\x41K\x48metadata\xbf\x44name\x5f\x41n\xff\x46labels\xa1\x41a\xd6\x42bc\
\x4amanagedFie\x9f\xf9\x3e\0\xc1\x01\x20\xf6\xff\xff",
        ),
        // A pod with a container that has a resource and a probe; and a definition with a schema.
        (
            "pod",
            b"\0\x0a\x03\x0a\x01p\x12\x24\x12\x22\x0a\x01c\x42\x0c\x0a\x0a\x0a\x03cpu\x12\x03\x0a\x011\x52\x0f\
\x0a\x0d\x12\x0b\x0a\x01/\x12\x06\x08\x01\x1a\x02ab",
        ),
        (
            "schema",
            b"\x03\x12\x12\x2a\x10\x0a\x0e\x2a\x01o\xe2\x01\x08\xc2\x01\x05\x0a\x03\x2a\x01s",
        ),
    ];
    for (name, bytes) in objects {
        write("kubernetes", name, bytes)?;
    }
    // Before and behind the word, a name of data, a kind; names of annotations and of more data.
    let texts = b"it is \0!\0password\0Sacret\0kapp.k14s.io/original\0\
kubectl.kubernetes.io/last-applied-configuration\0token\0cert-manager.io/common-name\0helm.sh/hook";
    for (name, how, place) in [
        ("plain", 0, 0),
        ("base64", 1, 0x11),
        ("object", 3, 0x22),
        ("in-objects", 0x43, 0x35),
        ("object-in-base64", 2, 0x41),
        ("yaml", 3, 0x51),
        ("hex", 0, 0x6f),
        ("other-kind", 0x82, 0x7b),
        ("cut", 0x5d, 0x22),
    ] {
        write("secrets", name, &[&[how, place], &texts[..]].concat())?;
    }
    let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/restore");
    for version in ["3.4", "3.6", "3.7"] {
        let log = std::fs::read(real.join(format!("two-members-{version}.wal")))?;
        write("wal", &format!("pieces-{version}"), &raft::pieces(&log))?;
        write(
            "wal",
            &format!("etcd-{version}"),
            &[&[0], &log[..]].concat(),
        )?;
    }
    // A record over several sectors, which can be torn.
    let long = [
        &[1, 0xc2, 200, 8, 0, 16, 1, 24, 2, 34, 0xc0, 12][..],
        &[b'v'; 1600],
    ]
    .concat();
    write("wal", "long", &long)?;
    let snap = std::fs::read(real.join("two-members-3.6.snap"))?;
    write("raft_snapshot", "etcd-3.6", &snap)?;
    let small = [
        &[0x0a, 2][..],
        b"{}",
        &[0x12, 8, 0x0a, 2, 8, 7, 16, 2, 24, 1],
    ]
    .concat();
    write("raft_snapshot", "small", &small)?;
    Ok(())
}
