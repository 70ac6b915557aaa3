//! The list of the rows that are shown: all, or those that meet every condition.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::index::{Index, Task, open_event, open_number};
use crate::row::Row;

/// How many rows are looked at at once.
const AT_ONCE: usize = 1 << 18;

/// What a row must meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// It matches a filter: the text, and the job that applies it.
    Filter(String, u64),
    /// It is not a call of this name.
    Hidden(u16),
    /// It is not of the process with this number.
    HiddenProcess(u32),
    /// It is of this task.
    Task(u32),
    /// It is of this node or one below it.
    Subtree(u32),
    /// It is about this open file description.
    Object(u32),
}

impl Condition {
    /// How the header names it.
    pub(crate) fn title(&self, index: &Index) -> String {
        match self {
            Self::Filter(text, _) => text.clone(),
            Self::Hidden(name) => {
                let name = index.names.get(usize::from(*name));
                format!("no {}", name.map_or("?", String::as_str))
            }
            Self::HiddenProcess(pid) => format!("no process {pid}"),
            Self::Task(task) => {
                format!("task {}", index.tasks.get(task).map_or(0, |task| task.tid))
            }
            Self::Subtree(node) => {
                let node = usize::try_from(*node).ok().and_then(|node| index.nodes.get(node));
                node.map_or_else(String::new, |node| format!("under {} {}", node.pid, node.title))
            }
            Self::Object(object) => {
                let name = sysreel_inspect::visible::visible_bytes(index.file(*object));
                format!("descriptor {}", if name.is_empty() { "without a name" } else { &name })
            }
        }
    }
}

/// The rows that match a filter.
#[derive(Clone, Debug, Default)]
struct Matches {
    rows: Vec<u32>,
    /// All rows before this one were looked at.
    known: usize,
}

/// The rows that are shown.
#[derive(Debug, Default)]
pub(crate) struct List {
    conditions: Vec<Condition>,
    /// The matches of each filter among the conditions, by its job.
    matches: Vec<(u64, Matches)>,
    /// The numbers of the rows, if there are conditions.
    rows: Arc<Vec<u32>>,
    /// All rows before this one were looked at.
    scanned: usize,
    /// The numbers of the calls that go on and meet the conditions.
    open: Vec<usize>,
}

impl List {
    pub(crate) fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// Adds a condition, or takes it away if it is there.
    pub(crate) fn toggle(&mut self, condition: Condition, index: &Index) {
        match self.conditions.iter().position(|known| *known == condition) {
            Some(at) => _ = self.conditions.remove(at),
            None => self.conditions.push(condition),
        }
        self.begin(index);
    }

    /// Takes the condition away that was added last.
    pub(crate) fn pop(&mut self, index: &Index) -> Option<Condition> {
        let last = self.conditions.pop();
        self.begin(index);
        last
    }

    /// Replaces the filter, or removes it. Returns the job of the one before.
    pub(crate) fn set_filter(
        &mut self,
        filter: Option<(String, u64)>,
        index: &Index,
    ) -> Option<u64> {
        let is_filter = |condition: &Condition| matches!(condition, Condition::Filter(..));
        let at = self.conditions.iter().position(is_filter);
        let old = at.map(|at| self.conditions.remove(at));
        self.conditions.extend(filter.map(|(text, job)| Condition::Filter(text, job)));
        self.begin(index);
        match old {
            Some(Condition::Filter(_, job)) => Some(job),
            _ => None,
        }
    }

    /// Takes matches of a filter.
    pub(crate) fn add_matches(&mut self, job: u64, rows: &[u32], known: usize) {
        if let Some((_, matches)) = self.matches.iter_mut().find(|(number, _)| *number == job) {
            matches.rows.extend_from_slice(rows);
            matches.known = known;
        }
    }

    /// Looks at all rows again.
    fn begin(&mut self, index: &Index) {
        let jobs: BTreeSet<u64> = self.conditions.iter().filter_map(job).collect();
        self.matches.retain(|(job, _)| jobs.contains(job));
        for job in jobs {
            if !self.matches.iter().any(|(known, _)| *known == job) {
                self.matches.push((job, Matches::default()));
            }
        }
        self.rows = Arc::default();
        self.scanned = 0;
        self.extend(index);
    }

    /// Keeps the conditions that do not depend on the numbers of an index, and looks at all rows
    /// of another one.
    pub(crate) fn restart(&mut self, index: &Index) {
        self.conditions.retain(|one| matches!(one, Condition::HiddenProcess(_)));
        self.begin(index);
    }

    /// Looks at rows that are new, so many that no key has to wait.
    pub(crate) fn extend(&mut self, index: &Index) {
        let Self { conditions, matches, rows, scanned, open } = self;
        let mut test = Test::new(conditions, index);
        let mut holds = |row: &Row| test.holds(row);
        open.clear();
        // A filter reads the log, which does not have the whole call yet.
        if matches.is_empty() {
            open.extend(index.open.iter().filter(|row| holds(row)).filter_map(open_number));
        }
        if conditions.is_empty() {
            *scanned = index.len();
            return;
        }
        let rows = Arc::make_mut(rows);
        if let Some((_, matches)) = matches.first() {
            // Most often few: only these are looked at.
            let from = matches.rows.partition_point(|row| place(*row) < *scanned);
            let matching = matches.rows.get(from..).unwrap_or_default();
            let end = matches.known.min(index.len());
            let matching = matching.iter().take_while(|row| place(**row) < end);
            let mut holds = |row: &&u32| index.row(place(**row)).is_some_and(&mut holds);
            rows.extend(matching.filter(|row| holds(row)));
            *scanned = end.max(*scanned);
            return;
        }
        let new = index.rows_from(*scanned).take(AT_ONCE).filter(|(_, row)| holds(row));
        rows.extend(new.filter_map(|(at, _)| u32::try_from(at).ok()));
        *scanned = scanned.saturating_add(AT_ONCE).min(index.len());
    }

    /// Whether the filters have seen all rows that the index has by now.
    pub(crate) fn has_caught_up(&self, index: &Index) -> bool {
        self.matches.iter().all(|(_, matches)| matches.known >= index.len())
    }

    /// Whether all rows were looked at that can be by now.
    pub(crate) fn is_complete(&self, index: &Index) -> bool {
        let known = self.matches.first().map_or(index.len(), |(_, matches)| matches.known);
        self.scanned >= known.min(index.len())
    }

    /// How many rows are shown.
    pub(crate) fn len(&self) -> usize {
        self.ended().saturating_add(self.open.len())
    }

    /// How many of them do not go on.
    fn ended(&self) -> usize {
        if self.conditions.is_empty() { self.scanned } else { self.rows.len() }
    }

    /// The number of the row at a position.
    pub(crate) fn row(&self, position: usize) -> Option<usize> {
        if let Some(open) = position.checked_sub(self.ended()) {
            return self.open.get(open).copied();
        }
        if self.conditions.is_empty() {
            return Some(position);
        }
        self.rows.get(position).map(|row| place(*row))
    }

    /// The position of a row, or of the next one that is shown; the last one if there is none.
    pub(crate) fn position(&self, row: usize, index: &Index) -> usize {
        let goes_on = self.open.iter().position(|open| *open == row);
        // A call that has returned has another number.
        let row = match open_event(row) {
            Some(event) if goes_on.is_none() => index.row_at(event).unwrap_or(row),
            _ => row,
        };
        let at = match goes_on {
            Some(at) => self.ended().saturating_add(at),
            None if self.conditions.is_empty() => row,
            None => self.rows.partition_point(|shown| place(*shown) < row),
        };
        at.min(self.len().saturating_sub(1))
    }

    /// The rows as jobs take them: without those that go on.
    pub(crate) fn rows(&self) -> (Option<Arc<Vec<u32>>>, usize) {
        let list = (!self.conditions.is_empty()).then(|| Arc::clone(&self.rows));
        (list, self.ended())
    }
}

fn place(row: u32) -> usize {
    usize::try_from(row).unwrap_or(usize::MAX)
}

fn job(condition: &Condition) -> Option<u64> {
    match condition {
        Condition::Filter(_, job) => Some(*job),
        _ => None,
    }
}

/// Tests rows, one after the other.
struct Test<'i> {
    conditions: &'i [Condition],
    index: &'i Index,
    /// For each node, whether it meets the conditions.
    nodes: Option<Vec<bool>>,
    /// The task of the row before: most often the next row is of the same one.
    task: (u32, Option<&'i Task>),
}

impl<'i> Test<'i> {
    fn new(conditions: &'i [Condition], index: &'i Index) -> Self {
        let above = conditions.iter().filter_map(|condition| match condition {
            Condition::Subtree(node) => Some(*node),
            _ => None,
        });
        let above: Vec<u32> = above.collect();
        let is_under = |node| above.iter().all(|above| index.is_under(node, *above));
        let nodes = (0..).zip(&index.nodes).map(|(node, _)| is_under(node));
        let nodes = (!above.is_empty()).then(|| nodes.collect());
        Self { conditions, index, nodes, task: (u32::MAX, index.tasks.get(&u32::MAX)) }
    }

    fn task(&mut self, row: &Row) -> Option<&'i Task> {
        if self.task.0 != row.task {
            self.task = (row.task, self.index.tasks.get(&row.task));
        }
        self.task.1
    }

    fn holds(&mut self, row: &Row) -> bool {
        let conditions = self.conditions;
        conditions.iter().all(|condition| match condition {
            // Only the rows that match are asked.
            Condition::Filter(..) => true,
            Condition::Hidden(name) => row.name != *name,
            Condition::HiddenProcess(pid) => self.task(row).is_none_or(|task| task.pid != *pid),
            Condition::Task(task) => row.task == *task,
            Condition::Object(object) => row.object == *object,
            Condition::Subtree(_) => {
                let node = self.task(row).and_then(|task| task.node(row));
                let node = node.and_then(|node| usize::try_from(node).ok());
                let nodes = self.nodes.as_ref();
                node.zip(nodes).is_some_and(|(node, nodes)| nodes.get(node) == Some(&true))
            }
        })
    }
}
