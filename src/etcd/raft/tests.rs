use super::*;

/// The two members of the files in testdata/restore, which etcd's own tools wrote.
fn cluster() -> NewCluster {
    let member = |name, port| {
        let urls = [format!("http://127.0.0.1:{port}")];
        NewMember::new(name, &urls, "etcd-cluster")
    };
    NewCluster::new(vec![member("m1", 23801), member("m2", 23802)])
}

const M1: u64 = 0xbdae_9bbc_11dd_390d;
const M2: u64 = 0x0294_3212_f5e2_cf73;

fn real(name: &str) -> Vec<u8> {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::read(dir.join("testdata/restore").join(name)).unwrap()
}

fn frames(bytes: &[u8]) -> Vec<Result<Frame, LogError>> {
    WalReader::new(bytes, 0).collect()
}

#[test]
fn ids_are_those_of_etcdutl() {
    assert_eq!(cluster().ids(), [M2, M1]);
    assert_eq!(cluster().id(), 0xad2a_8581_18c9_a1f3);
    assert_eq!(cluster().members()[0].key(), "2943212f5e2cf73");
}

#[test]
fn the_order_of_urls_does_not_change_an_id() {
    let urls = ["http://b:1".to_owned(), "http://a:1".to_owned()];
    let turned = [urls[1].clone(), urls[0].clone()];
    assert_eq!(member_id(&urls, "t"), member_id(&turned, "t"));
}

#[test]
fn the_log_of_a_restored_member_is_byte_for_byte_that_of_each_release() {
    for (form, name) in [
        (WalForm::V34, "two-members-3.4.wal"),
        (WalForm::V36, "two-members-3.6.wal"),
        (WalForm::V37, "two-members-3.7.wal"),
    ] {
        let writer = WalWriter::of_new_member(&cluster(), M1, form);
        let ours = writer.bytes();
        let real = real(name);
        assert_eq!(ours, &real[..ours.len()], "{form:?}");
        assert!(real[ours.len()..].iter().all(|byte| *byte == 0), "{form:?}");
    }
}

#[test]
fn a_log_reads_back_as_it_was_written() {
    let read: Vec<Frame> = frames(&real("two-members-3.6.wal"))
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let crcs: Vec<u32> = read.iter().map(|frame| frame.crc).collect();
    assert_eq!(
        crcs,
        [
            0,
            0x3e99_016a,
            0xc72c_e6f4,
            0xe80e_564b,
            0x4cea_3624,
            0xb458_e1f7,
            0xc692_b059
        ]
    );
    assert_eq!(
        read[1].record,
        LogRecord::Metadata(Metadata {
            member: M1,
            cluster: cluster().id()
        })
    );
    assert_eq!(
        read[3].record,
        LogRecord::Entry(cluster().entries(WalForm::V36)[0].clone())
    );
    assert_eq!(
        read[5].record,
        LogRecord::State(HardState {
            term: 1,
            vote: M2,
            commit: 2
        })
    );
    assert_eq!(
        read[6].record,
        LogRecord::Snapshot(SnapshotMark {
            index: 2,
            term: 1,
            configuration: Some(cluster().configuration())
        })
    );
}

#[test]
fn a_changed_byte_breaks_the_chain_where_it_is() {
    let mut bytes = real("two-members-3.6.wal");
    bytes[16 + 8 + 10] ^= 1;
    let read = frames(&bytes);
    assert_eq!(read.len(), 2);
    assert!(matches!(
        read[1],
        Err(LogError::Crc { offset: 16, .. } | LogError::Malformed { offset: 16 })
    ));
}

#[test]
fn a_record_that_was_not_written_to_its_end_is_torn() {
    let mut writer = WalWriter::new(WalForm::V36);
    writer.entry(&Entry {
        data: Some(vec![7; 2000]),
        ..Entry::default()
    });
    let mut bytes = writer.bytes().to_vec();
    bytes[1024..1536].fill(0);
    assert_eq!(frames(&bytes)[1], Err(LogError::Torn { offset: 16 }));
}

#[test]
fn a_cut_log_is_told_at_every_length_and_never_a_panic() {
    let whole = WalWriter::of_new_member(&cluster(), M1, WalForm::V36);
    let ends: Vec<u64> = frames(whole.bytes())
        .into_iter()
        .map(|frame| frame.map(|frame| frame.offset + frame.len).unwrap())
        .collect();
    for len in 0..whole.bytes().len() {
        let read = frames(&whole.bytes()[..len]);
        let at_an_end = len == 0 || ends.contains(&(len as u64));
        assert_eq!(read.iter().all(Result::is_ok), at_an_end, "{len}");
    }
}

#[test]
fn any_lengths_are_survived() {
    for length in [u64::MAX, 1 << 63, (1 << 56) - 1, 0x87 << 56, 0x83 << 56 | 5] {
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.extend([0xff; 20]);
        assert!(frames(&bytes)[0].is_err() || frames(&bytes).len() < 3);
    }
}

#[test]
fn etcds_own_snapshot_file_is_read_and_ours_says_the_same() {
    let real = read_snapshot_file(&real("two-members-3.6.snap")).unwrap();
    let ours = SnapshotFile::of_new_cluster(&cluster());
    let read = read_snapshot_file(&ours.encode(WalForm::V36)).unwrap();
    assert_eq!(read, ours);
    assert_eq!((real.index, real.term), (2, 1));
    assert_eq!(real.configuration, ours.configuration);
    let tree = |bytes: &[u8]| -> serde_json::Value { serde_json::from_slice(bytes).unwrap() };
    let members = |bytes: &[u8]| -> Vec<String> {
        let tree = tree(bytes);
        let members = &tree["Root"]["Children"]["0"]["Children"]["members"]["Children"];
        let mut all: Vec<String> = members
            .as_object()
            .unwrap()
            .iter()
            .map(|(id, node)| {
                let attributes = &node["Children"]["raftAttributes"];
                format!("{id} {} {}", attributes["Path"], attributes["Value"])
            })
            .collect();
        all.sort();
        all
    };
    assert_eq!(members(&real.store), members(&ours.store));
}

#[test]
fn a_damaged_snapshot_file_is_told() {
    let mut bytes = real("two-members-3.6.snap");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    assert!(matches!(
        read_snapshot_file(&bytes),
        Err(SnapshotFileError::Crc { .. })
    ));
    assert_eq!(read_snapshot_file(b""), Err(SnapshotFileError::Malformed));
}

#[test]
fn names_of_segments_are_made_and_read() {
    assert_eq!(segment_name(0, 0), "0000000000000000-0000000000000000.wal");
    assert_eq!(parse_segment_name(&segment_name(3, 77)), Some((3, 77)));
    assert_eq!(parse_segment_name("0.tmp"), None);
    assert_eq!(
        parse_segment_name("+00000000000000f-0000000000000000.wal"),
        None
    );
}
