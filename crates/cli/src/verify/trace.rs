//! What the tasks of a log ask of the kernel, in a form that is compared with another run's.

use foldhash::fast::FixedState;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hash, Hasher};
use std::ops::ControlFlow;
use sysreel_abi::{AuditArch, CallKind, intent, row};
use sysreel_format::{
    Body, Direction, Event, GoneHow, Item, Part, Region, RegionHead, Role, Stop, TaskId,
};
use sysreel_inspect::syscall_info::{self, What};
use sysreel_inspect::{Error, LogFile};

/// Where a task stands in the tree of tasks: of each maker the how-many-th task it made. The first
/// is `[]`. Unlike its ordinal it does not depend on who came first.
pub(super) type Place = Vec<u32>;

/// All tasks of a log.
#[derive(Debug, Default)]
pub(super) struct Trace {
    pub(super) tasks: BTreeMap<Place, Lane>,
    /// Calls whose entries are compared.
    pub(super) calls: u64,
    /// The last event.
    pub(super) last: u64,
}

/// One task.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) id: TaskId,
    pub(super) calls: Vec<Call>,
    /// The event of its end, and its wait status.
    pub(super) end: Option<(u64, u32)>,
    /// Its recording ended before it did, wherever it was.
    pub(super) let_go: bool,
    made: u32,
    /// It runs a program that begins the same in every run: not the recorder's own, which looks for
    /// it.
    has_image: bool,
    /// The call that it is in.
    kind: Option<CallKind>,
}

/// A call: where it is, and what is compared of it, as hashes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    pub(super) event: u64,
    /// The struct, and the memory that it reads.
    pub(super) asked: u64,
    /// The event of its exit; 0 when it has none.
    pub(super) exit: u64,
    /// The result, and the memory that it has written.
    pub(super) answered: u64,
}

impl Trace {
    /// Reads a log.
    pub(super) fn of(file: &LogFile) -> Result<Trace, Error> {
        let mut trace = Trace::default();
        let mut places: BTreeMap<TaskId, Place> = BTreeMap::new();
        file.walk(0, |item| {
            // What is missing was looked for before.
            let Item::Event(event) = item else { return Ok(ControlFlow::Continue(())) };
            trace
                .event(event, &mut places, file)
                .map_err(|source| Error::Log { path: file.path().to_path_buf(), source })?;
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(trace)
    }

    /// Is there no task at this place because one that would have made it was let go?
    pub(super) fn may_lack(&self, place: &Place) -> bool {
        (0..place.len()).any(|len| self.tasks.get(&place[..len]).is_some_and(|maker| maker.let_go))
    }

    fn event(
        &mut self,
        event: &Event<'_>,
        places: &mut BTreeMap<TaskId, Place>,
        file: &LogFile,
    ) -> Result<(), sysreel_format::Error> {
        self.last = event.number;
        match event.decode()? {
            Body::Task(task) => {
                let mut place = places.get(&task.head.parent).cloned().unwrap_or_default();
                let maker =
                    self.tasks.get_mut(&place).filter(|_| places.contains_key(&task.head.parent));
                let has_image = maker.as_ref().is_some_and(|maker| maker.has_image);
                if let Some(maker) = maker {
                    place.push(maker.made);
                    maker.made += 1;
                }
                places.insert(event.task, place.clone());
                let lane = Lane {
                    id: event.task,
                    calls: Vec::new(),
                    end: None,
                    let_go: false,
                    made: 0,
                    has_image,
                    kind: None,
                };
                self.tasks.insert(place, lane);
            }
            Body::Gone(gone) if gone.how == GoneHow::REAPED => {
                if let Some(lane) =
                    places.get(&event.task).and_then(|place| self.tasks.get_mut(place))
                {
                    lane.end = Some((event.number, gone.wait_status));
                }
            }
            Body::Gone(gone) if gone.how == GoneHow::DETACHED => {
                if let Some(lane) =
                    places.get(&event.task).and_then(|place| self.tasks.get_mut(place))
                {
                    lane.let_go = true;
                }
            }
            Body::Stop(stop) => {
                let Some(lane) =
                    places.get(&event.task).and_then(|place| self.tasks.get_mut(place))
                else {
                    return Ok(());
                };
                self.calls += u64::from(lane.stop(event, &stop, file)?);
            }
            _ => {}
        }
        Ok(())
    }
}

impl Lane {
    /// A stop of its own. Says whether it begins a call that is compared.
    fn stop(
        &mut self,
        event: &Event<'_>,
        stop: &Stop<'_>,
        file: &LogFile,
    ) -> Result<bool, sysreel_format::Error> {
        let info = syscall_info::decode(stop.layout, stop.info);
        match info.what {
            What::Entry(call) => {
                self.kind = row(AuditArch(info.arch.unwrap_or(0)), call.nr).map(|row| row.kind);
                if !self.has_image {
                    return Ok(false);
                }
                let asked = hash(&asked(stop), stop, Direction::IN, file)?;
                self.calls.push(Call { event: event.number, asked, exit: 0, answered: 0 });
                Ok(true)
            }
            What::Exit(outcome) => {
                let begins = self.kind.take() == Some(CallKind::Exec) && !outcome.failed();
                if let Some(call) = self.calls.last_mut().filter(|call| call.exit == 0) {
                    call.exit = event.number;
                    call.answered = hash(stop.info, stop, Direction::OUT, file)?;
                }
                self.has_image |= begins;
                Ok(false)
            }
            _ => Ok(false),
        }
    }
}

/// The struct of an entry without the registers that its call does not take: they hold what a
/// computation left there, by the time-stamp counter say. In a replay that is the same too; in
/// another run it is nothing that the program asks.
pub(super) fn asked(stop: &Stop<'_>) -> Vec<u8> {
    let mut bytes = stop.info.to_vec();
    let info = syscall_info::decode(stop.layout, stop.info);
    if let What::Entry(call) = info.what
        && let Some(row) = row(AuditArch(info.arch.unwrap_or(0)), call.nr)
    {
        let from = syscall_info::MERGED.args + size_of::<u64>() * row.args.len();
        let to = syscall_info::MERGED.args + size_of_val(&call.args);
        bytes[from..to].fill(0);
    }
    bytes
}

/// The struct of a stop and the memory of a call that goes one way.
fn hash(
    info: &[u8],
    stop: &Stop<'_>,
    dir: Direction,
    file: &LogFile,
) -> Result<u64, sysreel_format::Error> {
    let mut hasher = FixedState::default().build_hasher();
    info.hash(&mut hasher);
    for part in stop.parts {
        if let Part::Region(region) = part? {
            let RegionHead { arg, role, index, address, got, .. } = region.head;
            if region.head.dir == dir && arg != RegionHead::NO_ARGUMENT {
                (arg, role.0, index, address, got).hash(&mut hasher);
                let bytes = file.log().region_bytes(&region)?;
                bytes[..significant_len(stop, &region, &bytes)].hash(&mut hasher);
            }
        }
    }
    Ok(hasher.finish())
}

/// How much of a region the call looks at.
pub(super) fn significant_len(stop: &Stop<'_>, region: &Region<'_>, bytes: &[u8]) -> usize {
    let info = syscall_info::decode(stop.layout, stop.info);
    let What::Entry(call) = info.what else { return bytes.len() };
    let row = row(AuditArch(info.arch.unwrap_or(0)), call.nr);
    match row.and_then(|row| row.args.get(usize::from(region.head.arg))) {
        Some(arg) if region.head.role == Role::DIRECT => intent::significant_len(arg.kind, bytes),
        _ => bytes.len(),
    }
}
