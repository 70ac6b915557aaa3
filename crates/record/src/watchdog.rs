//! Reports a wait for one certain task that takes too long.
//!
//! A wait for any task is never reported: a recorded server may idle for hours.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use sysreel_sys::signals::Waker;
use sysreel_sys::waiting::Waiting;

/// How long a wait may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

/// Tracers, by what each waits for.
#[derive(Clone, Default)]
pub(crate) struct Watched(Arc<Mutex<Vec<(Waiting, Waker)>>>);

impl Watched {
    /// Adds the calling thread.
    pub(crate) fn add_this_thread(&self, waiting: Waiting) {
        self.all().push((waiting, Waker::for_this_thread()));
    }

    fn all(&self) -> MutexGuard<'_, Vec<(Waiting, Waker)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Checked by the writer thread once a second.
pub(crate) struct Watchdog {
    watched: Watched,
    /// Shows the user a warning.
    pub(crate) warn: fn(&str),
}

impl Watchdog {
    /// Returns a watchdog for the calling thread.
    pub(crate) fn for_this_thread(waiting: Waiting, warn: fn(&str)) -> Watchdog {
        let watched = Watched::default();
        watched.add_this_thread(waiting);
        Watchdog { watched, warn }
    }

    /// Returns the tracers, to add others.
    pub(crate) fn watched(&self) -> Watched {
        self.watched.clone()
    }

    /// Warns of overdue waits, and wakes their tracers, which may have to give up.
    pub(crate) fn check(&self) {
        for (waiting, tracer) in self.watched.all().iter() {
            if let Some(overdue) = waiting.overdue(LIMIT) {
                (self.warn)(&overdue.to_string());
                tracer.wake();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;
    use std::sync::{LazyLock, Mutex};
    use sysreel_sys::signals::Ticker;
    use sysreel_sys::waiting::Purpose;

    static WARNINGS: LazyLock<Mutex<Vec<String>>> = LazyLock::new(Mutex::default);

    #[test]
    fn each_tracer_is_watched() {
        // Handles the signal that wakes.
        let _handler = Ticker::every(Duration::from_secs(3600)).unwrap();
        let warn = |text: &str| WARNINGS.lock().unwrap().push(text.to_owned());
        let (first, second) = (Waiting::default(), Waiting::default());
        let watchdog = Watchdog::for_this_thread(first.clone(), warn);
        let (watched, waiting) = (watchdog.watched(), second.clone());
        let (added, is_added) = channel();
        let (done, is_done) = channel::<()>();
        let other = std::thread::spawn(move || {
            watched.add_this_thread(waiting);
            added.send(()).unwrap();
            // The thread must live while it may be woken.
            _ = is_done.recv();
        });
        is_added.recv().unwrap();
        second.begin_at(Purpose::Driven, 1, 1);
        watchdog.check();
        first.begin_at(Purpose::Parked, 2, 1);
        watchdog.check();
        let warnings = WARNINGS.lock().unwrap().clone();
        let of = |tid: i32| {
            warnings.iter().filter(|text| text.contains(&format!("task {tid} ("))).count()
        };
        assert_eq!((of(1), of(2), warnings.len()), (1, 1, 2), "{warnings:?}");
        drop(done);
        other.join().unwrap();
    }
}
