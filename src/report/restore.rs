use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;

use super::compact::JsonKept;
use super::humanize;
use super::json::{JsonLine, hex_id, line};
use super::verify::summary;
use super::wording::worded;
use crate::error::with_causes;
use crate::finding::escape;
use crate::kubernetes::rfc3339;
use crate::ops::make::restore::{Prepared, RestorePlan, Restored, RestoredObjects};
use crate::ops::{EncryptionCount, OutputError, Verdict, VerifyReport};

/// A word for a shell: as it is where that is safe, else in quotes.
fn word(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=,@%+".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn path_word(path: &Path) -> String {
    word(&path.to_string_lossy())
}

/// The peer URLs of the member.
fn peer_urls(prepared: &Prepared) -> String {
    let member = prepared.member();
    let mut members = prepared.cluster().members().iter();
    members
        .find(|one| one.id == member)
        .map_or_else(String::new, |one| one.peer_urls.join(","))
}

/// What is to be run next, one command each.
fn next_commands(prepared: &Prepared) -> Vec<String> {
    let request = prepared.request();
    let data_dir = prepared.data_dir();
    let mut commands = Vec::new();
    // etcd seldom runs as root, and then cannot read what root made.
    let owner = match prepared.other_owner() {
        _ if request.owner.is_some() => None,
        Some((user, group)) => Some(format!("{user}:{group}")),
        None => prepared.is_made_by_root().then(|| "etcd:etcd".to_owned()),
    };
    if let Some(owner) = owner {
        commands.push(format!("chown -R {owner} {}", path_word(data_dir)));
    }
    let urls = word(&peer_urls(prepared));
    let mut etcd = format!(
        "etcd --name {} --data-dir {}",
        word(&request.name),
        path_word(data_dir)
    );
    if request.wal_dir.is_some() {
        let _ = write!(etcd, " --wal-dir {}", path_word(&prepared.wal_dir()));
    }
    let _ = write!(
        etcd,
        " --listen-peer-urls {urls} --initial-advertise-peer-urls {urls} --initial-cluster {} \
         --initial-cluster-token {}",
        word(&request.initial_cluster),
        word(&request.token)
    );
    commands.push(etcd);
    commands.push("etcdctl endpoint status --cluster -w table".into());
    commands
}

fn members_text(out: &mut String, prepared: &Prepared) {
    let _ = writeln!(
        out,
        "  cluster {:x}, token {}",
        prepared.cluster().id(),
        escape::text(prepared.request().token.as_bytes())
    );
    for member in prepared.cluster().members() {
        let mark = if member.id == prepared.member() {
            "this one"
        } else {
            "other"
        };
        let _ = writeln!(
            out,
            "  member  {:016x}  {mark:<8}  {}  {}",
            member.id,
            escape::text(member.name.as_bytes()),
            escape::text(member.peer_urls.join(",").as_bytes())
        );
    }
}

fn notes_text(out: &mut String, notes: &[String]) {
    for note in notes {
        let _ = writeln!(out, "  note: {}", worded(note));
    }
}

fn next_text(out: &mut String, prepared: &Prepared) {
    let _ = writeln!(out, "next:");
    for command in next_commands(prepared) {
        let _ = writeln!(out, "  {}", escape::text(command.as_bytes()));
    }
}

/// What was restored, for people.
pub fn restored_text(restored: &Restored, prepared: &Prepared, file: &str) -> String {
    let proven = &restored.proven;
    let mut out = String::new();
    let data_dir = escape::path(prepared.data_dir());
    let _ = writeln!(out, "{data_dir}: restored from {file}");
    if let Some(examined) = &restored.report.examination {
        let _ = writeln!(out, "  {}", summary(examined));
    }
    members_text(&mut out, prepared);
    for file in &restored.files {
        let path = escape::path(&file.path);
        let _ = writeln!(out, "  file    {path}  {}", humanize::bytes(file.len));
    }
    notes_text(&mut out, &restored.notes);
    match (proven.hash, proven.same_hash) {
        (Some(hash), Some(true)) => {
            let _ = writeln!(
                out,
                "  proven  read back: database sound, HashKV {} at revision {} as in the snapshot, \
                 {} log records",
                hash.hash, hash.revision, proven.log_records
            );
        }
        (Some(hash), None) if prepared.request().bump_revision == 0 => {
            let _ = writeln!(
                out,
                "  proven  read back: database sound, HashKV {} at revision {} as the records kept must \
                 have, {} log records",
                hash.hash, hash.revision, proven.log_records
            );
        }
        (Some(hash), None) => {
            let _ = writeln!(
                out,
                "  proven  read back: database sound, revision raised to {}, {} log records",
                hash.revision, proven.log_records
            );
        }
        _ => {}
    }
    next_text(&mut out, prepared);
    out
}

fn outlook_text(out: &mut String, outlook: &RestoredObjects) {
    if let Some(time) = outlook.newest_object {
        let _ = writeln!(
            out,
            "  note: the newest object is of {}; what happened later is not in the snapshot",
            rfc3339(time)
        );
    }
    for (key, resources) in by_key(&outlook.encrypted) {
        let _ = writeln!(
            out,
            "  note: encrypted with {key}, which the API server must have: {}",
            resources.join(", ")
        );
    }
}

/// The values that each provider and key opens, as text.
fn by_key(encrypted: &[EncryptionCount]) -> BTreeMap<String, Vec<String>> {
    let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for count in encrypted {
        let Some((provider, name)) = &count.stored else {
            continue;
        };
        let key = match name.as_str() {
            "" => provider.clone(),
            name => format!("{provider}, key {name}"),
        };
        let resource = escape::text(count.resource.as_bytes());
        let values = keys.entry(key).or_default();
        values.push(format!("{} {resource}", count.values));
    }
    keys
}

/// What would be restored, for people.
pub fn restore_plan_text(plan: &RestorePlan, prepared: &[Prepared], file: &str) -> String {
    let mut out = String::new();
    match &plan.refusal {
        Some(refusal) => {
            let why = with_causes(refusal);
            let why = worded(&why);
            let _ = writeln!(out, "{file}: would be refused - {why}");
            if let OutputError::File { details, .. } = refusal {
                for line in details {
                    let _ = writeln!(out, "  {}", worded(line));
                }
            }
        }
        None => {
            let _ = writeln!(out, "{file}: would be restored, nothing was written");
        }
    }
    if let Some(examined) = &plan.report.examination {
        let _ = writeln!(out, "  {}", summary(examined));
    }
    notes_text(&mut out, &plan.notes);
    outlook_text(&mut out, &plan.outlook);
    for prepared in prepared {
        let _ = writeln!(
            out,
            "{}: about {}{}",
            escape::path(prepared.data_dir()),
            humanize::bytes(plan.bytes),
            plan.free_bytes.map_or_else(String::new, |free| format!(
                ", {} free",
                humanize::bytes(free)
            ))
        );
        members_text(&mut out, prepared);
        if plan.refusal.is_none() {
            next_text(&mut out, prepared);
        }
    }
    out
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonRestoreMember {
    member_id: String,
    name: String,
    peer_urls: Vec<String>,
    this: bool,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonFile {
    path: String,
    bytes: u64,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonProof<'p> {
    sound: bool,
    problems: [&'p str; 0],
    hashkv: Option<u32>,
    hashkv_revision: Option<i64>,
    hashkv_as_in_snapshot: Option<bool>,
    log_records: u64,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonEncryptedValues<'p> {
    resource: &'p str,
    provider: &'p str,
    key_name: &'p str,
    count: u64,
}

/// What only a plan tells.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonRestorePlan<'p> {
    #[serde(flatten)]
    restore: JsonRestore<'p>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<String>,
    bytes: u64,
    free_bytes: Option<u64>,
    starts: bool,
    not_before: Option<String>,
    encrypted_values: Vec<JsonEncryptedValues<'p>>,
}

impl JsonLine for JsonRestorePlan<'_> {
    const TYPE: &'static str = "restore-plan";
}

fn json_plan<'p>(plan: &'p RestorePlan, restore: JsonRestore<'p>) -> JsonRestorePlan<'p> {
    let encrypted = plan.outlook.encrypted.iter().filter_map(|count| {
        let (provider, key) = count.stored.as_ref()?;
        Some(JsonEncryptedValues {
            resource: &count.resource,
            provider,
            key_name: key,
            count: count.values,
        })
    });
    JsonRestorePlan {
        restore,
        refusal: plan
            .refusal
            .as_ref()
            .map(|why| worded(&why.to_string()).into_owned()),
        bytes: plan.bytes,
        free_bytes: plan.free_bytes,
        starts: plan.starts,
        not_before: plan.outlook.newest_object.map(rfc3339),
        encrypted_values: encrypted.collect(),
    }
}

/// What both tell of a directory.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonRestore<'r> {
    file: &'r str,
    verdict: Verdict,
    data_dir: String,
    wal_dir: String,
    cluster_id: String,
    member_id: String,
    token: &'r str,
    members: Vec<JsonRestoreMember>,
    revision: Option<i64>,
    bump_revision: u64,
    notes: Vec<Cow<'r, str>>,
    next_commands: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: Option<JsonKept>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonRestored<'r> {
    #[serde(flatten)]
    restore: JsonRestore<'r>,
    files: Vec<JsonFile>,
    proof: JsonProof<'r>,
}

impl JsonLine for JsonRestored<'_> {
    const TYPE: &'static str = "restore";
}

fn json<'r>(
    report: &VerifyReport,
    notes: &'r [String],
    prepared: &'r Prepared,
    file: &'r str,
    kept: Option<JsonKept>,
) -> JsonRestore<'r> {
    let members = prepared.cluster().members().iter();
    let revision = report.examination.as_ref().map(|examined| {
        let last = examined.records.last.map_or(0, |last| last.main);
        examined.contents.meta.compaction.current(last)
    });
    JsonRestore {
        file,
        verdict: report.verdict,
        data_dir: escape::path(prepared.data_dir()),
        wal_dir: escape::path(&prepared.wal_dir()),
        cluster_id: hex_id(prepared.cluster().id()),
        member_id: hex_id(prepared.member()),
        token: &prepared.request().token,
        members: members
            .map(|member| JsonRestoreMember {
                member_id: hex_id(member.id),
                name: member.name.clone(),
                peer_urls: member.peer_urls.clone(),
                this: member.id == prepared.member(),
            })
            .collect(),
        revision,
        bump_revision: prepared.request().bump_revision,
        notes: notes.iter().map(|note| worded(note)).collect(),
        next_commands: next_commands(prepared),
        kept,
    }
}

/// What was restored, as one line of JSON.
pub fn restored_json(restored: &Restored, prepared: &Prepared, file: &str) -> String {
    let proven = &restored.proven;
    let files = restored.files.iter();
    let kept = restored.kept.as_ref();
    let kept = kept.map(|kept| JsonKept::new(&kept.figures));
    line(&JsonRestored {
        restore: json(&restored.report, &restored.notes, prepared, file, kept),
        files: files
            .map(|file| JsonFile {
                path: escape::path(&file.path),
                bytes: file.len,
            })
            .collect(),
        proof: JsonProof {
            // Anything else would have been refused.
            sound: true,
            problems: [],
            hashkv: proven.hash.map(|hash| hash.hash),
            hashkv_revision: proven.hash.map(|hash| hash.revision),
            hashkv_as_in_snapshot: proven.same_hash,
            log_records: proven.log_records,
        },
    })
}

/// What would be restored, as a line of JSON per member.
pub fn restore_plan_json(plan: &RestorePlan, prepared: &[Prepared], file: &str) -> String {
    let lines = prepared.iter().map(|prepared| {
        let kept = plan.kept.as_ref().map(JsonKept::new);
        let restore = json(&plan.report, &plan.notes, prepared, file, kept);
        line(&json_plan(plan, restore))
    });
    lines.collect()
}

/// The schemas of the lines that are written here.
#[cfg(feature = "schema")]
pub(super) fn schemas() -> Vec<(&'static str, serde_json::Value)> {
    use crate::report::line_schema::schema;
    vec![
        schema::<JsonRestored<'_>>(),
        schema::<JsonRestorePlan<'_>>(),
    ]
}
