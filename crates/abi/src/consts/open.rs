//! Opening files and looking up paths.

use linux_raw_sys::general::*;

use super::list;
use crate::desc::Constants;

list! { /// Flags of open, openat and `open_how`.
    OPEN "O_" 32:
    O_CREAT O_EXCL O_NOCTTY O_TRUNC O_APPEND O_NONBLOCK O_SYNC O_DSYNC FASYNC O_DIRECT O_LARGEFILE
    O_NOFOLLOW
    O_NOATIME O_CLOEXEC O_PATH O_TMPFILE O_DIRECTORY __O_SYNC __O_TMPFILE
    ; field O_ACCMODE: O_RDONLY O_WRONLY O_RDWR O_ACCMODE
    // arch/arm64/include/uapi/asm/fcntl.h and include/uapi/asm-generic/fcntl.h.
    ; differs O_DIRECTORY 0o200000 0o40000, O_NOFOLLOW 0o400000 0o100000, O_DIRECT 0o40000 0o200000,
      O_LARGEFILE 0o100000 0o400000, O_TMPFILE 0o20200000 0o20040000
}
list! { /// Flags of pipe2, dup3, inotify_init1 and others that take two flags of open.
    CREATE "O_" 32: O_NONBLOCK O_CLOEXEC O_DIRECT O_EXCL
    ; differs O_DIRECT 0o40000 0o200000
}
/// Flags of open without the access mode.
pub static BITS: Constants = Constants {
    prefix: OPEN.prefix,
    bits: 32,
    items: OPEN.items,
    fields: &[],
    overrides: OPEN.overrides,
};
list! { /// Flags of memfd_secret.
    SECRET "" 32: O_CLOEXEC
}
list! { /// Flags of delete_module.
    MODULE "O_" 32: O_NONBLOCK O_TRUNC
}
list! { /// The `resolve` member of `open_how`.
    RESOLVE "RESOLVE_" 64:
    RESOLVE_NO_XDEV RESOLVE_NO_MAGICLINKS RESOLVE_NO_SYMLINKS RESOLVE_BENEATH RESOLVE_IN_ROOT
    RESOLVE_CACHED
}
list! { /// Flags of calls that look up a path relative to a directory.
    AT "AT_" 32: AT_SYMLINK_NOFOLLOW AT_REMOVEDIR AT_SYMLINK_FOLLOW AT_NO_AUTOMOUNT AT_EMPTY_PATH
    AT_RECURSIVE
}
list! { /// Flags of fstatat and statx.
    AT_STAT "AT_" 32: AT_STATX_FORCE_SYNC AT_STATX_DONT_SYNC AT_SYMLINK_NOFOLLOW AT_REMOVEDIR
    AT_SYMLINK_FOLLOW AT_NO_AUTOMOUNT AT_EMPTY_PATH AT_RECURSIVE
}
list! { /// Flags of mount_setattr.
    AT_MOUNT "AT_" 32: AT_SYMLINK_NOFOLLOW AT_NO_AUTOMOUNT AT_EMPTY_PATH AT_RECURSIVE
}
list! { /// Flags of faccessat2.
    AT_ACCESS "AT_" 32: AT_SYMLINK_NOFOLLOW AT_EACCESS AT_EMPTY_PATH
}
/// Flags of openat2, which uses all 64 bits.
pub static OPEN_HOW: Constants = Constants {
    prefix: OPEN.prefix,
    bits: 64,
    items: OPEN.items,
    fields: OPEN.fields,
    overrides: OPEN.overrides,
};
list! { /// Flags of execveat.
    AT_EXEC "AT_" 32: AT_SYMLINK_NOFOLLOW AT_EMPTY_PATH AT_EXECVE_CHECK
}
list! { /// Flags of name_to_handle_at.
    AT_HANDLE "AT_" 32: AT_HANDLE_FID AT_HANDLE_MNT_ID_UNIQUE AT_HANDLE_CONNECTABLE AT_EMPTY_PATH
    AT_SYMLINK_FOLLOW
}
list! { /// Permissions that access checks.
    ACCESS "?_OK" 32: R_OK W_OK X_OK F_OK
}
list! { /// File types and special permission bits of a mode.
    FILE_TYPE "S_" 32: S_ISUID S_ISGID S_ISVTX
    ; field S_IFMT: S_IFSOCK S_IFLNK S_IFREG S_IFBLK S_IFDIR S_IFCHR S_IFIFO
}
