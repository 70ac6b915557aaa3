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

/// What a call does with a path, as far as it decides where the path leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathUse {
    /// The last component is a name to change. A symbolic link there is not followed.
    Name,
    /// The file is changed, and a symbolic link in the last component is followed.
    File,
    /// The path becomes the working directory.
    WorkingDirectory,
    /// The path becomes the root directory.
    Root,
}

/// Returns the paths of a call that changes names, or files by their names, and what it does with
/// them. None for calls that open a file: its descriptor has a name.
#[must_use]
pub fn changed_paths(abi: Abi, row: &Row, args: &[u64; 6]) -> [Option<(PathArg, PathUse)>; 2] {
    let flags = || {
        let at = ["flags", "flag", "at_flags"].iter().find_map(|name| row.arg(name));
        at.and_then(|at| abi.args(args).get(at).copied()).unwrap_or(0)
    };
    let [first, second] = path_args(row);
    let with = |path: Option<PathArg>, does| path.map(|path| (path, does));
    let follows = |follows| if follows { PathUse::File } else { PathUse::Name };
    match row.kind {
        CallKind::Unlink
        | CallKind::Rmdir
        | CallKind::Mkdir
        | CallKind::Mknod
        | CallKind::Rename => [with(first, PathUse::Name), with(second, PathUse::Name)],
        CallKind::Link => {
            let followed = flags() & u64::from(g::AT_SYMLINK_FOLLOW) != 0;
            [with(first, follows(followed)), with(second, PathUse::Name)]
        }
        // The target is not looked up.
        CallKind::Symlink => [None, with(second, PathUse::Name)],
        CallKind::Truncate => [with(first, PathUse::File), None],
        CallKind::Chmod | CallKind::Chown | CallKind::Utime => {
            let kept =
                row.name.starts_with('l') || flags() & u64::from(g::AT_SYMLINK_NOFOLLOW) != 0;
            [with(first, follows(!kept)), None]
        }
        // The flags of setxattr are not those of the other calls.
        CallKind::SetXattr => {
            let kept = row.name.starts_with('l')
                || row.arg("at_flags").is_some()
                    && flags() & u64::from(g::AT_SYMLINK_NOFOLLOW) != 0;
            [with(first, follows(!kept)), None]
        }
        CallKind::Chdir => [with(first, PathUse::WorkingDirectory), None],
        CallKind::Chroot => [with(first, PathUse::Root), None],
        _ => [None; 2],
    }
}

/// Splits a path before its last component. The component is empty if there is none to change:
/// the path is empty, the root, or ends in `.` or `..`.
#[must_use]
pub fn split_last(path: &[u8]) -> (&[u8], &[u8]) {
    let len = path.iter().rposition(|&byte| byte != b'/').map_or(0, |at| at.saturating_add(1));
    let whole = path.get(..len).unwrap_or_default();
    let start = whole.iter().rposition(|&byte| byte == b'/').map_or(0, |at| at.saturating_add(1));
    match whole.split_at_checked(start) {
        Some((directory, last)) if !matches!(last, b"" | b"." | b"..") => (directory, last),
        _ => (path, b""),
    }
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
    fn the_row_and_its_flags_decide_what_is_done_with_a_path() {
        use PathUse::{File, Name, Root, WorkingDirectory};
        let of = |name, args| {
            let both = changed_paths(Abi::X86_64, named(name), &args);
            both.map(|path| path.map(|(arg, does)| (arg.path, does)))
        };
        let [keep, follow] = [g::AT_SYMLINK_NOFOLLOW, g::AT_SYMLINK_FOLLOW].map(u64::from);
        let flags = |at: usize, flags| {
            let mut args = [0; 6];
            args[at] = flags;
            args
        };
        for (name, args, paths) in [
            ("unlinkat", [0; 6], [Some((1, Name)), None]),
            ("renameat2", [0; 6], [Some((1, Name)), Some((3, Name))]),
            ("symlinkat", [0; 6], [None, Some((2, Name))]),
            ("linkat", [0; 6], [Some((1, Name)), Some((3, Name))]),
            ("linkat", flags(4, follow), [Some((1, File)), Some((3, Name))]),
            ("chmod", [0; 6], [Some((0, File)), None]),
            ("fchmodat2", flags(3, keep), [Some((1, Name)), None]),
            ("fchownat", flags(4, keep), [Some((1, Name)), None]),
            ("lchown", [0; 6], [Some((0, Name)), None]),
            ("utimensat", [0; 6], [Some((1, File)), None]),
            ("setxattr", flags(4, keep), [Some((0, File)), None]),
            ("lremovexattr", [0; 6], [Some((0, Name)), None]),
            ("setxattrat", flags(2, keep), [Some((1, Name)), None]),
            ("chdir", [0; 6], [Some((0, WorkingDirectory)), None]),
            ("chroot", [0; 6], [Some((0, Root)), None]),
            ("fchmod", [0; 6], [None, None]),
            ("openat", [0; 6], [None, None]),
            ("stat", [0; 6], [None, None]),
        ] {
            assert_eq!(of(name, args), paths, "{name} {args:?}");
        }
    }

    #[test]
    fn the_last_component_is_the_one_that_is_changed() {
        for (path, directory, last) in [
            ("a", "", "a"),
            ("a/", "", "a"),
            ("/a", "/", "a"),
            ("../a//b//", "../a//", "b"),
            ("a/..", "a/..", ""),
            (".", ".", ""),
            ("/", "/", ""),
            ("", "", ""),
        ] {
            assert_eq!(split_last(path.as_bytes()), (directory.as_bytes(), last.as_bytes()));
        }
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
