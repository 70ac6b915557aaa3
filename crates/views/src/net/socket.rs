//! Sockets, and what those of an endpoint did together.

use super::dns::Lookups;
use super::endpoint::{Endpoint, Role};
use std::collections::{BTreeMap, BTreeSet};
use sysreel_inspect::calls::Errno;

/// The most processes of an endpoint.
const MOST_PIDS: usize = 100;

#[derive(Debug, Default)]
pub(super) struct Socket {
    pub(super) role: Option<Role>,
    pub(super) protocol: Option<&'static str>,
    pub(super) address: Option<String>,
    /// The error of a connect; 0 for none.
    pub(super) errno: u16,
    pub(super) names: BTreeSet<String>,
    pub(super) exe: String,
    pub(super) pid: u32,
    pub(super) received: u64,
    pub(super) sent: u64,
    pub(super) event: u64,
    /// The datagrams of the socket are counted for their addresses.
    pub(super) is_split: bool,
    /// What was sent of a ClientHello that is not complete.
    pub(super) hello: Vec<u8>,
}

/// Adds up sockets, which are in the order of their events.
pub(super) fn endpoints(sockets: Vec<Socket>, lookups: &Lookups) -> Vec<Endpoint> {
    let mut endpoints: BTreeMap<_, Endpoint> = BTreeMap::new();
    for socket in sockets {
        let Some(role) = socket.role else { continue };
        if socket.is_split && socket.sent == 0 && socket.received == 0 {
            continue;
        }
        let outcome = match socket.errno {
            0 => "ok".to_owned(),
            errno => Errno(errno.into()).to_string(),
        };
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
