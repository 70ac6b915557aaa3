//! The driver over a whole log, with blocks decoded ahead on other threads.

use std::ops::ControlFlow;

use sysreel_format::{Event, Item as Stored};

use super::driver::Driver;
use super::item::Item;
use crate::error::Error;
use crate::event_range::EventRange;
use crate::log_file::{LogFile, ReadResult};
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
    let bounds = file.bounds(range)?;
    driver.set_completeness(file.log().header().completeness);
    let mut over = false;
    let read = file.scan(check_buffers, 0, bounds, |stored, in_range, findings| {
        let event = match stored {
            Stored::Event(event) => event,
            Stored::Missing(_) => {
                if in_range {
                    findings.item(stored);
                }
                let mut flow = ControlFlow::Continue(());
                driver.feed(stored, buffers, |item| {
                    flow = to.item(item, in_range)?;
                    Ok(())
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
                over = true;
                return Ok(ControlFlow::Break(()));
            }
        }
        driver.end(event, buffers);
        Ok(ControlFlow::Continue(()))
    })?;
    if !over {
        // Calls that go on after the end of the range are as unfinished as those at the end of the
        // log. What `to` says does not matter any more.
        driver.feed_end(buffers, |item| to.item(item, true).map(drop))?;
    }
    to.end(driver.state());
    Ok(read)
}
