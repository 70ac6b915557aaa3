//! Calls that change what a path means: roots, mounts, namespaces, and the paths that calls name.

use linux_raw_sys::general as g;

use crate::arch::Abi;
use crate::clone::CloneFlags;
use crate::desc::{ArgKind, CallKind, Dir, Row};

/// A path that a call reads, and where it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathArg {
    /// The argument with the path.
    pub path: u8,
    /// The argument with the descriptor of the directory where a relative path begins.
    pub dirfd: Option<u8>,
}

/// Returns the first two paths that a call reads.
#[must_use]
pub fn path_args(row: &Row) -> [Option<PathArg>; 2] {
    let is_dirfd = |at: &u8| {
        row.args.get(usize::from(*at)).is_some_and(|arg| matches!(arg.kind, ArgKind::DirFd))
    };
    let mut found = (0u8..).zip(row.args).filter_map(|(at, arg)| {
        let goes_in = arg.mem.is_some_and(|mem| mem.dir == Dir::In);
        let is_path = goes_in && matches!(arg.kind, ArgKind::Path);
        is_path.then(|| PathArg { path: at, dirfd: at.checked_sub(1).filter(is_dirfd) })
    });
    [found.next(), found.next()]
}

/// What a call of kind [`CallKind::Mount`] does to the tree of mounts. Its paths are those of
/// [`path_args`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MountChange {
    /// Mounts on the second path.
    Attach,
    /// Moves the mount on the first path to the second path.
    Move,
    /// Unmounts the first path.
    Detach,
    /// Makes the first path the root of the mount namespace, and moves the old root to the second.
    PivotRoot,
}

/// Returns how a call changes the tree of mounts, or `None` if it does not.
#[must_use]
pub fn mount_change(abi: Abi, row: &Row, args: &[u64; 6]) -> Option<MountChange> {
    if row.kind != CallKind::Mount {
        return None;
    }
    match row.name {
        "mount" => mount(abi.args(args)[3] & 0xffff_ffff),
        "umount" | "umount2" => Some(MountChange::Detach),
        "move_mount" if abi.args(args)[4] & u64::from(g::MOVE_MOUNT_SET_GROUP) != 0 => None,
        "move_mount" => Some(MountChange::Move),
        "pivot_root" => Some(MountChange::PivotRoot),
        _ => None,
    }
}

/// The order in which path_mount (fs/namespace.c) looks at the flags.
fn mount(flags: u64) -> Option<MountChange> {
    let is_old = flags & u64::from(g::MS_MGC_MSK) == u64::from(g::MS_MGC_VAL);
    let flags = if is_old { flags & !u64::from(g::MS_MGC_MSK) } else { flags };
    let contains = |bits: u32| flags & u64::from(bits) != 0;
    if contains(g::MS_REMOUNT) {
        None
    } else if contains(g::MS_BIND) {
        Some(MountChange::Attach)
    } else if contains(g::MS_SHARED | g::MS_PRIVATE | g::MS_SLAVE | g::MS_UNBINDABLE) {
        None
    } else if contains(g::MS_MOVE) {
        Some(MountChange::Move)
    } else {
        Some(MountChange::Attach)
    }
}

/// Whether the descriptor that a call makes refers to the root of a mount that is not attached
/// anywhere: fsmount, or open_tree with OPEN_TREE_CLONE.
#[must_use]
pub fn makes_detached_mount(abi: Abi, row: &Row, args: &[u64; 6]) -> bool {
    match row.name {
        "fsmount" => true,
        "open_tree" | "open_tree_attr" => abi.args(args)[2] & u64::from(g::OPEN_TREE_CLONE) != 0,
        _ => false,
    }
}

/// Whether a call returns the working directory: getcwd.
#[must_use]
pub fn returns_cwd(row: &Row) -> bool {
    row.name == "getcwd"
}

/// Whether a rename exchanges both names (`RENAME_EXCHANGE`).
#[must_use]
pub fn exchanges(abi: Abi, row: &Row, args: &[u64; 6]) -> bool {
    let flags = row.arg("flags").and_then(|at| abi.args(args).get(at).copied());
    row.kind == CallKind::Rename
        && flags.is_some_and(|flags| flags & u64::from(g::RENAME_EXCHANGE) != 0)
}

/// What a call does about the namespaces of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamespaceChange {
    /// Ends sharing, and makes new namespaces: unshare. The flags are those of clone.
    Unshare(CloneFlags),
    /// Enters namespaces of others: setns.
    Join {
        /// A descriptor of a namespace, or of a process.
        fd: i32,
        /// The kinds of namespaces; 0 means that of the descriptor.
        kinds: CloneFlags,
    },
}

/// Returns what a call of kind [`CallKind::Namespace`] does, or `None` for other calls.
#[must_use]
pub fn namespace_change(abi: Abi, row: &Row, args: &[u64; 6]) -> Option<NamespaceChange> {
    if row.kind != CallKind::Namespace {
        return None;
    }
    let [first, second, ..] = abi.args(args).map(|arg| arg & 0xffff_ffff);
    match row.arg("fd") {
        Some(_) => {
            let fd = u32::try_from(first).unwrap_or(u32::MAX).cast_signed();
            Some(NamespaceChange::Join { fd, kinds: CloneFlags(second) })
        }
        None => Some(NamespaceChange::Unshare(CloneFlags(first))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::row_named;

    fn named(name: &str) -> &'static Row {
        row_named(Abi::X86_64, name).unwrap()
    }

    #[test]
    fn paths_begin_at_the_descriptor_before_them() {
        let at = |path, dirfd| Some(PathArg { path, dirfd });
        assert_eq!(path_args(named("rename")), [at(0, None), at(1, None)]);
        assert_eq!(path_args(named("renameat2")), [at(1, Some(0)), at(3, Some(2))]);
        assert_eq!(path_args(named("mount")), [at(0, None), at(1, None)]);
        assert_eq!(path_args(named("move_mount")), [at(1, Some(0)), at(3, Some(2))]);
        // The path of readlink is read, the target is written.
        assert_eq!(path_args(named("readlink")), [at(0, None), None]);
        assert_eq!(path_args(named("read")), [None, None]);
    }

    #[test]
    fn mount_does_what_its_flags_say() {
        let with =
            |flags: u32| mount_change(Abi::X86_64, named("mount"), &[1, 1, 1, flags.into(), 0, 0]);
        assert_eq!(with(0), Some(MountChange::Attach));
        assert_eq!(with(g::MS_BIND | g::MS_REC), Some(MountChange::Attach));
        assert_eq!(with(g::MS_MGC_VAL | g::MS_MOVE), Some(MountChange::Move));
        assert_eq!(with(g::MS_REMOUNT | g::MS_BIND | g::MS_RDONLY), None);
        assert_eq!(with(g::MS_PRIVATE | g::MS_REC), None);
        let plain = |name| mount_change(Abi::X86_64, named(name), &[0; 6]);
        assert_eq!(plain("umount2"), Some(MountChange::Detach));
        assert_eq!(plain("move_mount"), Some(MountChange::Move));
        assert_eq!(plain("pivot_root"), Some(MountChange::PivotRoot));
        assert_eq!((plain("mount_setattr"), plain("read")), (None, None));
        assert!(makes_detached_mount(Abi::X86_64, named("fsmount"), &[0; 6]));
        assert!(!makes_detached_mount(Abi::X86_64, named("open_tree"), &[0; 6]));
    }

    #[test]
    fn unshare_and_setns_change_namespaces() {
        let of = |name, args| namespace_change(Abi::X86_64, named(name), &args);
        let flags = CloneFlags(g::CLONE_NEWNS.into());
        let [mounts, fd] = [u64::from(g::CLONE_NEWNS), 5];
        assert_eq!(of("unshare", [mounts, 0, 0, 0, 0, 0]), Some(NamespaceChange::Unshare(flags)));
        assert_eq!(
            of("setns", [fd, mounts, 0, 0, 0, 0]),
            Some(NamespaceChange::Join { fd: 5, kinds: flags })
        );
        assert_eq!(of("clone", [mounts, 0, 0, 0, 0, 0]), None);
        assert!(flags.new_mounts() && !CloneFlags(0).new_mounts());
    }
}
