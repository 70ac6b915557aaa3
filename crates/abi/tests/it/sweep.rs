//! Plans every row with random arguments and memory: nothing panics, and nothing grows without
//! bound.

use sysreel_abi::plan::{EntryState, Limits, Memory, RegionRequest, at_entry, at_exit};
use sysreel_abi::{Abi, Dir, makes_fd, number};

/// A small deterministic generator (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number of a kind that often breaks programs.
    fn value(&mut self) -> u64 {
        match self.next() % 10 {
            0 => 0,
            1 => u64::MAX,
            2 => self.next() % 8,
            3 => self.next() % 5000,
            4 => u64::from(u32::MAX),
            5 => 1 << (self.next() % 64),
            6 => u64::MAX - self.next() % 64,
            7 => self.next() & 0xffff_ffff,
            _ => self.next(),
        }
    }
}

/// Memory of random bytes: often fewer than requested, mostly a few, never more than 16 KiB.
struct Noise {
    random: Random,
    got: Vec<Vec<u8>>,
}

impl Memory for Noise {
    fn fetch(&mut self, requests: &[RegionRequest]) {
        for request in requests {
            let size = if self.random.next().is_multiple_of(64) { 16384 } else { 128 };
            let most = request.asked.min(size);
            let n = if self.random.next().is_multiple_of(4) {
                self.random.next() % (most + 1)
            } else {
                most
            };
            let mut bytes = Vec::with_capacity(usize::try_from(n).unwrap() + 8);
            while u64::try_from(bytes.len()).unwrap() < n {
                bytes.extend(self.random.value().to_le_bytes());
            }
            bytes.truncate(usize::try_from(n).unwrap());
            self.got.push(bytes);
        }
    }

    fn bytes(&self, i: usize) -> &[u8] {
        self.got.get(i).map_or(&[], Vec::as_slice)
    }
}

#[test]
fn no_call_panics_or_grows() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let limits = Limits { requests: 2000, ..Limits::DEFAULT };
    let mut requests = Vec::new();
    for abi in Abi::ALL {
        for (_, name, row) in number::calls(abi) {
            let Some(row) = row else { continue };
            for _ in 0..16 {
                let args: [u64; 6] = std::array::from_fn(|_| random.value());
                let mut mem = Noise { random: Random(random.next() | 1), got: Vec::new() };
                let state = at_entry(abi, row, &args, &limits, &mut requests, &mut mem);
                check(abi, name, &requests, &mem, Dir::In);
                let rval = random.value().cast_signed();
                let is_error = random.next().is_multiple_of(2);
                let entry =
                    if random.next().is_multiple_of(2) { state } else { EntryState::UNKNOWN };
                mem.got.clear();
                at_exit(abi, row, &args, rval, is_error, &entry, &limits, &mut requests, &mut mem);
                check(abi, name, &requests, &mem, Dir::Out);
                makes_fd(abi, row, &args, rval, is_error, |_, _, _| {
                    mem.got.first().map(Vec::as_slice)
                });
                for i in 0..7 {
                    let _ = row.meaning(abi, &args, i);
                }
                let _ = row.result_kind(abi, &args);
            }
        }
    }
}

fn check(abi: Abi, name: &str, requests: &[RegionRequest], mem: &Noise, dir: Dir) {
    assert!(requests.len() <= 2000, "{abi} {name}: {} requests", requests.len());
    assert_eq!(requests.len(), mem.got.len(), "{abi} {name}: everything is fetched, once");
    for request in requests {
        assert!(
            request.dir == dir && request.arg < 6 && request.role < 4,
            "{abi} {name}: {request:?}"
        );
        assert!(request.address != 0 && request.asked != 0, "{abi} {name}: {request:?}");
    }
}
