//! Names that a trace has once (interned data): an event refers to them by number.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::proto::Message;

/// The tables of names, as fields of `InternedData`, and the field of the text in their entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    Category,
    Event,
    Annotation,
    Text,
}

impl Table {
    const ALL: [(Self, u32); 4] =
        [(Self::Category, 1), (Self::Event, 2), (Self::Annotation, 3), (Self::Text, 29)];

    /// The field in `InternedData`.
    fn field(self) -> u32 {
        Self::ALL.iter().find(|(table, _)| *table == self).map_or(0, |(_, field)| *field)
    }
}

/// The most names before all begin anew, which bounds memory here and in readers.
const MOST: usize = 1 << 15;

/// The names that readers know by now.
#[derive(Debug, Default)]
pub(super) struct Names {
    tables: [HashMap<String, u64, RandomState>; Table::ALL.len()],
    /// Entries that the next packet has to bring.
    new: Message,
}

impl Names {
    /// Whether there are so many names that they should be forgotten.
    pub(super) fn is_full(&self) -> bool {
        self.tables.iter().any(|table| table.len() >= MOST)
    }

    /// Returns the number of a name, from 1.
    pub(super) fn number(&mut self, table: Table, name: &str) -> u64 {
        let names = &mut self.tables[table as usize];
        if let Some(number) = names.get(name) {
            return *number;
        }
        let number = u64::try_from(names.len()).unwrap_or(u64::MAX).saturating_add(1);
        names.insert(name.to_owned(), number);
        let mut entry = Message::default();
        entry.number(1, number);
        entry.text(2, name);
        self.new.message(table.field(), &entry);
        number
    }

    /// Returns the entries that readers do not have yet.
    pub(super) fn take_new(&mut self) -> Option<Message> {
        let new = std::mem::take(&mut self.new);
        (!new.is_empty()).then_some(new)
    }
}
