//! Segments of the write-ahead log: frames around records, chained by a running CRC-32C.

use super::WalForm;
use super::members::NewCluster;
use super::message::{Entry, HardState, Metadata, SnapshotMark};
use crate::checksum::crc32c;
use crate::wire::{FieldValue, Fields, put_bytes, put_number};

/// Bytes that etcd gives a new segment.
pub const SEGMENT_LEN: u64 = 64_000_000;

/// The name of a segment: its number, and the index of the first entry that may be in it.
pub fn segment_name(number: u64, first_index: u64) -> String {
    format!("{number:016x}-{first_index:016x}.wal")
}

/// The number and first index in the name of a segment.
pub fn parse_segment_name(name: &str) -> Option<(u64, u64)> {
    parse_pair(name.strip_suffix(".wal")?)
}

/// Two numbers of 16 hexadecimal digits. etcd takes names with fewer digits as well, though it writes none.
pub(super) fn parse_pair(name: &str) -> Option<(u64, u64)> {
    let (one, other) = name.split_once('-')?;
    let parse = |hex: &str| {
        let plain =
            (1..=16).contains(&hex.len()) && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        plain.then(|| u64::from_str_radix(hex, 16).ok())?
    };
    Some((parse(one)?, parse(other)?))
}

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordType {
    /// Whose log it is.
    Metadata,
    /// An entry.
    Entry,
    /// What raft must remember.
    State,
    /// The running checksum, at the beginning of a segment.
    Crc,
    /// A place to start from.
    Snapshot,
    /// Nothing known.
    Other(u64),
}

impl RecordType {
    /// The number that a record has in its place.
    pub fn number(self) -> u64 {
        match self {
            Self::Metadata => 1,
            Self::Entry => 2,
            Self::State => 3,
            Self::Crc => 4,
            Self::Snapshot => 5,
            Self::Other(number) => number,
        }
    }

    fn of(number: u64) -> Self {
        match number {
            1 => Self::Metadata,
            2 => Self::Entry,
            3 => Self::State,
            4 => Self::Crc,
            5 => Self::Snapshot,
            other => Self::Other(other),
        }
    }

    /// As people read it.
    pub fn name(self) -> String {
        match self {
            Self::Metadata => "metadata".into(),
            Self::Entry => "entry".into(),
            Self::State => "state".into(),
            Self::Crc => "crc".into(),
            Self::Snapshot => "snapshot".into(),
            Self::Other(number) => format!("type {number}"),
        }
    }
}

/// A record, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogRecord {
    /// Whose log it is.
    Metadata(Metadata),
    /// An entry.
    Entry(Entry),
    /// What raft must remember.
    State(HardState),
    /// The running checksum.
    Crc,
    /// A place to start from.
    Snapshot(SnapshotMark),
    /// A record of a type that nobody knows.
    Other,
}

/// Builds a segment record by record.
#[derive(Debug, Default)]
pub struct WalWriter {
    bytes: Vec<u8>,
    crc: u32,
    form: WalForm,
}

impl WalWriter {
    /// The first segment of a log: begins with a checksum record of 0.
    pub fn new(form: WalForm) -> Self {
        let mut writer = Self {
            bytes: Vec::new(),
            crc: 0,
            form,
        };
        writer.put(RecordType::Crc, None);
        writer
    }

    /// The segment that follows this one, with the running checksum going on.
    pub fn next_segment(&self) -> Self {
        let mut writer = Self {
            bytes: Vec::new(),
            crc: self.crc,
            form: self.form,
        };
        writer.put(RecordType::Crc, None);
        writer
    }

    /// Adds a record as it was read; a running checksum is left out, every segment has its own.
    pub fn record(&mut self, record: &LogRecord) {
        match record {
            LogRecord::Metadata(metadata) => self.metadata(*metadata),
            LogRecord::Entry(entry) => self.entry(entry),
            LogRecord::State(state) => self.state(*state),
            LogRecord::Snapshot(mark) => self.snapshot(mark),
            LogRecord::Crc | LogRecord::Other => {}
        }
    }

    /// The log that a restored member begins with: who it is, an entry for each member, and the mark
    /// that all of them are in the database already.
    pub fn of_new_member(cluster: &NewCluster, member: u64, form: WalForm) -> Self {
        let mut writer = Self::new(form);
        writer.metadata(Metadata {
            member,
            cluster: cluster.id(),
        });
        writer.snapshot(&SnapshotMark::default());
        for entry in cluster.entries(form) {
            writer.entry(&entry);
        }
        writer.state(HardState {
            term: 1,
            // etcd's own choice: the lowest id, whoever restores.
            vote: cluster.members().first().map_or(0, |member| member.id),
            commit: cluster.last_index(),
        });
        writer.snapshot(&SnapshotMark {
            index: cluster.last_index(),
            term: 1,
            configuration: (form > WalForm::V34).then(|| cluster.configuration()),
        });
        writer
    }

    /// Adds whose log it is.
    pub fn metadata(&mut self, metadata: Metadata) {
        self.put(RecordType::Metadata, Some(&metadata.encode()));
    }

    /// Adds an entry.
    pub fn entry(&mut self, entry: &Entry) {
        self.put(RecordType::Entry, Some(&entry.encode()));
    }

    /// Adds what raft must remember.
    pub fn state(&mut self, state: HardState) {
        self.put(RecordType::State, Some(&state.encode()));
    }

    /// Adds a place to start from.
    pub fn snapshot(&mut self, mark: &SnapshotMark) {
        self.put(RecordType::Snapshot, Some(&mark.encode(self.form)));
    }

    fn put(&mut self, kind: RecordType, data: Option<&[u8]>) {
        if let Some(data) = data {
            self.crc = run_on(self.crc, data);
        }
        let mut record = Vec::new();
        put_number(&mut record, 1, kind.number());
        put_number(&mut record, 2, u64::from(self.crc));
        if let Some(data) = data {
            put_bytes(&mut record, 3, data);
        }
        let padding = record
            .len()
            .next_multiple_of(8)
            .saturating_sub(record.len());
        let mut len = record.len() as u64;
        if padding > 0 {
            len |= (0x80 | padding as u64) << 56;
        }
        self.bytes.extend_from_slice(&len.to_le_bytes());
        self.bytes.extend_from_slice(&record);
        let end = self.bytes.len().saturating_add(padding);
        self.bytes.resize(end, 0);
    }

    /// The bytes so far; a segment goes on with zeros.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The running CRC after `data`.
fn run_on(crc: u32, data: &[u8]) -> u32 {
    crc32c::combine(crc, crc32c::checksum(data), data.len() as u64)
}

/// A record with its place and checksum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Byte in the segment where it begins.
    pub offset: u64,
    /// Bytes that it takes, padding included.
    pub len: u64,
    /// Its type.
    pub kind: RecordType,
    /// The checksum in it.
    pub crc: u32,
    /// Its content.
    pub record: LogRecord,
}

/// Why a segment cannot be read further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// The frame reaches beyond the end of the segment.
    #[error("the record at byte {offset} reaches beyond the end of the segment")]
    CutOff {
        /// Where it begins.
        offset: u64,
    },
    /// A sector of the record is all zeros: it was being written when the machine stopped.
    #[error("the record at byte {offset} was not written to its end: a sector of it is all zeros")]
    Torn {
        /// Where it begins.
        offset: u64,
    },
    /// The bytes are not a record.
    #[error("the bytes at byte {offset} are not a record")]
    Malformed {
        /// Where it begins.
        offset: u64,
    },
    /// The checksum is not that of the records so far.
    #[error("the record at byte {offset} has checksum {stored:08x}, computed: {computed:08x}")]
    Crc {
        /// Where the record begins.
        offset: u64,
        /// The checksum in the record.
        stored: u32,
        /// That of the records.
        computed: u32,
    },
}

/// Sectors are written whole; a record with one that is all zeros was never finished.
const SECTOR: usize = 512;

/// Reads the records of one segment in order. It ends with the first error.
#[derive(Debug)]
pub struct WalReader<'b> {
    bytes: &'b [u8],
    at: usize,
    crc: u32,
    done: bool,
}

impl<'b> WalReader<'b> {
    /// Reads `segment`; `crc` is the running checksum at the end of the segment before it, 0 for the
    /// first one.
    pub fn new(segment: &'b [u8], crc: u32) -> Self {
        Self {
            bytes: segment,
            at: 0,
            crc,
            done: false,
        }
    }

    /// The running checksum so far.
    pub fn crc(&self) -> u32 {
        self.crc
    }

    /// Byte behind the last record that was read.
    pub fn position(&self) -> u64 {
        self.at as u64
    }

    fn read(&mut self) -> Result<Option<Frame>, LogError> {
        let offset = self.at as u64;
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let Some(length) = rest.first_chunk().copied().map(u64::from_le_bytes) else {
            let zeros = rest.iter().all(|byte| *byte == 0);
            return if zeros {
                Ok(None)
            } else {
                Err(LogError::CutOff { offset })
            };
        };
        if length == 0 {
            return Ok(None);
        }
        let padding = match length >> 63 {
            1 => length >> 56 & 7,
            _ => 0,
        };
        let record_len = length & ((1 << 56) - 1);
        let cut_off = LogError::CutOff { offset };
        let framed = usize::try_from(record_len.saturating_add(padding)).map_err(|_| cut_off)?;
        let body = rest
            .get(8..)
            .and_then(|rest| rest.get(..framed))
            .ok_or(cut_off)?;
        let record = usize::try_from(record_len)
            .ok()
            .and_then(|len| body.get(..len))
            .ok_or(cut_off)?;
        let (kind, stored, data) = envelope(record).ok_or_else(|| self.unread(offset, body))?;
        let frame_len = framed.saturating_add(8);
        let crc = if kind == RecordType::Crc {
            // At the beginning of a log that was cut, the chain starts with what it says.
            if self.crc != 0 && self.crc != stored {
                return Err(LogError::Crc {
                    offset,
                    stored,
                    computed: self.crc,
                });
            }
            stored
        } else {
            let computed = run_on(self.crc, data);
            if computed != stored {
                return Err(match self.unread(offset, body) {
                    torn @ LogError::Torn { .. } => torn,
                    _ => LogError::Crc {
                        offset,
                        stored,
                        computed,
                    },
                });
            }
            computed
        };
        let record = decode(kind, data).map_err(|_| LogError::Malformed { offset })?;
        self.at = self.at.saturating_add(frame_len);
        self.crc = crc;
        Ok(Some(Frame {
            offset,
            len: frame_len as u64,
            kind,
            crc: stored,
            record,
        }))
    }

    /// The error of a record whose bytes do not hold: torn if one of its sectors is all zeros.
    fn unread(&self, offset: u64, body: &[u8]) -> LogError {
        let begin = self.at.saturating_add(8);
        let to_sector_end = SECTOR.saturating_sub(begin.checked_rem(SECTOR).unwrap_or(0));
        let (first, rest) = body.split_at_checked(to_sector_end).unwrap_or((body, &[]));
        let torn = std::iter::once(first)
            .chain(rest.chunks(SECTOR))
            .any(|sector| sector.iter().all(|byte| *byte == 0));
        if torn {
            LogError::Torn { offset }
        } else {
            LogError::Malformed { offset }
        }
    }
}

impl Iterator for WalReader<'_> {
    type Item = Result<Frame, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let read = self.read();
        self.done = !matches!(read, Ok(Some(_)));
        read.transpose()
    }
}

fn envelope(record: &[u8]) -> Option<(RecordType, u32, &[u8])> {
    let (mut kind, mut crc, mut data) = (0, 0, &[][..]);
    for field in Fields::of_etcd(record) {
        match field.ok()? {
            (1, FieldValue::Varint(number)) => kind = number,
            (2, FieldValue::Varint(value)) => crc = u32::try_from(value).ok()?,
            (3, FieldValue::Bytes(bytes)) => data = bytes,
            _ => {}
        }
    }
    Some((RecordType::of(kind), crc, data))
}

fn decode(kind: RecordType, data: &[u8]) -> Result<LogRecord, crate::wire::Malformed> {
    Ok(match kind {
        RecordType::Metadata => LogRecord::Metadata(Metadata::decode(data)?),
        RecordType::Entry => LogRecord::Entry(Entry::decode(data)?),
        RecordType::State => LogRecord::State(HardState::decode(data)?),
        RecordType::Crc => LogRecord::Crc,
        RecordType::Snapshot => LogRecord::Snapshot(SnapshotMark::decode(data)?),
        RecordType::Other(_) => LogRecord::Other,
    })
}
