//! Reads a log in several parts: one that is being written, as it grows.

use std::convert::Infallible;
use std::ops::ControlFlow;

use sysreel_format::Event;

use super::cursor::Visitor;
use super::driver::Driver;
use super::item::Item;
use super::walk::{Section, Walk, walk_section};
use crate::error::Error;
use crate::event_range::EventRange;
use crate::findings::Findings;
use crate::log_file::LogFile;
use crate::state::{Follow, Tracker};

/// Reads the items of a log that may be growing. Each call of [`Growing::more`] gets the log opened
/// anew, and passes on what was added.
#[derive(Debug)]
pub struct Growing {
    driver: Driver,
    /// The number of the first event that was not read yet.
    next: u64,
    /// What all parts so far have found.
    findings: Findings,
}

impl Growing {
    /// Begins to read a log. `follow` selects the state that is kept, as for
    /// [`LogFile::calls`](crate::LogFile::calls).
    #[must_use]
    pub fn new(follow: Follow) -> Self {
        let findings = Findings::default();
        Self { driver: Driver::new(follow, false), next: 0, findings }
    }

    /// Reads only the kernel's structs; see [`Calls::without_parts`](super::Calls::without_parts).
    /// Set it before the first part.
    #[must_use]
    pub fn without_parts(mut self) -> Self {
        self.driver.set_without_parts();
        self
    }

    /// Passes the items that the log has by now to a visitor. `is_last`: whether the log has ended,
    /// so that the calls that are still open come too. A visitor that is over ends the reading for
    /// good. Returns what is missing or damaged in all that was read.
    ///
    /// # Errors
    /// When the log cannot be read. Damage is not an error; the [`Findings`] report it.
    pub fn more(
        &mut self,
        file: &LogFile,
        is_last: bool,
        visitor: &mut impl Visitor,
    ) -> Result<Findings, Error> {
        let section = Section { from: self.next, is_last, check_buffers: false };
        let Self { driver, next, findings } = self;
        let to = &mut Part { next, visitor };
        let read = walk_section(file, driver, section, &EventRange::default(), file.log(), to)?;
        let open_end = read.findings.open_end && is_last;
        findings.add_later(Findings { open_end, ..read.findings });
        Ok(findings.clone())
    }

    /// Passes on the calls that have not returned in all that was read, as they would come at the
    /// end of the log.
    pub fn open_calls(&self, file: &LogFile, mut each: impl FnMut(&Item<'_>)) {
        let Ok(()) = self.driver.feed_end(file.log(), |item| {
            each(&item);
            Ok::<(), Infallible>(())
        });
    }
}

/// Passes the items of a part on.
struct Part<'p, V> {
    next: &'p mut u64,
    visitor: &'p mut V,
}

impl<V: Visitor> Walk for Part<'_, V> {
    fn event(&mut self, event: &Event<'_>) {
        *self.next = event.number.saturating_add(1);
        self.visitor.event(event);
    }

    fn item(&mut self, item: Item<'_>, in_range: bool) -> Result<ControlFlow<()>, Error> {
        self.visitor.item(&item, in_range);
        Ok(if self.visitor.is_over() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    fn end(&mut self, state: &Tracker) {
        self.visitor.end(state);
    }
}
