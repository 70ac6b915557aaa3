//! Decodes the rows that the screen shows, on a thread that drops requests which were overtaken.

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use sysreel_inspect::calls::Item;
use sysreel_inspect::print::{Excerpts, FdStyle, Options, Quiet, TaskIds};
use sysreel_inspect::visible::visible;
use sysreel_inspect::{Error, LogFile, open};
use sysreel_views::Page;
use sysreel_views::show::Show;

use crate::index::Place;
use crate::message::{Line, Message, Shared};

/// The most bytes of strings in the list, and of each buffer in the details.
const STRING: usize = 64;
const BUFFER: usize = 1024;

/// What the screen wants to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Its number: the latest one counts.
    pub(crate) number: u64,
    /// Rows to decode, in this order.
    pub(crate) rows: Vec<(usize, Place)>,
    /// The row of which all is shown.
    pub(crate) details: Option<(usize, Place)>,
}

#[derive(Debug, Default)]
struct Desk {
    wanted: Option<Wanted>,
    is_closed: bool,
}

/// Where the screen says what it wants.
#[derive(Clone, Debug, Default)]
pub(crate) struct Requests(Arc<(Mutex<Desk>, Condvar)>);

impl Requests {
    /// Replaces what was wanted before.
    pub(crate) fn want(&self, wanted: Wanted) {
        self.change(|desk| desk.wanted = Some(wanted));
    }

    /// Ends the thread.
    pub(crate) fn close(&self) {
        self.change(|desk| desk.is_closed = true);
    }

    fn change(&self, change: impl FnOnce(&mut Desk)) {
        change(&mut self.0.0.lock().unwrap_or_else(PoisonError::into_inner));
        self.0.1.notify_all();
    }

    /// Waits for the next request; `None` when there will be none.
    fn next(&self) -> Option<Wanted> {
        let mut desk = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if desk.is_closed {
                return None;
            }
            if let Some(wanted) = desk.wanted.take() {
                return Some(wanted);
            }
            desk = self.0.1.wait(desk).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether another request is waiting, or none will come.
    fn is_outdated(&self) -> bool {
        let desk = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        desk.is_closed || desk.wanted.is_some()
    }
}

/// How lines look: as `print --join -y` has them, without the column of results.
pub(crate) fn style() -> Options {
    Options {
        string_limit: STRING,
        fds: FdStyle::Path,
        task_ids: TaskIds::Never,
        quiet: Quiet { personality: true, ..Quiet::default() },
        column: 0,
        join: true,
        ..Options::default()
    }
}

/// Decodes what is wanted until the requests are closed.
pub(crate) fn serve(path: PathBuf, requests: Requests, shared: Shared) {
    let style = style();
    let mut next = requests.next();
    // A log that grows is opened anew when it does not have an event.
    while next.is_some() {
        let Ok(file) = open(&path) else {
            // The index says why.
            return;
        };
        let mut excerpts = Excerpts::new(&file);
        let mut is_fresh = true;
        while let Some(wanted) = &next {
            match answer(wanted, (&file, &mut excerpts), (&style, &requests), &shared) {
                Ok(true) => {}
                // Once for each request.
                Ok(false) if !is_fresh => break,
                Ok(false) => {}
                Err(error) => {
                    let lines = vec![visible(&error.to_string()).into_owned()];
                    let row = wanted.details.as_ref().map_or(0, |(row, _)| *row);
                    shared.tell(Message::Details(row, lines));
                }
            }
            if !requests.is_outdated() && !shared.tell(Message::Ready(wanted.number)) {
                return;
            }
            is_fresh = false;
            next = requests.next();
        }
    }
}

/// Returns whether the log had all.
fn answer(
    wanted: &Wanted,
    (file, excerpts): (&LogFile, &mut Excerpts<'_>),
    (style, requests): (&Options, &Requests),
    shared: &Shared,
) -> Result<bool, Error> {
    let mut has_all = true;
    for (row, place) in &wanted.rows {
        if requests.is_outdated() {
            return Ok(true);
        }
        let line = line(file, excerpts, (place, style))?;
        has_all &= line.is_some();
        if let Some(line) = line {
            shared.tell(Message::Line(*row, line));
        }
    }
    if let Some((row, place)) = wanted.details.as_ref().filter(|_| !requests.is_outdated()) {
        let lines = details(file, excerpts, (place, style))?;
        has_all &= lines.is_some();
        if let Some(lines) = lines {
            shared.tell(Message::Details(*row, lines));
        }
    }
    Ok(has_all)
}

/// Decodes a row; `None` if the log does not have it.
pub(crate) fn line(
    file: &LogFile,
    excerpts: &mut Excerpts<'_>,
    (place, style): (&Place, &Options),
) -> Result<Option<Line>, Error> {
    let start = file.log().meta().monotonic_ns;
    let mut took = None;
    let excerpt = excerpts.read(&place.spot(), style, |item| {
        if let Item::Call(call) = item {
            took = call.duration();
        }
    })?;
    Ok(excerpt.map(|excerpt| Line {
        text: excerpt.text.replace('\n', " "),
        since_start_ns: excerpt.t_ns.saturating_sub(start),
        took,
    }))
}

/// Returns all about a row, line by line.
fn details(
    file: &LogFile,
    excerpts: &mut Excerpts<'_>,
    (place, style): (&Place, &Options),
) -> Result<Option<Vec<String>>, Error> {
    let mut show = None;
    let excerpt = excerpts.read(&place.spot(), style, |item| {
        show = Some(Show::of(item, file, BUFFER));
    })?;
    let (Some(show), Some(excerpt)) = (show, excerpt) else { return Ok(None) };
    let mut text = Vec::new();
    // Writing to memory does not fail.
    _ = show.write_details(&Page::default(), &mut text);
    let text = String::from_utf8_lossy(&text);
    let lines = excerpt.text.lines().chain(text.lines());
    Ok(Some(lines.map(|line| visible(line).into_owned()).collect()))
}
