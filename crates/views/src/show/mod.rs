//! `show`: everything about one event.

mod item;
mod kernel_struct;
mod text;

use std::collections::VecDeque;

use serde::Serialize;
use sysreel_inspect::abi::filter::{Field, FieldRef};
use sysreel_inspect::calls::{Call, Item};
use sysreel_inspect::filter::FieldReader;
use sysreel_inspect::format::Event;
use sysreel_inspect::print;
use sysreel_inspect::visible::visible;
use sysreel_inspect::{Bound, Error, EventRange, Findings, Follow, LogFile};

use crate::select::{Looker, Select, look};
pub use kernel_struct::StructField;

/// What to show.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The number of the event.
    pub event: u64,
    /// The most bytes of each region to show.
    pub bytes: usize,
    /// How many calls on the same descriptor to show before and after.
    pub neighbors: usize,
}

/// An event.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Show {
    /// Its number.
    pub event: u64,
    /// Its kind: `stop`, `task`, `gone`, ...; `null` if the log does not have the event.
    pub kind: Option<String>,
    /// Where it comes from: `kernel`, ...
    pub source: String,
    /// The process; 0 if it concerns none.
    pub pid: u32,
    /// The thread; 0 if it concerns none.
    pub tid: u32,
    /// The program; `null` if the log does not name it.
    pub exe: Option<String>,
    /// The time since the start of the recording, in nanoseconds.
    pub since_start_ns: u64,
    /// The time since the beginning of 1970, in nanoseconds.
    pub unix_ns: u64,
    /// The lines of `sysreel print` for it.
    pub lines: Vec<String>,
    /// The wait status of a stop.
    pub wait_status: Option<u32>,
    /// The kernel's `struct ptrace_syscall_info`, field by field.
    pub fields: Vec<StructField>,
    /// The call that begins or ends with it.
    pub call: Option<CallShown>,
    /// The memory of the call.
    pub regions: Vec<RegionShown>,
    /// What descriptors refer to, as the kernel named it at this stop.
    pub names: Vec<NameShown>,
    /// The value of each field of the filter language.
    pub values: Vec<(String, String)>,
    /// Calls on the same descriptor before and after it.
    pub neighbors: Vec<Neighbor>,
    /// Calls that others were in when it ended.
    pub elsewhere: Vec<Neighbor>,
}

/// A call.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CallShown {
    /// As `sysreel print` shows it.
    pub text: String,
    /// The event at which it began.
    pub entry: u64,
    /// The event at which it returned; `null` if it did not.
    pub exit: Option<u64>,
    /// How long it took, in nanoseconds; `null` if it did not return.
    pub duration_ns: Option<u64>,
    /// Its arguments.
    pub args: Vec<ArgShown>,
}

/// An argument.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ArgShown {
    /// Its name in the kernel's prototype; empty if the table does not know the call.
    pub name: String,
    /// Its value, as the program passed it.
    pub raw: u64,
    /// The same as text.
    pub text: String,
}

/// A piece of captured memory.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RegionShown {
    /// The name of its argument; empty if it belongs to none.
    pub arg: String,
    /// Whether it was captured before the call (`in`) or after it (`out`).
    pub direction: String,
    /// How many pointers lie between the argument and it.
    pub depth: u8,
    /// The element that it is.
    pub index: u32,
    /// Its address in the task.
    pub address: u64,
    /// How many bytes the call asked for.
    pub asked: u64,
    /// How many bytes were captured.
    pub got: u64,
    /// Why fewer bytes were captured, if the memory could not be read.
    pub errno: Option<String>,
    /// The bytes in hexadecimal, as many as were asked for with the options; `null` if they are no
    /// longer in the log.
    pub hex: Option<String>,
}

/// What a descriptor refers to.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct NameShown {
    /// The descriptor.
    pub fd: i32,
    /// The target of `/proc/PID/fd/N`.
    pub link: String,
    /// `st_mode`.
    pub mode: u32,
    /// Device and inode.
    pub id: (u64, u64),
    /// A socket's own address.
    pub local: Option<String>,
    /// The address of its peer.
    pub peer: Option<String>,
}

/// Another call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Neighbor {
    /// The event at which it began.
    pub event: u64,
    /// The thread that made it.
    pub tid: u32,
    /// The call.
    pub call: String,
}

/// Shows an event.
///
/// # Errors
/// When the log cannot be read. Damage is not an error; the [`Findings`] report it.
pub fn show(file: &mut LogFile, options: &Options) -> Result<(Show, Findings), Error> {
    let lines = lines(file, options.event)?;
    let all = Field::ALL.iter().filter(|field| **field != Field::Arg);
    let fields = all.map(|field| FieldRef { field: *field, arg: String::new() }).collect();
    let follow = Follow { processes: true, ..Follow::default() };
    let mut finding = Finding { event: options.event, file: None };
    if options.neighbors > 0 {
        look(file, &Select::default(), (follow, true), &mut finding)?;
    }
    let mut looking = Looking {
        options,
        reader: FieldReader::new(fields, file),
        start: file.log().meta().monotonic_ns,
        show: Show { event: options.event, lines, ..Show::default() },
        recent: VecDeque::new(),
        file: finding.file,
        after: 0,
    };
    let findings = look(file, &Select::default(), (follow, true), &mut looking)?;
    let mut show = looking.show;
    show.take_time(file, looking.start);
    Ok((show, findings))
}

/// Returns the lines that `print` has for an event.
fn lines(file: &mut LogFile, event: u64) -> Result<Vec<String>, Error> {
    let at = Some(Bound::Event(event));
    let options = print::Options {
        range: EventRange { from: at, to: at },
        fds: print::FdStyle::Detail,
        verbose: true,
        clock: print::Clock::Day(print::Precision::Micros),
        duration: Some(print::Precision::Micros),
        task_ids: print::TaskIds::Always,
        only: sysreel_inspect::abi::Filter::parse("all").ok(),
        ..print::Options::default()
    };
    let mut text = Vec::new();
    print::print(file, &options, &mut text)?;
    Ok(String::from_utf8_lossy(&text).lines().map(|line| visible(line).into_owned()).collect())
}

struct Looking<'o> {
    options: &'o Options,
    reader: FieldReader,
    start: u64,
    show: Show,
    /// The latest calls on the file before the event.
    recent: VecDeque<Neighbor>,
    /// The file that the call uses.
    file: Option<u64>,
    /// How many calls after the event were found.
    after: usize,
}

impl Looker for Looking<'_> {
    fn event(&mut self, event: &Event<'_>) {
        if event.number != self.options.event {
            return;
        }
        self.show.take_event(event, self.start);
    }

    fn item(&mut self, item: &Item<'_>, _selected: bool) {
        self.reader.note(item);
        let number = self.options.event;
        if let Some(event) = item.event()
            && event.number == number
        {
            self.show.take_task(item);
        }
        let Item::Call(call) = item else { return };
        if [Some(call.number()), call.exit_number()].contains(&Some(number)) {
            self.found(call);
        } else if self.show.call.is_none() {
            self.before(call);
        } else {
            self.later(call);
        }
    }
}

impl Looking<'_> {
    fn before(&mut self, call: &Call<'_>) {
        if self.file.is_some() && self.options.neighbors > 0 && serial(call) == self.file {
            if self.recent.len() >= self.options.neighbors {
                self.recent.pop_front();
            }
            self.recent.push_back(neighbor(call));
        }
    }

    fn later(&mut self, call: &Call<'_>) {
        let wanted = self.after < self.options.neighbors && self.file.is_some();
        if wanted && serial(call) == self.file {
            self.after = self.after.saturating_add(1);
            self.show.neighbors.push(neighbor(call));
        }
    }

    fn found(&mut self, call: &Call<'_>) {
        let show = &mut self.show;
        show.take_call(call, self.options.bytes);
        for field in self.reader.fields() {
            let mut values = Vec::new();
            self.reader.values(call, field, &mut |value| {
                let value: String = visible(value).chars().take(LONGEST_VALUE).collect();
                if values.len() < MOST_VALUES && !values.contains(&value) {
                    values.push(value);
                }
            });
            show.values.extend(values.into_iter().map(|value| (field.to_string(), value)));
        }
        show.neighbors = self.recent.drain(..).collect();
        for (id, other) in call.state().tasks() {
            let Some(open) = other.open.as_deref().filter(|_| id != call.task().id()) else {
                continue;
            };
            let name =
                open.row.map_or_else(|| format!("{:#x}", open.call.nr), |row| row.name.into());
            show.elsewhere.push(Neighbor { event: open.number, tid: other.tid, call: name });
        }
        show.elsewhere.sort_by_key(|other| other.event);
    }
}

/// The most values of a field that are shown, and the most characters of each.
const MOST_VALUES: usize = 20;
const LONGEST_VALUE: usize = 200;

/// Finds the file of a call.
struct Finding {
    event: u64,
    file: Option<u64>,
}

impl Looker for Finding {
    fn item(&mut self, item: &Item<'_>, _selected: bool) {
        if let Item::Call(call) = item
            && [Some(call.number()), call.exit_number()].contains(&Some(self.event))
        {
            self.file = serial(call);
        }
    }
}

/// Returns the file of the first descriptor of a call.
fn serial(call: &Call<'_>) -> Option<u64> {
    call.fd_args().find_map(|(_, file)| file).map(|file| file.serial)
}

fn neighbor(call: &Call<'_>) -> Neighbor {
    let text = visible(&call.to_string()).into_owned();
    Neighbor { event: call.number(), tid: call.task().tid(), call: text }
}
