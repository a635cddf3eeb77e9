//! Files that somebody made to cost a reader as much work or memory as can be.

use etcdsnap::bolt::layout::{
    BranchElement, BucketHeader, ELEMENT_HEADER, ELEMENT_IS_BUCKET, LONG_FREELIST, LeafElement,
    NO_FREELIST, PAGE_HEADER, PageHeader, flags,
};
use etcdsnap::ids::PageId;

use crate::draft::{Draft, Item, leaf_image, record, revision_key};
use crate::limits;
use crate::sample::is_long;

/// Every way to read a file; the short run takes the first few.
const COMMANDS: [&[&str]; 6] = [
    &["verify", "--json"],
    &["hashkv"],
    &["status"],
    &["status", "--mmap"],
    &["verify", "--all", "--no-mmap"],
    &["info"],
];
const SHORT: usize = 2;

/// How often something is repeated of which the cost should grow with its number alone: less often in
/// the short run.
fn many(number: u32) -> u32 {
    if is_long() { number } else { number / 5 }
}

/// What went beyond the limits in one test; the test fails with all of it at its end.
#[derive(Default)]
struct Trial {
    wrong: Vec<String>,
}

impl Trial {
    fn end(self) {
        assert!(self.wrong.is_empty(), "\n{}", self.wrong.join("\n"));
    }

    fn judge(&mut self, name: &str, draft: Draft) {
        let wrong = judge(name, draft);
        self.wrong
            .extend(wrong.into_iter().map(|line| format!("{name} {line}")));
    }
}

/// Runs every command on the file and collects what goes beyond the limits.
fn judge(name: &str, draft: Draft) -> Vec<String> {
    let bytes = draft.into_snapshot();
    if let Ok(directory) = std::env::var("ETCDSNAP_DAMAGE_KEEP") {
        std::fs::write(format!("{directory}/{name}.db"), &bytes).expect("the file can be kept");
    }
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), &bytes).expect("the file can be written");
    let mut wrong = Vec::new();
    let (read, reads) = limits::work(&bytes).unwrap_or_else(|message| {
        wrong.push(message);
        (f64::NAN, f64::NAN)
    });
    let mut most = limits::Cost::default();
    let commands = if is_long() { COMMANDS.len() } else { SHORT };
    for args in &COMMANDS[..commands] {
        match limits::run(args, file.path()) {
            Ok(cost) => {
                most.memory_kib = most.memory_kib.max(cost.memory_kib);
            }
            Err(message) => wrong.push(message),
        }
    }
    println!(
        "{name}: {} KiB; every byte read {read:.2} times, {reads:.2} reads for each 512 bytes; at most {} KiB \
         private",
        bytes.len() >> 10,
        most.memory_kib,
    );
    wrong
}

fn put_leaf_elements(page: u64, overflow: u32, len: usize, elements: &[LeafElement]) -> Vec<u8> {
    let header = PageHeader {
        id: PageId(page),
        flags: flags::LEAF,
        count: elements.len() as u16,
        overflow,
    };
    let mut out = header.encode().to_vec();
    for element in elements {
        out.extend_from_slice(&element.encode());
    }
    out.resize(len, 0);
    out
}

/// A leaf whose `count` elements all take the bytes from `start` on.
fn same_place(page: u64, count: usize, start: usize, key: u32, value: u32) -> Vec<u8> {
    let elements: Vec<LeafElement> = (0..count)
        .map(|index| LeafElement {
            flags: 0,
            pos: (start - PAGE_HEADER - index * ELEMENT_HEADER) as u32,
            key_size: key,
            value_size: value,
        })
        .collect();
    let len = start + (key + value) as usize;
    let overflow = (len.div_ceil(4096) - 1) as u32;
    put_leaf_elements(page, overflow, len, &elements)
}

/// A branch of which every element's key has `key_size` bytes and begins where the headers end.
fn long_keys(page: u64, key_size: usize, children: &[u64], page_size: usize) -> Vec<u8> {
    let start = PAGE_HEADER + children.len() * ELEMENT_HEADER;
    let len = start + key_size + children.len();
    let header = PageHeader {
        id: PageId(page),
        flags: flags::BRANCH,
        count: children.len() as u16,
        overflow: (len.div_ceil(page_size) - 1) as u32,
    };
    let mut out = header.encode().to_vec();
    for (index, child) in children.iter().enumerate() {
        let element = BranchElement {
            pos: (start - PAGE_HEADER - index * ELEMENT_HEADER) as u32,
            key_size: (key_size + index) as u32,
            child: PageId(*child),
        };
        out.extend_from_slice(&element.encode());
    }
    out.resize(len, 7);
    out
}

fn one_record() -> Item {
    Item::entry(&revision_key(2, 0), &record(b"a", 2, b"v"))
}

/// The first of all keys, then keys that no search for a name reaches.
fn separator(n: u8) -> Vec<u8> {
    if n == 0 { vec![1] } else { vec![0xff, n] }
}

/// Branches of which each leads `width` times to the next, and the last to the leaf behind them.
fn braid(draft: &mut Draft, first: u64, levels: u64, width: u8) -> u64 {
    for level in 0..levels {
        let page = first + level;
        let children: Vec<(Vec<u8>, u64)> = (0..width).map(|n| (separator(n), page + 1)).collect();
        draft.branch(page, &children);
    }
    first + levels
}

#[test]
fn a_leaf_of_65534_elements_with_the_same_bytes_is_read_once() {
    let mut trial = Trial::default();
    let mut draft = Draft::new(4096);
    draft.root(2, &[Item::bucket(b"key", 3)]);
    draft.put(3, &same_place(3, 65_534, 1 << 20, 17, 3 << 20));
    draft.metas(2);
    trial.judge("same-values", draft);
    trial.end();
}

#[test]
fn a_leaf_of_many_elements_with_the_same_long_key_is_refused() {
    let mut trial = Trial::default();
    for (name, key) in [("same-keys-32k", 32_768), ("same-keys-3m", 3 << 20)] {
        let mut draft = Draft::new(4096);
        draft.root(2, &[Item::bucket(b"key", 3)]);
        draft.put(3, &same_place(3, many(65_534) as usize, 1 << 20, key, 16));
        draft.metas(2);
        trial.judge(name, draft);
    }
    trial.end();
}

#[test]
fn a_branch_whose_children_are_all_the_same_leaf_reads_it_once() {
    let mut trial = Trial::default();
    for (name, count, bucket) in [
        ("same-child-key", many(50_000), &b"key"[..]),
        ("same-child-meta", many(50_000), b"meta"),
    ] {
        let mut draft = Draft::new(4096);
        draft.root(2, &[Item::bucket(bucket, 4)]);
        draft.leaf(3, &[one_record()]);
        let children: Vec<(Vec<u8>, u64)> = (0..count)
            .map(|n| (n.to_be_bytes()[1..].to_vec(), 3))
            .collect();
        draft.branch(4, &children);
        draft.metas(2);
        trial.judge(name, draft);
    }
    trial.end();
}

#[test]
fn a_branch_whose_children_are_all_the_same_long_leaf_reads_it_once() {
    let mut trial = Trial::default();
    let mut draft = Draft::new(4096);
    draft.root(2, &[Item::bucket(b"key", 3)]);
    let children: Vec<(Vec<u8>, u64)> = (0..many(50_000))
        .map(|n| (n.to_be_bytes()[1..].to_vec(), 400))
        .collect();
    draft.branch(3, &children);
    let long = Item::entry(
        &revision_key(2, 0),
        &record(b"a", 2, &vec![7; many(32 << 20) as usize]),
    );
    draft.leaf(400, &[long]);
    draft.metas(2);
    trial.judge("same-long-child", draft);
    trial.end();
}

#[test]
fn a_chain_of_branches_100_deep_ends() {
    let mut trial = Trial::default();
    let mut draft = Draft::new(1024);
    draft.root(2, &[Item::bucket(b"key", 3), Item::bucket(b"meta", 3)]);
    let leaf = braid(&mut draft, 3, 100, 1);
    draft.leaf(leaf, &[one_record()]);
    draft.metas(2);
    trial.judge("deep-chain", draft);
    trial.end();
}

#[test]
fn branches_that_lead_around_in_a_circle_end() {
    let mut trial = Trial::default();
    let mut draft = Draft::new(1024);
    draft.root(2, &[Item::bucket(b"key", 3), Item::bucket(b"meta", 3)]);
    let last = braid(&mut draft, 3, 20, 2);
    draft.branch(last, &[(vec![1], 3), (vec![2], last)]);
    draft.metas(2);
    trial.judge("circle", draft);
    trial.end();
}

#[test]
fn a_braid_of_branches_is_not_walked_two_to_the_sixtieth_times() {
    let mut trial = Trial::default();
    for (name, bucket) in [("braid-key", &b"key"[..]), ("braid-meta", b"meta")] {
        let mut draft = Draft::new(1024);
        draft.root(2, &[Item::bucket(bucket, 3)]);
        let leaf = braid(&mut draft, 3, 60, 2);
        draft.leaf(leaf, &[one_record()]);
        draft.metas(2);
        trial.judge(name, draft);
    }
    // The root bucket itself.
    let mut draft = Draft::new(1024);
    let leaf = braid(&mut draft, 2, 60, 2);
    draft.root(leaf, &[]);
    draft.metas(2);
    trial.judge("braid-root", draft);
    trial.end();
}

#[test]
fn a_braid_of_branches_over_an_empty_leaf_ends_for_cursors() {
    let mut trial = Trial::default();
    for (name, bucket) in [
        ("empty-braid-key", &b"key"[..]),
        ("empty-braid-meta", b"meta"),
    ] {
        let mut draft = Draft::new(1024);
        draft.root(2, &[Item::bucket(bucket, 3)]);
        let leaf = braid(&mut draft, 3, 60, 2);
        draft.leaf(leaf, &[]);
        draft.metas(2);
        trial.judge(name, draft);
    }
    let mut draft = Draft::new(1024);
    let leaf = braid(&mut draft, 2, 60, 2);
    draft.leaf(leaf, &[]);
    draft.metas(2);
    trial.judge("empty-braid-root", draft);
    trial.end();
}

#[test]
fn overflow_counts_of_two_to_the_32_are_not_believed() {
    let mut trial = Trial::default();
    let mut draft = Draft::new(4096);
    draft.root(2, &[Item::bucket(b"key", 3), Item::bucket(b"lease", 6)]);
    draft.branch(3, &[(revision_key(1, 0), 4), (revision_key(9, 0), 5)]);
    draft.leaf(4, &[one_record()]);
    draft.leaf(
        5,
        &[Item::entry(&revision_key(9, 0), &record(b"a", 9, b"v"))],
    );
    draft.leaf(6, &[]);
    draft.put(7, &[0; 4096]);
    for page in [2, 3, 4, 5, 6] {
        let mut one = draft.clone();
        one.edit_header(page, |header| header.overflow = u32::MAX);
        one.metas(2);
        trial.judge(&format!("overflow-of-{page}"), one);
    }
    for page in [2, 3, 4, 5, 6] {
        draft.edit_header(page, |header| header.overflow = u32::MAX);
    }
    draft.metas(2);
    trial.judge("overflow-of-all", draft);
    trial.end();
}

#[test]
fn a_freelist_that_claims_two_to_the_60_ids_is_not_believed() {
    let mut trial = Trial::default();
    for (name, count, number, overflow) in [
        ("freelist-long", LONG_FREELIST, 1u64 << 60, 0),
        ("freelist-longest", LONG_FREELIST, u64::MAX, u32::MAX),
        ("freelist-short", 0xfffe, 2, u32::MAX),
    ] {
        let mut draft = Draft::new(4096);
        draft.root(2, &[]);
        let header = PageHeader {
            id: PageId(3),
            flags: flags::FREELIST,
            count,
            overflow,
        };
        draft.put(3, &[&header.encode()[..], &number.to_le_bytes()].concat());
        draft.put(4, &[0; 4096]);
        let end = draft.end();
        draft.metas_with(2, 3, end);
        trial.judge(name, draft);
    }
    trial.end();
}

#[test]
fn a_long_freelist_of_one_id_again_and_again_ends() {
    let mut trial = Trial::default();
    let mut draft = Draft::new(4096);
    draft.root(2, &[]);
    let header = PageHeader {
        id: PageId(3),
        flags: flags::FREELIST,
        count: LONG_FREELIST,
        overflow: many(4095),
    };
    let pages = many(4095) as usize;
    let ids = (pages * 4096 / 8) as u64;
    let mut page = header.encode().to_vec();
    page.extend_from_slice(&ids.to_le_bytes());
    page.resize((pages + 1) * 4096, 0);
    for id in page[24..].chunks_exact_mut(8) {
        id.copy_from_slice(&5u64.to_le_bytes());
    }
    draft.put(3, &page);
    let end = draft.end();
    draft.metas_with(2, 3, end);
    trial.judge("freelist-same-id", draft);
    trial.end();
}

#[test]
fn inline_buckets_inside_inline_buckets_end() {
    let mut trial = Trial::default();
    for (name, page_size, levels) in [
        ("inline-4k", 4096, 60),
        ("inline-64k", 64 << 10, 1200),
        ("inline-1m", 1 << 20, 19_000),
        ("inline-8m", 8 << 20, 150_000),
    ] {
        // The headers of a level are always as long, so the innermost bucket is at the end.
        let mut value = BucketHeader {
            root: PageId(0),
            sequence: 0,
        }
        .encode()
        .to_vec();
        value.extend(leaf_image(0, 0, &[]));
        let step = 2 * ELEMENT_HEADER + PAGE_HEADER + 1;
        let mut nested = Vec::with_capacity(value.len() + levels * step);
        for level in 0..levels {
            let inner = value.len() + (levels - 1 - level) * step;
            let bucket = BucketHeader {
                root: PageId(0),
                sequence: 0,
            };
            let header = PageHeader {
                id: PageId(0),
                flags: flags::LEAF,
                count: 1,
                overflow: 0,
            };
            let element = LeafElement {
                flags: ELEMENT_IS_BUCKET,
                pos: ELEMENT_HEADER as u32,
                key_size: 1,
                value_size: inner as u32,
            };
            nested.extend_from_slice(&bucket.encode());
            nested.extend_from_slice(&header.encode());
            nested.extend_from_slice(&element.encode());
            nested.push(b'n');
        }
        nested.append(&mut value);
        let item = Item {
            flags: ELEMENT_IS_BUCKET,
            key: b"key".to_vec(),
            value: nested,
        };
        let mut draft = Draft::new(page_size);
        draft.root(2, &[item]);
        draft.metas(2);
        trial.judge(name, draft);
    }
    trial.end();
}

#[test]
fn buckets_inside_buckets_each_on_its_own_page_end() {
    let mut trial = Trial::default();
    for (name, page_size, levels, name_len) in [
        ("nested-short-names", 1024, 10_000u64, 1usize),
        ("nested-long-names", 1024, 10_000, 900),
        ("nested-longest-names", 65_536, 300, 32_768),
    ] {
        let mut draft = Draft::new(page_size);
        draft.root(2, &[Item::bucket(b"key", 3)]);
        for page in 3..3 + levels {
            draft.leaf(page, &[Item::bucket(&vec![b'n'; name_len], page + 1)]);
        }
        draft.leaf(3 + levels, &[]);
        draft.metas(2);
        trial.judge(name, draft);
    }
    trial.end();
}

#[test]
fn a_value_that_claims_two_to_the_31_bytes_is_not_believed() {
    let mut trial = Trial::default();
    for (name, key, value) in [
        ("long-value", 17, 1u32 << 31),
        ("longest-value", 17, u32::MAX),
        ("longest-key", u32::MAX, 1),
        ("longest-both", u32::MAX, u32::MAX),
    ] {
        let mut draft = Draft::new(4096);
        draft.root(2, &[Item::bucket(b"key", 3)]);
        let element = LeafElement {
            flags: 0,
            pos: ELEMENT_HEADER as u32,
            key_size: key,
            value_size: value,
        };
        draft.put(3, &put_leaf_elements(3, 0, 4096, &[element; 200]));
        draft.metas(2);
        trial.judge(name, draft);
    }
    trial.end();
}

#[test]
fn a_high_water_mark_beyond_any_file_is_not_believed() {
    let mut trial = Trial::default();
    for (name, high_water) in [
        ("high-water-2-63", 1u64 << 63),
        ("high-water-max", u64::MAX),
        ("high-water-2-32", 1 << 32),
        ("high-water-0", 0),
        ("high-water-2", 2),
    ] {
        let mut draft = Draft::new(4096);
        draft.root(2, &[Item::bucket(b"key", 3)]);
        draft.leaf(3, &[one_record()]);
        draft.metas_with(2, NO_FREELIST, high_water);
        trial.judge(name, draft);
    }
    trial.end();
}

#[test]
fn ids_beyond_any_file_are_not_followed() {
    let mut trial = Trial::default();
    for (name, root, freelist) in [
        ("root-max", u64::MAX, NO_FREELIST),
        ("root-2-63", 1 << 63, NO_FREELIST),
        ("freelist-2-63", 2, 1 << 63),
        ("freelist-max-less-1", 2, u64::MAX - 1),
    ] {
        let mut draft = Draft::new(4096);
        draft.root(
            2,
            &[
                Item::bucket(b"key", u64::MAX),
                Item::bucket(b"meta", 1 << 52),
            ],
        );
        draft.metas_with(root, freelist, u64::MAX);
        trial.judge(name, draft);
    }
    trial.end();
}

#[test]
fn long_keys_on_a_branch_that_lie_over_each_other_are_not_copied_again_and_again() {
    let mut trial = Trial::default();
    let mut draft = Draft::new(4096);
    draft.root(2, &[Item::bucket(b"key", 3)]);
    let children = vec![1u64 << 40; 30_000];
    draft.put(3, &long_keys(3, 500 << 10, &children, 4096));
    draft.metas(2);
    trial.judge("long-branch-keys", draft);
    trial.end();
}

#[test]
fn long_keys_on_a_branch_above_many_leaves_are_not_kept_again_and_again() {
    let mut trial = Trial::default();
    // Every second child is a leaf, so that no run of leaves is longer than one.
    let mut draft = Draft::new(1024);
    draft.root(2, &[Item::bucket(b"key", 3)]);
    let leaves = u64::from(many(4000));
    let children: Vec<u64> = (0..leaves).flat_map(|n| [1200 + n, 1 << 40]).collect();
    draft.put(3, &long_keys(3, 800 << 10, &children, 1024));
    for page in 1200..1200 + leaves {
        draft.leaf(page, &[one_record()]);
    }
    draft.metas(2);
    trial.judge("long-bounds", draft);
    trial.end();
}

#[test]
fn a_leaf_above_a_long_bound_does_not_repeat_the_bound_for_every_element() {
    let mut trial = Trial::default();
    for (name, len) in [("bound-32k", 32_768usize), ("bound-900k", 900 << 10)] {
        let mut draft = Draft::new(4096);
        draft.root(2, &[Item::bucket(b"key", 3)]);
        draft.branch(3, &[(vec![1], 400), (vec![2; len], 401)]);
        draft.leaf(401, &[Item::entry(&[3; 100], b"")]);
        let end = draft.end();
        draft.branch(3, &[(vec![1], end), (vec![2; len], 401)]);
        let items: Vec<Item> = (0..many(60_000))
            .map(|n| Item::entry(&[&[9][..], &n.to_be_bytes()].concat(), b""))
            .collect();
        draft.leaf(end, &items);
        draft.metas(2);
        trial.judge(name, draft);
    }
    trial.end();
}

#[test]
fn pages_that_name_another_page_and_many_overflow_pages_end() {
    let mut trial = Trial::default();
    let mut draft = Draft::new(1024);
    let pages = 8192;
    draft.root(2, &[Item::bucket(b"key", 3)]);
    let children: Vec<(Vec<u8>, u64)> = (0..many(50_000))
        .map(|n| (n.to_be_bytes()[1..].to_vec(), pages - 1))
        .collect();
    draft.branch(3, &children);
    draft.leaf(pages - 1, &[]);
    draft.edit_header(pages - 1, |header| {
        header.id = PageId(2);
        header.overflow = u32::MAX;
    });
    draft.metas(2);
    trial.judge("lying-id", draft);
    trial.end();
}

#[test]
fn many_buckets_with_one_deep_tree_end() {
    let mut trial = Trial::default();
    let mut draft = Draft::new(4096);
    let leaves = 12u32;
    let per_leaf = many(40_000);
    let buckets = |leaf: u32| -> Vec<Item> {
        (0..per_leaf)
            .map(|n| Item::bucket(&(leaf * per_leaf + n).to_be_bytes(), 3))
            .collect()
    };
    let last = braid(&mut draft, 3, 60, 1);
    draft.leaf(last, &[one_record()]);
    let mut children = Vec::new();
    for leaf in 0..leaves {
        let page = draft.end();
        draft.leaf(page, &buckets(leaf));
        children.push(((leaf * per_leaf).to_be_bytes().to_vec(), page));
    }
    draft.branch(2, &children);
    draft.metas(2);
    trial.judge("many-buckets", draft);
    trial.end();
}

#[test]
fn a_root_bucket_of_many_plain_entries_ends() {
    let mut trial = Trial::default();
    let mut draft = Draft::new(4096);
    let (leaves, per_leaf) = (12u32, many(40_000));
    draft.put(2, &[0; 4096]);
    let mut children = Vec::new();
    for leaf in 0..leaves {
        let page = draft.end();
        let items: Vec<Item> = (0..per_leaf)
            .map(|n| Item::entry(&(leaf * per_leaf + n).to_be_bytes(), b""))
            .collect();
        draft.leaf(page, &items);
        children.push(((leaf * per_leaf).to_be_bytes().to_vec(), page));
    }
    draft.branch(2, &children);
    draft.metas(2);
    trial.judge("many-strays", draft);
    trial.end();
}

#[test]
fn a_record_of_groups_inside_groups_ends() {
    let mut trial = Trial::default();
    let mut draft = Draft::new(4096);
    let values: Vec<Vec<u8>> = vec![
        vec![0x0b; 1 << 20],
        [vec![0x0b; 9_999], vec![0x0c; 9_999]].concat().repeat(100),
        vec![0xff; 1 << 20],
        [0x0a, 0].repeat(1 << 19),
    ];
    let items: Vec<Item> = values
        .iter()
        .zip(2u64..)
        .map(|(value, revision)| Item::entry(&revision_key(revision, 0), value))
        .collect();
    draft.root(2, &[Item::bucket(b"key", 3)]);
    draft.leaf(3, &items);
    draft.metas(2);
    trial.judge("groups", draft);
    trial.end();
}

#[test]
fn small_buckets_of_nothing_but_brackets_end() {
    let mut trial = Trial::default();
    let mut draft = Draft::new(4096);
    draft.root(
        2,
        &[Item::bucket(b"members", 3), Item::bucket(b"meta", 2000)],
    );
    let deep = [b"{\"peerURLs\":".to_vec(), vec![b'['; 1 << 20]].concat();
    let wide = [
        b"{\"peerURLs\":[".to_vec(),
        b"\"\",".repeat(1 << 19),
        b"\"\"]}".to_vec(),
    ]
    .concat();
    draft.leaf(3, &[Item::entry(b"1", &deep), Item::entry(b"2", &wide)]);
    let voters = [
        b"{\"voters\":[".to_vec(),
        b"1,".repeat(1 << 19),
        b"1]}".to_vec(),
    ]
    .concat();
    draft.leaf(2000, &[Item::entry(b"confState", &voters)]);
    draft.metas(2);
    trial.judge("brackets", draft);
    trial.end();
}
