//! Lists of constants that `linux-raw-sys` lacks, with their numbers: from the kernel's exported
//! headers, or from the source in brackets. They are part of the kernel's interface and cannot
//! change; the test of `unpackaged` compares them with the C compiler's values.

macro_rules! lists {
    ($($(#[$doc:meta])* $header:literal $name:ident $prefix:literal $bits:literal:
        $($constant:ident = $value:literal),*
        $(; field $mask:literal $part_prefix:literal:
            $($part:ident = $part_value:literal),*)?;)*) =>
    {
        $($(#[$doc])*
        pub static $name: $crate::desc::Constants = $crate::desc::Constants {
            prefix: $prefix,
            bits: $bits,
            items: &[$((stringify!($constant), $value)),*],
            fields: &[$($crate::desc::Field {
                mask: $mask,
                last: false,
                apart: Some($part_prefix),
                items: &[$((stringify!($part), $part_value)),*],
            })?],
            overrides: &[],
        };)*

        /// Header and list, for the test.
        #[cfg(test)]
        pub(super) const ALL: &[(&str, &$crate::desc::Constants)] = &[$(($header, &$name)),*];
    };
}
pub(crate) use lists;

lists! {
    /// Keys of System V IPC objects that are no numbers.
    "linux/ipc.h" IPC_KEY "" 32: IPC_PRIVATE = 0;
    /// Handlers of signals that are no functions [asm-generic/signal-defs.h].
    "" SIGNAL_HANDLER "" 32: SIG_DFL = 0, SIG_IGN = 1;
    /// Targets of ioprio_get.
    "linux/ioprio.h" IOPRIO_WHO "IOPRIO_WHO_" 32:
        IOPRIO_WHO_PROCESS = 1, IOPRIO_WHO_PGRP = 2, IOPRIO_WHO_USER = 3;
    /// Scheduling classes of I/O.
    "linux/ioprio.h" IOPRIO_CLASS "IOPRIO_CLASS_" 32:
        IOPRIO_CLASS_NONE = 0, IOPRIO_CLASS_RT = 1, IOPRIO_CLASS_BE = 2, IOPRIO_CLASS_IDLE = 3;
    /// Flags of kexec_load.
    "linux/kexec.h" KEXEC "KEXEC_" 64:
        KEXEC_ON_CRASH = 1, KEXEC_PRESERVE_CONTEXT = 2
        ; field 0xffff0000 "KEXEC_ARCH_":
        KEXEC_ARCH_DEFAULT = 0, KEXEC_ARCH_386 = 0x30000, KEXEC_ARCH_68K = 0x40000,
        KEXEC_ARCH_PARISC = 0xf0000, KEXEC_ARCH_X86_64 = 0x3e0000, KEXEC_ARCH_PPC = 0x140000,
        KEXEC_ARCH_PPC64 = 0x150000, KEXEC_ARCH_IA_64 = 0x320000, KEXEC_ARCH_ARM = 0x280000,
        KEXEC_ARCH_S390 = 0x160000, KEXEC_ARCH_SH = 0x2a0000, KEXEC_ARCH_MIPS_LE = 0xa0000,
        KEXEC_ARCH_MIPS = 0x80000, KEXEC_ARCH_AARCH64 = 0xb70000, KEXEC_ARCH_RISCV = 0xf30000,
        KEXEC_ARCH_LOONGARCH = 0x1020000;
    /// Flags of kexec_file_load.
    "linux/kexec.h" KEXEC_FILE "KEXEC_FILE_" 64:
        KEXEC_FILE_UNLOAD = 1, KEXEC_FILE_ON_CRASH = 2, KEXEC_FILE_NO_INITRAMFS = 4;
    /// Flags of fanotify_init.
    "linux/fanotify.h" FANOTIFY "FAN_" 32:
        FAN_CLOEXEC = 1, FAN_NONBLOCK = 2, FAN_UNLIMITED_QUEUE = 0x10, FAN_UNLIMITED_MARKS = 0x20,
        FAN_ENABLE_AUDIT = 0x40, FAN_REPORT_PIDFD = 0x80, FAN_REPORT_TID = 0x100,
        FAN_REPORT_FID = 0x200, FAN_REPORT_DIR_FID = 0x400, FAN_REPORT_NAME = 0x800,
        FAN_REPORT_TARGET_FID = 0x1000
        ; field 0xc "FAN_CLASS_":
        FAN_CLASS_NOTIF = 0, FAN_CLASS_CONTENT = 4, FAN_CLASS_PRE_CONTENT = 8;
    /// Events of fanotify.
    "linux/fanotify.h" FANOTIFY_MASK "FAN_" 64:
        FAN_ACCESS = 1, FAN_MODIFY = 2, FAN_ATTRIB = 4, FAN_CLOSE_WRITE = 8,
        FAN_CLOSE_NOWRITE = 0x10, FAN_OPEN = 0x20, FAN_MOVED_FROM = 0x40, FAN_MOVED_TO = 0x80,
        FAN_CREATE = 0x100, FAN_DELETE = 0x200, FAN_DELETE_SELF = 0x400, FAN_MOVE_SELF = 0x800,
        FAN_OPEN_EXEC = 0x1000, FAN_Q_OVERFLOW = 0x4000, FAN_FS_ERROR = 0x8000,
        FAN_OPEN_PERM = 0x10000, FAN_ACCESS_PERM = 0x20000, FAN_OPEN_EXEC_PERM = 0x40000,
        FAN_DIR_MODIFY = 0x80000, FAN_ONDIR = 0x40000000, FAN_EVENT_ON_CHILD = 0x8000000,
        FAN_RENAME = 0x10000000;
    /// Modes of adjtimex.
    "linux/timex.h" ADJ "ADJ_" 32:
        ADJ_OFFSET_SINGLESHOT = 0x8001, ADJ_OFFSET_SS_READ = 0xa001, ADJ_OFFSET = 1,
        ADJ_FREQUENCY = 2, ADJ_MAXERROR = 4, ADJ_ESTERROR = 8, ADJ_STATUS = 0x10,
        ADJ_TIMECONST = 0x20, ADJ_TAI = 0x80, ADJ_SETOFFSET = 0x100, ADJ_MICRO = 0x1000,
        ADJ_NANO = 0x2000, ADJ_TICK = 0x4000;
    /// Status bits of adjtimex.
    "linux/timex.h" STA "STA_" 32:
        STA_PLL = 1, STA_PPSFREQ = 2, STA_PPSTIME = 4, STA_FLL = 8, STA_INS = 0x10, STA_DEL = 0x20,
        STA_UNSYNC = 0x40, STA_FREQHOLD = 0x80, STA_PPSSIGNAL = 0x100, STA_PPSJITTER = 0x200,
        STA_PPSWANDER = 0x400, STA_PPSERROR = 0x800, STA_CLOCKERR = 0x1000, STA_NANO = 0x2000,
        STA_MODE = 0x4000, STA_CLK = 0x8000;
    /// Results of adjtimex.
    "linux/timex.h" TIME_STATE "TIME_" 32:
        TIME_OK = 0, TIME_INS = 1, TIME_DEL = 2, TIME_OOP = 3, TIME_WAIT = 4, TIME_ERROR = 5;
    /// Keyrings with negative serial numbers.
    "linux/keyctl.h" KEY_SPEC "KEY_SPEC_" 32:
        KEY_SPEC_THREAD_KEYRING = 0xffffffff, KEY_SPEC_PROCESS_KEYRING = 0xfffffffe,
        KEY_SPEC_SESSION_KEYRING = 0xfffffffd, KEY_SPEC_USER_KEYRING = 0xfffffffc,
        KEY_SPEC_USER_SESSION_KEYRING = 0xfffffffb, KEY_SPEC_GROUP_KEYRING = 0xfffffffa,
        KEY_SPEC_REQKEY_AUTH_KEY = 0xfffffff9, KEY_SPEC_REQUESTOR_KEYRING = 0xfffffff8;
    /// Flags of swapon (include/linux/swap.h).
    "" SWAP "SWAP_FLAG_" 32:
        SWAP_FLAG_PREFER = 0x8000, SWAP_FLAG_DISCARD = 0x10000, SWAP_FLAG_DISCARD_ONCE = 0x20000,
        SWAP_FLAG_DISCARD_PAGES = 0x40000;
    /// Register sets of ptrace.
    "linux/elf.h" REGISTER_SET "NT_" 32:
        NT_PRSTATUS = 1, NT_PRFPREG = 2, NT_PRPSINFO = 3, NT_TASKSTRUCT = 4, NT_AUXV = 6,
        NT_386_TLS = 0x200, NT_386_IOPERM = 0x201, NT_X86_XSTATE = 0x202, NT_ARM_VFP = 0x400,
        NT_ARM_TLS = 0x401, NT_ARM_HW_BREAK = 0x402, NT_ARM_HW_WATCH = 0x403,
        NT_ARM_SYSTEM_CALL = 0x404, NT_ARM_SVE = 0x405, NT_ARM_PAC_MASK = 0x406,
        NT_ARM_PACA_KEYS = 0x407, NT_ARM_PACG_KEYS = 0x408, NT_ARM_TAGGED_ADDR_CTRL = 0x409,
        NT_ARM_PAC_ENABLED_KEYS = 0x40a, NT_ARM_SSVE = 0x40b, NT_ARM_ZA = 0x40c;
    /// Flags of PTRACE_PEEKSIGINFO.
    "linux/ptrace.h" PEEK_SIGINFO "PTRACE_PEEKSIGINFO_" 32:
        PTRACE_PEEKSIGINFO_SHARED = 1;
    /// Levels of kernel messages (include/linux/kern_levels.h).
    "" LOGLEVEL "LOGLEVEL_" 32:
        LOGLEVEL_EMERG = 0, LOGLEVEL_ALERT = 1, LOGLEVEL_CRIT = 2, LOGLEVEL_ERR = 3,
        LOGLEVEL_WARNING = 4, LOGLEVEL_NOTICE = 5, LOGLEVEL_INFO = 6, LOGLEVEL_DEBUG = 7;
    /// Actions of syslog (include/linux/syslog.h).
    "" SYSLOG "SYSLOG_ACTION_" 32:
        SYSLOG_ACTION_CLOSE = 0, SYSLOG_ACTION_OPEN = 1, SYSLOG_ACTION_READ = 2,
        SYSLOG_ACTION_READ_ALL = 3, SYSLOG_ACTION_READ_CLEAR = 4, SYSLOG_ACTION_CLEAR = 5,
        SYSLOG_ACTION_CONSOLE_OFF = 6, SYSLOG_ACTION_CONSOLE_ON = 7,
        SYSLOG_ACTION_CONSOLE_LEVEL = 8, SYSLOG_ACTION_SIZE_UNREAD = 9,
        SYSLOG_ACTION_SIZE_BUFFER = 0xa;
    /// Commands of quotactl, of which Q_SYNC and others are in linux/quota.h and linux/dqblk_xfs.h.
    "" QUOTA "Q_" 32:
        Q_SYNC = 0x800001, Q_QUOTAON = 0x800002, Q_QUOTAOFF = 0x800003, Q_GETFMT = 0x800004,
        Q_GETINFO = 0x800005, Q_SETINFO = 0x800006, Q_GETQUOTA = 0x800007, Q_SETQUOTA = 0x800008,
        Q_GETNEXTQUOTA = 0x800009, Q_XQUOTAON = 0x5801, Q_XQUOTAOFF = 0x5802, Q_XGETQUOTA = 0x5803,
        Q_XSETQLIM = 0x5804, Q_XGETQSTAT = 0x5805, Q_XQUOTARM = 0x5806, Q_XQUOTASYNC = 0x5807,
        Q_XGETQSTATV = 0x5808, Q_XGETNEXTQUOTA = 0x5809;
    /// What a quota is for.
    "linux/quota.h" QUOTA_TYPE "???QUOTA" 32:
        USRQUOTA = 0, GRPQUOTA = 1, PRJQUOTA = 2;
    /// Formats of quota files.
    "linux/quota.h" QUOTA_FORMAT "QFMT_VFS_" 32:
        QFMT_VFS_OLD = 1, QFMT_VFS_V0 = 2, QFMT_OCFS2 = 3, QFMT_VFS_V1 = 4;
    /// Valid members of a quota.
    "linux/quota.h" QUOTA_VALID "QIF_" 32:
        QIF_BLIMITS = 1, QIF_SPACE = 2, QIF_ILIMITS = 4, QIF_INODES = 8, QIF_BTIME = 0x10,
        QIF_ITIME = 0x20;
    /// Valid members of the information about a quota file.
    "linux/quota.h" QUOTA_INFO_VALID "IIF_" 32:
        IIF_BGRACE = 1, IIF_IGRACE = 2, IIF_FLAGS = 4;
    /// Flags of a quota file (include/linux/quota.h).
    "" QUOTA_INFO_FLAGS "DQF_" 32:
        DQF_ROOT_SQUASH = 1, DQF_SYS_FILE = 0x10000;
    /// What an XFS quota is for.
    "linux/dqblk_xfs.h" XFS_QUOTA_TYPE "FS_" 32:
        FS_USER_QUOTA = 1, FS_PROJ_QUOTA = 2, FS_GROUP_QUOTA = 4;
    /// What of XFS quotas is counted and enforced.
    "linux/dqblk_xfs.h" XFS_QUOTA "FS_QUOTA_" 32:
        FS_QUOTA_UDQ_ACCT = 1, FS_QUOTA_UDQ_ENFD = 2, FS_QUOTA_GDQ_ACCT = 4, FS_QUOTA_GDQ_ENFD = 8,
        FS_QUOTA_PDQ_ACCT = 0x10, FS_QUOTA_PDQ_ENFD = 0x20;
    /// Types of ICMP messages.
    "linux/icmp.h" ICMP_TYPE "ICMP_" 32:
        ICMP_ECHOREPLY = 0, ICMP_DEST_UNREACH = 3, ICMP_SOURCE_QUENCH = 4, ICMP_REDIRECT = 5,
        ICMP_ECHO = 8, ICMP_TIME_EXCEEDED = 11, ICMP_PARAMETERPROB = 12, ICMP_TIMESTAMP = 13,
        ICMP_TIMESTAMPREPLY = 14, ICMP_INFO_REQUEST = 15, ICMP_INFO_REPLY = 16,
        ICMP_ADDRESS = 17, ICMP_ADDRESSREPLY = 18;
    /// Options of level SOL_RAW.
    "linux/icmp.h" RAW_OPTION "RAW_" 32: ICMP_FILTER = 1;
    /// Classes of instructions of the classic BPF.
    "linux/filter.h" BPF_CLASS "BPF_" 32:
        BPF_LD = 0, BPF_LDX = 1, BPF_ST = 2, BPF_STX = 3, BPF_ALU = 4, BPF_JMP = 5, BPF_RET = 6,
        BPF_MISC = 7;
    /// Sizes of loads.
    "linux/filter.h" BPF_SIZE "BPF_" 32:
        BPF_W = 0, BPF_H = 8, BPF_B = 0x10;
    /// Modes of loads.
    "linux/filter.h" BPF_MODE "BPF_" 32:
        BPF_IMM = 0, BPF_ABS = 0x20, BPF_IND = 0x40, BPF_MEM = 0x60, BPF_LEN = 0x80,
        BPF_MSH = 0xa0;
    /// Sources of operands.
    "linux/filter.h" BPF_SOURCE "BPF_" 32:
        BPF_K = 0, BPF_X = 8;
    /// Operations on numbers.
    "linux/filter.h" BPF_ALU "BPF_" 32:
        BPF_ADD = 0, BPF_SUB = 0x10, BPF_MUL = 0x20, BPF_DIV = 0x30, BPF_OR = 0x40, BPF_AND = 0x50,
        BPF_LSH = 0x60, BPF_RSH = 0x70, BPF_NEG = 0x80, BPF_MOD = 0x90, BPF_XOR = 0xa0;
    /// Jumps.
    "linux/filter.h" BPF_JUMPS "BPF_" 32:
        BPF_JA = 0, BPF_JEQ = 0x10, BPF_JGT = 0x20, BPF_JGE = 0x30, BPF_JSET = 0x40;
    /// Sources of results.
    "linux/filter.h" BPF_RETURN "BPF_" 32:
        BPF_K = 0, BPF_X = 8, BPF_A = 0x10;
    /// Other operations.
    "linux/filter.h" BPF_MISC "BPF_" 32:
        BPF_TAX = 0, BPF_TXA = 0x80;
    /// Places beside the packet, the highest first.
    "linux/filter.h" BPF_PLACE "SKF_" 32:
        SKF_AD_OFF = 0xfffff000, SKF_NET_OFF = 0xfff00000, SKF_LL_OFF = 0xffe00000;
    /// Data of a packet that are not in it.
    "linux/filter.h" BPF_ANCILLARY "SKF_AD_" 32:
        SKF_AD_PROTOCOL = 0, SKF_AD_PKTTYPE = 4, SKF_AD_IFINDEX = 8, SKF_AD_NLATTR = 0xc,
        SKF_AD_NLATTR_NEST = 0x10, SKF_AD_MARK = 0x14, SKF_AD_QUEUE = 0x18, SKF_AD_HATYPE = 0x1c,
        SKF_AD_RXHASH = 0x20, SKF_AD_CPU = 0x24, SKF_AD_ALU_XOR_X = 0x28, SKF_AD_VLAN_TAG = 0x2c,
        SKF_AD_VLAN_TAG_PRESENT = 0x30, SKF_AD_PAY_OFFSET = 0x34, SKF_AD_RANDOM = 0x38,
        SKF_AD_VLAN_TPID = 0x3c;
    /// Types of BPF maps.
    "linux/bpf.h" BPF_MAP_TYPE "BPF_MAP_TYPE_" 32:
        BPF_MAP_TYPE_UNSPEC = 0, BPF_MAP_TYPE_HASH = 1, BPF_MAP_TYPE_ARRAY = 2,
        BPF_MAP_TYPE_PROG_ARRAY = 3, BPF_MAP_TYPE_PERF_EVENT_ARRAY = 4,
        BPF_MAP_TYPE_PERCPU_HASH = 5, BPF_MAP_TYPE_PERCPU_ARRAY = 6, BPF_MAP_TYPE_STACK_TRACE = 7,
        BPF_MAP_TYPE_CGROUP_ARRAY = 8, BPF_MAP_TYPE_LRU_HASH = 9,
        BPF_MAP_TYPE_LRU_PERCPU_HASH = 0xa, BPF_MAP_TYPE_LPM_TRIE = 0xb,
        BPF_MAP_TYPE_ARRAY_OF_MAPS = 0xc, BPF_MAP_TYPE_HASH_OF_MAPS = 0xd,
        BPF_MAP_TYPE_DEVMAP = 0xe, BPF_MAP_TYPE_SOCKMAP = 0xf, BPF_MAP_TYPE_CPUMAP = 0x10,
        BPF_MAP_TYPE_XSKMAP = 0x11, BPF_MAP_TYPE_SOCKHASH = 0x12,
        BPF_MAP_TYPE_CGROUP_STORAGE = 0x13, BPF_MAP_TYPE_REUSEPORT_SOCKARRAY = 0x14,
        BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE = 0x15, BPF_MAP_TYPE_QUEUE = 0x16,
        BPF_MAP_TYPE_STACK = 0x17, BPF_MAP_TYPE_SK_STORAGE = 0x18, BPF_MAP_TYPE_DEVMAP_HASH = 0x19,
        BPF_MAP_TYPE_STRUCT_OPS = 0x1a, BPF_MAP_TYPE_RINGBUF = 0x1b,
        BPF_MAP_TYPE_INODE_STORAGE = 0x1c, BPF_MAP_TYPE_TASK_STORAGE = 0x1d,
        BPF_MAP_TYPE_BLOOM_FILTER = 0x1e, BPF_MAP_TYPE_USER_RINGBUF = 0x1f;
    /// Types of BPF programs.
    "linux/bpf.h" BPF_PROG_TYPE "BPF_PROG_TYPE_" 32:
        BPF_PROG_TYPE_UNSPEC = 0, BPF_PROG_TYPE_SOCKET_FILTER = 1, BPF_PROG_TYPE_KPROBE = 2,
        BPF_PROG_TYPE_SCHED_CLS = 3, BPF_PROG_TYPE_SCHED_ACT = 4, BPF_PROG_TYPE_TRACEPOINT = 5,
        BPF_PROG_TYPE_XDP = 6, BPF_PROG_TYPE_PERF_EVENT = 7, BPF_PROG_TYPE_CGROUP_SKB = 8,
        BPF_PROG_TYPE_CGROUP_SOCK = 9, BPF_PROG_TYPE_LWT_IN = 0xa, BPF_PROG_TYPE_LWT_OUT = 0xb,
        BPF_PROG_TYPE_LWT_XMIT = 0xc, BPF_PROG_TYPE_SOCK_OPS = 0xd, BPF_PROG_TYPE_SK_SKB = 0xe,
        BPF_PROG_TYPE_CGROUP_DEVICE = 0xf, BPF_PROG_TYPE_SK_MSG = 0x10,
        BPF_PROG_TYPE_RAW_TRACEPOINT = 0x11, BPF_PROG_TYPE_CGROUP_SOCK_ADDR = 0x12,
        BPF_PROG_TYPE_LWT_SEG6LOCAL = 0x13, BPF_PROG_TYPE_LIRC_MODE2 = 0x14,
        BPF_PROG_TYPE_SK_REUSEPORT = 0x15, BPF_PROG_TYPE_FLOW_DISSECTOR = 0x16,
        BPF_PROG_TYPE_CGROUP_SYSCTL = 0x17, BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE = 0x18,
        BPF_PROG_TYPE_CGROUP_SOCKOPT = 0x19, BPF_PROG_TYPE_TRACING = 0x1a,
        BPF_PROG_TYPE_STRUCT_OPS = 0x1b, BPF_PROG_TYPE_EXT = 0x1c, BPF_PROG_TYPE_LSM = 0x1d,
        BPF_PROG_TYPE_SK_LOOKUP = 0x1e, BPF_PROG_TYPE_SYSCALL = 0x1f;
    /// What a BPF program is attached to.
    "linux/bpf.h" BPF_ATTACH_TYPE "BPF_" 32:
        BPF_CGROUP_INET_INGRESS = 0, BPF_CGROUP_INET_EGRESS = 1, BPF_CGROUP_INET_SOCK_CREATE = 2,
        BPF_CGROUP_SOCK_OPS = 3, BPF_SK_SKB_STREAM_PARSER = 4, BPF_SK_SKB_STREAM_VERDICT = 5,
        BPF_CGROUP_DEVICE = 6, BPF_SK_MSG_VERDICT = 7, BPF_CGROUP_INET4_BIND = 8,
        BPF_CGROUP_INET6_BIND = 9, BPF_CGROUP_INET4_CONNECT = 0xa, BPF_CGROUP_INET6_CONNECT = 0xb,
        BPF_CGROUP_INET4_POST_BIND = 0xc, BPF_CGROUP_INET6_POST_BIND = 0xd,
        BPF_CGROUP_UDP4_SENDMSG = 0xe, BPF_CGROUP_UDP6_SENDMSG = 0xf, BPF_LIRC_MODE2 = 0x10,
        BPF_FLOW_DISSECTOR = 0x11, BPF_CGROUP_SYSCTL = 0x12, BPF_CGROUP_UDP4_RECVMSG = 0x13,
        BPF_CGROUP_UDP6_RECVMSG = 0x14, BPF_CGROUP_GETSOCKOPT = 0x15, BPF_CGROUP_SETSOCKOPT = 0x16,
        BPF_TRACE_RAW_TP = 0x17, BPF_TRACE_FENTRY = 0x18, BPF_TRACE_FEXIT = 0x19,
        BPF_MODIFY_RETURN = 0x1a, BPF_LSM_MAC = 0x1b, BPF_TRACE_ITER = 0x1c,
        BPF_CGROUP_INET4_GETPEERNAME = 0x1d, BPF_CGROUP_INET6_GETPEERNAME = 0x1e,
        BPF_CGROUP_INET4_GETSOCKNAME = 0x1f, BPF_CGROUP_INET6_GETSOCKNAME = 0x20,
        BPF_XDP_DEVMAP = 0x21, BPF_CGROUP_INET_SOCK_RELEASE = 0x22, BPF_XDP_CPUMAP = 0x23,
        BPF_SK_LOOKUP = 0x24, BPF_XDP = 0x25, BPF_SK_SKB_VERDICT = 0x26,
        BPF_SK_REUSEPORT_SELECT = 0x27, BPF_SK_REUSEPORT_SELECT_OR_MIGRATE = 0x28,
        BPF_PERF_EVENT = 0x29, BPF_TRACE_KPROBE_MULTI = 0x2a, BPF_LSM_CGROUP = 0x2b;
    /// Flags of BPF maps.
    "linux/bpf.h" BPF_MAP_FLAGS "BPF_F_" 32:
        BPF_F_NO_PREALLOC = 1, BPF_F_NO_COMMON_LRU = 2, BPF_F_NUMA_NODE = 4, BPF_F_RDONLY = 8,
        BPF_F_WRONLY = 0x10, BPF_F_STACK_BUILD_ID = 0x20, BPF_F_ZERO_SEED = 0x40,
        BPF_F_RDONLY_PROG = 0x80, BPF_F_WRONLY_PROG = 0x100, BPF_F_CLONE = 0x200,
        BPF_F_MMAPABLE = 0x400, BPF_F_PRESERVE_ELEMS = 0x800, BPF_F_INNER_MAP = 0x1000;
    /// Flags of BPF programs.
    "linux/bpf.h" BPF_PROG_FLAGS "BPF_F_" 32:
        BPF_F_STRICT_ALIGNMENT = 1, BPF_F_ANY_ALIGNMENT = 2, BPF_F_TEST_RND_HI32 = 4,
        BPF_F_TEST_STATE_FREQ = 8, BPF_F_SLEEPABLE = 0x10, BPF_F_XDP_HAS_FRAGS = 0x20;
    /// Flags of attaching BPF programs.
    "linux/bpf.h" BPF_ATTACH_FLAGS "BPF_F_" 32:
        BPF_F_ALLOW_OVERRIDE = 1, BPF_F_ALLOW_MULTI = 2, BPF_F_REPLACE = 4;
    /// Flags of asking for attached BPF programs.
    "linux/bpf.h" BPF_QUERY_FLAGS "BPF_F_QUERY_" 32:
        BPF_F_QUERY_EFFECTIVE = 1;
    /// Flags of test runs of BPF programs.
    "linux/bpf.h" BPF_TEST_RUN "BPF_F_" 32:
        BPF_F_TEST_RUN_ON_CPU = 1, BPF_F_TEST_XDP_LIVE_FRAMES = 2;
    /// Flags of opening BPF objects.
    "linux/bpf.h" BPF_OPEN_FLAGS "BPF_F_" 32:
        BPF_F_RDONLY = 8, BPF_F_WRONLY = 0x10;
    /// Flags of BPF links.
    "linux/bpf.h" BPF_LINK_FLAGS "BPF_F_" 32:
        BPF_F_REPLACE = 4;
    /// What a BPF program of a descriptor is attached to.
    "linux/bpf.h" BPF_FD_TYPE "BPF_FD_TYPE_" 32:
        BPF_FD_TYPE_RAW_TRACEPOINT = 0, BPF_FD_TYPE_TRACEPOINT = 1, BPF_FD_TYPE_KPROBE = 2,
        BPF_FD_TYPE_KRETPROBE = 3, BPF_FD_TYPE_UPROBE = 4, BPF_FD_TYPE_URETPROBE = 5;
    /// Statistics of BPF programs.
    "linux/bpf.h" BPF_STATS "BPF_STATS_" 32:
        BPF_STATS_RUN_TIME = 0;
    /// Flags of changing elements of BPF maps.
    "linux/bpf.h" BPF_ELEMENT "BPF_" 64:
        BPF_ANY = 0, BPF_NOEXIST = 1, BPF_EXIST = 2, BPF_F_LOCK = 4;
}
