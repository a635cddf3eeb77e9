//! Sentences about the file as a whole.

use super::Template;
use crate::container::codes::*;

pub(super) const TEMPLATES: &[Template] = &[
    (
        &TRAILER_DIFFERS,
        Some("differs"),
        "stored: {stored}, computed: {computed}",
    ),
    (
        &TRAILER_DIFFERS,
        Some("metas-rewritten"),
        "stored: {stored}, computed: {computed}; it matches with the metas as `snapshot save` wrote them (transactions {transaction} and {transaction_before}): a tool opened the file for writing, as `etcdutl hashkv` does, or the metas were damaged; keys and values are as saved",
    ),
    (
        &TRAILER_MISSING,
        Some("snapshot"),
        "the metas are as `snapshot save` writes them: a snapshot that lost its end, with the SHA-256",
    ),
    (
        &TRAILER_MISSING,
        Some("snapshot-longer"),
        "the metas are as `snapshot save` writes them, but the file is longer than the database and does not end as a snapshot does",
    ),
    (
        &TRAILER_MISSING,
        Some("database"),
        "the metas are of two commits, as in a data directory: a copied database",
    ),
    (
        &TRAILER_MISSING,
        Some("either"),
        "the metas fit a copied database as well as a snapshot that lost its end",
    ),
    (
        &TRAILER_MISSING,
        Some("either-longer"),
        "the metas fit a copied database as well as a snapshot, and the file is longer than the database",
    ),
    (
        &TRAILER_MISSING,
        Some("digest-cut"),
        "what is left of the SHA-256 matches: a snapshot that lost its end",
    ),
    (
        &TRAILER_MISSING,
        Some("bytes-missing"),
        "the metas are as `snapshot save` writes them: a snapshot of which bytes are missing; by its length it does not end with a SHA-256",
    ),
    (
        &LENGTH,
        None,
        "{bytes} bytes: the meta says {pages} pages of {page_size} bytes, which leaves {extra} bytes, neither a SHA-256 of 32 nor whole pages",
    ),
    (
        &SLACK,
        Some("pages"),
        "{pages?1 page|# pages} after the high-water mark",
    ),
    (
        &SLACK,
        Some("covered"),
        "{bytes?1 byte|# bytes} after the high-water mark; the SHA-256 covers them",
    ),
    (
        &SLACK,
        Some("not-compared"),
        "{bytes?1 byte|# bytes} after the high-water mark, before the SHA-256, which was not compared",
    ),
    (
        &IN_FRONT,
        Some("database"),
        "the database is preceded by {front?1 byte|# bytes}",
    ),
    (
        &IN_FRONT,
        Some("digest-differs"),
        "the database is preceded by {front?1 byte|# bytes}; the SHA-256 after the database does not match",
    ),
    (
        &IN_FRONT,
        Some("snapshot"),
        "the snapshot is whole and its SHA-256 matches, but it is preceded by {front?1 byte|# bytes}",
    ),
    (
        &IN_FRONT,
        Some("snapshot-and-behind"),
        "the snapshot is whole and its SHA-256 matches, but it is preceded by {front?1 byte|# bytes} and followed by {behind?1 byte|# bytes}",
    ),
    (
        &BEHIND,
        Some("digest"),
        "the database has {database} bytes and the SHA-256 after it matches; it is followed by the SHA-256 once more; `head -c {snapshot} FILE` is the snapshot",
    ),
    (
        &BEHIND,
        Some("bytes"),
        "the database has {database} bytes and the SHA-256 after it matches; it is followed by {behind?1 byte|# bytes}; `head -c {snapshot} FILE` is the snapshot",
    ),
    (
        &BLOCK_MISSING,
        Some("front"),
        "the first {missing} bytes are missing, with both metas",
    ),
    (
        &BLOCK_MISSING,
        Some("pages"),
        "page {last_in_place} is the last in its place, page {first_moved} lies {distance?1 byte|# bytes} before its own, and so do {others} of the pages after it",
    ),
    (
        &BLOCK_MISSING,
        Some("all-pages"),
        "no page is in its place, page {first_moved} lies {distance?1 byte|# bytes} before its own, and so do {others} of the pages after it",
    ),
    (
        &BLOCK_ADDED,
        Some("before-digest"),
        "the database ends here, and {added?1 byte|# bytes} follow it before its SHA-256, which matches without them",
    ),
    (
        &BLOCK_ADDED,
        Some("pages"),
        "page {last_in_place} is the last in its place, page {first_moved} lies {distance?1 byte|# bytes} after its own, and so do {others} of the pages after it",
    ),
    (
        &BLOCK_ADDED,
        Some("all-pages"),
        "no page is in its place, page {first_moved} lies {distance?1 byte|# bytes} after its own, and so do {others} of the pages after it",
    ),
    (
        &BLOCK_ADDED,
        Some("byte-twice"),
        "the byte at {start} follows itself; without the second copy of it the SHA-256 matches",
    ),
    (
        &BLOCK_ADDED,
        Some("block-twice"),
        "the bytes from {start} to {end} follow themselves; without the second copy of them the SHA-256 matches",
    ),
    (
        &TORN_COPY,
        None,
        "the root page holds entries of another tree: it was used again after the metas were copied",
    ),
];
