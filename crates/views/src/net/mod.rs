//! `net`: sockets by endpoint, with the real outcome of connects, bytes each way, and the names
//! that payloads show: DNS questions and answers, and the server names of TLS. Nothing is looked up
//! on the network.

mod dns;
mod each;
mod endpoint;
mod socket;
mod text;
mod tls;

use std::collections::BTreeSet;

use sysreel_inspect::abi::{CallKind, intent};
use sysreel_inspect::calls::{Call, Errno, Item, Moved};
use sysreel_inspect::format::Direction;
use sysreel_inspect::state::{Made, OpenFile};
use sysreel_inspect::visible::visible_bytes;
use sysreel_inspect::{Error, Findings, LogFile};

use crate::bounded::{Bounded, MAX_ENTRIES};
use crate::select::{Collect, Looker, Names, Needs, Select, collect};
use crate::sockets::{self, is_any};
pub use dns::Lookup;
use dns::Lookups;
pub use each::{Sockets, each};
pub use endpoint::{Endpoint, Net, Role};
pub use socket::Socket;
use socket::endpoints;
use tls::Hello;

/// Finds the network activity of a log.
///
/// # Errors
/// When the log cannot be read. Damage is not an error; the [`Findings`] report it.
pub fn net(file: &LogFile, select: &Select) -> Result<(Net, Findings), Error> {
    collect(file, select, collector())
}

/// Returns what collects the network activity.
#[must_use]
pub fn collector() -> impl Collect<Result = Net> {
    Looking::default()
}

/// Which socket, and for datagrams with which address.
type Key = (u64, Option<String>);

#[derive(Default)]
struct Looking {
    sockets: Bounded<Key, Socket>,
    /// Connects that a later connect of the same socket has replaced.
    past: Vec<Socket>,
    /// Sockets over which DNS questions went.
    asking: BTreeSet<u64>,
    lookups: Lookups,
    /// How many bytes are kept of ClientHellos that are not complete.
    kept: usize,
}

impl Looker for Looking {
    fn names(&self) -> Names {
        Names { paths: false, addresses: true }
    }

    fn item(&mut self, item: &Item<'_>, selected: bool) {
        let Item::Call(call) = item else { return };
        let Some(row) = call.row().filter(|_| selected) else { return };
        match row.kind {
            CallKind::Connect => self.connect(call),
            CallKind::Listen => self.own(call, Role::Listen),
            CallKind::Bind => self.own(call, Role::Bind),
            CallKind::Accept => self.accept(call),
            CallKind::Pair => self.pair(call),
            _ if intent::reads_socket_error(row, &raw(call)) => self.socket_error(call),
            _ if intent::names_itself(row) => self.own_address(call),
            _ => self.data(call),
        }
    }
}

fn raw(call: &Call<'_>) -> [u64; 6] {
    std::array::from_fn(|at| call.args().raw(at).unwrap_or(0))
}

impl Looking {
    /// Returns the entry of a socket.
    fn socket(
        &mut self,
        call: &Call<'_>,
        file: &OpenFile,
        to: Option<&str>,
    ) -> Option<&mut Socket> {
        let key = (file.serial, to.map(str::to_owned));
        let socket = self.sockets.entry(&key)?;
        if socket.event == 0 {
            let (local, peer) = (file.local.borrow(), file.peer.borrow());
            let known = if peer.len() > 2 { &peer } else { &local };
            *socket = Socket::of(call, file, sockets::protocol(known, file.socket_type.get()));
        }
        socket.note(call);
        Some(socket)
    }

    fn connect(&mut self, call: &Call<'_>) {
        let Some(file) = call.fd("fd") else { return };
        let address = call.sockaddrs(false).next();
        let errno = match call.ended().errno() {
            Some(errno) => u16::try_from(errno.0).unwrap_or(u16::MAX),
            None => 0,
        };
        let text = address.as_ref().and_then(sockets::passed);
        let Some(socket) = self.socket(call, &file, None) else { return };
        if socket.role == Some(Role::Connect) {
            let continues = intent::still_connecting(socket.errno) && socket.address == text;
            if continues && !intent::still_connecting(errno) {
                socket.settle(call, if intent::has_connected(errno) { 0 } else { errno });
            }
            if continues {
                return;
            }
            // Another destination, or another try: an attempt of its own.
            let exe = socket.exe.clone();
            let next = Socket { exe, peer: None, ..Socket::of(call, &file, socket.protocol) };
            let before = std::mem::replace(socket, next);
            if self.past.len() < MAX_ENTRIES {
                self.past.push(before);
            }
        }
        let Some(socket) = self.socket(call, &file, None) else { return };
        if let Some(bytes) = &address {
            socket.protocol = sockets::protocol(bytes, file.socket_type.get()).or(socket.protocol);
            socket.address = sockets::passed(bytes);
        }
        socket.role = Some(Role::Connect);
        socket.connect_began = call.start().as_nanos();
        socket.settle(call, errno);
        if intent::still_connecting(errno) {
            socket.connect_ns = None;
        }
    }

    /// The result of a connect that was in progress.
    fn socket_error(&mut self, call: &Call<'_>) {
        let (Some(file), Some(_)) = (call.fd("fd"), call.ended().value()) else { return };
        let value = call.args().at(3).and_then(|arg| arg.bytes());
        let Some(&[low, high, 0, 0]) = value.as_deref().and_then(|bytes| bytes.first_chunk())
        else {
            return;
        };
        if let Some(socket) = self.socket(call, &file, None)
            && socket.role == Some(Role::Connect)
            && intent::still_connecting(socket.errno)
        {
            socket.settle(call, u16::from_le_bytes([low, high]));
        }
    }

    fn own(&mut self, call: &Call<'_>, role: Role) {
        let Some(file) = call.fd("fd").filter(|file| file.is_socket()) else { return };
        let bytes = call.sockaddrs(true).next();
        let asked = bytes.as_ref().and_then(sockets::passed);
        let own = sockets::address(&file.local.borrow()).filter(|text| !is_any(text));
        if let Some(errno) = call.ended().errno() {
            let bytes = bytes.as_deref().unwrap_or_default();
            let protocol = sockets::protocol(bytes, file.socket_type.get());
            return self.failed(call, &file, (role, protocol, asked.or(own)), errno);
        }
        if call.ended().value().is_none() {
            return;
        }
        if let Some(socket) = self.socket(call, &file, None) {
            socket.role = Some(role);
            socket.ends(&file);
            socket.address = own.or(asked).or_else(|| socket.address.take());
        }
    }

    /// Notes a call that would have given a socket an address, and failed: a try of its own.
    fn failed(
        &mut self,
        call: &Call<'_>,
        file: &OpenFile,
        (role, protocol, address): (Role, Option<&'static str>, Option<String>),
        errno: Errno,
    ) {
        if self.past.len() < MAX_ENTRIES {
            self.past.push(Socket {
                role: Some(role),
                address,
                errno: u16::try_from(errno.0).unwrap_or(u16::MAX),
                ..Socket::of(call, file, protocol)
            });
        }
    }

    /// What getsockname(2) says of a socket that waits for others: the port that it was given.
    fn own_address(&mut self, call: &Call<'_>) {
        let Some(file) = call.fd("fd").filter(|_| call.ended().value().is_some()) else { return };
        let address = call.sockaddrs(true).next().as_ref().and_then(sockets::passed);
        let Some(socket) = self.socket(call, &file, None) else { return };
        socket.ends(&file);
        if matches!(socket.role, Some(Role::Bind | Role::Listen)) && address.is_some() {
            socket.address = address;
        }
    }

    fn accept(&mut self, call: &Call<'_>) {
        let listening = call.fd("fd");
        let Some(made) = call.made().next() else { return };
        let Some(file) = call.made_file(&made) else { return };
        if let Some(socket) = self.socket(call, &file, None) {
            socket.role = Some(Role::Accept);
            let of = |file: &OpenFile| sockets::address(&file.local.borrow());
            socket.address = of(&file).or_else(|| listening.and_then(|file| of(&file)));
        }
    }

    fn pair(&mut self, call: &Call<'_>) {
        for made in call.made() {
            if let Some(file) = call.made_file(&made).filter(|file| file.is_socket())
                && let Some(socket) = self.socket(call, &file, None)
            {
                (socket.role, socket.protocol) = (Some(Role::Pair), Some("unix"));
            }
        }
    }

    /// Data that went over a socket.
    fn data(&mut self, call: &Call<'_>) {
        let (reads, writes) = (call.reads(), call.writes());
        for (file, sends) in [(reads, false), (writes, true)] {
            let Some(file) = file.filter(|file| file.is_socket()) else { continue };
            let bytes = match call.moved() {
                Moved::Bytes(bytes) if !sockets::peeks(call) => bytes,
                _ => 0,
            };
            let to = call.sockaddrs(false).find_map(|bytes| {
                let address = sockets::passed(&bytes)?;
                Some((address, sockets::protocol(&bytes, file.socket_type.get())))
            });
            let is_connected = file.peer.borrow().len() > 2;
            let to = to.filter(|_| !is_connected && file.socket_type.get() != STREAM);
            self.name(call, &file, to.as_ref().map(|(address, _)| &**address), sends);
            let made = file.made;
            if to.is_some()
                && let Some(socket) = self.socket(call, &file, None)
            {
                socket.is_split = true;
            }
            let Some(socket) = self.socket(call, &file, to.as_ref().map(|(address, _)| &**address))
            else {
                continue;
            };
            if let Some((address, protocol)) = to {
                socket.role = Some(Role::Datagram);
                socket.peer = Some(address.clone());
                (socket.protocol, socket.address) = (protocol, Some(address));
            }
            if socket.role.is_none() {
                let own = || sockets::address(&file.local.borrow()).filter(|text| !is_any(text));
                let peer = sockets::address(&file.peer.borrow());
                socket.role = Some(match made {
                    Made::Pair(_) => Role::Pair,
                    Made::Accepted => Role::Accept,
                    // It was given an address when it sent.
                    Made::Socket if peer.is_none() && own().is_some() => Role::Bind,
                    Made::Socket if peer.is_none() => Role::Datagram,
                    _ => Role::Before,
                });
                socket.address = peer.or_else(own);
            }
            let errno = call.ended().errno().and_then(|errno| u16::try_from(errno.0).ok());
            if intent::still_connecting(socket.errno)
                && let Some(errno) = errno.filter(|errno| intent::ends_connect(*errno))
            {
                socket.settle(call, errno);
            }
            let count = if sends { &mut socket.sent } else { &mut socket.received };
            *count = count.saturating_add(bytes);
            if bytes > 0 && intent::still_connecting(socket.errno) {
                socket.settle(call, 0);
            }
        }
    }

    /// Takes the names that a payload shows.
    fn name(&mut self, call: &Call<'_>, file: &OpenFile, to: Option<&str>, sends: bool) {
        let direction = if sends { Direction::IN } else { Direction::OUT };
        let peer = sockets::internet(&file.peer.borrow());
        let is_dns = match (peer, to) {
            (Some(peer), _) => peer.port() == DNS,
            (None, Some(address)) => address.ends_with(":53"),
            (None, None) => self.asking.contains(&file.serial),
        };
        if is_dns && sends && self.asking.len() < MAX_ENTRIES {
            self.asking.insert(file.serial);
        }
        let is_stream = file.socket_type.get() == STREAM;
        if !(is_dns || is_stream && sends) {
            return;
        }
        let mut left = match call.moved() {
            Moved::Bytes(bytes) => bytes,
            Moved::Nothing => 0,
            Moved::Unknown => u64::MAX,
        };
        for region in call.data().filter(|region| region.direction() == direction) {
            let sent = region.asked().min(left);
            left = left.saturating_sub(sent);
            let limit = usize::try_from(sent).unwrap_or(usize::MAX).min(MOST_NAMES);
            let Some(bytes) = region.first(limit) else { continue };
            if is_dns {
                // Over TCP each message has its length before it (RFC 1035, 4.2.2).
                let message = if is_stream { bytes.get(2..).unwrap_or_default() } else { &bytes };
                self.lookups.message(call, message);
            } else {
                let is_whole = u64::try_from(bytes.len()).is_ok_and(|len| len == sent);
                self.server_name(call, file, (&bytes, is_whole));
            }
        }
    }

    /// Takes the server name of a ClientHello, which may come in several pieces. `is_whole`:
    /// whether the log has all of this one, so that it may go on with the next.
    fn server_name(&mut self, call: &Call<'_>, file: &OpenFile, (bytes, is_whole): (&[u8], bool)) {
        let key = (file.serial, None);
        let mut before = match self.sockets.get_mut(&key) {
            Some(socket) => std::mem::take(&mut socket.hello),
            None => Vec::new(),
        };
        self.kept = self.kept.saturating_sub(before.len());
        let joined = match before.is_empty() {
            true => bytes,
            false => {
                before.extend_from_slice(bytes);
                &before
            }
        };
        match tls::server_name(joined) {
            Hello::Name(name) => {
                let name = visible_bytes(&name);
                if let Some(socket) = self.socket(call, file, None) {
                    socket.names.insert(name);
                }
            }
            Hello::Incomplete if is_whole && joined.len() <= MOST_NAMES => {
                let hello = if before.is_empty() { bytes.to_vec() } else { before };
                if self.kept.saturating_add(hello.len()) <= MOST_KEPT {
                    self.kept = self.kept.saturating_add(hello.len());
                    if let Some(socket) = self.socket(call, file, None) {
                        socket.hello = hello;
                    }
                }
            }
            Hello::Incomplete | Hello::None => {}
        }
    }
}

impl Collect for Looking {
    type Result = Net;

    fn needs(&self) -> Needs {
        Needs::FILES
    }

    fn finish(self) -> Net {
        let left_out = self.sockets.left_out();
        let sockets = in_order(self.sockets, self.past);
        let endpoints = endpoints(sockets, &self.lookups);
        Net { endpoints, lookups: self.lookups.finish(), left_out }
    }
}

/// Returns all sockets, in the order in which they were first used.
fn in_order(sockets: Bounded<Key, Socket>, past: Vec<Socket>) -> Vec<Socket> {
    let sockets = sockets.into_entries().map(|(_, socket)| socket);
    let mut sockets: Vec<Socket> = sockets.chain(past).collect();
    sockets.sort_by_key(|socket| socket.event);
    sockets
}

/// SOCK_STREAM (include/linux/net.h).
const STREAM: u8 = 1;
/// The port of DNS (RFC 1035).
const DNS: u16 = 53;
/// Names are in the first bytes of a payload.
const MOST_NAMES: usize = 64 << 10;
/// The most bytes that are kept of ClientHellos that are not complete, of all sockets together.
const MOST_KEPT: usize = 16 << 20;
