//! What a call passed and received besides its registers: memory, paths, descriptors.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;

use sysreel_abi::{ArgKind, CallKind, Dir, makes_fd, places};
use sysreel_format::syscall_info::Outcome;
use sysreel_format::{Direction, Name, Part, RegionHead};

use super::call::Call;
use super::ended::Errno;
use crate::regions::{self, Buffers, RegionView};
use crate::state::OpenFile;
use crate::state::paths::PATH_MAX;
use crate::state::region;
use crate::text::until_nul;

impl<'a> Call<'a> {
    /// Returns the memory that was captured: what the call read, and what it wrote.
    #[must_use]
    pub fn regions(&self) -> Regions<'a> {
        Regions::new(*self)
    }

    /// Returns the paths among its arguments.
    #[must_use]
    pub fn paths(&self) -> Paths<'a> {
        Paths::new(*self)
    }

    /// Returns what a descriptor that it made or received refers to when it returns.
    #[must_use]
    pub fn made_file(&self, made: &MadeFd<'_>) -> Option<Rc<OpenFile>> {
        self.state.file(self.task, made.fd)
    }

    /// Returns the full path of a name that it passes in memory, such as the address of a Unix
    /// socket, as [`PathArg::full`].
    #[must_use]
    pub fn full_path(&self, name: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        self.state.path_of_argument(self.task, self.open, (None, name), false, &mut out);
        out
    }

    /// Returns the descriptors that it made or received, with what they refer to.
    pub fn made(&self) -> impl Iterator<Item = MadeFd<'a>> + use<'a> {
        let parts = self.exit_parts();
        let names = move || {
            parts.into_iter().flatten().flatten().filter_map(|part| match part {
                Part::Name(name) => Some(name),
                _ => None,
            })
        };
        let fds = match (self.open.abi, self.open.row, self.outcome) {
            (Some(abi), Some(row), Some(Outcome { rval, is_error })) => {
                let written = |arg, role, index| region(parts?, arg, role, index);
                makes_fd(abi, row, &self.open.call.args, rval, is_error != 0, written)
            }
            _ => sysreel_abi::Fds::default(),
        };
        let name_of = move |fd| names().find(|name: &Name<'a>| name.fd == fd);
        let made = (0..2)
            .map_while(move |at| fds.as_slice().get(at).copied())
            .map(move |fd| MadeFd { fd, name: name_of(fd) });
        // Which descriptors a message of a unix socket brought is known by their names.
        let receives = self.row().is_some_and(|row| row.kind == CallKind::Receive);
        let received = receives.then(names).into_iter().flatten();
        made.chain(received.map(|name| MadeFd { fd: name.fd, name: Some(name) }))
    }
}

/// The memory captured of a call: first what it read, then what it wrote, each by argument, depth
/// and index.
#[derive(Clone)]
pub struct Regions<'a> {
    entry: &'a regions::Regions,
    exit: Option<&'a regions::Regions>,
    buffers: &'a dyn Buffers,
    at: usize,
}

impl<'a> Regions<'a> {
    pub(super) fn new(call: Call<'a>) -> Self {
        Self { entry: &call.open.memory, exit: call.exit_regions(), buffers: call.buffers, at: 0 }
    }
}

impl<'a> Iterator for Regions<'a> {
    type Item = Region<'a>;

    fn next(&mut self) -> Option<Region<'a>> {
        let view = match self.at.checked_sub(self.entry.len()) {
            None => self.entry.get(self.at),
            Some(at) => self.exit?.get(at),
        }?;
        self.at = self.at.saturating_add(1);
        Some(Region { view, buffers: self.buffers })
    }
}

impl fmt::Debug for Regions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

/// A piece of captured memory.
#[derive(Clone, Copy)]
pub struct Region<'a> {
    view: RegionView<'a>,
    buffers: &'a dyn Buffers,
}

impl<'a> Region<'a> {
    /// Returns the position of the argument that it belongs to, from 0; `None` if it belongs to
    /// none.
    #[must_use]
    pub fn arg(&self) -> Option<usize> {
        let arg = self.view.head.arg;
        (arg != RegionHead::NO_ARGUMENT).then_some(usize::from(arg))
    }

    /// Returns whether it was captured before or after the call.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.view.head.dir
    }

    /// Returns how many pointers lie between the argument and it: 0 for a buffer, 1 for the buffers
    /// of an iovec or the strings of argv.
    #[must_use]
    pub fn depth(&self) -> u8 {
        self.view.head.role.0
    }

    /// Returns the element that it is, of an iovec or of argv.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.view.head.index
    }

    /// Returns its address in the task.
    #[must_use]
    pub fn address(&self) -> u64 {
        self.view.head.address
    }

    /// Returns how many bytes the call asked for, before any limit.
    #[must_use]
    pub fn asked(&self) -> u64 {
        self.view.head.asked
    }

    /// Returns how many bytes were captured.
    #[must_use]
    pub fn got(&self) -> u64 {
        self.view.head.got
    }

    /// Whether the recorder kept only the beginning, because of its capture limit.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.view.is_cut()
    }

    /// Returns why fewer bytes were captured than asked for, if the memory could not be read. A
    /// region that only the capture limit has cut has no error.
    #[must_use]
    pub fn errno(&self) -> Option<Errno> {
        i32::try_from(self.view.head.errno).ok().filter(|errno| *errno != 0).map(Errno)
    }

    /// Returns the bytes; `None` if they are no longer in the log. Short ones are borrowed, those
    /// of 256 bytes and more are read from the log.
    #[must_use]
    pub fn bytes(&self) -> Option<Cow<'a, [u8]>> {
        self.first(usize::MAX)
    }

    /// As [`Self::bytes`], but at most `limit` bytes.
    #[must_use]
    pub fn first(&self, limit: usize) -> Option<Cow<'a, [u8]>> {
        self.view.bytes(self.buffers, limit)
    }
}

impl fmt::Debug for Region<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view.fmt(f)
    }
}

/// The paths among the arguments of a call that the kernel reads.
#[derive(Clone)]
pub struct Paths<'a> {
    call: Call<'a>,
    at: usize,
}

impl<'a> Paths<'a> {
    pub(super) fn new(call: Call<'a>) -> Self {
        Self { call, at: 0 }
    }
}

impl<'a> Iterator for Paths<'a> {
    type Item = PathArg<'a>;

    fn next(&mut self) -> Option<PathArg<'a>> {
        let call = self.call.resolved()?;
        loop {
            let (at, arg) = (self.at, call.row.args.get(self.at)?);
            self.at = at.saturating_add(1);
            let is_read = arg.mem.is_some_and(|mem| mem.dir == Dir::In);
            if !is_read || !matches!(arg.kind, ArgKind::Path) {
                continue;
            }
            let region = self.call.open.memory.find(u8::try_from(at).ok()?, call.role, 0);
            let Some(region) = region else { continue };
            let Some(bytes) = region.bytes(self.call.buffers, PATH_MAX) else { continue };
            let is_cut = region.is_cut();
            let before = at.checked_sub(1).and_then(|at| Some((at, call.row.args.get(at)?)));
            let dirfd =
                before.filter(|(_, arg)| matches!(arg.kind, ArgKind::DirFd)).map(|(at, _)| at);
            return Some(PathArg { at, arg: arg.name, call: self.call, bytes, is_cut, dirfd });
        }
    }
}

impl fmt::Debug for Paths<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

/// A path among the arguments of a call.
#[derive(Clone)]
pub struct PathArg<'a> {
    at: usize,
    arg: &'static str,
    call: Call<'a>,
    bytes: Cow<'a, [u8]>,
    is_cut: bool,
    /// The position of the directory's descriptor.
    dirfd: Option<usize>,
}

impl PathArg<'_> {
    /// Returns the name of the argument.
    #[must_use]
    pub fn arg(&self) -> &'static str {
        self.arg
    }

    /// Returns the position of the argument, from 0.
    #[must_use]
    pub fn position(&self) -> usize {
        self.at
    }

    /// Whether the recorder kept only the beginning, because of its capture limit: then another
    /// path may be meant, which begins like this one.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Whether [`Self::target`] is only a beginning. Where the recorder saw where all of the path
    /// leads, it is not.
    #[must_use]
    pub fn is_target_cut(&self) -> bool {
        let mut parts = self.call.exit_parts().into_iter().flatten().flatten();
        let at = u8::try_from(self.at).ok();
        self.is_cut
            && !parts.any(|part| match part {
                Part::Path(found) => Some(found.arg) == at && found.errno == 0 && found.whole,
                _ => false,
            })
    }

    /// Returns the path as the program wrote it, without its NUL.
    #[must_use]
    pub fn written(&self) -> &[u8] {
        until_nul(&self.bytes)
    }

    /// Returns the path from the root, without `.` and `..`, if processes are followed
    /// ([`Follow::processes`](crate::state::Follow)); otherwise a relative path stays relative. It
    /// is the full path of [`Tracker::path`](crate::state::Tracker::path). Symbolic links are not
    /// resolved: they are not in the log. An empty path, with which some calls mean the descriptor
    /// itself, is the path of the descriptor; it stays empty if that has none or the log does not
    /// show it.
    #[must_use]
    pub fn full(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let call = self.call.resolved();
        let dirfd = self.dirfd.and_then(|at| call?.args.get(at).copied());
        let (state, task) = (self.call.state, self.call.task);
        let below = self.call.opening().is_some_and(|opening| opening.stays_below());
        let with = (dirfd, self.written());
        state.path_of_argument(task, self.call.open, with, below, &mut out);
        if self.written().is_empty() && out == b"." {
            out.clear();
        }
        out
    }

    /// Returns the path to which [`Self::full`] leads through symbolic links, if the recorder saw
    /// that: of calls that change names, or files by their names. Otherwise the same as
    /// [`Self::full`].
    #[must_use]
    pub fn target(&self) -> Vec<u8> {
        let (Some(parts), Some(call), Ok(path)) =
            (self.call.exit_parts(), self.call.resolved(), u8::try_from(self.at))
        else {
            return self.full();
        };
        let dirfd = self.dirfd.and_then(|at| u8::try_from(at).ok());
        let (arg, mut out) = (places::PathArg { path, dirfd }, Vec::new());
        let with = (self.written(), parts);
        let open = self.call.open;
        self.call.state.path_of_call(self.call.task, (&call, open), arg, with, &mut out);
        out
    }
}

impl fmt::Debug for PathArg<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={:?}", self.arg, String::from_utf8_lossy(self.written()))
    }
}

/// A descriptor that a call made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MadeFd<'a> {
    /// The descriptor.
    pub fd: i32,
    /// What it refers to, as the kernel named it; `None` if the log does not have it.
    pub name: Option<Name<'a>>,
}
