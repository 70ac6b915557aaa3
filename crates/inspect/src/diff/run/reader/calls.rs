//! Collects what a comparison needs of each call.

use sysreel_abi::{ArgKind, CallKind, intent, netlink};
use sysreel_format::Part;

use super::super::Created;
use super::super::content::{Content, KnownBlobs};
use super::super::names::NameId;
use super::super::operation::{Case, Classified, CountedOnly, Making, Operation};
use super::super::stream::{self, NewStep};
use super::RunBuilder;
use crate::calls::{At, Returned, Signal};
use crate::diff::Level;
use crate::diff::effect::Op;
use crate::state::{ProcessId, ResolvedCall, Tracker, region};

impl RunBuilder {
    pub(super) fn call(
        &mut self,
        tracker: &Tracker,
        finished: &Returned<'_>,
        buffers: &dyn crate::regions::Buffers,
    ) {
        crate::add(&mut self.calls, 1);
        let has_run = tracker.task(finished.task).is_some_and(|task| task.has_run);
        let (Some(call), Some(context)) =
            (ResolvedCall::resolve(finished.open), tracker.context(finished.task))
        else {
            crate::add(self.counted_only.entry(CountedOnly::Unknown).or_default(), 1);
            return;
        };
        if !has_run {
            crate::add(self.counted_only.entry(CountedOnly::Recorder).or_default(), 1);
            return;
        }
        let process = context.process;
        self.collect_chosen_ids(tracker, finished, &call);
        let case = Case { tracker, finished, call, buffers };
        let mut classified = self.classifier.classify(&case, &mut self.names);
        if let Classified::Operation(operation) = classified
            && self.continue_connect(&case)
        {
            classified = Classified::Retry(Operation { errno: 0, ..operation });
        }
        if self.level >= Level::Timing {
            let took = finished.t_ns.saturating_sub(finished.open.t_ns);
            self.timing.add(case.call.row.name, took);
        }
        match classified {
            Classified::CountedOnly(class) => {
                crate::add(self.counted_only.entry(class).or_default(), 1)
            }
            Classified::Retry(operation) => {
                crate::add(self.counted_only.entry(CountedOnly::Retry).or_default(), 1);
                self.attempted(process, operation, finished);
                if self.level >= Level::Sequence {
                    self.streams.retry(finished.task, process, (self.role(process), operation));
                }
            }
            Classified::Mark(name) => {
                self.marks.push((name, finished.event, process));
                let operation = Operation { op: Op::Mark, first: name, ..Operation::default() };
                self.step(&case, process, operation);
            }
            Classified::Operation(operation) => {
                let Case { call, .. } = &case;
                if intent::maps_code(call.abi, call.row, &call.args) && !case.failed() {
                    // The descriptor of a mapping is what the operation is about.
                    self.loaded.insert(operation.second);
                }
                for name in [operation.first, operation.second, operation.requested] {
                    self.set_user(name, process);
                }
                let operation = self.durability.chmod(operation, &mut self.names);
                self.operation(process, &operation, finished);
                if operation.errno == 0 {
                    let actor = (process, self.role(process));
                    self.durability.add(&case, actor, &operation, &mut self.names);
                    self.locking.add(&case, actor, &operation);
                }
                self.begin_connect(&case, process, operation);
                let none = NameId::default();
                let operation = Operation { grants: none, flags: none, ..operation };
                self.step(&case, process, operation);
            }
        }
    }

    /// Adds a step to the stream of the task, from level `sequence` on.
    pub(super) fn step(&mut self, case: &Case<'_>, process: ProcessId, operation: Operation) {
        if self.level < Level::Sequence {
            return;
        }
        let (finished, role) = (case.finished, self.role(process));
        // The result of mmap is an address.
        let joins = stream::joins(operation) && case.call.row.kind != CallKind::Mmap;
        let fields = self.level >= Level::Fields;
        let detail = if fields { self.details.id(case, joins) } else { 0 };
        let bytes = if joins { u64::try_from(finished.outcome.rval).unwrap_or(0) } else { 0 };
        let (task, event) = (finished.task, finished.event);
        self.streams.step(&NewStep { task, process, role, operation, event, detail, bytes });
        if fields && joins && matches!(operation.op, Op::Write | Op::Send) {
            let content = self.streams.contents.entry((process, operation.first)).or_default();
            content.event = content.event.max(event);
            contents(case, bytes, &mut self.blobs, content);
        }
    }

    /// Counts a signal. Its delivery is a stop with a siginfo.
    pub(super) fn signal(&mut self, at: &At<'_, Signal<'_>>) {
        if at.what.siginfo.is_some()
            && let Some(context) = at.task.state().context(at.event.task)
        {
            let key = (context.process, at.what.number);
            let seen = self.streams.signals.entry(key).or_insert((0, at.number()));
            seen.0 = seen.0.saturating_add(1);
        }
    }

    fn operation(&mut self, process: ProcessId, operation: &Operation, finished: &Returned<'_>) {
        let role = match operation.op {
            // The role that called execve, before the new image.
            Op::Exec if !finished.outcome.failed() => {
                self.role_before(process, finished.open.number)
            }
            _ => self.role(process),
        };
        if operation.errno != 0 && operation.makes == Making::First {
            // A program whose directory is missing makes up another name when it tries again.
            let (name, exclusive, private) = (operation.first, true, self.is_private(operation));
            self.created.push(Created { name, role, exclusive, private, failed: true });
        }
        if operation.errno == 0 {
            let made = match operation.makes {
                Making::Nothing => None,
                Making::Perhaps => Some((operation.first, false)),
                Making::First => Some((operation.first, true)),
                // A rename replaces what is there.
                Making::Second => Some((operation.second, operation.op != Op::Rename)),
            };
            if let Some((name, exclusive)) = made
                && self.local_ids.created.insert(name)
            {
                let private = self.is_private(operation);
                self.created.push(Created { name, role, exclusive, private, failed: false });
            }
        }
        if operation.requested != NameId::default() {
            self.leads.insert(operation.requested, operation.first);
        }
        if operation.effect {
            let none = NameId::default();
            let grants = operation.grants;
            let operation = Operation { opens: false, requested: none, grants: none, ..*operation };
            let creation = Operation { op: Op::Create, second: grants, flags: none, ..operation };
            let creation = Operation { makes: Making::Nothing, ..creation };
            let creation = Some(creation).filter(|_| grants != none);
            for operation in [Some(operation), creation].into_iter().flatten() {
                let key = ((process, role), operation);
                let seen = self.operations.entry(key).or_insert((0, finished.event));
                seen.0 = seen.0.saturating_add(1);
            }
        }
    }

    /// Whether an operation makes a file for its owner alone.
    fn is_private(&self, operation: &Operation) -> bool {
        let grants = self.names.raw(operation.grants);
        grants.starts_with(b"0600") || grants.starts_with(b"0700")
    }

    pub(super) fn set_user(&mut self, name: NameId, process: ProcessId) {
        let Ok(at) = usize::try_from(name.0) else { return };
        if self.users.len() <= at {
            self.users.resize(at.saturating_add(1), ProcessId::NONE);
        }
        if let Some(user) = self.users.get_mut(at).filter(|user| **user == ProcessId::NONE) {
            *user = process;
        }
    }

    /// Returns the role of a process before an event.
    fn role_before(&self, id: ProcessId, event: u64) -> NameId {
        let Some(process) = usize::try_from(id.0).ok().and_then(|at| self.processes.get(at)) else {
            return NameId::default();
        };
        let image = process.images.iter().rev().find(|image| image.event < event);
        image.map_or(process.inherited, |image| image.role)
    }

    /// Remembers what the kernel chose: random bytes and ports.
    fn collect_chosen_ids(
        &mut self,
        tracker: &Tracker,
        finished: &Returned<'_>,
        call: &ResolvedCall,
    ) {
        let named = || {
            finished.parts.flatten().find_map(|part| match part {
                Part::Name(name) => Some(name),
                _ => None,
            })
        };
        let port = |address: &[u8]| {
            let inet = matches!(
                intent::Family::from_sockaddr(address),
                intent::Family::Inet | intent::Family::Inet6
            );
            let port = address.get(2..4).map(|b| u16::from_be_bytes([b[0], b[1]]));
            port.filter(|port| inet && *port != 0)
        };
        let chosen = match call.row.kind {
            CallKind::Random => {
                let bytes = region(finished.parts, 0, call.role, 0);
                return self.local_ids.add_random(bytes.unwrap_or_default());
            }
            CallKind::Read if !finished.outcome.failed() => {
                let (task, open) = (finished.task, finished.open);
                let file = call.fd(0).and_then(|fd| tracker.argument_file(task, open, fd));
                let Some(file) = file else { return };
                if matches!(&*file.link, b"/dev/urandom" | b"/dev/random") {
                    let bytes = region(finished.parts, 1, call.role, 0);
                    self.local_ids.add_random(bytes.unwrap_or_default());
                }
                return;
            }
            CallKind::Connect => named().and_then(|name| port(name.local)),
            CallKind::Accept => named().and_then(|name| port(name.peer)),
            CallKind::Bind => {
                let asked =
                    finished.open.memory.find(1, call.role, 0).and_then(|region| region.inline());
                match asked.map(port) {
                    Some(None) => named().and_then(|name| port(name.local)),
                    _ => None,
                }
            }
            _ => None,
        };
        self.local_ids.ports.extend(chosen);
    }
}

/// Adds the bytes that a call wrote.
fn contents(case: &Case<'_>, bytes: u64, blobs: &mut KnownBlobs, content: &mut Content) {
    let mut left = bytes;
    let arg = case.call.row.args.iter().position(|arg| arg.mem.is_some());
    let arg = arg.and_then(|at| u8::try_from(at).ok()).unwrap_or(0);
    // A buffer, or the buffers of an array.
    let vector = matches!(
        case.call.row.args.get(usize::from(arg)).map(|arg| arg.kind),
        Some(ArgKind::Iovec | ArgKind::Msg | ArgKind::Mmsg)
    );
    let role = case.call.role.saturating_add(u8::from(vector));
    let is_netlink = case.file(0).is_some_and(|file| {
        let ends = [&file.local, &file.peer];
        ends.iter()
            .any(|end| intent::Family::from_sockaddr(&end.borrow()) == intent::Family::Netlink)
    });
    let add = |content: &mut Content, bytes: &[u8]| {
        if !is_netlink {
            return content.add(bytes);
        }
        let mut messages = bytes.to_vec();
        netlink::forget_ports(&mut messages);
        content.add(&messages)
    };
    for region in case.finished.open.memory.regions() {
        if (region.head.arg, region.head.role.0) != (arg, role) || left == 0 {
            continue;
        }
        if let Some(bytes) = region.inline() {
            let bytes = prefix(bytes, left);
            add(content, bytes);
            left = left.saturating_sub(bytes.len() as u64);
        }
        // A blob at a time: a region has up to 256 MiB.
        for number in region.blobs() {
            let known = blobs.get(number, left).filter(|_| !is_netlink);
            if let Some(known) = known.filter(|_| !content.needs_bytes()) {
                left = left.saturating_sub(content.add_known(known));
                continue;
            }
            let (mut bytes, limit) = (Vec::new(), usize::try_from(left).unwrap_or(usize::MAX));
            if left == 0 {
                break;
            }
            let Some(whole) = case.buffers.blob(number, limit, &mut bytes) else { break };
            let fingerprint = add(content, &bytes);
            if whole == bytes.len() && known.is_none() && !is_netlink {
                blobs.insert(number, fingerprint);
            }
            left = left.saturating_sub(bytes.len() as u64);
        }
    }
    if left > 0 {
        content.skip(left);
    }
}

/// Returns at most this many bytes.
fn prefix(bytes: &[u8], most: u64) -> &[u8] {
    usize::try_from(most).ok().and_then(|most| bytes.get(..most)).unwrap_or(bytes)
}
