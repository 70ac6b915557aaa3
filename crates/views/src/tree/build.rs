//! Collects the nodes of a log.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use sysreel_inspect::LogFile;
use sysreel_inspect::abi::signal_name;
use sysreel_inspect::calls::{self, Call, Item};
use sysreel_inspect::format::Origin;

use super::env::EnvChanges;
use super::{End, Node, Options};
use crate::bounded::MAX_ENTRIES;
use crate::environment;
use crate::nodes::{self, Change, Ended, Nodes, Place, nanoseconds};
use crate::pool::{BytesList, Pool};
use crate::select::{Collect, Looker, Needs};
use crate::touches::Touches;

/// The most pairs of a node and a path that it changed.
const MAX_CHANGED: usize = 5 * MAX_ENTRIES;

/// What was read.
pub(super) struct Built {
    /// All nodes, each at its number.
    pub(super) nodes: Vec<Node>,
    /// Whether something of each node was selected.
    pub(super) hits: Vec<bool>,
    pub(super) left_out: u64,
    pub(super) uncounted: u64,
    pub(super) texts_left_out: u64,
}

/// What is counted of a node.
#[derive(Clone, Debug, Default)]
struct Counts {
    hit: bool,
    calls: u64,
    failed: u64,
    files_changed: u64,
    env: Option<EnvChanges>,
}

/// Collects nodes.
pub(super) struct Builder<'o> {
    options: &'o Options,
    start_ns: u64,
    nodes: Nodes,
    pool: Pool,
    touches: Touches,
    counts: Vec<Counts>,
    /// The paths that a node changed, by their hashes.
    changed: HashSet<(u32, u64), RandomState>,
    hasher: RandomState,
    /// The environments of the latest nodes of processes.
    environments: HashMap<u32, Option<BytesList>, RandomState>,
    uncounted: u64,
    /// The latest event: where a call comes that is open at the end.
    latest: Place,
}

impl<'o> Builder<'o> {
    pub(super) fn new(file: &LogFile, options: &'o Options) -> Self {
        Self {
            options,
            start_ns: file.log().meta().monotonic_ns,
            nodes: Nodes::new(options.threads),
            pool: Pool::default(),
            touches: Touches::default(),
            counts: Vec::new(),
            changed: HashSet::default(),
            hasher: RandomState::default(),
            environments: HashMap::default(),
            uncounted: 0,
            latest: Place { event: 0, t_ns: 0 },
        }
    }

    fn counts(&mut self, node: u32) -> Option<&mut Counts> {
        let at = usize::try_from(node).ok()?;
        if self.counts.len() <= at {
            self.counts.resize_with(self.nodes.list.len(), Counts::default);
        }
        self.counts.get_mut(at)
    }

    fn call(&mut self, call: &Call<'_>, selected: bool) {
        let touches = self.touches.of(call);
        if !selected {
            return;
        }
        let node = self.nodes.of(call.task(), self.latest);
        let Some(node) = node else {
            self.uncounted = self.uncounted.saturating_add(1);
            return;
        };
        let thread = self.nodes.of_thread(call.task().id());
        for node in [Some(node), thread].into_iter().flatten() {
            let mut new = 0_u64;
            for touch in touches.iter().filter(|touch| touch.changes()) {
                let key = (node, self.hasher.hash_one(&*touch.path));
                if self.changed.len() < MAX_CHANGED && self.changed.insert(key) {
                    new = new.saturating_add(1);
                }
            }
            let Some(counts) = self.counts(node) else { continue };
            counts.hit = true;
            counts.calls = counts.calls.saturating_add(1);
            counts.failed = counts.failed.saturating_add(call.ended().has_failed().into());
            counts.files_changed = counts.files_changed.saturating_add(new);
        }
    }

    /// Notes that something of a task was selected that is no call.
    fn other(&mut self, item: &Item<'_>) {
        let filter = self.options.select.filter.as_ref();
        let task = match item {
            Item::Signal(at) if filter.is_none_or(|filter| !filter.is_list()) => at.task,
            Item::TaskStart(at) if filter.is_none() => at.task,
            Item::Exec(exec) if filter.is_none() => exec.task,
            Item::TaskEnd(at) if filter.is_none() => at.task,
            Item::Stop(at) if filter.is_none() => at.task,
            _ => return,
        };
        let node = self.nodes.of(task, self.latest);
        for node in [node, self.nodes.of_thread(task.id())].into_iter().flatten() {
            if let Some(counts) = self.counts(node) {
                counts.hit = true;
            }
        }
    }

    /// Follows environments.
    fn environment(&mut self, item: &Item<'_>, change: Change) {
        match (item, change) {
            (_, Change::Started(node)) => {
                let parent = self.nodes.get(node).and_then(|node| node.parent);
                let of_parent = parent.and_then(|parent| self.environments.get(&parent)).cloned();
                self.environments.insert(node, of_parent.flatten());
            }
            (Item::Exec(exec), Change::Executed(before, node)) => {
                let own = environment::of_program(exec, &mut self.pool);
                let own = own.map(|environment| environment.variables);
                let above = self.environments.remove(&before).flatten();
                let changes = above.zip(own.clone()).map(|(above, own)| {
                    let both = (above.as_slice(), own.as_slice());
                    EnvChanges::between(both, self.options.show_secrets)
                });
                self.environments.insert(node, own);
                let room = changes.as_ref().map_or(0, EnvChanges::len);
                let changes = changes.filter(|_| self.pool.take(room));
                if let Some(counts) = self.counts(node) {
                    counts.env = changes;
                }
            }
            _ => {}
        }
    }
}

impl Collect for Builder<'_> {
    type Result = Built;

    fn needs(&self) -> Needs {
        Needs::FILES
    }

    fn finish(mut self) -> Built {
        drop((self.touches, self.changed, self.environments));
        self.counts.resize_with(self.nodes.list.len(), Counts::default);
        let left_out = self.nodes.left_out();
        let hits = self.counts.iter().map(|counts| counts.hit).collect();
        let list = std::mem::take(&mut self.nodes.list).into_iter();
        drop(self.nodes);
        let nodes = (0..)
            .zip(list.zip(self.counts))
            .map(|(number, (node, counts))| node_of(number, node, counts, self.start_ns));
        Built {
            nodes: nodes.collect(),
            hits,
            left_out,
            uncounted: self.uncounted,
            texts_left_out: self.pool.left_out(),
        }
    }
}

impl Looker for Builder<'_> {
    fn item(&mut self, item: &Item<'_>, selected: bool) {
        if let Some(event) = item.event() {
            self.latest = Place::of(&event);
        }
        let change = self.nodes.note(item, &mut self.pool);
        if let Some(change) = change.filter(|_| self.options.env) {
            self.environment(item, change);
        }
        match item {
            Item::Call(call) => self.call(call, selected),
            item if selected => self.other(item),
            _ => {}
        }
    }
}

fn node_of(number: u32, node: nodes::Node, counts: Counts, start_ns: u64) -> Node {
    let origin = if node.is_exec { "exec" } else { node.origin.name().unwrap_or("unknown") };
    Node {
        node: number,
        parent: node.parent,
        origin,
        orphan: node.parent.is_none() && node.origin != Origin::SPAWNED,
        depth: 0,
        pid: node.pid,
        tid: node.tid,
        exec: node.exec,
        exe: node.program.exe,
        argv: node.program.argv,
        executed: node.program.is_own,
        start_event: node.start.event,
        start_ns: nanoseconds(start_ns, node.start.t_ns),
        end_event: node.end.map(|(at, _)| at.event),
        duration_ns: node.end.map(|(at, _)| nanoseconds(node.start.t_ns, at.t_ns)),
        end: node.end.map(|(_, ended)| end_of(ended)),
        utime_ns: node.cpu.map(|(user, _)| user),
        stime_ns: node.cpu.map(|(_, system)| system),
        threads: node.threads,
        calls: counts.calls,
        failed: counts.failed,
        files_changed: counts.files_changed,
        env: counts.env,
    }
}

fn end_of(ended: Ended) -> End {
    let end = |how| End { how, status: None, signal: None, core: false };
    match ended {
        Ended::Exec => end("exec"),
        Ended::Ended(ended) => match ended {
            calls::End::Exited(status) => End { status: Some(status), ..end("exited") },
            calls::End::Killed { signal, core } => {
                let name = i32::try_from(signal).ok().and_then(signal_name);
                let name = name.map_or_else(|| signal.to_string(), str::to_owned);
                End { signal: Some(name), core, ..end("killed") }
            }
            calls::End::Superseded => end("superseded"),
            calls::End::Vanished => end("vanished"),
            calls::End::Detached => end("detached"),
            _ => end("unknown"),
        },
    }
}
