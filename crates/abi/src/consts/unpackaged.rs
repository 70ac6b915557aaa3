//! Constants that `linux-raw-sys` lacks, by header. They are part of the kernel's interface and
//! cannot change; a test compares them with the C compiler's values where the headers are
//! installed.

#![allow(missing_docs, reason = "the kernel's own names, documented in its headers")]
#![allow(non_upper_case_globals, reason = "the kernel's own names")]

use linux_raw_sys::general::{O_CLOEXEC, O_EXCL, O_NONBLOCK};

macro_rules! constants {
    ($($header:literal: $($name:ident = $value:expr),* $(,)?;)*) => {
        $($(pub(crate) const $name: u64 = $value;)*)*

        /// Header, name and value of each, for the test.
        #[cfg(test)]
        pub(super) const ALL: &[(&str, &str,
            u64)] = &[$($(($header, stringify!($name), $name)),*),*];
    };
}

constants! {
    "asm/prctl.h":
        ARCH_SET_GS = 0x1001, ARCH_SET_FS = 0x1002, ARCH_GET_FS = 0x1003, ARCH_GET_GS = 0x1004,
        ARCH_GET_CPUID = 0x1011, ARCH_SET_CPUID = 0x1012, ARCH_GET_XCOMP_SUPP = 0x1021,
        ARCH_GET_XCOMP_PERM = 0x1022,
        ARCH_REQ_XCOMP_PERM = 0x1023, ARCH_GET_XCOMP_GUEST_PERM = 0x1024,
        ARCH_REQ_XCOMP_GUEST_PERM = 0x1025, ARCH_MAP_VDSO_X32 = 0x2001, ARCH_MAP_VDSO_32 = 0x2002,
        ARCH_MAP_VDSO_64 = 0x2003;
    // Since Linux 6.4 and 6.6, so not in the 6.1 headers that the test may find.
    "": ARCH_GET_UNTAG_MASK = 0x4001, ARCH_ENABLE_TAGGED_ADDR = 0x4002,
    ARCH_GET_MAX_TAG_BITS = 0x4003,
        ARCH_FORCE_TAGGED_SVA = 0x4004, ARCH_SHSTK_ENABLE = 0x5001, ARCH_SHSTK_DISABLE = 0x5002,
        ARCH_SHSTK_LOCK = 0x5003,
        ARCH_SHSTK_UNLOCK = 0x5004, ARCH_SHSTK_STATUS = 0x5005;
    "linux/securebits.h":
        SECBIT_NOROOT = 1, SECBIT_NOROOT_LOCKED = 2, SECBIT_NO_SETUID_FIXUP = 4,
        SECBIT_NO_SETUID_FIXUP_LOCKED = 8, SECBIT_KEEP_CAPS = 0x10, SECBIT_KEEP_CAPS_LOCKED = 0x20,
        SECBIT_NO_CAP_AMBIENT_RAISE = 0x40, SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED = 0x80;
    // include/linux/sched/coredump.h and include/linux/pid_types.h, which are not exported.
    "": SUID_DUMP_DISABLE = 0, SUID_DUMP_USER = 1, SUID_DUMP_ROOT = 2, PIDTYPE_PID = 0,
        PIDTYPE_TGID = 1, PIDTYPE_PGID = 2, PIDTYPE_SID = 3;
    // arch/x86/include/asm/fpu/types.h, which is not exported.
    "": XFEATURE_MASK_FP = 1, XFEATURE_MASK_SSE = 2, XFEATURE_MASK_FPSSE = 3,
        XFEATURE_MASK_YMM = 4, XFEATURE_MASK_BNDREGS = 8, XFEATURE_MASK_BNDCSR = 0x10,
        XFEATURE_MASK_OPMASK = 0x20, XFEATURE_MASK_ZMM_Hi256 = 0x40, XFEATURE_MASK_Hi16_ZMM = 0x80,
        XFEATURE_MASK_AVX512 = 0xe0, XFEATURE_MASK_PT = 0x100, XFEATURE_MASK_PKRU = 0x200,
        XFEATURE_MASK_PASID = 0x400, XFEATURE_MASK_CET_USER = 0x800,
        XFEATURE_MASK_CET_KERNEL = 0x1000, XFEATURE_MASK_LBR = 0x8000,
        XFEATURE_MASK_XTILE_CFG = 0x20000, XFEATURE_MASK_XTILE_DATA = 0x40000,
        XFEATURE_MASK_XTILE = 0x60000,
        XFEATURE_FP = 0, XFEATURE_SSE = 1, XFEATURE_YMM = 2, XFEATURE_BNDREGS = 3,
        XFEATURE_BNDCSR = 4, XFEATURE_OPMASK = 5, XFEATURE_ZMM_Hi256 = 6, XFEATURE_Hi16_ZMM = 7,
        XFEATURE_PT_UNIMPLEMENTED_SO_FAR = 8, XFEATURE_PKRU = 9, XFEATURE_PASID = 10,
        XFEATURE_CET_USER = 11, XFEATURE_CET_KERNEL = 12, XFEATURE_LBR = 15,
        XFEATURE_XTILE_CFG = 17, XFEATURE_XTILE_DATA = 18;
    "linux/perf_event.h":
        PERF_IOC_FLAG_GROUP = 1, PERF_EVENT_IOC_ENABLE = 0x2400, PERF_EVENT_IOC_DISABLE = 0x2401,
        PERF_EVENT_IOC_REFRESH = 0x2402, PERF_EVENT_IOC_RESET = 0x2403,
        PERF_EVENT_IOC_SET_OUTPUT = 0x2405;
    "linux/nbd.h":
        NBD_FLAG_HAS_FLAGS = 1, NBD_FLAG_READ_ONLY = 2, NBD_FLAG_SEND_FLUSH = 4,
        NBD_FLAG_SEND_FUA = 8, NBD_FLAG_SEND_TRIM = 0x20, NBD_FLAG_CAN_MULTI_CONN = 0x100;
    // include/linux/key.h, which is not exported.
    "": KEY_POS_VIEW = 0x0100_0000, KEY_POS_READ = 0x0200_0000, KEY_POS_WRITE = 0x0400_0000,
        KEY_POS_SEARCH = 0x0800_0000, KEY_POS_LINK = 0x1000_0000, KEY_POS_SETATTR = 0x2000_0000,
        KEY_USR_VIEW = 0x1_0000, KEY_USR_READ = 0x2_0000, KEY_USR_WRITE = 0x4_0000,
        KEY_USR_SEARCH = 0x8_0000, KEY_USR_LINK = 0x10_0000, KEY_USR_SETATTR = 0x20_0000,
        KEY_GRP_VIEW = 0x100, KEY_GRP_READ = 0x200, KEY_GRP_WRITE = 0x400, KEY_GRP_SEARCH = 0x800,
        KEY_GRP_LINK = 0x1000, KEY_GRP_SETATTR = 0x2000, KEY_OTH_VIEW = 1, KEY_OTH_READ = 2,
        KEY_OTH_WRITE = 4, KEY_OTH_SEARCH = 8, KEY_OTH_LINK = 0x10, KEY_OTH_SETATTR = 0x20;
    "linux/keyctl.h":
        KEY_REQKEY_DEFL_DEFAULT = 0,
        KEY_REQKEY_DEFL_THREAD_KEYRING = 1, KEY_REQKEY_DEFL_PROCESS_KEYRING = 2,
        KEY_REQKEY_DEFL_SESSION_KEYRING = 3, KEY_REQKEY_DEFL_USER_KEYRING = 4,
        KEY_REQKEY_DEFL_USER_SESSION_KEYRING = 5, KEY_REQKEY_DEFL_GROUP_KEYRING = 6,
        KEY_REQKEY_DEFL_REQUESTOR_KEYRING = 7;
    // -1 in linux/keyctl.h, as the int that it is.
    "": KEY_REQKEY_DEFL_NO_CHANGE = 0xffff_ffff;
    "linux/tty.h":
        N_TTY = 0, N_SLIP = 1, N_MOUSE = 2, N_PPP = 3, N_STRIP = 4, N_AX25 = 5, N_X25 = 6,
        N_6PACK = 7, N_MASC = 8, N_R3964 = 9, N_PROFIBUS_FDL = 10, N_IRDA = 11, N_SMSBLOCK = 12,
        N_HDLC = 13, N_SYNC_PPP = 14, N_HCI = 15, N_GIGASET_M101 = 16, N_SLCAN = 17, N_PPS = 18,
        N_V253 = 19, N_CAIF = 20, N_GSM0710 = 21, N_TI_WL = 22, N_TRACESINK = 23,
        N_TRACEROUTER = 24, N_NCI = 25, N_SPEAKUP = 26, N_NULL = 27, N_MCTP = 28,
        N_DEVELOPMENT = 29, N_CAN327 = 30;
    "linux/sockios.h": SIOCETHTOOL = 0x8946;
    // Numbers of protocol families (include/linux/socket.h).
    "": AF_IB = 27, AF_MPLS = 28;
    "linux/ipc.h":
        IPC_CREAT = 0o1000, IPC_EXCL = 0o2000, IPC_NOWAIT = 0o4000, IPC_RMID = 0, IPC_SET = 1,
        IPC_STAT = 2, IPC_INFO = 3,
        SEMOP = 1, SEMGET = 2, SEMCTL = 3, SEMTIMEDOP = 4, MSGSND = 11, MSGRCV = 12, MSGGET = 13,
        MSGCTL = 14,
        SHMAT = 21, SHMDT = 22, SHMGET = 23, SHMCTL = 24;
    // Internal marker of the ipc multiplexer and version of ipc_perm (include/linux/ipc.h).
    "linux/ipc.h": IPC_64 = 0x100;
    "linux/sem.h":
        SEM_UNDO = 0x1000, GETPID = 11, GETVAL = 12, GETALL = 13, GETNCNT = 14, GETZCNT = 15,
        SETVAL = 16, SETALL = 17,
        SEM_STAT = 18, SEM_INFO = 19, SEM_STAT_ANY = 20;
    "linux/msg.h":
        MSG_STAT = 11, MSG_INFO = 12, MSG_STAT_ANY = 13, MSG_NOERROR = 0o10000,
        MSG_EXCEPT = 0o20000,
        MSG_COPY = 0o40000;
    "linux/shm.h":
        SHM_LOCK = 11, SHM_UNLOCK = 12, SHM_STAT = 13, SHM_INFO = 14, SHM_STAT_ANY = 15,
        SHM_RDONLY = 0o10000,
        SHM_RND = 0o20000, SHM_REMAP = 0o40000, SHM_EXEC = 0o100000, SHM_HUGETLB = 0o4000,
        SHM_NORESERVE = 0o10000;
    "linux/aio_abi.h":
        IOCB_CMD_PREAD = 0, IOCB_CMD_PWRITE = 1, IOCB_CMD_FSYNC = 2, IOCB_CMD_FDSYNC = 3,
        IOCB_CMD_POLL = 5, IOCB_CMD_NOOP = 6,
        IOCB_CMD_PREADV = 7, IOCB_CMD_PWRITEV = 8, IOCB_FLAG_RESFD = 1, IOCB_FLAG_IOPRIO = 2;
    "linux/close_range.h": CLOSE_RANGE_UNSHARE = 1 << 1, CLOSE_RANGE_CLOEXEC = 1 << 2;
    "linux/netfilter_ipv4/ip_tables.h": IPT_SO_GET_INFO = 64, IPT_SO_GET_REVISION_TARGET = 67;
    "linux/personality.h":
        UNAME26 = 0x0020000, ADDR_NO_RANDOMIZE = 0x0040000, FDPIC_FUNCPTRS = 0x0080000,
        MMAP_PAGE_ZERO = 0x0100000,
        ADDR_COMPAT_LAYOUT = 0x0200000, READ_IMPLIES_EXEC = 0x0400000, ADDR_LIMIT_32BIT = 0x0800000,
        SHORT_INODE = 0x1000000, WHOLE_SECONDS = 0x2000000, STICKY_TIMEOUTS = 0x4000000,
        ADDR_LIMIT_3GB = 0x8000000,
        PER_LINUX = 0, PER_LINUX32 = 8, PER_MASK = 0xff;
    "linux/membarrier.h":
        MEMBARRIER_CMD_QUERY = 0, MEMBARRIER_CMD_GLOBAL = 1, MEMBARRIER_CMD_GLOBAL_EXPEDITED = 2,
        MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED = 4, MEMBARRIER_CMD_PRIVATE_EXPEDITED = 8,
        MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED = 16,
        MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE = 32,
        MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE = 64,
        MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ = 128,
        MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ = 256;
    "linux/rseq.h": RSEQ_FLAG_UNREGISTER = 1;
    "linux/ioprio.h": IOPRIO_WHO_USER = 3;
    "linux/kcmp.h":
        KCMP_FILE = 0, KCMP_VM = 1, KCMP_FILES = 2, KCMP_FS = 3, KCMP_SIGHAND = 4, KCMP_IO = 5,
        KCMP_SYSVSEM = 6,
        KCMP_EPOLL_TFD = 7;
    "linux/keyctl.h":
        KEYCTL_GET_KEYRING_ID = 0, KEYCTL_JOIN_SESSION_KEYRING = 1, KEYCTL_UPDATE = 2,
        KEYCTL_REVOKE = 3,
        KEYCTL_CHOWN = 4, KEYCTL_SETPERM = 5, KEYCTL_DESCRIBE = 6, KEYCTL_CLEAR = 7,
        KEYCTL_LINK = 8,
        KEYCTL_UNLINK = 9, KEYCTL_SEARCH = 10, KEYCTL_READ = 11, KEYCTL_INSTANTIATE = 12,
        KEYCTL_NEGATE = 13,
        KEYCTL_SET_REQKEY_KEYRING = 14, KEYCTL_SET_TIMEOUT = 15, KEYCTL_ASSUME_AUTHORITY = 16,
        KEYCTL_GET_SECURITY = 17, KEYCTL_SESSION_TO_PARENT = 18, KEYCTL_REJECT = 19,
        KEYCTL_INSTANTIATE_IOV = 20,
        KEYCTL_INVALIDATE = 21, KEYCTL_GET_PERSISTENT = 22, KEYCTL_DH_COMPUTE = 23,
        KEYCTL_PKEY_QUERY = 24, KEYCTL_PKEY_ENCRYPT = 25, KEYCTL_PKEY_DECRYPT = 26,
        KEYCTL_PKEY_SIGN = 27,
        KEYCTL_PKEY_VERIFY = 28, KEYCTL_RESTRICT_KEYRING = 29, KEYCTL_MOVE = 30,
        KEYCTL_CAPABILITIES = 31,
        KEYCTL_WATCH_KEY = 32;
    "linux/bpf.h":
        BPF_MAP_CREATE = 0, BPF_MAP_LOOKUP_ELEM = 1, BPF_MAP_UPDATE_ELEM = 2,
        BPF_MAP_DELETE_ELEM = 3,
        BPF_MAP_GET_NEXT_KEY = 4, BPF_PROG_LOAD = 5, BPF_OBJ_PIN = 6, BPF_OBJ_GET = 7,
        BPF_PROG_ATTACH = 8,
        BPF_PROG_DETACH = 9, BPF_PROG_TEST_RUN = 10, BPF_PROG_GET_NEXT_ID = 11,
        BPF_MAP_GET_NEXT_ID = 12,
        BPF_PROG_GET_FD_BY_ID = 13, BPF_MAP_GET_FD_BY_ID = 14, BPF_OBJ_GET_INFO_BY_FD = 15,
        BPF_PROG_QUERY = 16,
        BPF_RAW_TRACEPOINT_OPEN = 17, BPF_BTF_LOAD = 18, BPF_BTF_GET_FD_BY_ID = 19,
        BPF_TASK_FD_QUERY = 20,
        BPF_MAP_LOOKUP_AND_DELETE_ELEM = 21, BPF_MAP_FREEZE = 22, BPF_BTF_GET_NEXT_ID = 23,
        BPF_MAP_LOOKUP_BATCH = 24, BPF_MAP_LOOKUP_AND_DELETE_BATCH = 25, BPF_MAP_UPDATE_BATCH = 26,
        BPF_MAP_DELETE_BATCH = 27, BPF_LINK_CREATE = 28, BPF_LINK_UPDATE = 29,
        BPF_LINK_GET_FD_BY_ID = 30,
        BPF_LINK_GET_NEXT_ID = 31, BPF_ENABLE_STATS = 32, BPF_ITER_CREATE = 33,
        BPF_LINK_DETACH = 34,
        BPF_PROG_BIND_MAP = 35, BPF_MAP_TYPE_PERCPU_HASH = 5, BPF_MAP_TYPE_PERCPU_ARRAY = 6,
        BPF_MAP_TYPE_LRU_PERCPU_HASH = 10, BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE = 21;
    "linux/fanotify.h":
        FAN_MARK_ADD = 1, FAN_MARK_REMOVE = 2, FAN_MARK_DONT_FOLLOW = 4, FAN_MARK_ONLYDIR = 8,
        FAN_MARK_MOUNT = 0x10, FAN_MARK_IGNORED_MASK = 0x20, FAN_MARK_IGNORED_SURV_MODIFY = 0x40,
        FAN_MARK_FLUSH = 0x80, FAN_MARK_FILESYSTEM = 0x100, FAN_MARK_EVICTABLE = 0x200,
        FAN_MARK_IGNORE = 0x400;
    "linux/mount.h":
        FSCONFIG_SET_FLAG = 0, FSCONFIG_SET_STRING = 1, FSCONFIG_SET_BINARY = 2,
        FSCONFIG_SET_PATH = 3,
        FSCONFIG_SET_PATH_EMPTY = 4, FSCONFIG_SET_FD = 5, FSCONFIG_CMD_CREATE = 6,
        FSCONFIG_CMD_RECONFIGURE = 7;
    "linux/landlock.h":
        LANDLOCK_RULE_PATH_BENEATH = 1,
        LANDLOCK_RULE_NET_PORT = 2;
    "linux/perf_event.h":
        PERF_FLAG_FD_NO_GROUP = 1, PERF_FLAG_FD_OUTPUT = 2, PERF_FLAG_PID_CGROUP = 4,
        PERF_FLAG_FD_CLOEXEC = 8;
    "linux/module.h": MODULE_INIT_IGNORE_MODVERSIONS = 1, MODULE_INIT_IGNORE_VERMAGIC = 2,
    MODULE_INIT_COMPRESSED_FILE = 4;
    // Constants that the package has on x86 hosts only.
    "asm/mman.h": MAP_32BIT = 0x40, MAP_ABOVE4G = 0x80;
    // Not used any more (include/linux/signal_types.h); old programs set it.
    "": SA_INTERRUPT = 0x2000_0000;
    "asm/signal.h": SA_RESTORER = 0x0400_0000;
    "asm/ptrace-abi.h":
        PTRACE_GETREGS = 12, PTRACE_SETREGS = 13, PTRACE_GETFPREGS = 14, PTRACE_SETFPREGS = 15,
        PTRACE_GETFPXREGS = 18,
        PTRACE_SETFPXREGS = 19, PTRACE_OLDSETOPTIONS = 21, PTRACE_GET_THREAD_AREA = 25,
        PTRACE_SET_THREAD_AREA = 26,
        PTRACE_ARCH_PRCTL = 30, PTRACE_SYSEMU = 31, PTRACE_SYSEMU_SINGLESTEP = 32,
        PTRACE_SINGLEBLOCK = 33;
    // include/linux/statfs.h, which is not exported.
    "": ST_RDONLY = 1, ST_NOSUID = 2, ST_NODEV = 4, ST_NOEXEC = 8, ST_SYNCHRONOUS = 0x10,
    ST_VALID = 0x20, ST_MANDLOCK = 0x40,
        ST_NOATIME = 0x400, ST_NODIRATIME = 0x800, ST_RELATIME = 0x1000, ST_NOSYMFOLLOW = 0x2000;
    "linux/signalfd.h": SFD_CLOEXEC = O_CLOEXEC as u64, SFD_NONBLOCK = O_NONBLOCK as u64;
    "linux/pidfd.h": PIDFD_NONBLOCK = O_NONBLOCK as u64;
    // include/linux/net.h: the type of a socket shares its argument with two flags of open.
    "": SOCK_CLOEXEC = O_CLOEXEC as u64, SOCK_NONBLOCK = O_NONBLOCK as u64, SOCK_TYPE_MASK = 0xf;
    // include/linux/pidfd.h; defined as O_EXCL since Linux 6.9.
    "": PIDFD_THREAD = O_EXCL as u64;
    // include/linux/socket.h, which is not exported.
    "": MSG_WAITFORONE = 0x10000, MSG_BATCH = 0x40000, MSG_SOCK_DEVMEM = 0x0200_0000,
    MSG_ZEROCOPY = 0x0400_0000,
        MSG_FASTOPEN = 0x2000_0000;
    // include/linux/socket.h, which is not exported.
    "": SCM_PIDFD = 4;
    // asm-generic/fcntl.h, 32-bit ABIs only.
    "": F_GETLK64 = 12, F_SETLK64 = 13, F_SETLKW64 = 14;
    // include/uapi/linux/fs.h; the package omits them because they are typed expressions.
    "linux/fs.h": RWF_ATOMIC = 0x40, RWF_DONTCACHE = 0x80;
}

#[cfg(test)]
mod tests;
