//! The bytes that a process wrote to one resource: their hash, and as much of them as is shown.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use sysreel_format::BlobNumber;

use crate::diff::fingerprint::Fingerprint;

/// Contents of at most this length are kept, to be shown.
pub(crate) const SMALL: usize = 4096;
/// How many prefixes of a content are kept, by their hash.
const MOST_PREFIXES: usize = 256;
/// The bytes written to one resource, in the order in which they were written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    all: Fingerprint,
    pub(crate) bytes: u64,
    pub(crate) event: u64,
    head: Vec<u8>,
    /// Whether the log lacks some of the bytes.
    gap: bool,
    /// The hashes of prefixes, by length, where a write ended.
    prefixes: Vec<(u64, u64)>,
    /// How far apart they are at least.
    apart: u64,
}

impl Content {
    /// Returns the hash and the length. The hash of zeros is the same for any number of them.
    pub(crate) const fn fingerprint(&self) -> Fingerprint {
        self.all
    }

    /// Returns all bytes, if they are few and the log has them.
    pub(crate) fn small(&self) -> Option<&[u8]> {
        (!self.gap && self.bytes == self.head.len() as u64).then_some(&self.head)
    }

    /// Returns a length up to which two contents are known to be the same.
    pub(crate) fn same_until(&self, other: &Self) -> u64 {
        let head = self.head.iter().zip(&other.head).take_while(|(x, y)| x == y).count() as u64;
        let known = |prefix: &&(u64, u64)| other.prefixes.binary_search(prefix).is_ok();
        let prefix = self.prefixes.iter().rev().find(known).map_or(0, |(len, _)| *len);
        head.max(prefix)
    }

    /// Whether the first bytes are still needed, so that a hash does not do.
    pub(crate) fn needs_bytes(&self) -> bool {
        !self.gap && self.head.len() < SMALL
    }

    /// Adds bytes and returns their hash.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> Fingerprint {
        if self.needs_bytes() {
            let room = SMALL.saturating_sub(self.head.len()).min(bytes.len());
            self.head.extend_from_slice(&bytes[..room]);
        }
        let fingerprint = Fingerprint::of(bytes);
        self.add_known(fingerprint);
        fingerprint
    }

    /// Adds bytes by their hash. Returns how many they are.
    pub(crate) fn add_known(&mut self, bytes: Fingerprint) -> u64 {
        self.all = self.all.then(bytes);
        self.bytes = self.bytes.saturating_add(bytes.len());
        let last = self.prefixes.last().map_or(0, |(len, _)| *len);
        if self.bytes < last.saturating_add(self.apart.max(1)) {
            return bytes.len();
        }
        if self.prefixes.len() == MOST_PREFIXES {
            // Every other one, and from now on at twice the distance.
            let mut keep = true;
            self.prefixes.retain(|_| {
                keep = !keep;
                keep
            });
            self.apart = self.apart.max(1).saturating_mul(2);
        }
        self.prefixes.push((self.bytes, self.all.hash()));
        bytes.len()
    }

    /// Accounts for bytes that the log does not contain.
    pub(crate) fn skip(&mut self, bytes: u64) {
        self.gap = true;
        self.all = self.all.then(Fingerprint::of_gap(bytes));
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// The hashes of blobs that were read.
#[derive(Debug, Default)]
pub(crate) struct KnownBlobs(HashMap<u64, Fingerprint, RandomState>);

impl KnownBlobs {
    /// Returns the hash of a blob that has at most this many bytes.
    pub(crate) fn get(&self, number: BlobNumber, most: u64) -> Option<Fingerprint> {
        self.0.get(&number.0).copied().filter(|known| known.len() <= most)
    }

    /// Remembers a whole blob.
    pub(crate) fn insert(&mut self, number: BlobNumber, bytes: Fingerprint) {
        /// The most blobs that are remembered, 2 MiB.
        const MOST: usize = 1 << 16;
        if self.0.len() < MOST {
            self.0.insert(number.0, bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        /// However bytes are divided, their hash is the same; other bytes have another one.
        #[test]
        fn parts_make_the_whole(bytes: Vec<u8>, cuts: Vec<u8>, at: usize) {
            let mut whole = Content::default();
            whole.add(&bytes);
            let mut parts = Content::default();
            let mut rest = &bytes[..];
            for cut in cuts {
                let (part, after) = rest.split_at(usize::from(cut).min(rest.len()));
                parts.add_known(Fingerprint::of(part));
                rest = after;
            }
            parts.add(rest);
            proptest::prop_assert_eq!(whole.fingerprint(), parts.fingerprint());
            proptest::prop_assert_eq!(whole.bytes, parts.bytes);
            if let Some(at) = at.checked_rem(bytes.len()) {
                let mut other = bytes.clone();
                other[at] ^= 1;
                let mut changed = Content::default();
                changed.add(&other);
                proptest::prop_assert_ne!(whole.fingerprint(), changed.fingerprint());
                proptest::prop_assert_eq!(whole.same_until(&changed), at.min(SMALL) as u64);
            }
        }
    }

    #[test]
    fn zeros_count() {
        let zeros = |count: usize| {
            let mut content = Content::default();
            content.add(&vec![0; count]);
            content.fingerprint()
        };
        assert_ne!(zeros(20_000), zeros(19_999));
        assert_ne!(zeros(0), zeros(1));
    }

    #[test]
    fn long_contents_keep_few_prefixes() {
        let (mut one, mut other) = (Content::default(), Content::default());
        for at in 0..10_000_u64 {
            one.add(&at.to_le_bytes());
            other.add(&at.min(9_000).to_le_bytes());
        }
        assert!(one.prefixes.len() <= MOST_PREFIXES && one.small().is_none());
        let same = one.same_until(&other);
        assert!((70_000..=72_008).contains(&same), "{same}");
        let mut gap = Content::default();
        gap.add(b"a");
        gap.skip(3);
        assert!(gap.small().is_none() && !gap.needs_bytes() && gap.bytes == 4);
    }
}
