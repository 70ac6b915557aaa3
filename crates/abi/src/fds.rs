//! The file descriptors that a call made, so that a recorder can ask what they are.

use linux_raw_sys::general as g;

use crate::arch::Abi;
use crate::desc::{Makes, Row};

/// Up to two new file descriptors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fds {
    fds: [i32; 2],
    len: u8,
}

impl Fds {
    const NONE: Self = Self { fds: [0; 2], len: 0 };

    /// The file descriptors.
    #[must_use]
    pub fn as_slice(&self) -> &[i32] {
        self.fds.get(..usize::from(self.len)).unwrap_or(&[])
    }

    fn one(fd: Option<i32>) -> Self {
        match fd {
            Some(fd) if fd >= 0 => Self { fds: [fd, 0], len: 1 },
            _ => Self::NONE,
        }
    }
}

/// The file descriptors that a call made. `written` gives the bytes that were captured at the exit for an argument,
/// as (argument, role, index): a pipe's two fds, or a pidfd.
pub fn makes_fd<'m>(
    abi: Abi,
    row: &Row,
    args: &[u64; 6],
    rval: i64,
    is_error: bool,
    written: impl Fn(u8, u8, u32) -> Option<&'m [u8]>,
) -> Fds {
    if is_error {
        return Fds::NONE;
    }
    let _ = (abi, args, g::CLONE_PIDFD);
    let result = || Fds::one(i32::try_from(rval).ok());
    match row.makes {
        Makes::Ret => result(),
        Makes::Pair(at) => match written(at.index, 0, 0) {
            Some([a, b, c, d, e, f, g, h, ..]) => Fds {
                fds: [i32::from_le_bytes([*a, *b, *c, *d]), i32::from_le_bytes([*e, *f, *g, *h])],
                len: 2,
            },
            _ => Fds::NONE,
        },
        _ => Fds::NONE,
    }
}
