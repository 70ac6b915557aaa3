//! The memory of replayed tasks.

use std::io;
use sysreel_sys::Tid;
use sysreel_sys::memory::{self, Transfer, Window};
use sysreel_sys::regs::THREAD_AREA;

/// Access to the memory of one task.
#[derive(Debug)]
pub(crate) struct Memory {
    tid: Tid,
    /// /proc/PID/mem, which ignores protections and makes a stack grow. Opened on first use: most
    /// tasks never need it.
    window: Option<Window>,
}

impl Memory {
    pub(crate) fn new(tid: Tid) -> Memory {
        Memory { tid, window: None }
    }

    /// Forgets the memory of the previous program, after an execve.
    pub(crate) fn forget_image(&mut self) {
        self.window = None;
    }

    /// Reads up to `bytes.len()` bytes, and returns how many were readable.
    pub(crate) fn read(&mut self, address: u64, bytes: &mut [u8]) -> usize {
        let mut transfer = [Transfer { address, len: bytes.len(), ..Transfer::default() }];
        memory::read(self.tid, bytes, &mut transfer);
        transfer[0].got
    }

    /// Reads a `struct user_desc`; unreadable bytes are zero.
    pub(crate) fn thread_area(&mut self, address: u64) -> [u8; THREAD_AREA] {
        let mut bytes = [0; THREAD_AREA];
        self.read(address, &mut bytes);
        bytes
    }

    /// Like [`Memory::read`], but reads pages that the task itself cannot.
    ///
    /// # Errors
    /// When /proc/PID/mem cannot be opened.
    pub(crate) fn read_ignoring_protection(
        &mut self,
        address: u64,
        bytes: &mut [u8],
    ) -> io::Result<usize> {
        let window = match self.window.take() {
            Some(window) => window,
            None => Window::open(self.tid)?,
        };
        let got = window.read(address, bytes);
        self.window = Some(window);
        Ok(got)
    }

    /// Hashes all writable memory of the task; `None` when there is too much of it.
    pub(crate) fn hash(&self) -> Option<blake3::Hash> {
        let mut hasher = blake3::Hasher::new();
        Window::open(self.tid).ok()?.writable_pages(self.tid, |address, page| {
            hasher.update(&address.to_le_bytes());
            hasher.update(page);
        })?;
        Some(hasher.finalize())
    }

    /// Writes all of `bytes`; through /proc/PID/mem where the task itself could not write.
    ///
    /// # Errors
    /// When part of the range cannot be written.
    pub(crate) fn write(&mut self, address: u64, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() || memory::write(self.tid, address, bytes).is_ok() {
            return Ok(());
        }
        let window = match self.window.take() {
            Some(window) => window,
            None => Window::open(self.tid)?,
        };
        let written = window.write(address, bytes);
        self.window = Some(window);
        written
    }
}
