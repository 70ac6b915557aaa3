//! Any memory contents: nothing panics, and the output never contains a control character.

#![expect(clippy::cast_possible_truncation, reason = "chance is cut to the size that is wanted")]

use sysreel_abi::{Abi, all_rows, number};
use sysreel_format::{Data, Direction, RegionFlags, RegionHead, Role};

use crate::print::{Constants, FdStyle, HexStrings, Options, Precision};
use crate::testing::{LogBuilder, entry_info, exit_info};

/// xorshift64, so that a failure can be repeated.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// Returns a small number, an address or random bits.
    fn value(&mut self) -> u64 {
        match self.below(4) {
            0 => self.below(16),
            1 => 0x7fff_0000 + self.below(4096),
            2 => u64::from(u32::MAX) - self.below(200),
            _ => self.next(),
        }
    }

    fn bytes(&mut self) -> Vec<u8> {
        let len = match self.below(4) {
            0 => self.below(9),
            1 => self.below(64),
            2 => 8 * self.below(20),
            _ => self.below(250),
        };
        let zeros = self.below(3) == 0;
        (0..len).map(|_| if zeros && self.below(2) == 0 { 0 } else { self.next() as u8 }).collect()
    }
}

fn regions(story_dir: Direction, chance: &mut Chance, buf: &mut sysreel_format::EventBuf) {
    for arg in 0..6 {
        for role in 0..3 {
            for index in 0..chance.below(3) {
                let bytes = chance.bytes();
                let got = bytes.len() as u64;
                let head = RegionHead {
                    arg,
                    dir: story_dir,
                    role: Role(role),
                    flags: RegionFlags(chance.below(4) as u8),
                    index: if chance.below(2) == 0 {
                        index as u32
                    } else {
                        (index as u32) << 16 | 1
                    },
                    address: chance.value(),
                    asked: got + chance.below(3),
                    got,
                    errno: if chance.below(3) == 0 { 14 } else { 0 },
                };
                buf.region(&head, Data::Inline(&bytes));
            }
        }
    }
}

#[test]
fn every_row_survives_any_memory() {
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let styles = [
        Options::default(),
        Options {
            verbose: true,
            everything: true,
            fds: FdStyle::Detail,
            hex: HexStrings::NonAscii,
            duration: Some(Precision::Micros),
            constants: Constants::Raw,
            string_limit: 5,
            ..Options::default()
        },
    ];
    for round in 0..12 {
        let mut log = LogBuilder::new();
        for (only, row) in all_rows() {
            for abi in Abi::ALL.into_iter().filter(|abi| only.is_none_or(|only| only == *abi)) {
                let Some(nr) = number::number(abi, row.name) else { continue };
                let args = std::array::from_fn(|_| chance.value());
                log.stop(0, 0x857f, &entry_info(abi.arch(), nr, args), |buf| {
                    regions(Direction::IN, &mut chance, buf)
                });
                let rval = if chance.below(3) == 0 {
                    -(chance.below(600) as i64)
                } else {
                    chance.value() as i64
                };
                let info = exit_info(abi.arch(), rval, chance.below(2) as u8);
                log.stop(0, 0x857f, &info, |buf| {
                    regions(Direction::OUT, &mut chance, buf);
                    let siginfo = chance.bytes();
                    buf.siginfo(&siginfo);
                });
            }
        }
        for options in &styles {
            let text = log.text(options);
            let bad = text.bytes().find(|b| !matches!(b, b' '..=b'~' | b'\n'));
            assert_eq!(bad, None, "round {round}");
        }
        if round == 0 {
            for line in log.json().lines() {
                serde_json::from_str::<serde_json::Value>(line).expect(line);
            }
        }
    }
}

#[test]
fn any_stop_survives() {
    let mut chance = Chance(42);
    let mut log = LogBuilder::new();
    for _ in 0..20_000 {
        let status = match chance.below(3) {
            0 => 0x857f,
            1 => (chance.below(200) as u32) << 16 | (chance.below(70) as u32) << 8 | 0x7f,
            _ => chance.next() as u32,
        };
        let mut info = chance.bytes();
        if let Some(op) = info.first_mut() {
            *op %= 5;
        }
        let siginfo = chance.bytes();
        log.stop(chance.below(5) as u32, status, &info, |buf| {
            buf.siginfo(&siginfo);
            buf.raw_part(sysreel_format::PartKind(77), 0, b"x");
        });
    }
    let text = log.text(&Options { verbose: true, everything: true, ..Options::default() });
    assert!(text.bytes().all(|b| matches!(b, b' '..=b'~' | b'\n')));
    for line in log.json().lines() {
        serde_json::from_str::<serde_json::Value>(line).expect(line);
    }
}
