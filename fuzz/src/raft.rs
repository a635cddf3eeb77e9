//! The targets for what a data directory holds beside its database: the log and the `.snap` file.
#![allow(dead_code, unreachable_pub)] // Each user of this file needs another part of it.

use etcdsnap::checksum::crc32c;
use etcdsnap::etcd::raft::{
    Frame, LogError, LogRecord, SnapshotFile, SnapshotFileError, WalForm, WalReader, WalWriter,
    read_snapshot_file,
};

const FORMS: [WalForm; 3] = [WalForm::V34, WalForm::V36, WalForm::V37];
const SECTOR: usize = 512;

/// A segment of a log. The first byte says whether the others are one as they stand, or pieces of a sound
/// one: then type, length and content of each record, which the chain of checksums is put around.
pub fn wal(data: &[u8]) {
    let Some((how, rest)) = data.split_first() else {
        return;
    };
    if how & 1 == 0 {
        segment(rest, 0);
        segment(rest, 0xffff_ffff);
    } else {
        built(rest, usize::from(how >> 1));
    }
}

/// Reads any bytes as a segment: records follow each other without gaps, and what was read can be written
/// and read again.
fn segment(bytes: &[u8], crc: u32) -> (Vec<Frame>, Option<LogError>) {
    let mut reader = WalReader::new(bytes, crc);
    let (mut frames, mut error) = (Vec::<Frame>::new(), None);
    for frame in reader.by_ref() {
        assert!(error.is_none(), "a record after an error");
        match frame {
            Ok(frame) => frames.push(frame),
            Err(why) => error = Some(why),
        }
    }
    let mut at = 0;
    for frame in &frames {
        assert_eq!(frame.offset, at);
        assert!(frame.len >= 8);
        at += frame.len;
    }
    assert_eq!(reader.position(), at);
    assert!(at <= bytes.len() as u64);
    if let Some(last) = frames.last() {
        assert_eq!(reader.crc(), last.crc);
    }
    if let Some(error) = error {
        assert_eq!(offset(error), at, "{error:?}");
    }
    for form in FORMS {
        let mut writer = WalWriter::new(form);
        for frame in &frames {
            match &frame.record {
                LogRecord::Metadata(metadata) => writer.metadata(*metadata),
                LogRecord::Entry(entry) => writer.entry(entry),
                LogRecord::State(state) => writer.state(*state),
                LogRecord::Snapshot(mark) => writer.snapshot(mark),
                LogRecord::Crc | LogRecord::Other => {}
            }
        }
        let again = WalReader::new(writer.bytes(), 0).map(|frame| frame.expect("it was written"));
        let known = |record: &LogRecord| !matches!(record, LogRecord::Crc | LogRecord::Other);
        let again: Vec<LogRecord> = again.map(|frame| frame.record).filter(known).collect();
        let records = frames.iter().map(|frame| &frame.record);
        let before: Vec<&LogRecord> = records.filter(|record| known(record)).collect();
        assert_eq!(again.iter().collect::<Vec<_>>(), before);
    }
    (frames, error)
}

fn offset(error: LogError) -> u64 {
    match error {
        LogError::CutOff { offset }
        | LogError::Torn { offset }
        | LogError::Malformed { offset }
        | LogError::Crc { offset, .. } => offset,
    }
}

fn built(mut pieces: &[u8], cut: usize) {
    let mut bytes = Vec::new();
    let mut begins = Vec::new();
    let mut crc = 0;
    while let [kind, len, rest @ ..] = pieces {
        let (content, rest) = rest.split_at(rest.len().min(usize::from(*len) << (kind >> 6)));
        pieces = rest;
        begins.push(bytes.len());
        bytes.extend(frame(kind & 15, content, &mut crc));
    }
    let (frames, error) = segment(&bytes, 0);
    match error {
        None => assert_eq!(frames.len(), begins.len()),
        // The chain holds, so only a content can be wrong.
        Some(LogError::Malformed { offset }) => {
            assert_eq!(Some(&(offset as usize)), begins.get(frames.len()));
            return;
        }
        Some(other) => panic!("{other:?}"),
    }

    let padded = [&bytes[..], &[0; SECTOR]].concat();
    assert_eq!(segment(&padded, 0), (frames.clone(), None));

    let len = bytes.len().saturating_sub(cut);
    let whole: Vec<Frame> = frames
        .iter()
        .filter(|frame| frame.offset + frame.len <= len as u64)
        .cloned()
        .collect();
    let (read, error) = segment(&bytes[..len], 0);
    assert_eq!(read, whole);
    assert!(matches!(error, None | Some(LogError::CutOff { .. })));
    if len == bytes.len() || begins.contains(&len) {
        assert_eq!(error, None);
    }

    // A sector of the last record that never reached the disk.
    let Some(begin) = begins.last() else { return };
    let sector = (begin + 8).next_multiple_of(SECTOR);
    if let Some(lost) = bytes.get_mut(sector..sector + SECTOR)
        && lost.iter().any(|byte| *byte != 0)
    {
        lost.fill(0);
        let (read, error) = segment(&bytes, 0);
        assert_eq!(read, frames[..frames.len() - 1]);
        assert!(matches!(error, Some(LogError::Torn { .. })), "{error:?}");
    }
}

/// A record as etcd writes it, by an encoder of its own.
fn frame(kind: u8, content: &[u8], crc: &mut u32) -> Vec<u8> {
    let is_crc = kind == 4;
    if !is_crc {
        *crc = crc32c::combine(*crc, crc32c::checksum(content), content.len() as u64);
    }
    let mut record = vec![0x08, kind, 0x10];
    varint(&mut record, u64::from(*crc));
    if !is_crc {
        record.push(0x1a);
        varint(&mut record, content.len() as u64);
        record.extend_from_slice(content);
    }
    let padding = (8 - record.len() % 8) % 8;
    let mut len = record.len() as u64;
    if padding > 0 {
        len |= (0x80 | padding as u64) << 56;
    }
    let mut frame = len.to_le_bytes().to_vec();
    frame.extend(record);
    frame.resize(frame.len() + padding, 0);
    frame
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The pieces that [`wal`] makes this sound log of.
pub fn pieces(segment: &[u8]) -> Vec<u8> {
    let mut out = vec![1];
    for frame in WalReader::new(segment, 0) {
        let frame = frame.expect("a sound log");
        let (kind, content) = match &frame.record {
            LogRecord::Metadata(metadata) => (1, metadata.encode()),
            LogRecord::Entry(entry) => (2, entry.encode()),
            LogRecord::State(state) => (3, state.encode()),
            LogRecord::Snapshot(mark) => (5, mark.encode(WalForm::V36)),
            LogRecord::Crc | LogRecord::Other => (4, Vec::new()),
        };
        out.extend([kind, u8::try_from(content.len()).expect("a short record")]);
        out.extend(content);
    }
    out
}

/// A `.snap` file, as it is and with a checksum that fits.
pub fn raft_snapshot(data: &[u8]) {
    let _ = snapshot(data);
    let mut sealed = vec![0x08];
    varint(&mut sealed, u64::from(crc32c::checksum(data)));
    sealed.push(0x12);
    varint(&mut sealed, data.len() as u64);
    sealed.extend_from_slice(data);
    let read = snapshot(&sealed);
    assert!(
        !matches!(read, Err(SnapshotFileError::Crc { .. })),
        "it fits"
    );
    if read.is_ok()
        && let Some(last) = sealed.last_mut()
        && !data.is_empty()
    {
        *last ^= 1;
        assert!(matches!(
            snapshot(&sealed),
            Err(SnapshotFileError::Crc { .. })
        ));
    }
}

/// What is read can be written in every form and is then read as the same.
fn snapshot(bytes: &[u8]) -> Result<SnapshotFile, SnapshotFileError> {
    let read = read_snapshot_file(bytes);
    if let Ok(snapshot) = &read {
        for form in FORMS {
            let again = read_snapshot_file(&snapshot.encode(form));
            assert_eq!(again.as_ref(), Ok(snapshot));
        }
    }
    read
}
