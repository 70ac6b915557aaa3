//! CPU affinity masks, and keeping the CPUs from deep idle states.

use crate::Tid;
use crate::raw::check;
use std::fs::File;
use std::io::{self, Write};

/// The mask of a task: as many bytes as the kernel has (sched_getaffinity(2) answers how many).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask(Vec<u8>);

/// Bytes for 8192 CPUs, the most that Linux can be built for (NR_CPUS).
const CAPACITY: usize = 1024;

impl Mask {
    /// The mask of a task; 0 is the calling thread.
    pub fn of(tid: Tid) -> io::Result<Mask> {
        let mut bytes = vec![0u8; CAPACITY];
        // SAFETY: the raw call writes at most `CAPACITY` bytes to `bytes` and answers how many
        // (sched_setaffinity(2), "C library/kernel differences").
        let count = check(unsafe {
            libc::syscall(libc::SYS_sched_getaffinity, tid, CAPACITY, bytes.as_mut_ptr())
        })?;
        bytes.truncate(usize::try_from(count).unwrap_or(0));
        Ok(Mask(bytes))
    }

    /// A mask with one CPU, as long as this one.
    pub fn only(&self, cpu: usize) -> Mask {
        let mut bytes = vec![0u8; self.0.len()];
        if let Some(byte) = bytes.get_mut(cpu / 8) {
            *byte = 1 << (cpu % 8);
        }
        Mask(bytes)
    }

    /// Puts the mask on a task; 0 is the calling thread.
    pub fn set(&self, tid: Tid) -> io::Result<()> {
        // SAFETY: the kernel reads as many bytes as the vector has.
        check(unsafe {
            libc::syscall(libc::SYS_sched_setaffinity, tid, self.0.len(), self.0.as_ptr())
        })
        .map(drop)
    }

    /// The bytes, lowest CPU first (little-endian words are plain bytes on the architectures
    /// supported).
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// How many CPUs it allows.
    pub fn count(&self) -> u32 {
        self.0.iter().map(|byte| byte.count_ones()).sum()
    }

    /// Does it allow this CPU?
    pub fn has(&self, cpu: usize) -> bool {
        self.0.get(cpu / 8).is_some_and(|byte| byte >> (cpu % 8) & 1 == 1)
    }
}

/// The CPU that the calling thread runs on.
pub fn current_cpu() -> Option<usize> {
    // SAFETY: sched_getcpu(3) takes nothing.
    usize::try_from(unsafe { libc::sched_getcpu() }).ok()
}

/// Keeps every CPU of the machine out of deep idle states as long as the answer lives (kernel
/// Documentation, power/pm_qos). Root only.
pub fn hold_dma_latency() -> io::Result<File> {
    let mut file = File::options().write(true).open("/dev/cpu_dma_latency")?;
    file.write_all(&0u32.to_ne_bytes())?;
    Ok(file)
}
