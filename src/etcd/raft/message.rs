//! The protobuf messages of the log.

use super::WalForm;
use crate::etcd::wire::{Field, Fields, Malformed};

pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(super) fn put_number(out: &mut Vec<u8>, field: u64, value: u64) {
    put_varint(out, field << 3);
    put_varint(out, value);
}

pub(super) fn put_bytes(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    put_varint(out, field << 3 | 2);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Whose log it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Metadata {
    /// The member.
    pub member: u64,
    /// Its cluster.
    pub cluster: u64,
}

impl Metadata {
    /// As stored.
    pub fn encode(self) -> Vec<u8> {
        let mut out = Vec::new();
        put_number(&mut out, 1, self.member);
        put_number(&mut out, 2, self.cluster);
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut made = Self::default();
        for field in Fields::new(bytes) {
            match field? {
                (1, Field::Varint(id)) => made.member = id,
                (2, Field::Varint(id)) => made.cluster = id,
                _ => {}
            }
        }
        Ok(made)
    }
}

/// What an entry of the log asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EntryType {
    /// A request of a client or of etcd itself.
    #[default]
    Normal,
    /// A member comes, goes or changes.
    ConfChange,
    /// The same in its second form.
    ConfChangeV2,
    /// Nothing known.
    Other(u64),
}

impl EntryType {
    fn number(self) -> u64 {
        match self {
            Self::Normal => 0,
            Self::ConfChange => 1,
            Self::ConfChangeV2 => 2,
            Self::Other(number) => number,
        }
    }
}

/// An entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entry {
    /// What it asks for.
    pub kind: EntryType,
    /// The term in which it was proposed.
    pub term: u64,
    /// Its place in the log.
    pub index: u64,
    /// The request.
    pub data: Option<Vec<u8>>,
}

impl Entry {
    /// As stored.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_number(&mut out, 1, self.kind.number());
        put_number(&mut out, 2, self.term);
        put_number(&mut out, 3, self.index);
        if let Some(data) = &self.data {
            put_bytes(&mut out, 4, data);
        }
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut made = Self::default();
        for field in Fields::new(bytes) {
            match field? {
                (1, Field::Varint(kind)) => {
                    made.kind = match kind {
                        0 => EntryType::Normal,
                        1 => EntryType::ConfChange,
                        2 => EntryType::ConfChangeV2,
                        other => EntryType::Other(other),
                    }
                }
                (2, Field::Varint(term)) => made.term = term,
                (3, Field::Varint(index)) => made.index = index,
                (4, Field::Bytes(data)) => made.data = Some(data.to_vec()),
                _ => {}
            }
        }
        Ok(made)
    }
}

/// What a member must remember of the raft protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HardState {
    /// The current term.
    pub term: u64,
    /// Whom it voted for in that term.
    pub vote: u64,
    /// The index up to which entries are committed.
    pub commit: u64,
}

impl HardState {
    /// As stored.
    pub fn encode(self) -> Vec<u8> {
        let mut out = Vec::new();
        put_number(&mut out, 1, self.term);
        put_number(&mut out, 2, self.vote);
        put_number(&mut out, 3, self.commit);
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut made = Self::default();
        for field in Fields::new(bytes) {
            match field? {
                (1, Field::Varint(term)) => made.term = term,
                (2, Field::Varint(vote)) => made.vote = vote,
                (3, Field::Varint(commit)) => made.commit = commit,
                _ => {}
            }
        }
        Ok(made)
    }
}

/// Who takes part in a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Configuration {
    /// Voting members.
    pub voters: Vec<u64>,
    /// Members that only learn.
    pub learners: Vec<u64>,
    /// Voters of the configuration that is being left.
    pub voters_outgoing: Vec<u64>,
    /// Learners of the configuration that comes.
    pub learners_next: Vec<u64>,
    /// Whether the change completes by itself.
    pub auto_leave: bool,
}

impl Configuration {
    /// As stored.
    pub fn encode(&self, form: WalForm) -> Vec<u8> {
        let mut out = Vec::new();
        let lists = [
            &self.voters,
            &self.learners,
            &self.voters_outgoing,
            &self.learners_next,
        ];
        for (list, field) in lists.into_iter().zip(1..) {
            for id in list {
                put_number(&mut out, field, *id);
            }
        }
        if form < WalForm::V37 || self.auto_leave {
            put_number(&mut out, 5, u64::from(self.auto_leave));
        }
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut made = Self::default();
        for field in Fields::new(bytes) {
            match field? {
                (1, Field::Varint(id)) => made.voters.push(id),
                (2, Field::Varint(id)) => made.learners.push(id),
                (3, Field::Varint(id)) => made.voters_outgoing.push(id),
                (4, Field::Varint(id)) => made.learners_next.push(id),
                (5, Field::Varint(flag)) => made.auto_leave = flag != 0,
                _ => {}
            }
        }
        Ok(made)
    }
}

/// A place in the log from which a server may start, as the log itself notes it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SnapshotMark {
    /// The index of the last entry that the snapshot covers.
    pub index: u64,
    /// Its term.
    pub term: u64,
    /// Who took part then; since 3.5.
    pub configuration: Option<Configuration>,
}

impl SnapshotMark {
    /// As stored.
    pub fn encode(&self, form: WalForm) -> Vec<u8> {
        let mut out = Vec::new();
        put_number(&mut out, 1, self.index);
        put_number(&mut out, 2, self.term);
        if let Some(configuration) = &self.configuration {
            put_bytes(&mut out, 3, &configuration.encode(form));
        }
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut made = Self::default();
        for field in Fields::new(bytes) {
            match field? {
                (1, Field::Varint(index)) => made.index = index,
                (2, Field::Varint(term)) => made.term = term,
                (3, Field::Bytes(bytes)) => {
                    made.configuration = Some(Configuration::decode(bytes)?);
                }
                _ => {}
            }
        }
        Ok(made)
    }
}
