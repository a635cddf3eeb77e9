//! The script that takes the steps, run by `sh` against a kubectl of these tests.

use std::env;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use etcdsnap::kubernetes::apply::patch::Operation;
use etcdsnap::kubernetes::apply::step::{OnRequest, Step, StepOwner, StepTarget, StepVerb};
use etcdsnap::report;
use serde_json::{Value, json};
use tempfile::TempDir;

const KUBECTL: &str = include_str!("kubectl/fake.sh");

/// Names another shell, with arguments.
const SHELL: &str = "ETCDSNAP_TEST_SHELL";

/// The shell that runs the scripts.
fn shell() -> Command {
    let words = env::var(SHELL).unwrap_or_else(|_| "sh".into());
    let mut words = words.split_whitespace();
    let mut command = Command::new(words.next().expect("a shell"));
    command.args(words);
    command
}

/// A server, and a folder with a script.
struct World {
    dir: TempDir,
}

struct Ran {
    status: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    /// The status, and whether each of `parts` is in what was said.
    #[track_caller]
    fn is(&self, status: i32, parts: &[&str]) {
        let said = format!("{:?}\n{}{}", self.status, self.out, self.err);
        assert_eq!(self.status, Some(status), "{said}");
        for part in parts {
            assert!(said.contains(part), "{part:?} is missing: {said}");
        }
    }
}

impl World {
    fn new(steps: &[(Step, Option<&str>)]) -> Self {
        let world = Self {
            dir: tempfile::tempdir().expect("a directory"),
        };
        fs::create_dir(world.path("store")).expect("a directory");
        fs::create_dir_all(world.path("undo/steps")).expect("a directory");
        world.write("kubectl", KUBECTL);
        world.write("store/version", "");
        world.write("store/namespaces__shop", "/metadata/uid \"shop\"\n");
        world.object("namespaces__kube-system", "cluster-1", "");
        let steps: Vec<(&Step, Option<&str>)> =
            steps.iter().map(|(step, file)| (step, *file)).collect();
        let mut script = Vec::new();
        report::write_apply_script(|| steps.iter().copied(), &mut script).expect("a script");
        let script = String::from_utf8(script).expect("UTF-8");
        world.write("undo/apply.sh", &script);
        world
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a file");
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn has(&self, object: &str) -> bool {
        self.path("store").join(object).exists()
    }

    fn object(&self, file: &str, uid: &str, fields: &str) {
        let text = format!("/metadata/uid \"{uid}\"\n{fields}");
        self.write(&format!("store/{file}"), &text);
    }

    fn manifest(&self, file: &str, name: &str) {
        let text = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  namespace: shop\n"
        );
        self.write(&format!("undo/{file}"), &text);
    }

    fn patch(&self, file: &str, from: &Value, to: &Value) {
        let operation = |op: &'static str, path: &str, value: &Value| Operation {
            op,
            path: path.into(),
            value: Some(value.clone()),
        };
        let uid = operation("test", "/metadata/uid", &json!("u1"));
        let test = |value: &Value| operation("test", "/data/a", value);
        let mut both = Vec::new();
        let change = operation("replace", "/data/a", to);
        report::write_operations(&[uid.clone(), test(from), change], &mut both).expect("a patch");
        fs::write(self.path(&format!("undo/{file}.json")), &both).expect("a file");
        both.clear();
        report::write_operations(&[uid, test(to)], &mut both).expect("a patch");
        fs::write(self.path(&format!("undo/{file}.after.json")), &both).expect("a file");
    }

    fn calls(&self, part: &str) -> usize {
        self.read("store/calls")
            .lines()
            .filter(|line| line.contains(part))
            .count()
    }

    fn run(&self, args: &[&str]) -> Ran {
        let kubectl = format!("sh {} --context x", self.path("kubectl").display());
        self.run_with(&kubectl, args)
    }

    fn run_with(&self, kubectl: &str, args: &[&str]) -> Ran {
        let output = shell()
            .arg(self.path("undo/apply.sh"))
            .args(args)
            .env("KUBECTL", kubectl)
            .env("STORE", self.path("store"))
            .current_dir("/")
            // One that is killed takes nobody else along.
            .process_group(0)
            .output()
            .expect("sh");
        Ran {
            status: output.status.code(),
            out: String::from_utf8(output.stdout).expect("text"),
            err: String::from_utf8(output.stderr).expect("text"),
        }
    }
}

fn map(verb: StepVerb, name: &str) -> Step {
    let target = StepTarget {
        resource: "configmaps.v1.".into(),
        namespace: Some("shop".into()),
        name: name.into(),
        printed_name: format!("configmap/{name}"),
        path: format!("/api/v1/namespaces/shop/configmaps/{name}"),
    };
    let mut step = Step::new(verb, target);
    if matches!(verb, StepVerb::Delete | StepVerb::Recreate) {
        step.uid = Some("u1".into());
    }
    step
}

fn needing(mut step: Step, needs: &[usize]) -> Step {
    step.needs = needs.to_vec();
    step
}

#[test]
fn steps_are_taken_once_and_one_that_fails_holds_back_only_what_needs_it() {
    let world = World::new(&[
        (map(StepVerb::Create, "a"), Some("steps/a.yaml")),
        (
            needing(map(StepVerb::Create, "b"), &[0]),
            Some("steps/b.yaml"),
        ),
        (map(StepVerb::Patch, "c"), Some("steps/c.json")),
        (map(StepVerb::Delete, "d"), None),
    ]);
    world.manifest("steps/a.yaml", "a");
    world.manifest("steps/b.yaml", "b");
    world.patch("steps/c", &json!("bad"), &json!("good"));
    world.object(
        "configmaps_shop_c",
        "u1",
        "/data/a \"bad\"\n/data/b \"kept\"\n",
    );
    world.object("configmaps_shop_d", "u1", "");
    world.write(
        "store/fail",
        "steps/a.yaml|Error from server (Forbidden): no \\033[31mway\n",
    );
    let ran = world.run(&[]);
    ran.is(
        1,
        &[
            "001 FAILED        configmap/a -n shop\n      Error from server (Forbidden): no ?[31mway\n",
            "002 not tried     configmap/b -n shop\n      it needs step 001, which is not done\n",
            "003 patched       configmap/c -n shop\n",
            "004 deleted       configmap/d -n shop\n",
            "4 steps: 2 done, 1 failed, 1 not tried\nremaining: 001 002\n",
        ],
    );
    assert_eq!(
        world.read("store/configmaps_shop_c"),
        "/metadata/uid \"u1\"\n/data/a \"good\"\n/data/b \"kept\"\n"
    );
    assert!(!world.has("configmaps_shop_d") && !world.has("configmaps_shop_b"));
    // KUBECTL has arguments, and each call has a limit.
    let calls = world.read("store/calls");
    assert!(
        calls.lines().all(|call| call.starts_with("--context x ")),
        "{calls}"
    );
    assert!(
        calls
            .lines()
            .all(|call| call.contains("--request-timeout=") || call.contains("--help")),
        "{calls}"
    );
    let (patches, deletions) = (world.calls(" patch configmaps"), world.calls(" delete "));
    fs::remove_file(world.path("store/fail")).expect("a file");
    world.run(&[]).is(
        0,
        &[
            "001 created",
            "002 created",
            "4 steps: 2 done, 2 done before\n",
        ],
    );
    assert_eq!(
        (world.calls(" patch configmaps"), world.calls(" delete ")),
        (patches, deletions)
    );
    world.run(&[]).is(0, &["4 steps: 4 done before\n"]);
}

#[test]
fn a_dry_run_changes_nothing_and_never_ends_early() {
    let mut gate = map(StepVerb::Delete, "gate");
    gate.is_gate = true;
    let world = World::new(&[
        (gate, None),
        (map(StepVerb::Create, "a"), Some("steps/a.yaml")),
        (
            needing(map(StepVerb::Create, "b"), &[1]),
            Some("steps/b.yaml"),
        ),
        (map(StepVerb::Patch, "c"), Some("steps/c.json")),
        (map(StepVerb::Recreate, "d"), Some("steps/d.yaml")),
        (map(StepVerb::Create, "e"), Some("steps/e.yaml")),
    ]);
    for name in ["a", "b", "d", "e"] {
        world.manifest(&format!("steps/{name}.yaml"), name);
    }
    world.patch("steps/c", &json!("bad"), &json!("good"));
    world.object("configmaps_shop_gate", "u1", "");
    world.object("configmaps_shop_c", "u1", "/data/a \"other\"\n");
    world.object("configmaps_shop_d", "u1", "");
    world.write(
        "store/fail",
        "steps/e.yaml|Error from server: failed calling webhook \"w\"\n",
    );
    world.run(&["--dry-run"]).is(
        1,
        &[
            "001 would be deleted configmap/gate",
            "002 would be created configmap/a",
            "003 not checkable configmap/b -n shop\n      it needs step 002\n",
            "004 REFUSED       configmap/c",
            "005 would be created again configmap/d",
            "006 not checkable configmap/e -n shop\n      it is refused for what another step takes away or brings:\n",
            "6 steps: 3 would be accepted, 2 not checkable yet, 1 refused\n",
        ],
    );
    assert!(!world.path("undo/state").exists());
    assert!(world.has("configmaps_shop_gate") && world.has("configmaps_shop_d"));
    assert!(!world.has("configmaps_shop_a"));
    assert_eq!(
        world.read("store/configmaps_shop_c"),
        "/metadata/uid \"u1\"\n/data/a \"other\"\n"
    );
    assert!(
        !world
            .read("store/bodies")
            .lines()
            .any(|body| !body.contains("\"dryRun\":[\"All\"]"))
    );
}

#[test]
fn what_holds_data_is_deleted_only_when_its_number_is_named() {
    let guarded = |name: &str| {
        let mut step = map(StepVerb::Delete, name);
        step.on_request = Some(OnRequest::Delete("it holds data".into()));
        step
    };
    let mut job = map(StepVerb::Create, "job");
    job.on_request = Some(OnRequest::Create("it runs again".into()));
    let world = World::new(&[
        (guarded("a"), None),
        (guarded("b"), None),
        (job, Some("steps/job.yaml")),
        (map(StepVerb::Delete, "d"), None),
    ]);
    for name in ["a", "b", "d"] {
        world.object(&format!("configmaps_shop_{name}"), "u1", "");
    }
    world.manifest("steps/job.yaml", "job");
    world.run(&[]).is(
        1,
        &[
            "001 not deleted   configmap/a -n shop\n      it holds data; to do it: --delete 001\n",
            "003 not created   configmap/job -n shop\n      it runs again; to do it: --create 003\n",
            "4 steps: 1 done, 3 only when asked for\nremaining: 001 002 003\n",
        ],
    );
    assert!(world.has("configmaps_shop_a") && world.has("configmaps_shop_b"));
    for wrong in [
        &["--delete", "4"][..],
        &["--delete", "3"],
        &["--delete", "x"],
        &["--delete", "1;reboot"],
        &["--delete"],
        &["--delete="],
        &["--create", "1"],
        &["--wait", "soon"],
        &["--force"],
    ] {
        world.run(wrong).is(2, &["apply.sh: "]);
    }
    assert!(world.has("configmaps_shop_a") && world.has("configmaps_shop_b"));
    world
        .run(&["--delete", "1"])
        .is(1, &["001 deleted", "remaining: 002 003"]);
    assert!(!world.has("configmaps_shop_a") && world.has("configmaps_shop_b"));
    world
        .run(&["--delete=002,2", "--create", "3"])
        .is(0, &["002 deleted", "003 created"]);
    world.run(&["--help"]).is(0, &["--dry-run", "Exit status"]);
}

#[test]
fn what_was_changed_or_made_after_the_snapshot_is_kept_and_told() {
    let mut secret = map(StepVerb::Patch, "s");
    secret.is_secret = true;
    let world = World::new(&[
        (map(StepVerb::Patch, "a"), Some("steps/a.json")),
        (map(StepVerb::Patch, "other"), Some("steps/a.json")),
        (map(StepVerb::Create, "b"), Some("steps/b.yaml")),
        (map(StepVerb::Delete, "c"), None),
        (map(StepVerb::Delete, "gone"), None),
        (map(StepVerb::Recreate, "d"), Some("steps/d.yaml")),
        (secret, Some("steps/a.json")),
        (map(StepVerb::Patch, "so"), Some("steps/a.json")),
    ]);
    world.patch("steps/a", &json!("bad"), &json!("good"));
    world.manifest("steps/b.yaml", "b");
    world.manifest("steps/d.yaml", "d");
    world.object("configmaps_shop_a", "u1", "/data/a \"later\"\n");
    world.object("configmaps_shop_other", "u2", "/data/a \"bad\"\n");
    world.object("configmaps_shop_b", "u9", "");
    world.object("configmaps_shop_c", "u9", "");
    world.object("configmaps_shop_d", "u9", "");
    world.object("configmaps_shop_s", "u1", "/data/a \"hidden\"\n");
    world.object("configmaps_shop_so", "u1", "/data/a \"good\"\n");
    let ran = world.run(&[]);
    ran.is(
        1,
        &[
            "      /data/a\n        in the snapshot: \"bad\"\n        now: later\n",
            "002 REFUSED       configmap/other -n shop\n      it is not as it was in the snapshot any more; kept as it is:\n      it is another object",
            "003 REFUSED       configmap/b -n shop\n      it exists: made after the snapshot; kept as it is\n",
            "004 REFUSED       configmap/c -n shop\n      an object of that name was made since; kept as it is\n",
            "005 already gone  configmap/gone",
            "006 REFUSED       configmap/d",
            "      /data/a is not what it was in the snapshot\n",
            "008 already so    configmap/so",
            "8 steps: 2 done, 6 refused\nremaining: 001 002 003 004 006 007\n",
        ],
    );
    assert!(!ran.out.contains("hidden"), "{}", ran.out);
    for (name, uid) in [("a", "u1"), ("b", "u9"), ("c", "u9"), ("d", "u9")] {
        assert!(
            world
                .read(&format!("store/configmaps_shop_{name}"))
                .contains(uid),
            "{name}"
        );
    }
    // What is refused once is refused again: nothing is taken for the outcome of a run that was interrupted.
    world.run(&[]).is(1, &["003 REFUSED", "006 REFUSED"]);
}

#[test]
fn a_run_that_is_killed_between_a_call_and_its_mark_goes_on_where_it_was() {
    for (what, expected) in [
        ("create  ", "001 created"),
        ("patch  configmaps.v1. b", "002 already so"),
        (
            "delete /api/v1/namespaces/shop/configmaps/c",
            "003 already gone",
        ),
        (
            "delete /api/v1/namespaces/shop/configmaps/d",
            "004 created again",
        ),
        (
            "create /api/v1/namespaces/shop/configmaps",
            "004 created again",
        ),
    ] {
        let world = World::new(&[
            (map(StepVerb::Create, "a"), Some("steps/a.yaml")),
            (map(StepVerb::Patch, "b"), Some("steps/b.json")),
            (map(StepVerb::Delete, "c"), None),
            (map(StepVerb::Recreate, "d"), Some("steps/d.json")),
        ]);
        world.manifest("steps/a.yaml", "a");
        world.patch("steps/b", &json!("bad"), &json!("good"));
        world.write("undo/steps/d.json", "{\n    \"kind\": \"ConfigMap\",\n    \"metadata\": {\n        \"name\": \"d\"\n    }\n}\n");
        world.object("configmaps_shop_b", "u1", "/data/a \"bad\"\n");
        world.object("configmaps_shop_c", "u1", "");
        world.object("configmaps_shop_d", "u1", "");
        world.write("store/kill", what);
        assert_eq!(world.run(&[]).status, None, "{what}");
        world.run(&[]).is(0, &[expected]);
        assert!(
            world.has("configmaps_shop_a") && !world.has("configmaps_shop_c"),
            "{what}"
        );
        assert!(
            world.read("store/configmaps_shop_b").contains("good"),
            "{what}"
        );
        assert!(
            world.read("store/configmaps_shop_d").contains("new-d"),
            "{what}"
        );
        let made = [" -f ", "steps/d.json"];
        let created = world.calls(made[1]);
        assert!(created <= 2, "{what}: {created}");
    }
}

#[test]
fn what_went_with_its_owner_is_left_to_the_step_that_creates_it() {
    let mut patch = map(StepVerb::Patch, "a");
    patch.created_by = Some(1);
    let mut creation = needing(map(StepVerb::Create, "a"), &[0]);
    creation.is_made_by_cluster = true;
    let world = World::new(&[
        (patch, Some("steps/a.json")),
        (creation, Some("steps/a.yaml")),
    ]);
    world.manifest("steps/a.yaml", "a");
    world.patch("steps/a", &json!("bad"), &json!("good"));
    let parts = [
        "001 already gone  configmap/a -n shop\n      step 002 creates it\n",
        "002 created       configmap/a -n shop\n",
        "2 steps: 2 done\n",
    ];
    world.run(&[]).is(0, &parts);
    world.run(&[]).is(0, &["2 steps: 2 done before\n"]);
    // One that is another object now is kept: it was not the garbage collector.
    world.object("configmaps_shop_a", "u2", "/data/a \"bad\"\n");
    fs::remove_dir_all(world.path("undo/state")).expect("no marks");
    let parts = ["001 REFUSED ", "002 not tried ", "remaining: 001 002\n"];
    world.run(&[]).is(1, &parts);
    // One that is still there is patched, and not created.
    world.object("configmaps_shop_a", "u1", "/data/a \"bad\"\n");
    let parts = ["001 patched ", "002 there already ", "2 steps: 2 done\n"];
    world.run(&[]).is(0, &parts);
    assert!(world.read("store/configmaps_shop_a").contains("good"));
}

#[test]
fn what_hangs_is_named_with_its_finalizers_and_not_waited_for_for_ever() {
    let world = World::new(&[
        (map(StepVerb::Recreate, "a"), Some("steps/a.yaml")),
        (map(StepVerb::Delete, "b"), None),
    ]);
    world.manifest("steps/a.yaml", "a");
    world.object("configmaps_shop_a", "u1", "/metadata/finalizers x.io/f\n");
    world.object("configmaps_shop_b", "u1", "/metadata/finalizers x.io/g\n");
    world.run(&["--wait", "0"]).is(
        1,
        &[
            "it is being deleted, but still there after 0 seconds; finalizers: x.io/f\n",
            "002 being deleted configmap/b -n shop\n      it is kept by its finalizers: x.io/g\n",
            "2 steps: 1 still being deleted, 1 failed\n",
        ],
    );
    fs::remove_file(world.path("store/configmaps_shop_a")).expect("an object");
    fs::remove_file(world.path("store/configmaps_shop_b")).expect("an object");
    world
        .run(&["--wait", "0"])
        .is(0, &["001 created again", "002 already gone"]);
}

#[test]
fn owners_are_those_that_are_there_now() {
    let owner = |name: &str| StepOwner {
        resource: "configmaps.v1.".into(),
        name: name.into(),
        reference: json!({"kind": "ConfigMap", "name": name}),
    };
    let with_owners = |verb, name: &str| {
        let mut step = map(verb, name);
        step.owners = vec![owner("here"), owner("gone")];
        step
    };
    let world = World::new(&[
        (with_owners(StepVerb::Create, "a"), Some("steps/a.yaml")),
        (with_owners(StepVerb::Create, "b"), Some("steps/b.json")),
        (map(StepVerb::Create, "c"), Some("steps/c.yaml")),
    ]);
    world.object("configmaps_shop_here", "live-uid", "");
    world.manifest("steps/a.yaml", "a");
    world.manifest("steps/c.yaml", "c");
    world.write(
        "undo/steps/b.json",
        "{\n    \"kind\": \"ConfigMap\",\n    \"metadata\": {\n        \"name\": \"b\"\n    }\n}\n",
    );
    world.run(&[]).is(
        0,
        &["its owner configmaps.v1. gone is not there: created without that reference"],
    );
    let reference = r#"[{"kind":"ConfigMap","name":"here","uid":"live-uid"}]"#;
    for name in ["a", "b"] {
        let object = world.read(&format!("store/configmaps_shop_{name}"));
        assert!(object.contains(reference), "{name}: {object}");
        assert!(!object.contains("gone"), "{name}: {object}");
    }
    assert!(!world.read("store/configmaps_shop_c").contains("owner"));
}

#[test]
fn no_name_and_no_path_gets_out_of_its_place() {
    let name = "it's $(touch PWNED) `touch PWNED`; touch PWNED & * \"x\"";
    let mut step = map(StepVerb::Delete, "b");
    step.target.name = name.into();
    step.target.printed_name = format!("configmap/{name}");
    let world = World::new(&[
        (step, None),
        (
            map(StepVerb::Create, "a"),
            Some("steps/it's $(touch PWNED).yaml"),
        ),
    ]);
    world.manifest("steps/it's $(touch PWNED).yaml", "a");
    world.object("configmaps_shop_b", "u1", "");
    world.run(&[]).is(0, &[name, "002 created"]);
    assert!(!Path::new("/PWNED").exists() && !world.path("undo/PWNED").exists());
    assert!(world.has("configmaps_shop_a") && !world.has("configmaps_shop_b"));
}

#[test]
fn it_does_not_begin_without_kubectl_a_server_a_place_for_marks_or_its_own_end() {
    let world = World::new(&[(map(StepVerb::Create, "a"), Some("steps/a.yaml"))]);
    world.manifest("steps/a.yaml", "a");
    world
        .run_with("/no/such/kubectl --x", &[])
        .is(2, &["/no/such/kubectl: not found"]);
    world.run_with("  ", &[]).is(2, &["KUBECTL is blank"]);
    fs::remove_file(world.path("store/version")).expect("a file");
    world
        .run(&[])
        .is(2, &["no server answers:\n", "was refused"]);
    world.write("store/version", "");
    world.write("undo/state", "a file");
    world.run(&[]).is(2, &["cannot write"]);
    fs::remove_file(world.path("undo/state")).expect("a file");
    assert!(!world.has("configmaps_shop_a"));
    let whole = world.read("undo/apply.sh");
    world.write(
        "undo/apply.sh",
        whole.strip_suffix("finish\n").expect("its end"),
    );
    world.run(&[]).is(2, &["this file is cut short"]);
    world.write("undo/apply.sh", &whole);
    // Nothing was done by what was cut short.
    world.run(&[]).is(0, &["1 steps: 1 done\n"]);
    // Marks are about one cluster.
    world.object("namespaces__kube-system", "cluster-2", "");
    world.run(&[]).is(2, &["is about another cluster"]);
}

#[test]
fn what_the_cluster_makes_by_itself_may_be_there_already() {
    let mut step = map(StepVerb::Create, "a");
    step.is_made_by_cluster = true;
    let world = World::new(&[(step, Some("steps/a.yaml"))]);
    world.manifest("steps/a.yaml", "a");
    world.object("configmaps_shop_a", "u9", "");
    world.run(&[]).is(0, &["001 there already configmap/a"]);
}

#[test]
fn what_is_stored_in_a_version_that_is_not_served_is_deleted_in_one_that_is() {
    let mut step = map(StepVerb::Delete, "w");
    step.target.resource = "widgets.v1beta1.x.io".into();
    step.target.path = "/apis/x.io/v1beta1/namespaces/shop/widgets/w".into();
    let world = World::new(&[(step, None)]);
    world.object("widgets_shop_w", "u1", "/apiVersion \"x.io/v1\"\n");
    let unserved = "Error from server (NotFound): the server could not find the requested resource";
    world.write("store/fail", &format!("/apis/x.io/v1beta1/|{unserved}\n"));
    world.run(&[]).is(0, &["001 deleted"]);
    assert!(!world.has("widgets_shop_w"));
    // That there is no such kind does not mean that the object is gone.
    fs::remove_dir_all(world.path("undo/state")).expect("marks");
    world.object("widgets_shop_w", "u1", "/apiVersion \"x.io/v1\"\n");
    world.write("store/fail", &format!("/widgets/|{unserved}\n"));
    world.run(&[]).is(1, &["001 FAILED", unserved]);
    assert!(world.has("widgets_shop_w"));
}

#[test]
fn what_waits_for_later_steps_is_tried_again_when_all_others_were() {
    let world = World::new(&[
        (map(StepVerb::Create, "a"), Some("steps/a.yaml")),
        (
            needing(map(StepVerb::Create, "b"), &[0]),
            Some("steps/b.yaml"),
        ),
        (map(StepVerb::Create, "c"), Some("steps/c.yaml")),
        (map(StepVerb::Delete, "d"), None),
    ]);
    for name in ["a", "b", "c"] {
        world.manifest(&format!("steps/{name}.yaml"), name);
    }
    let refused = "Error from server (Forbidden): exceeded quota: full";
    world.object("configmaps_shop_d", "u1", "");
    world.write(
        "store/fail-while",
        &format!("steps/a.yaml|configmaps_shop_d|{refused}\nsteps/c.yaml|version|port is already allocated\n"),
    );
    world.run(&["--dry-run"]).is(
        0,
        &["001 not checkable configmap/a -n shop\n      it is refused for what another step"],
    );
    world.run(&[]).is(
        1,
        &[
            "001 put off       configmap/a -n shop\n      Error from server (Forbidden): exceeded quota",
            "002 put off       configmap/b -n shop\n      it needs step 001\n",
            "003 put off       configmap/c -n shop\n",
            "004 deleted       configmap/d",
            "\n001 created       configmap/a -n shop\n002 created       configmap/b -n shop\n003 FAILED        configmap/c",
            "4 steps: 3 done, 1 failed\nremaining: 003\n",
        ],
    );
    // What nothing else can change is not tried twice.
    fs::remove_dir_all(world.path("undo/state")).expect("marks");
    fs::remove_file(world.path("store/configmaps_shop_a")).expect("an object");
    fs::remove_file(world.path("store/configmaps_shop_b")).expect("an object");
    world.write("store/fail", "steps/a.yaml|The ConfigMap is invalid\n");
    let ran = world.run(&[]);
    ran.is(1, &["001 FAILED", "002 not tried"]);
    assert!(!ran.out.contains("001 put off"), "{}", ran.out);
}

#[test]
fn what_went_with_its_definition_is_gone_and_a_namespace_that_hangs_is_told() {
    let mut widget = map(StepVerb::Delete, "w");
    widget.target.resource = "widgets.v1.x.io".into();
    widget.target.path = "/apis/x.io/v1/namespaces/shop/widgets/w".into();
    widget.goes_with = Some(1);
    let mut definition = map(StepVerb::Delete, "crd");
    definition.on_request = Some(OnRequest::Delete("its objects go with it".into()));
    let mut namespace = map(StepVerb::Delete, "room");
    namespace.target.namespace = None;
    namespace.target.resource = "namespaces.v1.".into();
    namespace.target.path = "/api/v1/namespaces/room".into();
    let world = World::new(&[(widget, None), (definition, None), (namespace, None)]);
    world.object("configmaps_shop_crd", "u1", "");
    world.object(
        "namespaces__room",
        "u1",
        "/metadata/finalizers \"kubernetes\"\n",
    );
    let unserved = "Error from server (NotFound): the server could not find the requested resource";
    world.write(
        "store/fail",
        &format!("/widgets/|{unserved}\n widgets.x.io |{unserved}\n"),
    );
    world.run(&["--wait", "0"]).is(
        1,
        &[
            "001 FAILED",
            unserved,
            "003 being deleted configmap/room\n",
            "003 is still being deleted: kubernetes\n",
            "remaining: 002 001 003\n",
        ],
    );
    fs::remove_file(world.path("store/namespaces__room")).expect("an object");
    world
        .run(&["--delete", "2"])
        .is(0, &["001 gone          configmap/w", "003 already gone"]);
}

#[test]
fn two_runs_do_not_take_the_same_steps_and_a_folder_may_be_called_anything() {
    let world = World::new(&[(map(StepVerb::Create, "a"), Some("steps/a.yaml"))]);
    world.manifest("steps/a.yaml", "a");
    fs::create_dir(world.path("undo/state")).expect("a directory");
    world.write("undo/state/cluster", "cluster-1\n");
    world.write("undo/state/running", &format!("{}\n", std::process::id()));
    world.run(&[]).is(2, &["is taking these steps"]);
    world.run(&["--dry-run"]).is(0, &["001 would be created"]);
    // What is left of a run that was killed does not matter.
    world.write("undo/state/running", "999999999\n");
    let odd = world.path("un do\n'$(x)' \"");
    fs::rename(world.path("undo"), &odd).expect("a folder");
    let output = shell()
        .arg("./apply.sh")
        .env("KUBECTL", format!("sh {}", world.path("kubectl").display()))
        .env("STORE", world.path("store"))
        .env("TMPDIR", "/nowhere/at all")
        .current_dir(&odd)
        .output()
        .expect("sh");
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(world.has("configmaps_shop_a") && !odd.join("state/running").exists());
}

#[test]
fn who_has_an_address_that_is_taken_is_told() {
    let world = World::new(&[(map(StepVerb::Create, "a"), Some("steps/a.yaml"))]);
    world.manifest("steps/a.yaml", "a");
    world.write(
        "store/services",
        "shop/web u5 10.0.0.1 30100 \nshop/db u6 10.0.0.10 30101 30102\n",
    );
    for (refused, holder) in [
        (
            "failed to allocate IP 10.0.0.1: provided IP is already allocated",
            "10.0.0.1 belongs to Service shop/web",
        ),
        (
            "HealthCheck NodePort 30102: provided port is already allocated",
            "30102 belongs to Service shop/db",
        ),
    ] {
        world.write("store/fail", &format!("steps/a.yaml|{refused}\n"));
        let ran = world.run(&[]);
        ran.is(1, &["001 FAILED", holder, "take it out of steps/a.yaml"]);
    }
    world.write(
        "store/fail",
        "steps/a.yaml|IP 10.0.0.2: provided IP is already allocated\n",
    );
    let ran = world.run(&[]);
    assert!(!ran.out.contains("belongs to"), "{}", ran.out);
}

#[test]
fn a_service_is_not_deleted_for_an_address_that_another_one_keeps() {
    let mut again = map(StepVerb::Recreate, "a");
    again.uid = Some("u1".into());
    again.addresses = vec!["10.0.0.1".into()];
    let mut other = map(StepVerb::Recreate, "b");
    other.uid = Some("u2".into());
    other.addresses = vec!["10.0.0.2".into()];
    let world = World::new(&[(again, Some("steps/a.yaml")), (other, Some("steps/b.yaml"))]);
    world.manifest("steps/a.yaml", "a");
    world.manifest("steps/b.yaml", "b");
    world.object("configmaps_shop_a", "u1", "");
    world.object("configmaps_shop_b", "u2", "");
    // The one is of a Service that was made later; the other one a step gives up.
    let held = "shop/later u9 10.0.0.1 \nshop/a u1 10.0.0.2 \n";
    world.write("store/services", held);
    let told =
        "not deleted: 10.0.0.1, which it had in the snapshot, belongs to Service shop/later now";
    let dry = world.run(&["--dry-run"]);
    dry.is(1, &["001 FAILED", told, "002 would be created again"]);
    let ran = world.run(&[]);
    ran.is(
        1,
        &["001 FAILED", told, "002 created again", "remaining: 001\n"],
    );
    assert!(world.read("store/configmaps_shop_a").contains("u1"));
    world.write("store/services", "shop/later u9 10.0.0.3 \n");
    world.run(&[]).is(0, &["001 created again"]);
}

#[test]
fn who_cannot_write_beside_the_script_is_told_to_copy_the_folder() {
    let world = World::new(&[(map(StepVerb::Create, "a"), Some("steps/a.yaml"))]);
    world.manifest("steps/a.yaml", "a");
    world.write("undo/state", "");
    let ran = world.run(&[]);
    ran.is(2, &["cannot write", "copy the whole folder"]);
    assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    assert!(!world.has("configmaps_shop_a"));
}

#[test]
fn what_a_version_that_objects_are_stored_in_needs_is_told_and_the_rest_goes_on() {
    let world = World::new(&[
        (map(StepVerb::Patch, "a"), Some("steps/a.json")),
        (map(StepVerb::Delete, "b"), None),
    ]);
    world.patch("steps/a", &json!("v2"), &json!("v1"));
    world.object("configmaps_shop_a", "u1", "/data/a \"v2\"\n");
    world.object("configmaps_shop_b", "u1", "");
    let refused = "is invalid: status.storedVersions[1]: v2 was previously a storage version";
    world.write("store/fail", &format!("steps/a.json|{refused}\n"));
    world.run(&[]).is(
        1,
        &[
            refused,
            "write each object once more",
            "save a new snapshot, and compare again",
            "002 deleted",
        ],
    );
}

/// All tests of this module, once more in each other shell that there is.
#[test]
fn every_shell_that_is_installed_takes_the_steps_in_the_same_way() {
    if env::var_os(SHELL).is_some() {
        return;
    }
    let tests = env::current_exe().expect("these tests");
    let runs: Vec<_> = ["dash", "bash --posix", "busybox sh", "mksh", "ksh", "yash"]
        .into_iter()
        .filter(|shell| {
            let (program, rest) = shell.split_once(' ').unwrap_or((shell, ""));
            let mut asked = Command::new(program);
            asked.args(rest.split_whitespace()).args(["-c", "exit 7"]);
            let status = asked.stderr(Stdio::null()).status();
            status.is_ok_and(|status| status.code() == Some(7))
        })
        .map(|shell| {
            // Most of the time they sleep, so all may run at once.
            let run = Command::new(&tests)
                .args(["apply_script::", "--test-threads=2"])
                .env(SHELL, shell)
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("these tests");
            (shell, run)
        })
        .collect();
    assert!(!runs.is_empty(), "neither dash nor bash nor any other");
    for (shell, run) in runs {
        let output = run.wait_with_output().expect("these tests");
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{shell}\n{told}");
        println!(
            "{shell}: {}",
            told.trim_end().lines().last().unwrap_or_default()
        );
    }
}
