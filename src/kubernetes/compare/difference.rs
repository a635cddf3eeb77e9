//! What differs between two states of an object, field by field.

use std::collections::HashMap;
use std::fmt;

use serde_json::Value;

/// Values nested deeper are compared as a whole.
const MAX_DEPTH: usize = 200;

/// One step from an object to a value inside it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// A field of an object.
    Field(String),
    /// An item of a list, by its position.
    Index(usize),
    /// An item of a list, by the fields that name it.
    Item(Vec<(String, String)>),
}

/// The way from an object to a value inside it; prints as `spec.containers[name=web].image`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct FieldPath(pub Vec<Step>);

impl FieldPath {
    /// The names of the fields on the way, without places in lists.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|step| match step {
            Step::Field(name) => Some(name.as_str()),
            Step::Index(_) | Step::Item(_) => None,
        })
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, step) in self.0.iter().enumerate() {
            match step {
                Step::Field(name) if is_plain(name) => {
                    f.write_str(if number > 0 { "." } else { "" })?;
                    f.write_str(name)?;
                }
                Step::Field(name) => write!(f, "[{name:?}]")?,
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Item(keys) => {
                    f.write_str("[")?;
                    for (number, (key, value)) in keys.iter().enumerate() {
                        let comma = if number > 0 { "," } else { "" };
                        write!(f, "{comma}{key}={value}")?;
                    }
                    f.write_str("]")?;
                }
            }
        }
        Ok(())
    }
}

fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'$'))
}

/// A value that one state has and the other has not, or that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference<'v> {
    /// Where it is.
    pub path: FieldPath,
    /// What was there; `None` when nothing was.
    pub old: Option<&'v Value>,
    /// What is there now; `None` when nothing is.
    pub new: Option<&'v Value>,
}

/// Tells which fields name the items of a list.
pub trait ListKeys {
    /// The fields whose values tell the items of the list at `path` apart; `None` when its items have no
    /// names. Of `path` only the fields count.
    fn list_keys(&self, path: &FieldPath) -> Option<Vec<String>>;

    /// True when two values at `path` mean the same, though they are written otherwise.
    fn is_same(&self, _path: &FieldPath, _old: &Value, _new: &Value) -> bool {
        false
    }
}

/// Knows nothing: lists are compared item by item.
#[derive(Debug, Clone, Copy)]
pub struct NoListKeys;

impl ListKeys for NoListKeys {
    fn list_keys(&self, _: &FieldPath) -> Option<Vec<String>> {
        None
    }
}

/// What differs between `old` and `new`, in the order of their fields; after `most` of them the search ends.
pub fn differences<'v>(
    old: &'v Value,
    new: &'v Value,
    lists: &dyn ListKeys,
    most: usize,
) -> Vec<Difference<'v>> {
    let mut walk = Walk {
        lists,
        most,
        path: FieldPath::default(),
        found: Vec::new(),
    };
    walk.compare(Some(old), Some(new), 0);
    walk.found
}

/// Gives all that an object says, field by field, to `each`: texts, numbers, truth values, and what is empty. Items of
/// lists are named as in differences; values nested too deeply come as a whole.
pub fn leaves<'v>(
    object: &'v Value,
    lists: &dyn ListKeys,
    each: &mut dyn FnMut(&FieldPath, &'v Value),
) {
    leaves_of(object, lists, &mut FieldPath::default(), 0, each);
}

fn leaves_of<'v>(
    value: &'v Value,
    lists: &dyn ListKeys,
    path: &mut FieldPath,
    depth: usize,
    each: &mut dyn FnMut(&FieldPath, &'v Value),
) {
    let mut step = |path: &mut FieldPath, step, inner| {
        path.0.push(step);
        leaves_of(inner, lists, path, depth.saturating_add(1), each);
        path.0.pop();
    };
    match value {
        Value::Object(members) if !members.is_empty() && depth < MAX_DEPTH => {
            for (name, inner) in members {
                step(path, Step::Field(name.clone()), inner);
            }
        }
        Value::Array(items) if !items.is_empty() && depth < MAX_DEPTH => {
            let keys = lists.list_keys(path);
            let named = keys.and_then(|keys| names(items, &keys));
            let mut named = named.map(Vec::into_iter);
            for (index, inner) in items.iter().enumerate() {
                let name = named.as_mut().and_then(Iterator::next);
                step(path, name.map_or(Step::Index(index), Step::Item), inner);
            }
        }
        _ => each(path, value),
    }
}

struct Walk<'v, 'l> {
    lists: &'l dyn ListKeys,
    most: usize,
    path: FieldPath,
    found: Vec<Difference<'v>>,
}

impl<'v> Walk<'v, '_> {
    /// True at labels and annotations, of which each has its own meaning.
    fn is_words(&self) -> bool {
        let mut fields = self.path.fields();
        fields.next() == Some("metadata")
            && matches!(fields.next(), Some("labels" | "annotations"))
            && fields.next().is_none()
    }

    fn compare(&mut self, old: Option<&'v Value>, new: Option<&'v Value>, depth: usize) {
        if self.found.len() >= self.most || old == new {
            return;
        }
        match (old, new) {
            (Some(Value::Object(a)), Some(Value::Object(b))) if depth < MAX_DEPTH => {
                let mut names: Vec<&String> = a.keys().chain(b.keys()).collect();
                names.sort_unstable();
                names.dedup();
                for name in names {
                    self.step(Step::Field(name.clone()), a.get(name), b.get(name), depth);
                }
            }
            (Some(Value::Array(a)), Some(Value::Array(b))) if depth < MAX_DEPTH => {
                self.lists(a, b, depth);
            }
            // That all labels come or go with the map tells no more than that each of them does.
            (Some(Value::Object(only)), None) if !only.is_empty() && self.is_words() => {
                for (name, value) in only {
                    self.step(Step::Field(name.clone()), Some(value), None, depth);
                }
            }
            (None, Some(Value::Object(only))) if !only.is_empty() && self.is_words() => {
                for (name, value) in only {
                    self.step(Step::Field(name.clone()), None, Some(value), depth);
                }
            }
            (Some(a), Some(b)) if self.lists.is_same(&self.path, a, b) => {}
            _ => self.found.push(Difference {
                path: self.path.clone(),
                old,
                new,
            }),
        }
    }

    fn step(&mut self, step: Step, old: Option<&'v Value>, new: Option<&'v Value>, depth: usize) {
        self.path.0.push(step);
        self.compare(old, new, depth.saturating_add(1));
        self.path.0.pop();
    }

    fn lists(&mut self, a: &'v [Value], b: &'v [Value], depth: usize) {
        let keys = self.lists.list_keys(&self.path);
        let named = keys.and_then(|keys| Some((names(a, &keys)?, names(b, &keys)?)));
        if let Some((old, new)) = named {
            let index_new: HashMap<&Vec<(String, String)>, &'v Value> = new.iter().zip(b).collect();
            let index_old: HashMap<&Vec<(String, String)>, &'v Value> = old.iter().zip(a).collect();
            for name in &old {
                let step = Step::Item(name.clone());
                let before = index_old.get(name).copied();
                self.step(step, before, index_new.get(name).copied(), depth);
            }
            for name in new.iter().filter(|name| !index_old.contains_key(name)) {
                let after = index_new.get(name).copied();
                self.step(Step::Item(name.clone()), None, after, depth);
            }
            return;
        }
        // What is equal stands still; what lies between is compared item by item.
        let (mut at_old, mut at_new) = (0usize, 0usize);
        let end = (a.len(), b.len(), 0);
        for (run_old, run_new, len) in common_runs(a, b).into_iter().chain([end]) {
            let old = a.get(at_old..run_old).unwrap_or_default();
            let new = b.get(at_new..run_new).unwrap_or_default();
            for at in 0..old.len().max(new.len()) {
                let base = if at < new.len() { at_new } else { at_old };
                let step = Step::Index(base.saturating_add(at));
                self.step(step, old.get(at), new.get(at), depth);
            }
            at_old = run_old.saturating_add(len);
            at_new = run_new.saturating_add(len);
        }
    }
}

/// Beyond so many pairs of items only what is equal at both ends is looked for.
const MOST_PAIRS: usize = 1 << 16;
/// And so many pairs are compared in all of two lists, while what lies between equal stretches is searched for more.
const MOST_COMPARISONS: usize = 1 << 18;

/// Equal stretches of two lists in their order, the longest ones first chosen: where each begins in either list,
/// and how long it is.
fn common_runs(a: &[Value], b: &[Value]) -> Vec<(usize, usize, usize)> {
    let head = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let rest = a.len().min(b.len()).saturating_sub(head);
    let ends = a.iter().rev().zip(b.iter().rev()).take(rest);
    let tail = ends.take_while(|(a, b)| a == b).count();
    let (end_a, end_b) = (a.len().saturating_sub(tail), b.len().saturating_sub(tail));
    let mut runs = vec![(0, 0, head), (end_a, end_b, tail)];

    let (middle_a, middle_b) = (
        a.get(head..end_a).unwrap_or_default(),
        b.get(head..end_b).unwrap_or_default(),
    );
    if middle_a.len().saturating_mul(middle_b.len()) <= MOST_PAIRS {
        let mut known: HashMap<&Value, usize> = HashMap::new();
        let mut number = |item| {
            let next = known.len();
            *known.entry(item).or_insert(next)
        };
        let of_a: Vec<usize> = middle_a.iter().map(&mut number).collect();
        let of_b: Vec<usize> = middle_b.iter().map(number).collect();
        let mut open = vec![(0..of_a.len(), 0..of_b.len())];
        let mut left = MOST_COMPARISONS;
        while let Some((part_a, part_b)) = open.pop() {
            let pairs = part_a.len().saturating_mul(part_b.len());
            let Some(rest) = left.checked_sub(pairs) else {
                break;
            };
            left = rest;
            let slice_a = of_a.get(part_a.clone()).unwrap_or_default();
            let slice_b = of_b.get(part_b.clone()).unwrap_or_default();
            let Some((in_a, in_b, len)) = longest_run(slice_a, slice_b) else {
                continue;
            };
            let (start_a, start_b) = (
                part_a.start.saturating_add(in_a),
                part_b.start.saturating_add(in_b),
            );
            runs.push((
                head.saturating_add(start_a),
                head.saturating_add(start_b),
                len,
            ));
            open.push((part_a.start..start_a, part_b.start..start_b));
            open.push((
                start_a.saturating_add(len)..part_a.end,
                start_b.saturating_add(len)..part_b.end,
            ));
        }
    }
    runs.sort_unstable();
    runs
}

/// The longest stretch that both have, the first of several: where it begins in either, and how long it is.
fn longest_run(a: &[usize], b: &[usize]) -> Option<(usize, usize, usize)> {
    crate::steps::count(a.len().saturating_mul(b.len()));
    let mut best: Option<(usize, usize, usize)> = None;
    // How long the run is that ends at each item of `b` and at the item of `a` before.
    let (mut before, mut ending) = (vec![0usize; b.len()], vec![0usize; b.len()]);
    for (at_a, item) in a.iter().enumerate() {
        let mut diagonal = 0usize;
        let slots = ending.iter_mut().zip(&before);
        for ((at_b, other), (slot, above)) in b.iter().enumerate().zip(slots) {
            let len = match item == other {
                true => diagonal.saturating_add(1),
                false => 0,
            };
            if len > best.map_or(0, |(_, _, longest)| longest) {
                let back = len.saturating_sub(1);
                best = Some((at_a.saturating_sub(back), at_b.saturating_sub(back), len));
            }
            *slot = len;
            diagonal = *above;
        }
        std::mem::swap(&mut before, &mut ending);
    }
    best
}

/// The names of all items; `None` when one has no name or two have the same.
pub(in crate::kubernetes) fn names(
    items: &[Value],
    keys: &[String],
) -> Option<Vec<Vec<(String, String)>>> {
    let mut all = Vec::with_capacity(items.len());
    let mut seen = std::collections::HashSet::new();
    for item in items {
        let mut name = Vec::with_capacity(keys.len());
        for key in keys {
            let text = match item.get(key) {
                Some(Value::String(text)) => text.clone(),
                Some(Value::Object(_) | Value::Array(_)) => return None,
                Some(other) => other.to_string(),
                None => continue,
            };
            name.push((key.clone(), text));
        }
        if name.is_empty() || !seen.insert(name.clone()) {
            return None;
        }
        all.push(name);
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    struct ByName;

    impl ListKeys for ByName {
        fn list_keys(&self, path: &FieldPath) -> Option<Vec<String>> {
            (path.to_string() == "spec.containers").then(|| vec!["name".to_string()])
        }
    }

    fn lines(old: &Value, new: &Value, lists: &dyn ListKeys) -> Vec<String> {
        let show = |value: Option<&Value>| value.map_or("-".to_string(), Value::to_string);
        differences(old, new, lists, usize::MAX)
            .iter()
            .map(|d| format!("{}: {} > {}", d.path, show(d.old), show(d.new)))
            .collect()
    }

    #[test]
    fn items_are_matched_by_name_where_they_have_one() {
        let old = json!({"spec": {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]}});
        let new = json!({"spec": {"containers": [{"name": "b", "image": "2"}, {"name": "c", "image": "1"}]}});
        assert_eq!(
            lines(&old, &new, &ByName),
            [
                r#"spec.containers[name=a]: {"image":"1","name":"a"} > -"#,
                r#"spec.containers[name=b].image: "1" > "2""#,
                r#"spec.containers[name=c]: - > {"image":"1","name":"c"}"#,
            ]
        );
    }

    #[test]
    fn lists_without_names_keep_their_equal_ends() {
        assert_eq!(
            lines(&json!([1, 2, 3, 4]), &json!([1, 9, 3, 4]), &NoListKeys),
            ["[1]: 2 > 9"]
        );
        assert_eq!(
            lines(&json!(["a", "c"]), &json!(["a", "b", "c"]), &NoListKeys),
            [r#"[1]: - > "b""#]
        );
        assert!(lines(&json!([1]), &json!([1]), &NoListKeys).is_empty());
    }

    #[test]
    fn lists_without_names_keep_their_longest_common_runs() {
        let told = |old: Value, new: Value| lines(&old, &new, &NoListKeys);
        assert_eq!(
            told(json!([1, 2, 3, 4]), json!([2, 3, 9])),
            ["[0]: 1 > -", "[2]: 4 > 9"]
        );
        assert_eq!(
            told(json!([0, 1, 2, 3, 0]), json!([7, 1, 2, 8, 3, 7])),
            ["[0]: 0 > 7", "[3]: - > 8", "[5]: 0 > 7"]
        );
        assert_eq!(
            told(json!([1, 2]), json!([2, 1])),
            ["[0]: - > 2", "[1]: 2 > -"]
        );
        // Nothing is lost where the lists are too long for it.
        let (old, new): (Vec<usize>, Vec<usize>) = ((0..300).collect(), (1..301).collect());
        assert_eq!(told(json!(old), json!(new)).len(), 300);
        // Nor where they have too many runs in common: each second item differs.
        let list = |odd: &str| -> Value {
            let item = |n: usize| {
                if n.is_multiple_of(2) {
                    json!(odd)
                } else {
                    json!(n)
                }
            };
            (0..256).map(item).collect()
        };
        assert_eq!(told(list("a"), list("b")).len(), 128);
    }

    #[test]
    fn labels_that_come_or_go_together_are_told_one_by_one() {
        let old = json!({"metadata": {"name": "a"}});
        let new = json!({"metadata": {"name": "a", "labels": {"x": "1", "y": "2"}}});
        assert_eq!(
            lines(&old, &new, &NoListKeys),
            [
                r#"metadata.labels.x: - > "1""#,
                r#"metadata.labels.y: - > "2""#
            ]
        );
        assert_eq!(lines(&new, &old, &NoListKeys).len(), 2);
    }

    #[test]
    fn odd_field_names_are_quoted() {
        let old = json!({"metadata": {"annotations": {"a.b/c": "1"}}});
        let new = json!({"metadata": {"annotations": {}}});
        assert_eq!(
            lines(&old, &new, &NoListKeys),
            [r#"metadata.annotations["a.b/c"]: "1" > -"#]
        );
    }
}
