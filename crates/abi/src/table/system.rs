//! System-wide state: names, load, modules, tracing.

use super::rows::rows;
use crate::consts::{mount, open, process as p, security as s, uapi};
use crate::desc::*;
use crate::layout::Layout::*;

const SYS: Classes = Classes::SYSTEM;
const DESC: Classes = Classes::SYSTEM.and(Classes::DESC);

#[rustfmt::skip]
pub(super) static ROWS: &[Row] = rows! {
    uname(name: out(of(UtsName)))                            -> INT, emulate(SYS).fast();
    sethostname(name: input(arg("len")), len: INT)           -> INT, emulate(SYS);
    setdomainname(name: input(arg("len")), len: INT)         -> INT, emulate(SYS);
    sysinfo(info: out(of(SysInfo)))                          -> INT, emulate(SYS).fast();
    syslog(r#type: one_of(&uapi::SYSLOG), buf: special(Special::Syslog), len: INT)
                                                             -> INT, emulate(SYS);
    acct(name: PATH)                                        -> INT, emulate(SYS.and(Classes::FILE));
    reboot(magic1: one_of(&p::REBOOT_MAGIC), magic2: one_of(&p::REBOOT_MAGIC),
        cmd: one_of(&p::REBOOT), arg: special(Special::Reboot))
                                                             -> INT, refuse(SYS);
    vhangup()                                                -> INT, emulate(SYS);
    iopl(level: UINT)                                        -> INT, refuse(SYS);
    ioperm(from: HEX, num: HEX, turn_on: INT)              -> INT, refuse(SYS);
    init_module(umod: kind(ArgKind::Ptr, input(arg("len"))), len: SIZE, uargs: STR)
                                                             -> INT, emulate(SYS);
    finit_module(fd: FD, uargs: STR, flags: flags(&mount::MODULE)) -> INT, emulate(DESC);
    delete_module(name_user: STR, flags: flags(&open::MODULE))              -> INT, emulate(SYS);
    kexec_load(entry: ADDR, nr_segments: ULONG,
        segments: input(args(KexecSegment, "nr_segments")), flags: flags(&uapi::KEXEC))
                                                             -> INT, refuse(SYS);
    kexec_file_load(kernel_fd: FD, initrd_fd: FD, cmdline_len: ULONG,
        cmdline_ptr: input(arg("cmdline_len")), flags: flags(&uapi::KEXEC_FILE))
                                                             -> INT, refuse(DESC);
    bpf(cmd: one_of(&s::BPF), uattr: special(Special::Bpf), size: UINT)
                                                             -> INT, refuse(DESC).makes(Makes::Bpf);
    perf_event_open(attr_uptr: when(When::Errno(&[E2BIG]), inout(self_sized(4, 0, 64, 4096))),
        pid: PID, cpu: INT, group_fd: FD, flags: flags(&p::PERF))
                                             -> FD,  refuse(DESC).makes(RET).kind(CallKind::MakeFd);
    // Removed in Linux 5.5.
    _sysctl(args: input(of(SysctlArgs)))                                     -> INT, refuse(SYS);
    // Callable from the kernel's own trampolines only (Linux 6.11 and 6.18).
    uprobe()                                                                 -> LONG, refuse(SYS);
    uretprobe()                                                              -> LONG, refuse(SYS);
};
