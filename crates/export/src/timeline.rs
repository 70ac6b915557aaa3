//! Calls as a timeline: a track for each thread, with slices that neither overlap nor go back in
//! time, instants, and flows between tracks. `perfetto` and `chrome` draw it.

use std::collections::{HashMap, VecDeque};
use std::io;

use foldhash::fast::RandomState;
use sysreel_inspect::abi::CallKind;

use crate::canvas::{Canvas, Count, Instant, Process, Slice, Track, Unit};
use crate::counters::Counters;
use crate::exporter::Exporter;
use crate::flows::Flows;
use crate::row::{CallRow, ExecRow, RenamedRow, Row, TaskEndRow, Who};

/// The most ended processes that are remembered until their parents wait for them.
const MAX_ENDED: usize = 1 << 16;

/// The state of a track.
#[derive(Clone, Copy, Debug)]
struct Lane {
    track: Track,
    process: u64,
    /// The end of its latest slice.
    last_ns: u64,
    /// The flow that leads to its next slice.
    from: Option<u64>,
}

/// The state of a process.
#[derive(Clone, Copy, Debug)]
struct Living {
    id: u64,
    lanes: u32,
    counters: Counters,
    /// The numbers of its counters that were drawn.
    counted: [Option<u64>; 2],
}

/// The counters of a process.
const COUNTERS: [(&str, Unit); 2] = [("bytes", Unit::Bytes), ("open descriptors", Unit::Things)];

/// Draws rows as a timeline.
pub(crate) struct Timeline<C> {
    canvas: C,
    base_ns: u64,
    /// The latest time of a row.
    latest_ns: u64,
    ids: u64,
    lanes: HashMap<u64, Lane, RandomState>,
    processes: HashMap<u32, Living, RandomState>,
    /// The tasks with another tid whose execve(2) has not ended yet: the lane before, and when.
    moved: HashMap<u32, (u64, u64), RandomState>,
    /// The lanes of tasks that live.
    tasks: HashMap<u32, u64, RandomState>,
    /// The flows from processes that ended, by their pids.
    ended: HashMap<u32, u64, RandomState>,
    order: VecDeque<u32>,
    flows: Flows,
}

impl<C: Canvas> Timeline<C> {
    pub(crate) fn new(canvas: C) -> Self {
        Self {
            canvas,
            base_ns: 0,
            latest_ns: 0,
            ids: 0,
            lanes: HashMap::default(),
            processes: HashMap::default(),
            moved: HashMap::default(),
            tasks: HashMap::default(),
            ended: HashMap::default(),
            order: VecDeque::new(),
            flows: Flows::default(),
        }
    }

    fn id(&mut self) -> u64 {
        self.ids = self.ids.saturating_add(1);
        self.ids
    }

    /// Returns a time on CLOCK_MONOTONIC.
    fn time(&mut self, start_ns: u64) -> u64 {
        let at = self.base_ns.saturating_add(start_ns);
        self.latest_ns = self.latest_ns.max(at);
        at
    }

    /// Returns the lane of a task, a new one if it has none. `exe`: the path of its program.
    fn lane(&mut self, who: Who, exe: Option<&str>) -> io::Result<&mut Lane> {
        let key = key(who);
        if self.lanes.get(&key).is_some_and(|lane| lane.track.pid != who.pid) {
            self.close(key);
        }
        if !self.lanes.contains_key(&key) {
            let name = exe.map(program);
            let process = match self.processes.get_mut(&who.pid) {
                Some(process) => {
                    process.lanes = process.lanes.saturating_add(1);
                    process.id
                }
                None => {
                    let id = self.id();
                    let (counters, counted) = (Counters::default(), [None; 2]);
                    self.processes.insert(who.pid, Living { id, lanes: 1, counters, counted });
                    self.canvas.process(&Process { id, pid: who.pid, name, argv: &[] })?;
                    id
                }
            };
            let track = Track { id: self.id(), tid: who.tid, pid: who.pid };
            self.canvas.thread(track, process, name)?;
            self.lanes.insert(key, Lane { track, process, last_ns: 0, from: None });
        }
        self.lanes.get_mut(&key).ok_or_else(|| io::Error::other("a track is missing"))
    }

    /// Forgets a lane.
    fn close(&mut self, key: u64) {
        let Some(lane) = self.lanes.remove(&key) else { return };
        if let Some(process) = self.processes.get_mut(&lane.track.pid) {
            process.lanes = process.lanes.saturating_sub(1);
            if process.lanes == 0 {
                self.processes.remove(&lane.track.pid);
            }
        }
    }

    fn call(&mut self, row: &CallRow<'_>) -> io::Result<()> {
        let start = self.time(row.start_ns);
        let end = match row.end_ns() {
            Some(end) => self.time(end),
            // It was open at the end of the log.
            None => self.latest_ns,
        };
        let waited_for = row.source.row().is_some_and(|row| row.kind == CallKind::Wait);
        let pid = row.result.filter(|_| waited_for).and_then(|pid| u32::try_from(pid).ok());
        let ended_by = pid.and_then(|pid| self.ended.remove(&pid));
        // What a call gets was passed on before it.
        let ended_by = ended_by.or_else(|| self.flows.end(row));
        let ids = &mut self.ids;
        let to = self.flows.begin(row, || {
            *ids = ids.saturating_add(1);
            *ids
        });
        let mut start = start;
        if let Some((before, at)) = row.who.task.and_then(|task| self.moved.remove(&task))
            && start < at
        {
            self.draw(before, (start, at), row, [None; 2])?;
            self.close(before);
            start = at;
        }
        self.lane(row.who, row.exe.as_deref())?;
        self.draw(key(row.who), (start, end), row, [ended_by, to])?;
        self.count(row, start)
    }

    /// Draws the counters of the process of a call.
    fn count(&mut self, row: &CallRow<'_>, at_ns: u64) -> io::Result<()> {
        let Some(process) = self.processes.get_mut(&row.who.pid) else { return Ok(()) };
        let due = process.counters.add(row, at_ns);
        self.draw_counts(row.who.pid, due, at_ns)
    }

    fn draw_counts(&mut self, pid: u32, due: [Option<u64>; 2], at_ns: u64) -> io::Result<()> {
        for (at, value) in due.into_iter().enumerate() {
            let (Some(value), (name, unit)) = (value, COUNTERS[at]) else { continue };
            let new = self.ids.saturating_add(1);
            let Some(living) = self.processes.get_mut(&pid) else { continue };
            let (process, is_first) = (living.id, living.counted[at].is_none());
            let id = *living.counted[at].get_or_insert(new);
            self.ids = self.ids.max(id);
            let count = Count { id, process, pid, name, unit, at_ns, value, is_first };
            self.canvas.count(&count)?;
        }
        Ok(())
    }

    /// Draws a call on a lane, after what is there already.
    fn draw(
        &mut self,
        key: u64,
        (start, end): (u64, u64),
        call: &CallRow<'_>,
        [ended_by, to]: [Option<u64>; 2],
    ) -> io::Result<()> {
        let Some(lane) = self.lanes.get_mut(&key) else { return Ok(()) };
        let start_ns = start.max(lane.last_ns);
        let end_ns = end.max(start_ns.saturating_add(1));
        lane.last_ns = end_ns;
        let (track, from) = (lane.track, lane.from.take());
        self.canvas.slice(&Slice { track, start_ns, end_ns, call, from, ended_by, to })
    }

    /// Draws what has no duration.
    fn mark(
        &mut self,
        (event, who, start_ns): (u64, Who, u64),
        (name, category): (&str, &str),
        about: &[(&str, String)],
        to: Option<u64>,
    ) -> io::Result<()> {
        let at_ns = self.time(start_ns);
        let track = self.lane(who, None)?.track;
        self.canvas.instant(&Instant { track, at_ns, name, category, event, about, to })
    }

    /// A task appears. Its first slice comes after the call that made it.
    fn start(&mut self, row: &Row<'_>, is_drawn: bool) -> io::Result<()> {
        let Row::TaskStart(row) = row else { return Ok(()) };
        let at = self.time(row.start_ns);
        let parent = row.parent.and_then(|task| self.lane_of(task)).filter(|_| is_drawn);
        let flow = parent.map(|_| self.id());
        if let Some(track) = parent {
            let about = [("tid", row.who.tid.to_string()), ("origin", row.origin.to_owned())];
            let (name, category, event) = ("new task", "process", row.event);
            let about = &about[..];
            let instant = Instant { track, at_ns: at, name, category, event, about, to: flow };
            self.canvas.instant(&instant)?;
        }
        let lane = self.lane(row.who, None)?;
        (lane.last_ns, lane.from) = (lane.last_ns.max(at), flow);
        if let Some(task) = row.who.task {
            self.tasks.insert(task, key(row.who));
        }
        Ok(())
    }

    /// Returns the track of a task.
    fn lane_of(&self, task: u32) -> Option<Track> {
        Some(self.lanes.get(self.tasks.get(&task)?)?.track)
    }

    /// A program begins, which gives process and thread their names.
    fn exec(&mut self, row: &ExecRow) -> io::Result<()> {
        let (track, process) = {
            let lane = self.lane(row.who, Some(&row.exe))?;
            (lane.track, lane.process)
        };
        let name = Some(program(&row.exe));
        let (pid, argv) = (row.who.pid, &row.argv[..]);
        self.canvas.process(&Process { id: process, pid, name, argv })?;
        self.canvas.thread(track, process, name)
    }

    /// A task ends.
    fn task_end(&mut self, row: &TaskEndRow, is_drawn: bool) -> io::Result<()> {
        let leads = row.who.pid == row.who.tid && row.how != "superseded";
        let has_parts = is_drawn && self.lanes.contains_key(&key(row.who));
        let flow = (leads && has_parts).then(|| self.id());
        if has_parts {
            let status = row.status.map(|status| ("status", status.to_string()));
            let signal = row.signal.as_ref().map(|signal| ("signal", signal.to_string()));
            let about: Vec<_> = status.into_iter().chain(signal).collect();
            self.mark((row.event, row.who, row.start_ns), (row.how, "process"), &about, flow)?;
        }
        if let Some(flow) = flow
            && self.ended.insert(row.who.pid, flow).is_none()
        {
            self.order.push_back(row.who.pid);
            if self.order.len() > MAX_ENDED
                && let Some(oldest) = self.order.pop_front()
            {
                self.ended.remove(&oldest);
            }
        }
        if let Some(task) = row.who.task {
            self.moved.remove(&task);
            self.tasks.remove(&task);
        }
        // The lane of a leader that another thread has replaced goes on with that thread.
        if row.how != "superseded" {
            let at = self.time(row.start_ns);
            let living = self.processes.get_mut(&row.who.pid).filter(|living| living.lanes == 1);
            let rest = living.and_then(|living| living.counters.rest());
            self.draw_counts(row.who.pid, [rest, None], at)?;
            self.close(key(row.who));
        }
        Ok(())
    }

    fn renamed(&mut self, row: &RenamedRow) {
        let at = self.time(row.start_ns);
        if let Some(task) = row.who.task {
            let before = key(Who { tid: row.old_tid, ..row.who });
            self.moved.insert(task, (before, at));
            self.tasks.insert(task, key(row.who));
        }
    }

    fn any(&mut self, row: &Row<'_>, is_drawn: bool) -> io::Result<()> {
        match row {
            Row::Log(log) => {
                self.base_ns = log.monotonic_ns;
                self.canvas.begin(log)
            }
            Row::Call(row) => self.call(row),
            Row::TaskStart(_) => self.start(row, is_drawn),
            Row::Renamed(row) => {
                self.renamed(row);
                Ok(())
            }
            Row::Exec(row) => self.exec(row),
            Row::TaskEnd(row) => self.task_end(row, is_drawn),
            Row::Signal(row) if is_drawn => {
                self.mark((row.event, row.who, row.start_ns), (&row.signal, "signal"), &[], None)
            }
            Row::Mark(row) if is_drawn => {
                self.mark((row.event, row.who, row.start_ns), (&row.name, "mark"), &[], None)
            }
            _ => Ok(()),
        }
    }
}

impl<C: Canvas> Exporter for Timeline<C> {
    fn row(&mut self, row: &Row<'_>) -> io::Result<()> {
        self.any(row, true)
    }

    fn unselected(&mut self, row: &Row<'_>) -> io::Result<()> {
        self.any(row, false)
    }

    fn finish(&mut self) -> io::Result<Vec<String>> {
        self.canvas.end()?;
        Ok(Vec::new())
    }
}

/// Returns the lane of a task: that of its tid, which lives in one task at a time. Where the log
/// does not have the tid, that of the task alone.
fn key(who: Who) -> u64 {
    match (who.tid, who.task) {
        (0, Some(task)) => 1 << 32 | u64::from(task),
        (tid, _) => u64::from(tid),
    }
}

/// Returns the name of a program: the end of its path.
fn program(exe: &str) -> &str {
    exe.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or(exe)
}
