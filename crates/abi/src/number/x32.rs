//! Numbers that only x32 has: calls whose arguments hold pointers or longs in x32's own layout.
//!
//! Source: `asm/unistd_x32.h` of the kernel's exported headers (Debian linux-libc-dev 6.1); no Rust
//! package has them. The range is closed: x32 gets no numbers of its own since about Linux 5.0. A
//! test compares the list with the header if it is installed.

/// The first number of the range.
pub(super) const FIRST: usize = 512;

/// Numbers, without the x32 bit, and names.
#[rustfmt::skip]
pub(super) const ONLY: &[(usize, &str)] = &[
    (512, "rt_sigaction"),
    (513, "rt_sigreturn"),
    (514, "ioctl"),
    (515, "readv"),
    (516, "writev"),
    (517, "recvfrom"),
    (518, "sendmsg"),
    (519, "recvmsg"),
    (520, "execve"),
    (521, "ptrace"),
    (522, "rt_sigpending"),
    (523, "rt_sigtimedwait"),
    (524, "rt_sigqueueinfo"),
    (525, "sigaltstack"),
    (526, "timer_create"),
    (527, "mq_notify"),
    (528, "kexec_load"),
    (529, "waitid"),
    (530, "set_robust_list"),
    (531, "get_robust_list"),
    (532, "vmsplice"),
    (533, "move_pages"),
    (534, "preadv"),
    (535, "pwritev"),
    (536, "rt_tgsigqueueinfo"),
    (537, "recvmmsg"),
    (538, "sendmmsg"),
    (539, "process_vm_readv"),
    (540, "process_vm_writev"),
    (541, "setsockopt"),
    (542, "getsockopt"),
    (543, "io_setup"),
    (544, "io_submit"),
    (545, "execveat"),
    (546, "preadv2"),
    (547, "pwritev2"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn the_list_agrees_with_the_header() {
        let path = "/usr/include/x86_64-linux-gnu/asm/unistd_x32.h";
        let Ok(header) = std::fs::read_to_string(path) else {
            _ = writeln!(std::io::stderr(), "skipped: no {path}");
            return;
        };
        let listed: Vec<(usize, String)> = header
            .lines()
            .filter_map(|line| {
                let (name, rest) = line.strip_prefix("#define __NR_")?.split_once(' ')?;
                let nr =
                    rest.strip_prefix("(__X32_SYSCALL_BIT + ")?.strip_suffix(')')?.parse().ok()?;
                (nr >= FIRST).then(|| (nr, name.to_owned()))
            })
            .collect();
        let ours: Vec<(usize, String)> =
            ONLY.iter().map(|(nr, name)| (*nr, (*name).to_owned())).collect();
        assert_eq!(ours, listed);
    }
}
