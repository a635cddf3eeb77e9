//! How the work grows with a file: each of these files is made three times, twice as large each time. Nothing here
//! looks at a clock; what is counted are steps and what is read by position, see `steps`.

use std::io::Cursor;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;

use serde_json::{Value, json};

use super::diff::{DiffQuery, diff_revisions};
use super::*;
use crate::bolt::write::{WriteLayout, Writer};
use crate::etcd::Revision;
use crate::kubernetes::compare::difference::{NoListKeys, differences};
use crate::kubernetes::compare::security::{WideRoles, reasons};
use crate::options::Options;
use crate::steps::{self, Work};
use crate::wire::put_varint;

/// Entries of a bucket, in order.
type Entries = Vec<(Vec<u8>, Vec<u8>)>;

/// The work on files of `size`, twice and four times as many things must grow about as they do; sorting and
/// searching in order add a little.
fn grows_as_its_file(what: &str, size: usize, mut work: impl FnMut(usize) -> Work) {
    let [once, twice, again] = [size, 2 * size, 4 * size].map(&mut work);
    println!("{what}: {once:?} {twice:?} {again:?}");
    assert!(once.steps >= size as u64, "{what}: {once:?} for {size}");
    for (kind, once, twice, again) in [
        ("steps", once.steps, twice.steps, again.steps),
        ("bytes", once.bytes, twice.bytes, again.bytes),
        ("reads", once.reads, twice.reads, again.reads),
    ] {
        for (less, more) in [(once, twice), (twice, again)] {
            // A tree may grow by a level, and windows do not fit exactly.
            let most = less * 5 / 2 + 100_000 * u64::from(kind == "bytes") + 200;
            assert!(more <= most, "{what}: {kind}: {once}, {twice}, {again}");
        }
    }
}

fn options() -> Options {
    Options {
        // What other threads do is not counted.
        threads: Some(NonZeroUsize::MIN),
        ..Options::default()
    }
}

/// What `job` costs on a file with these buckets, besides those that every store has. With `is_one_leaf` each bucket
/// is one leaf, however long.
fn on_file(
    buckets: Vec<(&str, Entries)>,
    is_one_leaf: bool,
    job: impl FnOnce(&Input, &Options),
) -> Work {
    let layout = WriteLayout {
        min_elements: if is_one_leaf { u16::MAX - 1 } else { 1 },
        inline: false,
        ..WriteLayout::default()
    };
    let mut buckets: std::collections::BTreeMap<&str, Entries> = buckets.into_iter().collect();
    buckets.entry("meta").or_default();
    let mut writer = Writer::new(Cursor::new(Vec::new()), layout).unwrap();
    for (name, entries) in buckets {
        let fill = |bucket: &mut crate::bolt::write::Bucket<'_, _>| bucket.extend(entries);
        writer.bucket(name.as_bytes(), fill).unwrap();
    }
    let bytes = writer.finish().unwrap().0.into_inner();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    std::fs::write(&path, bytes).unwrap();
    let input = Input::open(&path).unwrap();
    let options = options();
    steps::of(|| job(&input, &options)).1
}

/// A record of a key that is put once, at this revision.
fn record(
    main: usize,
    mod_revision: usize,
    key: &str,
    value: &[u8],
    lease: u64,
) -> (Vec<u8>, Vec<u8>) {
    let mut record = vec![0x0a];
    put_varint(&mut record, key.len() as u64);
    record.extend(key.as_bytes());
    for (tag, number) in [(0x10, main), (0x18, mod_revision), (0x20, 1)] {
        record.push(tag);
        put_varint(&mut record, number as u64);
    }
    record.push(0x2a);
    put_varint(&mut record, value.len() as u64);
    record.extend(value);
    record.push(0x30);
    put_varint(&mut record, lease);
    let revision = Revision {
        main: i64::try_from(main).unwrap(),
        sub: 0,
    };
    (revision.to_key().to_vec(), record)
}

fn object(group: &str, kind: &str, name: &str, more: &Value) -> Vec<u8> {
    let mut object = json!({"apiVersion": group, "kind": kind, "metadata": {"name": name}});
    for (field, value) in more.as_object().into_iter().flatten() {
        object[field] = value.clone();
    }
    object.to_string().into_bytes()
}

fn examine_both(input: &Input, options: &Options) {
    let report = verify(input, VerifyOptions::default(), options).unwrap();
    assert_ne!(report.verdict, Verdict::Ok);
    info(input, options).unwrap();
}

#[test]
fn a_long_leaf_is_not_read_again_for_every_record_that_is_wrong() {
    grows_as_its_file("wrong records", 500, |size| {
        let records = |n: usize| record(n, 1, &format!("k{n}"), &[b'v'; 300], 0);
        let records = (2..size + 2).map(records).collect();
        on_file(vec![("key", records)], true, examine_both)
    });
    grows_as_its_file("undecodable records", 500, |size| {
        let records = |n: usize| (record(n, n, "k", b"", 0).0, vec![0xff; 300]);
        let records = (2..size + 2).map(records).collect();
        on_file(vec![("key", records)], true, examine_both)
    });
}

#[test]
fn a_missing_lease_is_not_searched_in_a_list_of_all_of_them() {
    grows_as_its_file("missing leases", 1000, |size| {
        let records = |n: usize| record(n, n, &format!("k{n}"), b"v", n as u64);
        let records = (2..size + 2).map(records).collect();
        on_file(vec![("key", records)], false, |input, options| {
            let report = info(input, options).unwrap();
            let missing = report
                .findings
                .counts
                .iter()
                .find(|one| one.code.id == "E022");
            assert_eq!(
                missing.map(|one| one.count),
                Some(size as u64),
                "{:?}",
                report.findings.counts
            );
        })
    });
}

#[test]
fn values_of_one_long_leaf_are_read_again_without_the_rest_of_it() {
    let records = |size: usize| -> Entries {
        let records = (2..size + 2).map(|n| {
            let value = object(
                "v1",
                "ConfigMap",
                &format!("c{n}"),
                &json!({"data": {"a": "x".repeat(2000)}}),
            );
            record(n, n, &format!("/registry/configmaps/c{n}"), &value, 0)
        });
        records.collect()
    };
    grows_as_its_file("differences", 400, |size| {
        on_file(vec![("key", records(size))], true, |input, options| {
            let mut session = Session::open(input, options).unwrap();
            let query = DiffQuery::default();
            let diff = diff_revisions(&mut session, 1, 0, &query).unwrap();
            let mut items = 0;
            let reader = ValueReader::default();
            diff.each(&session, &session, &reader, &reader, &query, |_| {
                items += 1;
                ControlFlow::Continue(())
            })
            .unwrap();
            assert_eq!(items, size);
        })
    });
}

#[test]
fn many_definitions_and_objects_of_them_are_not_held_against_each_other() {
    let group = |n: usize| format!("g{n}.io");
    let definition = |n: usize| {
        let spec = json!({"spec": {"group": group(n), "scope": "Cluster", "versions": [{"name": "v1"}],
            "names": {"kind": "Thing", "plural": "things"}}});
        let name = format!("things.{}", group(n));
        let value = object(
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            &name,
            &spec,
        );
        (
            format!("/registry/apiextensions.k8s.io/customresourcedefinitions/{name}"),
            value,
        )
    };
    let thing = |n: usize| {
        let value = object(&format!("{}/v1", group(n)), "Thing", "a", &json!({}));
        (format!("/registry/{}/things/a", group(n)), value)
    };
    grows_as_its_file("definitions", 200, |size| {
        let all = (0..size).flat_map(|n| [definition(n), thing(n)]);
        let records = all
            .zip(2..)
            .map(|((key, value), n)| record(n, n, &key, &value, 0));
        on_file(vec![("key", records.collect())], true, |input, options| {
            let mut session = Session::open(input, options).unwrap();
            let list = objects(
                &mut session,
                &ObjectsQuery::default(),
                &ValueReader::default(),
            );
            let list = list.unwrap();
            assert_eq!((list.found.len(), list.kinds.len()), (2 * size, size + 1));
            assert!(list.damaged.is_empty());
        })
    });
}

#[test]
fn what_is_wrong_with_many_members_leases_and_users_is_told_in_one_pass() {
    grows_as_its_file("members", 500, |size| {
        let member = |n: usize| {
            let member = json!({"id": n + 1, "peerURLs": ["http://same:2380"], "name": "m"});
            (
                format!("{n:08x}").into_bytes(),
                member.to_string().into_bytes(),
            )
        };
        let members: Entries = (0..size).map(member).collect();
        let removed = members.clone();
        let key = vec![record(2, 2, "a", b"b", 0)];
        let buckets = vec![
            ("key", key),
            ("members", members),
            ("members_removed", removed),
        ];
        on_file(buckets, false, examine_both)
    });
    grows_as_its_file("roles", 500, |size| {
        let user = |n: usize| {
            let name = format!("u{n:07}");
            let field = |tag: u8, text: &str| [&[tag, text.len() as u8], text.as_bytes()].concat();
            let value = [field(0x0a, &name), field(0x1a, &format!("r{n}"))].concat();
            (name.into_bytes(), value)
        };
        let users = (0..size).map(user).collect();
        let key = vec![record(2, 2, "a", b"b", 0)];
        on_file(
            vec![("key", key), ("authUsers", users)],
            false,
            examine_both,
        )
    });
}

#[test]
fn many_buckets_are_planned_one_by_one() {
    grows_as_its_file("buckets", 500, |size| {
        let names: Vec<String> = (0..size).map(|n| format!("x{n:06}")).collect();
        let empty = names.iter().map(|name| (name.as_str(), Entries::new()));
        let key = ("key", vec![record(2, 2, "a", b"b", 0)]);
        on_file(empty.chain([key]).collect(), false, examine_both)
    });
}

#[test]
fn lists_are_compared_in_bounds() {
    // Lists that are alike at every second place, so that there are as many common runs as can be.
    let list = |size: usize, odd: i64| -> Value {
        let item = |n: usize| {
            if n.is_multiple_of(2) {
                json!(odd)
            } else {
                json!(n)
            }
        };
        (0..size).map(item).collect()
    };
    grows_as_its_file("long lists", 100_000, |size| {
        let (old, new) = (list(size, -1), list(size, -2));
        steps::of(|| {
            // Comparing item by item is not counted.
            steps::count(size);
            differences(&old, &new, &NoListKeys, usize::MAX)
        })
        .1
    });
    grows_as_its_file("many lists", 8, |size| {
        let many = |odd| -> Value { (0..size).map(|_| list(256, odd)).collect() };
        let (old, new) = (many(-1), many(-2));
        let work = steps::of(|| differences(&old, &new, &NoListKeys, usize::MAX)).1;
        assert!(
            work.steps < size as u64 * 300_000,
            "{work:?} for {size} lists"
        );
        work
    });
}

#[test]
fn rules_are_held_against_each_other_in_bounds() {
    let role = |size: usize, group: &str| {
        let rule = |n: usize| json!({"verbs": ["get"], "apiGroups": [group], "resources": [format!("r{n}")]});
        let rules: Value = (0..size).map(rule).collect();
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "rules": rules})
    };
    let policy = |order: &mut dyn Iterator<Item = usize>| {
        let peer = |n: usize| json!({"ipBlock": {"cidr": format!("10.{n}.0.0/16")}});
        let peers: Value = order.map(peer).collect();
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": peers}]}})
    };
    let reasons = |old: &Value, new: &Value, size: usize| {
        steps::of(|| {
            steps::count(size);
            assert_eq!(
                reasons(Some(old), Some(new), &WideRoles::default()).len(),
                1
            );
        })
        .1
    };
    grows_as_its_file("rules of a role", 4000, |size| {
        // What is compared within the budget comes on top.
        let work = reasons(&role(size, "a"), &role(size, "b"), size);
        let steps = work.steps.saturating_sub(2_000_000).max(size as u64);
        Work { steps, ..work }
    });
    grows_as_its_file("peers of a policy", 2000, |size| {
        let (old, new) = (policy(&mut (0..size)), policy(&mut (1..=size).rev()));
        reasons(&old, &new, size)
    });
}

#[test]
fn many_pods_with_events_and_owners_are_described_in_a_few_passes() {
    let owner = |kind: &str, n: usize| {
        json!([{"apiVersion": "apps/v1", "kind": kind, "controller": true,
        "name": format!("o{n}"), "uid": format!("{kind}{n}")}])
    };
    let make = |group: &str, kind: &str, name: String, owners: &Value, more: &Value| {
        let mut value: Value = serde_json::from_slice(&object(group, kind, &name, more)).unwrap();
        value["metadata"] = json!({"name": name, "namespace": "shop", "uid": format!("{kind}{}", &name[1..]),
            "ownerReferences": owners});
        value.to_string().into_bytes()
    };
    let key = |path: &str, name: &str| format!("/registry/{path}/shop/{name}");
    grows_as_its_file("described pods", 200, |size| {
        let all = (0..size).flat_map(|n| {
            let event = json!({"involvedObject": {"kind": "Pod", "namespace": "shop",
                "name": format!("p{n}"), "uid": format!("Pod{n}")}});
            let none = json!([]);
            [
                (
                    key("pods", &format!("p{n}")),
                    make(
                        "v1",
                        "Pod",
                        format!("p{n}"),
                        &owner("ReplicaSet", n),
                        &json!({}),
                    ),
                ),
                (
                    key("replicasets", &format!("o{n}")),
                    make(
                        "apps/v1",
                        "ReplicaSet",
                        format!("o{n}"),
                        &owner("Deployment", n),
                        &json!({}),
                    ),
                ),
                (
                    key("events", &format!("e{n}")),
                    make("v1", "Event", format!("e{n}"), &none, &event),
                ),
            ]
        });
        let records = all
            .zip(2..)
            .map(|((key, value), n)| record(n, n, &key, &value, 0));
        on_file(vec![("key", records.collect())], true, |input, options| {
            let mut session = Session::open(input, options).unwrap();
            let query = ObjectsQuery {
                kinds: vec!["pods".into()],
                ..ObjectsQuery::default()
            };
            let reader = ValueReader::default();
            let listed = objects_to_describe(&mut session, &query, false, &reader);
            let (list, _) = listed.unwrap();
            let options = DescribeOptions {
                events: true,
                owners: true,
            };
            let related = related(
                &mut session,
                &list,
                &reader,
                options,
                &mut |_, _, _| panic!(),
            );
            let related = related.unwrap();
            assert_eq!(list.found.len(), size);
            for position in [0, size - 1] {
                let events = related.of(position).unwrap().events.as_ref();
                assert_eq!(events.map(Vec::len), Some(1));
                let standings: Vec<_> = related
                    .owners(position)
                    .iter()
                    .map(|one| one.standing)
                    .collect();
                assert_eq!(standings, [OwnerStanding::Present, OwnerStanding::Missing]);
            }
        })
    });
}
