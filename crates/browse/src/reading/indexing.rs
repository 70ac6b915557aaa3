//! Makes the index: reads the log once, from its beginning.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;
use sysreel_inspect::abi::{CallKind, Makes};
use sysreel_inspect::calls::{Call, Growing, Item, Lost, Visitor};
use sysreel_inspect::format::{Event, TaskId};
use sysreel_inspect::print::Lined;
use sysreel_inspect::state::{FileName, OpenFile};
use sysreel_inspect::{Error, Findings, Follow, LogFile, open};
use sysreel_views::Pool;
use sysreel_views::nodes::{Change, Nodes, Place};

use super::nodes::shown;
use super::read;
use crate::index::{Index, Node, Object, Reading};
use crate::message::{Message, Shared, Stop};
use crate::row::{NEVER, Outcome, Row};

/// How many rows are passed on at once at most, and at first.
const MOST: usize = 1 << 14;
const FIRST: usize = 1 << 8;
/// How long rows are kept back at most, and how often the time is asked.
const PATIENCE: Duration = Duration::from_millis(50);
const OFTEN: u64 = 1 << 9;
/// The most names of calls, and bytes of names of files: a hostile log may have any number.
const MOST_NAMES: usize = 60_000;
const ROOM: usize = 32 << 20;

/// Reads a log and makes its index.
pub(crate) fn index(path: PathBuf, follow: bool, shared: Shared, stop: Stop) {
    let mut made = make(&path, follow, &shared, &stop);
    // While a log grows, holes grow too, and rows that were shown from its tail may be in one. So
    // it is read anew when it has ended.
    let has_holes = |made: &Result<Findings, Error>| made.as_ref().is_ok_and(|made| made.holes > 0);
    if follow && has_holes(&made) && !stop.is_stopped() {
        shared.change(|index| *index = Index::new(false));
        shared.tell(Message::Restarted);
        made = make(&path, false, &shared, &stop);
    }
    let reading = match made {
        Ok(findings) if findings.is_whole() => Reading::Done(String::new()),
        Ok(findings) => Reading::Done(findings.to_string()),
        Err(error) => Reading::Failed(error.to_string()),
    };
    shared.change(|index| (index.reading, index.is_growing) = (reading, false));
    shared.tell(Message::Indexed);
}

/// Reads a log once.
fn make(path: &Path, follow: bool, shared: &Shared, stop: &Stop) -> Result<Findings, Error> {
    let file = open(path)?;
    let mut making = Making::new(&file, shared.clone(), stop.clone());
    drop(file);
    let mut growing = Growing::new(Follow { processes: true, ..Follow::default() });
    let pause = |making: &mut Making, goes_on: Option<(&Growing, &LogFile)>| {
        let open = goes_on.map(|(growing, file)| making.open(growing, file));
        making.flush(open.unwrap_or_default());
    };
    read(path, follow, &mut growing, (&mut making, stop), pause)
}

/// A task that has come to a node at an event.
#[derive(Clone, Copy, Debug)]
struct Come {
    task: u32,
    tid: u32,
    pid: u32,
    event: u64,
    node: u32,
}

/// What was found since the last time that it was passed on.
#[derive(Debug, Default)]
struct Batch {
    rows: Vec<Row>,
    names: Vec<String>,
    tasks: Vec<Come>,
    objects: Vec<(u32, Object)>,
    /// Objects that have another name from an event on.
    renamed: Vec<(u32, u64, u32)>,
    files: Vec<Box<[u8]>>,
    /// Nodes that are new, or have changed.
    nodes: Vec<u32>,
}

struct Making {
    lined: Lined,
    nodes: Nodes,
    pool: Pool,
    names: HashMap<String, u16, RandomState>,
    files: HashMap<Box<[u8]>, u32, RandomState>,
    room: usize,
    /// The latest name of each object that is known.
    objects: Vec<Option<FileName>>,
    /// The latest node of each task.
    tasks: HashMap<u32, u32, RandomState>,
    /// Calls and failures of each node since the last time.
    counts: HashMap<u32, (u64, u64), RandomState>,
    batch: Batch,
    shared: Shared,
    stop: Stop,
    flushed: Instant,
    events: u64,
    flushes: usize,
}

impl Making {
    fn new(file: &LogFile, shared: Shared, stop: Stop) -> Self {
        let total = file.progress().events();
        shared.change(|index| {
            index.events.1 = total;
            index.start_ns = file.log().meta().monotonic_ns;
            index.is_growing = file.is_being_written();
            // The number 0 is no name.
            index.files.push(Box::default());
        });
        Self {
            lined: Lined::new(file),
            nodes: Nodes::new(false),
            pool: Pool::default(),
            names: HashMap::default(),
            files: HashMap::default(),
            room: ROOM,
            objects: Vec::new(),
            tasks: HashMap::default(),
            counts: HashMap::default(),
            batch: Batch::default(),
            shared,
            stop,
            flushed: Instant::now(),
            events: 0,
            flushes: 0,
        }
    }

    fn name(&mut self, name: &str) -> u16 {
        if let Some(number) = self.names.get(name) {
            return *number;
        }
        let number = u16::try_from(self.names.len()).unwrap_or(u16::MAX);
        if self.names.len() >= MOST_NAMES {
            return u16::MAX;
        }
        self.names.insert(name.to_owned(), number);
        self.batch.names.push(name.to_owned());
        number
    }

    /// Takes note of the file that a call is about: of the first descriptor that it made, or else
    /// of the first among its arguments.
    fn object(&mut self, call: &Call<'_>) -> u32 {
        let Some(row) = call.row() else { return 0 };
        let makes = row.makes != Makes::None || row.kind == CallKind::Receive;
        let made = makes.then(|| call.made().find_map(|made| call.made_file(&made)));
        let file = made.flatten().or_else(|| call.fd_args().find_map(|(_, file)| file));
        let event = call.event().map_or(NEVER, |event| event.number);
        file.map_or(0, |file| self.known_object(&file, event))
    }

    fn known_object(&mut self, file: &OpenFile, event: u64) -> u32 {
        let Ok(number) = u32::try_from(file.serial) else { return 0 };
        let Ok(at) = usize::try_from(number) else { return 0 };
        if at >= self.objects.len() {
            self.objects.resize(at.saturating_add(1), None);
        }
        let name = file.name();
        let Some(known) = self.objects.get_mut(at) else { return 0 };
        let is_new = match known {
            Some(known) if is_same(known, &name) => return number,
            known => known.replace(name.clone()).is_none(),
        };
        let mut link = name.path.to_vec();
        if name.is_removed {
            link.extend_from_slice(b" (deleted)");
        }
        let name = self.file(&link);
        match is_new {
            true => self.batch.objects.push((number, Object { name, event: file.event })),
            false => self.batch.renamed.push((number, event, name)),
        }
        number
    }

    fn file(&mut self, name: &[u8]) -> u32 {
        if name.is_empty() {
            return 0;
        }
        if let Some(number) = self.files.get(name) {
            return *number;
        }
        let Some(room) = self.room.checked_sub(name.len().saturating_add(64)) else { return 0 };
        self.room = room;
        let number = u32::try_from(self.files.len().saturating_add(1)).unwrap_or(0);
        self.files.insert(name.into(), number);
        self.batch.files.push(name.into());
        number
    }

    fn row(&mut self, item: &Item<'_>) {
        let Some(kind) = self.lined.line(item) else { return };
        let row = match item {
            Item::Call(call) => {
                let outcome = Outcome::of(call.ended());
                let last = call.event().map_or(NEVER, |event| event.number);
                let name = self.name(&call.name());
                let id = call.task().id();
                let mut row = Row::new((call.number(), last), id.0, name, outcome);
                row.object = self.object(call);
                self.come(call, last);
                self.count(id.0, matches!(outcome, Outcome::Failed(_)));
                row
            }
            item => {
                let event = item.event();
                let (first, last) = match (event, item) {
                    (Some(event), _) => (event.number, event.number),
                    (None, Item::Lost(Lost::Hole(hole))) => {
                        let after = hole.count.and_then(|count| hole.first.checked_add(count));
                        (hole.first, after.map_or(NEVER, |after| after.saturating_sub(1)))
                    }
                    (None, _) => (0, 0),
                };
                let task = event.map_or(TaskId::NONE, |event| event.task).0;
                Row::new((first, last), task, u16::MAX, Outcome::Item(kind))
            }
        };
        self.batch.rows.push(row);
    }

    /// Returns the rows of the calls that go on, in the order in which they began.
    fn open(&mut self, growing: &Growing, file: &LogFile) -> Vec<Row> {
        let mut open = Vec::new();
        growing.open_calls(file, |item| {
            if let Item::Call(call) = item {
                let name = self.name(&call.name());
                let (first, outcome) = (call.number(), Outcome::of(call.ended()));
                let mut row = Row::new((first, NEVER), call.task().id().0, name, outcome);
                row.object = self.object(call);
                open.push(row);
            }
        });
        open.sort_unstable_by_key(Row::first);
        open
    }

    /// Takes note of the node in which a task ends a call.
    fn come(&mut self, call: &Call<'_>, last: u64) {
        let task = call.task();
        let place = call.event().map(|event| Place::of(&event));
        let place = place.unwrap_or(Place { event: last, t_ns: 0 });
        let before = self.nodes.list.len();
        let Some(node) = self.nodes.of(task, place) else { return };
        if self.nodes.list.len() > before {
            self.batch.nodes.push(node);
        }
        if self.tasks.insert(task.id().0, node) != Some(node) {
            let (tid, pid) = (task.tid(), task.tgid());
            self.batch.tasks.push(Come { task: task.id().0, tid, pid, event: last, node });
        }
    }

    fn count(&mut self, task: u32, is_error: bool) {
        let Some(node) = self.tasks.get(&task) else { return };
        let (calls, failed) = self.counts.entry(*node).or_default();
        *calls = calls.saturating_add(1);
        *failed = failed.saturating_add(is_error.into());
    }

    fn change(&mut self, item: &Item<'_>) {
        match self.nodes.note(item, &mut self.pool) {
            Some(Change::Started(node) | Change::Found(node)) => self.batch.nodes.push(node),
            Some(Change::Executed(old, new)) => self.batch.nodes.extend([old, new]),
            None => {}
        }
        if let Item::TaskStart(at) = item
            && let Some(node) = self.nodes.of(at.task, Place::of(&at.event))
        {
            let (task, event) = (at.task.id().0, at.event.number);
            self.tasks.insert(task, node);
            self.batch.tasks.push(Come { task, tid: at.what.tid, pid: at.what.tgid, event, node });
        }
        if let Item::TaskEnd(at) = item
            && let Some(node) = self.tasks.remove(&at.task.id().0)
        {
            self.batch.nodes.push(node);
        }
    }

    /// Passes on what was found. `open`: the calls that go on.
    fn flush(&mut self, open: Vec<Row>) {
        let batch = std::mem::take(&mut self.batch);
        let Batch { rows, names, tasks, objects, renamed, files, nodes } = batch;
        let nodes: Vec<_> = nodes
            .into_iter()
            .filter_map(|number| Some((number, shown(self.nodes.get(number)?))))
            .collect();
        let counts = std::mem::take(&mut self.counts);
        let events = self.events;
        self.shared.change(|index| {
            index.names.extend(names);
            index.files.extend(files);
            for come in tasks {
                let known = index.tasks.entry(come.task).or_default();
                (known.tid, known.pid) = (come.tid, come.pid);
                known.nodes.push((come.event, come.node));
            }
            objects.into_iter().for_each(|(number, object)| index.set_object(number, object));
            for (number, event, name) in renamed {
                index.renamed.entry(number).or_default().push((event, name));
            }
            for (number, node) in nodes {
                let at = usize::try_from(number).unwrap_or(usize::MAX);
                if at >= index.nodes.len() {
                    index.nodes.resize_with(at.saturating_add(1), Node::default);
                }
                if let Some(known) = index.nodes.get_mut(at) {
                    let Node { calls, failed, .. } = *known;
                    *known = Node { calls, failed, ..node };
                }
            }
            for (node, (calls, failed)) in counts {
                let at = usize::try_from(node).unwrap_or(usize::MAX);
                if let Some(node) = index.nodes.get_mut(at) {
                    node.calls = node.calls.saturating_add(calls);
                    node.failed = node.failed.saturating_add(failed);
                }
            }
            rows.into_iter().for_each(|row| index.push(row));
            index.open = open;
            index.events.0 = events;
        });
        self.flushed = Instant::now();
        self.flushes = self.flushes.saturating_add(1);
        if !self.shared.tell(Message::Indexed) {
            self.stop.stop();
        }
    }
}

/// Whether two names are the same. Most often they are in the same memory.
fn is_same(one: &FileName, other: &FileName) -> bool {
    one.is_removed == other.is_removed
        && (Rc::ptr_eq(&one.path, &other.path) || one.path == other.path)
}

impl Visitor for Making {
    fn event(&mut self, event: &Event<'_>) {
        self.events = event.number.saturating_add(1);
        // The first rows are shown at once.
        let most = if self.flushes == 0 { FIRST } else { MOST };
        let is_late = || self.flushed.elapsed() > PATIENCE;
        if self.batch.rows.len() >= most || self.events.is_multiple_of(OFTEN) && is_late() {
            self.flush(Vec::new());
        }
    }

    fn item(&mut self, item: &Item<'_>, _in_range: bool) {
        if !matches!(item, Item::Call(_)) {
            self.change(item);
        }
        self.row(item);
    }

    fn is_over(&self) -> bool {
        self.stop.is_stopped()
    }
}
