//! `-o`, and what else says how objects are printed.

use std::io::Read as _;
use std::path::Path;
use std::str::FromStr;

use crate::cli::run;
use crate::finding::escape;
use crate::kubernetes::query::jsonpath::Template;
use crate::kubernetes::show::custom_columns::CustomColumns;
use crate::kubernetes::show::sort::SortPath;

/// In what form objects are printed.
#[derive(Debug, Clone)]
pub(in crate::cli) enum Form {
    Table,
    Wide,
    Name,
    Yaml,
    Json,
    Kyaml,
    Ndjson,
    Rows,
    Path(Box<Template>),
    /// What each part of the template finds, as a list in JSON.
    PathAsJson(Box<Template>),
    /// Columns of a person's own, and whether `--no-headers` counts: as with kubectl it does not with a file.
    Columns(Box<CustomColumns>, bool),
}

/// The forms, for messages.
pub(in crate::cli) const FORMS: &str = "custom-columns, custom-columns-file, json, jsonpath, jsonpath-as-json, jsonpath-file, kyaml, name, \
                     ndjson, table, wide, yaml";

/// What shells offer.
pub(in crate::cli) const OFFERED: [&str; 12] = [
    "table",
    "wide",
    "name",
    "yaml",
    "json",
    "kyaml",
    "ndjson",
    "jsonpath=",
    "jsonpath-as-json=",
    "jsonpath-file=",
    "custom-columns=",
    "custom-columns-file=",
];

/// Templates and lists of columns are no longer than this.
const TEXT_LIMIT: u64 = 1 << 20;

impl FromStr for Form {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (word, argument) = match text.split_once('=') {
            Some((word, argument)) => (word, Some(argument)),
            None => (text, None),
        };
        let lower = text.to_ascii_lowercase();
        Ok(match (lower.as_str(), word, argument) {
            ("table", ..) => Self::Table,
            ("wide", ..) => Self::Wide,
            ("name", ..) => Self::Name,
            ("yaml", ..) => Self::Yaml,
            ("json", ..) => Self::Json,
            ("kyaml", ..) => Self::Kyaml,
            ("ndjson", ..) => Self::Ndjson,
            (_, "jsonpath" | "jsonpath-as-json" | "jsonpath-file", None | Some("")) => {
                return Err("template format specified but no template given".into());
            }
            (_, "jsonpath", Some(template)) => Self::Path(template_of(template)?),
            (_, "jsonpath-as-json", Some(template)) => Self::PathAsJson(template_of(template)?),
            (_, "jsonpath-file", Some(path)) => Self::Path(template_of(&read(path)?)?),
            (_, "custom-columns" | "custom-columns-file", None | Some("")) => {
                return Err("custom-columns format specified but no custom columns given".into());
            }
            (_, "custom-columns", Some(columns)) => {
                let columns = CustomColumns::parse(columns).map_err(|error| error.to_string())?;
                Self::Columns(Box::new(columns), true)
            }
            (_, "custom-columns-file", Some(path)) => {
                let columns = CustomColumns::parse_lines(&read(path)?);
                let columns = columns.map_err(|error| error.to_string())?;
                Self::Columns(Box::new(columns), false)
            }
            (_, "go-template" | "go-template-file" | "template" | "templatefile", _) => {
                return Err(format!(
                    "templates in Go's language ({word}) are not rendered here; use -o jsonpath=TEMPLATE, or \
                     -o json and jq"
                ));
            }
            _ => {
                return Err(format!(
                    "unable to match a printer suitable for the output format {text:?}, allowed formats are: {FORMS}"
                ));
            }
        })
    }
}

fn template_of(text: &str) -> Result<Box<Template>, String> {
    let template = Template::parse(text).map_err(|error| error.to_string())?;
    Ok(Box::new(template))
}

/// The text of a file that an argument names.
fn read(path: &str) -> Result<String, String> {
    let name = escape::path(Path::new(path));
    let mut text = String::new();
    let file = std::fs::File::open(path)
        .map_err(|error| format!("open {name}: {}", run::reason(&error)))?;
    file.take(TEXT_LIMIT.saturating_add(1))
        .read_to_string(&mut text)
        .map_err(|error| format!("read {name}: {}", run::reason(&error)))?;
    match text.len() as u64 > TEXT_LIMIT {
        true => Err(format!(
            "{name} is longer than {TEXT_LIMIT} bytes, which no template is"
        )),
        false => Ok(text),
    }
}

/// How lists and tables are printed.
#[derive(Debug, Clone, clap::Args)]
pub(in crate::cli) struct ListArgs {
    /// Sort by this field, a JSONPath such as .metadata.creationTimestamp
    #[arg(long, value_name = "JSONPATH")]
    sort_by: Option<String>,
    /// Show these labels in columns of their own
    #[arg(short = 'L', long, value_name = "LABEL[,LABEL]", value_delimiter = ',')]
    label_columns: Vec<String>,
    /// Show all labels in the last column
    #[arg(long)]
    pub(super) show_labels: bool,
    /// Show the kind with each name
    #[arg(long)]
    pub(super) show_kind: bool,
    /// Leave out the line with the names of the columns
    #[arg(long)]
    pub(super) no_headers: bool,
    /// Exit 0 and print nothing for names that do not exist
    #[arg(long)]
    pub(in crate::cli) ignore_not_found: bool,
    /// Means nothing for a file
    #[arg(long = "chunk-size", value_name = "N", hide = true)]
    _chunk_size: Option<String>,
}

impl ListArgs {
    /// The labels that have columns.
    pub(super) fn label_columns(&self) -> Vec<String> {
        let given = self.label_columns.iter();
        given.filter(|label| !label.is_empty()).cloned().collect()
    }

    pub(super) fn is_sorted(&self) -> bool {
        self.sort_by.as_deref().is_some_and(|path| !path.is_empty())
    }

    /// By what the objects are sorted.
    pub(super) fn sort_path(&self) -> Result<Option<SortPath>, String> {
        let path = self.sort_by.as_deref().filter(|text| !text.is_empty());
        let path = path.map(SortPath::parse).transpose();
        path.map_err(|error| format!("--sort-by: {error}"))
    }

    /// As kubectl does, refuses what says nothing about a form.
    pub(in crate::cli) fn check(&self, form: &Form) -> Result<(), String> {
        let option = match form {
            Form::Table | Form::Wide => return Ok(()),
            _ if self.show_labels => "--show-labels",
            Form::Columns(..) if !self.label_columns().is_empty() => "--label-columns",
            _ => return Ok(()),
        };
        let printer = match form {
            Form::Table => "table",
            Form::Wide => "wide",
            Form::Name => "name",
            Form::Yaml => "yaml",
            Form::Json => "json",
            Form::Kyaml => "kyaml",
            Form::Ndjson => "ndjson",
            Form::Rows => "--json",
            Form::Path(_) | Form::PathAsJson(_) => "jsonpath",
            Form::Columns(..) => "custom-columns",
        };
        Err(format!(
            "{option} option cannot be used with {printer} printer"
        ))
    }
}
