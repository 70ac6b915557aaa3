//! What an open call waits for, and who could end the wait.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde::Serialize;
use sysreel_inspect::abi::attributes::LockKind;
use sysreel_inspect::abi::{ArgKind, CallKind, Classes, intent};
use sysreel_inspect::calls::Call;
use sysreel_inspect::format::TaskId;
use sysreel_inspect::state::{Made, OpenFile};
use sysreel_inspect::visible::visible_bytes;

use super::noted::{CANNOT_READ, CANNOT_WRITE, SOCKET_TIMEOUT, raw_args};
use crate::sockets::{self, file_name};
use crate::text::CUT;

/// What kind of thing a call waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A child that ends, or a child of vfork(2) that runs another program.
    Child,
    /// A futex: a lock or condition variable of a program.
    Futex,
    /// A lock on a file.
    Lock,
    /// A pipe or FIFO.
    Pipe,
    /// A socket.
    Socket,
    /// A terminal.
    Terminal,
    /// A regular file or directory: the disk.
    File,
    /// Any of several descriptors.
    Poll,
    /// A time.
    Timer,
    /// A signal.
    Signal,
    /// Anything else.
    Other,
}

impl Cause {
    /// Returns the kind of thing that a call waits for; `None` for a call that does not wait.
    #[must_use]
    pub fn of(call: &Call<'_>) -> Option<Self> {
        let row = call.row()?;
        Some(match row.kind {
            // What attaching interrupted and a restart continues waits for something too.
            CallKind::Restart => match call.continues().map(|row| row.kind) {
                Some(CallKind::Futex) => Self::Futex,
                Some(CallKind::Poll) => Self::Poll,
                Some(CallKind::Sleep) => Self::Timer,
                _ => Self::Other,
            },
            CallKind::Wait | CallKind::Vfork => Self::Child,
            CallKind::Futex => Self::Futex,
            CallKind::Lock => Self::Lock,
            CallKind::Sleep => Self::Timer,
            CallKind::Poll => Self::Poll,
            CallKind::Accept | CallKind::Connect => Self::Socket,
            CallKind::Sync => Self::File,
            CallKind::Read | CallKind::Write | CallKind::Send | CallKind::Receive => {
                let file = call.reads().or_else(|| call.writes());
                file.map_or(Self::Other, |file| Self::of_file(&file))
            }
            CallKind::SigMask | CallKind::Other if row.class.contains(Classes::SIGNAL) => {
                Self::Signal
            }
            _ => return None,
        })
    }

    fn of_file(file: &OpenFile) -> Self {
        match file.mode {
            mode if intent::is_pipe(mode) => Self::Pipe,
            mode if intent::is_socket(mode) => Self::Socket,
            mode if intent::is_regular(mode) || intent::is_directory(mode) => Self::File,
            _ if is_terminal(file) => Self::Terminal,
            _ => Self::Other,
        }
    }
}

/// Whether a file is a terminal, by the names that the kernel gives them (devices.txt).
fn is_terminal(file: &OpenFile) -> bool {
    let name = file.name().path;
    [&b"/dev/tty"[..], b"/dev/pts/", b"/dev/console"].iter().any(|start| name.starts_with(start))
}

/// What a call waits for.
pub(crate) struct Object {
    cause: Cause,
    /// The files, each with whether the call waits to read from it.
    files: Vec<(Rc<OpenFile>, bool)>,
    /// A name that is not that of a file.
    name: Option<String>,
    timeout: bool,
    /// Whether the wait is for other tasks of the recording alone.
    is_internal: bool,
    pub(crate) others: Vec<Other>,
}

/// A process that could end a wait.
#[derive(Clone, Debug)]
pub(crate) struct Other {
    pub(crate) task: TaskId,
    pub(crate) pid: u32,
    pub(crate) how: Rc<str>,
}

impl Object {
    pub(crate) fn of(call: &Call<'_>) -> Self {
        let kind = call.row().map(|row| row.kind);
        // Of the commands of fcntl(2) only those that wait for a lock are still open.
        let cause = match kind {
            Some(CallKind::Fcntl) => Cause::Lock,
            _ => Cause::of(call).unwrap_or(Cause::Other),
        };
        let reads = call.writes().is_none();
        let mut files: Vec<_> =
            call.fd_args().filter_map(|(_, file)| Some((file?, reads))).collect();
        if cause == Cause::Poll {
            files.extend(polled(call));
        }
        let name = (cause == Cause::Futex)
            .then(|| call.args().raw(0).map(|address| format!("{address:#x}")))
            .flatten()
            .or_else(|| {
                let path = call.paths().next()?;
                let rest = if path.is_cut() { CUT } else { "" };
                Some(visible_bytes(&path.full()) + rest)
            });
        let has_socket_timeout = files.iter().any(|(file, _)| file.tag.get() & SOCKET_TIMEOUT != 0);
        let timeout = has_timeout(call) || has_socket_timeout;
        let is_internal = !timeout
            && match cause {
                Cause::Child | Cause::Lock => true,
                // Other futexes can lie in memory that other processes share.
                Cause::Futex => {
                    call.row().is_some_and(|row| intent::is_private_futex(row, &raw_args(call)))
                        || is_private(call)
                }
                Cause::Pipe | Cause::Socket | Cause::Poll => {
                    !files.is_empty() && files.iter().all(|(file, _)| has_known_ends(call, file))
                }
                _ => false,
            };
        Self { cause, files, name, timeout, is_internal, others: Vec::new() }
    }

    pub(crate) fn with_others(mut self, others: Vec<Other>) -> Self {
        self.others = others;
        self
    }

    pub(crate) fn cause(&self) -> Cause {
        self.cause
    }

    pub(crate) fn has_timeout(&self) -> bool {
        self.timeout || self.cause == Cause::Timer
    }

    /// Whether only tasks of the recording could end the wait, so that `others` are all of them.
    pub(crate) fn is_internal(&self) -> bool {
        self.is_internal
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let of_files = self.files.iter().map(|(file, _)| file_name(file));
        self.name.iter().cloned().chain(of_files).collect()
    }

    /// Returns the processes that could end the wait.
    pub(crate) fn others(&self, call: &Call<'_>) -> Vec<Other> {
        let mut others = match self.cause {
            Cause::Child => children(call),
            Cause::Futex => threads(call),
            Cause::Lock => self.lock_holders(call),
            Cause::Pipe | Cause::Socket | Cause::Poll => self.other_ends(call),
            _ => Vec::new(),
        };
        others.sort_by_key(|other| (other.pid, other.task));
        others
    }

    /// Returns the processes that hold the other end of a pipe or socket.
    fn other_ends(&self, call: &Call<'_>) -> Vec<Other> {
        let mut found: BTreeMap<u32, Other> = BTreeMap::new();
        // Where the other end of a connection is known, the socket that listened is not one.
        let has_end = |(mine, reads): &(Rc<OpenFile>, bool)| {
            let mut has_end = false;
            for_each_table(call, &mut |_, _, _, theirs| has_end |= is_connected(mine, theirs));
            (Rc::clone(mine), *reads, has_end)
        };
        let files: Vec<_> = self.files.iter().map(has_end).collect();
        for_each_table(call, &mut |task, pid, fd, file| {
            if files.iter().any(|(mine, reads, has_end)| match has_end {
                true => is_connected(mine, file),
                false => is_other_end(mine, file, *reads),
            }) {
                let how = Rc::from(format!("fd {fd} is {}", file_name(file)));
                found.entry(pid).or_insert(Other { task, pid, how });
            }
        });
        found.into_values().collect()
    }

    fn lock_holders(&self, call: &Call<'_>) -> Vec<Other> {
        let ids: Vec<_> = self.files.iter().map(|(file, _)| file.id).collect();
        let mut found: BTreeMap<u32, Other> = BTreeMap::new();
        for (id, task) in call.state().tasks() {
            let Some(process) = call.state().process(id) else { continue };
            // Its own record locks never stop a process, those of other descriptions do.
            let is_own = task.tgid == call.task().tgid();
            let stops = |kind: LockKind| !is_own || kind != LockKind::Record;
            let mut locks = process.locks().into_iter();
            if locks.any(|lock| ids.contains(&lock.file) && stops(lock.kind)) {
                let how = Rc::from("holds a lock on it");
                found.entry(task.tgid).or_insert(Other { task: id, pid: task.tgid, how });
            }
        }
        found.into_values().collect()
    }
}

/// Whether the futex of a call lies in memory that no other process sees, such as a stack.
fn is_private(call: &Call<'_>) -> bool {
    let context = call.state().context(call.task().id());
    context.zip(call.args().raw(0)).is_some_and(|(of, at)| of.space.borrow().is_private(at))
}

/// Whether the log shows who has the other end of a pipe or socket.
fn has_known_ends(call: &Call<'_>, file: &OpenFile) -> bool {
    if intent::is_pipe(file.mode) || file.likely_peer() != 0 {
        return true;
    }
    // The other end of a connection between tasks of the recording.
    let mut found = false;
    for_each_table(call, &mut |_, _, _, theirs| found |= is_connected(file, theirs));
    found
}

/// Whether two sockets are the ends of one connection.
fn is_connected(mine: &OpenFile, theirs: &OpenFile) -> bool {
    let (my_local, my_peer) = (mine.local.borrow(), mine.peer.borrow());
    intent::is_socket(mine.mode)
        && intent::is_socket(theirs.mode)
        && sockets::internet(&my_peer).is_some()
        && *my_peer == *theirs.local.borrow()
        && *my_local == *theirs.peer.borrow()
}

/// Whether a descriptor of `theirs` can end a wait for `mine`.
fn is_other_end(mine: &OpenFile, theirs: &OpenFile, reads: bool) -> bool {
    if intent::is_pipe(mine.mode) {
        let (wanted, cannot) = if reads { (1, CANNOT_WRITE) } else { (0, CANNOT_READ) };
        // Whether a FIFO or pipe from before the recording is open for reading or writing is not
        // known.
        return theirs.id == mine.id
            && theirs.tag.get() & cannot == 0
            && !matches!(theirs.made, Made::Pair(end) if end != wanted);
    }
    if intent::is_socket(mine.mode) && intent::is_socket(theirs.mode) {
        let peer = mine.likely_peer();
        if peer != 0 {
            return theirs.id.1 == peer;
        }
        let (mine_peer, their_local) = (mine.peer.borrow(), theirs.local.borrow());
        return mine_peer.len() > 2
            && *mine_peer == *their_local
            && (theirs.made != Made::Accepted || *theirs.peer.borrow() == *mine.local.borrow());
    }
    false
}

/// Calls `each` with the descriptors of every process, once for each table.
fn for_each_table(call: &Call<'_>, each: &mut dyn FnMut(TaskId, u32, i32, &OpenFile)) {
    let mut seen = std::collections::BTreeSet::new();
    for (id, task) in call.state().tasks() {
        let Some(context) = call.state().context(id) else { continue };
        if seen.insert(Rc::as_ptr(&context.files).addr()) {
            context
                .files
                .borrow()
                .for_each(|fd, descriptor| each(id, task.tgid, fd, descriptor.file()));
        }
    }
}

/// Returns the children of the process.
fn children(call: &Call<'_>) -> Vec<Other> {
    let state = call.state();
    let mut found: BTreeMap<u32, Other> = BTreeMap::new();
    let pid = call.task().tgid();
    // Of wait4(2), a positive number is the child that it waits for.
    let only = call.args().get("upid").map(|arg| arg.raw() & 0xffff_ffff);
    let only =
        only.and_then(|pid| u32::try_from(pid).ok()).filter(|pid| (1..1 << 31).contains(pid));
    for (id, task) in state.tasks() {
        if only.is_some_and(|only| only != task.tgid) {
            continue;
        }
        // A child that it names is one, also if the recorder attached to it and did not see that.
        let is_named = only == Some(task.tgid);
        let is_child = state.task(task.parent).is_some_and(|parent| parent.tgid == pid);
        if (is_child || is_named) && task.tgid != pid {
            let how = Rc::from("is a child");
            found.entry(task.tgid).or_insert(Other { task: id, pid: task.tgid, how });
        }
    }
    found.into_values().collect()
}

/// Returns the other threads of the process.
fn threads(call: &Call<'_>) -> Vec<Other> {
    let (pid, this) = (call.task().tgid(), call.task().id());
    let others = call.state().tasks().filter(|(id, task)| task.tgid == pid && *id != this);
    let other = |(task, of): (TaskId, &sysreel_inspect::state::Task)| Other {
        task,
        pid,
        how: Rc::from(format!("thread {} of the same process", of.tid)),
    };
    others.map(other).collect()
}

/// Returns the files that poll(2) and select(2) wait for, each with whether to read from it. The
/// log does not show those of an epoll set here.
fn polled(call: &Call<'_>) -> Vec<(Rc<OpenFile>, bool)> {
    let mut fds: Vec<(i32, bool)> = Vec::new();
    for arg in call.args().iter() {
        let Some((kind, _)) = arg.meaning() else { continue };
        let Some(bytes) = arg.bytes() else { continue };
        match kind {
            // struct pollfd: fd, events, revents (poll(2)).
            ArgKind::Array(_) => fds.extend(bytes.chunks_exact(8).filter_map(|entry| {
                let fd = i32::from_le_bytes(*entry.first_chunk()?);
                let events = u16::from_le_bytes(*entry.get(4..)?.first_chunk()?);
                Some((fd, intent::polls_for_input(events)))
            })),
            ArgKind::FdSet => {
                let bits = (0..).zip(bytes.iter()).flat_map(|(at, byte): (i32, &u8)| {
                    (0..8).filter(move |bit| byte >> bit & 1 == 1).map(move |bit| at * 8 + bit)
                });
                fds.extend(bits.map(|fd| (fd, arg.name() == "inp")));
            }
            _ => {}
        }
    }
    let mut files: Vec<(Rc<OpenFile>, bool)> = Vec::new();
    for (fd, reads) in fds {
        if let Some(file) = call.file(fd)
            && files.iter().all(|(known, way)| known.serial != file.serial || *way != reads)
        {
            files.push((file, reads));
        }
    }
    files
}

/// Whether a call ends by itself after some time.
fn has_timeout(call: &Call<'_>) -> bool {
    let args = call.args();
    let in_ms = ["timeout_msecs", "timeout"].iter().filter_map(|name| args.get(name));
    let mut in_ms = in_ms.filter(|arg| matches!(arg.meaning(), Some((ArgKind::Int, _))));
    if let Some(arg) = in_ms.next() {
        // Negative: for ever (poll(2), epoll_wait(2)). It is an int: the sign is bit 31.
        return arg.raw() & 0x8000_0000 == 0;
    }
    let pointers = ["tvp", "tsp", "timeout", "utime", "uts"];
    pointers.iter().filter_map(|name| args.get(name)).any(|arg| arg.raw() != 0)
}
