//! Memory of which the log may have only the beginning.

use super::view::View;
use crate::style::HexStrings;
use crate::text;

/// A piece of a message: as many bytes as it says, and those that could be read.
#[derive(Clone, Copy)]
pub(crate) struct Chunk<'a> {
    pub(crate) address: u64,
    pub(crate) bytes: &'a [u8],
    pub(crate) len: usize,
    /// How many lists and messages it is in.
    pub(crate) depth: u8,
}

/// The most lists and messages in each other. The kernel reads attributes up to a depth of 10
/// (MAX_POLICY_RECURSION_DEPTH, lib/nlattr.c), but a program may send anything.
const DEEPEST: u8 = 16;

impl<'a> Chunk<'a> {
    /// Returns memory all of which is there.
    pub(crate) fn whole(address: u64, bytes: &'a [u8]) -> Self {
        Self { address, bytes, len: bytes.len(), depth: 0 }
    }

    /// Returns what follows the first `at` bytes.
    pub(crate) fn from(&self, at: usize) -> Self {
        Self {
            address: self.address.wrapping_add(at as u64),
            bytes: self.bytes.get(at..).unwrap_or_default(),
            len: self.len.saturating_sub(at),
            depth: self.depth,
        }
    }

    /// Returns the first bytes.
    pub(crate) fn first(&self, len: usize) -> Self {
        let bytes = self.bytes.get(..len).unwrap_or(self.bytes);
        Self { bytes, len: self.len.min(len), ..*self }
    }

    /// Returns it as a list or a message within what it is in; `None` if it is too deep.
    pub(crate) fn inner(&self) -> Option<Self> {
        let depth = self.depth.checked_add(1).filter(|depth| *depth <= DEEPEST)?;
        Some(Self { depth, ..*self })
    }

    /// Whether the first bytes are there and could be read.
    pub(crate) fn has(&self, len: usize) -> bool {
        self.bytes.len() >= len && self.len >= len
    }

    /// Writes bytes whose meaning is unknown, up to the string limit, or their address if they
    /// could not be read.
    pub(crate) fn raw(&self, view: &View<'_>, out: &mut String) {
        let shown = self.len.min(view.options.string_limit);
        let Some(bytes) = self.bytes.get(..shown) else {
            return text::pointer(out, self.address);
        };
        text::quoted(out, bytes, HexStrings::Always);
        out.push_str(if shown < self.len { "..." } else { "" });
    }

    /// Returns the first bytes. If they are not there, writes what is.
    pub(crate) fn need(&self, view: &View<'_>, len: usize, out: &mut String) -> Option<&'a [u8]> {
        if self.len < len {
            self.raw(view, out);
            return None;
        }
        let bytes = self.bytes.get(..len);
        if bytes.is_none() {
            text::pointer(out, self.address);
        }
        bytes
    }
}
