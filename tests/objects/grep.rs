//! `grep`: what is found, where, and what cannot be determined.

use crate::damaged::snapshot;
use crate::support::tool::{self, Outcome};
use crate::{AFTER, unpacked};
use tempfile::TempDir;

fn file() -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let deployment = |image: &str| {
        format!(
            r#"{{"kind":"Deployment","apiVersion":"apps/v1","metadata":{{"namespace":"shop","name":"web"}},"spec":{{"replicas":12,"template":{{"spec":{{"containers":[{{"name":"web","image":"{image}"}}]}}}}}}}}"#
        )
    };
    let map = r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"namespace":"shop","name":"conf"},"data":{"web.conf":"listen 80;\nserver nginx;\n"}}"#;
    let secret = r#"{"kind":"Secret","apiVersion":"v1","metadata":{"namespace":"data","name":"db"},"data":{"password":"bmdpbng="}}"#;
    let (old, new) = (deployment("nginx:1.26"), deployment("nginx:1.27"));
    let puts: [(&str, &str); 6] = [
        ("/registry/deployments/shop/web", &old),
        ("/registry/deployments/shop/web", &new),
        ("/registry/configmaps/shop/conf", map),
        ("/registry/secrets/data/db", secret),
        ("/app/config", "proxy=nginx\nport=80\u{1b}[31m\n"),
        ("/registry/pods/shop/broken", "k8s\0nothing of nginx"),
    ];
    let puts: Vec<(&[u8], &[u8])> = puts
        .iter()
        .map(|(key, value)| (key.as_bytes(), value.as_bytes()))
        .collect();
    snapshot(&dir.path().join("file.db"), &puts);
    dir
}

fn ask(dir: &TempDir, args: &str) -> Outcome {
    tool::run(dir.path(), args.split(' '))
}

#[test]
fn fields_and_lines_are_found_and_named() {
    let dir = file();
    let outcome = ask(&dir, "grep nginx file.db");
    assert_eq!(
        outcome.stdout,
        "/app/config:1: proxy=nginx\n\
         ConfigMap shop/conf data[\"web.conf\"]:2: server nginx;\n\
         Deployment shop/web spec.template.spec.containers[name=web].image: nginx:1.27\n"
    );
    assert_eq!(outcome.status, Some(0));
    assert_eq!(
        outcome.stderr,
        "not searched: 1 value that cannot be decoded (`etcdsnap verify --values` names them)\n"
    );
    // A line is searched by itself, and behind its path.
    for pattern in ["^nginx:", "image:.nginx", "^spec.template.*1.27$"] {
        let outcome = ask(&dir, &format!("grep {pattern} file.db -l"));
        assert_eq!(outcome.stdout, "Deployment shop/web\n", "{pattern}");
    }
    assert_eq!(ask(&dir, "grep ^listen file.db -c").stdout, "1\n");
    assert_eq!(
        ask(&dir, "grep replicas:.[0-9]{2}$ file.db -c").stdout,
        "1\n"
    );
}

#[test]
fn patterns_are_taken_as_grep_takes_them() {
    let dir = file();
    let count = |args: &str| ask(&dir, &format!("grep {args} -c file.db")).stdout;
    assert_eq!(count("NGINX"), "0\n");
    assert_eq!(count("-i NGINX"), "3\n");
    assert_eq!(count("-F nginx:1.27"), "1\n");
    assert_eq!(count("-F ngin."), "0\n");
    assert_eq!(count("ngin."), "3\n");
    assert_eq!(count("--word-regexp ngin"), "0\n");
    assert_eq!(count("--word-regexp nginx"), "3\n");
    assert_eq!(count("-e 1.27 -e listen"), "2\n");
    assert_eq!(count("-F -i -e NGINX:1.27 -e LISTEN"), "2\n");
    let outcome = ask(&dir, "grep ( file.db");
    assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(2), ""));
    assert!(
        outcome.stderr.contains("unclosed group"),
        "{}",
        outcome.stderr
    );
    assert_eq!(ask(&dir, "grep nginx").status, Some(2));
    let swapped = ask(&dir, "grep file.db nginx");
    assert_eq!(swapped.status, Some(2));
    assert!(
        swapped.stderr.contains("the pattern comes first"),
        "{}",
        swapped.stderr
    );
}

#[test]
fn what_is_searched_can_be_narrowed_down() {
    let dir = file();
    let names = |args: &str| ask(&dir, &format!("grep . file.db -l {args}")).stdout;
    assert_eq!(
        names("--kind cm,deploy"),
        "ConfigMap shop/conf\nDeployment shop/web\n"
    );
    assert_eq!(names("-n data"), "Secret data/db\n");
    assert_eq!(names("-n data,shop --kind secrets"), "Secret data/db\n");
    assert_eq!(names("--prefix /app/"), "/app/config\n");
    let outcome = ask(&dir, "grep . file.db --kind nope");
    assert_eq!(outcome.status, Some(1));
    assert!(
        outcome.stderr.contains("is not a known kind"),
        "{}",
        outcome.stderr
    );
    // What is there is found all the same.
    let outcome = ask(&dir, "grep . file.db -l --kind cm,nope");
    assert_eq!(
        (outcome.status, outcome.stdout.as_str()),
        (Some(1), "ConfigMap shop/conf\n")
    );
    assert_eq!(ask(&dir, "grep . file.db -n nowhere").status, Some(1));
}

#[test]
fn the_history_is_searched_and_what_stayed_is_told_once() {
    let dir = file();
    let found = |args: &str| ask(&dir, &format!("grep {args} file.db --kind deploy")).stdout;
    let field = "spec.template.spec.containers[name=web].image";
    let all = found("--rev all nginx");
    let lines: Vec<&str> = all.lines().collect();
    assert_eq!(lines.len(), 2, "{all}");
    assert!(lines[0].ends_with(&format!("{field}: nginx:1.26")), "{all}");
    assert!(lines[1].ends_with(&format!("{field}: nginx:1.27")), "{all}");
    let revision = lines[0]
        .split(['@', ' '])
        .nth(3)
        .expect("a revision")
        .to_owned();
    assert_eq!(
        found(&format!("--rev {revision} nginx")),
        format!("Deployment shop/web {field}: nginx:1.26\n")
    );
    // The number of replicas is the same in both.
    assert_eq!(found("--rev all ^12$").lines().count(), 1);
}

#[test]
fn secrets_are_hidden_before_they_are_searched() {
    let dir = file();
    let outcome = ask(&dir, "grep bmdpbng file.db");
    assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(1), ""));
    assert!(
        outcome
            .stderr
            .contains("1 value with secrets in them, which are hidden"),
        "{}",
        outcome.stderr
    );
    let shown = ask(&dir, "grep bmdpbng file.db --show-secrets");
    assert_eq!(shown.stdout, "Secret data/db data.password: bmdpbng=\n");
}

#[test]
fn encrypted_values_are_counted_and_leave_the_answer_open() {
    let dir = unpacked();
    let outcome = ask(&dir, &format!("grep no-such-text {AFTER}"));
    assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(1), ""));
    assert!(
        outcome.stderr.contains("encrypted (--encryption-config"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn lines_of_json_name_the_object_and_the_field() {
    let dir = file();
    let outcome = ask(&dir, "grep nginx file.db --json --kind deploy");
    let lines: Vec<serde_json::Value> = outcome
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let [found, summary] = lines.as_slice() else {
        panic!("{}", outcome.stdout);
    };
    assert_eq!(found["type"], "match");
    assert_eq!(found["kind"], "Deployment");
    assert_eq!(found["key"], "/registry/deployments/shop/web");
    assert_eq!(found["text"], "nginx:1.27");
    assert_eq!(summary["type"], "summary");
    assert_eq!(summary["matches"], 1);
}

#[test]
fn several_files_are_named_and_one_that_has_it_is_enough() {
    let dir = file();
    std::fs::copy(dir.path().join("file.db"), dir.path().join("copy.db")).expect("a copy");
    let outcome = ask(&dir, "grep -F nginx:1.27 file.db copy.db -l");
    assert_eq!(
        outcome.stdout,
        "file.db: Deployment shop/web\ncopy.db: Deployment shop/web\n"
    );
    assert_eq!(ask(&dir, "grep nginx file.db missing.db").status, Some(2));
}

#[test]
fn nothing_of_a_value_reaches_a_terminal_as_it_is() {
    let dir = file();
    let outcome = ask(&dir, "grep port=80 file.db");
    assert_eq!(outcome.stdout, "/app/config:2: port=80\\x1b[31m\n");
}

#[test]
fn lines_that_are_not_utf_8_are_shown_as_they_are() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let value = b"first\ncaf\xe9 nginx\nlast \xef\xbf\xbd";
    snapshot(&dir.path().join("a.db"), &[(b"/app/config", value)]);
    let found = ask(&dir, "grep nginx a.db");
    assert_eq!(found.stdout, "/app/config:2: caf\\xe9 nginx\n");
    assert_eq!(ask(&dir, "grep (?-u:\\xe9) a.db").stdout, found.stdout);
    // One that is stored is not made up either.
    assert_eq!(ask(&dir, "grep \u{fffd} a.db -c").stdout, "1\n");
    let json = ask(&dir, "grep nginx a.db --json").stdout;
    assert!(
        json.contains(r#""text_base64":"Y2Fm6SBuZ2lueA==""#),
        "{json}"
    );
}

#[test]
fn what_one_of_several_files_lacks_is_told_with_its_name() {
    let dir = file();
    snapshot(&dir.path().join("other.db"), &[(b"/app/config", b"x")]);
    let outcome = ask(&dir, "grep nginx -n shop file.db other.db");
    assert_eq!(outcome.status, Some(0), "{outcome:?}");
    let expected = "Error: other.db: there is no namespace shop";
    assert!(outcome.stderr.contains(expected), "{}", outcome.stderr);
}
