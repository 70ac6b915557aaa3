//! Passes signals that end this process on to the recorder that it runs.

use crate::say::say;
use anyhow::Context;
use shared_child::{SharedChild, unix::SharedChildExt};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use sysreel_sys::Signal;
use sysreel_sys::signals::is_ignored;

/// Runs one recorder at a time. If a signal ends this process, the recorder is ended and the
/// temporary folder removed first.
pub(crate) struct Running {
    child: Slot,
}

type Slot = Arc<Mutex<Option<Arc<SharedChild>>>>;

impl Running {
    /// Starts to handle SIGHUP, SIGINT, SIGQUIT and SIGTERM, except those that this process
    /// ignores, as under nohup(1).
    pub(crate) fn new(temporary: Option<PathBuf>) -> anyhow::Result<Self> {
        let handled =
            [SIGHUP, SIGINT, SIGQUIT, SIGTERM].into_iter().filter(|n| !is_ignored(Signal(*n)));
        let mut signals = Signals::new(handled).context("cannot wait for signals")?;
        let child = Slot::default();
        let slot = Arc::clone(&child);
        let watch = move || {
            if let Some(signal) = signals.forever().next() {
                end(signal, &slot, temporary.as_deref());
            }
        };
        std::thread::Builder::new()
            .name("signals".into())
            .spawn(watch)
            .context("cannot start a thread")?;
        Ok(Self { child })
    }

    /// Runs a command and waits for its exit.
    pub(crate) fn status(&self, command: &mut Command) -> io::Result<ExitStatus> {
        let child = {
            let mut slot = lock(&self.child);
            Arc::clone(slot.insert(Arc::new(SharedChild::spawn(command)?)))
        };
        let status = child.wait();
        *lock(&self.child) = None;
        status
    }
}

/// Ends the recorder, then this process as the signal would have. The slot stays locked, so that no
/// other command is started and the interrupted one is not reported as failed.
fn end(signal: i32, slot: &Slot, temporary: Option<&Path>) {
    let slot = lock(slot);
    if let Some(child) = slot.as_ref() {
        // The terminal sends SIGINT and SIGQUIT to the command too, which may need time to clean
        // up. The other signals reach only this process: they end the recorder, and the recorded
        // command runs on, as it does if `record` alone gets them.
        let ended =
            if matches!(signal, SIGINT | SIGQUIT) { Ok(()) } else { child.send_signal(signal) };
        if let Err(error) = ended.and_then(|()| child.wait().map(drop)) {
            say!("cannot end process {}: {error}", child.id());
        }
    }
    if let Some(folder) = temporary
        && let Err(error) = std::fs::remove_dir_all(folder)
        && error.kind() != io::ErrorKind::NotFound
    {
        say!("cannot remove {}: {error}", folder.display());
    }
    if emulate_default_handler(signal).is_err() {
        std::process::exit(128 + signal);
    }
}

fn lock(slot: &Slot) -> MutexGuard<'_, Option<Arc<SharedChild>>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}
