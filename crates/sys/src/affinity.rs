//! CPU affinity masks, and keeping CPUs out of deep idle states.

use crate::Tid;
use crate::raw::check;
use std::fs::File;
use std::io::{self, Write};

/// An affinity mask, in the kernel's length (the result of sched_getaffinity(2)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask(Vec<u8>);

/// Bytes for 8192 CPUs, the most that Linux can be built for (NR_CPUS).
const CAPACITY: usize = 1024;

impl Mask {
    /// Returns the mask of a task; 0 is the calling thread.
    ///
    /// # Errors
    /// The errno of sched_getaffinity(2).
    pub fn of_task(tid: Tid) -> io::Result<Mask> {
        let mut bytes = vec![0u8; CAPACITY];
        // SAFETY: the raw call writes at most `CAPACITY` bytes to `bytes` and returns how many
        // (sched_setaffinity(2), "C library/kernel differences").
        let count = check(unsafe {
            libc::syscall(libc::SYS_sched_getaffinity, tid, CAPACITY, bytes.as_mut_ptr())
        })?;
        bytes.truncate(usize::try_from(count).unwrap_or(0));
        Ok(Mask(bytes))
    }

    /// Returns a mask of the same length with this CPU only.
    pub fn only(&self, cpu: usize) -> Mask {
        let mut bytes = vec![0u8; self.0.len()];
        if let Some(byte) = bytes.get_mut(cpu / 8) {
            *byte = 1 << (cpu % 8);
        }
        Mask(bytes)
    }

    /// Sets the mask of a task; 0 is the calling thread.
    ///
    /// # Errors
    /// The errno of sched_setaffinity(2).
    pub fn set(&self, tid: Tid) -> io::Result<()> {
        // SAFETY: the kernel reads `len()` bytes of the vector (sched_setaffinity(2)).
        check(unsafe {
            libc::syscall(libc::SYS_sched_setaffinity, tid, self.0.len(), self.0.as_ptr())
        })
        .map(drop)
    }

    /// The bytes, lowest CPU first. The kernel's words are little-endian on the supported
    /// architectures.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The number of CPUs in the mask.
    pub fn count(&self) -> u32 {
        self.0.iter().map(|byte| byte.count_ones()).sum()
    }

    /// Returns the CPUs in the mask, lowest first.
    pub fn cpus(&self) -> impl Iterator<Item = usize> + '_ {
        (0..8 * self.0.len()).filter(|&cpu| self.contains(cpu))
    }

    /// Whether the mask contains this CPU.
    pub fn contains(&self, cpu: usize) -> bool {
        self.0.get(cpu / 8).is_some_and(|byte| byte >> (cpu % 8) & 1 == 1)
    }
}

/// The CPU that the calling thread runs on.
pub fn current_cpu() -> Option<usize> {
    // SAFETY: sched_getcpu(3) takes nothing.
    usize::try_from(unsafe { libc::sched_getcpu() }).ok()
}

/// Keeps every CPU out of deep idle states until the file is dropped (kernel Documentation,
/// power/pm_qos). Root only.
///
/// # Errors
/// The errno of opening or writing /dev/cpu_dma_latency.
pub fn hold_dma_latency() -> io::Result<File> {
    let mut file = File::options().write(true).open("/dev/cpu_dma_latency")?;
    file.write_all(&0u32.to_ne_bytes())?;
    Ok(file)
}
