//! The values that encoder and decoder remember, of each site and of each pair of sites.

use super::keys::{Key, Keys, mix};
use super::layout::{
    FAR_REGISTER, FAR_VALUE, FIRST_SCORE, MAX_SCORE, NEAR_ENTRY, NEAR_EXIT, RING, WIDE_ENTRY,
    WIDE_EXIT,
};
use super::model::Memo;
use super::places::Arrival;
use super::ring::Ring;
use crate::limits::MAX_PAIRS;
use crate::sites::columns::{fold, unfold};

/// The stack pointer, then the six arguments.
pub(super) type Registers = [u64; 7];

/// The history of a block.
#[derive(Debug)]
pub(super) struct History {
    pub(super) sites: Vec<Site>,
    pub(super) callers: Vec<Caller>,
    pairs: Keys<Pair>,
    /// The registers of the last call from the second site of a pair that came after one from the
    /// first.
    after: Vec<Registers>,
    ring: Ring<RING>,
}

/// The last values of a site.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub(super) registers: Registers,
    /// The last value of a successful exit, and of a failed one.
    pub(super) values: [u64; 2],
    /// Of a root: above 0 if pairs predict better than sites.
    score: i8,
    /// The parts at the entry, at a successful exit, at a failed exit.
    pub(super) memos: [Memo; 3],
}

/// A task's last call.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Caller {
    /// The root of its site plus one; 0 for none.
    before: u32,
    pub(super) registers: Registers,
    /// The value of the task's last exit.
    value: u64,
}

/// The predicted registers of a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prediction {
    pub(super) base: Registers,
    pub(super) other: Registers,
    key: Pair,
    /// The number of the pair, if it has occurred.
    pair: Option<u32>,
}

/// The roots of the site before (plus one) and of this site.
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

    /// Returns the last registers of a site.
    #[inline]
    pub(super) fn registers(&self, arrival: Arrival) -> Option<Registers> {
        Some(match arrival {
            Arrival::Again(site) | Arrival::Known(site) | Arrival::Moved { like: site, .. } => {
                self.sites.get(usize::try_from(site).ok()?)?.registers
            }
            Arrival::New(_) => Registers::default(),
        })
    }

    /// Adds the site if it is new to the block.
    #[inline]
    pub(super) fn arrive(&mut self, arrival: Arrival) -> Option<()> {
        match arrival {
            Arrival::Again(_) | Arrival::Known(_) => {}
            Arrival::New(_) => self.sites.push(Site {
                registers: Registers::default(),
                values: [0; 2],
                score: FIRST_SCORE,
                memos: [Memo::default(); 3],
            }),
            Arrival::Moved { like, by } => {
                let site = self.sites.get(usize::try_from(like).ok()?)?.clone();
                self.sites.push(site);
                self.ring.push(by);
            }
        }
        Some(())
    }

    /// Predicts the registers of the task's next call, from a site with that root and these last
    /// registers.
    #[inline]
    pub(super) fn predict(
        &self,
        task: usize,
        root: u32,
        registers: Registers,
    ) -> Option<Prediction> {
        let key = Pair(self.callers.get(task)?.before, root);
        let Some(pair) = self.pairs.find(&key) else {
            return Some(Prediction { base: registers, other: registers, key, pair: None });
        };
        let after = *self.after.get(usize::try_from(pair).ok()?)?;
        let score =
            self.sites.get(usize::try_from(root).ok()?).map_or(FIRST_SCORE, |site| site.score);
        let (base, other) = if score > 0 { (after, registers) } else { (registers, after) };
        Some(Prediction { base, other, key, pair: Some(pair) })
    }

    /// Remembers a call.
    #[inline]
    pub(super) fn learn(
        &mut self,
        task: usize,
        site: usize,
        call: Registers,
        prediction: &Prediction,
    ) -> Option<()> {
        let Pair(_, root) = prediction.key;
        if let Some(pair) = prediction.pair {
            let after = self.after.get_mut(usize::try_from(pair).ok()?)?;
            let by_pair = misses(&call, after);
            *after = call;
            let by_site = misses(&call, &self.sites.get(site)?.registers);
            let root = self.sites.get_mut(usize::try_from(root).ok()?)?;
            root.score = (root.score + by_site - by_pair).clamp(-MAX_SCORE, MAX_SCORE);
        } else if self.after.len() < MAX_PAIRS {
            self.pairs.insert(prediction.key);
            self.after.push(call);
        }
        self.sites.get_mut(site)?.registers = call;
        let caller = self.callers.get_mut(task)?;
        (caller.before, caller.registers) = (root.wrapping_add(1), call);
        Some(())
    }

    /// Remembers the return value of a call.
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

    /// Returns the code of a mispredicted register; `None` if it has none.
    #[inline]
    pub(super) fn write_register(
        &mut self,
        task: usize,
        at: usize,
        value: u64,
        prediction: &Prediction,
    ) -> Option<u64> {
        let caller = self.callers.get(task)?;
        let (base, other) = (*prediction.base.get(at)?, *prediction.other.get(at)?);
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
            self.ring.push(value.wrapping_sub(base));
        }
        folded.checked_add(WIDE_ENTRY)
    }

    /// Decodes a code of [`History::write_register`].
    #[inline]
    pub(super) fn read_register(
        &mut self,
        task: usize,
        at: usize,
        written: u64,
        prediction: &Prediction,
    ) -> Option<u64> {
        let (base, other) = (*prediction.base.get(at)?, *prediction.other.get(at)?);
        if let Some(folded) = written.checked_sub(WIDE_ENTRY) {
            let value = unfold(folded, base);
            if folded >= FAR_REGISTER {
                self.ring.push(value.wrapping_sub(base));
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

    /// Returns the code of an exit value that is not the last one; `None` if it has none.
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
            self.ring.push(value.wrapping_sub(last));
        }
        folded.checked_add(WIDE_EXIT)
    }

    /// Decodes a code of [`History::write_value`].
    #[inline]
    pub(super) fn read_value(&mut self, written: u64, last: u64, call: &Registers) -> Option<u64> {
        if let Some(folded) = written.checked_sub(WIDE_EXIT) {
            let value = unfold(folded, last);
            if folded >= FAR_VALUE {
                self.ring.push(value.wrapping_sub(last));
            }
            return Some(value);
        }
        if let Some(near) = written.checked_sub(NEAR_EXIT) {
            return Some(last.wrapping_add(self.ring.take(usize::try_from(near).ok()?)?));
        }
        call.get(usize::try_from(written).ok()? + 1).copied()
    }
}

/// Returns the number of registers in which two calls differ.
#[inline]
fn misses(one: &Registers, other: &Registers) -> i8 {
    one.iter().zip(other).map(|(one, other)| i8::from(one != other)).sum()
}

impl Key for Pair {
    fn hash(&self) -> u64 {
        mix(u64::from(self.0), u64::from(self.1))
    }
}
