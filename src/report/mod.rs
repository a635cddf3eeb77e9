//! Results as text, tables and JSON. Everything that came from a file is escaped here.

mod absence;
mod answers;
mod apply_script;
mod compact;
mod describe;
mod diff;
mod encryption;
mod export;
mod findings;
mod grep;
mod hashkv;
mod history;
mod humanize;
mod info;
mod json;
mod keys;
mod kyaml;
#[cfg(feature = "schema")]
mod line_schema;
mod list;
mod locked;
mod log;
mod objects;
mod plain_value;
mod restore;
#[cfg(feature = "schema")]
mod schema;
mod status;
mod tab_stops;
mod table;
mod trailer;
mod value;
mod verify;
mod wal;
mod wording;
mod wrap;
mod yaml;

pub use absence::{AbsenceContext, absence_lines};
pub use answers::{ActualField, contains_json, error_json, version_json};
pub use apply_script::{step_digits, write_apply_script, write_operations};
pub use compact::{compacted_json, compacted_text};
pub use describe::{write_description, write_owners};
pub use diff::{
    ChangeDetail, DiffCounts, FieldOptions, KindTable, RollupRow, bucket_change_json,
    comparison_text, diff_item_json, diff_item_text, diff_markdown_head, diff_markdown_item,
    diff_markdown_title, diff_summary_json, diff_title, divergence_json, divergence_summary_json,
    divergence_text, no_difference, roll_up, security_text, tasks_markdown,
};
pub use encryption::{encryption_json, encryption_text};
pub use export::{ExportAccount, ExportForm, LeftOut, LeftOutReason, export_json};
pub use findings::findings_text;
pub use grep::{grep_json, grep_name, grep_summary_json, grep_text, grep_unsearched_line};
pub use hashkv::{hashkv, hashkv_json};
pub use history::{
    episode_json, episode_text, history_summary_json, log_part_json, log_part_text, shown_json,
    shown_text,
};
pub use humanize::bytes as human_bytes;
pub use info::{info_json, info_text};
pub use keys::{LongKeys, key_json, keys_summary_json};
pub use list::{
    ListLayout, ListWriter, document_start, etcdctl_json_end, etcdctl_json_start, list_value,
};
pub use locked::{LockedValues, RAW_HINT, locked_line, undecoded};
pub use log::{
    log_noise_line, log_part_events_json, log_part_events_text, log_summary_json,
    resolved_time_line, transaction_json, transaction_text,
};
pub use objects::{
    Columns, columns_text, damage_line, damaged_object_json, flaw_line, kinds_json, kinds_text,
    lost_values_lines, object_json, object_name, objects_summary_json, other_version_line,
    server_lease_note, server_leases_line, stray_values_json, undecided_line,
};
pub use restore::{restore_plan_json, restore_plan_text, restored_json, restored_text};
#[cfg(feature = "schema")]
pub use schema::schemas;
pub use status::{status, status_json};
pub use tab_stops::TabStops;
pub use trailer::{trailer_json, trailer_text};
pub use value::{
    Readable, fields_end, notes, push_pretty_list, readable, record_etcdctl_json, record_fields,
    record_json, records_summary_json, value_json, write_object_yaml, write_pretty_json,
};
pub use verify::{unreadable_json, verify_json, verify_text};
pub use wal::{
    wal_index, wal_json, wal_stranger_text, wal_summary_json, wal_summary_text, wal_text,
};
pub use wording::worded;
pub use wrap::wrapped;
pub use yaml::{write_yaml, yaml};

use std::str::FromStr;

/// The output formats of etcd's tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Values separated by commas.
    #[default]
    Simple,
    /// A table.
    Table,
    /// JSON.
    Json,
    /// One field per line.
    Fields,
}

impl FromStr for Format {
    type Err = &'static str;

    /// The errors are in the words of etcd's tools.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "simple" => Ok(Self::Simple),
            "table" => Ok(Self::Table),
            "json" => Ok(Self::Json),
            "fields" => Ok(Self::Fields),
            "protobuf" => Err("protobuf not supported as output format"),
            _ => Err("unsupported output format"),
        }
    }
}
