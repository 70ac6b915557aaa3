//! How a log is printed.

use sysreel_abi::Filter;

use crate::EventRange;
use crate::calls::Call;
use crate::color::Palette;
use crate::style::{Arguments, Style};
pub use crate::style::{Constants, FdStyle, HexStrings};

/// How lines look. The options of strace are in parentheses.
#[derive(Clone, Debug)]
pub struct Options {
    /// The most bytes of a string or buffer to show (`-s`). Paths are never cut.
    pub string_limit: usize,
    /// What to show of file descriptors (`-y`, `-yy`).
    pub fds: FdStyle,
    /// Shows structures and lists in full (`-v`).
    pub verbose: bool,
    /// Shows events that usually get no line, and says why memory is not shown (`-vv`).
    pub everything: bool,
    /// Which strings to show in hexadecimal (`-x`, `-xx`).
    pub hex: HexStrings,
    /// What differs from call to call (`-e abbrev=`, `-e verbose=`, `-e raw=`).
    pub detail: Detail,
    /// The time of day before each line (`-t`, `-tt`, `-ttt`), in UTC: the log may come from
    /// another time zone.
    pub clock: Clock,
    /// The time since the previous line (`-r`).
    pub relative: Option<Precision>,
    /// The time that each call took (`-T`).
    pub duration: Option<Precision>,
    /// The instruction pointer before each line (`-i`).
    pub ip: bool,
    /// The number of the call before its name (`-n`).
    pub number: bool,
    /// How to show flags and constants (`-X`).
    pub constants: Constants,
    /// Whether a line names its task.
    pub task_ids: TaskIds,
    /// Which signals get a line (`-e signal=`): bit N - 1 for signal N.
    pub signals: u64,
    /// Which lines that are neither calls nor signals are left out (`-q`).
    pub quiet: Quiet,
    /// The descriptors of which a dump shows all that was read (`-e read=`).
    pub dump_read: FdSet,
    /// The descriptors of which a dump shows all that was written (`-e write=`).
    pub dump_write: FdSet,
    /// The column of results (`-a`).
    pub column: usize,
    /// The event number before each line, to find it in other views of the log.
    pub event_numbers: bool,
    /// The part of the log to show.
    pub range: EventRange,
    /// Which calls get a line (`-e trace=`). `None`: those that the recording was limited to.
    pub only: Option<Filter>,
    /// Which items get a line: calls, signals, ends of tasks. `None`: all.
    pub filter: Option<Filter>,
    /// Prints each call once, where it ended, with the time of its entry.
    pub join: bool,
    /// The colors. They change nothing else.
    pub palette: Palette,
}

/// The time of day before each line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// None.
    #[default]
    None,
    /// `12:34:56.789012`
    Day(Precision),
    /// Seconds since 1970: `1795467886.591526`
    Unix(Precision),
}

/// The unit to which times are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// Whole seconds.
    Seconds,
    /// Three digits of a second.
    Millis,
    /// Six digits of a second.
    #[default]
    Micros,
    /// Nine digits of a second.
    Nanos,
}

impl Precision {
    /// Returns the number of digits after the seconds.
    pub(super) fn digits(self) -> u32 {
        match self {
            Self::Seconds => 0,
            Self::Millis => 3,
            Self::Micros => 6,
            Self::Nanos => 9,
        }
    }
}

/// Which calls are shown in more or less detail than the others. `None`: as without the option.
#[derive(Clone, Debug, Default)]
pub struct Detail {
    /// The calls whose structures and lists are abbreviated; all others are shown in full.
    pub abbreviated: Option<Filter>,
    /// The calls whose structures are shown; all others show their addresses.
    pub dereferenced: Option<Filter>,
    /// The calls that show their registers.
    pub raw: Option<Filter>,
}

impl Detail {
    /// Whether all calls look alike.
    fn is_uniform(&self) -> bool {
        self.abbreviated.is_none() && self.dereferenced.is_none() && self.raw.is_none()
    }
}

/// Whether a line names its task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TaskIds {
    /// `[pid 1234] ` if the log has more than one task.
    #[default]
    WhenSeveral,
    /// `[pid  1234] ` always.
    Always,
    /// `1234 ` always, as strace does with `-f -o FILE`.
    Plain,
    /// Never.
    Never,
}

/// Lines that are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quiet {
    /// That a process was attached to, or detached from.
    pub attach: bool,
    /// That a task has ended.
    pub exit: bool,
    /// That a task makes calls of another ABI.
    pub personality: bool,
    /// That the execve(2) of another thread has replaced the leader.
    pub thread_execve: bool,
}

/// A set of file descriptors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FdSet {
    /// The descriptors.
    pub fds: Vec<i32>,
    /// Whether it is all descriptors but these.
    pub inverted: bool,
}

impl FdSet {
    /// Whether it contains a descriptor.
    #[must_use]
    pub fn contains(&self, fd: i32) -> bool {
        self.fds.contains(&fd) != self.inverted
    }

    /// Whether it contains none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fds.is_empty() && !self.inverted
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            string_limit: 32,
            fds: FdStyle::Number,
            verbose: false,
            everything: false,
            hex: HexStrings::Never,
            detail: Detail::default(),
            clock: Clock::None,
            relative: None,
            duration: None,
            ip: false,
            number: false,
            constants: Constants::Abbrev,
            task_ids: TaskIds::WhenSeveral,
            signals: u64::MAX,
            quiet: Quiet::default(),
            dump_read: FdSet::default(),
            dump_write: FdSet::default(),
            column: 40,
            event_numbers: false,
            range: EventRange::default(),
            only: None,
            filter: None,
            join: false,
            palette: Palette::NONE,
        }
    }
}

impl Options {
    /// Returns what concerns arguments and results.
    pub(super) fn style(&self) -> Style {
        let Self { string_limit, fds, verbose, everything: explains, hex, constants, .. } = *self;
        let arguments = Arguments::Decoded;
        Style { string_limit, fds, verbose, explains, hex, constants, arguments }
    }

    /// Returns what concerns a call: `style` if its detail is that of all calls.
    pub(super) fn style_of(&self, style: Style, call: &Call<'_>) -> Style {
        let Detail { abbreviated, dereferenced, raw } = &self.detail;
        if self.detail.is_uniform() {
            return style;
        }
        let name = call.name();
        let has = |filter: &Filter| filter.may_match(Some(&name), call.open().row, call.abi());
        let arguments = if raw.as_ref().is_some_and(has) {
            Arguments::Raw
        } else if dereferenced.as_ref().is_some_and(|filter| !has(filter)) {
            Arguments::Addresses
        } else {
            Arguments::Decoded
        };
        let verbose = style.verbose || abbreviated.as_ref().is_some_and(|filter| !has(filter));
        Style { verbose, arguments, ..style }
    }
}
