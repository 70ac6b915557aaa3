//! The cursor over the calls of a log.

use std::fmt;
use std::ops::ControlFlow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sysreel_format::{Event, Events, Item as Stored, Missing, ReadAt, TaskId};

use super::driver::{Driver, Step, needs_parts};
use super::item::{Item, Lost};
use super::time::Time;
use super::walk::{Walk, walk};
use crate::error::Error;
use crate::event_range::{Bounds, EventRange};
use crate::findings::Findings;
use crate::log_file::LogFile;
use crate::regions::CountingBuffers;
use crate::source::FileSource;
use crate::state::{Follow, Tracker};

impl LogFile {
    /// Returns a cursor over the events as they are stored, entries and exits apart. Damage comes
    /// as [`sysreel_format::Item::Missing`].
    #[must_use]
    pub fn events(&self) -> Events<'_, FileSource> {
        self.log().events()
    }

    /// Returns a cursor over the calls and the other items of the log. `follow` selects the state
    /// that is kept besides tasks and calls; `Follow::default()` keeps none and is fastest.
    #[must_use]
    pub fn calls(&self, follow: Follow) -> Calls<'_> {
        let log = self.log();
        let mut driver = Driver::new(follow, false);
        driver.set_completeness(log.header().completeness);
        Calls {
            file: self,
            driver,
            buffers: CountingBuffers::new(log, log.source().len().unwrap_or(0)),
            range: EventRange::default(),
            check_buffers: false,
            bounds: None,
            in_range: false,
            events: log.events(),
            now: Now::Start,
            findings: Findings::from_open(log),
        }
    }

    /// Converts a time of an event to the calendar, by the clocks at the start of the recording.
    #[must_use]
    pub fn unix_time(&self, time: Time) -> SystemTime {
        let meta = self.log().meta();
        let start =
            UNIX_EPOCH.checked_add(Duration::from_nanos(meta.realtime_ns)).unwrap_or(UNIX_EPOCH);
        start.checked_add(self.since_start(time)).unwrap_or(start)
    }

    /// Returns the time from the start of the recording to an event.
    #[must_use]
    pub fn since_start(&self, time: Time) -> Duration {
        time.since(Time::from_nanos(self.log().meta().monotonic_ns))
    }
}

/// A cursor over the calls of a log: see the [module](super).
pub struct Calls<'l> {
    file: &'l LogFile,
    driver: Driver,
    buffers: CountingBuffers<'l>,
    range: EventRange,
    check_buffers: bool,
    /// The range, once reading has begun.
    bounds: Option<Bounds>,
    in_range: bool,
    events: Events<'l, FileSource>,
    now: Now,
    findings: Findings,
}

/// Where a cursor is.
#[derive(Debug)]
enum Now {
    Start,
    /// In an event whose items are not all yielded yet.
    Event,
    Hole(Missing),
    /// At the end of the log: the tasks whose open calls are not yielded yet, the last one first.
    End(Vec<TaskId>),
}

/// What [`Calls::next`] yields, without what it borrows.
enum Found {
    Step(Step),
    Hole(Missing),
    Open(TaskId),
}

impl<'l> Calls<'l> {
    /// Yields calls also where they begin, as [`Item::Entered`]. Set it before the first item.
    #[must_use]
    pub fn with_entries(mut self) -> Self {
        self.driver.set_with_entries();
        self
    }

    /// Reads only the kernel's structs: numbers and arguments of calls, times, results. Arguments
    /// that are pointers have no contents, descriptors no names, signals no siginfo, and
    /// [`Item::Altered`] may be missing. This is faster, because the rest of the log is not even
    /// decompressed; so damage in it may go unnoticed. Set it before the first item, and do not
    /// follow processes.
    #[must_use]
    pub fn without_parts(mut self) -> Self {
        self.driver.set_without_parts();
        self.events.without_parts(needs_parts);
        self
    }

    /// Yields only the items of a part of the log. All before it is read too, because it leads to
    /// the state at its beginning. Set it before the first item.
    #[must_use]
    pub fn range(mut self, range: EventRange) -> Self {
        self.range = range;
        self
    }

    /// Reads all captured buffers, also those that are not asked for, so that [`Self::for_each`]
    /// and [`Self::visit`] find damaged ones.
    #[must_use]
    pub fn check_buffers(mut self) -> Self {
        self.check_buffers = true;
        self
    }

    /// Returns the next item; `None` at the end. It borrows from the cursor until the next call.
    ///
    /// # Errors
    /// When the log cannot be read: an error of the system, or a log that needs a newer version.
    /// Damage is not an error: [`Item::Lost`], [`Item::Damage`] and [`Self::findings`] report it.
    #[expect(
        clippy::should_implement_trait,
        reason = "an item borrows the cursor's buffer: no Iterator can say that"
    )]
    pub fn next(&mut self) -> Result<Option<Item<'_>>, Error> {
        let Some(found) = self.find()? else { return Ok(None) };
        Ok(Some(match found {
            Found::Hole(missing) => Item::Lost(Lost::Hole(missing)),
            Found::Open(task) => match self.driver.unfinished(task, &self.buffers) {
                Some(item) => item,
                None => return Ok(None),
            },
            Found::Step(step) => {
                let Some(event) = self.events.current() else { return Ok(None) };
                self.driver.item(step, &event, &self.buffers)
            }
        }))
    }

    /// Calls `each` for every item that is left, until it breaks. The same as a loop over
    /// [`Self::next`], but if no item was taken yet, other threads decode ahead: for a long log on
    /// a machine with several CPUs. Returns what is missing or damaged.
    ///
    /// # Errors
    /// As [`Self::next`], or when `each` fails.
    pub fn for_each(
        mut self,
        mut each: impl FnMut(Item<'_>) -> Result<ControlFlow<()>, Error>,
    ) -> Result<Findings, Error> {
        if self.bounds.is_some() {
            while let Some(item) = self.next()?
                && each(item)?.is_continue()
            {}
            return Ok(self.findings());
        }
        let how = (&self.range, self.check_buffers);
        let mut read = walk(self.file, self.driver, how, &self.buffers, &mut Each(each))?;
        read.findings.lost_buffers = self.buffers.lost();
        Ok(read.findings)
    }

    /// Passes all that is left to a visitor, with the items before the range. As fast as
    /// [`Self::for_each`]. Returns what is missing or damaged.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub fn visit(self, visitor: &mut impl Visitor) -> Result<Findings, Error> {
        let how = (&self.range, self.check_buffers);
        let mut read = walk(self.file, self.driver, how, &self.buffers, &mut Visiting(visitor))?;
        read.findings.lost_buffers = self.buffers.lost();
        Ok(read.findings)
    }

    /// Returns the state of the recorded system after the latest item: tasks, descriptors,
    /// processes. While an item is held, use [`Call::state`](super::Call::state) or
    /// [`Task::state`](super::Task::state).
    #[must_use]
    pub fn state(&self) -> &Tracker {
        self.driver.state()
    }

    /// Returns what is missing or damaged so far; of the whole log, once it was read to its end.
    #[must_use]
    pub fn findings(&self) -> Findings {
        Findings {
            lost_buffers: self.buffers.lost(),
            missing_buffers: self.events.missing_blobs(),
            ..self.findings.clone()
        }
    }

    /// Moves to the next item that is wanted.
    fn find(&mut self) -> Result<Option<Found>, Error> {
        loop {
            match &mut self.now {
                Now::Start => {}
                Now::Event => {
                    if let Some(step) = self.driver.take() {
                        if self.in_range {
                            return Ok(Some(Found::Step(step)));
                        }
                        continue;
                    }
                    if self.driver.applies_more()
                        && let Some(event) = self.events.current()
                    {
                        self.driver.apply_rest(&event, &self.buffers);
                    }
                    self.driver.leave();
                }
                Now::Hole(missing) => {
                    let missing = *missing;
                    self.now = Now::Start;
                    if self.in_range {
                        return Ok(Some(Found::Hole(missing)));
                    }
                }
                Now::End(open) => return Ok(open.pop().map(Found::Open)),
            }
            self.advance()?;
        }
    }

    /// Reads the next event or hole.
    fn advance(&mut self) -> Result<(), Error> {
        let bounds = match &mut self.bounds {
            Some(bounds) => bounds,
            none => none.insert(self.file.bounds(&self.range)?),
        };
        let stored = self.events.next().map_err(|e| self.file.error(e))?;
        if stored.is_none() {
            self.findings.ending(self.file.log().ending());
            self.findings.is_being_written = self.file.is_being_written();
        }
        match stored.filter(|stored| !bounds.is_over(stored)) {
            Some(Stored::Event(event)) => {
                self.in_range = bounds.has_begun(&Stored::Event(event));
                self.driver.begin(&event, &self.buffers);
                if self.in_range {
                    self.driver.count(&event, &mut self.findings);
                }
                // Most entries: nothing needs the event any more.
                if self.driver.is_done() {
                    self.driver.leave();
                    self.now = Now::Start;
                    return Ok(());
                }
                self.now = Now::Event;
            }
            Some(hole @ Stored::Missing(missing)) => {
                self.in_range = bounds.has_begun(&hole);
                if self.in_range {
                    self.findings.item(&hole);
                }
                self.now = Now::Hole(missing);
            }
            None => {
                let mut open = self.driver.open_at_end();
                open.reverse();
                self.now = Now::End(open);
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Calls<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calls")
            .field("file", &self.file.path())
            .field("range", &self.range)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

/// Calls a closure for the items of the range.
struct Each<F>(F);

impl<F: FnMut(Item<'_>) -> Result<ControlFlow<()>, Error>> Walk for Each<F> {
    fn item(&mut self, item: Item<'_>, in_range: bool) -> Result<ControlFlow<()>, Error> {
        if in_range { (self.0)(item) } else { Ok(ControlFlow::Continue(())) }
    }
}

/// Takes the items of a log from its beginning; see [`Calls::visit`].
pub trait Visitor {
    /// Takes an event before its items: also one that has none, such as the entry of a call.
    fn event(&mut self, event: &Event<'_>) {
        let _ = event;
    }

    /// Takes the next item. `in_range`: whether the range has begun. Nothing comes after its end,
    /// but the calls that are open there.
    fn item(&mut self, item: &Item<'_>, in_range: bool);

    /// Whether the visitor takes no more items. It is asked after each one.
    fn is_over(&self) -> bool {
        false
    }

    /// Takes the state at the end of the range, after the last item.
    fn end(&mut self, state: &Tracker) {
        let _ = state;
    }
}

/// Passes items on to a visitor.
struct Visiting<'v, V>(&'v mut V);

impl<V: Visitor> Walk for Visiting<'_, V> {
    fn event(&mut self, event: &Event<'_>) {
        self.0.event(event);
    }

    fn item(&mut self, item: Item<'_>, in_range: bool) -> Result<ControlFlow<()>, Error> {
        self.0.item(&item, in_range);
        Ok(if self.0.is_over() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    fn end(&mut self, state: &Tracker) {
        self.0.end(state);
    }
}
