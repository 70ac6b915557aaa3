//! Operations: what a program does to a resource.

use std::fmt;

use serde::{Serialize, Serializer};

macro_rules! ops {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// An operation.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Op {
            $($(#[$doc])* $name,)*
        }

        impl Op {
            /// Every operation.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Returns the name of the operation in the line of an effect.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

ops! {
    /// A program was executed.
    Exec = "exec";
    /// A process ended; the result is its status or signal.
    Exit = "exit";
    /// A file was opened for reading, or an inherited descriptor was read.
    Read = "read";
    /// A file was opened for writing or created, or an inherited descriptor was written.
    Write = "write";
    /// A file or directory may have been created: the permissions that the umask leaves it, and how
    /// it was opened.
    Create = "create";
    /// The flags by which a call reached a file or replaced one.
    Flags = "flags";
    /// A directory was listed.
    List = "list";
    /// A file was queried: its attributes, the target of its link, its existence.
    Stat = "stat";
    /// A name was removed.
    Unlink = "unlink";
    /// A directory was created.
    Mkdir = "mkdir";
    /// A directory was removed.
    Rmdir = "rmdir";
    /// A file was renamed.
    Rename = "rename";
    /// A hard link was created.
    Link = "link";
    /// A symbolic link was created.
    Symlink = "symlink";
    /// A special file was created.
    Mknod = "mknod";
    /// Permissions were changed.
    Chmod = "chmod";
    /// The owner was changed.
    Chown = "chown";
    /// The length was changed.
    Truncate = "truncate";
    /// Times were set.
    Utime = "utime";
    /// An extended attribute was changed.
    Xattr = "xattr";
    /// A file was flushed to the disk.
    Sync = "sync";
    /// Whether what was written to a file was on the disk when it was renamed, or at last.
    Durability = "durability";
    /// A file was locked.
    Lock = "lock";
    /// A file was written while the process held an exclusive lock.
    Locked = "locked";
    /// An IPC object was made or used.
    Ipc = "ipc";
    /// The working directory or root was changed.
    Chdir = "chdir";
    /// A socket was connected.
    Connect = "connect";
    /// A socket was bound to an address.
    Bind = "bind";
    /// A socket was made to listen.
    Listen = "listen";
    /// A connection was accepted.
    Accept = "accept";
    /// A message was sent to an address.
    Send = "send";
    /// A message was received.
    Receive = "receive";
    /// A signal was sent.
    Signal = "signal";
    /// Users, groups or capabilities were changed.
    Creds = "creds";
    /// An operation on the kernel, keys, mounts or other processes.
    Kernel = "kernel";
    /// A process or a thread was created.
    Fork = "fork";
    /// A mark.
    Mark = "mark";
    /// Any other call; the resource begins with its name.
    #[default]
    Call = "call";
}

impl Op {
    /// Whether the operation is an effect, one that is visible outside the process.
    #[must_use]
    pub const fn is_effect(self) -> bool {
        !matches!(
            self,
            Self::Chdir | Self::Accept | Self::Receive | Self::Fork | Self::Mark | Self::Call
        )
    }

    /// Whether the operation changes names or contents of files.
    #[must_use]
    pub const fn changes_files(self) -> bool {
        matches!(
            self,
            Self::Write
                | Self::Unlink
                | Self::Mkdir
                | Self::Rmdir
                | Self::Rename
                | Self::Link
                | Self::Symlink
                | Self::Mknod
                | Self::Truncate
                | Self::Utime
                | Self::Xattr
        )
    }

    /// Whether the operation only looks up a name.
    #[must_use]
    pub const fn looks_up(self) -> bool {
        matches!(self, Self::Read | Self::Stat | Self::List | Self::Exec)
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Op {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

impl Op {
    /// Whether the resource of the operation is a subject and what is asked for it, `$WS/a 0644`,
    /// so that another request for one subject is one change.
    pub(crate) const fn has_request(self) -> bool {
        matches!(
            self,
            Self::Create
                | Self::Durability
                | Self::Flags
                | Self::Locked
                | Self::Ipc
                | Self::Xattr
                | Self::Chmod
                | Self::Chown
                | Self::Creds
                | Self::Kernel
                | Self::Signal
                | Self::Symlink
                | Self::Lock
        )
    }
}
