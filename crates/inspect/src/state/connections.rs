//! Which connect(2) an accept(2) takes. Of Unix sockets the addresses do not tell, because clients
//! have none, but the kernel keeps connections in order (unix_stream_connect and unix_accept,
//! net/unix/af_unix.c). Where the order of calls that overlap decides, the log does not show it.

use std::rc::Rc;

use sysreel_abi::intent::Family;

use super::files::OpenFile;
use crate::text::until_nul;

/// The most connections that are remembered.
const MOST: usize = 1024;

/// A connection that no accept(2) is known to have taken.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    /// The address of the listening socket.
    pub(super) address: Vec<u8>,
    pub(super) client: Rc<OpenFile>,
    /// The events of the entry and of the exit of connect(2).
    pub(super) begun: u64,
    pub(super) returned: Option<u64>,
    /// Whether an accept(2) may have taken it.
    pub(super) is_doubtful: bool,
}

/// The connections of Unix sockets that wait for an accept(2), in the order of their calls' ends.
#[derive(Debug, Default)]
pub(super) struct Connections {
    waiting: Vec<Connection>,
    /// For each address, how many of the doubtful connections were taken.
    taken: Vec<(Vec<u8>, usize)>,
}

impl Connections {
    /// Adds a connection, or notes that its connect(2) has returned.
    pub(super) fn add(&mut self, new: Connection) {
        if let Some(known) =
            self.waiting.iter_mut().find(|of| of.client.serial == new.client.serial)
        {
            known.returned = new.returned.or(known.returned);
            return;
        }
        if self.waiting.len() >= MOST {
            self.waiting.remove(0);
        }
        self.waiting.push(new);
    }

    /// Returns the client of the connection that an accept(2) took. `calls` are the connects to the
    /// address that have not returned; `is_alone`: no other accept(2) of the socket is open.
    pub(super) fn take(
        &mut self,
        (address, peer): (&[u8], &[u8]),
        calls: Vec<Connection>,
        is_alone: bool,
    ) -> Option<Rc<OpenFile>> {
        calls.into_iter().for_each(|call| self.add(call));
        let places = self.waiting.iter().enumerate().filter(|(_, of)| of.address == address);
        let places: Vec<usize> = places.map(|(at, _)| at).collect();
        let named = places.iter().copied().find(|at| {
            let local = self.waiting[*at].client.local.borrow();
            is_named(peer) && *local == *peer
        });
        let (doubtful, clear): (Vec<usize>, Vec<usize>) =
            places.into_iter().partition(|at| self.waiting[*at].is_doubtful);
        let found = match (named, &*clear) {
            (Some(named), _) => Some(named),
            // Those come first.
            _ if !doubtful.is_empty() => {
                self.take_doubtful(address, doubtful.len());
                return None;
            }
            (None, []) => None,
            (None, [only]) => Some(*only),
            (None, [first, others @ ..]) => {
                let returned = self.waiting[*first].returned;
                let is_first =
                    |at: &usize| returned.is_some_and(|end| end < self.waiting[*at].begun);
                (is_alone && others.iter().all(is_first)).then_some(*first)
            }
        };
        match found {
            Some(at) => Some(self.waiting.remove(at).client),
            None if clear.is_empty() => None,
            None => {
                let count = clear.len();
                clear.into_iter().for_each(|at| self.waiting[at].is_doubtful = true);
                self.take_doubtful(address, count);
                None
            }
        }
    }

    /// Notes that one of the doubtful connections of an address was taken, and forgets them when
    /// all were.
    fn take_doubtful(&mut self, address: &[u8], count: usize) {
        let place = self.taken.iter().position(|(known, _)| known == address);
        let before = place.map_or(0, |at| self.taken.swap_remove(at).1);
        let taken = before.saturating_add(1);
        if taken < count && self.taken.len() < MOST {
            self.taken.push((address.to_vec(), taken));
            return;
        }
        self.waiting.retain(|of| of.address != address || !of.is_doubtful);
    }
}

/// Whether an address is a name: that of a client that has none is its family alone.
fn is_named(address: &[u8]) -> bool {
    address.len() > 2
}

/// Whether an address is a name of a Unix socket.
pub(super) fn is_unix_name(address: &[u8]) -> bool {
    Family::from_sockaddr(address) == Family::Unix && is_named(address)
}

/// Whether two addresses of Unix sockets are the same. Programs may pass bytes after the path.
pub(super) fn is_same(one: &[u8], other: &[u8]) -> bool {
    let name = |address: &[u8]| -> Option<Vec<u8>> {
        let name = address.get(2..).filter(|_| is_unix_name(address))?;
        // An abstract name begins with a NUL.
        Some(if name.first() == Some(&0) { name } else { until_nul(name) }.to_vec())
    };
    name(one).is_some_and(|one| Some(one) == name(other))
}

#[cfg(test)]
mod tests {
    use super::super::files::{Files, Made, Maker, ProcessId};
    use super::*;

    const ADDRESS: &[u8] = b"\x01\0/run/x\0";

    /// Connects of clients from 0 on, each with the events of its call; without an exit it has not
    /// returned.
    fn connects(files: &mut Files, events: &[(u64, Option<u64>)]) -> Vec<Connection> {
        let maker = Maker { event: 0, process: ProcessId(0), made: Made::Socket };
        let connection = |(begun, returned): &(u64, Option<u64>)| Connection {
            address: ADDRESS.to_vec(),
            client: files.create_unnamed(maker),
            begun: *begun,
            returned: *returned,
            is_doubtful: false,
        };
        events.iter().map(connection).collect()
    }

    /// Returns the serial of the client that each accept takes.
    fn taken(connections: &mut Connections, is_alone: bool, count: usize) -> Vec<Option<u64>> {
        let mut take = || connections.take((ADDRESS, b"\x01\0"), Vec::new(), is_alone);
        (0..count).map(|_| take().map(|client| client.serial)).collect()
    }

    #[test]
    fn connections_are_taken_in_their_order() {
        let (mut files, mut all) = (Files::default(), Connections::default());
        let new = connects(&mut files, &[(1, Some(2)), (3, Some(4)), (5, Some(6))]);
        new.into_iter().for_each(|new| all.add(new));
        assert_eq!(taken(&mut all, true, 4), [Some(1), Some(2), Some(3), None]);
    }

    #[test]
    fn calls_that_overlap_have_no_order() {
        let (mut files, mut all) = (Files::default(), Connections::default());
        let mut new = connects(&mut files, &[(1, Some(3)), (2, Some(4)), (7, Some(8))]);
        let last = new.pop().unwrap();
        new.into_iter().for_each(|new| all.add(new));
        // Which of the two came first is not known, but that the third came last is.
        assert_eq!(taken(&mut all, true, 1), [None]);
        all.add(last);
        assert_eq!(taken(&mut all, true, 2), [None, Some(3)]);
        // Neither have accepts that overlap, unless there is only one connection.
        let new = connects(&mut files, &[(10, Some(11)), (12, Some(13))]);
        new.into_iter().for_each(|new| all.add(new));
        assert_eq!(taken(&mut all, false, 2), [None, None]);
        all.add(connects(&mut files, &[(20, Some(21))]).remove(0));
        assert_eq!(taken(&mut all, false, 1), [Some(6)]);
    }

    #[test]
    fn a_connect_may_return_after_the_accept() {
        let (mut files, mut all) = (Files::default(), Connections::default());
        let call = connects(&mut files, &[(1, None)]);
        let client = all.take((ADDRESS, b"\x01\0"), call.clone(), true).unwrap();
        assert_eq!(client.serial, 1);
        // A client with a name is known by it.
        let new = connects(&mut files, &[(1, Some(3)), (2, Some(4))]);
        *new[1].client.local.borrow_mut() = b"\x01\0me\0".to_vec();
        new.into_iter().for_each(|new| all.add(new));
        let client = all.take((ADDRESS, b"\x01\0me\0"), Vec::new(), true).unwrap();
        assert_eq!(client.serial, 3);
        assert_eq!(taken(&mut all, true, 1), [Some(2)]);
    }

    #[test]
    fn addresses_are_compared_as_names() {
        assert!(is_same(b"\x01\0/run/x\0rest", b"\x01\0/run/x"));
        assert!(is_same(b"\x01\0\0name", b"\x01\0\0name"));
        assert!(!is_same(b"\x01\0\0name", b"\x01\0\0names"));
        assert!(!is_same(b"\x01\0", b"\x01\0"));
        assert!(!is_same(b"\x02\0/run/x", b"\x02\0/run/x"));
    }
}
