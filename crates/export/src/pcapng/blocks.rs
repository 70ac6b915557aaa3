//! Blocks of the pcapng format (draft-ietf-opsawg-pcapng), little-endian.

use std::io::{self, Write};

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const ENHANCED_PACKET: u32 = 6;

const BYTE_ORDER: u32 = 0x1a2b_3c4d;
/// `LINKTYPE_RAW`: packets begin with an IPv4 or IPv6 header.
const RAW_IP: u16 = 101;

// Options of any block, and of some.
const COMMENT: u16 = 1;
const APPLICATION: u16 = 4;
const NAME: u16 = 2;
const DESCRIPTION: u16 = 3;
const RESOLUTION: u16 = 9;
/// Times are in units of 10^-9 seconds.
const NANOSECONDS: u8 = 9;

/// Writes blocks.
pub(super) struct Blocks<'o> {
    out: &'o mut dyn Write,
}

impl<'o> Blocks<'o> {
    pub(super) fn new(out: &'o mut dyn Write) -> Self {
        Self { out }
    }

    /// Begins a file.
    pub(super) fn section(&mut self) -> io::Result<()> {
        let mut body = BYTE_ORDER.to_le_bytes().to_vec();
        // Version 1.0, and a length that is not known.
        body.extend([1, 0, 0, 0]);
        body.extend(u64::MAX.to_le_bytes());
        option(&mut body, APPLICATION, b"sysreel");
        self.block(SECTION, body)
    }

    /// Describes an interface. They are numbered from 0.
    pub(super) fn interface(&mut self, description: &str, comment: &str) -> io::Result<()> {
        let mut body = RAW_IP.to_le_bytes().to_vec();
        // Reserved, and no limit of packets' lengths.
        body.extend([0; 6]);
        option(&mut body, NAME, b"sysreel");
        option(&mut body, DESCRIPTION, description.as_bytes());
        option(&mut body, COMMENT, comment.as_bytes());
        option(&mut body, RESOLUTION, &[NANOSECONDS]);
        self.block(INTERFACE, body)
    }

    /// Writes a packet. `unix_ns`: nanoseconds since 1970.
    pub(super) fn packet(
        &mut self,
        (interface, unix_ns): (u32, u64),
        packet: &[u8],
        comment: Option<&str>,
    ) -> io::Result<()> {
        let len = u32::try_from(packet.len()).unwrap_or(u32::MAX);
        let mut body = interface.to_le_bytes().to_vec();
        body.extend(((unix_ns >> 32) as u32).to_le_bytes());
        body.extend(((unix_ns & 0xffff_ffff) as u32).to_le_bytes());
        body.extend(len.to_le_bytes());
        body.extend(len.to_le_bytes());
        body.extend(packet);
        pad(&mut body);
        if let Some(comment) = comment {
            option(&mut body, COMMENT, comment.as_bytes());
        }
        self.block(ENHANCED_PACKET, body)
    }

    /// Writes a block: its type, its length, its body, which ends in options, and its length again.
    fn block(&mut self, kind: u32, mut body: Vec<u8>) -> io::Result<()> {
        // The end of options.
        body.extend([0; 4]);
        let len = u32::try_from(body.len() + 12).unwrap_or(u32::MAX).to_le_bytes();
        self.out.write_all(&kind.to_le_bytes())?;
        self.out.write_all(&len)?;
        self.out.write_all(&body)?;
        self.out.write_all(&len)
    }
}

/// Appends an option. Longer values than the format has are cut.
fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let len = u16::try_from(value.len()).unwrap_or(u16::MAX);
    body.extend(code.to_le_bytes());
    body.extend(len.to_le_bytes());
    body.extend(&value[..usize::from(len)]);
    pad(body);
}

/// Fields begin at multiples of four bytes.
fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}
