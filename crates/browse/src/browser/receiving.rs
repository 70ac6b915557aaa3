//! What threads tell.

use std::time::Duration;

use super::Browser;
use crate::index::Reading;
use crate::message::{End, Message};
use crate::reading::lines::Wanted;
use crate::tree::Tree;

impl Browser {
    /// Takes all that threads have told by now. Returns whether the screen may be another one.
    pub(crate) fn receive(&mut self) -> bool {
        let messages: Vec<_> = self.receive.try_iter().collect();
        let mut has_changed = !messages.is_empty();
        self.take(messages);
        if !self.is_list_complete() {
            has_changed = true;
            self.grow();
        }
        has_changed
    }

    /// Waits until a thread tells something. Returns whether one did in time.
    pub(crate) fn wait(&mut self, patience: Duration) -> bool {
        let Ok(first) = self.receive.recv_timeout(patience) else { return false };
        let messages: Vec<_> = std::iter::once(first).chain(self.receive.try_iter()).collect();
        self.take(messages);
        true
    }

    fn take(&mut self, messages: Vec<Message>) {
        let has_grown = messages
            .iter()
            .any(|message| matches!(message, Message::Indexed | Message::Matches(..)));
        messages.into_iter().for_each(|message| self.message(message));
        if has_grown {
            self.grow();
        }
    }

    fn message(&mut self, message: Message) {
        match message {
            Message::Indexed => {}
            Message::Restarted => self.restart(),
            Message::Line(row, line) => _ = self.lines.insert(row, line),
            Message::Details(row, lines) => self.details = Some((row, lines)),
            Message::Ready(number) => self.ready = self.ready.max(number),
            Message::Matches(job, rows, known) => self.list.add_matches(job, &rows, known),
            Message::Progress(number, percent) => {
                let jobs = self.filtering.iter_mut().chain(&mut self.job);
                jobs.filter(|job| job.number == number).for_each(|job| job.percent = percent);
            }
            Message::Ended(number, end) => self.ended(number, end),
            Message::Written => {}
            Message::ProgramEnded(how) => self.program_ended(how),
        }
    }

    /// Begins again with an index whose rows have other numbers.
    fn restart(&mut self) {
        let (filter, before) = (self.filter_text(), self.list.conditions().len());
        self.stop_filter();
        if let Some(job) = self.job.take() {
            job.stop.stop();
        }
        self.list.restart(&self.shared.index());
        let lost = before > self.list.conditions().len().saturating_add(1);
        (self.selected, self.position, self.top, self.tree) = (0, 0, 0, Tree::default());
        self.lines.clear();
        (self.details, self.wanted) = (None, Wanted { rows: Vec::new(), ..self.wanted.clone() });
        self.wanted.details = None;
        // It was understood before.
        _ = self.filter(&filter);
        if lost || filter.is_empty() && before > self.list.conditions().len() {
            self.say("events were lost, so the log is read anew, without its conditions".into());
        }
    }

    fn ended(&mut self, number: u64, end: End) {
        let is_it = |job: &mut super::Job| job.number == number;
        if self.filtering.take_if(is_it).is_none() && self.job.take_if(is_it).is_none() {
            return;
        }
        match end {
            End::Found(row) => self.go_to_row(row),
            End::Event(event) => self.go_to_event(event),
            End::Said(text) | End::Failed(text) => self.say(text),
            End::Quietly => {}
        }
    }

    /// Takes over the rows that are new.
    fn grow(&mut self) {
        let index = self.shared.index();
        self.list.extend(&index);
        let is_selected = self.list.row(self.position) == Some(self.selected);
        if self.stays_at_end {
            self.position = self.list.len().saturating_sub(1);
            self.selected = self.list.row(self.position).unwrap_or(0);
        } else if !is_selected {
            self.position = self.list.position(self.selected, &index);
        }
        let lacks = match &index.reading {
            Reading::Done(lacks) if !lacks.is_empty() => Some(lacks.clone()),
            _ => None,
        };
        drop(index);
        if let Some(lacks) = lacks.filter(|_| !self.has_told_lacks) {
            self.has_told_lacks = true;
            let before = self.said.take().map(|said| format!("{said}; "));
            self.say(before.unwrap_or_default() + &lacks);
        }
        if let Some(event) = self.pending.take() {
            self.go_to_event(event);
        }
        // A request may have failed because the log did not have all yet.
        if self.ready >= self.wanted.number {
            let number = self.wanted.number;
            self.wanted = Wanted { number, ..Wanted::default() };
        }
    }
}
