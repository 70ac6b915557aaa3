//! The address space.

use super::rows::rows;
use crate::consts::memory as m;
use crate::desc::*;
use crate::layout::Layout::*;

const MEM: Classes = Classes::MEMORY;
const PROC: Classes = Classes::MEMORY.and(Classes::PROCESS);

#[rustfmt::skip]
pub(super) static ROWS: &[Row] = rows! {
    mmap(addr: ADDR, len: SIZE, prot: flags(&m::PROT), flags: flags(&m::MAP), fd: FD, off: HEX)
                                      -> ADDR, execute(MEM.and(Classes::DESC)).kind(CallKind::Mmap);
    munmap(addr: ADDR, len: SIZE)                    -> INT,  execute(MEM).kind(CallKind::Munmap);
    mremap(addr: ADDR, old_len: SIZE, new_len: SIZE, flags: flags(&m::MREMAP), new_addr: ADDR)
                                                     -> ADDR, execute(MEM).kind(CallKind::Mremap);
    mprotect(start: ADDR, len: SIZE, prot: flags(&m::PROT))
                                                     -> INT,  execute(MEM).kind(CallKind::Mprotect);
    madvise(start: ADDR, len_in: SIZE, behavior: one_of(&m::MADVISE))
                                                     -> INT,  execute(MEM).kind(CallKind::Madvise);
    process_madvise(pidfd: FD, vec: input(iov("vlen", Total::None)), vlen: SIZE,
        behavior: one_of(&m::MADVISE), flags: HEX32)
                                   -> SIZE, refuse(PROC.and(Classes::DESC)).kind(CallKind::Madvise);
    brk(brk: ADDR)                                 -> ADDR, execute(MEM).kind(CallKind::Brk).fast();
    msync(start: ADDR, len: SIZE, flags: flags(&m::MSYNC)) -> INT,  emulate(MEM);
    mincore(start: ADDR, len: SIZE, vec: out(pages("len"))) -> INT,  emulate(MEM);
    mlock(start: ADDR, len: SIZE)                    -> INT,  emulate(MEM);
    mlock2(start: ADDR, len: SIZE, flags: flags(&m::MLOCK)) -> INT,  emulate(MEM);
    munlock(start: ADDR, len: SIZE)                  -> INT,  emulate(MEM);
    mlockall(flags: flags(&m::MLOCKALL))             -> INT,  emulate(MEM);
    munlockall()                                     -> INT,  emulate(MEM);
    mseal(start: ADDR, len: SIZE, flags: HEX)        -> INT,  execute(MEM);
    map_shadow_stack(addr: ADDR, size: SIZE, flags: HEX) -> ADDR, refuse(MEM).kind(CallKind::Mmap);
    remap_file_pages(start: ADDR, size: SIZE, prot: flags(&m::PROT), pgoff: ULONG,
        flags: flags(&m::MAP))                       -> INT,  refuse(MEM).kind(CallKind::Mmap);
    pkey_alloc(flags: HEX, init_val: flags(&m::PKEY)) -> INT,  refuse(MEM);
    pkey_free(pkey: INT)                             -> INT,  refuse(MEM);
    pkey_mprotect(start: ADDR, len: SIZE, prot: flags(&m::PROT), pkey: INT)
                                                     -> INT,  execute(MEM).kind(CallKind::Mprotect);
    membarrier(cmd: one_of(&m::MEMBARRIER), flags: flags(&m::MEMBARRIER_FLAG), cpu_id: INT)
                                                     -> INT,  emulate(MEM);
    mbind(start: ADDR, len: SIZE, mode: flags(&m::LONG_POLICY), nmask: input(nodes("maxnode")),
        maxnode: ULONG, flags: flags(&m::POLICY_MOVE)) -> INT,  emulate(MEM);
    set_mempolicy(mode: flags(&m::POLICY), nmask: input(nodes("maxnode")), maxnode: ULONG)
                                                     -> INT,  emulate(MEM);
    get_mempolicy(policy: out(of(Policy)), nmask: out(nodes("maxnode")), maxnode: ULONG, addr: ADDR,
        flags: flags(&m::POLICY_GET))                -> INT,  emulate(MEM);
    set_mempolicy_home_node(start: ADDR, len: SIZE, home_node: ULONG, flags: HEX)
                                                     -> INT,  emulate(MEM);
    migrate_pages(pid: PID, maxnode: ULONG, old_nodes: input(nodes("maxnode")),
        new_nodes: input(nodes("maxnode")))          -> INT,  emulate(PROC);
    move_pages(pid: PID, nr_pages: ULONG, pages: input(args(Word, "nr_pages")),
        nodes: input(args(Int, "nr_pages")), status: out(args(PageStatus, "nr_pages")),
        flags: flags(&m::POLICY_MOVE))               -> INT,  emulate(PROC);
    process_vm_readv(pid: PID, lvec: out(iov("liovcnt", Total::Ret)), liovcnt: ULONG,
        rvec: input(iov("riovcnt", Total::None)), riovcnt: ULONG, flags: ULONG)
                                                     -> SIZE, emulate(PROC);
    process_vm_writev(pid: PID, lvec: input(iov("liovcnt", Total::Own)), liovcnt: ULONG,
        rvec: input(iov("riovcnt", Total::None)), riovcnt: ULONG, flags: ULONG)
                                                     -> SIZE, refuse(PROC);
    process_mrelease(pidfd: FD, flags: HEX32)        -> INT,  emulate(PROC.and(Classes::DESC));
    modify_ldt(func: INT, ptr: special(Special::ModifyLdt), bytecount: ULONG)
                                                     -> INT,  refuse(MEM).kind(CallKind::ArchState);
};
