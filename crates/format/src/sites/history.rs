//! What encoder and decoder remember of values: what each site said last, and each pair of sites.

use super::keys::{Key, Keys, mix};
use super::model::Memo;
use super::places::Way;
use super::ring::Ring;
use super::{
    FAR_REGISTER, FAR_VALUE, FIRST_SCORE, MAX_SCORE, NEAR_ENTRY, NEAR_EXIT, RING, WIDE_ENTRY,
    WIDE_EXIT,
};
use crate::limits::MAX_PAIRS;
use crate::sites::columns::{fold, unfold};

/// The stack pointer, then the six arguments.
pub(super) type Registers = [u64; 7];

/// What is remembered of one block.
#[derive(Debug)]
pub(super) struct History {
    pub(super) sites: Vec<Site>,
    pub(super) callers: Vec<Caller>,
    pairs: Keys<Pair>,
    /// What the last call had that came from the second site of a pair after one from the first.
    after: Vec<Registers>,
    ring: Ring<RING>,
}

/// The last that was seen of a site.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub(super) registers: Registers,
    /// The last value of an exit that did not fail, and of one that did.
    pub(super) values: [u64; 2],
    /// Of a root: above 0 when pairs have told better than sites.
    score: i8,
    /// Parts at the entry, at an exit with success, at an exit with failure.
    pub(super) memos: [Memo; 3],
}

/// A task's last call.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Caller {
    /// The root of its site, plus one; 0 is none.
    before: u32,
    pub(super) registers: Registers,
    /// What the last exit of the task returned.
    value: u64,
}

/// What the registers of a call may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    pub(super) base: Registers,
    pub(super) other: Registers,
    key: Pair,
    /// Whether it has been seen.
    pair: Option<u32>,
}

/// The root of the site before (plus one), and of this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pair(u32, u32);

impl History {
    pub(super) fn new() -> Self {
        History {
            sites: Vec::new(),
            callers: Vec::new(),
            pairs: Keys::new(),
            after: Vec::new(),
            ring: Ring::new(),
        }
    }

    pub(super) fn clear(&mut self) {
        self.sites.clear();
        self.callers.clear();
        self.pairs.clear();
        self.after.clear();
        self.ring = Ring::new();
    }

    /// What is known of a site before its call is read.
    #[inline]
    pub(super) fn registers(&self, way: Way) -> Option<Registers> {
        Some(match way {
            Way::Again(site) | Way::Known(site) | Way::Moved { of: site, .. } => {
                self.sites.get(usize::try_from(site).ok()?)?.registers
            }
            Way::New(_) => Registers::default(),
        })
    }

    /// Makes room for a site that came in that way.
    #[inline]
    pub(super) fn arrive(&mut self, way: Way) -> Option<()> {
        match way {
            Way::Again(_) | Way::Known(_) => {}
            Way::New(_) => self.sites.push(Site {
                registers: Registers::default(),
                values: [0; 2],
                score: FIRST_SCORE,
                memos: [Memo::default(); 3],
            }),
            Way::Moved { of, by } => {
                let site = self.sites.get(usize::try_from(of).ok()?)?.clone();
                self.sites.push(site);
                self.ring.note(by);
            }
        }
        Some(())
    }

    /// What to expect of a call of that task from a site of that root, whose last call had these
    /// registers.
    #[inline]
    pub(super) fn expect(&self, task: usize, root: u32, registers: Registers) -> Option<Expected> {
        let key = Pair(self.callers.get(task)?.before, root);
        let Some(pair) = self.pairs.find(&key) else {
            return Some(Expected { base: registers, other: registers, key, pair: None });
        };
        let after = *self.after.get(usize::try_from(pair).ok()?)?;
        let score =
            self.sites.get(usize::try_from(root).ok()?).map_or(FIRST_SCORE, |site| site.score);
        let (base, other) = if score > 0 { (after, registers) } else { (registers, after) };
        Some(Expected { base, other, key, pair: Some(pair) })
    }

    /// Remembers a call.
    #[inline]
    pub(super) fn learn(
        &mut self,
        task: usize,
        site: usize,
        call: Registers,
        expected: &Expected,
    ) -> Option<()> {
        let Pair(_, root) = expected.key;
        if let Some(pair) = expected.pair {
            let after = self.after.get_mut(usize::try_from(pair).ok()?)?;
            let by_pair = misses(&call, after);
            *after = call;
            let by_site = misses(&call, &self.sites.get(site)?.registers);
            let root = self.sites.get_mut(usize::try_from(root).ok()?)?;
            root.score = (root.score + by_site - by_pair).clamp(-MAX_SCORE, MAX_SCORE);
        } else if self.after.len() < MAX_PAIRS {
            self.pairs.number(expected.key);
            self.after.push(call);
        }
        self.sites.get_mut(site)?.registers = call;
        let caller = self.callers.get_mut(task)?;
        (caller.before, caller.registers) = (root.wrapping_add(1), call);
        Some(())
    }

    /// Remembers what a call returned.
    #[inline]
    pub(super) fn learn_value(
        &mut self,
        task: usize,
        site: usize,
        failed: bool,
        value: u64,
    ) -> Option<()> {
        self.sites.get_mut(site)?.values[usize::from(failed)] = value;
        self.callers.get_mut(task)?.value = value;
        Some(())
    }

    /// How a register is written that is not as expected. `None`: that cannot be written.
    #[inline]
    pub(super) fn write_register(
        &mut self,
        task: usize,
        at: usize,
        value: u64,
        expected: &Expected,
    ) -> Option<u64> {
        let caller = self.callers.get(task)?;
        let (base, other) = (*expected.base.get(at)?, *expected.other.get(at)?);
        if value == *caller.registers.get(at)? {
            return Some(0);
        } else if value == caller.value {
            return Some(1);
        } else if value == other {
            return Some(2);
        }
        if let Some(near) = self.ring.find(value.wrapping_sub(base)) {
            self.ring.take(near);
            return Some(NEAR_ENTRY + near as u64);
        }
        if let Some(near) = self.ring.find(value.wrapping_sub(other)) {
            self.ring.take(near);
            return Some(NEAR_ENTRY + (RING + near) as u64);
        }
        let folded = fold(value, base);
        if folded >= FAR_REGISTER {
            self.ring.note(value.wrapping_sub(base));
        }
        folded.checked_add(WIDE_ENTRY)
    }

    /// Undoes [`History::write_register`].
    #[inline]
    pub(super) fn read_register(
        &mut self,
        task: usize,
        at: usize,
        written: u64,
        expected: &Expected,
    ) -> Option<u64> {
        let (base, other) = (*expected.base.get(at)?, *expected.other.get(at)?);
        if let Some(folded) = written.checked_sub(WIDE_ENTRY) {
            let value = unfold(folded, base);
            if folded >= FAR_REGISTER {
                self.ring.note(value.wrapping_sub(base));
            }
            return Some(value);
        }
        if let Some(near) = written.checked_sub(NEAR_ENTRY) {
            let near = usize::try_from(near).ok()?;
            let from = if near < RING { base } else { other };
            return Some(from.wrapping_add(self.ring.take(near % RING)?));
        }
        let caller = self.callers.get(task)?;
        Some(match written {
            0 => *caller.registers.get(at)?,
            1 => caller.value,
            _ => other,
        })
    }

    /// How the value of an exit is written that is not the last one.
    #[inline]
    pub(super) fn write_value(&mut self, value: u64, last: u64, call: &Registers) -> Option<u64> {
        if let Some(arg) = call.iter().skip(1).position(|&arg| arg == value) {
            return Some(arg as u64);
        }
        if let Some(near) = self.ring.find(value.wrapping_sub(last)) {
            self.ring.take(near);
            return Some(NEAR_EXIT + near as u64);
        }
        let folded = fold(value, last);
        if folded >= FAR_VALUE {
            self.ring.note(value.wrapping_sub(last));
        }
        folded.checked_add(WIDE_EXIT)
    }

    /// Undoes [`History::write_value`].
    #[inline]
    pub(super) fn read_value(&mut self, written: u64, last: u64, call: &Registers) -> Option<u64> {
        if let Some(folded) = written.checked_sub(WIDE_EXIT) {
            let value = unfold(folded, last);
            if folded >= FAR_VALUE {
                self.ring.note(value.wrapping_sub(last));
            }
            return Some(value);
        }
        if let Some(near) = written.checked_sub(NEAR_EXIT) {
            return Some(last.wrapping_add(self.ring.take(usize::try_from(near).ok()?)?));
        }
        call.get(usize::try_from(written).ok()? + 1).copied()
    }
}

/// In how many registers two calls differ.
#[inline]
fn misses(one: &Registers, other: &Registers) -> i8 {
    one.iter().zip(other).map(|(one, other)| i8::from(one != other)).sum()
}

impl Key for Pair {
    fn hash(&self) -> u64 {
        mix(u64::from(self.0), u64::from(self.1))
    }
}
