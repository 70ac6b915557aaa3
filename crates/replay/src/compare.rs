//! Do two recordings of one program ask the kernel for the same?
//!
//! Each task's calls are compared with those of the same task of the other recording, one after another, as a replay compares: the entry struct
//! and the memory that goes in. What comes back may differ; it shows when the program acts on it.

use crate::calls::compare_structs;
use crate::divergence::{Divergence, Field};
use crate::error::Error;
use crate::stops::hex;
use std::collections::{HashMap, HashSet, VecDeque};
use sysreel_format::{Body, Direction, Event, Events, Item, Log, Part, ReadAt, Stop};
use sysreel_sys::info::Op;
use sysreel_sys::{Event as PtraceEvent, WaitStatus};

/// One call of a task, or its end.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Entry { event: u64, info: Vec<u8>, regions: Vec<Incoming> },
    End { event: u64, status: u32 },
}

/// Memory that goes into a call.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Incoming {
    argument: u8,
    address: u64,
    bytes: Vec<u8>,
}

/// Reads a recording step by step, each task apart.
struct Reader<'l, S> {
    log: &'l Log<S>,
    events: Events<'l, S>,
    /// Steps that were read before they were asked for, by task.
    ahead: HashMap<u32, VecDeque<Step>>,
    /// Tasks whose program has begun: what the recorder itself does before lies elsewhere in memory every time.
    begun: HashSet<u32>,
}

/// The first step of `a` that `b` does not have, or has otherwise. Nothing when both are the same to their ends.
///
/// # Errors
/// When a log cannot be read.
pub fn compare<A: ReadAt, B: ReadAt>(a: &Log<A>, b: &Log<B>) -> Result<Option<Divergence>, Error> {
    let (mut a, mut b) = (Reader::new(a), Reader::new(b));
    while let Some((task, step)) = a.next()? {
        let Some(other) = b.next_of(task)? else {
            return Ok(Some(difference(task, &step, Field::Stop, step.describe(), "nothing more".into())));
        };
        if let Some((field, recorded, actual)) = step.differs(&other) {
            return Ok(Some(difference(task, &step, field, recorded, actual)));
        }
    }
    match b.next()? {
        None => Ok(None),
        Some((task, more)) => {
            Ok(Some(difference(task, &more, Field::Stop, "nothing more".into(), more.describe())))
        }
    }
}

fn difference(task: u32, step: &Step, field: Field, recorded: String, actual: String) -> Divergence {
    let (event, ip) = match step {
        Step::Entry { event, info, .. } => {
            let ip = info.get(8..16).and_then(|bytes| bytes.first_chunk());
            (*event, ip.map_or(0, |bytes| u64::from_le_bytes(*bytes)))
        }
        Step::End { event, .. } => (*event, 0),
    };
    Divergence { event, task, field, recorded, actual, ip, likely: Vec::new() }
}

impl Step {
    fn describe(&self) -> String {
        match self {
            Step::Entry { info, .. } => crate::calls::describe_entry(info),
            Step::End { status, .. } => format!("the end of the task (wait status {status:#x})"),
        }
    }

    /// The first thing that is different, here and there.
    fn differs(&self, other: &Step) -> Option<(Field, String, String)> {
        match (self, other) {
            (Step::End { status, .. }, Step::End { status: theirs, .. }) if status == theirs => None,
            (Step::Entry { info, regions, .. }, Step::Entry { info: theirs, regions: their_regions, .. }) => {
                // Registers that the call does not look at hold what the program did before.
                let counts = |field: Field| match field {
                    Field::Argument(argument) => usize::from(argument) < crate::calls::arguments(info),
                    _ => true,
                };
                if let Some(found) = compare_structs(info, theirs, counts) {
                    return Some(found);
                }
                let different = regions.iter().zip(their_regions).find(|(ours, theirs)| ours != theirs);
                let (ours, theirs) = match different {
                    Some(found) => found,
                    None if regions.len() == their_regions.len() => return None,
                    None => return Some((Field::Op, self.describe(), other.describe())),
                };
                let same = ours.bytes.iter().zip(&theirs.bytes).take_while(|(a, b)| a == b).count();
                let field = Field::Buffer { argument: ours.argument, offset: same as u64 };
                Some((field, hex(&ours.bytes[same..]), hex(&theirs.bytes[same..])))
            }
            _ => Some((Field::Stop, self.describe(), other.describe())),
        }
    }
}

impl<'l, S: ReadAt> Reader<'l, S> {
    fn new(log: &'l Log<S>) -> Self {
        Reader { log, events: log.events(), ahead: HashMap::new(), begun: HashSet::new() }
    }

    /// The next step of any task.
    fn next(&mut self) -> Result<Option<(u32, Step)>, Error> {
        let waiting = self.ahead.iter_mut().filter_map(|(task, steps)| Some((*task, steps.pop_front()?)));
        if let Some(found) = waiting.min_by_key(|(task, _)| *task) {
            return Ok(Some(found));
        }
        self.read_on()
    }

    /// The next step of one task.
    fn next_of(&mut self, task: u32) -> Result<Option<Step>, Error> {
        if let Some(step) = self.ahead.get_mut(&task).and_then(VecDeque::pop_front) {
            return Ok(Some(step));
        }
        while let Some((of, step)) = self.read_on()? {
            if of == task {
                return Ok(Some(step));
            }
            self.ahead.entry(of).or_default().push_back(step);
        }
        Ok(None)
    }

    fn read_on(&mut self) -> Result<Option<(u32, Step)>, Error> {
        while let Some(item) = self.events.next()? {
            let event = match item {
                Item::Event(event) => event,
                Item::Missing(missing) => return Err(Error::NotReplayable(missing.to_string())),
            };
            let step = match event.decode()? {
                Body::Task(task) => {
                    if self.begun.contains(&task.head.parent.0) {
                        self.begun.insert(event.task.0);
                    }
                    None
                }
                Body::Stop(stop) => step(self.log, &mut self.begun, &event, &stop)?,
                Body::Gone(gone) => Some(Step::End { event: event.number, status: gone.wait_status }),
                _ => None,
            };
            if let Some(step) = step {
                return Ok(Some((event.task.0, step)));
            }
        }
        Ok(None)
    }
}

/// The step that a stop is, if it is one.
fn step<S: ReadAt>(
    log: &Log<S>,
    begun: &mut HashSet<u32>,
    event: &Event<'_>,
    stop: &Stop<'_>,
) -> Result<Option<Step>, Error> {
    let status = WaitStatus(stop.wait_status.cast_signed());
    if status.event() == PtraceEvent::EXEC {
        begun.insert(event.task.0);
    }
    let is_entry = status.is_syscall_stop() && stop.info.first() == Some(&Op::ENTRY.0);
    if !is_entry || !begun.contains(&event.task.0) {
        return Ok(None);
    }
    let mut regions = Vec::new();
    for part in stop.parts {
        if let Part::Region(region) = part?
            && region.head.dir == Direction::IN
        {
            let bytes = log.region_bytes(&region)?.into_owned();
            regions.push(Incoming { argument: region.head.arg, address: region.head.address, bytes });
        }
    }
    Ok(Some(Step::Entry { event: event.number, info: stop.info.to_vec(), regions }))
}
