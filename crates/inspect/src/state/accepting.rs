//! The calls that connect Unix sockets: connect(2) and accept(2).

use sysreel_abi::CallKind;
use sysreel_format::TaskId;

use super::connections::{Connection, is_same, is_unix_name};
use super::open_call::OpenCall;
use super::resolved_call::ResolvedCall;
use super::tracker::Tracker;

impl Tracker {
    /// Notes that a connect(2) has succeeded.
    pub(super) fn connected(
        &mut self,
        id: TaskId,
        event: u64,
        call: &ResolvedCall,
        open: &OpenCall,
    ) {
        let client = call.fd(0).and_then(|fd| self.argument_file(id, open, fd));
        let Some(client) = client else { return };
        let address = client.peer.borrow().clone();
        if !is_unix_name(&address) || client.likely_peer() != 0 {
            return;
        }
        let (begun, returned) = (open.number, Some(event));
        if let Some(processes) = &mut self.processes {
            let is_doubtful = false;
            let new = Connection { address, client, begun, returned, is_doubtful };
            processes.connections.add(new);
        }
    }

    /// Finds the other end of a socket that an accept(2) made.
    pub(super) fn accepted(&mut self, id: TaskId, call: &ResolvedCall, open: &OpenCall, fd: i32) {
        let listening = call.fd(0).and_then(|fd| self.argument_file(id, open, fd));
        let (Some(accepted), Some(listening)) = (self.file(id, fd), listening) else { return };
        let address = accepted.local.borrow().clone();
        if !is_unix_name(&address) {
            return;
        }
        let (mut calls, mut is_alone) = (Vec::new(), true);
        for (other, task) in self.tasks().filter(|(other, _)| *other != id) {
            let Some(open) = task.open.as_deref() else { continue };
            let Some(call) = ResolvedCall::resolve(open) else { continue };
            let file = || call.fd(0).and_then(|fd| self.argument_file(other, open, fd));
            match call.row.kind {
                CallKind::Accept => {
                    is_alone &= file().is_none_or(|file| file.id != listening.id);
                }
                CallKind::Connect => {
                    let asked = open.memory.find(1, call.role, 0).and_then(|of| of.inline());
                    if let (true, Some(client)) =
                        (asked.is_some_and(|asked| is_same(asked, &address)), file())
                        && client.likely_peer() == 0
                    {
                        let (begun, returned, is_doubtful) = (open.number, None, false);
                        let address = address.clone();
                        calls.push(Connection { address, client, begun, returned, is_doubtful });
                    }
                }
                _ => {}
            }
        }
        calls.sort_by_key(|call| call.begun);
        let peer = accepted.peer.borrow().clone();
        let connections = self.processes.as_mut().map(|processes| &mut processes.connections);
        if let Some(client) = connections.and_then(|of| of.take((&address, &peer), calls, is_alone))
        {
            accepted.accepts(&client);
        }
    }
}
