//! The items of the driver: what a step says, with the event and the state that it borrows.

use sysreel_format::{Body, Event, TaskId};

use super::call::Call;
use super::driver::{Driver, Step};
use super::ended::Ended;
use super::item::{Alterations, At, Damage, Exec, Item, Lost, Signal, Stop};
use super::task::Task;
use crate::regions::Buffers;
use crate::state::OpenCall;
use sysreel_format::syscall_info::Outcome;

impl Driver {
    /// Returns the open call of a task as the log leaves it.
    pub(super) fn unfinished<'a>(
        &'a self,
        id: TaskId,
        buffers: &'a dyn Buffers,
    ) -> Option<Item<'a>> {
        let open = self.tracker.task(id)?.open.as_ref()?;
        Some(Item::Call(self.call(id, open, None, (Ended::Unfinished, None), buffers)))
    }

    /// Returns the item of a step.
    pub(super) fn item<'a>(
        &'a self,
        step: Step,
        event: &Event<'a>,
        buffers: &'a dyn Buffers,
    ) -> Item<'a> {
        let task = Task { id: event.task, state: &self.tracker };
        match step {
            Step::Call(ended, outcome) => match &self.ended {
                Some(open) => {
                    Item::Call(self.call(event.task, open, Some(*event), (ended, outcome), buffers))
                }
                None => self.other(event),
            },
            Step::Entered => match task.known().and_then(|task| task.open.as_ref()) {
                Some(open) => {
                    let ended = (Ended::Unfinished, None);
                    Item::Entered(self.call(event.task, open, Some(*event), ended, buffers))
                }
                None => self.other(event),
            },
            Step::ExitOnly(outcome) => Item::ExitOnly(At { event: *event, task, what: outcome }),
            Step::Exec => match &self.found {
                Some(found) => {
                    Item::Exec(Exec { event: *event, task, found, exit: &self.exit, buffers })
                }
                None => self.other(event),
            },
            Step::Damage(what) => match &self.error {
                Some(error) => Item::Damage(Damage { event: *event, task, what, error }),
                None => self.other(event),
            },
            Step::Stop | Step::Body | Step::Altered => self.body(step, event),
        }
    }

    /// Returns the item of a stop, or of the body of an event.
    fn body<'a>(&'a self, step: Step, event: &Event<'a>) -> Item<'a> {
        let (event, task) = (*event, Task { id: event.task, state: &self.tracker });
        let Ok(body) = event.decode() else { return self.other(&event) };
        match body {
            Body::Stop(stop) if matches!(step, Step::Altered) => {
                let what = Alterations { one: None, parts: Some(stop.parts) };
                Item::Altered(At { event, task, what })
            }
            Body::Stop(stop) => match Signal::of(&stop) {
                Some(what) => Item::Signal(At { event, task, what }),
                None => Item::Stop(At { event, task, what: Stop { stop } }),
            },
            Body::Task(started) => Item::TaskStart(At { event, task, what: started.head }),
            Body::Gone(what) => Item::TaskEnd(At { event, task, what }),
            Body::Renamed(what) => Item::Renamed(At { event, task, what }),
            Body::Clock(what) => Item::Clock(At { event, task, what }),
            Body::Loss(what) => Item::Lost(Lost::Recorder(At { event, task, what })),
            Body::Note(what) => Item::Note(At { event, task, what }),
            Body::Altered(altered) => {
                let what = Alterations { one: Some(altered), parts: None };
                Item::Altered(At { event, task, what })
            }
            Body::Unrecorded(what) => Item::Unrecorded(At { event, task, what }),
            Body::Mark(what) => Item::Mark(At { event, task, what }),
            Body::Snapshot { .. } | Body::Unknown(_) => self.other(&event),
        }
    }

    fn other<'a>(&'a self, event: &Event<'a>) -> Item<'a> {
        let task = Task { id: event.task, state: &self.tracker };
        Item::Other(At { event: *event, task, what: () })
    }

    fn call<'a>(
        &'a self,
        task: TaskId,
        open: &'a OpenCall,
        event: Option<Event<'a>>,
        (ended, outcome): (Ended, Option<Outcome>),
        buffers: &'a dyn Buffers,
    ) -> Call<'a> {
        let (exit, state) = (&self.exit, &self.tracker);
        Call { task, open, event, outcome, ended, exit, state, buffers }
    }
}
