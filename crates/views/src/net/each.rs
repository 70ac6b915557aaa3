//! Each socket by itself.

use sysreel_inspect::calls::Item;

use super::{Looking, Socket, in_order};
use crate::select::{Collect, Looker, Names, Needs};

/// The sockets of a log.
#[derive(Debug)]
pub struct Sockets {
    /// The sockets, in the order in which they were first used. Each connect of a socket is there
    /// by itself, and each address with which it exchanged datagrams.
    pub sockets: Vec<Socket>,
    /// The number of calls on sockets that had no room.
    pub left_out: u64,
}

/// Returns what collects sockets. Together they are what [`collector`](super::collector) adds up.
#[must_use]
pub fn each() -> impl Collect<Result = Sockets> {
    Each(Looking::default())
}

struct Each(Looking);

impl Looker for Each {
    fn names(&self) -> Names {
        self.0.names()
    }

    fn item(&mut self, item: &Item<'_>, selected: bool) {
        self.0.item(item, selected);
    }
}

impl Collect for Each {
    type Result = Sockets;

    fn needs(&self) -> Needs {
        self.0.needs()
    }

    fn finish(self) -> Sockets {
        let Looking { sockets, past, lookups, .. } = self.0;
        let left_out = sockets.left_out();
        let mut sockets = in_order(sockets, past);
        sockets.retain(Socket::counts);
        for socket in &mut sockets {
            socket.names.extend(lookups.names_of(socket.address.as_deref()));
        }
        Sockets { sockets, left_out }
    }
}
