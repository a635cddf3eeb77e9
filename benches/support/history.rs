//! What happened in the cluster: transaction after transaction, always the same for the same seed.

use std::collections::{HashSet, VecDeque};

use super::objects::{self, Kind};
use super::random::Random;

/// How many changes of each sort a history has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Amounts {
    pub(super) creates: u64,
    pub(super) updates: u64,
    pub(super) deletes: u64,
}

impl Amounts {
    /// `changes` in all, after which `keys` keys are alive.
    pub(super) fn new(keys: u64, changes: u64) -> Self {
        let keys = keys.clamp(8, changes.max(8));
        let room = changes.saturating_sub(keys);
        let deletes = (changes * 8 / 100).min(room / 4);
        let creates = keys + deletes;
        Self {
            creates,
            updates: changes.saturating_sub(creates + deletes),
            deletes,
        }
    }

    fn left(&self) -> u64 {
        self.creates + self.updates + self.deletes
    }
}

/// One change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) main: u64,
    pub(super) sub: u64,
    /// The object.
    pub(super) number: u32,
    /// 0 for a delete.
    pub(super) version: u64,
    pub(super) created: u64,
    pub(super) lease: u64,
}

impl Change {
    pub(super) fn is_delete(&self) -> bool {
        self.version == 0
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct State {
    version: u32,
    created: u32,
    lease: u64,
}

/// A granted lease.
#[derive(Debug, Clone)]
pub(super) struct Lease {
    pub(super) id: u64,
    pub(super) seconds: u64,
    numbers: Vec<u32>,
}

/// Runs through a history.
#[derive(Debug)]
pub(super) struct Simulation {
    seed: u64,
    namespaces: u64,
    random: Random,
    amounts: Amounts,
    main: u64,
    states: Vec<State>,
    hot: Vec<u32>,
    stable: Vec<u32>,
    deleted: Vec<u32>,
    /// Leases of events, oldest first.
    leases: VecDeque<Lease>,
    /// The lease of each API server.
    masters: Vec<Lease>,
    granted: u64,
    per_lease: usize,
    /// Changes of the current transaction, the next one last.
    pending: Vec<Change>,
    /// When this history is over, so many other objects change.
    later: u64,
    /// Those that have changed then; `None` before that.
    touched: Option<HashSet<u32>>,
}

/// Real lease ids begin with bits of the member's id.
const FIRST_LEASE: u64 = 0x694d_8f1c_7a21_b000;

impl Simulation {
    /// A history of these amounts, and after it the changes of `later` objects.
    pub(super) fn new(seed: u64, namespaces: u64, amounts: Amounts, later: u64) -> Self {
        Self {
            later,
            touched: None,
            seed,
            namespaces,
            random: Random::new(seed),
            amounts,
            main: 1,
            states: Vec::new(),
            hot: Vec::new(),
            stable: Vec::new(),
            deleted: Vec::new(),
            leases: VecDeque::new(),
            masters: Vec::new(),
            granted: 0,
            per_lease: usize::try_from(amounts.creates / 200)
                .unwrap_or(500)
                .clamp(5, 500),
            pending: Vec::new(),
        }
    }

    /// True once all amounts were used and what comes later has begun.
    pub(super) fn is_later(&self) -> bool {
        self.touched.is_some()
    }

    /// How many objects have changed later.
    pub(super) fn touched(&self) -> u64 {
        self.touched
            .as_ref()
            .map_or(0, |touched| touched.len() as u64)
    }

    /// Begins with what comes later, once the history is over.
    fn go_on(&mut self) {
        if self.amounts.left() == 0 && self.touched.is_none() && self.later > 0 {
            self.touched = Some(HashSet::new());
            // It ends with the number of objects, some of which are updated often.
            self.amounts = Amounts {
                creates: self.later / 8,
                updates: self.later * 4,
                deletes: self.later / 10,
            };
        }
    }

    /// The newest revision so far.
    pub(super) fn revision(&self) -> u64 {
        self.main
    }

    /// Leases that are granted now, by id.
    pub(super) fn leases(&self) -> Vec<&Lease> {
        let mut all: Vec<&Lease> = self.leases.iter().chain(&self.masters).collect();
        all.sort_by_key(|lease| lease.id);
        all
    }

    /// How many leases were ever granted.
    pub(super) fn granted(&self) -> u64 {
        self.granted
    }

    /// Objects that are alive.
    pub(super) fn alive(&self) -> u64 {
        let events: usize = self.leases.iter().map(|lease| lease.numbers.len()).sum();
        (self.hot.len() + self.stable.len() + events) as u64
    }

    fn transaction(&mut self) {
        self.main += 1;
        let several = self.random.percent(3);
        let wanted = if several { 2 + self.random.below(7) } else { 1 };
        let mut changes: Vec<Change> = Vec::new();
        while (changes.len() as u64) < wanted && self.amounts.left() > 0 {
            let draw = self.random.below(self.amounts.left());
            let has_deletable = !self.stable.is_empty() || self.leases.len() > 1;
            let is_delete = draw >= self.amounts.creates + self.amounts.updates
                || self.amounts.creates + self.amounts.updates == 0;
            if is_delete && has_deletable {
                if changes.is_empty() && self.random.percent(50) && self.expire(&mut changes) {
                    break;
                }
                if self.delete(&mut changes) {
                    continue;
                }
            }
            let is_update =
                draw >= self.amounts.creates && self.amounts.updates > 0 && !self.hot.is_empty();
            let done = if (is_update || self.amounts.creates == 0) && self.amounts.updates > 0 {
                self.update(&mut changes)
            } else if self.amounts.creates > 0 {
                self.create(&mut changes)
            } else {
                // Only deletes are left, and nothing that may be deleted: end the history here.
                self.amounts.deletes = 0;
                false
            };
            if !done {
                break;
            }
        }
        for (sub, change) in changes.iter_mut().enumerate() {
            change.sub = sub as u64;
        }
        if changes.is_empty() {
            // Nothing was changed after all: no revision.
            self.main -= 1;
        }
        changes.reverse();
        self.pending = changes;
    }

    fn create(&mut self, changes: &mut Vec<Change>) -> bool {
        let again = !self.deleted.is_empty() && self.random.percent(20);
        let number = if again {
            let at = self.random.below(self.deleted.len() as u64) as usize;
            if changes
                .iter()
                .any(|change| change.number == self.deleted[at])
            {
                return false;
            }
            self.deleted.swap_remove(at)
        } else {
            self.states.push(State::default());
            (self.states.len() - 1) as u32
        };
        let kind = objects::kind(self.seed, number);
        if kind.is_event() {
            let is_full = self
                .leases
                .back()
                .is_none_or(|lease| lease.numbers.len() >= self.per_lease);
            if is_full {
                let lease = self.grant(3660);
                self.leases.push_back(lease);
            }
            if let Some(lease) = self.leases.back_mut() {
                lease.numbers.push(number);
                self.states[number as usize].lease = lease.id;
            }
        } else if kind.is_hot() {
            self.hot.push(number);
        } else {
            self.stable.push(number);
        }
        self.amounts.creates -= 1;
        self.put(number, changes);
        true
    }

    fn update(&mut self, changes: &mut Vec<Change>) -> bool {
        let draw = self.random.below(100);
        let lease = self.random.below(self.leases.len() as u64) as usize;
        let list = match draw {
            0..40 => Some(&self.hot),
            40..85 => Some(&self.stable),
            _ => self.leases.get(lease).map(|lease| &lease.numbers),
        };
        let list = list.filter(|list| !list.is_empty()).unwrap_or(&self.hot);
        let number = list[self.random.below(list.len() as u64) as usize];
        if changes.iter().any(|change| change.number == number) {
            return false;
        }
        self.amounts.updates -= 1;
        self.put(number, changes);
        true
    }

    fn put(&mut self, number: u32, changes: &mut Vec<Change>) {
        if objects::kind(self.seed, number) == Kind::MasterLease {
            // A new lease every time; the one before runs out.
            let lease = self.grant(15);
            let old = self.states[number as usize].lease;
            self.masters.retain(|lease| lease.id != old);
            self.states[number as usize].lease = lease.id;
            self.masters.push(lease);
        }
        let state = &mut self.states[number as usize];
        if state.version == 0 {
            state.created = self.main as u32;
        }
        state.version += 1;
        changes.push(Change {
            main: self.main,
            sub: 0,
            number,
            version: u64::from(state.version),
            created: u64::from(state.created),
            lease: state.lease,
        });
    }

    fn delete(&mut self, changes: &mut Vec<Change>) -> bool {
        if self.stable.is_empty() {
            return false;
        }
        let at = self.random.below(self.stable.len() as u64) as usize;
        if changes
            .iter()
            .any(|change| change.number == self.stable[at])
        {
            return false;
        }
        let number = self.stable.swap_remove(at);
        self.deleted.push(number);
        self.bury(number, changes);
        true
    }

    /// The oldest lease runs out, and all its keys go in one transaction, in the order of the keys.
    fn expire(&mut self, changes: &mut Vec<Change>) -> bool {
        let fits = self
            .leases
            .front()
            .is_some_and(|lease| lease.numbers.len() as u64 <= self.amounts.deletes);
        if self.leases.len() < 2 || !fits {
            return false;
        }
        let Some(lease) = self.leases.pop_front() else {
            return false;
        };
        let mut keys: Vec<(Vec<u8>, u32)> = Vec::new();
        for number in lease.numbers {
            let mut key = Vec::new();
            objects::key(self.seed, number, self.namespaces, &mut key);
            keys.push((key, number));
        }
        keys.sort();
        for (_, number) in keys {
            self.bury(number, changes);
        }
        true
    }

    fn bury(&mut self, number: u32, changes: &mut Vec<Change>) {
        self.amounts.deletes -= 1;
        self.states[number as usize] = State::default();
        changes.push(Change {
            main: self.main,
            sub: 0,
            number,
            version: 0,
            created: 0,
            lease: 0,
        });
    }

    fn grant(&mut self, seconds: u64) -> Lease {
        self.granted += 1;
        Lease {
            id: FIRST_LEASE + self.granted * 3,
            seconds,
            numbers: Vec::new(),
        }
    }
}

impl Iterator for Simulation {
    type Item = Change;

    fn next(&mut self) -> Option<Change> {
        while self.pending.is_empty() {
            self.go_on();
            if self.amounts.left() == 0 || self.is_later() && self.touched() >= self.later {
                return None;
            }
            self.transaction();
        }
        let change = self.pending.pop()?;
        if let Some(touched) = &mut self.touched {
            touched.insert(change.number);
        }
        Some(change)
    }
}
