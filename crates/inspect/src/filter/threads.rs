//! The names of threads, and the variables of programs.

use std::collections::HashMap;
use std::rc::Rc;

use foldhash::fast::RandomState;
use sysreel_abi::filter::{Field, FieldRef};
use sysreel_abi::{CallKind, intent};
use sysreel_format::{Origin, TaskId};

use crate::calls::{Call, Item};
use crate::text::until_nul;

/// What a task has from its program, or was given.
#[derive(Clone, Debug, Default)]
struct Thread {
    /// The name of the thread; `None` if the log does not show it.
    name: Option<Rc<[u8]>>,
    /// The values of the variables that are asked for; `None` if the log does not have the
    /// environment.
    variables: Option<Rc<[Variable]>>,
}

/// The value of a variable of the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Variable {
    /// The log has only its beginning, if any of it.
    Cut,
    /// It has none.
    Unset,
    Set(Vec<u8>),
}

/// The threads that live.
#[derive(Debug, Default)]
pub(super) struct Threads {
    tasks: HashMap<TaskId, Thread, RandomState>,
    /// The names of the variables that are asked for.
    asked: Vec<String>,
    /// The task that the last item ended. It is known until the next one.
    ended: Option<TaskId>,
}

impl Threads {
    /// Returns what these fields need; `None` if they need nothing of it.
    pub(super) fn for_fields(fields: &[FieldRef]) -> Option<Self> {
        let needed = fields.iter().any(|asked| matches!(asked.field, Field::Comm | Field::Env));
        let variables = fields.iter().filter(|asked| asked.field == Field::Env);
        let asked = variables.map(|asked| asked.arg.clone()).collect();
        needed.then(|| Self { asked, ..Self::default() })
    }

    /// Returns the name of a thread; `None` if the log does not show it.
    pub(super) fn name(&self, task: TaskId) -> Option<&[u8]> {
        self.tasks.get(&task)?.name.as_deref()
    }

    /// Returns the value of a variable that was asked for, which may have none; `None` if the log
    /// does not show it.
    pub(super) fn variable(&self, task: TaskId, name: &str) -> Option<Option<&[u8]>> {
        let at = self.asked.iter().position(|asked| asked == name)?;
        match self.tasks.get(&task)?.variables.as_ref()?.get(at)? {
            Variable::Cut => None,
            Variable::Unset => Some(None),
            Variable::Set(value) => Some(Some(value)),
        }
    }

    /// Takes note of an item that changes one of them.
    pub(super) fn note(&mut self, item: &Item<'_>) {
        if let Some(task) = self.ended.take() {
            self.tasks.remove(&task);
        }
        match item {
            Item::TaskStart(at) => {
                let made = match self.tasks.get(&at.what.parent) {
                    Some(maker) => maker.clone(),
                    // Until its first execve(2), a child of the recorder has neither.
                    None if at.what.origin == Origin::SPAWNED => Thread {
                        name: Some(Rc::default()),
                        variables: Some(self.asked.iter().map(|_| Variable::Unset).collect()),
                    },
                    None => Thread::default(),
                };
                self.tasks.insert(at.event.task, made);
            }
            Item::Exec(exec) => {
                let variables = exec.environment().map(|environment| {
                    let value = |name: &String| match environment.get(name.as_bytes()) {
                        _ if environment.is_cut(name.as_bytes()) => Variable::Cut,
                        None => Variable::Unset,
                        Some(value) => Variable::Set(value.to_vec()),
                    };
                    self.asked.iter().map(value).collect()
                });
                let name = Some(Rc::from(intent::thread_name(&exec.found.comm)));
                self.tasks.insert(exec.task.id(), Thread { name, variables });
            }
            Item::Call(call) => {
                match named(call) {
                    Some((task, name)) => self.tasks.entry(task).or_default().name = Some(name),
                    // Without memory the log does not have the name.
                    None if call.ended().value().is_some() && may_name(call) => {
                        self.tasks.entry(call.task().id()).or_default().name = None;
                    }
                    None => {}
                }
            }
            Item::TaskEnd(at) => self.ended = Some(at.event.task),
            _ => {}
        }
    }
}

/// Whether a call may give a thread another name, which counts from its end on.
pub(super) fn may_name(call: &Call<'_>) -> bool {
    let Some(row) = call.row() else { return false };
    let args = std::array::from_fn(|at| call.args().raw(at).unwrap_or(0));
    intent::names_thread(row, &args) || row.kind == CallKind::Write && comm_file(call).is_some()
}

/// Returns the task that a call gave a name, and the name.
fn named(call: &Call<'_>) -> Option<(TaskId, Rc<[u8]>)> {
    let (row, value) = (call.row()?, call.ended().value()?);
    let args = std::array::from_fn(|at| call.args().raw(at).unwrap_or(0));
    if intent::names_thread(row, &args) {
        let bytes = call.args().at(1)?.bytes()?;
        return Some((call.task().id(), Rc::from(intent::thread_name(until_nul(&bytes)))));
    }
    if row.kind != CallKind::Write || value <= 0 {
        return None;
    }
    let tid = comm_file(call)?;
    let (task, _) = call.state().tasks().find(|(_, task)| task.tid == tid)?;
    // A vector is one write of which the kernel takes the beginning.
    let mut bytes = Vec::new();
    for region in call.data() {
        bytes.extend_from_slice(&region.first(16)?);
    }
    Some((task, Rc::from(intent::thread_name(&bytes))))
}

/// Returns the tid of the thread whose name is the file that a call writes: /proc/PID/comm or
/// /proc/PID/task/TID/comm (proc_pid_comm(5)).
fn comm_file(call: &Call<'_>) -> Option<u32> {
    let name = call.writes()?.name().path;
    let of_task = name.strip_prefix(b"/proc/")?.strip_suffix(b"/comm")?;
    let tid = of_task.rsplit(|byte| *byte == b'/').next()?;
    std::str::from_utf8(tid).ok()?.parse().ok()
}
