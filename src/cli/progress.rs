//! Progress on standard error, where a job takes longer than a second and a person watches.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::options::Progress;

/// Jobs shorter than this show no progress.
const QUIET: Duration = Duration::from_secs(1);

/// Somebody else has the terminal.
static IS_HIDDEN: AtomicBool = AtomicBool::new(false);

/// The bar of the job that is done now.
static SHOWN: Mutex<Weak<Bar>> = Mutex::new(Weak::new());

/// Takes the bar off the screen, and shows none any more.
pub(super) fn hide() {
    IS_HIDDEN.store(true, Ordering::Relaxed);
    let shown = SHOWN
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .upgrade();
    if let Some(bar) = shown {
        bar.finish();
    }
}

/// A progress bar on standard error that appears when the job takes longer than a second.
pub(super) struct Bar {
    started: Instant,
    state: Mutex<State>,
    shown: AtomicBool,
}

struct State {
    name: String,
    total: u64,
    done: u64,
    bar: Option<ProgressBar>,
}

impl Bar {
    pub(super) fn new() -> Arc<Self> {
        let bar = Arc::new(Self {
            started: Instant::now(),
            state: Mutex::new(State {
                name: String::new(),
                total: 0,
                done: 0,
                bar: None,
            }),
            shown: AtomicBool::new(false),
        });
        *SHOWN.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(&bar);
        bar
    }

    fn with(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Takes the bar off the screen.
    pub(super) fn finish(&self) {
        self.with(|state| {
            if let Some(bar) = state.bar.take() {
                bar.finish_and_clear();
            }
        });
    }
}

impl Progress for Bar {
    fn stage(&self, name: &str, total_bytes: u64) {
        self.with(|state| {
            state.name = name.into();
            state.total = total_bytes;
            state.done = 0;
            if let Some(bar) = &state.bar {
                bar.set_length(total_bytes);
                bar.set_position(0);
                bar.set_message(state.name.clone());
            }
        });
    }

    fn advance(&self, bytes: u64) {
        let late = self.shown.load(Ordering::Relaxed) || self.started.elapsed() > QUIET;
        self.with(|state| {
            state.done = state.done.saturating_add(bytes);
            if !late || IS_HIDDEN.load(Ordering::Relaxed) {
                return;
            }
            let bar = state.bar.get_or_insert_with(|| {
                self.shown.store(true, Ordering::Relaxed);
                let template = "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec}";
                let style = ProgressStyle::with_template(template)
                    .unwrap_or_else(|_| ProgressStyle::default_bar());
                let bar =
                    ProgressBar::with_draw_target(Some(state.total), ProgressDrawTarget::stderr());
                bar.with_style(style).with_message(state.name.clone())
            });
            bar.set_position(state.done.min(state.total));
        });
    }
}
