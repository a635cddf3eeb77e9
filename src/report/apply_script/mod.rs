//! Steps as a script for `sh` and `kubectl`.

use std::borrow::Borrow;
use std::fmt::Write as _;
use std::io;

use serde_json::Value;

use crate::kubernetes::apply::patch::Operation;
use crate::kubernetes::apply::step::{OnRequest, Step, StepVerb};

/// What every script begins with: it holds all that is done, and no name of any object.
const FUNCTIONS: &str = include_str!("apply.sh");

/// How many digits the numbers of `total` steps have.
pub fn step_digits(total: usize) -> usize {
    total.to_string().len().max(3)
}

/// Writes the script that takes steps in their order; each with the file that holds its manifest or patch, as it is called
/// from where the script is. A manifest is YAML, or indented JSON that is sent as it is. Beside the patch `x.json` stands
/// `x.after.json`, which tests for what it leads to.
///
/// `steps` is asked twice, so that they need not be kept.
///
/// # Errors
/// Those of `out`.
pub fn write_apply_script<S, F, I>(steps: impl Fn() -> I, out: &mut dyn io::Write) -> io::Result<()>
where
    S: Borrow<Step>,
    F: AsRef<str>,
    I: Iterator<Item = (S, Option<F>)>,
{
    let mut total = 0usize;
    let mut asked = [Vec::new(), Vec::new()];
    for (place, (step, _)) in steps().enumerate() {
        total = total.saturating_add(1);
        let [deleted, created] = &mut asked;
        match step.borrow().on_request {
            Some(OnRequest::Delete(_)) => deleted.push(place),
            Some(OnRequest::Create(_)) => created.push(place),
            None => {}
        }
    }
    let digits = step_digits(total);
    let [deleted, created] = asked.map(|places| quoted(&numbers(&places, digits)));
    out.write_all(FUNCTIONS.as_bytes())?;
    writeln!(
        out,
        "# ---- the steps\n\nstart {total} {deleted} {created} {digits} \"$@\"\n\nsteps() {{"
    )?;
    let mut lines = String::new();
    for (place, (step, file)) in steps().enumerate() {
        lines.clear();
        push_step(
            place,
            step.borrow(),
            file.as_ref().map(F::as_ref),
            digits,
            &mut lines,
        );
        out.write_all(lines.as_bytes())?;
    }
    // Nothing is done unless the file is whole.
    out.write_all(b"    :\n}\n\nfinish\n")
}

fn number(place: usize, digits: usize) -> String {
    format!("{:0digits$}", place.saturating_add(1))
}

fn numbers(places: &[usize], digits: usize) -> String {
    let numbers = places.iter().map(|place| number(*place, digits));
    numbers.collect::<Vec<_>>().join(" ")
}

/// One step, after its owners.
fn push_step(place: usize, step: &Step, file: Option<&str>, digits: usize, out: &mut String) {
    for owner in &step.owners {
        let reference = owner.reference.to_string();
        let reference = reference.strip_suffix('}').unwrap_or(&reference);
        let _ = writeln!(
            out,
            "owner {} {} {}",
            quoted(&owner.resource),
            quoted(&owner.name),
            quoted(reference)
        );
    }
    let target = &step.target;
    let _ = write!(
        out,
        "step {} {} {}",
        number(place, digits),
        step.verb.as_str(),
        quoted(&target.printed_name)
    );
    let mut word = |key: &str, value: &str| {
        let _ = write!(out, " {key}={}", quoted(value));
    };
    if let Some(namespace) = &target.namespace {
        word("namespace", namespace);
    }
    word("resource", &target.resource);
    word("name", &target.name);
    if let Some(file) = file {
        word("file", file);
    }
    // What is deleted, or sent as it is, is named by its path.
    let is_sent = step.verb != StepVerb::Patch && file.is_some_and(|file| file.ends_with(".json"));
    if step.uid.is_some() || is_sent {
        word("path", &target.path);
    }
    if let Some(uid) = &step.uid {
        word("uid", uid);
        if step.is_orphaning {
            word("policy", "Orphan");
        }
    }
    if !step.needs.is_empty() {
        word("needs", &numbers(&step.needs, digits));
    }
    if !step.addresses.is_empty() {
        word("addresses", &step.addresses.join(" "));
    }
    if let Some(place) = step.goes_with {
        word("goes", &number(place, digits));
    }
    if let Some(place) = step.created_by {
        word("again", &number(place, digits));
    }
    match &step.on_request {
        Some(OnRequest::Delete(why)) => {
            word("ask", "delete");
            word("why", why);
        }
        Some(OnRequest::Create(why)) => {
            word("ask", "create");
            word("why", why);
        }
        None => {}
    }
    for (key, is_set) in [
        ("gate", step.is_gate),
        ("established", step.is_definition),
        ("either", step.is_made_by_cluster),
        ("secret", step.is_secret),
    ] {
        if is_set {
            word(key, "yes");
        }
    }
    out.push('\n');
}

/// Writes a patch, an operation on each line, so that the script can take it apart. kubectl reads patches as YAML: what
/// YAML would take for the end of a line, or not take at all, is escaped.
///
/// # Errors
/// Those of `out`.
pub fn write_operations(operations: &[Operation], out: &mut dyn io::Write) -> io::Result<()> {
    out.write_all(b"[\n")?;
    for (place, operation) in operations.iter().enumerate() {
        let comma = if place > 0 { "," } else { "" };
        let path = Value::from(operation.path.as_str());
        write!(
            out,
            "{comma}{{\"op\":\"{}\",\"path\":{}",
            operation.op,
            for_yaml(&path.to_string())
        )?;
        if let Some(value) = &operation.value {
            write!(out, ",\"value\":{}", for_yaml(&value.to_string()))?;
        }
        out.write_all(b"}\n")?;
    }
    out.write_all(b"]\n")
}

fn for_yaml(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\u{7f}'..='\u{9f}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// One word for `sh`, whatever is in it.
fn quoted(text: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./:".contains(&b);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.to_string();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::apply::step::{StepOwner, StepTarget};
    use serde_json::json;

    fn target(name: &str) -> StepTarget {
        StepTarget {
            resource: "roles.v1.rbac.authorization.k8s.io".into(),
            namespace: Some("shop".into()),
            name: name.into(),
            printed_name: format!("role.rbac.authorization.k8s.io/{name}"),
            path: format!("/apis/rbac.authorization.k8s.io/v1/namespaces/shop/roles/{name}"),
        }
    }

    #[test]
    fn each_step_is_one_line_and_no_name_can_leave_its_word() {
        let mut first = Step::new(StepVerb::Delete, target("it's $(reboot); `id`"));
        first.uid = Some("u-1".into());
        first.on_request = Some(OnRequest::Delete("it holds data".into()));
        let mut second = Step::new(StepVerb::Create, target("b"));
        second.needs = vec![0];
        second.owners = vec![StepOwner {
            resource: "deployments.v1.apps".into(),
            name: "web".into(),
            reference: json!({"name": "web"}),
        }];
        let steps = [
            (&first, None),
            (&second, Some("steps/002-create-role-b.yaml")),
        ];
        let mut script = Vec::new();
        write_apply_script(|| steps.iter().copied(), &mut script).unwrap();
        let script = String::from_utf8(script).unwrap();
        let (_, steps) = script.split_once("# ---- the steps\n\n").unwrap();
        assert_eq!(
            steps,
            r#"start 2 001 '' 3 "$@"

steps() {
step 001 delete 'role.rbac.authorization.k8s.io/it'\''s $(reboot); `id`' namespace=shop resource=roles.v1.rbac.authorization.k8s.io name='it'\''s $(reboot); `id`' path='/apis/rbac.authorization.k8s.io/v1/namespaces/shop/roles/it'\''s $(reboot); `id`' uid=u-1 ask=delete why='it holds data'
owner deployments.v1.apps web '{"name":"web"'
step 002 create role.rbac.authorization.k8s.io/b namespace=shop resource=roles.v1.rbac.authorization.k8s.io name=b file=steps/002-create-role-b.yaml needs=001
    :
}

finish
"#
        );
    }
}
