//! Memory of which copies were made when it had the contents in question.

use sysreel_sys::fdname::FdName;
use sysreel_sys::memory::{EFAULT, Transfer};

/// The copies that belong to a call. Reused, so that a call allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct Copies {
    bytes: Vec<u8>,
    /// Address in the process, place in `bytes`, length.
    pieces: Vec<(u64, usize, usize)>,
    name: FdName,
    has_name: bool,
}

impl Copies {
    /// Removes all.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.pieces.clear();
        self.has_name = false;
    }

    /// Adds what was at an address.
    pub(crate) fn add(&mut self, address: u64, bytes: &[u8]) {
        self.pieces.push((address, self.bytes.len(), bytes.len()));
        self.bytes.extend_from_slice(bytes);
    }

    /// Changes the name of the descriptor that the call has made.
    pub(crate) fn name_mut(&mut self) -> &mut FdName {
        self.has_name = true;
        &mut self.name
    }

    /// The name of the descriptor that the call has made.
    pub(crate) fn name(&self) -> Option<&FdName> {
        self.has_name.then_some(&self.name)
    }

    /// Reads as [`memory::read`](sysreel_sys::memory::read) does.
    pub(super) fn read(&self, buffer: &mut [u8], transfers: &mut [Transfer]) {
        for transfer in transfers {
            let found = self.pieces.iter().find_map(|&(address, at, len)| {
                let skipped = usize::try_from(transfer.address.checked_sub(address)?).ok()?;
                self.bytes.get(at..at + len)?.get(skipped..).filter(|rest| !rest.is_empty())
            });
            let found = found.unwrap_or_default();
            transfer.got = found.len().min(transfer.len);
            transfer.errno = if transfer.got < transfer.len { EFAULT } else { 0 };
            let to = buffer.get_mut(transfer.offset..transfer.offset + transfer.got);
            if let (Some(to), Some(from)) = (to, found.get(..transfer.got)) {
                to.copy_from_slice(from);
            }
        }
    }
}
