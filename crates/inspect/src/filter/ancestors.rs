//! Who started whom.

use std::collections::HashMap;
use std::rc::Rc;

use foldhash::fast::RandomState;
use sysreel_abi::filter::{Answer, Process};
use sysreel_format::{Origin, TaskId};

use crate::calls::Item;

/// A process that runs a program, and the one that started it.
#[derive(Debug)]
struct Ancestor {
    pid: u32,
    /// The path of the program; `None` if the log does not have it. A child of the recorder has an
    /// empty one until its first execve(2) succeeds.
    program: Option<Rc<[u8]>>,
    parent: Option<Rc<Ancestor>>,
}

/// The processes that live, each with those that led to it.
#[derive(Debug, Default)]
pub(super) struct Ancestors {
    /// The tgid of each task.
    tasks: HashMap<TaskId, u32, RandomState>,
    processes: HashMap<u32, Rc<Ancestor>, RandomState>,
    /// The process that the last item ended. It is known until the next one.
    ended: Option<u32>,
}

/// The most generations: a hostile log may name any number.
const MAX_GENERATIONS: usize = 10_000;

impl Ancestors {
    /// Takes note of an item that begins a task, or a program.
    pub(super) fn note(&mut self, item: &Item<'_>) {
        if let Some(pid) = self.ended.take() {
            self.processes.remove(&pid);
        }
        match item {
            Item::TaskStart(at) => {
                let head = at.what;
                self.tasks.insert(at.event.task, head.tgid);
                let parent = self.tasks.get(&head.parent).copied();
                if parent == Some(head.tgid) {
                    return;
                }
                let parent = parent.and_then(|parent| self.processes.get(&parent)).cloned();
                let program = match &parent {
                    Some(parent) => parent.program.clone(),
                    None => (head.origin == Origin::SPAWNED).then(Rc::default),
                };
                self.processes
                    .insert(head.tgid, Rc::new(Ancestor { pid: head.tgid, program, parent }));
            }
            Item::Exec(exec) => {
                let pid = exec.task.tgid();
                let parent = self.processes.get(&pid).and_then(|old| old.parent.clone());
                let program = Some(Rc::from(&*exec.found.exe));
                self.processes.insert(pid, Rc::new(Ancestor { pid, program, parent }));
            }
            Item::TaskEnd(at) => {
                let pid = self.tasks.remove(&at.event.task);
                self.ended = pid.filter(|pid| at.task.tid() == *pid);
            }
            _ => {}
        }
    }

    /// Returns the pid of the process that started this one; `None` if it is not in the log.
    pub(super) fn parent(&self, pid: u32) -> Option<u32> {
        Some(self.processes.get(&pid)?.parent.as_ref()?.pid)
    }

    /// Whether a process is another one or a descendant of it.
    pub(super) fn is_under(&self, pid: u32, process: &Process) -> Answer {
        let mut known = true;
        let mut next = self.processes.get(&pid);
        for _ in 0..MAX_GENERATIONS {
            let Some(ancestor) = next else { break };
            let matches = match process {
                Process::Pid(pid) => ancestor.pid == *pid,
                Process::Program(pattern) => {
                    known &= ancestor.program.is_some();
                    ancestor.program.as_deref().is_some_and(|program| {
                        let base = program.rsplit(|c| *c == b'/').next().unwrap_or_default();
                        pattern.matches(program) || pattern.matches(base)
                    })
                }
            };
            if matches {
                return Answer::Yes;
            }
            next = ancestor.parent.as_ref();
        }
        if known { Answer::No } else { Answer::Unknown }
    }
}
