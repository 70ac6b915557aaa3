//! Which part of a log a view is about.

use sysreel_inspect::abi::Filter;
use sysreel_inspect::calls::{Call, Item, Visitor};
use sysreel_inspect::filter::Matcher;
use sysreel_inspect::format::Event;
use sysreel_inspect::state::Tracker;
use sysreel_inspect::{Error, EventRange, Findings, Follow, LogFile};

/// The part of a log that a view is about.
#[derive(Clone, Debug, Default)]
pub struct Select {
    /// The events.
    pub range: EventRange,
    /// Which calls and other items. `None`: all.
    pub filter: Option<Filter>,
    /// Whether all captured buffers are read, also those that the view does not need, to find
    /// damaged ones.
    pub check_buffers: bool,
}

/// Takes the items of a log.
pub trait Looker {
    /// Takes an event before its items.
    fn event(&mut self, event: &Event<'_>) {
        let _ = event;
    }

    /// Takes the next item. `selected`: whether it belongs to the part that the view is about. The
    /// others come too, because the state at the beginning of a part follows from what was before.
    /// Nothing comes after the end of the part, but the calls that are open there.
    fn item(&mut self, item: &Item<'_>, selected: bool);

    /// Whether the looker takes no more items, as after an output failed. It is asked after each
    /// one.
    fn is_over(&self) -> bool {
        false
    }

    /// Takes the state at the end of the part.
    fn end(&mut self, state: &Tracker) {
        let _ = state;
    }

    /// Returns which names among the arguments of calls it needs whole.
    fn names(&self) -> Names {
        Names::default()
    }
}

/// Names among the arguments of calls. A small capture limit cuts them, and then other names may be
/// meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Paths.
    pub paths: bool,
    /// Addresses of sockets.
    pub addresses: bool,
}

impl Names {
    /// Both.
    pub const ALL: Self = Self { paths: true, addresses: true };
    /// Paths alone.
    pub const PATHS: Self = Self { paths: true, addresses: false };

    fn are_cut(self, call: &Call<'_>) -> bool {
        self.paths && call.has_cut_path() || self.addresses && call.has_cut_address()
    }
}

/// What a looker asks of the items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// What is followed of the state.
    pub follow: Follow,
    /// Whether it asks for memory, siginfo or names, or for what the recorder altered.
    pub memory: bool,
}

impl Needs {
    /// Descriptors and directories, and memory.
    pub const FILES: Self =
        Self { follow: Follow { processes: true, attributes: false, maps: false }, memory: true };

    /// Returns what two lookers ask for together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        let (a, b) = (self.follow, other.follow);
        Self {
            follow: Follow {
                processes: a.processes || b.processes,
                attributes: a.attributes || b.attributes,
                maps: a.maps || b.maps,
            },
            memory: self.memory || other.memory,
        }
    }
}

/// A looker that makes a result of what it has seen. A pair of them is one too: it reads a log once
/// for both.
pub trait Collect: Looker {
    /// What it makes.
    type Result;

    /// Returns what it asks of the items.
    fn needs(&self) -> Needs;

    /// Makes the result, after the last item.
    fn finish(self) -> Self::Result;
}

impl<A: Looker, B: Looker> Looker for (A, B) {
    fn event(&mut self, event: &Event<'_>) {
        self.0.event(event);
        self.1.event(event);
    }

    fn item(&mut self, item: &Item<'_>, selected: bool) {
        self.0.item(item, selected);
        self.1.item(item, selected);
    }

    fn is_over(&self) -> bool {
        self.0.is_over() && self.1.is_over()
    }

    fn end(&mut self, state: &Tracker) {
        self.0.end(state);
        self.1.end(state);
    }

    fn names(&self) -> Names {
        let (a, b) = (self.0.names(), self.1.names());
        Names { paths: a.paths || b.paths, addresses: a.addresses || b.addresses }
    }
}

impl<A: Collect, B: Collect> Collect for (A, B) {
    type Result = (A::Result, B::Result);

    fn needs(&self) -> Needs {
        self.0.needs().with(self.1.needs())
    }

    fn finish(self) -> Self::Result {
        (self.0.finish(), self.1.finish())
    }
}

/// Reads a log for a result.
///
/// # Errors
/// When the log cannot be read. Damage is not an error; the [`Findings`] report it.
pub fn collect<C: Collect>(
    file: &LogFile,
    select: &Select,
    mut collector: C,
) -> Result<(C::Result, Findings), Error> {
    let Needs { follow, memory } = collector.needs();
    let findings = look(file, select, (follow, memory), &mut collector)?;
    Ok((collector.finish(), findings))
}

/// Reads a log and passes its items on. `memory`: whether the looker asks for memory, siginfo or
/// names, or for what the recorder altered. `follow` says what it asks of their state.
///
/// # Errors
/// When the log cannot be read. Damage is not an error; the [`Findings`] report it.
pub fn look(
    file: &LogFile,
    select: &Select,
    (follow, memory): (Follow, bool),
    looker: &mut impl Looker,
) -> Result<Findings, Error> {
    let matcher = select.filter.clone().map(|filter| Matcher::new(filter).for_log(file));
    let of_filter = select.filter.as_ref().map(Matcher::follow).unwrap_or_default();
    let follow = Follow { processes: follow.processes || of_filter.processes, ..follow };
    let asks = select.filter.as_ref().is_some_and(Matcher::asks_for_memory);
    let mut calls = file.calls(follow).range(select.range);
    if !memory && !asks && follow == Follow::default() {
        calls = calls.without_parts();
    }
    if select.check_buffers {
        calls = calls.check_buffers();
    }
    let mut selecting = Selecting { matcher, names: names_to_check(file, looker), cut: 0, looker };
    let mut findings = calls.visit(&mut selecting)?;
    findings.cut_names = selecting.cut;
    if let Some(matcher) = selecting.matcher {
        let fields = matcher.not_recorded().iter();
        findings.not_recorded = fields.map(|(field, count)| (field.clone(), *count)).collect();
        findings.unmatched = !matcher.has_matched();
    }
    Ok(findings)
}

/// Returns the names that a looker needs and that may be cut: those that are longer than the
/// capture limit.
fn names_to_check(file: &LogFile, looker: &impl Looker) -> Names {
    match file.log().meta().capture_limit {
        1..=LONGEST_NAME => looker.names(),
        _ => Names::default(),
    }
}

/// The longest name that the kernel takes is a path (PATH_MAX, include/uapi/linux/limits.h).
const LONGEST_NAME: u64 = 4096;

struct Selecting<'l, L> {
    matcher: Option<Matcher>,
    names: Names,
    /// The number of calls with names that are cut.
    cut: u64,
    looker: &'l mut L,
}

impl<L: Looker> Visitor for Selecting<'_, L> {
    fn event(&mut self, event: &Event<'_>) {
        self.looker.event(event);
    }

    fn item(&mut self, item: &Item<'_>, in_range: bool) {
        let matches = match &mut self.matcher {
            None => true,
            Some(matcher) => {
                matcher.note(item);
                in_range
                    && match item {
                        Item::Call(call) => matcher.matches(call),
                        other => matcher.matches_item(other),
                    }
            }
        };
        if let (true, Item::Call(call)) = (in_range && matches, item)
            && self.names.are_cut(call)
        {
            self.cut = self.cut.saturating_add(1);
        }
        self.looker.item(item, in_range && matches);
    }

    fn is_over(&self) -> bool {
        self.looker.is_over()
    }

    fn end(&mut self, state: &Tracker) {
        self.looker.end(state);
    }
}
