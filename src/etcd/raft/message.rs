//! The protobuf messages of the log.

use super::WalForm;
use crate::wire::{FieldValue, Fields, Malformed, put_bytes, put_number};

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
        for field in Fields::of_etcd(bytes) {
            match field? {
                (1, FieldValue::Varint(id)) => made.member = id,
                (2, FieldValue::Varint(id)) => made.cluster = id,
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
        for field in Fields::of_etcd(bytes) {
            match field? {
                (1, FieldValue::Varint(kind)) => {
                    made.kind = match kind {
                        0 => EntryType::Normal,
                        1 => EntryType::ConfChange,
                        2 => EntryType::ConfChangeV2,
                        other => EntryType::Other(other),
                    }
                }
                (2, FieldValue::Varint(term)) => made.term = term,
                (3, FieldValue::Varint(index)) => made.index = index,
                (4, FieldValue::Bytes(data)) => made.data = Some(data.to_vec()),
                _ => {}
            }
        }
        Ok(made)
    }
}

/// What an entry does to the members of the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberChange {
    /// The member votes from here on.
    Add(u64),
    /// The member learns, and does not vote.
    AddLearner(u64),
    /// The member is gone.
    Remove(u64),
    /// The member's addresses change, or something that is not known here.
    Other,
}

/// What a request of the log demands of the server that reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RequestFacts {
    /// True of a request to etcd's old store: releases up to 3.5 write them, 3.7 cannot read them.
    pub is_v2: bool,
    /// The version that the cluster has from here on, if the request sets it.
    pub cluster_version: Option<(u64, u64)>,
}

impl Entry {
    /// What the entry does to the members; nothing of a request.
    pub fn member_change(&self) -> Option<MemberChange> {
        match self.kind {
            EntryType::Normal => return None,
            EntryType::ConfChange => {}
            EntryType::ConfChangeV2 | EntryType::Other(_) => return Some(MemberChange::Other),
        }
        let (mut kind, mut member) = (0, 0);
        for field in Fields::of_etcd(self.data.as_deref()?) {
            match field.ok()? {
                (2, FieldValue::Varint(number)) => kind = number,
                (3, FieldValue::Varint(id)) => member = id,
                _ => {}
            }
        }
        Some(match kind {
            0 => MemberChange::Add(member),
            1 => MemberChange::Remove(member),
            3 => MemberChange::AddLearner(member),
            _ => MemberChange::Other,
        })
    }

    /// What the request demands of the server that reads it.
    pub fn request_facts(&self) -> RequestFacts {
        let mut facts = RequestFacts::default();
        let Some(data) = self
            .data
            .as_deref()
            .filter(|_| self.kind == EntryType::Normal)
        else {
            return facts;
        };
        for field in Fields::of_etcd(data) {
            match field {
                // The request itself, or within the envelope of later ones.
                Ok((V2, FieldValue::Bytes(request))) => {
                    facts.is_v2 = true;
                    let within = v2_version(request);
                    facts.cluster_version = facts
                        .cluster_version
                        .or(within)
                        .or_else(|| v2_version(data));
                }
                Ok((CLUSTER_VERSION_SET, FieldValue::Bytes(request))) => {
                    facts.cluster_version = text_of(request, 1).and_then(parse_version);
                }
                Ok(_) => {}
                Err(_) => break,
            }
        }
        facts
    }
}

/// The field of a request to the old store, which has its method in the same place.
const V2: u32 = 2;
const CLUSTER_VERSION_SET: u32 = 1300;

fn text_of(message: &[u8], number: u32) -> Option<&str> {
    let found = Fields::of_etcd(message).find_map(|field| match field {
        Ok((of, FieldValue::Bytes(bytes))) if of == number => Some(bytes),
        _ => None,
    });
    std::str::from_utf8(found?).ok()
}

/// The cluster's version, if the request to the old store sets it.
fn v2_version(request: &[u8]) -> Option<(u64, u64)> {
    const PATH: u32 = 3;
    const VALUE: u32 = 4;
    let is_version = text_of(request, PATH) == Some("/0/version");
    is_version
        .then(|| text_of(request, VALUE))?
        .and_then(parse_version)
}

/// Major and minor number.
pub(super) fn parse_version(text: &str) -> Option<(u64, u64)> {
    let (major, rest) = text.split_once('.')?;
    let minor = rest.split('.').next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
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
        for field in Fields::of_etcd(bytes) {
            match field? {
                (1, FieldValue::Varint(term)) => made.term = term,
                (2, FieldValue::Varint(vote)) => made.vote = vote,
                (3, FieldValue::Varint(commit)) => made.commit = commit,
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
        for field in Fields::of_etcd(bytes) {
            match field? {
                (1, FieldValue::Varint(id)) => made.voters.push(id),
                (2, FieldValue::Varint(id)) => made.learners.push(id),
                (3, FieldValue::Varint(id)) => made.voters_outgoing.push(id),
                (4, FieldValue::Varint(id)) => made.learners_next.push(id),
                (5, FieldValue::Varint(flag)) => made.auto_leave = flag != 0,
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
        for field in Fields::of_etcd(bytes) {
            match field? {
                (1, FieldValue::Varint(index)) => made.index = index,
                (2, FieldValue::Varint(term)) => made.term = term,
                (3, FieldValue::Bytes(bytes)) => {
                    made.configuration = Some(Configuration::decode(bytes)?);
                }
                _ => {}
            }
        }
        Ok(made)
    }
}
