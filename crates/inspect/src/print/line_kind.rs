//! Which items of a log get a line.

use crate::LogFile;
use crate::calls::{Call, End, Item};
use crate::filter::Matcher;
use crate::recorded_filter;

use super::options::Options;
use super::printer::Printer;

/// What a line of a printed log is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LineKind {
    /// A call.
    Call,
    /// The exit of a call whose entry is not in the log.
    ExitOnly,
    /// A signal.
    Signal,
    /// Another stop.
    Stop,
    /// The end of a task.
    TaskEnd,
    /// What the recorder altered.
    Altered,
    /// Where recording pauses or goes on.
    Unrecorded,
    /// Events are missing.
    Lost,
    /// A message of the recorder.
    Note,
    /// A mark that the program set.
    Mark,
    /// What cannot be decoded.
    Damage,
    /// Anything else.
    Other,
}

impl LineKind {
    /// All kinds.
    pub const ALL: [Self; 12] = [
        Self::Call,
        Self::ExitOnly,
        Self::Signal,
        Self::Stop,
        Self::TaskEnd,
        Self::Altered,
        Self::Unrecorded,
        Self::Lost,
        Self::Note,
        Self::Mark,
        Self::Damage,
        Self::Other,
    ];

    /// Returns the kind of an item; `None` for one that begins something.
    #[must_use]
    pub fn of(item: &Item<'_>) -> Option<Self> {
        Some(match item {
            Item::Entered(_) | Item::TaskStart(_) | Item::Renamed(_) | Item::Exec(_) => {
                return None;
            }
            Item::Call(_) => Self::Call,
            Item::ExitOnly(_) => Self::ExitOnly,
            Item::Signal(_) => Self::Signal,
            Item::Stop(_) => Self::Stop,
            Item::TaskEnd(_) => Self::TaskEnd,
            Item::Altered(_) => Self::Altered,
            Item::Unrecorded(_) => Self::Unrecorded,
            Item::Lost(_) => Self::Lost,
            Item::Note(_) => Self::Note,
            Item::Mark(_) => Self::Mark,
            Item::Damage(_) => Self::Damage,
            Item::Clock(_) | Item::Other(_) => Self::Other,
        })
    }
}

/// Tells which items of a log get a line, as [`print()`](super::print()) writes them with
/// [`Options::join`].
#[derive(Debug)]
pub struct Lined {
    /// Of a recording that was limited to some calls: others were recorded to follow tasks and
    /// descriptors, and get no line.
    only: Option<Matcher>,
}

impl Lined {
    /// For a log.
    #[must_use]
    pub fn new(file: &LogFile) -> Self {
        let log = file.log();
        let only = recorded_filter::filter(log.header().completeness, log.meta());
        Self { only: only.map(|only| Matcher::new(only).for_log(file)) }
    }

    /// Returns what kind of line an item gets; `None`: none. Every item must be asked for, in
    /// order.
    pub fn line(&mut self, item: &Item<'_>) -> Option<LineKind> {
        if let Some(only) = &mut self.only {
            only.note(item);
        }
        let kind = LineKind::of(item)?;
        let has_line = match item {
            Item::Call(call) => self.is_wanted(call),
            // Its line comes later, with the thread that replaced it.
            Item::TaskEnd(at) if at.end() == End::Superseded => true,
            item => {
                let options = Options::default();
                let mut printer = Printer::new(&options, false);
                printer.item(item);
                !printer.lines.text.is_empty()
            }
        };
        has_line.then_some(kind)
    }

    fn is_wanted(&mut self, call: &Call<'_>) -> bool {
        self.only.as_mut().is_none_or(|only| only.matches(call))
    }
}
