//! The descriptors that a call makes, and messages that carry some.

use std::rc::Rc;

use sysreel_abi::intent::SocketEnd;
use sysreel_abi::{CallKind, Makes, closes_on_exec, intent, makes_fd};
use sysreel_format::{Name, Part, Parts, TaskId};

use super::descriptors::{Descriptor, DescriptorOrigin};
use super::files::{Made, Maker, OpenFile, is_path};
use super::mounts::Location;
use super::open_call::OpenCall;
use super::resolved_call::{ResolvedCall, region};
use super::tracker::Tracker;
use sysreel_format::syscall_info::Outcome;

/// A descriptor to add: its place among those of the call, its number, and the result of the call.
#[derive(Clone, Copy)]
struct New {
    at: u8,
    fd: i32,
    result: u32,
}

impl Tracker {
    /// Remembers the descriptions that a message carries.
    pub(super) fn remember_sent_files(&mut self, id: TaskId, call: &ResolvedCall, open: &OpenCall) {
        let mut fds = Vec::new();
        for control in open.memory.controls() {
            sysreel_abi::rights(call.abi, control, |fd| fds.push(fd));
        }
        for fd in fds {
            if let Some(file) = self.argument_file(id, open, fd)
                && let Some(processes) = self.processes.as_mut()
            {
                processes.files.send(file);
            }
        }
    }

    /// Notes the address to which a socket is being connected. The kernel names it only once it is
    /// connected, which no call may show.
    pub(super) fn remember_peer(&self, id: TaskId, call: &ResolvedCall, open: &OpenCall) {
        let file = call.fd(0).and_then(|fd| self.argument_file(id, open, fd));
        let Some(file) = file else { return };
        if let Some(address) = passed_address(call, open) {
            *file.peer.borrow_mut() = address.to_vec();
        }
    }

    /// Notes the addresses of a socket that a call passes or returns. Where the log has the
    /// kernel's name of the socket, that comes after and wins: it knows the port that was chosen.
    pub(super) fn learn_addresses(
        &self,
        id: TaskId,
        call: &ResolvedCall,
        open: &OpenCall,
        parts: Parts<'_>,
    ) {
        let Some((end, is_passed)) = intent::tells_address(call.row) else { return };
        let address = match is_passed {
            true => passed_address(call, open),
            false => region(parts, 1, call.role, 0),
        };
        let file = call.fd(0).and_then(|fd| self.argument_file(id, open, fd));
        let (Some(address), Some(file)) = (address, file) else { return };
        match end {
            SocketEnd::Own => *file.local.borrow_mut() = address.to_vec(),
            // A connect to no family ends a connection.
            SocketEnd::Peer if is_passed && !intent::has_family(address) => {
                file.peer.borrow_mut().clear();
            }
            SocketEnd::Peer => *file.peer.borrow_mut() = address.to_vec(),
        }
    }

    /// Adds the descriptors that a call created.
    pub(super) fn add_new_fds(
        &mut self,
        id: TaskId,
        event: u64,
        call: &ResolvedCall,
        open: &OpenCall,
        outcome: Outcome,
        parts: Parts<'_>,
    ) {
        let names = || {
            parts.flatten().filter_map(|part| match part {
                Part::Name(name) => Some(name),
                _ => None,
            })
        };
        if call.row.makes == Makes::None && names().next().is_none() {
            return;
        }
        let written = |arg, role, index| region(parts, arg, role, index);
        let (Some(abi), Some(row)) = (open.abi, open.row) else { return };
        let fds = makes_fd(abi, row, &open.call.args, outcome.rval, outcome.failed(), written);
        let result = u32::try_from(outcome.rval).unwrap_or(0);
        for (at, &fd) in (0u8..).zip(fds.as_slice()) {
            let name = names().find(|name| name.fd == fd);
            self.add_fd(id, event, (call, open), New { at, fd, result }, name.as_ref());
        }
        if call.row.kind == CallKind::Pair
            && let &[one, other] = fds.as_slice()
            && let (Some(one), Some(other)) = (self.file(id, one), self.file(id, other))
        {
            one.connect_to(&other);
        }
        if let (CallKind::Accept, &[fd]) = (call.row.kind, fds.as_slice()) {
            self.accepted(id, call, open, fd);
        }
        // The other names: a socket with a new address, or what a message brought.
        for name in names().filter(|name| !fds.as_slice().contains(&name.fd)) {
            match self.file(id, name.fd).filter(|file| file.is(&name)) {
                Some(file) if call.row.kind != CallKind::Receive => file.update_name(&name),
                _ => {
                    let new = New { at: 0, fd: name.fd, result };
                    self.add_fd(id, event, (call, open), new, Some(&name));
                }
            }
        }
    }

    fn add_fd(
        &mut self,
        id: TaskId,
        event: u64,
        (call, open): (&ResolvedCall, &OpenCall),
        new: New,
        name: Option<&Name<'_>>,
    ) {
        let Some(process) = self.context(id).map(|context| context.process) else { return };
        let (old, origin) = self.copied(id, call, open);
        // What the kernel says wins.
        let old = old.filter(|old| name.is_none_or(|name| old.is_unnamed() || old.is(name)));
        let place = name.and_then(|name| self.place_of_name(id, (call, open), name));
        let Some(processes) = self.processes.as_mut() else { return };
        let maker = Maker { event, process, made: made(call, open, new.at) };
        let received = || name.filter(|_| call.row.kind == CallKind::Receive);
        let file = match (old, name) {
            (Some(old), _) => old,
            (None, Some(name)) => {
                match received().and_then(|name| processes.files.received(name)) {
                    Some(file) => file,
                    None => processes.files.create_for_name(maker, name, place),
                }
            }
            (None, None) => processes.files.create_unnamed(maker),
        };
        self.describe(id, (call, open), new, &file);
        let structure = |arg| open.memory.find(arg, call.role, 0)?.inline();
        let close_on_exec = closes_on_exec(call.abi, call.row, &call.args, structure);
        let descriptor = Descriptor { file, origin, event, process, close_on_exec };
        self.with_files(id, |table| table.set(new.fd, descriptor));
    }

    /// Returns the description that a call gives another descriptor, and how.
    fn copied(
        &self,
        id: TaskId,
        call: &ResolvedCall,
        open: &OpenCall,
    ) -> (Option<Rc<OpenFile>>, DescriptorOrigin) {
        match call.row.kind {
            CallKind::Dup | CallKind::DupTo | CallKind::Fcntl => {
                let from = call.fd(0).unwrap_or(-1);
                (self.argument_file(id, open, from), DescriptorOrigin::Duplicated { from })
            }
            CallKind::MakeFd if call.row.arg("pidfd").is_some() => self.taken(id, call, open),
            CallKind::Receive => (None, DescriptorOrigin::Received),
            _ => (None, DescriptorOrigin::Made),
        }
    }

    /// Returns the description that pidfd_getfd(2) takes from another process.
    fn taken(
        &self,
        id: TaskId,
        call: &ResolvedCall,
        open: &OpenCall,
    ) -> (Option<Rc<OpenFile>>, DescriptorOrigin) {
        let fd = call.fd(1).unwrap_or(-1);
        let pidfd = call.fd(0).and_then(|fd| self.argument_file(id, open, fd));
        let about = pidfd.map_or(0, |file| file.about.get());
        let other = self.tasks().find(|(_, task)| task.tgid == about && about != 0);
        let Some((other, task)) = other else {
            return (None, DescriptorOrigin::Taken { process: None, fd });
        };
        let process = task.context.as_ref().map(|context| context.process);
        (self.file(other, fd), DescriptorOrigin::Taken { process, fd })
    }

    /// Notes what a call says about the description that it makes.
    fn describe(
        &self,
        id: TaskId,
        (call, open): (&ResolvedCall, &OpenCall),
        new: New,
        file: &OpenFile,
    ) {
        // The argument combines type and flags (SOCK_TYPE_MASK, include/linux/net.h).
        let asked = || u8::try_from(call.args[1] & 0xf).unwrap_or(0);
        match call.row.kind {
            CallKind::Socket => file.socket_type.set(asked()),
            CallKind::Pair if file.is_socket() => file.socket_type.set(asked()),
            CallKind::Accept => {
                let listening = call.fd(0).and_then(|fd| self.argument_file(id, open, fd));
                file.socket_type.set(listening.map_or(0, |file| file.socket_type.get()));
            }
            CallKind::Clone | CallKind::Clone3 => file.about.set(new.result),
            CallKind::MakeFd => {
                if let Some(at) = call.row.arg("pid") {
                    let pid = call.args.get(at).copied().unwrap_or(0) & 0xffff_ffff;
                    file.about.set(u32::try_from(pid).unwrap_or(0));
                }
            }
            _ => {}
        }
    }

    /// Returns where the file of a name is.
    fn place_of_name(
        &self,
        id: TaskId,
        (call, open): (&ResolvedCall, &OpenCall),
        name: &Name<'_>,
    ) -> Option<Location> {
        if !is_path(name.link) {
            return None;
        }
        let base = self.place_of_links(id, call, open)?;
        if sysreel_abi::places::makes_detached_mount(call.abi, call.row, &call.args) {
            return Some(base.detached_mount());
        }
        Some(base.at_link(name.link, Self::names_mark(call, open)))
    }
}

/// Returns the address that a call passes. The beginning of one is that of another socket.
fn passed_address<'o>(call: &ResolvedCall, open: &'o OpenCall) -> Option<&'o [u8]> {
    let region = open.memory.find(1, call.role, 0)?;
    let address = region.inline()?;
    (!region.is_cut() || intent::internet_address(address).is_some()).then_some(address)
}

/// Returns how a call makes a description.
fn made(call: &ResolvedCall, open: &OpenCall, at: u8) -> Made {
    let structure = |arg| open.memory.find(arg, call.role, 0).and_then(|region| region.inline());
    match call.row.kind {
        CallKind::Open => match intent::opening(call.abi, call.row, &call.args, structure) {
            Some(how) if how.unnamed() => Made::Unnamed,
            _ => Made::Opened,
        },
        CallKind::Pair => Made::Pair(at),
        CallKind::Socket => Made::Socket,
        CallKind::Accept => Made::Accepted,
        CallKind::MakeFd if intent::makes_memory_file(call.row) => Made::Memory,
        _ => Made::Otherwise,
    }
}
