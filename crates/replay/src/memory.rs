//! The memory of replayed tasks.

use std::io;
use sysreel_sys::Tid;
use sysreel_sys::memory::{self, Transfer, Window};
use sysreel_sys::regs::THREAD_AREA;

/// How memory of a task is reached.
#[derive(Debug)]
pub(crate) struct Memory {
    tid: Tid,
    /// Past protections, and to make a stack grow. Opened when it is needed: most tasks never do.
    window: Option<Window>,
}

impl Memory {
    pub(crate) fn of(tid: Tid) -> Memory {
        Memory { tid, window: None }
    }

    /// The task has another image.
    pub(crate) fn renewed(&mut self) {
        self.window = None;
    }

    /// As many bytes as there are.
    pub(crate) fn read(&mut self, address: u64, bytes: &mut [u8]) -> usize {
        let mut transfer = [Transfer { address, len: bytes.len(), ..Transfer::default() }];
        memory::read(self.tid, bytes, &mut transfer);
        transfer[0].got
    }

    /// A `struct user_desc`; zeros where there is none.
    pub(crate) fn thread_area(&mut self, address: u64) -> [u8; THREAD_AREA] {
        let mut bytes = [0; THREAD_AREA];
        self.read(address, &mut bytes);
        bytes
    }

    /// As [`Memory::read`], whatever the protections.
    pub(crate) fn look(&mut self, address: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let window = match self.window.take() {
            Some(window) => window,
            None => Window::open(self.tid)?,
        };
        let got = window.read(address, bytes);
        self.window = Some(window);
        Ok(got)
    }

    /// What the task's writable memory comes to, if there is not too much of it.
    pub(crate) fn hash(&self) -> Option<blake3::Hash> {
        let mut hasher = blake3::Hasher::new();
        Window::open(self.tid).ok()?.writable_pages(self.tid, |address, page| {
            hasher.update(&address.to_le_bytes());
            hasher.update(page);
        })?;
        Some(hasher.finalize())
    }

    /// Writes as the kernel would have done.
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
