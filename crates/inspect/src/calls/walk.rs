//! The driver over a whole log, with blocks decoded ahead on other threads.

use std::ops::ControlFlow;

use sysreel_format::{Event, Item as Stored};

use super::driver::Driver;
use super::item::Item;
use crate::error::Error;
use crate::event_range::EventRange;
use crate::findings::Findings;
use crate::log_file::{LogFile, ReadResult, Scan};
use crate::regions::Buffers;
use crate::state::Tracker;

/// What is done with the items of a log.
pub(crate) trait Walk {
    /// Sees an event before its items.
    fn event(&mut self, _event: &Event<'_>) {}

    /// Takes an item. `in_range`: whether the range has begun; earlier items only lead to its
    /// state.
    fn item(&mut self, item: Item<'_>, in_range: bool) -> Result<ControlFlow<()>, Error>;

    /// Sees the state after the last item.
    fn end(&mut self, _state: &Tracker) {}
}

/// Passes all items of a log to `to`, from its beginning to the end of the range.
///
/// # Errors
/// When the log cannot be read, or when `to` fails.
pub(crate) fn walk(
    file: &LogFile,
    mut driver: Driver,
    (range, check_buffers): (&EventRange, bool),
    buffers: &dyn Buffers,
    to: &mut dyn Walk,
) -> Result<ReadResult, Error> {
    let all = Section { from: 0, is_last: true, check_buffers };
    walk_section(file, &mut driver, all, range, buffers, to)
}

/// A part of a log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Section {
    /// The number of its first event.
    pub(crate) from: u64,
    /// Whether it ends with the log. Otherwise a hole at its end is not one: more is being written.
    pub(crate) is_last: bool,
    /// Whether all buffers are read too, to find damaged ones.
    pub(crate) check_buffers: bool,
}

/// Passes the items of a section to `to`, with a driver that has seen the sections before it.
///
/// # Errors
/// When the log cannot be read, or when `to` fails.
pub(crate) fn walk_section(
    file: &LogFile,
    driver: &mut Driver,
    section: Section,
    range: &EventRange,
    buffers: &dyn Buffers,
    to: &mut dyn Walk,
) -> Result<ReadResult, Error> {
    let bounds = file.bounds(range)?;
    driver.set_completeness(file.log().header().completeness);
    let mut over = false;
    // Holes that may be at the end.
    let mut held = Vec::new();
    let scan = Scan {
        check_buffers: section.check_buffers,
        from: section.from,
        needs_parts: driver.parts_needed(),
    };
    let read = file.scan(&scan, bounds, |stored, begun, findings| {
        if let (Stored::Missing(missing), false) = (stored, section.is_last) {
            held.push((*missing, begun));
            return Ok(ControlFlow::Continue(()));
        }
        for (missing, begun) in held.drain(..) {
            let missing = Stored::Missing(missing);
            if one(driver, &missing, begun, findings, buffers, to)?.is_break() {
                over = true;
                return Ok(ControlFlow::Break(()));
            }
        }
        let flow = one(driver, stored, begun, findings, buffers, to)?;
        over = flow.is_break();
        Ok(flow)
    })?;
    if !over && section.is_last {
        // Calls that go on after the end of the range are as unfinished as those at the end of the
        // log. What `to` says does not matter any more.
        driver.feed_end(buffers, |item| to.item(item, true).map(drop))?;
    }
    to.end(driver.state());
    Ok(read)
}

/// Passes the items of an event or hole to `to`.
fn one(
    driver: &mut Driver,
    stored: &Stored<'_>,
    in_range: bool,
    findings: &mut Findings,
    buffers: &dyn Buffers,
    to: &mut dyn Walk,
) -> Result<ControlFlow<()>, Error> {
    let event = match stored {
        Stored::Event(event) => event,
        Stored::Missing(_) => {
            if in_range {
                findings.item(stored);
            }
            let mut flow = ControlFlow::Continue(());
            driver.feed(stored, buffers, |item| {
                flow = to.item(item, in_range)?;
                Ok::<(), Error>(())
            })?;
            return Ok(flow);
        }
    };
    to.event(event);
    driver.begin(event, buffers);
    if in_range {
        driver.count(event, findings);
    }
    while let Some(step) = driver.take() {
        if to.item(driver.item(step, event, buffers), in_range)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    driver.end(event, buffers);
    Ok(ControlFlow::Continue(()))
}
