//! The file descriptors that a call makes.

use linux_raw_sys::general as g;
use linux_raw_sys::net;
use linux_raw_sys::ptrace::{SECCOMP_FILTER_FLAG_NEW_LISTENER, SECCOMP_SET_MODE_FILTER};

use crate::arch::Abi;
use crate::bytes::u32_at;
use crate::clone::CloneFlags;
use crate::desc::{Makes, Row};
use crate::plan::CLONE_PIDFD;
use crate::special::ioctl;

/// Up to two file descriptors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fds {
    fds: [i32; 2],
    len: u8,
}

impl Fds {
    const NONE: Self = Self { fds: [0; 2], len: 0 };

    /// Returns the file descriptors.
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

    fn two(bytes: Option<&[u8]>) -> Self {
        match (int(bytes, 0), int(bytes, 4)) {
            (Some(a), Some(b)) => Self { fds: [a, b], len: 2 },
            _ => Self::NONE,
        }
    }
}

/// Returns the file descriptors that a call made. `written` returns the bytes captured at the exit
/// by (argument, role, index): a pipe's two descriptors, or a pidfd.
///
/// For descriptors received in a message, see [`crate::rights()`].
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
    let args = abi.args(args);
    let command = |arg: usize| args.get(arg).copied().unwrap_or(0) & 0xffff_ffff;
    let is_result = match row.makes {
        Makes::None => false,
        Makes::Ret => true,
        Makes::Pair(at) => return Fds::two(written(at.index, 0, 0)),
        Makes::Fcntl => {
            [g::F_DUPFD, g::F_DUPFD_CLOEXEC].iter().any(|c| u64::from(*c) == command(1))
        }
        Makes::Ioctl => ioctl::makes_fd(args[1]),
        // The parent tid pointer serves both; CLONE_PIDFD excludes CLONE_PARENT_SETTID.
        Makes::Clone if CloneFlags(args[0]).pidfd() => return Fds::one(int(written(2, 0, 0), 0)),
        Makes::Clone => false,
        // Captured only if the flags ask for a pidfd.
        Makes::Clone3 => return Fds::one(int(written(0, 1, CLONE_PIDFD), 0)),
        Makes::Seccomp => {
            command(0) == u64::from(SECCOMP_SET_MODE_FILTER)
                && command(1) & u64::from(SECCOMP_FILTER_FLAG_NEW_LISTENER) != 0
        }
        Makes::Bpf => crate::special::bpf::makes_fd(command(0)),
        Makes::Socketcall if command(0) == u64::from(net::SYS_SOCKETPAIR) => {
            return Fds::two(written(3, 1, 0));
        }
        Makes::Socketcall => [net::SYS_SOCKET, net::SYS_ACCEPT, net::SYS_ACCEPT4]
            .iter()
            .any(|c| u64::from(*c) == command(0)),
    };
    if is_result { Fds::one(i32::try_from(rval).ok()) } else { Fds::NONE }
}

fn int(bytes: Option<&[u8]>, at: usize) -> Option<i32> {
    Some(u32_at(bytes?, at)?.cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consts::unpackaged as u;
    use crate::number::{number, row};

    fn made(name: &str, args: [u64; 6], rval: i64, written: &[u8]) -> Vec<i32> {
        let abi = Abi::X86_64;
        let row = row(abi.arch(), number(abi, name).unwrap()).unwrap();
        let bytes = |_, _, _| (!written.is_empty()).then_some(written);
        makes_fd(abi, row, &args, rval, rval < 0, bytes).as_slice().to_vec()
    }

    #[test]
    fn descriptors_come_from_results_and_arrays() {
        assert_eq!(made("openat", [0; 6], 3, &[]), [3]);
        assert_eq!(made("openat", [0; 6], -2, &[]), []);
        assert_eq!(made("read", [0; 6], 3, &[]), []);
        assert_eq!(made("pipe2", [1, 0, 0, 0, 0, 0], 0, &[3, 0, 0, 0, 4, 0, 0, 0]), [3, 4]);
        assert_eq!(made("pipe2", [1, 0, 0, 0, 0, 0], 0, &[3, 0, 0, 0]), []);
        assert_eq!(made("socketpair", [1, 1, 0, 9, 0, 0], 0, &[5, 0, 0, 0, 6, 0, 0, 0]), [5, 6]);
    }

    #[test]
    fn the_command_decides_whether_a_result_is_a_descriptor() {
        assert_eq!(made("fcntl", [3, g::F_DUPFD_CLOEXEC.into(), 10, 0, 0, 0], 10, &[]), [10]);
        assert_eq!(made("fcntl", [3, g::F_GETFD.into(), 0, 0, 0, 0], 1, &[]), []);
        assert_eq!(
            made("ioctl", [3, linux_raw_sys::ioctl::TIOCGPTPEER.into(), 0, 0, 0, 0], 7, &[]),
            [7]
        );
        assert_eq!(made("ioctl", [3, linux_raw_sys::ioctl::TCGETS.into(), 0, 0, 0, 0], 0, &[]), []);
        let flags = u64::from(g::CLONE_PIDFD);
        assert_eq!(made("clone", [flags, 0, 1, 0, 0, 0], 99, &[8, 0, 0, 0]), [8]);
        assert_eq!(made("clone", [0, 0, 1, 0, 0, 0], 99, &[8, 0, 0, 0]), []);
        assert_eq!(made("clone3", [1, 88, 0, 0, 0, 0], 99, &[8, 0, 0, 0]), [8]);
        assert_eq!(made("clone3", [1, 88, 0, 0, 0, 0], 99, &[]), []);
        assert_eq!(made("bpf", [u::BPF_PROG_LOAD, 0, 0, 0, 0, 0], 4, &[]), [4]);
    }
}
