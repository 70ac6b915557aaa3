//! What a call that makes a task asks for: the flags of clone, clone3, fork and vfork in one form.

use linux_raw_sys::general as g;

use crate::arch::Abi;
use crate::desc::{CallKind, Row};

/// The `CLONE_*` flags of a call. Unknown bits stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CloneFlags(pub u64);

impl CloneFlags {
    const fn has(self, bit: u32) -> bool {
        self.0 & bit as u64 != 0
    }

    /// The new task is a thread of the same process.
    #[must_use]
    pub const fn thread(self) -> bool {
        self.has(g::CLONE_THREAD)
    }

    /// The caller waits until the new task execs or exits.
    #[must_use]
    pub const fn vfork(self) -> bool {
        self.has(g::CLONE_VFORK)
    }

    /// The new task asks not to be traced, and a tracer will not see it.
    #[must_use]
    pub const fn untraced(self) -> bool {
        self.has(g::CLONE_UNTRACED)
    }

    /// The new task's parent is the caller's parent.
    #[must_use]
    pub const fn parent(self) -> bool {
        self.has(g::CLONE_PARENT)
    }

    /// Both share the address space.
    #[must_use]
    pub const fn memory(self) -> bool {
        self.has(g::CLONE_VM)
    }

    /// Both share the table of file descriptors.
    #[must_use]
    pub const fn files(self) -> bool {
        self.has(g::CLONE_FILES)
    }

    /// Both share the working directory, root and umask.
    #[must_use]
    pub const fn fs(self) -> bool {
        self.has(g::CLONE_FS)
    }

    /// The new task starts new namespaces of some kind.
    #[must_use]
    pub const fn namespaces(self) -> bool {
        let all = g::CLONE_NEWNS
            | g::CLONE_NEWCGROUP
            | g::CLONE_NEWUTS
            | g::CLONE_NEWIPC
            | g::CLONE_NEWUSER
            | g::CLONE_NEWPID
            | g::CLONE_NEWNET
            // Only clone3 takes it: in clone the bit belongs to the signal.
            | g::CLONE_NEWTIME;
        self.has(all)
    }

    /// The kernel writes the new task's id to the maker's memory.
    #[must_use]
    pub const fn tells_maker(self) -> bool {
        self.has(g::CLONE_PARENT_SETTID)
    }

    /// The kernel writes the new task's id to its own memory.
    #[must_use]
    pub const fn tells_child(self) -> bool {
        self.has(g::CLONE_CHILD_SETTID)
    }

    /// The kernel writes zero to the new task's memory when it ends, and wakes who waits for that.
    #[must_use]
    pub const fn clears(self) -> bool {
        self.has(g::CLONE_CHILD_CLEARTID)
    }

    /// The new task begins with a thread-local storage of its own.
    #[must_use]
    pub const fn sets_thread_storage(self) -> bool {
        self.has(g::CLONE_SETTLS)
    }

    /// A pidfd is made for the new task.
    #[must_use]
    pub const fn pidfd(self) -> bool {
        self.has(g::CLONE_PIDFD)
    }
}

/// The flags of a call that makes a task; `None` for any other call. `structure` is what clone3's
/// first argument points to, as captured; without it clone3's flags are unknown and `None` is
/// answered.
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
        // The low byte is the signal that the parent gets.
        CallKind::Clone => Some(CloneFlags(abi.args(args)[0] & 0xffff_ff00)),
        CallKind::Clone3 => {
            let bytes = structure?.get(..8)?;
            Some(CloneFlags(u64::from_le_bytes(bytes.try_into().ok()?)))
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
    fn untraced_children_are_found_in_both_forms() {
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
