//! The names of one log, numbered. [`super::canonical`] makes them comparable once the whole log
//! was read.

use std::collections::HashMap;

use foldhash::fast::RandomState;

/// The number of a name in one log; 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NameId(pub(crate) u32);

/// The kind of a name, from the type of the argument, never from its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Sort {
    /// A path, absolute if the log has the working directory.
    Path,
    /// The link of a file without a path: `socket:[1]`, `anon_inode:[eventfd]`.
    Link,
    /// A `sockaddr`, after a byte with the type of the socket.
    Address,
    /// A word that needs no change.
    Word,
    /// A process, by pid.
    Pid,
    /// The target of a symbolic link.
    Text,
    /// What a call asks for, as `print` shows it.
    Request,
    /// A descriptor without a path, as it is shown: `<stdout>`.
    Descriptor,
}

/// All names of a log.
#[derive(Debug)]
pub(crate) struct Names {
    ids: HashMap<Box<[u8]>, NameId, RandomState>,
    names: Vec<Box<[u8]>>,
    scratch: Vec<u8>,
}

const SORTS: [Sort; 8] = [
    Sort::Path,
    Sort::Link,
    Sort::Address,
    Sort::Word,
    Sort::Pid,
    Sort::Text,
    Sort::Request,
    Sort::Descriptor,
];

impl Default for Names {
    fn default() -> Self {
        // Number 0 is "none".
        let none: Box<[u8]> = Box::from([Sort::Word as u8, b'-']);
        Self { ids: HashMap::default(), names: vec![none], scratch: Vec::new() }
    }
}

impl Names {
    pub(crate) fn id(&mut self, sort: Sort, name: &[u8]) -> NameId {
        self.scratch.clear();
        self.scratch.push(sort as u8);
        self.scratch.extend_from_slice(name);
        if let Some(id) = self.ids.get(self.scratch.as_slice()) {
            return *id;
        }
        let id = NameId(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        self.names.push(Box::from(self.scratch.as_slice()));
        self.ids.insert(Box::from(self.scratch.as_slice()), id);
        id
    }

    /// Returns a name as the log has it; empty if there is none.
    pub(crate) fn raw(&self, id: NameId) -> &[u8] {
        let name = usize::try_from(id.0).ok().and_then(|at| self.names.get(at));
        name.and_then(|name| name.get(1..)).unwrap_or_default()
    }

    /// Returns all names, by number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Sort, &[u8])> {
        self.names.iter().map(|name| match name.split_first() {
            Some((&sort, name)) => {
                (SORTS.get(usize::from(sort)).copied().unwrap_or(Sort::Word), name)
            }
            None => (Sort::Word, &[][..]),
        })
    }
}
