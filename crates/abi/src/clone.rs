//! The flags of a call that makes a task, in one form for clone, clone3, fork and vfork.

use linux_raw_sys::general as g;

use crate::arch::Abi;
use crate::bytes::u64_at;
use crate::desc::{CallKind, Row};

/// `CLONE_*` flags. Unknown bits are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CloneFlags(pub u64);

impl CloneFlags {
    /// What every thread shares with the others of its process (clone(2)).
    pub const THREAD: Self =
        Self(g::CLONE_THREAD as u64 | g::CLONE_SIGHAND as u64 | g::CLONE_VM as u64);

    const fn contains(self, bit: u32) -> bool {
        self.0 & bit as u64 != 0
    }

    /// Whether the new task is a thread of the caller's process.
    #[must_use]
    pub const fn thread(self) -> bool {
        self.contains(g::CLONE_THREAD)
    }

    /// Whether the caller waits until the new task execs or exits.
    #[must_use]
    pub const fn vfork(self) -> bool {
        self.contains(g::CLONE_VFORK)
    }

    /// Whether the new task is hidden from the tracer.
    #[must_use]
    pub const fn untraced(self) -> bool {
        self.contains(g::CLONE_UNTRACED)
    }

    /// Whether the new task gets the caller's parent.
    #[must_use]
    pub const fn parent(self) -> bool {
        self.contains(g::CLONE_PARENT)
    }

    /// Whether both share the address space.
    #[must_use]
    pub const fn memory(self) -> bool {
        self.contains(g::CLONE_VM)
    }

    /// Whether both share the table of file descriptors.
    #[must_use]
    pub const fn files(self) -> bool {
        self.contains(g::CLONE_FILES)
    }

    /// Whether both share the actions of signals.
    #[must_use]
    pub const fn signals(self) -> bool {
        self.contains(g::CLONE_SIGHAND)
    }

    /// Whether both share working directory, root and umask.
    #[must_use]
    pub const fn fs(self) -> bool {
        self.contains(g::CLONE_FS)
    }

    /// Whether both share the table of signal dispositions.
    #[must_use]
    pub const fn signal_handlers(self) -> bool {
        self.contains(g::CLONE_SIGHAND)
    }

    /// Whether signals with a handler get their default action in the new task.
    #[must_use]
    pub const fn clears_signal_handlers(self) -> bool {
        self.0 & g::CLONE_CLEAR_SIGHAND != 0
    }

    /// Whether the new task gets a mount namespace of its own.
    #[must_use]
    pub const fn new_mounts(self) -> bool {
        self.contains(g::CLONE_NEWNS)
    }

    /// Whether the new task gets a user namespace of its own.
    #[must_use]
    pub const fn new_users(self) -> bool {
        self.contains(g::CLONE_NEWUSER)
    }

    /// Whether the new task gets any new namespace.
    #[must_use]
    pub const fn namespaces(self) -> bool {
        let all = g::CLONE_NEWNS
            | g::CLONE_NEWCGROUP
            | g::CLONE_NEWUTS
            | g::CLONE_NEWIPC
            | g::CLONE_NEWUSER
            | g::CLONE_NEWPID
            | g::CLONE_NEWNET
            // Of clone3 only: in clone the bit belongs to the signal.
            | g::CLONE_NEWTIME;
        self.contains(all)
    }

    /// Calls `each` with the names in /proc/PID/ns of the new namespaces. A task that unshares its
    /// PID or time namespace stays in it; its children are in the new one.
    pub fn each_namespace(self, of_new_task: bool, mut each: impl FnMut(&'static str)) {
        const NAMES: [(u32, &str, &str); 8] = [
            (g::CLONE_NEWNS, "mnt", "mnt"),
            (g::CLONE_NEWCGROUP, "cgroup", "cgroup"),
            (g::CLONE_NEWUTS, "uts", "uts"),
            (g::CLONE_NEWIPC, "ipc", "ipc"),
            (g::CLONE_NEWUSER, "user", "user"),
            (g::CLONE_NEWPID, "pid", "pid_for_children"),
            (g::CLONE_NEWNET, "net", "net"),
            (g::CLONE_NEWTIME, "time", "time_for_children"),
        ];
        for (flag, own, of_children) in NAMES {
            if self.contains(flag) {
                each(of_children);
                if of_new_task && own != of_children {
                    each(own);
                }
            }
        }
    }

    /// Whether the kernel stores the new task's id in the parent's memory.
    #[must_use]
    pub const fn sets_parent_tid(self) -> bool {
        self.contains(g::CLONE_PARENT_SETTID)
    }

    /// Whether the kernel stores the new task's id in the child's memory.
    #[must_use]
    pub const fn sets_child_tid(self) -> bool {
        self.contains(g::CLONE_CHILD_SETTID)
    }

    /// Whether the kernel clears a word in the child's memory at its exit, and wakes a futex there.
    #[must_use]
    pub const fn clears_child_tid(self) -> bool {
        self.contains(g::CLONE_CHILD_CLEARTID)
    }

    /// Whether the new task gets thread-local storage.
    #[must_use]
    pub const fn sets_thread_storage(self) -> bool {
        self.contains(g::CLONE_SETTLS)
    }

    /// Whether the kernel makes a pidfd for the new task.
    #[must_use]
    pub const fn pidfd(self) -> bool {
        self.contains(g::CLONE_PIDFD)
    }
}

/// Returns the flags of a call that makes a task, or `None` for other calls. `structure` is the
/// `clone_args` of clone3 as captured; without it, clone3's flags are unknown and the result is
/// `None`.
#[must_use]
pub fn clone_flags(
    abi: Abi,
    row: &Row,
    args: &[u64; 6],
    structure: Option<&[u8]>,
) -> Option<CloneFlags> {
    match row.kind {
        CallKind::Fork => Some(CloneFlags(0)),
        CallKind::Vfork => Some(CloneFlags((g::CLONE_VM | g::CLONE_VFORK).into())),
        // The low byte is the exit signal.
        CallKind::Clone => Some(CloneFlags(abi.args(args)[0] & 0xffff_ff00)),
        CallKind::Clone3 => {
            // struct clone_args begins with the flags.
            Some(CloneFlags(u64_at(structure?, 0)?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AuditArch;
    use crate::number::{number, row};

    #[test]
    fn untraced_is_read_from_clone_and_clone3() {
        let flags = u64::from(g::CLONE_UNTRACED | g::CLONE_VM);
        let find = |name| row(AuditArch::X86_64, number(Abi::X86_64, name).unwrap()).unwrap();
        let clone =
            clone_flags(Abi::X86_64, find("clone"), &[flags | 17, 0, 0, 0, 0, 0], None).unwrap();
        assert!(clone.untraced() && clone.memory() && !clone.thread());
        let bytes = flags.to_le_bytes();
        let clone3 =
            clone_flags(Abi::X86_64, find("clone3"), &[1, 88, 0, 0, 0, 0], Some(&bytes)).unwrap();
        assert!(clone3.untraced());
        assert_eq!(
            clone_flags(Abi::X86_64, find("clone3"), &[1, 88, 0, 0, 0, 0], Some(&bytes[..7])),
            None
        );
        assert_eq!(clone_flags(Abi::X86_64, find("read"), &[0; 6], None), None);
    }
}
