//! The hash of a sequence of bytes, from which that of a longer one follows.
//!
//! It is a polynomial in a random point modulo 2^61 - 1. So it does not depend on how a program
//! divides its output, and a buffer that a log names many times is read once. No sum here exceeds
//! 128 bits: five products of less than 2^61 and less than 2^61.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

/// 2^61 - 1, a prime.
const MODULUS: u64 = (1 << 61) - 1;

/// The hash of a sequence of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    hash: u64,
    len: u64,
}

impl Fingerprint {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let base = base();
        let powers = [power(base, 4), power(base, 3), multiply(base, base), base];
        let mut hash = 0;
        let (fours, rest) = bytes.as_chunks::<4>();
        for four in fours {
            let mut sum = u128::from(hash) * u128::from(powers[0]);
            for (byte, power) in four[..3].iter().zip(&powers[1..]) {
                sum += u128::from(*byte) * u128::from(*power);
            }
            hash = reduce(sum + u128::from(four[3]));
        }
        for byte in rest {
            hash = reduce(u128::from(hash) * u128::from(base) + u128::from(*byte));
        }
        Self { hash, len: bytes.len() as u64 }
    }

    /// Returns the fingerprint of this many unknown bytes: a symbol that differs from every byte.
    pub(crate) const fn of_gap(bytes: u64) -> Self {
        Self { hash: bytes % (MODULUS - 256) + 256, len: 1 }
    }

    pub(crate) const fn hash(self) -> u64 {
        self.hash
    }

    /// Returns the number of bytes.
    pub(crate) const fn len(self) -> u64 {
        self.len
    }

    /// Returns the hash of these bytes and others after them.
    pub(crate) fn then(self, after: Self) -> Self {
        let moved = multiply(self.hash, power(base(), after.len));
        let hash = reduce(u128::from(moved) + u128::from(after.hash));
        Self { hash, len: self.len.saturating_add(after.len) }
    }
}

/// Returns the point at which the polynomials are evaluated: another one in each process, so that
/// contents with equal hashes cannot be constructed.
fn base() -> u64 {
    static BASE: OnceLock<u64> = OnceLock::new();
    *BASE.get_or_init(|| RandomState::new().hash_one(0) % (MODULUS - 512) + 256)
}

fn reduce(value: u128) -> u64 {
    let modulus = u128::from(MODULUS);
    let folded = (value & modulus) + (value >> 61);
    u64::try_from(folded % modulus).unwrap_or(0)
}

fn multiply(one: u64, other: u64) -> u64 {
    reduce(u128::from(one) * u128::from(other))
}

fn power(mut base: u64, mut exponent: u64) -> u64 {
    let mut result = 1;
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = multiply(result, base);
        }
        base = multiply(base, base);
        exponent >>= 1;
    }
    result
}
