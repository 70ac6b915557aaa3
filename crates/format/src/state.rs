//! The state of a task at the entry of a call: registers and checksums of pages.

use crate::Error;
use crate::wire::Wire;

/// A task's registers and checksums of some of its memory at the entry of a call, which a replay
/// compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State<'a> {
    /// The checksum of the extended registers ([`State::extended_sum`]); 0 if they were not read.
    pub extended: u32,
    /// The general registers, as the kernel wrote them.
    pub registers: &'a [u8],
    runs: &'a [u8],
}

/// The bytes of the XSAVE area that are the same in every run of a program: all except the
/// addresses of the last x87 instruction and its operand, which some CPUs save only sometimes, and
/// the fields that the kernel and the CPU use internally (Intel SDM, "XSAVE-managed features").
const EXTENDED: [std::ops::Range<usize>; 3] = [0..6, 24..416, 576..usize::MAX];

impl<'a> State<'a> {
    /// The page size in bytes.
    pub const PAGE: usize = 4096;

    pub(crate) fn decode(body: &'a [u8]) -> Result<State<'a>, Error> {
        let mut wire = Wire::new("state", body);
        let extended = wire.u32()?;
        let len = wire.len32()?;
        let state = State { extended, registers: wire.take(len)?, runs: wire.rest() };
        while !wire.is_empty() {
            let (_, pages) = (wire.u64()?, wire.len32()?);
            wire.take(pages.checked_mul(4).ok_or_else(|| wire.malformed())?)?;
        }
        Ok(state)
    }

    /// Returns the address and checksum of each page.
    pub fn pages(&self) -> impl Iterator<Item = (u64, u32)> + 'a {
        let mut wire = Wire::new("state", self.runs);
        // The next page, and the number of pages left in its run.
        let (mut address, mut left) = (0u64, 0);
        std::iter::from_fn(move || {
            while left == 0 {
                (address, left) = (wire.u64().ok()?, wire.u32().ok()?);
            }
            let page = (address, wire.u32().ok()?);
            address = address.wrapping_add(State::PAGE as u64);
            left -= 1;
            Some(page)
        })
    }

    /// Returns the checksum of a page.
    #[must_use]
    pub fn sum(page: &[u8]) -> u32 {
        crc32c::crc32c(page)
    }

    /// Returns the checksum of an XSAVE area, without the bytes that may differ between identical
    /// runs. Never 0.
    #[must_use]
    pub fn extended_sum(area: &[u8]) -> u32 {
        let parts =
            EXTENDED.into_iter().filter_map(|part| area.get(part.start..part.end.min(area.len())));
        parts.fold(0, crc32c::crc32c_append).max(1)
    }
}

/// Runs of pages with their checksums, in the form of a STATE part.
#[derive(Clone, Debug, Default)]
pub struct PageSums {
    bytes: Vec<u8>,
}

impl PageSums {
    /// Removes all runs.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Appends a run of whole pages, which starts at `address`.
    pub fn run(&mut self, address: u64, memory: &[u8]) {
        let pages = memory.chunks_exact(State::PAGE);
        let count = u32::try_from(pages.len()).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(&address.to_le_bytes());
        self.bytes.extend_from_slice(&count.to_le_bytes());
        pages.for_each(|page| self.bytes.extend_from_slice(&State::sum(page).to_le_bytes()));
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extended_sum_ignores_bytes_that_vary_between_runs() {
        let mut area = [7; 1000];
        let sum = State::extended_sum(&area);
        for (at, counts) in
            [(0, true), (6, false), (23, false), (24, true), (415, true), (416, false)]
        {
            area[at] ^= 1;
            assert_eq!(State::extended_sum(&area) != sum, counts, "{at}");
            area[at] ^= 1;
        }
        area[999] = 0;
        assert_ne!(State::extended_sum(&area), sum);
        assert_eq!(State::extended_sum(&[]), 1);
    }

    #[test]
    fn a_run_longer_than_its_part_is_malformed() {
        let mut body = [0; 8].to_vec();
        assert!(State::decode(&body).is_ok());
        body.extend_from_slice(&[0; 8]);
        body.extend_from_slice(&u32::MAX.to_le_bytes());
        assert!(State::decode(&body).is_err());
    }
}
