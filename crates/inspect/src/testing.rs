//! Hand-written logs for tests.

use std::collections::HashMap;
use std::ops::ControlFlow;

use sysreel_abi::{Abi, AuditArch, number};
use sysreel_format::{
    Completeness, Data, Direction, Event, EventBuf, EventKind, Gone, GoneHow, Item, Layout, Origin,
    RegionFlags, RegionHead, Role, SourceId, StopHead, TaskHead, TaskId,
};

use crate::calls::{self, Driver, Walk};
use crate::print::{EventPrinter, Options};
use crate::raw;
use crate::regions::Buffers;
use crate::state::{Follow, Tracker};
use crate::{Error, Findings};
use sysreel_format::BlobNumber;
use sysreel_format::syscall_info::{self, Call, Op, Outcome};

/// A region at a stop: argument, role, index, bytes. As many bytes were asked for as there are.
pub(crate) type Bytes<'a> = (u8, u8, u32, &'a [u8]);

/// Builds a log event by event, as a recorder would write it.
#[derive(Default)]
pub(crate) struct LogBuilder {
    pub(crate) rows: Vec<Vec<u8>>,
    pub(crate) blobs: HashMap<u64, Vec<u8>>,
    pub(crate) completeness: Completeness,
    buf: EventBuf,
    t_ns: u64,
}

impl Buffers for HashMap<u64, Vec<u8>> {
    fn blob(&self, number: BlobNumber, limit: usize, out: &mut Vec<u8>) -> Option<usize> {
        let bytes = self.get(&number.0)?;
        out.extend_from_slice(bytes.get(..limit).unwrap_or(bytes));
        Some(bytes.len())
    }
}

/// Returns the `ptrace_syscall_info` of an entry stop.
pub(crate) fn entry_info(arch: AuditArch, nr: u64, args: [u64; 6]) -> Vec<u8> {
    syscall_info::entry(arch.0, 0x7fff_1000, 0x7fff_2000, &Call { nr, args }).to_vec()
}

/// Returns the `ptrace_syscall_info` of an exit stop.
pub(crate) fn exit_info(arch: AuditArch, rval: i64, is_error: u8) -> Vec<u8> {
    let outcome = Outcome { rval, is_error };
    syscall_info::exit(arch.0, 0x7fff_1000, 0x7fff_2000, outcome).to_vec()
}

/// Returns the `ptrace_syscall_info` of a stop that is not a syscall stop.
pub(crate) fn no_info() -> Vec<u8> {
    let mut info = vec![Op::NONE.0, 0, 0, 0];
    info.extend_from_slice(&AuditArch::X86_64.0.to_le_bytes());
    info.extend_from_slice(&[0; 16]);
    info
}

impl LogBuilder {
    /// Creates a log with one running task, 0.
    pub(crate) fn new() -> Self {
        let mut log = Self::default();
        log.task(0, 100, 100, Origin::ATTACHED, TaskId::NONE);
        log
    }

    fn begin(&mut self, kind: EventKind, task: u32) {
        self.t_ns += 1_000_000;
        self.buf.begin(kind, SourceId::KERNEL, TaskId(task), self.t_ns);
    }

    /// Adds an event whose body the caller writes.
    pub(crate) fn event(
        &mut self,
        kind: EventKind,
        task: u32,
        write: impl FnOnce(&mut EventBuf),
    ) -> &mut Self {
        self.begin(kind, task);
        write(&mut self.buf);
        self.rows.push(self.buf.finish().to_vec());
        self
    }

    pub(crate) fn task(
        &mut self,
        task: u32,
        tid: u32,
        tgid: u32,
        origin: Origin,
        parent: TaskId,
    ) -> &mut Self {
        self.event(EventKind::TASK, task, |buf| {
            buf.task_head(&TaskHead { tid, tgid, parent, origin })
        })
    }

    /// Adds a stop with this `ptrace_syscall_info`.
    pub(crate) fn stop(
        &mut self,
        task: u32,
        status: u32,
        info: &[u8],
        write: impl FnOnce(&mut EventBuf),
    ) -> &mut Self {
        let info_ret = i32::try_from(info.len()).unwrap();
        self.event(EventKind::STOP, task, |buf| {
            buf.stop_head(&StopHead {
                wait_status: status,
                info_ret,
                layout: Layout::MERGED,
                info,
            });
            write(buf);
        })
    }

    pub(crate) fn entry(
        &mut self,
        task: u32,
        abi: Abi,
        name: &str,
        args: [u64; 6],
        memory: &[Bytes<'_>],
    ) -> &mut Self {
        let nr = number::number(abi, name).unwrap_or_else(|| panic!("{abi} has no {name}"));
        let info = entry_info(abi.arch(), nr, args);
        self.stop(task, 0x857f, &info, |buf| regions(buf, Direction::IN, &args, memory))
    }

    pub(crate) fn exit(
        &mut self,
        task: u32,
        abi: Abi,
        rval: i64,
        memory: &[Bytes<'_>],
    ) -> &mut Self {
        let failed = (-4095..0).contains(&rval);
        let info = exit_info(abi.arch(), rval, failed.into());
        self.stop(task, 0x857f, &info, |buf| regions(buf, Direction::OUT, &[0x1000; 6], memory))
    }

    /// Adds entry and exit of an x86-64 call of task 0.
    pub(crate) fn call(
        &mut self,
        name: &str,
        args: [u64; 6],
        before: &[Bytes<'_>],
        rval: i64,
        after: &[Bytes<'_>],
    ) -> &mut Self {
        self.entry(0, Abi::X86_64, name, args, before).exit(0, Abi::X86_64, rval, after)
    }

    pub(crate) fn gone(&mut self, task: u32, wait_status: u32, how: GoneHow) -> &mut Self {
        let gone = Gone { wait_status, how, utime_ns: 0, stime_ns: 0, maxrss_kib: 0 };
        self.event(EventKind::GONE, task, |buf| buf.gone(&gone))
    }

    /// Prints the log like strace.
    pub(crate) fn text(&self, options: &Options) -> String {
        self.printed(options).0
    }

    /// Calls `each` for every event.
    pub(crate) fn each(&self, mut each: impl FnMut(&Item<'_>)) {
        for (number, row) in (0..).zip(&self.rows) {
            each(&Item::Event(Event::from_row(number, row).unwrap()));
        }
    }

    pub(crate) fn printed(&self, options: &Options) -> (String, Findings) {
        let mut out = Vec::new();
        let mut printer = EventPrinter::new(options, false);
        let mut findings = Findings::default();
        self.each(|item| {
            findings.item(item);
            printer.item(item, &self.blobs);
            printer.printer.flush(&mut out).unwrap();
        });
        findings.lost_buffers = printer.printer.finish(&mut out).unwrap();
        (String::from_utf8(out).unwrap(), findings)
    }

    /// Prints the log as lines of JSON.
    pub(crate) fn json(&self) -> String {
        let mut json = raw::Json::default();
        self.each(|item| raw::write_item(&mut json, item, &self.blobs, &mut 0));
        json.text
    }
}

fn regions(buf: &mut EventBuf, dir: Direction, args: &[u64; 6], memory: &[Bytes<'_>]) {
    for &(arg, role, index, bytes) in memory {
        let (asked, got) = (bytes.len() as u64, bytes.len() as u64);
        let address = args.get(usize::from(arg)).copied().unwrap_or(0);
        let head = RegionHead {
            arg,
            dir,
            role: Role(role),
            flags: RegionFlags::default(),
            index,
            address,
            asked,
            got,
            errno: 0,
        };
        buf.region(&head, Data::Inline(bytes));
    }
}

/// Passes the items of a log on, as reading a file does.
pub(crate) fn walk(log: &LogBuilder, follow: Follow, to: &mut dyn Walk) -> Driver {
    let mut driver = Driver::new(follow, true);
    driver.set_completeness(log.completeness);
    log.each(|item| {
        driver.feed(item, &log.blobs, |item| to.item(item, true).map(drop)).unwrap();
    });
    driver.feed_end(&log.blobs, |item| to.item(item, true).map(drop)).unwrap();
    driver
}

/// Returns the state after the events of a log.
pub(crate) fn state_after(log: &LogBuilder, follow: Follow) -> Tracker {
    walk(log, follow, &mut Ignored).into_state()
}

struct Ignored;

impl Walk for Ignored {
    fn item(&mut self, _: calls::Item<'_>, _: bool) -> Result<ControlFlow<()>, Error> {
        Ok(ControlFlow::Continue(()))
    }
}
