//! Kernel objects that a task names by a number and whose size is in no memory of the task.

use crate::Tid;
use std::fs;
use std::mem::MaybeUninit;
use std::path::PathBuf;

/// Returns the number of semaphores in a System V set. `None` when the task lives in another ipc
/// namespace, where the id names another set, or when the set may not be read.
pub fn semaphores(tid: Tid, set: i32) -> Option<u64> {
    let namespace = |of: PathBuf| fs::read_link(of.join("ns/ipc")).ok();
    let (ours, theirs) =
        (namespace("/proc/self".into())?, namespace(PathBuf::from(format!("/proc/{tid}")))?);
    if ours != theirs {
        return None;
    }
    let mut status = MaybeUninit::<libc::semid_ds>::zeroed();
    // SAFETY: IPC_STAT writes one semid_ds, for which there is room (semctl(2)).
    let done = unsafe { libc::semctl(set, 0, libc::IPC_STAT, status.as_mut_ptr()) };
    // SAFETY: zeroed is a valid semid_ds, and the kernel has filled it.
    (done == 0).then(|| unsafe { status.assume_init() }.sem_nsems)
}

/// A BPF map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Map {
    /// Its type, BPF_MAP_TYPE_*.
    pub kind: u32,
    /// The size of a key in bytes.
    pub key: u64,
    /// The size of a value in bytes; in a per-CPU map, of one CPU's value.
    pub value: u64,
}

/// Returns the BPF map that a descriptor of the task refers to (kernel/bpf/syscall.c,
/// bpf_map_show_fdinfo).
pub fn map(tid: Tid, fd: i32) -> Option<Map> {
    let text = fs::read_to_string(format!("/proc/{tid}/fdinfo/{fd}")).ok()?;
    let field = |name: &str| -> Option<u64> {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.trim().parse().ok())
    };
    let kind = u32::try_from(field("map_type")?).ok()?;
    Some(Map { kind, key: field("key_size")?, value: field("value_size")? })
}

/// Returns the number of possible CPUs: the last in the kernel's list, plus one.
pub fn possible_cpus() -> Option<u64> {
    let list = fs::read_to_string("/sys/devices/system/cpu/possible").ok()?;
    let last = list.trim().rsplit([',', '-']).next()?;
    last.parse::<u64>().ok()?.checked_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_objects_are_none() {
        let us = Tid::try_from(std::process::id()).unwrap();
        assert_eq!(semaphores(us, -1), None);
        assert_eq!(map(us, 0), None);
        assert!(possible_cpus().is_some_and(|cpus| cpus > 0));
    }
}
