//! What an export holds, what it leaves out, and what to look at before it is applied.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io;

use serde::Serialize;

use super::diff::code;
use super::json::{Identity, JsonLine, line};
use super::objects::{identity, object_name};
use crate::finding::escape;
use crate::kubernetes::apply::clean::{Caution, Maker};
use crate::ops::{ExportedObject, FoundObject, ObjectList};

/// Where manifests go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportForm {
    /// To standard output, one after the other.
    Stream,
    /// Into a folder, with a script.
    Folder,
    /// As they are stored: to be looked at, not to be applied.
    AsStored,
}

/// What became of the objects of an export. It grows with the number of what is told by name, not with the objects.
#[derive(Debug, Default)]
pub struct ExportAccount {
    written: usize,
    made: BTreeMap<(Maker, String), usize>,
    changed: Vec<String>,
    cautions: BTreeMap<Caution, Named>,
    more_cautions: usize,
    definitions: BTreeSet<String>,
    custom: BTreeMap<String, usize>,
}

#[derive(Debug, Default)]
struct Named {
    names: Vec<String>,
    more: usize,
}

/// At most this many objects are named for one reason.
const NAMES: usize = 10;

/// At most this many reasons are told.
const REASONS: usize = 200;

impl Named {
    fn add(&mut self, name: impl FnOnce() -> String) {
        if self.names.len() < NAMES {
            self.names.push(name());
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    fn count(&self) -> usize {
        self.names.len().saturating_add(self.more)
    }

    fn list(&self) -> String {
        let more = match self.more {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("{}{more}", self.names.join(", "))
    }
}

impl ExportAccount {
    /// An object of which a manifest was written.
    pub fn written(&mut self, list: &ObjectList<'_>, found: &FoundObject, object: &ExportedObject) {
        self.written = self.written.saturating_add(1);
        for caution in &object.cautions {
            let caution = match caution {
                // Which volume it is the claim tells.
                Caution::Bound(_) => Caution::Bound(String::new()),
                caution => caution.clone(),
            };
            if self.cautions.len() >= REASONS && !self.cautions.contains_key(&caution) {
                self.more_cautions = self.more_cautions.saturating_add(1);
                continue;
            }
            let named = self.cautions.entry(caution).or_default();
            named.add(|| object_name(list, found));
        }
        let Some(kind) = list.kind(found) else {
            return;
        };
        if kind.resource.custom.is_some() {
            let of_kind = self.custom.entry(kind.resource.full_name()).or_default();
            *of_kind = of_kind.saturating_add(1);
        } else if kind.resource.kind == "CustomResourceDefinition" {
            self.definitions.insert(found.name.to_string());
        }
    }

    /// An object that other clusters make themselves.
    pub fn made(&mut self, list: &ObjectList<'_>, found: &FoundObject, maker: Maker) {
        let kind = list.kind(found).map(|kind| kind.resource.full_name());
        let count = self.made.entry((maker, kind.unwrap_or_default()));
        let count = count.or_default();
        *count = count.saturating_add(1);
    }

    /// An object that other clusters make themselves, but not with what somebody has changed in it.
    pub fn changed(&mut self, list: &ObjectList<'_>, found: &FoundObject) {
        self.changed.push(object_name(list, found));
    }

    /// What is left out because it comes by itself, by kind.
    pub fn made_lines(&self) -> Vec<String> {
        let mut lines: Vec<(Maker, String)> = Vec::new();
        for ((maker, kind), count) in &self.made {
            let kind = escape::text(kind.as_bytes());
            match lines.last_mut().filter(|(of, _)| of == maker) {
                Some((_, line)) => {
                    let _ = write!(line, ", {kind} ({count})");
                }
                None => lines.push((
                    *maker,
                    format!("left out, {}: {kind} ({count})", made_by(*maker)),
                )),
            }
        }
        let mut lines: Vec<String> = lines.into_iter().map(|(_, line)| line).collect();
        if !lines.is_empty() {
            lines.push("--include-owned writes these as well".into());
        }
        lines
    }

    /// What is left out though a cluster does not make it as it was.
    pub fn changed_lines(&self, form: ExportForm) -> Vec<String> {
        let line = |name: &String| {
            format!("left out although it was changed, because every cluster has its own: {name}")
        };
        let mut lines: Vec<String> = self.changed.iter().map(line).collect();
        if !lines.is_empty() {
            lines.push(match form {
                ExportForm::Folder => format!("as they were they are in review/: {REVIEW}"),
                _ => format!("to get one as it was, export it by its name with --include-owned, and {REVIEW_STREAM}"),
            });
        }
        lines
    }

    /// What to look at before the manifests are applied.
    pub fn warnings(&self, form: ExportForm) -> Vec<String> {
        if form == ExportForm::AsStored {
            return Vec::new();
        }
        let mut lines: Vec<String> = self
            .cautions
            .iter()
            // The script looks owners up, and keeps what `kubectl apply` has noted.
            .filter(|(caution, _)| {
                form != ExportForm::Folder || !matches!(caution, Caution::Owned | Caution::Applied)
            })
            .map(|(caution, named)| {
                format!("{}: {}", caution_text(caution, named.count()), named.list())
            })
            .collect();
        if self.more_cautions > 0 {
            lines.push(format!("{} more of this sort", self.more_cautions));
        }
        let of_definitions: usize = self
            .custom
            .iter()
            .filter(|(kind, _)| self.definitions.contains(*kind))
            .map(|(_, count)| count)
            .sum();
        if form == ExportForm::Stream && of_definitions > 0 {
            let objects = match of_definitions {
                1 => "1 object of a kind that is".to_owned(),
                count => format!("{count} objects of kinds that are"),
            };
            lines.push(format!("{objects} defined in the same stream: {SPLIT}"));
        }
        lines
    }

    /// Writes the account of a folder.
    ///
    /// # Errors
    /// What `out` fails with.
    pub fn write_markdown(
        &self,
        file: &str,
        revision: i64,
        steps: usize,
        left_out: impl Iterator<Item = String>,
        out: &mut dyn io::Write,
    ) -> io::Result<()> {
        writeln!(
            out,
            "# Objects of {} at revision {revision}\n\n\
             1. `sh apply.sh --dry-run` has the server check each step, and changes nothing.\n\
             2. `sh apply.sh` creates what does not exist yet, in an order in which each object finds what it needs; nothing\n\
             \x20  that exists is changed. Run it again to resume where it stopped. `KUBECTL='kubectl --context x'` chooses\n\
             \x20  the cluster, `sh apply.sh --help` explains the rest.\n\n\
             Steps: {steps}. Each manifest is named after namespace, resource and name; what a cluster assigns was\n\
             removed.",
            code(file),
        )?;
        let mut part = |title: &str, lines: &mut dyn Iterator<Item = String>| {
            for (number, line) in lines.enumerate() {
                if number == 0 {
                    write!(out, "\n## {title}\n\n")?;
                }
                writeln!(out, "- {}", code(&line))?;
            }
            io::Result::Ok(())
        };
        let form = ExportForm::Folder;
        part("Review first", &mut self.warnings(form).into_iter())?;
        part("Could not be written", &mut { left_out })?;
        part(
            "Changed, but every cluster has its own",
            &mut self.changed_lines(form).into_iter(),
        )?;
        part(
            "Created without this export",
            &mut self.made_lines().into_iter(),
        )
    }
}

/// An object that could not be written, and why. There may be as many as there are objects.
#[derive(Debug)]
pub struct LeftOut<'l> {
    /// The object.
    pub found: &'l FoundObject,
    /// Why.
    pub reason: LeftOutReason,
}

/// Why an object could not be written.
#[derive(Debug)]
pub enum LeftOutReason {
    /// It holds secrets.
    Secrets,
    /// It is encrypted.
    Encrypted,
    /// No API server takes its name.
    Name,
    /// It cannot be decoded, or only in part; why.
    Unreadable(Box<str>),
    /// Its value is not what its key promises.
    Damaged,
}

impl LeftOut<'_> {
    /// The same as a line.
    pub fn line(&self, list: &ObjectList<'_>) -> String {
        let name = object_name(list, self.found);
        match &self.reason {
            LeftOutReason::Secrets => format!("left out, contains secrets: {name}"),
            LeftOutReason::Encrypted => format!("left out, encrypted: {name}"),
            LeftOutReason::Name => format!("left out, no API server accepts its name: {name}"),
            LeftOutReason::Unreadable(why) => {
                format!("left out: {name}: {}", escape::text(why.as_bytes()))
            }
            LeftOutReason::Damaged => format!("left out, damaged: {name}"),
        }
    }
}

/// An object that is not part of the export, and why.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonLeftOut {
    #[serde(flatten)]
    object: Identity,
    reason: LeftOutWord,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
enum LeftOutWord {
    Secrets,
    Encrypted,
    Name,
    Unreadable,
    Damaged,
}

/// How many objects of a resource come by themselves.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonMade<'e> {
    resource: &'e str,
    made_by: MakerWord,
    count: usize,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
enum MakerWord {
    Controller,
    Cluster,
    Running,
    Finished,
    Tokens,
    Internal,
}

impl From<Maker> for MakerWord {
    fn from(maker: Maker) -> Self {
        match maker {
            Maker::Controller => Self::Controller,
            Maker::Cluster => Self::Cluster,
            Maker::Running => Self::Running,
            Maker::Finished => Self::Finished,
            Maker::Tokens => Self::Tokens,
            Maker::Internal => Self::Internal,
        }
    }
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonExport<'e> {
    file: &'e str,
    out: &'e str,
    revision: i64,
    /// Of which a manifest was written.
    objects: usize,
    left_out: Vec<JsonLeftOut>,
    comes_by_itself: Vec<JsonMade<'e>>,
    /// Names of what every cluster has, but not as somebody has set it.
    set_by_somebody: &'e [String],
    /// What to look at before the manifests are applied; prose.
    cautions: Vec<String>,
}

impl JsonLine for JsonExport<'_> {
    const TYPE: &'static str = "export";
}

/// What was written into the folder `out`, as a line of JSON.
pub fn export_json<'l>(
    account: &ExportAccount,
    list: &ObjectList<'_>,
    left_out: impl Iterator<Item = &'l LeftOut<'l>>,
    form: ExportForm,
    [file, out]: [&str; 2],
) -> String {
    let left_out = left_out.map(|one| {
        let (reason, detail) = match &one.reason {
            LeftOutReason::Secrets => (LeftOutWord::Secrets, None),
            LeftOutReason::Encrypted => (LeftOutWord::Encrypted, None),
            LeftOutReason::Name => (LeftOutWord::Name, None),
            LeftOutReason::Unreadable(why) => (LeftOutWord::Unreadable, Some(why.to_string())),
            LeftOutReason::Damaged => (LeftOutWord::Damaged, None),
        };
        JsonLeftOut {
            object: identity(list.kind(one.found), one.found),
            reason,
            detail,
        }
    });
    let made = account
        .made
        .iter()
        .map(|((maker, resource), count)| JsonMade {
            resource,
            made_by: (*maker).into(),
            count: *count,
        });
    line(&JsonExport {
        file,
        out,
        revision: list.revision,
        objects: account.written,
        left_out: left_out.collect(),
        comes_by_itself: made.collect(),
        set_by_somebody: &account.changed,
        cautions: account.warnings(form),
    })
}

const REVIEW: &str = "`kubectl apply --server-side --force-conflicts -f review/` brings them back";

const REVIEW_STREAM: &str = "give it to `kubectl apply --server-side --force-conflicts -f -`";

const SPLIT: &str = "`kubectl create -f -` knows them if `kubectl api-resources` ran before, `kubectl apply -f -` never does; \
     or export crds first, wait for `--for=condition=Established`, and export the rest with --skip-crds; or use --out DIR";

fn made_by(maker: Maker) -> &'static str {
    match maker {
        Maker::Controller => "created again by their controllers",
        Maker::Cluster => "created by every cluster",
        Maker::Running => "maintained by cluster components",
        Maker::Finished => "finished; they would run again",
        Maker::Tokens => "tokens that another cluster does not accept",
        Maker::Internal => "not part of any API",
    }
}

fn caution_text(caution: &Caution, count: usize) -> String {
    let counted = |what: &str| match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    };
    let shown = |text: &str| escape::text(text.as_bytes());
    match caution {
        Caution::Disk {
            source,
            is_deleted_with_claim,
        } => {
            let deleted = match is_deleted_with_claim {
                true => "; it is deleted with the claim, also for the other",
                false => "",
            };
            format!(
                "{} on a real disk ({}): as long as the old cluster runs, two clusters write to it{deleted}",
                counted("volume"),
                shown(source)
            )
        }
        Caution::Address => format!(
            "{} with a clusterIP that somebody chose: refused by a cluster with another range for Services",
            counted("Service")
        ),
        Caution::Version(version) => format!(
            "{} of {}, which may not be served, and cannot be written as another version here",
            counted("object"),
            shown(version)
        ),
        Caution::LoadBalancer => format!(
            "{} of type LoadBalancer: the cluster orders a new load balancer, with another address",
            counted("Service")
        ),
        Caution::Finalizer(finalizer) => format!(
            "{} with the finalizer {}: never deleted where its controller is missing",
            counted("object"),
            shown(finalizer)
        ),
        Caution::Calls(namespace, name) => format!(
            "{} for which the Service {} is called, which is not part of this",
            counted("object"),
            shown(&format!("{namespace}/{name}"))
        ),
        Caution::Bound(_) => format!(
            "{} on a volume that is not part of this: pending until that is there, with no other uid in its claimRef",
            counted("claim")
        ),
        Caution::Applied => format!(
            "{} without the last-applied annotation, which `kubectl create` would rewrite: the next `kubectl apply` removes no field",
            counted("object")
        ),
        Caution::Aggregated => format!(
            "{} with rules that are gathered from others: left out of it, a controller fills them in",
            counted("ClusterRole")
        ),
        Caution::NamesServer => format!(
            "{} with a kubeconfig in it: it names an API server and its certificates, those of the old cluster most likely",
            counted("ConfigMap")
        ),
        Caution::Trusts => format!(
            "{} with a caBundle: calls fail once those certificates are reissued",
            counted("object")
        ),
        Caution::BeingDeleted => format!(
            "{} with a deletionTimestamp: created without it, so not deleted again",
            counted("object")
        ),
        Caution::Owned => format!(
            "{} with owners: created without them, so not deleted with them",
            counted("object")
        ),
    }
}

/// The schemas of the lines that are written here.
#[cfg(feature = "schema")]
pub(super) fn schemas() -> Vec<(&'static str, serde_json::Value)> {
    use crate::report::line_schema::schema;
    vec![schema::<JsonExport<'_>>()]
}
