use std::fmt::Write as _;

use serde::Serialize;

use super::humanize;
use super::json::{JsonLine, line};
use super::verify::summary;
use crate::counted::{counted, is_or_are};
use crate::ops::{AddedTrailer, Verdict};

/// What `trailer` wrote, for people.
pub fn trailer_text(made: &AddedTrailer, file: &str, out: &str) -> String {
    let mut text = format!(
        "{out}: {file} as a snapshot, {}\n",
        humanize::bytes(made.len)
    );
    if let Some(examined) = &made.source.examination {
        let _ = writeln!(text, "  {}", summary(examined));
    }
    let _ = writeln!(text, "  sha256  {}", made.trailer);
    for note in notes(made) {
        let _ = writeln!(text, "  note: {note}");
    }
    let _ = writeln!(text, "  proven  read back: restores as it is");
    text
}

fn notes(made: &AddedTrailer) -> Vec<String> {
    let mut notes = vec![
        "the SHA-256 is that of the bytes found; whether etcd wrote them like this is not known"
            .to_string(),
    ];
    if made.cut > 0 {
        notes.push(format!(
            "{} after the database {} left out",
            counted(made.cut, "unused byte", "unused bytes"),
            is_or_are(made.cut)
        ));
    }
    if made.source.is_data_dir {
        notes.push("what only the log of the data directory holds is not in it".into());
    }
    notes
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonTrailer<'t> {
    file: &'t str,
    out: &'t str,
    verdict: Verdict,
    bytes: u64,
    cut_bytes: u64,
    sha256: String,
    notes: Vec<String>,
}

impl JsonLine for JsonTrailer<'_> {
    const TYPE: &'static str = "trailer";
}

/// What `trailer` wrote, as one line of JSON.
pub fn trailer_json(made: &AddedTrailer, file: &str, out: &str) -> String {
    line(&JsonTrailer {
        file,
        out,
        verdict: Verdict::Ok,
        bytes: made.len,
        cut_bytes: made.cut,
        sha256: made.trailer.to_string(),
        notes: notes(made),
    })
}

/// The schemas of the lines that are written here.
#[cfg(feature = "schema")]
pub(super) fn schemas() -> Vec<(&'static str, serde_json::Value)> {
    use crate::report::line_schema::schema;
    vec![schema::<JsonTrailer<'_>>()]
}
