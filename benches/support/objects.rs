//! What the keys and values of a Kubernetes cluster look like. Everything about an object follows from its
//! number.

use super::random::Random;

/// A kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The key of the API server's compactor.
    CompactRevision,
    /// An API server's own address, on a lease of 15 seconds.
    MasterLease,
    /// Stored as protobuf.
    Native(&'static Native),
    /// Stored as JSON.
    Custom(&'static Custom),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Native {
    path: &'static str,
    api_version: &'static str,
    kind: &'static str,
    namespaced: bool,
    /// Of a hundred new objects.
    share: u64,
    median: u64,
    /// How far sizes go apart: each of up to eight steps up or down multiplies or divides by 1 + spread/100.
    spread: u64,
    /// Of 1000 objects, this many are huge.
    huge: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Custom {
    group: &'static str,
    plural: &'static str,
    kind: &'static str,
    share: u64,
    median: u64,
    spread: u64,
}

#[rustfmt::skip] // A table.
static NATIVES: [Native; 13] = [
    Native { path: "pods", api_version: "v1", kind: "Pod", namespaced: true, share: 18, median: 3800, spread: 12, huge: 0 },
    Native { path: "events", api_version: "v1", kind: "Event", namespaced: true, share: 22, median: 1050, spread: 8, huge: 0 },
    Native { path: "leases", api_version: "coordination.k8s.io/v1", kind: "Lease", namespaced: true, share: 3, median: 420, spread: 1, huge: 0 },
    Native { path: "minions", api_version: "v1", kind: "Node", namespaced: false, share: 1, median: 8000, spread: 12, huge: 0 },
    Native { path: "configmaps", api_version: "v1", kind: "ConfigMap", namespaced: true, share: 10, median: 1300, spread: 35, huge: 3 },
    Native { path: "secrets", api_version: "v1", kind: "Secret", namespaced: true, share: 9, median: 1700, spread: 30, huge: 2 },
    Native { path: "replicasets", api_version: "apps/v1", kind: "ReplicaSet", namespaced: true, share: 9, median: 3200, spread: 10, huge: 0 },
    Native { path: "deployments", api_version: "apps/v1", kind: "Deployment", namespaced: true, share: 4, median: 3900, spread: 10, huge: 0 },
    Native { path: "endpointslices", api_version: "discovery.k8s.io/v1", kind: "EndpointSlice", namespaced: true, share: 5, median: 1500, spread: 20, huge: 0 },
    Native { path: "services/specs", api_version: "v1", kind: "Service", namespaced: true, share: 3, median: 1100, spread: 10, huge: 0 },
    Native { path: "serviceaccounts", api_version: "v1", kind: "ServiceAccount", namespaced: true, share: 3, median: 360, spread: 6, huge: 0 },
    Native { path: "rolebindings", api_version: "rbac.authorization.k8s.io/v1", kind: "RoleBinding", namespaced: true, share: 2, median: 700, spread: 8, huge: 0 },
    Native { path: "clusterroles", api_version: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", namespaced: false, share: 1, median: 1500, spread: 30, huge: 0 },
];

#[rustfmt::skip] // A table.
static CUSTOMS: [Custom; 3] = [
    Custom { group: "cert-manager.io", plural: "certificates", kind: "Certificate", share: 4, median: 2100, spread: 15 },
    Custom { group: "argoproj.io", plural: "applications", kind: "Application", share: 3, median: 4500, spread: 25 },
    Custom { group: "cilium.io", plural: "ciliumendpoints", kind: "CiliumEndpoint", share: 3, median: 1600, spread: 12 },
];

const COMPACT_REVISION: u32 = 0;
const MASTER_LEASES: std::ops::RangeInclusive<u32> = 1..=3;

static APPS: [&str; 16] = [
    "api",
    "auth",
    "billing",
    "cache",
    "catalog",
    "checkout",
    "frontend",
    "gateway",
    "indexer",
    "ingest",
    "mailer",
    "orders",
    "queue-worker",
    "reports",
    "search",
    "sessions",
];

/// Which kind of object bears this number.
pub(super) fn kind(seed: u64, number: u32) -> Kind {
    if number == COMPACT_REVISION {
        return Kind::CompactRevision;
    }
    if MASTER_LEASES.contains(&number) {
        return Kind::MasterLease;
    }
    let mut draw = Random::of(seed, u64::from(number)).below(100);
    for native in &NATIVES {
        match draw.checked_sub(native.share) {
            Some(rest) => draw = rest,
            None => return Kind::Native(native),
        }
    }
    for custom in &CUSTOMS {
        match draw.checked_sub(custom.share) {
            Some(rest) => draw = rest,
            None => return Kind::Custom(custom),
        }
    }
    unreachable!("the shares make a hundred")
}

impl Kind {
    pub(super) fn is_event(self) -> bool {
        matches!(self, Self::Native(native) if native.kind == "Event")
    }

    /// Written every few seconds, never deleted.
    pub(super) fn is_hot(self) -> bool {
        match self {
            Self::CompactRevision | Self::MasterLease => true,
            Self::Native(native) => matches!(native.kind, "Lease" | "Node"),
            Self::Custom(_) => false,
        }
    }

    fn namespaced(self) -> bool {
        match self {
            Self::Native(native) => native.namespaced,
            Self::Custom(_) => true,
            Self::CompactRevision | Self::MasterLease => false,
        }
    }
}

/// Bytes that the value of this object has in its version `version`, before scaling.
pub(super) fn raw_len(seed: u64, number: u32, version: u64) -> u64 {
    let (median, spread, huge) = match kind(seed, number) {
        Kind::CompactRevision => return 8,
        Kind::MasterLease => return 160,
        Kind::Native(native) => (native.median, native.spread, native.huge),
        Kind::Custom(custom) => (custom.median, custom.spread, 1),
    };
    let mut random = Random::of(!seed, u64::from(number));
    let mut len = median * (85 + random.below(30)) / 100;
    // Coin tosses: most objects are near the median.
    let steps = i64::from((random.next() & 0xffff).count_ones()) - 8;
    for _ in 0..steps.unsigned_abs() {
        len = if steps > 0 {
            len * (100 + spread) / 100
        } else {
            len * 100 / (100 + spread)
        };
    }
    if random.below(1000) < huge {
        len = 120_000 + random.below(600_000);
    }
    // Versions of one object differ a little.
    let change = Random::of(seed, u64::from(number) << 32 | (version & 0xffff_ffff)).below(10);
    len * (95 + change) / 100
}

/// The key of an object.
pub(super) fn key(seed: u64, number: u32, namespaces: u64, out: &mut Vec<u8>) {
    out.clear();
    let kind = kind(seed, number);
    let text = match kind {
        Kind::CompactRevision => "compact_rev_key".to_string(),
        Kind::MasterLease => format!("/registry/masterleases/10.0.0.{number}"),
        Kind::Native(native) if native.namespaced => {
            format!(
                "/registry/{}/{}/{}",
                native.path,
                namespace(seed, number, namespaces),
                name(seed, number)
            )
        }
        Kind::Native(native) => format!("/registry/{}/{}", native.path, name(seed, number)),
        Kind::Custom(custom) => format!(
            "/registry/{}/{}/{}/{}",
            custom.group,
            custom.plural,
            namespace(seed, number, namespaces),
            name(seed, number)
        ),
    };
    out.extend_from_slice(text.as_bytes());
}

fn namespace(seed: u64, number: u32, namespaces: u64) -> String {
    let mut random = Random::of(seed.wrapping_add(1), u64::from(number));
    // Few namespaces hold most objects.
    let which = random
        .below(namespaces.max(2))
        .min(random.below(namespaces.max(2)));
    if which == 0 {
        "kube-system".into()
    } else {
        format!("team-{which:03}")
    }
}

fn name(seed: u64, number: u32) -> String {
    let mut random = Random::of(seed.wrapping_add(2), u64::from(number));
    let app = APPS[random.below(APPS.len() as u64) as usize];
    let kind = kind(seed, number);
    match kind {
        Kind::Native(native) if native.kind == "Pod" => {
            format!("{app}-{:x}-{}", random.below(1 << 40), base36(number))
        }
        Kind::Native(native) if native.kind == "Event" => {
            format!(
                "{app}-{:x}-{}.{:016x}",
                random.below(1 << 40),
                base36(number),
                random.next() >> 4
            )
        }
        Kind::Native(native) if native.kind == "Node" => {
            format!("node-{}.eu-central-1.compute.internal", base36(number))
        }
        _ => format!("{app}-{}", base36(number)),
    }
}

/// Unique for each number, and without order.
fn base36(number: u32) -> String {
    let mut mixed = number.wrapping_mul(0x9e37_79b1);
    let mut text = String::new();
    for _ in 0..7 {
        text.push(char::from_digit(mixed % 36, 36).unwrap_or('0'));
        mixed /= 36;
    }
    text
}

/// Makes values.
pub(super) struct Values {
    seed: u64,
    namespaces: u64,
    text: Vec<u8>,
    noise: Vec<u8>,
    meta: Vec<u8>,
    raw: Vec<u8>,
}

const POOL: usize = 1 << 20;

impl Values {
    pub(super) fn new(seed: u64, namespaces: u64) -> Self {
        let mut random = Random::of(seed, u64::MAX);
        let noise = (0..POOL / 8)
            .flat_map(|_| random.next().to_le_bytes())
            .collect();
        let mut text = Vec::with_capacity(POOL + 64);
        while text.len() < POOL {
            let word = random.below(4096);
            text.extend_from_slice(APPS[(word % 16) as usize].as_bytes());
            text.extend_from_slice(format!("-{word:x}: {:x}; ", random.below(1 << 20)).as_bytes());
        }
        Self {
            seed,
            namespaces,
            text,
            noise,
            meta: Vec::new(),
            raw: Vec::new(),
        }
    }

    /// The value of an object, about `len` bytes long, at least as long as what every object has.
    pub(super) fn write(
        &mut self,
        number: u32,
        version: u64,
        main: u64,
        len: u64,
        out: &mut Vec<u8>,
    ) {
        out.clear();
        let kind = kind(self.seed, number);
        let seconds = 1_700_000_000 + main / 20;
        match kind {
            Kind::CompactRevision => {
                out.extend_from_slice(main.saturating_sub(1000).to_string().as_bytes())
            }
            Kind::MasterLease => self.native("v1", "Endpoints", number, version, seconds, len, out),
            Kind::Native(native) => {
                self.native(
                    native.api_version,
                    native.kind,
                    number,
                    version,
                    seconds,
                    len,
                    out,
                );
            }
            Kind::Custom(custom) => self.custom(custom, number, version, seconds, len, out),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of an object")]
    fn native(
        &mut self,
        api_version: &str,
        kind_name: &str,
        number: u32,
        version: u64,
        seconds: u64,
        len: u64,
        out: &mut Vec<u8>,
    ) {
        let kind = kind(self.seed, number);
        let name = name(self.seed, number);
        self.meta.clear();
        bytes_field(1, name.as_bytes(), &mut self.meta);
        bytes_field(2, b"", &mut self.meta);
        if kind.namespaced() {
            let namespace = namespace(self.seed, number, self.namespaces);
            bytes_field(3, namespace.as_bytes(), &mut self.meta);
        }
        bytes_field(5, self.uid(number).as_bytes(), &mut self.meta);
        bytes_field(6, b"", &mut self.meta);
        varint_field(7, version, &mut self.meta);
        let mut created = Vec::new();
        varint_field(1, seconds, &mut created);
        varint_field(2, 0, &mut created);
        bytes_field(8, &created, &mut self.meta);
        let app = name.split('-').next().unwrap_or_default();
        for (label, value) in [
            ("app.kubernetes.io/name", app),
            ("app.kubernetes.io/managed-by", "Helm"),
        ] {
            let mut pair = Vec::new();
            bytes_field(1, label.as_bytes(), &mut pair);
            bytes_field(2, value.as_bytes(), &mut pair);
            bytes_field(11, &pair, &mut self.meta);
        }
        self.raw.clear();
        bytes_field(1, &self.meta, &mut self.raw);
        let rest = (len as usize)
            .saturating_sub(self.raw.len() + kind_name.len() + api_version.len() + 24);
        self.raw.push(2 << 3 | 2);
        varint(rest as u64, &mut self.raw);
        // Secrets cannot be compressed, most other things can.
        let pool = if kind_name == "Secret" {
            &self.noise
        } else {
            &self.text
        };
        fill(
            pool,
            rest,
            Random::of(self.seed ^ version, u64::from(number)),
            &mut self.raw,
        );

        let mut type_meta = Vec::new();
        bytes_field(1, api_version.as_bytes(), &mut type_meta);
        bytes_field(2, kind_name.as_bytes(), &mut type_meta);
        out.extend_from_slice(b"k8s\0");
        bytes_field(1, &type_meta, out);
        bytes_field(2, &self.raw, out);
        bytes_field(3, b"", out);
        bytes_field(4, b"", out);
    }

    fn custom(
        &mut self,
        custom: &Custom,
        number: u32,
        version: u64,
        seconds: u64,
        len: u64,
        out: &mut Vec<u8>,
    ) {
        let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        let head = format!(
            "{{\"apiVersion\":\"{}/v1\",\"kind\":\"{}\",\"metadata\":{{\"creationTimestamp\":\
             \"2024-03-01T{hour:02}:{minute:02}:{second:02}Z\",\"generation\":{version},\"name\":\"{}\",\
             \"namespace\":\"{}\",\"uid\":\"{}\"}},\"spec\":{{\"text\":\"",
            custom.group,
            custom.kind,
            name(self.seed, number),
            namespace(self.seed, number, self.namespaces),
            self.uid(number)
        );
        out.extend_from_slice(head.as_bytes());
        let rest = (len as usize).saturating_sub(head.len() + 5);
        fill(
            &self.text,
            rest,
            Random::of(self.seed ^ version, u64::from(number)),
            out,
        );
        out.extend_from_slice(b"\"}}\n");
    }

    fn uid(&self, number: u32) -> String {
        let mut random = Random::of(self.seed.wrapping_add(3), u64::from(number));
        let (a, b) = (random.next(), random.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            a >> 32,
            a >> 16 & 0xffff,
            a & 0xfff,
            b & 0xfff,
            b >> 16
        )
    }
}

/// `len` bytes from anywhere in `pool`.
fn fill(pool: &[u8], len: usize, mut random: Random, out: &mut Vec<u8>) {
    let mut rest = len;
    while rest > 0 {
        let at = random.below(pool.len() as u64 / 2) as usize;
        let piece = rest.min(pool.len() / 2);
        out.extend_from_slice(&pool[at..at + piece]);
        rest -= piece;
    }
}

pub(super) fn varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

pub(super) fn varint_field(field: u8, number: u64, out: &mut Vec<u8>) {
    out.push(field << 3);
    varint(number, out);
}

pub(super) fn bytes_field(field: u8, bytes: &[u8], out: &mut Vec<u8>) {
    varint(u64::from(field) << 3 | 2, out);
    varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}
