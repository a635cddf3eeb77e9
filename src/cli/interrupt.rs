//! Signals: the first ends the job, the second the process.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use signal_hook::SigId;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use super::exit::Exit;

/// What ends the process at the second interrupt.
static SECOND: Mutex<Option<SigId>> = Mutex::new(None);

/// Sets `cancel` when a signal comes. Where no handler can be had, signals end the process as they always do.
pub(super) fn install(cancel: &Arc<AtomicBool>) {
    let status = Exit::Interrupted.code().into();
    let has_come = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // The first to be there, so that no signal is lost that comes from now on.
        let _ = flag::register(signal, Arc::clone(cancel));
        let second = flag::register_conditional_shutdown(signal, status, Arc::clone(&has_come));
        if signal == SIGINT {
            *SECOND.lock().unwrap_or_else(PoisonError::into_inner) = second.ok();
        }
        let _ = flag::register(signal, Arc::clone(&has_come));
    }
    // A file that may not become longer is an error with a message, not the end of the process.
    let _ = flag::register(libc::SIGXFSZ, Arc::new(AtomicBool::new(false)));
    // Where no memory is left, the standard library says so and aborts. The job could not be done, and nothing more.
    let always = Arc::new(AtomicBool::new(true));
    let status = Exit::Failed.code().into();
    let _ = flag::register_conditional_shutdown(libc::SIGABRT, status, always);
}

/// From now on an interrupt only ends the job: in a pager it ends what the pager does, which must not be left alone
/// with the terminal.
pub(super) fn leave_to_the_pager() {
    if let Some(second) = SECOND.lock().unwrap_or_else(PoisonError::into_inner).take() {
        signal_hook::low_level::unregister(second);
    }
}
