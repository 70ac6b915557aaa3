//! `pcapng`: the payloads of sockets as packets. A log has what programs sent and received, and no
//! packets, so all headers are made up: [`headers`] and the sequence numbers here.

mod blocks;
mod headers;

use std::collections::HashSet;
use std::io::{self, Write};
use std::net::SocketAddr;

use foldhash::fast::RandomState;
use sysreel_inspect::abi::CallKind;
use sysreel_inspect::abi::intent::Family;
use sysreel_inspect::abi::plan::index_parts;
use sysreel_inspect::calls::{Call, Region};
use sysreel_inspect::state::OpenFile;
use sysreel_views::stream::{Moved, Way, moves, pieces};
use sysreel_views::{Bounded, sockets};

use crate::exporter::Exporter;
use crate::row::{CallRow, Outcome, Row};
use blocks::Blocks;
use headers::{ACK, Ends, FIN, PUSH, SYN, same_family, tcp, udp};

/// What each interface says of itself.
const COMMENT: &str = "The payloads are those of system calls, recorded by sysreel. All headers are \
                       synthetic: addresses are those of the sockets (unix sockets have addresses \
                       in 127.0.0.0/8), ports, sequence numbers, handshakes and acknowledgements \
                       are made up where the log does not have them.";

/// The most bytes of a stream in a packet, so that readers reassemble it.
const SEGMENT: usize = 1400;
/// The most bytes of a datagram in a packet: what UDP has room for.
const DATAGRAM: usize = 65_000;
/// How many packets go without an acknowledgement: less than a window.
const UNACKNOWLEDGED: usize = 32;
/// The most connections of which the log has both ends.
const MAX_SEEN: usize = 200_000;

/// `SOCK_STREAM`.
const STREAM: u8 = 1;

/// A socket on the made-up network.
#[derive(Clone, Copy, Debug, Default)]
struct Conversation {
    /// From the socket to its peer, once it is known.
    ends: Option<Ends>,
    /// The next sequence numbers: of what the socket sends, and of what its peer sends.
    next: [u32; 2],
    /// Whether each direction has ended.
    ended: [bool; 2],
    is_stream: bool,
    /// Whether the other end is in the output, with the same bytes.
    is_mirror: bool,
}

/// Writes packets.
pub(crate) struct Pcapng<'o> {
    blocks: Blocks<'o>,
    interface: u32,
    unix_ns: u64,
    conversations: Bounded<u64, Conversation>,
    /// The connections in the output, each from its socket to the peer.
    seen: HashSet<Ends, RandomState>,
    /// The sockets in the output, by inode.
    inodes: HashSet<u64, RandomState>,
    missing: u64,
    other_families: u64,
    mirrored: u64,
}

impl<'o> Pcapng<'o> {
    pub(crate) fn new(out: &'o mut dyn Write) -> io::Result<Self> {
        let mut blocks = Blocks::new(out);
        blocks.section()?;
        Ok(Self {
            blocks,
            interface: 0,
            unix_ns: 0,
            conversations: Bounded::default(),
            seen: HashSet::default(),
            inodes: HashSet::default(),
            missing: 0,
            other_families: 0,
            mirrored: 0,
        })
    }

    fn call(&mut self, row: &CallRow<'_>) -> io::Result<()> {
        let call = &row.source;
        let at_ns = row.end_ns().unwrap_or(row.start_ns);
        let at = (self.interface, self.unix_ns.saturating_add(at_ns));
        let comment = format!("event {}: {} by pid {}", row.event, row.call, row.who.pid);
        let mut written = Ok(());
        moves(call, &mut |file, way, data| {
            if file.is_socket() && written.is_ok() {
                written = self.payload(at, &comment, call, (file, way, data));
            }
        });
        written?;
        // sendfile(2) and splice(2) have no buffer.
        if let Some(file) = call.writes().filter(|file| file.is_socket())
            && call.data().next().is_none()
            && let Some(sent) = row.result.and_then(|sent| u64::try_from(sent).ok())
            && let Some(conversation) = self.conversation(&file, None)
        {
            conversation.next[0] = advanced(conversation.next[0], sent);
            self.missing = self.missing.saturating_add(sent);
        }
        self.ends(at, &comment, row)
    }

    /// Writes the end of a direction: a read that returned 0, or a shutdown(2).
    fn ends(&mut self, at: (u32, u64), comment: &str, row: &CallRow<'_>) -> io::Result<()> {
        if row.outcome != Outcome::Returned {
            return Ok(());
        }
        let call = &row.source;
        let kind = call.row().map(|row| row.kind);
        let reads = matches!(kind, Some(CallKind::Read | CallKind::Receive));
        let (file, sides) = match (reads && row.result == Some(0), &*row.call) {
            (true, _) => {
                let is_length = |name| ["count", "size", "len"].contains(&name);
                let mut args = call.args().iter();
                let asks_for_none = args.any(|arg| is_length(arg.name()) && arg.raw() == 0);
                (call.reads().filter(|_| !asks_for_none), [false, true])
            }
            (false, "shutdown") => {
                // SHUT_RD is 0, and says nothing to the peer.
                let writes = call.args().raw(1).is_some_and(|how| how != 0);
                (call.fd("fd").filter(|_| writes), [true, false])
            }
            _ => return Ok(()),
        };
        let Some(file) = file.filter(|file| file.is_socket()) else { return Ok(()) };
        let Some(found) = self.conversation(&file, None) else { return Ok(()) };
        let mut conversation = *found;
        let Some(ends) = conversation.ends.filter(|_| conversation.is_stream) else {
            return Ok(());
        };
        for side in [0, 1] {
            if !sides[side] || conversation.ended[side] || conversation.is_mirror {
                continue;
            }
            self.begin(at, &mut conversation, ends)?;
            let ends = if side == 0 { ends } else { ends.reversed() };
            let numbers = (conversation.next[side], conversation.next[1 - side]);
            self.blocks.packet(at, &tcp(ends, numbers, FIN | ACK, &[]), Some(comment))?;
            conversation.next[side] = conversation.next[side].wrapping_add(1);
            conversation.ended[side] = true;
            let numbers = (conversation.next[1 - side], conversation.next[side]);
            self.blocks.packet(at, &tcp(ends.reversed(), numbers, ACK, &[]), None)?;
        }
        self.keep(&file, conversation);
        Ok(())
    }

    /// Writes what a call moved over a socket.
    fn payload(
        &mut self,
        at: (u32, u64),
        comment: &str,
        call: &Call<'_>,
        (file, way, data): (&OpenFile, Way, &[Region<'_>]),
    ) -> io::Result<()> {
        let pieces = pieces(call, data);
        let length = |piece: &Moved| u64::try_from(piece.bytes.len()).unwrap_or(u64::MAX);
        let total = pieces.iter().fold(0_u64, |sum, piece| {
            sum.saturating_add(length(piece)).saturating_add(piece.missing)
        });
        let given = call.sockaddrs(false).find_map(|address| sockets::internet(&address));
        let Some(found) = self.conversation(file, given) else {
            self.other_families = self.other_families.saturating_add(total);
            return Ok(());
        };
        let mut conversation = *found;
        let Some(ends) = conversation.ends else { return Ok(()) };
        if conversation.is_mirror {
            self.mirrored = self.mirrored.saturating_add(total);
            return Ok(());
        }
        let side = usize::from(way == Way::Read);
        let comment = match name(file) {
            Some(name) => format!("{comment}, unix socket {name}"),
            None => comment.to_owned(),
        };
        for piece in &pieces {
            self.missing = self.missing.saturating_add(piece.missing);
        }
        if conversation.is_stream {
            self.begin(at, &mut conversation, ends)?;
            self.stream(at, &comment, (&mut conversation, ends, side), &pieces)?;
            self.keep(file, conversation);
            return Ok(());
        }
        let to = same_family(ends.from, given.unwrap_or(ends.to));
        let to = if side == 0 { to } else { to.reversed() };
        // What a socket sends to itself was written when it was sent.
        if side == 1 && to.from == to.to {
            self.mirrored = self.mirrored.saturating_add(total);
            return Ok(());
        }
        for datagram in datagrams(call, &pieces) {
            for part in datagram.chunks(DATAGRAM) {
                self.blocks.packet(at, &udp(to, part), Some(&comment))?;
            }
        }
        Ok(())
    }

    /// Writes the handshake of a connection, once.
    fn begin(
        &mut self,
        at: (u32, u64),
        conversation: &mut Conversation,
        ends: Ends,
    ) -> io::Result<()> {
        if conversation.next != [0, 0] {
            return Ok(());
        }
        self.blocks.packet(at, &tcp(ends, (0, 0), SYN, &[]), None)?;
        self.blocks.packet(at, &tcp(ends.reversed(), (0, 1), SYN | ACK, &[]), None)?;
        self.blocks.packet(at, &tcp(ends, (1, 1), ACK, &[]), None)?;
        conversation.next = [1, 1];
        Ok(())
    }

    /// Writes pieces of a stream in segments. What was not captured is a gap.
    fn stream(
        &mut self,
        at: (u32, u64),
        comment: &str,
        (conversation, ends, side): (&mut Conversation, Ends, usize),
        pieces: &[Moved],
    ) -> io::Result<()> {
        let ends = if side == 0 { ends } else { ends.reversed() };
        let mut comment = Some(comment);
        // How many segments were not acknowledged. Two equal acknowledgements look like a loss.
        let mut count = 0;
        for piece in pieces {
            for segment in piece.bytes.chunks(SEGMENT) {
                let numbers = (conversation.next[side], conversation.next[1 - side]);
                let packet = tcp(ends, numbers, PUSH | ACK, segment);
                self.blocks.packet(at, &packet, comment.take())?;
                let len = u64::try_from(segment.len()).unwrap_or(u64::MAX);
                conversation.next[side] = advanced(conversation.next[side], len);
                count += 1;
                if count == UNACKNOWLEDGED {
                    self.acknowledge(at, conversation, ends, side)?;
                    count = 0;
                }
            }
            conversation.next[side] = advanced(conversation.next[side], piece.missing);
        }
        if count > 0 { self.acknowledge(at, conversation, ends, side) } else { Ok(()) }
    }

    fn acknowledge(
        &mut self,
        at: (u32, u64),
        conversation: &Conversation,
        ends: Ends,
        side: usize,
    ) -> io::Result<()> {
        let numbers = (conversation.next[1 - side], conversation.next[side]);
        self.blocks.packet(at, &tcp(ends.reversed(), numbers, ACK, &[]), None)
    }

    /// Returns the conversation of a socket, a new one if it has none; `None` for families that
    /// have no place on the network. `given`: an address that the call names.
    fn conversation(
        &mut self,
        file: &OpenFile,
        given: Option<SocketAddr>,
    ) -> Option<&mut Conversation> {
        let ordinal = u32::try_from(self.conversations.len()).unwrap_or(u32::MAX);
        let is_new = self.conversations.get(&file.serial).is_none_or(|known| known.ends.is_none());
        if is_new {
            let ends = ends_of(file, given, ordinal)?;
            let is_stream = match file.socket_type.get() {
                // From before the recording: one with a peer is likely a connection.
                0 => file.peer.borrow().len() > 2,
                kind => kind == STREAM,
            };
            let peer = file.likely_peer();
            let is_mirror =
                self.seen.contains(&ends.reversed()) || peer != 0 && self.inodes.contains(&peer);
            let has_room = self.seen.len() < MAX_SEEN && self.inodes.len() < MAX_SEEN;
            if !is_mirror && has_room {
                self.seen.insert(ends);
                self.inodes.insert(file.id.1);
            }
            let ends = Some(ends);
            *self.conversations.entry(&file.serial)? =
                Conversation { ends, is_stream, is_mirror, ..Conversation::default() };
        }
        self.conversations.get_mut(&file.serial)
    }

    fn keep(&mut self, file: &OpenFile, conversation: Conversation) {
        if let Some(kept) = self.conversations.get_mut(&file.serial) {
            *kept = conversation;
        }
    }
}

impl Exporter for Pcapng<'_> {
    fn row(&mut self, row: &Row<'_>) -> io::Result<()> {
        match row {
            Row::Log(log) => {
                self.interface = log.ordinal;
                self.unix_ns = u64::try_from(log.unix_us).unwrap_or(0).saturating_mul(1000);
                self.conversations = Bounded::default();
                self.seen.clear();
                self.inodes.clear();
                self.blocks.interface(&log.log, COMMENT)
            }
            Row::Call(row) => self.call(row),
            _ => Ok(()),
        }
    }

    fn finish(&mut self) -> io::Result<Vec<String>> {
        let mut remarks = Vec::new();
        for (count, what) in [
            (self.missing, "were not captured, and are gaps: record with --capture-limit all"),
            (self.mirrored, "are left out: the other end of the socket has them"),
            (self.other_families, "of sockets that are neither internet nor unix are left out"),
        ] {
            if count > 0 {
                remarks.push(format!("{count} bytes {what}"));
            }
        }
        Ok(remarks)
    }
}

/// Returns a sequence number so many bytes later.
fn advanced(number: u32, bytes: u64) -> u32 {
    number.wrapping_add((bytes & 0xffff_ffff) as u32)
}

/// Returns the ends of a socket on the made-up network.
fn ends_of(file: &OpenFile, given: Option<SocketAddr>, ordinal: u32) -> Option<Ends> {
    let (local, peer) = (file.local.borrow(), file.peer.borrow());
    let family = |address: &[u8]| Family::from_sockaddr(address);
    match (family(&local), family(&peer)) {
        (Family::Unix, _) | (_, Family::Unix) => {
            Some(Ends { from: made_up(2 * ordinal), to: made_up(2 * ordinal + 1) })
        }
        (Family::Inet | Family::Inet6, _) | (_, Family::Inet | Family::Inet6) => {
            let none = SocketAddr::new([0, 0, 0, 0].into(), 0);
            let from = sockets::internet(&local).unwrap_or(none);
            let to = sockets::internet(&peer).or(given).unwrap_or(none);
            Some(same_family(from, to))
        }
        _ => given.map(|to| same_family(SocketAddr::new([0, 0, 0, 0].into(), 0), to)),
    }
}

/// Returns an address of a unix socket.
fn made_up(number: u32) -> SocketAddr {
    /// A port without a protocol of its own.
    const PORT: u16 = 10_000;
    // The last byte is neither 0 nor 255.
    let [_, _, b, c] = (number / 254).to_be_bytes();
    let [_, _, _, d] = (number % 254 + 1).to_be_bytes();
    SocketAddr::new([127, b, c, d].into(), PORT)
}

/// Returns the path or the name of a unix socket, of either end.
fn name(file: &OpenFile) -> Option<String> {
    let of = |address: &[u8]| {
        let is_unix = Family::from_sockaddr(address) == Family::Unix;
        sockets::address(address).filter(|_| is_unix)
    };
    let name = of(&file.local.borrow());
    name.or_else(|| of(&file.peer.borrow()))
}

/// Returns the datagrams of a call: one, or one for each message of sendmmsg(2) and recvmmsg(2).
fn datagrams(call: &Call<'_>, pieces: &[Moved]) -> Vec<Vec<u8>> {
    let has_several = matches!(call.name().as_ref(), "sendmmsg" | "recvmmsg");
    let mut datagrams: Vec<(u32, Vec<u8>)> = Vec::new();
    for piece in pieces {
        let message = if has_several { index_parts(piece.index).0 } else { 0 };
        match datagrams.last_mut() {
            Some((last, datagram)) if *last == message => datagram.extend(&piece.bytes),
            _ => datagrams.push((message, piece.bytes.clone())),
        }
    }
    datagrams.into_iter().map(|(_, datagram)| datagram).collect()
}
