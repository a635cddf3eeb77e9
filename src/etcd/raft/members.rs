//! Ids of members and cluster, and the records about members that a new cluster begins with.

use serde::Serialize;
use sha1::{Digest as _, Sha1};

use super::WalForm;
use super::message::{Configuration, Entry, EntryType};
use crate::etcd::go_text::json_escaped;
use crate::wire::{put_bytes, put_number};

/// The id of a member: from its peer URLs and the token of its cluster.
pub fn member_id(peer_urls: &[String], token: &str) -> u64 {
    let mut sorted: Vec<&String> = peer_urls.iter().collect();
    sorted.sort_unstable();
    let mut hash = Sha1::new();
    for url in sorted {
        hash.update(url.as_bytes());
    }
    hash.update(token.as_bytes());
    first_eight(&hash.finalize())
}

/// The id of a cluster: from the ids of the members that it began with.
pub fn cluster_id(members: &[u64]) -> u64 {
    let mut sorted = members.to_vec();
    sorted.sort_unstable();
    let mut hash = Sha1::new();
    for id in sorted {
        hash.update(id.to_be_bytes());
    }
    first_eight(&hash.finalize())
}

fn first_eight(digest: &[u8]) -> u64 {
    digest.first_chunk().copied().map_or(0, u64::from_be_bytes)
}

/// A member that a new cluster begins with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewMember {
    /// Its id.
    pub id: u64,
    /// Where the other members reach it, sorted.
    #[serde(rename = "peerURLs")]
    pub peer_urls: Vec<String>,
    /// Its name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
}

impl NewMember {
    /// The member of this name and these URLs in the cluster of this token.
    pub fn new(name: &str, peer_urls: &[String], token: &str) -> Self {
        let mut peer_urls = peer_urls.to_vec();
        peer_urls.sort_unstable();
        Self {
            id: member_id(&peer_urls, token),
            peer_urls,
            name: name.to_owned(),
        }
    }

    /// Its key in bucket `members`.
    pub fn key(&self) -> String {
        format!("{:x}", self.id)
    }

    /// The JSON text that bucket and log hold of it.
    pub fn json(&self) -> Vec<u8> {
        // A struct of numbers and texts always has a JSON text.
        json_escaped(&serde_json::to_string(self).unwrap_or_default()).into_bytes()
    }

    /// The change of configuration that adds it, as data of a log entry.
    fn change(&self, form: WalForm) -> Vec<u8> {
        let mut out = Vec::new();
        if form < WalForm::V37 {
            put_number(&mut out, 1, 0);
        }
        put_number(&mut out, 2, 0);
        put_number(&mut out, 3, self.id);
        put_bytes(&mut out, 4, &self.json());
        out
    }
}

/// The members of a new cluster by ascending id, and what follows from them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCluster {
    members: Vec<NewMember>,
}

impl NewCluster {
    /// A cluster of these members.
    pub fn new(mut members: Vec<NewMember>) -> Self {
        members.sort_by_key(|member| member.id);
        Self { members }
    }

    /// The members by ascending id.
    pub fn members(&self) -> &[NewMember] {
        &self.members
    }

    /// The ids in ascending order.
    pub fn ids(&self) -> Vec<u64> {
        self.members.iter().map(|member| member.id).collect()
    }

    /// The cluster's id.
    pub fn id(&self) -> u64 {
        cluster_id(&self.ids())
    }

    /// The index of the last log entry that the cluster begins with: one entry per member.
    pub fn last_index(&self) -> u64 {
        self.members.len() as u64
    }

    /// Its configuration: everyone votes.
    pub fn configuration(&self) -> Configuration {
        Configuration {
            voters: self.ids(),
            ..Configuration::default()
        }
    }

    /// The entries that add the members one after the other.
    pub fn entries(&self, form: WalForm) -> Vec<Entry> {
        let numbered = self.members.iter().zip(1..);
        numbered
            .map(|(member, index)| Entry {
                kind: EntryType::ConfChange,
                term: 1,
                index,
                data: Some(member.change(form)),
            })
            .collect()
    }
}
