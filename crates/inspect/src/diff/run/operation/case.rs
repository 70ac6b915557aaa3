//! A call to classify, and the names of its files.

use std::rc::Rc;

use super::super::names::{NameId, Names, Sort};
use super::classified::CountedOnly;
use crate::calls::Returned;
use crate::regions::Buffers;
use crate::state::{FileName, Made, OpenFile, ResolvedCall, Tracker};

/// The properties of a row that do not depend on arguments.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowInfo {
    /// The path arguments that the kernel reads, each with the directory descriptor before it.
    pub(super) paths: [Option<(u8, Option<u8>)>; 2],
    /// The first descriptor argument.
    pub(super) fd: Option<u8>,
    /// The name of a plain call, without an operation.
    pub(super) name: NameId,
    pub(super) privileged: Option<NameId>,
    pub(super) counted_only: Option<CountedOnly>,
}

/// A call with what is needed to classify it.
pub(crate) struct Case<'a> {
    pub(crate) tracker: &'a Tracker,
    pub(crate) finished: &'a Returned<'a>,
    pub(crate) call: ResolvedCall,
    pub(crate) buffers: &'a dyn Buffers,
}

impl Case<'_> {
    pub(crate) fn errno(&self) -> u16 {
        match self.finished.outcome.failed() {
            true => u16::try_from(self.finished.outcome.rval.wrapping_neg()).unwrap_or(u16::MAX),
            false => 0,
        }
    }

    pub(crate) fn failed(&self) -> bool {
        self.finished.outcome.failed()
    }

    pub(crate) fn file(&self, at: usize) -> Option<Rc<OpenFile>> {
        self.argument_file(self.call.fd(at)?)
    }

    /// Returns what a descriptor referred to at the entry of the call.
    pub(crate) fn argument_file(&self, fd: i32) -> Option<Rc<OpenFile>> {
        self.tracker.argument_file(self.finished.task, self.finished.open, fd)
    }
}

/// Returns the name of a file, which is kept in [`OpenFile::tag`].
pub(crate) fn file_name(file: &OpenFile, names: &mut Names) -> NameId {
    /// The part of the tag that holds the name; other code uses the rest.
    const NAMED: u64 = 0xffff_ffff;
    let known = u32::try_from(file.tag.get() & NAMED).unwrap_or(0);
    if known != 0 && !file.is_socket() {
        return NameId(known);
    }
    let id = match file.made {
        // Descriptors that the first process inherited.
        Made::Before(0) if file.maker.0 == 0 => names.id(Sort::Descriptor, b"<stdin>"),
        Made::Before(1) if file.maker.0 == 0 => names.id(Sort::Descriptor, b"<stdout>"),
        Made::Before(2) if file.maker.0 == 0 => names.id(Sort::Descriptor, b"<stderr>"),
        Made::Unnamed => names.id(Sort::Descriptor, b"<nameless>"),
        _ if file.is_socket() => socket(file, names),
        _ if is_nameless(&file.name()) => names.id(Sort::Descriptor, b"<nameless>"),
        _ if file.link.first() == Some(&b'/') => {
            let mut name = Vec::new();
            file.write_full_path(&mut name);
            names.id(Sort::Path, &name)
        }
        _ => names.id(Sort::Link, &file.link),
    };
    file.tag.set(file.tag.get() & !NAMED | u64::from(id.0));
    id
}

/// Whether it is a file of O_TMPFILE, whose name is its inode (d_mark_tmpfile, fs/dcache.c).
fn is_nameless(name: &FileName) -> bool {
    let base = name.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let inode = base.strip_prefix(b"#").filter(|_| name.is_removed);
    inode.is_some_and(|inode| !inode.is_empty() && inode.iter().all(u8::is_ascii_digit))
}

/// Returns the name of a socket: the address of its peer.
fn socket(file: &OpenFile, names: &mut Names) -> NameId {
    let peer = file.peer.borrow();
    if file.made == Made::Accepted || peer.len() <= 2 {
        return names.id(Sort::Descriptor, b"<socket>");
    }
    address(file, &peer, names)
}

pub(super) fn address(file: &OpenFile, sockaddr: &[u8], names: &mut Names) -> NameId {
    let mut name = vec![file.socket_type.get()];
    name.extend_from_slice(sockaddr);
    names.id(Sort::Address, &name)
}
