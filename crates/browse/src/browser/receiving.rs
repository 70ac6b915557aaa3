//! What threads tell.

use std::time::Duration;

use super::Browser;
use crate::message::{End, Message};
use crate::reading::lines::Wanted;

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
            self.position = self.list.len(&index).saturating_sub(1);
            self.selected = self.list.row(self.position).unwrap_or(0);
        } else if !is_selected {
            self.position = self.list.position(self.selected, &index);
        }
        drop(index);
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
