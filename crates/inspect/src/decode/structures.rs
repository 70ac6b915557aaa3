//! The structures that are written from tables of their members.

use std::fmt::Write as _;

use sysreel_abi::consts::{file, ipc, memory, mount, security, uapi};
use sysreel_abi::plan::CLONE_TLS;
use sysreel_abi::{Abi, ArgKind, Dir, Layout};

use super::fields::Fields;
use super::members::{Member, REST, Width, fixed, long_of, m, write_words};
use super::out::member;
use super::view::View;
use crate::text;
use ArgKind::{Enum, Fd, Flags, Hex, Int, Long, Pid, Ptr, Uint, Ulong};
use Width::{Eight, Four, One, Permissions, Two, Word};

/// A descriptor in 64 bits.
#[allow(non_upper_case_globals, reason = "used as the kinds beside it")]
const WideFd: ArgKind = ArgKind::Size;

/// Writes the structure. Returns false if it has no table of members.
pub(super) fn structure(view: &View<'_>, layout: Layout, f: Fields<'_>, out: &mut String) -> bool {
    if layout == Layout::UserDesc {
        segment(f, out);
        return true;
    }
    let members = match (layout, view.abi) {
        (Layout::SemidDs, Abi::Aarch64) => GENERIC_SEMAPHORES,
        _ => match MEMBERS.iter().find(|(known, _)| *known == layout) {
            Some((_, members)) => members,
            None => return false,
        },
    };
    let word = word_of(layout, view.abi);
    write_words(view, members, word, f, out);
    true
}

/// Writes what IPC_SET sets of an object. Returns false for other structures.
pub(super) fn set_object(view: &View<'_>, layout: Layout, f: Fields<'_>, out: &mut String) -> bool {
    let members = match layout {
        Layout::MsqidDs => MESSAGES_SET,
        Layout::ShmidDs => MEMORY_SET,
        Layout::SemidDs => SEMAPHORES_SET,
        _ => return false,
    };
    write_words(view, members, long_of(view.abi), f, out);
    true
}

const MESSAGES_SET: &[Member] =
    &[fixed("msg_perm", 0, Width::Owner, Hex), m("msg_qbytes", (88, 68), Word, Ulong)];
const MEMORY_SET: &[Member] = &[fixed("shm_perm", 0, Width::Owner, Hex)];
const SEMAPHORES_SET: &[Member] = &[fixed("sem_perm", 0, Width::Owner, Hex)];

/// Returns the size of the words of a structure: kernel longs, but that of kexec_load(2) and an
/// iovec have pointers and sizes of the caller.
fn word_of(layout: Layout, abi: Abi) -> usize {
    if matches!(layout, Layout::KexecSegment | Layout::Iovec) {
        usize::from(abi.word())
    } else {
        long_of(abi)
    }
}

/// Writes the segment that clone3(2) of i386 gives a task, or its address.
pub(super) fn segment_at(view: &View<'_>, i: usize, address: u64, out: &mut String) {
    const SIZE: usize = 16;
    let region = view.nested(i, 1, CLONE_TLS, Dir::In);
    match region.and_then(|region| view.bytes(&region, SIZE)).filter(|b| b.len() == SIZE) {
        Some(bytes) => segment(Fields::new(view.abi, &bytes), out),
        None => text::pointer(out, address),
    }
}

/// Writes a `struct user_desc`: entry number, base, limit and bits.
fn segment(f: Fields<'_>, out: &mut String) {
    out.push('{');
    member(out, "entry_number");
    // The kernel chooses the entry (set_thread_area(2)).
    match f.u32(0) {
        0xffff_ffff => out.push_str("-1"),
        entry => text::dec(out, entry),
    }
    for (name, at) in [("base_addr", 4), ("limit", 8)] {
        member(out, name);
        match f.u32(at) {
            0 => out.push_str("00000000"),
            number => _ = write!(out, "{number:#08x}"),
        }
    }
    let bits = f.u32(12);
    let fields = [
        ("seg_32bit", 0, 1),
        ("contents", 1, 3),
        ("read_exec_only", 3, 1),
        ("limit_in_pages", 4, 1),
        ("seg_not_present", 5, 1),
        ("useable", 6, 1),
    ];
    for (name, shift, mask) in fields {
        member(out, name);
        text::dec(out, bits >> shift & mask);
    }
    if f.abi != Abi::I386 {
        member(out, "lm");
        text::dec(out, bits >> 7 & 1);
    }
    out.push('}');
}

/// The generic `struct semid64_ds` (asm-generic/sembuf.h).
const GENERIC_SEMAPHORES: &[Member] = &[
    fixed("sem_perm", 0, Permissions, Hex),
    fixed("sem_otime", 48, Eight, Ulong),
    fixed("sem_ctime", 56, Eight, Ulong),
    fixed("sem_nsems", 64, Eight, Ulong),
];

#[rustfmt::skip]
static MEMBERS: &[(Layout, &[Member])] = &[
    (Layout::MqAttr, &[
        m("mq_flags", (0, 0), Word, Hex), m("mq_maxmsg", (8, 4), Word, Long),
        m("mq_msgsize", (16, 8), Word, Long),
        m("mq_curmsgs", (24, 12), Word, Long),
    ]),
    (Layout::SemBuf,
        &[fixed("sem_num", 0, Two, Uint), fixed("sem_op", 2, Two, Int),
            fixed("sem_flg", 4, Two, Flags(&ipc::SEM))]),
    (Layout::MsgInfo, &[
        fixed("msgpool", 0, Four, Int), fixed("msgmap", 4, Four, Int),
        fixed("msgmax", 8, Four, Int),
        fixed("msgmnb", 12, Four, Int),
        fixed("msgmni", 16, Four, Int), fixed("msgssz", 20, Four, Int),
        fixed("msgtql", 24, Four, Int),
        fixed("msgseg", 28, Two, Uint),
    ]),
    (Layout::SemInfo, &[
        fixed("semmap", 0, Four, Int), fixed("semmni", 4, Four, Int), fixed("semmns", 8, Four, Int),
        fixed("semmnu", 12, Four, Int),
        fixed("semmsl", 16, Four, Int), fixed("semopm", 20, Four, Int),
        fixed("semume", 24, Four, Int),
        fixed("semusz", 28, Four, Int),
        fixed("semvmx", 32, Four, Int), fixed("semaem", 36, Four, Int),
    ]),
    (Layout::ShmInfo, &[
        fixed("used_ids", 0, Four, Int), m("shm_tot", (8, 4), Word, Ulong),
        m("shm_rss", (16, 8), Word, Ulong),
        m("shm_swp", (24, 12), Word, Ulong), m("swap_attempts", (32, 16), Word, Ulong),
        m("swap_successes", (40, 20), Word, Ulong),
    ]),
    (Layout::ShmLimits, &[
        m("shmmax", (0, 0), Word, Ulong), m("shmmin", (8, 4), Word, Ulong),
        m("shmmni", (16, 8), Word, Ulong),
        m("shmseg", (24, 12), Word, Ulong), m("shmall", (32, 16), Word, Ulong),
    ]),
    (Layout::MsqidDs, &[
        m("msg_perm", (0, 0), Permissions, Hex), m("msg_stime", (48, 36), Eight, Ulong),
        m("msg_rtime", (56, 44), Eight, Ulong),
        m("msg_ctime", (64, 52), Eight, Ulong), m("msg_qnum", (80, 64), Word, Ulong),
        m("msg_qbytes", (88, 68), Word, Ulong),
        m("msg_lspid", (96, 72), Four, Int), m("msg_lrpid", (100, 76), Four, Int),
    ]),
    (Layout::ShmidDs, &[
        m("shm_perm", (0, 0), Permissions, Hex), m("shm_segsz", (48, 36), Word, Ulong),
        m("shm_cpid", (80, 64), Four, Int),
        m("shm_lpid", (84, 68), Four, Int), m("shm_nattch", (88, 72), Word, Ulong),
        m("shm_atime", (56, 40), Eight, Ulong),
        m("shm_dtime", (64, 48), Eight, Ulong), m("shm_ctime", (72, 56), Eight, Ulong),
    ]),
    // x86 has a spare word after each time (asm/sembuf.h).
    (Layout::SemidDs, &[
        m("sem_perm", (0, 0), Permissions, Hex), m("sem_otime", (48, 36), Eight, Ulong),
        m("sem_ctime", (64, 44), Eight, Ulong),
        m("sem_nsems", (80, 52), Word, Ulong),
    ]),
    (Layout::IoEvent,
        &[fixed("data", 0, Eight, Hex), fixed("obj", 8, Eight, Hex), fixed("res", 16, Eight, Long),
            fixed("res2", 24, Eight, Long)]),
    (Layout::FutexWaitv,
        &[fixed("val", 0, Eight, Hex), fixed("uaddr", 8, Eight, Ptr),
            fixed("flags", 16, Four, Flags(&ipc::FUTEX_WAITV)),
            fixed("__reserved", 20, Four, Hex)]),
    (Layout::FOwnerEx, &[fixed("type", 0, Four, Enum(&file::OWNER)), fixed("pid", 4, Four, Pid)]),
    (Layout::MountAttr, &[
        fixed("attr_set", 0, Eight, Flags(&mount::MOUNT_ATTR)),
        fixed("attr_clr", 8, Eight, Flags(&mount::MOUNT_ATTR)),
        fixed("propagation", 16, Eight, Enum(&mount::PROPAGATION)),
        fixed("userns_fd", 24, Eight, WideFd),
    ]),
    (Layout::CachestatRange, &[fixed("off", 0, Eight, Ulong), fixed("len", 8, Eight, Ulong)]),
    (Layout::Cachestat, &[
        fixed("nr_cache", 0, Eight, Ulong), fixed("nr_dirty", 8, Eight, Ulong),
        fixed("nr_writeback", 16, Eight, Ulong),
        fixed("nr_evicted", 24, Eight, Ulong), fixed("nr_recently_evicted", 32, Eight, Ulong),
    ]),
    (Layout::UffdioRange, &[fixed("start", 0, Eight, Hex), fixed("len", 8, Eight, Hex)]),
    (Layout::XattrArgs,
        &[fixed("value", 0, Eight, Hex), fixed("size", 8, Four, Uint),
            fixed("flags", 12, Four, Flags(&file::XATTR))]),
    (Layout::MntIdReq,
        &[fixed("size", 0, Four, Uint), fixed("mnt_id", 8, Eight, Hex),
            fixed("param", 16, Eight, Hex)]),
    (Layout::MmapArgs, &[
        m("addr", (0, 0), Word, Hex), m("len", (8, 4), Word, Ulong),
        m("prot", (16, 8), Word, Flags(&memory::PROT)),
        m("flags", (24, 12), Word, Flags(&memory::MAP)),
        m("fd", (32, 16), Word, Long), m("offset", (40, 20), Word, Hex),
    ]),
    (Layout::SelectArgs, &[
        m("n", (0, 0), Word, Ulong), m("inp", (8, 4), Word, Hex), m("outp", (16, 8), Word, Hex),
        m("exp", (24, 12), Word, Hex),
        m("tvp", (32, 16), Word, Hex),
    ]),
    (Layout::SeccompNotifSizes, &[
        fixed("seccomp_notif", 0, Two, Uint), fixed("seccomp_notif_resp", 2, Two, Uint),
        fixed("seccomp_data", 4, Two, Uint),
    ]),
    (Layout::KcmpEpollSlot, &[
        fixed("efd", 0, Four, Int), fixed("tfd", 4, Four, Int), fixed("toff", 8, Four, Uint),
    ]),
    (Layout::LandlockPathBeneath, &[
        fixed("allowed_access", 0, Eight, Flags(&security::LANDLOCK_FS)),
        fixed("parent_fd", 8, Four, Fd),
    ]),
    (Layout::LandlockNetPort, &[
        fixed("allowed_access", 0, Eight, Flags(&security::LANDLOCK_NET)),
        fixed("port", 8, Eight, Ulong),
    ]),
    (Layout::LandlockRuleset, &[
        fixed("handled_access_fs", 0, Eight, Flags(&security::LANDLOCK_FS)),
        fixed("handled_access_net", 8, Eight, Flags(&security::LANDLOCK_NET)),
        fixed("scoped", 16, Eight, Flags(&security::LANDLOCK_SCOPE)),
    ]),
    (Layout::Iovec, &[m("iov_base", (0, 0), Word, Ptr), m("iov_len", (8, 4), Word, Ulong)]),
    (Layout::KexecSegment, &[
        m("buf", (0, 0), Word, Ptr), m("bufsz", (8, 4), Word, Ulong), m("mem", (16, 8), Word, Ptr),
        m("memsz", (24, 12), Word, Ulong),
    ]),
    (Layout::SysctlArgs, &[
        m("name", (0, 0), Word, Ptr), m("nlen", (8, 4), Four, Int), m("oldval", (16, 8), Word, Ptr),
        m("oldlenp", (24, 12), Word, Ptr), m("newval", (32, 16), Word, Ptr),
        m("newlen", (40, 20), Word, Ulong),
    ]),
    (Layout::DqBlk, &[
        fixed("dqb_bhardlimit", 0, Eight, Ulong), fixed("dqb_bsoftlimit", 8, Eight, Ulong),
        fixed("dqb_curspace", 16, Eight, Ulong), fixed("dqb_ihardlimit", 24, Eight, Ulong),
        fixed("dqb_isoftlimit", 32, Eight, Ulong), fixed("dqb_curinodes", 40, Eight, Ulong), REST,
        fixed("dqb_btime", 48, Eight, Ulong), fixed("dqb_itime", 56, Eight, Ulong),
        fixed("dqb_valid", 64, Four, Flags(&uapi::QUOTA_VALID)),
    ]),
    (Layout::NextDqBlk, &[
        fixed("dqb_bhardlimit", 0, Eight, Ulong), fixed("dqb_bsoftlimit", 8, Eight, Ulong),
        fixed("dqb_curspace", 16, Eight, Ulong), fixed("dqb_ihardlimit", 24, Eight, Ulong),
        fixed("dqb_isoftlimit", 32, Eight, Ulong), fixed("dqb_curinodes", 40, Eight, Ulong), REST,
        fixed("dqb_btime", 48, Eight, Ulong), fixed("dqb_itime", 56, Eight, Ulong),
        fixed("dqb_valid", 64, Four, Flags(&uapi::QUOTA_VALID)),
        fixed("dqb_id", 68, Four, Uint),
    ]),
    (Layout::DqInfo, &[
        fixed("dqi_bgrace", 0, Eight, Ulong), fixed("dqi_igrace", 8, Eight, Ulong),
        fixed("dqi_flags", 16, Four, Flags(&uapi::QUOTA_INFO_FLAGS)),
        fixed("dqi_valid", 20, Four, Flags(&uapi::QUOTA_INFO_VALID)),
    ]),
    (Layout::FsDiskQuota, &[
        fixed("d_version", 0, One, Int), fixed("d_flags", 1, One, Flags(&uapi::XFS_QUOTA_TYPE)),
        fixed("d_fieldmask", 2, Two, Hex), fixed("d_id", 4, Four, Uint),
        fixed("d_blk_hardlimit", 8, Eight, Ulong), fixed("d_blk_softlimit", 16, Eight, Ulong),
        fixed("d_ino_hardlimit", 24, Eight, Ulong), fixed("d_ino_softlimit", 32, Eight, Ulong),
        fixed("d_bcount", 40, Eight, Ulong), fixed("d_icount", 48, Eight, Ulong), REST,
        fixed("d_itimer", 56, Four, Int), fixed("d_btimer", 60, Four, Int),
        fixed("d_iwarns", 64, Two, Uint), fixed("d_bwarns", 66, Two, Uint),
        fixed("d_rtb_hardlimit", 72, Eight, Ulong), fixed("d_rtb_softlimit", 80, Eight, Ulong),
        fixed("d_rtbcount", 88, Eight, Ulong), fixed("d_rtbtimer", 96, Four, Int),
        fixed("d_rtbwarns", 100, Two, Uint),
    ]),
    (Layout::PtracePeekSiginfo,
        &[fixed("off", 0, Eight, Ulong), fixed("flags", 8, Four, Flags(&uapi::PEEK_SIGINFO)),
            fixed("nr", 12, Four, Int)]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_lie_within_their_structures() {
        for abi in Abi::ALL {
            let generic = abi == Abi::Aarch64;
            let tables = MEMBERS
                .iter()
                .filter(|(layout, _)| !generic || *layout != Layout::SemidDs)
                .copied();
            for (layout, members) in
                tables.chain(generic.then_some((Layout::SemidDs, GENERIC_SEMAPHORES)))
            {
                let word = word_of(layout, abi);
                let size = usize::try_from(layout.size(abi)).unwrap();
                for one in members {
                    let at = usize::from(if word == 8 { one.at.0 } else { one.at.1 });
                    let end = at + one.width.bytes(word);
                    assert!(
                        end <= size,
                        "{abi}: {} of {} ends at {end} of {size}",
                        one.name,
                        layout.name()
                    );
                }
            }
        }
    }
}
