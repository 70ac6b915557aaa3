//! Nodes: the programs that the processes of a log ran, one after another, and who started whom.

mod node;

use std::collections::{HashMap, VecDeque};

use foldhash::fast::RandomState;
use sysreel_inspect::calls::{At, End, Exec, Item, Task, Time};
use sysreel_inspect::format::{Gone, Origin, TaskHead, TaskId};

use crate::bounded::MAX_ENTRIES;
use crate::pool::Pool;

pub use node::{Ended, Node, Place, Program};

/// The most ended tasks that are remembered: a child can appear in the log after its maker ended.
const MAX_ENDED: usize = 4096;

/// What an item changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A process began, with this node.
    Started(u32),
    /// A process went on with another program: the node before, if it had room, and the new one.
    Executed(u32, u32),
    /// The program of a node was found, at attach.
    Found(u32),
}

/// Follows the nodes of a log.
#[derive(Debug, Default)]
pub struct Nodes {
    /// The nodes, in the order of their beginning.
    pub list: Vec<Node>,
    processes: Vec<Process>,
    tasks: HashMap<TaskId, Living, RandomState>,
    /// The latest process with each pid.
    pids: HashMap<u32, u32, RandomState>,
    ended: VecDeque<TaskId>,
    /// Whether threads have nodes too.
    with_threads: bool,
    /// The number of nodes that had no room.
    left_out: u64,
}

/// A process.
#[derive(Clone, Copy, Debug)]
struct Process {
    /// Its latest node.
    node: u32,
    /// The number of its tasks that live.
    living: u32,
    /// Its CPU time so far, of ended tasks.
    cpu: (u64, u64),
    has_ended: bool,
}

/// A task.
#[derive(Clone, Copy, Debug)]
struct Living {
    process: u32,
    /// Its own node, if it is a thread and threads have some.
    thread: Option<u32>,
}

impl Nodes {
    /// Creates nodes of an empty log. `with_threads`: whether threads have nodes too.
    #[must_use]
    pub fn new(with_threads: bool) -> Self {
        Self { with_threads, ..Self::default() }
    }

    /// Returns how many nodes had no room.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Returns the current node of a task's process. A task whose beginning is missing in the log
    /// gets one.
    pub fn of(&mut self, task: Task<'_>, at: Place) -> Option<u32> {
        if task.id() == TaskId::NONE {
            return None;
        }
        let has_room = self.tasks.len() < MAX_ENTRIES && self.list.len() < MAX_ENTRIES;
        if has_room && !self.tasks.contains_key(&task.id()) {
            let (tid, tgid) = (task.tid(), task.tgid());
            let head = TaskHead { tid, tgid, parent: TaskId::NONE, origin: Origin::UNKNOWN };
            self.start(task.id(), head, at);
        }
        let living = self.tasks.get(&task.id())?;
        Some(self.process(living.process)?.node)
    }

    /// Returns the node of a task that is a thread, if threads have nodes.
    #[must_use]
    pub fn of_thread(&self, task: TaskId) -> Option<u32> {
        self.tasks.get(&task)?.thread
    }

    /// Returns a node.
    #[must_use]
    pub fn get(&self, node: u32) -> Option<&Node> {
        self.list.get(usize::try_from(node).ok()?)
    }

    fn get_mut(&mut self, node: u32) -> Option<&mut Node> {
        self.list.get_mut(usize::try_from(node).ok()?)
    }

    fn process(&self, at: u32) -> Option<&Process> {
        self.processes.get(usize::try_from(at).ok()?)
    }

    fn process_mut(&mut self, at: u32) -> Option<&mut Process> {
        self.processes.get_mut(usize::try_from(at).ok()?)
    }

    /// Takes note of an item. Every item must be noted, in order.
    pub fn note(&mut self, item: &Item<'_>, pool: &mut Pool) -> Option<Change> {
        match item {
            Item::TaskStart(at) => self.start(at.task.id(), at.what, Place::of(&at.event)),
            Item::Exec(exec) => self.exec(exec, pool),
            Item::TaskEnd(at) => {
                self.end(at);
                None
            }
            _ => None,
        }
    }

    fn start(&mut self, id: TaskId, head: TaskHead, at: Place) -> Option<Change> {
        let maker = self.tasks.get(&head.parent).copied();
        let is_thread = head.origin == Origin::THREAD || head.tid != head.tgid;
        let own = match maker.filter(|_| head.origin == Origin::THREAD) {
            Some(maker) => Some(maker.process),
            None => self.pids.get(&head.tgid).copied().filter(|_| is_thread || head.tgid == 0),
        };
        let own = own.filter(|own| self.process(*own).is_some_and(|own| !own.has_ended));
        if self.tasks.len() >= MAX_ENTRIES + MAX_ENDED {
            self.left_out = self.left_out.saturating_add(1);
            return None;
        }
        if let Some(process) = own {
            self.add_thread(id, (process, head), at);
            return None;
        }
        let parent = maker.and_then(|maker| Some(self.process(maker.process)?.node));
        // A new process goes on with the program of its maker.
        let of_parent = parent.and_then(|parent| self.get(parent)).map(|node| &node.program);
        let program = of_parent.map(|program| Program { is_own: false, ..program.clone() });
        let node = self.add(Node {
            parent,
            pid: head.tgid,
            threads: 1,
            origin: head.origin,
            program: program.unwrap_or_default(),
            ..Node::new(at)
        })?;
        let number = u32::try_from(self.processes.len()).ok()?;
        self.processes.push(Process { node, living: 1, cpu: (0, 0), has_ended: false });
        self.pids.insert(head.tgid, number);
        self.tasks.insert(id, Living { process: number, thread: None });
        Some(Change::Started(node))
    }

    fn add_thread(&mut self, id: TaskId, (number, head): (u32, TaskHead), at: Place) {
        let Some(process) = self.process_mut(number) else { return };
        process.living = process.living.saturating_add(1);
        let parent = process.node;
        let Some(node) = self.get_mut(parent) else { return };
        node.threads = node.threads.saturating_add(1);
        let of_thread = Node {
            parent: Some(parent),
            pid: node.pid,
            tid: Some(head.tid),
            exec: node.exec,
            origin: head.origin,
            program: node.program.clone(),
            threads: 1,
            ..Node::new(at)
        };
        let thread = if self.with_threads { self.add(of_thread) } else { None };
        self.tasks.insert(id, Living { process: number, thread });
    }

    fn add(&mut self, node: Node) -> Option<u32> {
        if self.list.len() >= MAX_ENTRIES {
            self.left_out = self.left_out.saturating_add(1);
            return None;
        }
        let number = u32::try_from(self.list.len()).ok()?;
        self.list.push(node);
        Some(number)
    }

    fn exec(&mut self, exec: &Exec<'_>, pool: &mut Pool) -> Option<Change> {
        let at = Place::of(&exec.event);
        let before = self.of(exec.task, at)?;
        let number = self.tasks.get(&exec.task.id())?.process;
        let exe = pool.keep(&exec.found.exe);
        let argv = pool.keep_all(exec.found.arguments());
        let old = self.get_mut(before)?;
        if exec.call().is_none() {
            let is_same = old.program.exe == exe && old.program.argv == argv;
            if !old.program.is_own || is_same {
                (old.program.exe, old.program.argv) = (exe, argv);
                // The program of an attached process is its own.
                old.program.is_own = true;
                return Some(Change::Found(before));
            }
        }
        old.end = Some((at, Ended::Exec));
        let new = Node {
            parent: Some(before),
            pid: exec.task.tgid(),
            exec: old.exec.saturating_add(1),
            origin: old.origin,
            is_exec: true,
            program: Program { exe, argv, is_own: true },
            threads: 1,
            ..Node::new(at)
        };
        let new = self.add(new)?;
        self.process_mut(number)?.node = new;
        if let Some(living) = self.tasks.get_mut(&exec.task.id()) {
            // It is the leader now.
            living.thread = None;
        }
        Some(Change::Executed(before, new))
    }

    fn end(&mut self, at: &At<'_, Gone>) {
        let place = Place::of(&at.event);
        if self.of(at.task, place).is_none() {
            return;
        }
        let id = at.task.id();
        let Some(living) = self.tasks.get(&id).copied() else { return };
        let ended = Ended::Ended(at.end());
        let used = (at.what.utime_ns, at.what.stime_ns);
        if let Some(thread) = living.thread.and_then(|thread| self.get_mut(thread)) {
            (thread.end, thread.cpu) = (Some((place, ended)), known(used));
        }
        let leads = at.task.tid() == at.task.tgid() && at.end() != End::Superseded;
        let Some(process) = self.process_mut(living.process) else { return };
        process.living = process.living.saturating_sub(1);
        process.cpu.0 = process.cpu.0.saturating_add(used.0);
        process.cpu.1 = process.cpu.1.saturating_add(used.1);
        let (node, cpu, is_last) = (process.node, process.cpu, process.living == 0);
        process.has_ended |= is_last;
        if let Some(node) = self.get_mut(node)
            && (leads || is_last)
        {
            node.cpu = known(cpu);
            if leads || node.end.is_none() {
                node.end = Some((place, ended));
            }
        }
        self.ended.push_back(id);
        if self.ended.len() > MAX_ENDED
            && let Some(oldest) = self.ended.pop_front()
        {
            self.tasks.remove(&oldest);
        }
    }
}

/// Returns the CPU time of a task or process. It is unknown where the kernel counts in ticks and
/// none fell into it: nothing ends without having run.
fn known(used: (u64, u64)) -> Option<(u64, u64)> {
    (used != (0, 0)).then_some(used)
}

/// Returns the nanoseconds from one time to a later one.
pub(crate) fn nanoseconds(from_ns: u64, to_ns: u64) -> u64 {
    let took = Time::from_nanos(to_ns).since(Time::from_nanos(from_ns));
    u64::try_from(took.as_nanos()).unwrap_or(u64::MAX)
}
