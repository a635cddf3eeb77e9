//! The columns of each kind in each release: a table written by `catalog/table/generator/generate`.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::Column;
use crate::kubernetes::release::KubeRelease;

/// Columns of a kind of a group, in the releases from the first to the last.
#[derive(Debug)]
struct Layout {
    group: &'static str,
    first: KubeRelease,
    last: KubeRelease,
    columns: Vec<Column>,
}

/// By kind, those of each group from the oldest.
type Kinds = HashMap<&'static str, Vec<Layout>>;

static KINDS: LazyLock<Kinds> = LazyLock::new(|| parse(include_str!("columns.table")).0);

/// The kinds, and how many lines were not understood.
fn parse(text: &'static str) -> (Kinds, usize) {
    let mut kinds = Kinds::new();
    let mut odd_lines = 0_usize;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        match layout(line) {
            Some((kind, layout)) => kinds.entry(kind).or_default().push(layout),
            None => odd_lines = odd_lines.saturating_add(1),
        }
    }
    (kinds, odd_lines)
}

fn layout(line: &'static str) -> Option<(&'static str, Layout)> {
    let mut parts = line.split('\t');
    let (group, kind) = (parts.next()?, parts.next()?);
    let (first, last) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    // Type and format do not change what kubectl prints.
    let column = |text: &str| {
        let (name, rest) = text.split_once('|')?;
        let priority: u32 = rest.rsplit('|').next()?.parse().ok()?;
        Some(Column {
            name: name.to_uppercase(),
            wide: priority > 0,
        })
    };
    let columns = parts.map(column).collect::<Option<Vec<_>>>()?;
    let layout = Layout {
        group,
        first,
        last,
        columns,
    };
    (!layout.columns.is_empty()).then_some((kind, layout))
}

/// The columns of a kind; those of the newest release that has it, if `release` does not.
pub(super) fn columns(group: &str, kind: &str, release: KubeRelease) -> Option<&'static [Column]> {
    let of_group = || {
        KINDS
            .get(kind)
            .into_iter()
            .flatten()
            .filter(|one| one.group == group)
    };
    let found = of_group().find(|one| (one.first..=one.last).contains(&release));
    found
        .or_else(|| of_group().next_back())
        .map(|one| one.columns.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_columns_is_understood() {
        let (kinds, odd_lines) = parse(include_str!("columns.table"));
        assert_eq!(odd_lines, 0);
        assert!(kinds.len() > 80, "{}", kinds.len());
    }

    #[test]
    fn a_kind_that_a_release_does_not_have_is_shown_as_by_the_newest_that_has_it() {
        let names = |kind, release| {
            let columns = columns("", kind, release).expect("a kind");
            let names = columns.iter().map(|column| column.name.as_str());
            names.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            names("ServiceAccount", KubeRelease::OLDEST),
            "NAME SECRETS AGE"
        );
        assert_eq!(names("ServiceAccount", KubeRelease::V1_35), "NAME AGE");
        let request = columns("lifecycle.k8s.io", "EvictionRequest", KubeRelease::OLDEST);
        assert!(request.is_some_and(|columns| columns.len() > 5));
        assert_eq!(columns("", "Nothing", KubeRelease::NEWEST), None);
    }
}
