//! What a Secret is, and what of it may be shown.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};
use serde_json::{Map, Value};

use super::{LAST_APPLIED, Redactor};
use crate::finding::escape;

/// What a Secret of the core group is made of, besides `data` and `stringData`.
const FIELDS: [(&str, Form); 6] = [
    ("apiVersion", Form::Text),
    ("kind", Form::Text),
    ("metadata", Form::Fields(&METADATA)),
    ("type", Form::Text),
    ("immutable", Form::Bool),
    ("items", Form::Objects),
];

/// The fields of the metadata of an object and of a list, besides annotations.
const METADATA: [(&str, Form); 18] = [
    ("name", Form::Text),
    ("generateName", Form::Text),
    ("namespace", Form::Text),
    ("selfLink", Form::Text),
    ("uid", Form::Text),
    ("resourceVersion", Form::Text),
    ("generation", Form::Number),
    ("creationTimestamp", Form::Text),
    ("deletionTimestamp", Form::Text),
    ("deletionGracePeriodSeconds", Form::Number),
    ("labels", Form::Texts),
    ("annotations", Form::Annotations),
    ("ownerReferences", Form::List(&OWNER)),
    ("finalizers", Form::Names),
    ("managedFields", Form::List(&MANAGER)),
    ("clusterName", Form::Text),
    ("continue", Form::Text),
    ("remainingItemCount", Form::Number),
];

const OWNER: [(&str, Form); 6] = [
    ("apiVersion", Form::Text),
    ("kind", Form::Text),
    ("name", Form::Text),
    ("uid", Form::Text),
    ("controller", Form::Bool),
    ("blockOwnerDeletion", Form::Bool),
];

const MANAGER: [(&str, Form); 7] = [
    ("manager", Form::Text),
    ("operation", Form::Text),
    ("apiVersion", Form::Text),
    ("time", Form::Text),
    ("fieldsType", Form::Text),
    ("fieldsV1", Form::FieldSet),
    ("subresource", Form::Text),
];

/// What a field that is shown is like. What is of another form was not written by an API server, and is hidden.
#[derive(Debug, Clone, Copy)]
enum Form {
    Text,
    Number,
    Bool,
    /// Names and texts.
    Texts,
    /// A list of texts.
    Names,
    /// An object with these fields.
    Fields(&'static [(&'static str, Form)]),
    /// A list of such objects.
    List(&'static [(&'static str, Form)]),
    /// The fields somebody manages, with objects in place of their values.
    FieldSet,
    /// Judged one by one.
    Annotations,
    /// A list of Secrets, judged one by one.
    Objects,
}

/// Annotations of Secrets that name and count things, and never hold what is in the Secret. All others may.
const PUBLIC: [&str; 46] = [
    "acid.zalan.do/controller",
    "argocd.argoproj.io/sync-options",
    "argocd.argoproj.io/sync-wave",
    "argocd.argoproj.io/tracking-id",
    "cert-manager.io/alt-names",
    "cert-manager.io/certificate-name",
    "cert-manager.io/common-name",
    "cert-manager.io/ip-sans",
    "cert-manager.io/issuer-group",
    "cert-manager.io/issuer-kind",
    "cert-manager.io/issuer-name",
    "cert-manager.io/private-key-secret-name",
    "cert-manager.io/revision-history-limit",
    "cert-manager.io/subject-organizations",
    "cert-manager.io/uri-sans",
    "external-secrets.io/force-sync",
    "field.cattle.io/projectId",
    "helm.sh/hook",
    "helm.sh/hook-delete-policy",
    "helm.sh/hook-weight",
    "helm.sh/resource-policy",
    "kapp.k14s.io/change-group",
    "kapp.k14s.io/identity",
    "kapp.k14s.io/versioned",
    "kubed.appscode.com/sync",
    "kubernetes.io/created-by",
    "kubernetes.io/service-account.name",
    "kubernetes.io/service-account.uid",
    "kustomize.toolkit.fluxcd.io/prune",
    "kustomize.toolkit.fluxcd.io/ssa",
    "meta.helm.sh/release-name",
    "meta.helm.sh/release-namespace",
    "objectset.rio.cattle.io/id",
    "objectset.rio.cattle.io/owner-gvk",
    "objectset.rio.cattle.io/owner-name",
    "objectset.rio.cattle.io/owner-namespace",
    "openshift.io/token-secret.name",
    "reflector.v1.k8s.emberstack.com/reflection-allowed",
    "reflector.v1.k8s.emberstack.com/reflection-allowed-namespaces",
    "reflector.v1.k8s.emberstack.com/reflection-auto-enabled",
    "reflector.v1.k8s.emberstack.com/reflection-auto-namespaces",
    "reflector.v1.k8s.emberstack.com/reflects",
    "replicator.v1.mittwald.de/replicate-to",
    "replicator.v1.mittwald.de/replicated-from-version",
    "sealedsecrets.bitnami.com/cluster-wide",
    "sealedsecrets.bitnami.com/namespace-wide",
];

/// A public annotation is short; with so many values nothing is looked for in it.
const LONGEST: usize = 512;
const MOST_VALUES: usize = 1000;
/// All public annotations of a Secret together; real ones are far shorter.
const LONGEST_TOGETHER: usize = 4096;
const MOST_COPIES: usize = 1000;
/// Shorter values are in many words by chance, and so are parts of values that are not long.
const SHORTEST: usize = 4;
const LONG_PART: usize = 8;

/// True for an object that says it is a Secret, of whatever group. What only refers to one has neither metadata
/// nor data.
pub(super) fn is_secret(map: &Map<String, Value>) -> bool {
    let has = |field: &str| map.contains_key(field);
    is_kind(map, "Secret") && (has("metadata") || has("data") || has("stringData"))
}

pub(super) fn is_secret_list(map: &Map<String, Value>) -> bool {
    is_kind(map, "SecretList")
}

fn is_kind(map: &Map<String, Value>, kind: &str) -> bool {
    map.get("kind").and_then(Value::as_str) == Some(kind)
}

/// True for a key beneath a resource `secrets`, of the core group or another one, whatever the prefix is:
/// `PREFIX/secrets/NS/NAME`, `PREFIX/GROUP/secrets/NAME`.
pub(super) fn is_secret_key(key: &[u8]) -> bool {
    let parts: Vec<&[u8]> = key
        .split(|b| *b == b'/')
        .filter(|part| !part.is_empty())
        .collect();
    let (last, above) = match parts.split_last() {
        Some((_, above)) => (above.last(), above),
        None => return false,
    };
    let is = |part: Option<&&[u8]>| part.is_some_and(|part| *part == b"secrets");
    // The last part is a name, the one before it may be a namespace.
    let before_namespace = above.split_last().map_or(above, |(_, rest)| rest);
    before_namespace.iter().any(|part| is(Some(part)))
        || is(last)
            && match before_namespace {
                [] | [_] => true,
                [.., group] => group.contains(&b'.'),
            }
        || is(parts.get(1))
        || is(parts.first()) && key.starts_with(b"/")
}

/// True for a key of a Secret of the core group: no part before `secrets` names another group, besides the prefix.
pub(super) fn is_core_secret_key(key: &[u8]) -> bool {
    let mut parts = key.split(|b| *b == b'/').filter(|part| !part.is_empty());
    let Some(mut before) = parts.next() else {
        return false;
    };
    if before == b"secrets" {
        return is_secret_key(key);
    }
    let mut is_prefix = true;
    for part in parts {
        if part == b"secrets" {
            return (is_prefix || !before.contains(&b'.')) && is_secret_key(key);
        }
        is_prefix = false;
        before = part;
    }
    false
}

impl Redactor {
    /// Replaces what a Secret holds. Names, labels, owners and the rest of the metadata stay.
    /// Where `is_core` is set it is one of the core group, whatever it says.
    pub(super) fn redact_secret(&self, secret: &mut Map<String, Value>, is_core: bool) -> bool {
        let mut found = false;
        let copies = Copies::of(secret);
        let is_core = is_core
            || secret
                .get("apiVersion")
                .and_then(Value::as_str)
                .is_none_or(|version| !version.contains('/'));
        for (field, value) in secret.iter_mut() {
            match (field.as_str(), value) {
                (field @ ("data" | "stringData"), Value::Object(entries)) => {
                    for value in entries.values_mut() {
                        found |= self.replace(value, field == "data");
                    }
                }
                ("data" | "stringData", other) => found |= self.replace(other, false),
                (name, other) if is_data(name) => found |= self.replace(other, false),
                (name, other) => match form_of(&FIELDS, name) {
                    Some(form) => found |= self.keep_form(other, form),
                    None if is_core => found |= self.replace(other, false),
                    None => {}
                },
            }
        }
        let annotations = secret
            .get_mut("metadata")
            .and_then(|metadata| metadata.get_mut("annotations"));
        match annotations {
            None | Some(Value::Null) => {}
            Some(Value::Object(annotations)) => {
                for (name, value) in annotations.iter_mut() {
                    if !is_public(name, value, &copies) {
                        found |= self.replace(value, false);
                    }
                }
            }
            Some(other) => found |= self.replace(other, false),
        }
        found
    }

    /// Replaces what in a field is not of its form.
    fn keep_form(&self, value: &mut Value, form: Form) -> bool {
        let mut found = false;
        match (form, &mut *value) {
            (_, Value::Null)
            | (Form::Text, Value::String(_))
            | (Form::Number, Value::Number(_))
            | (Form::Bool, Value::Bool(_))
            // These are judged elsewhere.
            | (Form::Annotations, _) => {}
            (Form::Texts, Value::Object(texts)) => {
                for text in texts.values_mut() {
                    found |= self.keep_form(text, Form::Text);
                }
            }
            (Form::Names, Value::Array(names)) => {
                for name in names {
                    found |= self.keep_form(name, Form::Text);
                }
            }
            (Form::Fields(fields), Value::Object(map)) => {
                for (name, value) in map.iter_mut() {
                    found |= match form_of(fields, name) {
                        Some(form) => self.keep_form(value, form),
                        None => self.replace(value, false),
                    };
                }
            }
            (Form::List(fields), Value::Array(items)) => {
                for item in items {
                    found |= self.keep_form(item, Form::Fields(fields));
                }
            }
            (Form::FieldSet, Value::Object(set)) => {
                let mut open: Vec<&mut Value> = set.values_mut().collect();
                while let Some(value) = open.pop() {
                    match value {
                        Value::Object(fields) => open.extend(fields.values_mut()),
                        other => found |= self.replace(other, false),
                    }
                }
            }
            (Form::Objects, Value::Array(items)) => {
                for item in items.iter_mut().filter(|item| !item.is_object()) {
                    found |= self.replace(item, false);
                }
            }
            (_, other) => found |= self.replace(other, false),
        }
        found
    }

    /// Replaces a whole value; the length is that of what base64 stands for.
    pub(super) fn replace(&self, value: &mut Value, is_base64: bool) -> bool {
        let mark = match &*value {
            Value::Null => return false,
            Value::String(text) if is_base64 => match BASE64_STANDARD.decode(text.as_bytes()) {
                Ok(bytes) => self.mark(&bytes),
                Err(_) => self.mark(text.as_bytes()),
            },
            Value::String(text) => self.mark(text.as_bytes()),
            other => self.mark(other.to_string().as_bytes()),
        };
        *value = Value::String(mark);
        true
    }
}

fn form_of(fields: &[(&str, Form)], name: &str) -> Option<Form> {
    let field = fields.iter().find(|(field, _)| *field == name);
    field.map(|(_, form)| *form)
}

/// `Data` and `stringdata`: fields meant to be those of a Secret, though the API server does not know them.
fn is_data(field: &str) -> bool {
    field.eq_ignore_ascii_case("data") || field.eq_ignore_ascii_case("stringData")
}

/// True for an annotation of a Secret that cannot hold anything of its values.
fn is_public(name: &str, value: &Value, copies: &Copies) -> bool {
    let Value::String(text) = value else {
        return false;
    };
    match text.as_str() {
        "" | "true" | "false" => name != LAST_APPLIED,
        _ => {
            PUBLIC.contains(&name)
                && text.len() <= LONGEST
                && !text.trim_start().starts_with(['{', '['])
                && is_made_of_names(text)
                && !copies.are_in(text)
        }
    }
}

/// True for names, numbers and lists of them; false for what is in a coding, or was made up by chance.
fn is_made_of_names(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .all(|word| {
            let has = |test: fn(&u8) -> bool| word.as_bytes().iter().any(test);
            let has_digits = has(u8::is_ascii_digit);
            let is_coded = word.len() > 5 && has_digits && has(u8::is_ascii_uppercase);
            let is_hex = word.len() > 20 && has_digits && has(u8::is_ascii_lowercase);
            word.len() <= 63 && !is_coded && !is_hex
        })
}

/// True for the namespace that a token of a service account comes with. It is not a secret, and accounts may be
/// called so too.
fn is_own_namespace(secret: &Map<String, Value>, name: &str, value: &Value) -> bool {
    let decoded = || BASE64_STANDARD.decode(value.as_str()?.as_bytes()).ok();
    let is_label = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-';
    name == "namespace"
        && secret.get("type").and_then(Value::as_str) == Some("kubernetes.io/service-account-token")
        && decoded().is_some_and(|text| text.len() <= 63 && text.iter().all(is_label))
}

/// What of the values of a Secret stands in its public annotations, in the ways in which values are copied.
struct Copies {
    /// The public annotations. Only what stands in one of them is kept below, however much the Secret holds.
    annotations: String,
    /// Where the Secret itself is named. A part of a value that stands there is shown anyway.
    names: String,
    /// Anywhere in a text.
    texts: Vec<String>,
    /// As words of their own.
    words: Vec<String>,
    /// As the whole text.
    whole: Vec<String>,
    is_too_many: bool,
}

impl Copies {
    fn of(secret: &Map<String, Value>) -> Self {
        let mut copies = Self {
            annotations: public_texts(secret),
            names: own_names(secret),
            texts: Vec::new(),
            words: Vec::new(),
            whole: Vec::new(),
            is_too_many: false,
        };
        copies.is_too_many = copies.annotations.len() > LONGEST_TOGETHER;
        if copies.annotations.is_empty() || copies.is_too_many {
            return copies;
        }
        let mut open: Vec<&Value> = Vec::new();
        for field in ["data", "stringData"] {
            match secret.get(field) {
                Some(Value::Object(entries)) => open.extend(
                    entries
                        .iter()
                        .filter(|(name, value)| !is_own_namespace(secret, name, value))
                        .map(|(_, value)| value),
                ),
                other => open.extend(other),
            }
        }
        let mut count = 0_usize;
        while let Some(value) = open.pop() {
            match value {
                Value::Object(fields) => open.extend(fields.values()),
                Value::Array(items) => open.extend(items),
                Value::String(text) => {
                    count = count.saturating_add(1);
                    if count > MOST_VALUES || copies.is_too_many {
                        copies.is_too_many = true;
                        break;
                    }
                    copies.add_value(text.as_bytes());
                    if let Ok(bytes) = BASE64_STANDARD.decode(text.as_bytes()) {
                        copies.add_value(&bytes);
                    }
                }
                _ => {}
            }
        }
        copies
    }

    /// A value, without the line end that `echo` puts behind it, and what a file of settings is made of.
    fn add_value(&mut self, value: &[u8]) {
        let trimmed = value.trim_ascii();
        self.add(value);
        if trimmed.len() != value.len() {
            self.add(trimmed);
        }
        let Ok(text) = std::str::from_utf8(trimmed) else {
            return;
        };
        if text.len() < SHORTEST && !text.is_empty() {
            // One digit is too common to be looked for within lists.
            let list = match text.len() {
                1 => &mut self.whole,
                _ => &mut self.words,
            };
            list.push(text.to_owned());
        }
        for line in text.lines() {
            self.add_part(line);
            for sign in ['=', ':'] {
                if let Some((_, value)) = line.split_once(sign) {
                    self.add_part(value);
                }
            }
        }
        // Words of what is JSON, a URL, a list: all that stands between signs, unless it names what follows.
        let mut start = 0;
        for (end, sign) in text.match_indices(is_separator) {
            let names = matches!(sign, "=" | ":") || text.get(end..).is_some_and(is_end_of_name);
            if !names {
                self.add_part(text.get(start..end).unwrap_or_default());
            }
            start = end.saturating_add(sign.len());
        }
        self.add_part(text.get(start..).unwrap_or_default());
    }

    fn add_part(&mut self, part: &str) {
        let part = part.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ','));
        if part.len() < SHORTEST || part.len() > LONGEST || is_word_in(part, &self.names) {
            return;
        }
        if part.len() >= LONG_PART {
            self.add(part.as_bytes());
        } else if self.is_new(part) {
            self.words.push(part.to_owned());
        }
    }

    fn add(&mut self, value: &[u8]) {
        if value.len() < SHORTEST || value.len() > LONGEST {
            return;
        }
        let text = std::str::from_utf8(value).map(str::to_owned);
        let coded = [BASE64_STANDARD_NO_PAD.encode(value), escape::hex(value)];
        for form in coded.into_iter().chain(text) {
            if self.is_new(&form) {
                self.texts.push(form);
            }
        }
    }

    /// True for what stands in an annotation, and is not known to do so.
    fn is_new(&mut self, text: &str) -> bool {
        let annotations = self.annotations.as_bytes();
        if self.is_too_many || memchr::memmem::find(annotations, text.as_bytes()).is_none() {
            return false;
        }
        let known = self.texts.len().saturating_add(self.words.len());
        self.is_too_many = known >= MOST_COPIES;
        let mut known = self.texts.iter().chain(&self.words);
        !known.any(|known| known == text)
    }

    fn are_in(&self, text: &str) -> bool {
        self.is_too_many
            || self.texts.iter().any(|copy| text.contains(copy.as_str()))
            || self.words.iter().any(|copy| is_word_in(copy, text))
            || self.whole.iter().any(|copy| text.trim() == copy)
    }
}

/// All public annotations that may be shown, one a line.
fn public_texts(secret: &Map<String, Value>) -> String {
    let mut texts = String::new();
    let annotations = secret
        .get("metadata")
        .and_then(|metadata| metadata.get("annotations"))
        .and_then(Value::as_object);
    for name in PUBLIC {
        let text = annotations.and_then(|annotations| annotations.get(name));
        if let Some(Value::String(text)) = text
            && text.len() <= LONGEST
        {
            texts.push_str(text);
            texts.push('\n');
        }
    }
    texts
}

fn own_names(secret: &Map<String, Value>) -> String {
    let name = |field: &str| {
        let metadata = secret.get("metadata")?;
        let name = metadata.get(field)?.as_str()?;
        // Longer names are not names.
        (name.len() <= LONGEST).then_some(name)
    };
    let names = ["name", "namespace"].map(|field| name(field).unwrap_or_default());
    names.join("\n")
}

fn is_separator(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(
            c,
            '=' | ':' | '"' | '\'' | '`' | ',' | ';' | '@' | '/' | '\\' | '?' | '&' | '|' | '#'
        )
        || matches!(c, '<' | '>' | '(' | ')' | '[' | ']' | '{' | '}')
}

/// True for what follows the name of a field within quotes.
fn is_end_of_name(rest: &str) -> bool {
    let rest = rest.strip_prefix(['"', '\'']);
    rest.is_some_and(|rest| rest.trim_ascii_start().starts_with(':'))
}

/// True if `word` stands in a text with nothing that belongs to it before or behind.
fn is_word_in(word: &str, text: &str) -> bool {
    text.match_indices(word).any(|(at, word)| {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let behind = text.get(at.saturating_add(word.len())..);
        let behind = behind.and_then(|text| text.chars().next());
        !before.is_some_and(char::is_alphanumeric) && !behind.is_some_and(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_beneath_any_resource_called_secrets_is_that_of_a_secret() {
        for key in [
            "/registry/secrets/ns/name",
            "/registry/secrets/ns/secrets",
            "/registry/secrets/secrets/secrets",
            "/registry/secrets/odd",
            "/registry/secrets/ns/name/more",
            "//registry//secrets/ns/name",
            "/kubernetes.io/secrets/ns/name",
            "/openshift.io/secrets/ns/name",
            "/a/b/secrets/ns/name",
            "/secrets/ns/name",
            "/secrets/name",
            "registry/secrets/ns/name",
            "/registry/example.com/secrets/ns/name",
            "/registry/example.com/secrets/name",
            "/registry/cluster-1/example.com/secrets/name",
        ] {
            assert!(is_secret_key(key.as_bytes()), "{key}");
        }
        for key in [
            "",
            "/",
            "secrets",
            "/x",
            "/registry/configmaps/ns/secrets",
            "/registry/configmaps/secrets/name",
            "/registry/example.com/widgets/secrets/name",
            "/registry/namespaces/secrets",
            "/registry/secretstores/ns/name",
            "/registry/my-secrets/ns/name",
        ] {
            assert!(!is_secret_key(key.as_bytes()), "{key}");
        }
    }

    #[test]
    fn a_key_tells_whether_a_secret_is_of_the_core_group() {
        for (key, is_core) in [
            ("/registry/secrets/ns/name", true),
            ("/secrets/ns/name", true),
            ("/kubernetes.io/secrets/ns/name", true),
            ("/a/b/secrets/ns/name", true),
            ("/registry/example.com/secrets/ns/name", false),
            ("/registry/cluster-1/example.com/secrets/name", false),
            ("/registry/configmaps/ns/secrets", false),
            ("", false),
        ] {
            assert_eq!(is_core_secret_key(key.as_bytes()), is_core, "{key}");
        }
    }

    #[test]
    fn the_list_of_public_annotations_is_sorted_and_has_no_copy_of_objects() {
        assert!(PUBLIC.is_sorted());
        for name in PUBLIC {
            assert!(!name.contains("applied") && !name.contains("original"));
        }
    }

    #[test]
    fn a_copy_of_a_part_of_a_value_is_hidden_in_public_annotations() {
        let shown = |data: &str, annotation: &str| {
            let mut secret = json!({
                "apiVersion": "v1", "kind": "Secret",
                "metadata": {"name": "shop-db", "namespace": "pay", "annotations": {
                    "meta.helm.sh/release-name": annotation,
                }},
                "data": {"v": BASE64_STANDARD.encode(data)},
            });
            Redactor::with_key(b"k").redact_secret(secret.as_object_mut().unwrap(), true);
            secret["metadata"]["annotations"]["meta.helm.sh/release-name"] == annotation
        };
        let long = format!("# {}\npassword=hunter-two\n", "comment ".repeat(100));
        for data in [
            "hunter-two\n",
            "\n hunter-two\r\n",
            "user=app\npassword=hunter-two\nport=5\n",
            "user: app\npassword: 'hunter-two'\n",
            "password = \"hunter-two\"",
            "{\"user\":\"app\",\"password\":\"hunter-two\"}",
            "{\"a\": [{\"b\" : \"hunter-two\"}]}",
            "postgres://app:hunter-two@db:5432/shop",
            "app:hunter-two",
            "one,hunter-two;three",
            &long,
        ] {
            assert!(!shown(data, "hunter-two"), "{data}");
            assert!(!shown(data, "is hunter-two."), "{data}");
            assert!(shown(data, "cert-manager.io"), "{data}");
        }
        assert!(!shown("password=hunter-two", "aHVudGVyLXR3bw"));
        assert!(!shown("password=hunter-two", "68756e7465722d74776f"));
        for (data, annotation) in [
            ("a1b", "a1b"),
            ("a1b\n", "is a1b"),
            ("7", "7"),
            ("pw=zq12", "zq12"),
        ] {
            assert!(!shown(data, annotation), "{data}");
        }
        // By chance within a word, the name of a field, and what the Secret is called itself.
        for (data, annotation) in [
            ("ing", "nginx-ingress"),
            ("7", "17"),
            ("x=keep", "keeper"),
            ("release=1", "release"),
            ("{\"release\": \"x\"}", "release"),
            ("postgres://app:pw@shop-db.pay/shop", "shop-db"),
            ("namespace=pay\nuser=shop", "shop"),
        ] {
            assert!(shown(data, annotation), "{data}");
        }
    }

    #[test]
    fn a_large_value_is_searched_for_copies_in_time_that_grows_with_its_length() {
        let names = PUBLIC.map(|name| (name.to_owned(), json!("a-b.".repeat(20))));
        for value in [
            "a-b.".repeat(100_000),
            "ab=cd:ef\n".repeat(30_000),
            "\"".repeat(200_000),
            "\" ".repeat(100_000),
        ] {
            let mut secret = json!({
                "kind": "Secret", "metadata": {"annotations": serde_json::Map::from_iter(names.clone())},
                "stringData": {"v": value},
            });
            Redactor::with_key(b"k").redact_secret(secret.as_object_mut().unwrap(), true);
        }
    }

    #[test]
    fn only_annotations_that_name_things_are_shown_and_none_that_holds_a_value() {
        let mut secret = json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "db", "labels": {"app": "hunter2"}, "annotations": {
                "cert-manager.io/common-name": "example.com",
                "cert-manager.io/issuer-name": "is hunter2",
                "cert-manager.io/issuer-kind": "is aHVudGVyMg",
                "cert-manager.io/issuer-group": "is 68756e74657232",
                "kapp.k14s.io/original-diff": "- path: /data",
                "kubernetes.io/service-account.name": "shop",
                "example.com/flag": "true",
                "example.com/note": "Tr0ub4dor",
                "number": 5,
                "helm.sh/hook": "{\"a\":1}",
                "helm.sh/hook-weight": "Tr0ub4dor",
                "helm.sh/resource-policy": "keep",
            }},
            "data": {"password": "aHVudGVyMg==", "namespace": "c2hvcA=="},
            "spec": {"password": "x"}, "type": "kubernetes.io/service-account-token", "immutable": true,
        });
        let redactor = Redactor::with_key(b"k");
        assert!(redactor.redact_secret(secret.as_object_mut().unwrap(), false));
        let shown: Vec<&String> = secret["metadata"]["annotations"]
            .as_object()
            .unwrap()
            .iter()
            .filter(|(_, value)| !value.as_str().unwrap().starts_with("<redacted"))
            .map(|(name, _)| name)
            .collect();
        assert_eq!(
            shown,
            [
                "cert-manager.io/common-name",
                "example.com/flag",
                "helm.sh/resource-policy",
                "kubernetes.io/service-account.name"
            ]
        );
        assert_eq!(secret["metadata"]["labels"]["app"], "hunter2");
        assert_eq!(secret["metadata"]["name"], "db");
        assert_eq!(secret["spec"], redactor.mark(b"{\"password\":\"x\"}"));
        assert_eq!(
            (&secret["type"], &secret["immutable"]),
            (&json!("kubernetes.io/service-account-token"), &json!(true))
        );
    }
}
