//! What an item says of itself.

use std::time::{Duration, UNIX_EPOCH};

use sysreel_inspect::LogFile;
use sysreel_inspect::calls::{Call, Item, Time};
use sysreel_inspect::format::{Body, Direction, Event, Part, Stop};
use sysreel_inspect::visible::{visible, visible_bytes};

use super::kernel_struct;
use super::{ArgShown, CallShown, NameShown, RegionShown, Show};
use crate::sockets::address;

impl Show {
    /// Shows an item as far as it says everything itself: without the lines of `print`, the values
    /// for filters, and other calls. `bytes`: the most of each region.
    #[must_use]
    pub fn of(item: &Item<'_>, file: &LogFile, bytes: usize) -> Self {
        let mut show = Self::default();
        let start = file.log().meta().monotonic_ns;
        if let Some(event) = item.event() {
            show.event = event.number;
            show.take_event(&event, start);
        }
        show.take_task(item);
        if let Item::Call(call) = item {
            show.take_call(call, bytes);
        }
        show.take_time(file, start);
        show
    }

    /// Takes the time of day, once the time since the start is known.
    pub(super) fn take_time(&mut self, file: &LogFile, start: u64) {
        let time = Time::from_nanos(self.since_start_ns.saturating_add(start));
        let unix = file.unix_time(time).duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        self.unix_ns = u64::try_from(unix.as_nanos()).unwrap_or(u64::MAX);
    }

    pub(super) fn take_event(&mut self, event: &Event<'_>, start: u64) {
        self.kind = Some(event.kind.to_string());
        self.source = event.source.to_string();
        self.since_start_ns = event.t_ns.saturating_sub(start);
        if let Ok(Body::Stop(stop)) = event.decode() {
            self.wait_status = Some(stop.wait_status);
            self.fields = kernel_struct::fields(stop.layout, stop.info);
            self.names = names(&stop);
        }
    }

    pub(super) fn take_task(&mut self, item: &Item<'_>) {
        let task = match item {
            Item::Call(call) => call.task(),
            Item::Signal(at) => at.task,
            Item::Stop(at) => at.task,
            Item::TaskStart(at) => at.task,
            Item::TaskEnd(at) => at.task,
            Item::Exec(exec) => exec.task,
            Item::ExitOnly(at) => at.task,
            _ => return,
        };
        (self.pid, self.tid) = (task.tgid(), task.tid());
        self.exe = task.program().map(visible_bytes);
    }

    pub(super) fn take_call(&mut self, call: &Call<'_>, bytes: usize) {
        let task = call.task();
        (self.pid, self.tid) = (task.tgid(), task.tid());
        self.exe = task.program().map(visible_bytes);
        let took = call.duration().and_then(|took| u64::try_from(took.as_nanos()).ok());
        let row = call.row().map_or(&[][..], |row| row.args);
        self.call = Some(CallShown {
            text: visible(&call.to_string()).into_owned(),
            entry: call.number(),
            exit: call.exit_number(),
            duration_ns: took,
            args: call
                .args()
                .iter()
                .map(|arg| ArgShown {
                    name: arg.name().to_owned(),
                    raw: arg.raw(),
                    text: visible(&arg.text()).into_owned(),
                })
                .collect(),
        });
        self.regions = call
            .regions()
            .map(|region| RegionShown {
                arg: region.arg().and_then(|at| row.get(at)).map_or("", |arg| arg.name).to_owned(),
                direction: if region.direction() == Direction::IN { "in" } else { "out" }
                    .to_owned(),
                depth: region.depth(),
                index: region.index(),
                address: region.address(),
                asked: region.asked(),
                got: region.got(),
                errno: region.errno().map(|errno| errno.to_string()),
                hex: region.first(bytes).map(|bytes| data_encoding::HEXLOWER.encode(&bytes)),
            })
            .collect();
    }
}

fn names(stop: &Stop<'_>) -> Vec<NameShown> {
    let names = stop.parts.flatten().filter_map(|part| match part {
        Part::Name(name) => Some(name),
        _ => None,
    });
    names
        .map(|name| NameShown {
            fd: name.fd,
            link: visible_bytes(name.link),
            mode: name.mode,
            id: (name.dev, name.ino),
            local: address(name.local),
            peer: address(name.peer),
        })
        .collect()
}
