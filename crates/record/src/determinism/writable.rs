//! What a task may write to.

use sysreel_sys::memory::{self, Transfer};
use sysreel_sys::{Tid, process};

/// Whether the task may write to all pages of a range: writes a byte of each as it is.
pub(super) fn is_writable(tid: Tid, at: u64, len: u64) -> bool {
    let page = process::page_size();
    let Some(end) = at.checked_add(len) else { return false };
    let mut address = at;
    while address < end {
        let mut byte = [0];
        let mut transfer = [Transfer { address, len: 1, ..Transfer::default() }];
        memory::read(tid, &mut byte, &mut transfer);
        if transfer[0].got != 1 || memory::write(tid, address, &byte).is_err() {
            return false;
        }
        address = (address - address % page).saturating_add(page);
    }
    true
}
