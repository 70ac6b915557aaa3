//! What `net` finds.

use serde::Serialize;

use super::dns::Lookup;

/// The network activity of a log.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Net {
    /// The endpoints, in the order in which they were first used.
    pub endpoints: Vec<Endpoint>,
    /// The names that were looked up by DNS, as far as the messages went over sockets that the log
    /// shows.
    pub lookups: Vec<Lookup>,
    /// The number of calls on sockets that had no room.
    pub left_out: u64,
}

/// Sockets of one program with the same role, address and outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Endpoint {
    /// What the sockets did.
    pub role: Role,
    /// `tcp`, `udp`, `unix`, `netlink`; `ip` or `socket` where the log does not show more.
    pub protocol: String,
    /// The address: of the other end, or for listening and accepted sockets the own one. `null` if
    /// the log does not show one.
    pub address: Option<String>,
    /// Names of the address: what DNS answers that the log shows say, and TLS server names that
    /// were sent to it.
    pub names: Vec<String>,
    /// `ok`, or the error of the connect: `ECONNREFUSED`. `EINPROGRESS` if the log does not show
    /// how it went on.
    pub outcome: String,
    /// The program; empty if the log does not name it.
    pub exe: String,
    /// The processes, in ascending order; at most 100.
    pub pids: Vec<u32>,
    /// The number of sockets.
    pub sockets: u64,
    /// The bytes that were received.
    pub received: u64,
    /// The bytes that were sent.
    pub sent: u64,
    /// The number of the first event.
    pub event: u64,
}

/// What a socket did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It was connected to an address.
    Connect,
    /// It listened.
    Listen,
    /// It was accepted.
    Accept,
    /// It exchanged datagrams with an address without a connect.
    Datagram,
    /// It was bound to an address, and nothing else.
    Bind,
    /// It is an end of a socket pair.
    Pair,
    /// It was open before the recording, or the log does not show how it was made.
    Before,
}

impl Role {
    /// Returns its name, as in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Listen => "listen",
            Self::Accept => "accept",
            Self::Datagram => "datagram",
            Self::Bind => "bind",
            Self::Pair => "pair",
            Self::Before => "before",
        }
    }
}
