//! The calls of each ABI by number, made when this crate is compiled: a recording of a short
//! program would wait for it.

use super::x32;
use crate::arch::Abi;
use crate::desc::{Row, plain, str_eq};
use crate::table;
use syscalls::{aarch64, x86, x86_64};

/// What is known of a number.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub(super) name: Option<&'static str>,
    place: Option<Place>,
}

/// Where a row is: the position of its group, and its own in that. Not a reference: the compiler
/// would make copies of the rows, of which each has an address of its own.
#[derive(Clone, Copy)]
struct Place {
    group: usize,
    at: usize,
}

impl Entry {
    /// Returns its row.
    #[inline]
    pub(super) fn row(self) -> Option<&'static Row> {
        let Place { group, at } = self.place?;
        table::GROUPS.get(group)?.1.get(at)
    }
}

/// Returns the calls of an ABI by number (without the x32 bit).
pub(super) fn dense(abi: Abi) -> &'static [Entry] {
    match abi {
        Abi::X86_64 => &X86_64,
        Abi::I386 => &I386,
        Abi::X32 => &X32,
        Abi::Aarch64 => &AARCH64,
    }
}

// Names are looked up one by one: some millions of steps.
#[allow(long_running_const_eval)]
static X86_64: [Entry; x86_64::Sysno::table_size()] = entries(Abi::X86_64);
#[allow(long_running_const_eval)]
static I386: [Entry; x86::Sysno::table_size()] = entries(Abi::I386);
#[allow(long_running_const_eval)]
static X32: [Entry; x32::FIRST + x32::ONLY.len()] = entries(Abi::X32);
#[allow(long_running_const_eval)]
static AARCH64: [Entry; aarch64::Sysno::table_size()] = entries(Abi::Aarch64);

const fn entries<const N: usize>(abi: Abi) -> [Entry; N] {
    let mut entries = [Entry { name: None, place: None }; N];
    let mut nr = 0;
    while nr < N {
        if let Some(name) = name(abi, nr) {
            entries[nr] = Entry { name: Some(name), place: place(abi, name) };
        }
        nr += 1;
    }
    entries
}

/// Returns the place of the row of a name. A row of this ABI only overrides a common one.
const fn place(abi: Abi, name: &str) -> Option<Place> {
    let (mut found, mut group) = (None, 0);
    while group < table::GROUPS.len() {
        let (only, rows) = table::GROUPS[group];
        let is_common = only.is_none();
        let is_meant = match only {
            None => found.is_none(),
            Some(only) => only as u8 == abi as u8,
        };
        let mut at = 0;
        while is_meant && at < rows.len() {
            if str_eq(rows[at].name, name) && (!is_common || found.is_none()) {
                found = Some(Place { group, at });
            }
            at += 1;
        }
        group += 1;
    }
    found
}

/// Calls of 32-bit architectures in the generic header whose names do not end with `time64`.
const ONLY_32: &[&str] = &[
    "clock_gettime64",
    "clock_settime64",
    "clock_adjtime64",
    "timer_gettime64",
    "timer_settime64",
    "timerfd_gettime64",
    "timerfd_settime64",
];

/// Returns the name of a number (without the x32 bit).
const fn name(abi: Abi, nr: usize) -> Option<&'static str> {
    macro_rules! of_package {
        ($arch:ident) => {
            match $arch::Sysno::new(nr) {
                Some(call) => Some(plain(call.name())),
                None => None,
            }
        };
    }
    match abi {
        Abi::X86_64 => of_package!(x86_64),
        Abi::I386 => of_package!(x86),
        // The package reads arm64's numbers from the generic header but ignores its conditions. So
        // it includes the calls of 32-bit architectures, and calls newfstatat fstatat.
        Abi::Aarch64 => match of_package!(aarch64) {
            Some(name) if str_eq(name, "fstatat") => Some("newfstatat"),
            Some(name) if ends_with(name, "time64") || is_in(ONLY_32, name) => None,
            name => name,
        },
        Abi::X32 if nr >= x32::FIRST => Some(x32::ONLY[nr - x32::FIRST].1),
        Abi::X32 => match of_package!(x86_64) {
            Some(name) if is_replaced(name) => None,
            name => name,
        },
    }
}

/// Returns whether x32 has a number of its own for a call of x86-64.
const fn is_replaced(name: &str) -> bool {
    let mut at = 0;
    while at < x32::ONLY.len() {
        if str_eq(x32::ONLY[at].1, name) {
            return true;
        }
        at += 1;
    }
    false
}

const fn is_in(names: &[&str], name: &str) -> bool {
    let mut at = 0;
    while at < names.len() {
        if str_eq(names[at], name) {
            return true;
        }
        at += 1;
    }
    false
}

const fn ends_with(name: &str, end: &str) -> bool {
    name.len() >= end.len() && str_eq(name.split_at(name.len() - end.len()).1, end)
}
