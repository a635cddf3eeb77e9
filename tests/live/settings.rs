//! What the environment asks for.

use std::env;
use std::fmt;
use std::time::Duration;

/// A minor release line of etcd.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Version {
    V34,
    V35,
    V36,
    V37,
}

impl Version {
    pub(crate) const ALL: [Self; 4] = [Self::V34, Self::V35, Self::V36, Self::V37];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::V34 => "3.4",
            Self::V35 => "3.5",
            Self::V36 => "3.6",
            Self::V37 => "3.7",
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// With a time budget alone, this many seeds are run whatever the time.
const DEFAULT_SEEDS: usize = 5;

pub(crate) struct Settings {
    pub(crate) versions: Vec<Version>,
    /// Whether servers of every version are started from every snapshot, not only of its own and the next.
    pub(crate) all_pairs: bool,
    pub(crate) first_seed: u64,
    seeds: usize,
    budget: Option<Duration>,
}

impl Settings {
    pub(crate) fn from_environment() -> Result<Self, String> {
        let budget = number("ETCDSNAP_LIVE_SECONDS")?.map(Duration::from_secs);
        let seeds = match number("ETCDSNAP_LIVE_SEEDS")? {
            Some(0) => return Err("ETCDSNAP_LIVE_SEEDS must be at least 1".to_owned()),
            Some(seeds) => usize::try_from(seeds).unwrap_or(usize::MAX),
            None if budget.is_some() => usize::MAX,
            None => DEFAULT_SEEDS,
        };
        Ok(Self {
            versions: versions()?,
            all_pairs: variable("ETCDSNAP_LIVE_ALL_PAIRS")?.is_some(),
            first_seed: number("ETCDSNAP_LIVE_FIRST_SEED")?.unwrap_or(1),
            seeds,
            budget,
        })
    }

    /// Whether a further seed is begun after `done` of them in `elapsed`.
    pub(crate) fn begins_another(&self, done: usize, elapsed: Duration) -> bool {
        let in_time = self.budget.is_none_or(|budget| elapsed < budget);
        done < self.seeds && (done < DEFAULT_SEEDS || in_time)
    }
}

fn variable(name: &str) -> Result<Option<String>, String> {
    match env::var(name) {
        Ok(text) if text.is_empty() => Ok(None),
        Ok(text) => Ok(Some(text)),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(error) => Err(format!("{name}: {error}")),
    }
}

fn number(name: &str) -> Result<Option<u64>, String> {
    variable(name)?
        .map(|text| {
            text.parse()
                .map_err(|_| format!("{name} must be a number, not `{text}`"))
        })
        .transpose()
}

fn versions() -> Result<Vec<Version>, String> {
    const NAME: &str = "ETCDSNAP_LIVE_VERSIONS";
    let Some(text) = variable(NAME)? else {
        return Ok(Version::ALL.to_vec());
    };
    let mut wanted = Vec::new();
    for word in text.split([',', ' ']).filter(|word| !word.is_empty()) {
        let version = Version::ALL
            .into_iter()
            .find(|version| version.name() == word)
            .ok_or_else(|| format!("{NAME}: `{word}` is none of 3.4, 3.5, 3.6, 3.7"))?;
        if !wanted.contains(&version) {
            wanted.push(version);
        }
    }
    if wanted.is_empty() {
        return Err(format!("{NAME} names no version"));
    }
    Ok(wanted)
}
