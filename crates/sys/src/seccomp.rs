//! The recorder's seccomp filter, with which a program stops only at some calls (`--only`).
//!
//! It is a short program in classic BPF (seccomp(2), bpf(4)) and never denies a call. Calls that
//! are not wanted are allowed. As the result depends only on architecture and number, the kernel
//! caches it in a bitmap (Linux 5.11, kernel/seccomp.c), so such a call costs next to nothing.
//! Calls of an unknown architecture are traced.

use linux_raw_sys::ptrace::{
    SECCOMP_RET_ALLOW, SECCOMP_RET_TRACE, SECCOMP_SET_MODE_FILTER, seccomp_data,
};
use std::mem::offset_of;
use std::ops::Range;

/// An architecture (AUDIT_ARCH_*) and its ranges of call numbers: the first number of each range,
/// and whether its calls stop. The first range begins at 0.
pub type Ranges = (u32, Vec<(u32, bool)>);

/// A filter that is ready to be installed.
#[derive(Debug, Clone)]
pub struct Filter {
    code: Vec<libc::sock_filter>,
}

/// The vsyscall page, which is in every process at the same address
/// (arch/x86/include/uapi/asm/vsyscall.h). The kernel emulates its three functions.
pub const VSYSCALL_PAGE: Range<u64> = 0xffff_ffff_ff60_0000..0xffff_ffff_ff60_1000;

/// The most instructions that the kernel accepts (linux/bpf_common.h, `BPF_MAXINSNS`).
const MOST: usize = 4096;

const LOAD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
const IS: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
const AT_LEAST: u32 = libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K;
const GO: u32 = libc::BPF_JMP | libc::BPF_JA;
const ANSWER: u32 = libc::BPF_RET | libc::BPF_K;

impl Filter {
    /// Builds a filter that returns RET_TRACE with `data` for calls that are to stop. `None` when
    /// the kernel would reject it as too long.
    pub fn new(archs: &[Ranges], data: u16) -> Option<Filter> {
        let stop = SECCOMP_RET_TRACE | u32::from(data);
        let answer = |stops: bool| if stops { stop } else { SECCOMP_RET_ALLOW };
        let sections: Vec<Vec<_>> =
            archs.iter().map(|(_, ranges)| section(ranges, answer)).collect();
        let mut code = vec![load(offset_of!(seccomp_data, arch))?];
        // The load is followed by two instructions for each architecture, and the result for all
        // others.
        let mut at = 2 * archs.len() + 1;
        for (n, ((arch, _), section)) in archs.iter().zip(&sections).enumerate() {
            let after_both = 2 * (n + 1);
            code.push(jump(IS, *arch, 0, 1));
            code.push(jump(GO, u32::try_from(at - after_both).ok()?, 0, 0));
            at += section.len();
        }
        code.push(jump(ANSWER, stop, 0, 0));
        code.extend(sections.into_iter().flatten());
        (code.len() <= MOST).then_some(Filter { code })
    }

    /// Builds a filter that returns RET_TRACE with `data` for calls through the vsyscall page,
    /// which
    /// make no other stop.
    pub fn of_vsyscalls(data: u16) -> Option<Filter> {
        let ip = offset_of!(seccomp_data, instruction_pointer);
        let half = |value: u64| u32::try_from(value & 0xffff_ffff).unwrap_or(0);
        let code = vec![
            load(ip + size_of::<u32>())?,
            jump(IS, half(VSYSCALL_PAGE.start >> 32), 0, 4),
            load(ip)?,
            jump(AT_LEAST, half(VSYSCALL_PAGE.start), 0, 2),
            jump(AT_LEAST, half(VSYSCALL_PAGE.end), 1, 0),
            jump(ANSWER, SECCOMP_RET_TRACE | u32::from(data), 0, 0),
            jump(ANSWER, SECCOMP_RET_ALLOW, 0, 0),
        ];
        Some(Filter { code })
    }

    /// Builds a filter that returns RET_TRACE with `data` for all calls but those after whose
    /// instruction is one of two addresses in the same 4 GiB. restart_syscall(2) is traced there
    /// too: the call that it continues was interrupted.
    pub fn of_all_but(passed: [u64; 2], data: u16) -> Option<Filter> {
        let ip = offset_of!(seccomp_data, instruction_pointer);
        let half = |value: u64| u32::try_from(value & 0xffff_ffff).unwrap_or(0);
        let [first, second] = passed;
        let restart = u32::try_from(libc::SYS_restart_syscall).ok()?;
        let code = vec![
            load(ip)?,
            jump(IS, half(first), 1, 0),
            jump(IS, half(second), 0, 5),
            load(ip + size_of::<u32>())?,
            jump(IS, half(first >> 32), 0, 3),
            load(offset_of!(seccomp_data, nr))?,
            jump(IS, restart, 1, 0),
            jump(ANSWER, SECCOMP_RET_ALLOW, 0, 0),
            jump(ANSWER, SECCOMP_RET_TRACE | u32::from(data), 0, 0),
        ];
        Some(Filter { code })
    }

    /// Returns the `struct sock_fprog` that seccomp(2) reads at `address`, and the instructions
    /// after it.
    pub fn program_at(&self, address: u64) -> Vec<u8> {
        let mut bytes = vec![0; size_of::<libc::sock_fprog>()];
        let len = u16::try_from(self.code.len()).unwrap_or(0);
        let instructions = address.wrapping_add(bytes.len() as u64);
        bytes[..2].copy_from_slice(&len.to_ne_bytes());
        bytes[8..].copy_from_slice(&instructions.to_ne_bytes());
        bytes.extend(self.bytes());
        bytes
    }

    /// Returns the instructions in the kernel's format.
    pub fn bytes(&self) -> Vec<u8> {
        let instruction = |i: &libc::sock_filter| {
            let mut bytes = [0; 8];
            bytes[..2].copy_from_slice(&i.code.to_ne_bytes());
            bytes[2..4].copy_from_slice(&[i.jt, i.jf]);
            bytes[4..].copy_from_slice(&i.k.to_ne_bytes());
            bytes
        };
        self.code.iter().flat_map(instruction).collect()
    }

    /// Installs the filter on the calling thread, permanently. Async-signal-safe: called in a child
    /// between fork and execve.
    ///
    /// Without CAP_SYS_ADMIN the kernel requires no_new_privs (seccomp(2)), which is set only then.
    /// It takes nothing from setuid programs, which get no privileges under an unprivileged tracer
    /// anyway (execve(2)).
    pub(crate) fn install(&self) -> Result<(), i32> {
        let program = libc::sock_fprog {
            len: u16::try_from(self.code.len()).unwrap_or(0),
            filter: self.code.as_ptr().cast_mut(),
        };
        // SAFETY: seccomp(2) reads `len` instructions from `filter`, which `self` owns; prctl(2)
        // takes numbers.
        unsafe {
            let install =
                || libc::syscall(libc::SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &raw const program);
            if install() == 0 {
                return Ok(());
            }
            let refused = *libc::__errno_location() == libc::EACCES;
            if refused && libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && install() == 0
            {
                return Ok(());
            }
            Err(*libc::__errno_location())
        }
    }
}

/// Returns the instructions for one architecture: a comparison and a result for each range.
fn section(ranges: &[(u32, bool)], answer: impl Fn(bool) -> u32) -> Vec<libc::sock_filter> {
    let mut code: Vec<_> = load(offset_of!(seccomp_data, nr)).into_iter().collect();
    for (n, &(_, stops)) in ranges.iter().enumerate() {
        if let Some(&(next, _)) = ranges.get(n + 1) {
            code.push(jump(AT_LEAST, next, 1, 0));
        }
        code.push(jump(ANSWER, answer(stops), 0, 0));
    }
    code
}

fn load(offset: usize) -> Option<libc::sock_filter> {
    Some(jump(LOAD, u32::try_from(offset).ok()?, 0, 0))
}

fn jump(code: u32, k: u32, yes: u8, no: u8) -> libc::sock_filter {
    libc::sock_filter { code: u16::try_from(code).unwrap_or(0), jt: yes, jf: no, k }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Interprets the filter, by the rules of classic BPF.
    fn run(filter: &Filter, arch: u32, nr: u32) -> u32 {
        run_at(filter, arch, nr, 0)
    }

    fn run_at(filter: &Filter, arch: u32, nr: u32, ip: u64) -> u32 {
        let (mut at, mut a) = (0, 0);
        loop {
            let i = &filter.code[at];
            at += 1;
            match u32::from(i.code) {
                LOAD if i.k as usize == offset_of!(seccomp_data, arch) => a = arch,
                LOAD if i.k as usize == offset_of!(seccomp_data, instruction_pointer) => {
                    a = (ip & 0xffff_ffff) as u32;
                }
                LOAD if i.k as usize == offset_of!(seccomp_data, instruction_pointer) + 4 => {
                    a = (ip >> 32) as u32;
                }
                LOAD => a = nr,
                IS => at += usize::from(if a == i.k { i.jt } else { i.jf }),
                AT_LEAST => at += usize::from(if a >= i.k { i.jt } else { i.jf }),
                GO => at += i.k as usize,
                ANSWER => return i.k,
                other => panic!("{other:#x}"),
            }
        }
    }

    #[test]
    fn each_architecture_has_its_own_ranges() {
        let archs = [
            (7, vec![(0, false), (3, true), (4, false), (9, true)]),
            (8, vec![(0, true), (5, false)]),
        ];
        let filter = Filter::new(&archs, 0x1234).unwrap();
        let (stop, go) = (SECCOMP_RET_TRACE | 0x1234, SECCOMP_RET_ALLOW);
        for (nr, answer) in
            [(0, go), (2, go), (3, stop), (4, go), (8, go), (9, stop), (u32::MAX, stop)]
        {
            assert_eq!(run(&filter, 7, nr), answer, "{nr}");
        }
        assert_eq!([0, 4, 5, u32::MAX].map(|nr| run(&filter, 8, nr)), [stop, stop, go, go]);
        assert_eq!(run(&filter, 9, 3), stop, "a foreign architecture is traced");
        assert_eq!(filter.bytes().len(), filter.code.len() * 8);
    }

    #[test]
    fn only_calls_from_the_vsyscall_page_stop() {
        let filter = Filter::of_vsyscalls(0x1234).unwrap();
        let page = VSYSCALL_PAGE;
        for (ip, stops) in [
            (page.start, true),
            (page.start + 0x800, true),
            (page.end - 1, true),
            (page.end, false),
            (page.start - 1, false),
            (page.start & 0xffff_ffff, false),
            (0x7fff_ff60_0000, false),
            (0, false),
        ] {
            let expected = if stops { SECCOMP_RET_TRACE | 0x1234 } else { SECCOMP_RET_ALLOW };
            assert_eq!(run_at(&filter, 7, 3, ip), expected, "{ip:#x}");
        }
        let program = filter.program_at(0x1000);
        assert_eq!(program[..2], [7, 0]);
        assert_eq!(program[8..16], 0x1010_u64.to_le_bytes());
        assert_eq!(program[16..], filter.bytes());
    }

    #[test]
    fn calls_at_two_addresses_do_not_stop() {
        let passed = [0x2a6f_5350_0123, 0x2a6f_5350_0456];
        let filter = Filter::of_all_but(passed, 0x1234).unwrap();
        let restart = u32::try_from(libc::SYS_restart_syscall).unwrap();
        let stop = SECCOMP_RET_TRACE | 0x1234;
        for ip in passed {
            assert_eq!(run_at(&filter, 7, 3, ip), SECCOMP_RET_ALLOW);
            assert_eq!(run_at(&filter, 7, restart, ip), stop);
            for other in [ip - 1, ip + 1, ip & 0xffff_ffff, ip ^ 1 << 40] {
                assert_eq!(run_at(&filter, 7, 3, other), stop, "{other:#x}");
            }
        }
    }

    #[test]
    fn a_filter_over_the_kernel_limit_is_none() {
        let ranges = (0..4000).map(|nr| (nr, nr % 2 == 0)).collect();
        assert!(Filter::new(&[(7, ranges)], 0).is_none());
    }
}
