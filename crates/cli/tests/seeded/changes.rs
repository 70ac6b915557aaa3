//! What calls did to memory, from a log that has each region before and after its call.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use sysreel_abi::seed::Fault;
use sysreel_abi::{Abi, AuditArch, CallKind};
use sysreel_format::{Body, Direction, Item, Part, RegionFlags, RegionHead, Stop, TaskId};
use sysreel_inspect::LogFile;
use sysreel_inspect::syscall_info::{self, What};

/// The argument of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Case {
    pub(crate) arch: AuditArch,
    pub(crate) call: &'static str,
    /// `None` where a finding names none: what an argument reaches through further pointers may lie
    /// anywhere.
    pub(crate) argument: Option<u8>,
}

/// A difference that an audit must find.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Due {
    pub(crate) case: Case,
    /// The memory is reached through a pointer in memory.
    behind: bool,
}

impl Due {
    /// Whether these findings name it.
    pub(crate) fn is_among(&self, blamed: &BTreeSet<Case>) -> bool {
        let unnamed = Case { argument: None, ..self.case };
        blamed.contains(&self.case) || self.behind && blamed.contains(&unnamed)
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arch = Abi::ALL.into_iter().find(|abi| abi.arch() == self.arch).map_or("?", Abi::name);
        let argument =
            self.argument.map_or_else(|| "?".to_owned(), |argument| argument.to_string());
        write!(f, "{arch} {}, argument {argument}", self.call)
    }
}

/// A call from its entry to its exit.
pub(crate) struct Call {
    pub(crate) arch: AuditArch,
    name: &'static str,
    kind: CallKind,
    task: TaskId,
    /// The event of its exit.
    pub(crate) exit: u64,
    failed: bool,
    went_in: Vec<Region>,
    came_out: Vec<Region>,
}

struct Region {
    head: RegionHead,
    bytes: Vec<u8>,
}

/// The name of the fault.
pub(crate) fn word(fault: Fault) -> &'static str {
    match fault {
        Fault::Incoming => "announced as going in",
        Fault::Shorter => "announced a byte too short",
        Fault::Longer => "announced a byte too long",
        Fault::NotOnSuccess => "announced for errors alone",
        Fault::NotOnError => "announced for success alone",
        Fault::Before => "right",
    }
}

/// Returns the differences that an audit must find with that fault. None after io_uring_setup,
/// because from then on the kernel may write at any time.
pub(crate) fn due(log: &LogFile, fault: Fault) -> BTreeSet<Due> {
    let mut calls = calls(log);
    let rings: HashMap<TaskId, u64> = calls
        .iter()
        .rev()
        .filter(|call| call.kind == CallKind::IoUringSetup && !call.failed)
        .map(|call| (call.task, call.exit))
        .collect();
    calls.retain(|call| rings.get(&call.task).is_none_or(|ring| call.exit <= *ring));
    let concerned = |call: &&Call| match fault {
        Fault::Longer | Fault::NotOnSuccess => !call.failed,
        Fault::NotOnError => call.failed,
        _ => true,
    };
    let of = |call: &Call| {
        call.came_out
            .iter()
            .filter(|after| call.shows(after, fault))
            .map(|after| call.due(after))
            .collect()
    };
    calls.iter().filter(concerned).flat_map(|call| -> Vec<Due> { of(call) }).collect()
}

impl Call {
    fn due(&self, region: &Region) -> Due {
        let case = Case { arch: self.arch, call: self.name, argument: Some(region.head.arg) };
        Due { case, behind: region.head.role.0 > 0 }
    }

    /// Whether an audit would notice this fault in the announcement.
    fn shows(&self, after: &Region, fault: Fault) -> bool {
        let RegionHead { address, asked, got, role, flags, .. } = after.head;
        let string = flags.contains(RegionFlags::STRING);
        if got != asked && !string {
            return false;
        }
        match fault {
            // The byte beyond the announcement must have changed; the end of a string is in its
            // contents.
            Fault::Shorter => !string && self.changed(after).last() == Some(&true),
            // Below 4 GiB these programs place their memory at the end of a page, with nothing
            // mapped after it.
            Fault::Longer => {
                !string
                    && role.0 == 0
                    && address < 1 << 32
                    && (address + asked).is_multiple_of(4096)
            }
            _ => self.changed(after).contains(&true),
        }
    }

    /// Returns which bytes changed during the call; empty if that is unknown.
    fn changed(&self, after: &Region) -> Vec<bool> {
        let holds = |region: &&Region| {
            region.head.address == after.head.address && region.bytes.len() >= after.bytes.len()
        };
        let before = self.went_in.iter().find(holds).map_or(&[][..], |region| &region.bytes);
        after.bytes.iter().zip(before).map(|(a, b)| a != b).collect()
    }
}

/// Returns all calls of a log that have a row and returned.
pub(crate) fn calls(log: &LogFile) -> Vec<Call> {
    let mut open: HashMap<TaskId, (AuditArch, u64, Vec<Region>)> = HashMap::new();
    let mut calls = Vec::new();
    let mut events = log.log().events();
    while let Some(item) = events.next().unwrap() {
        let Item::Event(event) = item else { panic!("{item:?}") };
        let Body::Stop(stop) = event.decode().unwrap() else { continue };
        let info = syscall_info::decode(stop.layout, stop.info);
        match info.what {
            What::Entry(call) => {
                let arch = AuditArch(info.arch.unwrap());
                open.insert(event.task, (arch, call.nr, regions(log, &stop, Direction::IN)));
            }
            What::Exit(outcome) => {
                let Some((arch, nr, went_in)) = open.remove(&event.task) else { continue };
                let Some(row) = sysreel_abi::row(arch, nr) else { continue };
                let came_out = regions(log, &stop, Direction::OUT);
                calls.push(Call {
                    arch,
                    name: row.name,
                    kind: row.kind,
                    task: event.task,
                    exit: event.number,
                    failed: outcome.failed(),
                    went_in,
                    came_out,
                });
            }
            _ => {}
        }
    }
    calls
}

fn regions(log: &LogFile, stop: &Stop<'_>, way: Direction) -> Vec<Region> {
    let mut regions = Vec::new();
    for part in stop.parts {
        let Part::Region(region) = part.unwrap() else { continue };
        if region.head.dir == way {
            let bytes = log.log().region_bytes(&region).unwrap().into_owned();
            regions.push(Region { head: region.head, bytes });
        }
    }
    regions
}
