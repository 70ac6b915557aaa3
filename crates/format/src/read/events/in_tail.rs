//! The events of the tail, after those of the file.

use super::super::source::ReadAt;
use super::super::{Missing, Why};
use super::{Events, Place, Progress};
use crate::Error;

impl<S: ReadAt> Events<'_, S> {
    pub(super) fn advance_in_tail(&mut self, offset: u64, why: Why) -> Result<Progress, Error> {
        let rest = Missing { first: self.next, count: None, offset, why };
        let Some(tail) = self.log.tail.as_ref().filter(|tail| tail.next_event.is_some()) else {
            self.place = Place::End;
            return Ok(Progress::Missing(rest));
        };
        if let Some((number, range)) = self.pending.take() {
            self.next = number.saturating_add(1);
            return Ok(Progress::TailRow(number, range));
        }
        while let Some((number, range)) = tail.next(&mut self.tail)? {
            if number < self.next {
                continue;
            }
            if number > self.next {
                let count = number.checked_sub(self.next);
                (self.next, self.pending) = (number, Some((number, range)));
                return Ok(Progress::Missing(Missing { count, ..rest }));
            }
            self.next = number.saturating_add(1);
            return Ok(Progress::TailRow(number, range));
        }
        self.place = Place::End;
        // The events of a freed segment should be in the file.
        let gone = tail
            .next_event
            .and_then(|known| known.checked_sub(self.next))
            .filter(|count| *count != 0);
        if tail.damaged {
            return Ok(Progress::Missing(Missing { why: Why::Damaged, ..rest }));
        }
        Ok(gone.map_or(Progress::Continue, |count| {
            Progress::Missing(Missing { count: Some(count), ..rest })
        }))
    }
}
