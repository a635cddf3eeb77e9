//! etcd, kube-apiserver and, where asked for, kube-controller-manager, on loopback, in a directory of their own.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::process::{Outcome, Server, run};
use crate::state::State;

const TOKEN: &str = "cluster-test";

/// Directory of the programs that tests/live/peers/install provides.
pub(crate) struct Peers {
    dir: PathBuf,
}

impl Peers {
    pub(crate) fn find() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/live/peers/install");
        let checked = run(Command::new(&script).args(["--check", "--kubernetes"]), "");
        assert_eq!(
            checked.code,
            Some(0),
            "the real programs are not there or out of date; run\n\n    tests/live/peers/install --kubernetes\n\n{}",
            checked.stderr
        );
        let dir = checked.stdout.lines().next_back().unwrap_or_default();
        Self {
            dir: PathBuf::from(dir),
        }
    }

    fn etcd(&self, name: &str) -> PathBuf {
        self.dir.join("3.7").join(name)
    }

    fn kubernetes(&self, name: &str) -> PathBuf {
        self.dir.join("kubernetes").join(name)
    }
}

/// Which controllers run beside the API server.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Controllers {
    /// None: nothing changes but by our hand.
    None,
    /// Those without which a deleted object would never go: the garbage collector, namespaces, and the protection of
    /// volumes and claims.
    Housekeeping,
    /// All that are on by default.
    All,
}

impl Controllers {
    fn names(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Housekeeping => {
                "garbage-collector-controller,namespace-controller,\
                 persistentvolumeclaim-protection-controller,persistentvolume-protection-controller"
            }
            Self::All => "*",
        }
    }
}

/// How objects are stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Storage {
    Protobuf,
    Json,
    Cbor,
}

#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) storage: Storage,
    pub(crate) encrypted: bool,
    /// How the API server keeps the endpoints of `kubernetes`.
    pub(crate) reconciler: &'static str,
    pub(crate) controllers: Controllers,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            storage: Storage::Protobuf,
            encrypted: false,
            reconciler: "lease",
            controllers: Controllers::Housekeeping,
        }
    }
}

/// What a cluster begins with.
#[derive(Clone, Copy)]
pub(crate) struct Beginning<'a> {
    pub(crate) snapshot: &'a Path,
    /// The API server's EncryptionConfiguration, with the keys for it.
    pub(crate) encryption: &'a Path,
}

/// A cluster of one API server without nodes.
pub(crate) struct Cluster<'p> {
    peers: &'p Peers,
    /// In the order in which they are killed.
    servers: Vec<Server>,
    etcd: String,
    dir: tempfile::TempDir,
}

impl<'p> Cluster<'p> {
    /// An empty one.
    pub(crate) fn start(peers: &'p Peers, shape: Shape) -> Self {
        Self::start_from(peers, shape, None)
    }

    pub(crate) fn start_from(
        peers: &'p Peers,
        shape: Shape,
        beginning: Option<Beginning<'_>>,
    ) -> Self {
        // A port that was free may be taken by somebody else the moment after.
        for _ in 0..3 {
            if let Some(cluster) = Self::try_start(peers, shape, beginning) {
                return cluster;
            }
        }
        panic!("no cluster starts: see its logs");
    }

    fn try_start(peers: &'p Peers, shape: Shape, beginning: Option<Beginning<'_>>) -> Option<Self> {
        let dir = tempfile::Builder::new()
            .prefix("etcdsnap-cluster-")
            .tempdir()
            .expect("a temporary directory");
        let path = |name: &str| dir.path().join(name).display().to_string();
        make_keys(dir.path());
        let [client, peer, api, manager] = free_ports();
        let etcd_url = format!("http://127.0.0.1:{client}");
        let peer_url = format!("http://127.0.0.1:{peer}");
        let api_url = format!("https://127.0.0.1:{api}");
        fs::write(dir.path().join("kubeconfig"), kubeconfig(&api_url)).expect("a file");
        fs::write(
            dir.path().join("tokens.csv"),
            format!("{TOKEN},admin,1,\"system:masters\"\n"),
        )
        .expect("a file");

        if let Some(beginning) = beginning {
            let mut restore = Command::new(peers.etcd("etcdutl"));
            restore
                .args(["snapshot", "restore", "--name=default", "--data-dir"])
                .arg(dir.path().join("etcd"))
                .arg(format!("--initial-cluster=default={peer_url}"))
                .arg(format!("--initial-advertise-peer-urls={peer_url}"))
                .arg(beginning.snapshot);
            run(&mut restore, "").success("etcdutl snapshot restore");
        }
        let etcd = Server::start(
            &peers.etcd("etcd"),
            &[
                format!("--data-dir={}", path("etcd")),
                "--unsafe-no-fsync".to_owned(),
                "--log-level=warn".to_owned(),
                format!("--listen-client-urls={etcd_url}"),
                format!("--advertise-client-urls={etcd_url}"),
                format!("--listen-peer-urls={peer_url}"),
                format!("--initial-advertise-peer-urls={peer_url}"),
                format!("--initial-cluster=default={peer_url}"),
            ],
            &dir.path().join("etcd.log"),
        );
        let mut arguments = vec![
            format!("--etcd-servers={etcd_url}"),
            "--bind-address=127.0.0.1".to_owned(),
            "--advertise-address=192.0.2.1".to_owned(),
            format!("--secure-port={api}"),
            format!("--cert-dir={}", path("certificates")),
            format!("--token-auth-file={}", path("tokens.csv")),
            "--authorization-mode=RBAC".to_owned(),
            "--allow-privileged=true".to_owned(),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--service-account-key-file={}", path("accounts.key")),
            format!(
                "--service-account-signing-key-file={}",
                path("accounts.key")
            ),
            "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
            format!("--endpoint-reconciler-type={}", shape.reconciler),
        ];
        match shape.storage {
            Storage::Protobuf => {}
            Storage::Json => arguments.push("--storage-media-type=application/json".to_owned()),
            // Of custom resources; for the others it is refused.
            Storage::Cbor => {
                arguments.push("--feature-gates=CBORServingAndStorage=true".to_owned());
            }
        }
        if shape.encrypted {
            let configuration = match beginning {
                Some(beginning) => fs::read(beginning.encryption).expect("a configuration"),
                None => ENCRYPTION.into(),
            };
            fs::write(dir.path().join("encryption.yaml"), configuration).expect("a file");
            arguments.push(format!(
                "--encryption-provider-config={}",
                path("encryption.yaml")
            ));
        }
        let server = Server::start(
            &peers.kubernetes("kube-apiserver"),
            &arguments,
            &dir.path().join("kube-apiserver.log"),
        );
        let mut cluster = Self {
            peers,
            servers: vec![server, etcd],
            etcd: etcd_url,
            dir,
        };
        if !cluster.is_ready() {
            eprintln!("{}", cluster.log("kube-apiserver.log"));
            return None;
        }
        if shape.controllers == Controllers::None {
            return Some(cluster);
        }
        let path = |name: &str| cluster.dir.path().join(name).display().to_string();
        let manager = Server::start(
            &peers.kubernetes("kube-controller-manager"),
            &[
                format!("--kubeconfig={}", path("kubeconfig")),
                "--leader-elect=false".to_owned(),
                "--bind-address=127.0.0.1".to_owned(),
                format!("--secure-port={manager}"),
                format!("--cert-dir={}", path("certificates-of-manager")),
                format!(
                    "--service-account-private-key-file={}",
                    path("accounts.key")
                ),
                "--use-service-account-credentials=true".to_owned(),
                format!("--controllers={}", shape.controllers.names()),
            ],
            &cluster.dir.path().join("kube-controller-manager.log"),
        );
        cluster.servers.insert(0, manager);
        Some(cluster)
    }

    fn is_ready(&mut self) -> bool {
        while self.servers.iter_mut().all(Server::is_running) {
            if self.kubectl(&["get", "--raw", "/readyz"]).code == Some(0) {
                return true;
            }
            thread::sleep(Duration::from_millis(200));
        }
        false
    }

    /// Ends the controllers, after which nobody writes what was not asked for but the API server itself.
    pub(crate) fn stop_controllers(&mut self) {
        if self.servers.len() > 2 {
            self.servers.remove(0);
        }
    }

    /// The end of a log.
    fn log(&self, name: &str) -> String {
        let text = fs::read_to_string(self.dir.path().join(name)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// A place for files of the test's own.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Makes a command find kubectl, and kubectl this cluster.
    pub(crate) fn lead(&self, command: &mut Command) {
        let mut places = vec![self.peers.dir.join("kubernetes")];
        places.extend(std::env::split_paths(
            &std::env::var_os("PATH").unwrap_or_default(),
        ));
        command
            .env("PATH", std::env::join_paths(places).expect("a PATH"))
            .env("KUBECONFIG", self.path("kubeconfig"))
            .env("HOME", self.dir.path())
            .env_remove("KUBECTL");
    }

    pub(crate) fn kubectl(&self, words: &[&str]) -> Outcome {
        self.kubectl_with(words, "")
    }

    /// kubectl with something on its standard input.
    pub(crate) fn kubectl_with(&self, words: &[&str], input: &str) -> Outcome {
        let mut command = Command::new("kubectl");
        self.lead(&mut command);
        run(command.arg("--request-timeout=60s").args(words), input)
    }

    /// A script of tests/cluster/world.
    pub(crate) fn play(&self, script: &str, arguments: &[&str]) {
        let world = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster/world");
        let mut command = Command::new("sh");
        self.lead(&mut command);
        let played = run(
            command
                .current_dir(world)
                .arg("-x")
                .arg(script)
                .args(arguments),
            "",
        );
        played.success(script);
    }

    /// Saves a snapshot with the real etcdctl.
    pub(crate) fn snapshot(&self, name: &str) -> PathBuf {
        let file = self.path(name);
        let mut command = Command::new(self.peers.etcd("etcdctl"));
        command
            .args(["--endpoints", &self.etcd, "snapshot", "save"])
            .arg(&file);
        run(&mut command, "").success("etcdctl snapshot save");
        file
    }

    /// Takes finalizers of example.com, whose controller is nowhere, off what is being deleted.
    pub(crate) fn release(&self) {
        for (resource, namespace, name) in State::settled(self).held() {
            let mut words = vec![
                "patch",
                "--type=merge",
                "-p",
                r#"{"metadata":{"finalizers":null}}"#,
            ];
            words.extend([resource.as_str(), name.as_str()]);
            if !namespace.is_empty() {
                words.extend(["-n", namespace.as_str()]);
            }
            self.kubectl(&words);
        }
    }

    /// Everything that the API server serves, once what is being deleted is gone.
    pub(crate) fn state(&self) -> State {
        State::settled(self)
    }
}

impl Drop for Cluster<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.dir.disable_cleanup(true);
            eprintln!("files and logs are kept: {}", self.dir.path().display());
        }
        self.servers.clear();
    }
}

/// Keys are for a test that ends in minutes; openssl makes them in any case.
fn make_keys(dir: &Path) {
    let mut command = Command::new("openssl");
    command
        .args(["genrsa", "-out"])
        .arg(dir.join("accounts.key"))
        .arg("2048");
    run(&mut command, "").success("openssl genrsa");
}

fn free_ports() -> [u16; 4] {
    let listeners =
        [(); 4].map(|()| TcpListener::bind(("127.0.0.1", 0)).expect("a port of loopback is free"));
    listeners.map(|listener| listener.local_addr().expect("it is bound").port())
}

fn kubeconfig(server: &str) -> String {
    format!(
        r#"apiVersion: v1
kind: Config
clusters: [{{name: c, cluster: {{server: "{server}", insecure-skip-tls-verify: true}}}}]
users: [{{name: u, user: {{token: "{TOKEN}"}}}}]
contexts: [{{name: x, context: {{cluster: c, user: u}}}}]
current-context: x
"#
    )
}

const ENCRYPTION: &str = r"apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources: [secrets]
  providers:
  - aescbc: {keys: [{name: one, secret: c2l4dGVlbiBieXRlcyBhIGtleSBvZiAzMiBieXRlcyE=}]}
- resources: [configmaps, widgets.example.com]
  providers:
  - secretbox: {keys: [{name: two, secret: c2l4dGVlbiBieXRlcyBhIGtleSBvZiAzMiBieXRlcyE=}]}
";
