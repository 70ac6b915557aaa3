//! Prints single items of a log, in any order, without what came before them.

use std::convert::Infallible;

use sysreel_format::{Origin, TaskHead, TaskId};

use super::line_kind::LineKind;
use super::options::Options;
use super::printer::Printer;
use crate::calls::{Driver, Item};
use crate::log_file::{LogFile, Pages};
use crate::state::Follow;
use crate::{Error, visible};

/// Where an item of a log is, and what of the state before it is known.
#[derive(Clone, Copy, Debug)]
pub struct Spot<'s> {
    /// What it is.
    pub kind: LineKind,
    /// Its event; for a call the one at which it began.
    pub first: u64,
    /// The event at which a call ended; [`u64::MAX`] if it is open at the end of the log. The last
    /// event of a hole; [`u64::MAX`] if that is unknown. For all others, the same as `first`.
    pub last: u64,
    /// The tid of its task; 0 if unknown.
    pub tid: u32,
    /// The pid of its task; 0 if unknown.
    pub tgid: u32,
    /// The name of the file that the first descriptor among its arguments refers to.
    pub file: Option<&'s [u8]>,
}

/// An item as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Excerpt {
    /// Its line without its end; several, if it is about several things.
    pub text: String,
    /// The time of its first event (CLOCK_MONOTONIC), in nanoseconds; 0 if it has none.
    pub t_ns: u64,
}

/// Reads single items of a log. What lies close together is read once.
#[derive(Debug)]
pub struct Excerpts<'l> {
    file: &'l LogFile,
    pages: Pages<'l>,
}

impl<'l> Excerpts<'l> {
    /// For a log.
    #[must_use]
    pub fn new(file: &'l LogFile) -> Self {
        Self { file, pages: Pages::new(file) }
    }

    /// Returns an item as [`print()`](super::print()) would show it, and passes it to `each`.
    /// Descriptors have names only as far as the spot and the item itself tell them. `None` if the
    /// log does not have it.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn read(
        &mut self,
        spot: &Spot<'_>,
        options: &Options,
        mut each: impl FnMut(&Item<'_>),
    ) -> Result<Option<Excerpt>, Error> {
        let mut driver = Driver::new(Follow { processes: true, ..Follow::default() }, true);
        driver.set_completeness(self.file.log().header().completeness);
        let meta = self.file.log().meta();
        let mut printer = Printer::new(options, false);
        printer.anchor(meta.realtime_ns, meta.monotonic_ns);
        let mut t_ns = None;
        let mut is_found = false;
        let mut take = |item: &Item<'_>| {
            let is_it = LineKind::of(item) == Some(spot.kind) && !is_found;
            is_found |= is_it;
            if is_it || matches!(item, Item::Entered(_)) {
                printer.item(item);
            }
            if is_it {
                each(item);
            }
        };
        if spot.kind == LineKind::Lost {
            self.pages.item_at(spot.first, |item| {
                let Ok(()) = driver.feed(&within(item, spot), self.file.log(), |item| {
                    take(&item);
                    Ok::<(), Infallible>(())
                });
            })?;
        } else {
            let last = Some(spot.last).filter(|last| *last != spot.first && *last != u64::MAX);
            for number in [Some(spot.first), last].into_iter().flatten() {
                let Some(event) = self.pages.event(number)? else { break };
                if t_ns.is_none() {
                    t_ns = Some(event.t_ns);
                    driver.assume_task(event.task, &head(spot));
                }
                let stored = sysreel_format::Item::Event(event);
                let Ok(()) = driver.feed(&stored, self.file.log(), |item| {
                    take(&item);
                    Ok::<(), Infallible>(())
                });
                if number == spot.first
                    && let Some(name) = spot.file
                {
                    driver.assume_file(event.task, name);
                }
            }
            if spot.last == u64::MAX {
                let Ok(()) = driver.feed_end(self.file.log(), |item| {
                    take(&item);
                    Ok::<(), Infallible>(())
                });
            }
        }
        if !is_found {
            return Ok(None);
        }
        let mut text = Vec::new();
        printer.finish(&mut text).map_err(Error::Write)?;
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.lines().map(visible::visible).collect();
        Ok(Some(Excerpt { text: lines.join("\n"), t_ns: t_ns.unwrap_or(0) }))
    }
}

/// Returns the part of a hole that a spot is about: in a log that is being written, a hole may have
/// grown since.
fn within<'i>(item: &sysreel_format::Item<'i>, spot: &Spot<'_>) -> sysreel_format::Item<'i> {
    match *item {
        sysreel_format::Item::Missing(missing) if spot.last != u64::MAX => {
            let most = spot.last.saturating_sub(missing.first).saturating_add(1);
            let count = Some(missing.count.map_or(most, |count| count.min(most)));
            sysreel_format::Item::Missing(sysreel_format::Missing { count, ..missing })
        }
        item => item,
    }
}

fn head(spot: &Spot<'_>) -> TaskHead {
    let (tid, tgid) = (spot.tid, spot.tgid);
    TaskHead { tid, tgid, parent: TaskId::NONE, origin: Origin::UNKNOWN }
}
