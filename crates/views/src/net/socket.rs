//! Sockets, and what those of an endpoint did together.

use super::dns::Lookups;
use super::endpoint::{Endpoint, Role};
use crate::sockets::{self, is_any};
use std::collections::{BTreeMap, BTreeSet};
use sysreel_inspect::calls::{Call, Errno};
use sysreel_inspect::format::TaskId;
use sysreel_inspect::state::OpenFile;
use sysreel_inspect::visible::visible_bytes;

/// The most processes of an endpoint.
const MOST_PIDS: usize = 100;

/// A socket, or one of the connects that it made, or what it exchanged with one address.
#[derive(Debug, Default)]
pub struct Socket {
    /// The number of the open file, which is never reused in a log.
    pub file: u64,
    /// What it did; `None` if the log does not show that it did anything.
    pub role: Option<Role>,
    /// `tcp`, `udp`, `unix`, `netlink`, `ip`; `None` if the log does not show it.
    pub protocol: Option<&'static str>,
    /// The address, as that of an [`Endpoint`].
    pub address: Option<String>,
    /// Its own address, as far as the log shows it.
    pub local: Option<String>,
    /// The address of the other end.
    pub peer: Option<String>,
    /// The error of a connect; 0 for none.
    pub errno: u16,
    /// How long the connect took until its outcome was known, in nanoseconds.
    pub connect_ns: Option<u64>,
    /// Names of the address, as those of an [`Endpoint`].
    pub names: BTreeSet<String>,
    /// The program that used it first; empty if the log does not name it.
    pub exe: String,
    /// The process that used it first.
    pub pid: u32,
    /// The task that used it first; `None` if the log does not have it.
    pub task: Option<u32>,
    /// The bytes that were received.
    pub received: u64,
    /// The bytes that were sent.
    pub sent: u64,
    /// The number of the event with which its first use began.
    pub event: u64,
    /// The number of the event with which its last use began.
    pub last_event: u64,
    /// When its first use began, on CLOCK_MONOTONIC.
    pub first_ns: u64,
    /// When its last use ended, likewise.
    pub last_ns: u64,
    /// When its connect began, on CLOCK_MONOTONIC.
    pub(super) connect_began: u64,
    /// The datagrams of the socket are counted for their addresses.
    pub(super) is_split: bool,
    /// What was sent of a ClientHello that is not complete.
    pub(super) hello: Vec<u8>,
}

impl Socket {
    /// Begins with a call on a socket.
    pub(super) fn of(call: &Call<'_>, file: &OpenFile, protocol: Option<&'static str>) -> Self {
        let id = call.task().id();
        let mut socket = Self {
            file: file.serial,
            protocol,
            exe: call.task().program().map(visible_bytes).unwrap_or_default(),
            pid: call.task().tgid(),
            task: (id != TaskId::NONE).then_some(id.0),
            event: call.number().max(1),
            first_ns: call.start().as_nanos(),
            ..Self::default()
        };
        socket.note(call);
        socket.ends(file);
        socket
    }

    /// Notes another call.
    pub(super) fn note(&mut self, call: &Call<'_>) {
        self.last_event = self.last_event.max(call.number());
        self.last_ns = self.last_ns.max(end(call));
    }

    /// Takes the addresses that the socket has now.
    pub(super) fn ends(&mut self, file: &OpenFile) {
        let of = |address: &[u8]| sockets::address(address).filter(|text| !is_any(text));
        self.local = of(&file.local.borrow()).or_else(|| self.local.take());
        self.peer = of(&file.peer.borrow()).or_else(|| self.peer.take());
    }

    /// Notes the outcome of a connect, which a call tells.
    pub(super) fn settle(&mut self, call: &Call<'_>, errno: u16) {
        self.errno = errno;
        if errno == 0 {
            self.peer.clone_from(&self.address);
        }
        self.connect_ns = Some(end(call).saturating_sub(self.connect_began));
    }

    /// Whether it did something of its own.
    pub(super) fn counts(&self) -> bool {
        self.role.is_some() && !(self.is_split && self.sent == 0 && self.received == 0)
    }

    /// Returns `ok`, or the name of the error of the connect.
    #[must_use]
    pub fn outcome(&self) -> String {
        match self.errno {
            0 => "ok".to_owned(),
            errno => Errno(errno.into()).to_string(),
        }
    }
}

/// Returns when a call ended, or began if the log does not have its end.
fn end(call: &Call<'_>) -> u64 {
    let start = call.start().as_nanos();
    call.event().map_or(start, |event| event.t_ns.max(start))
}

/// Adds up sockets, which are in the order of their events.
pub(super) fn endpoints(sockets: Vec<Socket>, lookups: &Lookups) -> Vec<Endpoint> {
    let mut endpoints: BTreeMap<_, Endpoint> = BTreeMap::new();
    for socket in sockets {
        let Some(role) = socket.role.filter(|_| socket.counts()) else { continue };
        let outcome = socket.outcome();
        let protocol = socket.protocol.unwrap_or("socket");
        let (address, exe) = (socket.address.clone(), socket.exe.clone());
        let key = (role, protocol, address, outcome.clone(), exe);
        let of_address = lookups.names_of(socket.address.as_deref());
        let endpoint = endpoints.entry(key).or_insert_with(|| Endpoint {
            role,
            protocol: protocol.to_owned(),
            address: socket.address,
            names: of_address,
            outcome,
            exe: socket.exe,
            pids: Vec::new(),
            sockets: 0,
            received: 0,
            sent: 0,
            event: socket.event,
        });
        endpoint.sockets = endpoint.sockets.saturating_add(1);
        endpoint.received = endpoint.received.saturating_add(socket.received);
        endpoint.sent = endpoint.sent.saturating_add(socket.sent);
        for name in socket.names {
            if !endpoint.names.contains(&name) {
                endpoint.names.push(name);
            }
        }
        if let Err(at) = endpoint.pids.binary_search(&socket.pid)
            && endpoint.pids.len() < MOST_PIDS
        {
            endpoint.pids.insert(at, socket.pid);
        }
    }
    let mut endpoints: Vec<Endpoint> = endpoints.into_values().collect();
    endpoints.sort_by_key(|endpoint| endpoint.event);
    endpoints
}
