//! Events of a log in any order.

use sysreel_format::{Event, Events, Item};

use super::LogFile;
use crate::error::Error;
use crate::source::FileSource;

/// The events of a page.
const PAGE: u64 = 1024;
/// How many pages are kept, and how many bytes they may have.
const MAX_PAGES: usize = 128;
const MAX_BYTES: usize = 32 << 20;

/// Reads events in any order. What lies close together is decoded once.
#[derive(Debug)]
pub(crate) struct Pages<'l> {
    file: &'l LogFile,
    /// Those that were used last, the latest one at the end.
    pages: Vec<Page>,
    /// Behind the page that was read last.
    cursor: Option<Events<'l, FileSource>>,
}

/// Some events.
#[derive(Debug)]
struct Page {
    number: u64,
    rows: Vec<u8>,
    /// The number of each event and the end of its row.
    ends: Vec<(u64, usize)>,
}

impl Page {
    fn event(&self, number: u64) -> Option<Event<'_>> {
        let at = self.ends.binary_search_by_key(&number, |(number, _)| *number).ok()?;
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before));
        let start = start.map_or(0, |(_, end)| *end);
        let row = self.rows.get(start..self.ends.get(at)?.1)?;
        Event::from_row(number, row).ok()
    }
}

impl<'l> Pages<'l> {
    pub(crate) fn new(file: &'l LogFile) -> Self {
        Self { file, pages: Vec::new(), cursor: None }
    }

    /// Returns an event; `None` if the log does not have it.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub(crate) fn event(&mut self, number: u64) -> Result<Option<Event<'_>>, Error> {
        let wanted = number / PAGE;
        match self.pages.iter().position(|page| page.number == wanted) {
            Some(at) => {
                let page = self.pages.remove(at);
                self.pages.push(page);
            }
            None => {
                let page = self.read(wanted)?;
                self.pages.push(page);
                self.forget();
            }
        }
        Ok(self.pages.last().and_then(|page| page.event(number)))
    }

    /// Passes the event or the hole at a number on.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub(crate) fn item_at(&self, number: u64, each: impl FnOnce(&Item<'_>)) -> Result<(), Error> {
        let mut events = self.file.log().events_from(number).map_err(|e| self.file.error(e))?;
        if let Some(item) = events.next().map_err(|e| self.file.error(e))? {
            each(&item);
        }
        Ok(())
    }

    /// Reads a page.
    fn read(&mut self, number: u64) -> Result<Page, Error> {
        let file = self.file;
        let first = number.saturating_mul(PAGE);
        let end = first.saturating_add(PAGE);
        let mut events = match self.cursor.take().filter(|cursor| cursor.next_number() == first) {
            Some(cursor) => cursor,
            None => file.log().events_from(first).map_err(|e| file.error(e))?,
        };
        let mut page = Page { number, rows: Vec::new(), ends: Vec::new() };
        let mut goes_on = true;
        while goes_on && events.next_number() < end {
            match events.next().map_err(|e| file.error(e))? {
                Some(Item::Event(event)) if event.number < end => {
                    page.rows.extend_from_slice(event.row());
                    page.ends.push((event.number, page.rows.len()));
                }
                Some(Item::Missing(_)) => {}
                Some(Item::Event(_)) | None => goes_on = false,
            }
        }
        self.cursor = goes_on.then_some(events);
        Ok(page)
    }

    /// Forgets the pages that were not used for longest, if there are too many.
    fn forget(&mut self) {
        let bytes = |pages: &[Page]| {
            pages.iter().fold(0_usize, |sum, page| sum.saturating_add(page.rows.len()))
        };
        while self.pages.len() > 1
            && (self.pages.len() > MAX_PAGES || bytes(&self.pages) > MAX_BYTES)
        {
            self.pages.remove(0);
        }
    }
}
