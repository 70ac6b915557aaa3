//! The list of structures.

macro_rules! layouts {
    ($($(#[$doc:meta])* $name:ident $text:literal),* $(,)?) => {
        /// A structure or scalar that a system call passes through memory.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Layout {
            $($(#[$doc])* #[doc = concat!("`", $text, "`")] $name),*
        }

        impl Layout {
            /// All layouts.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Returns the name in C.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text),*
                }
            }
        }
    };
}

layouts! {
    Byte "unsigned char", U16 "unsigned short", Int "int", U32 "unsigned int",
    U64 "unsigned long long",
    /// A pointer or `size_t`: 4 or 8 bytes.
    Word "unsigned long", SizeT "size_t",
    Loff "loff_t", OffT "off_t", TimeT "time_t", Uid16 "unsigned short", Uid "unsigned int",
    Stat "struct stat", Stat64 "struct stat64", OldStat "struct __old_kernel_stat",
    Statx "struct statx",
    Statfs "struct statfs", Statfs64 "struct statfs64", Ustat "struct ustat",
    Timespec "struct timespec", Timespec64 "struct __kernel_timespec", Timeval "struct timeval",
    Timezone "struct timezone", Itimerval "struct itimerval", Itimerspec "struct itimerspec",
    Itimerspec64 "struct __kernel_itimerspec", Timex "struct timex",
    Timex64 "struct __kernel_timex",
    Utimbuf "struct utimbuf", Tms "struct tms",
    Rusage "struct rusage", Rlimit "struct rlimit", Rlimit64 "struct rlimit64",
    SigAction "struct sigaction", OldSigAction "struct old_sigaction", SigStack "stack_t",
    SigInfo "siginfo_t",
    WaitInfo "siginfo_t up to si_status",
    SigEvent "struct sigevent", SigSet "sigset_t", OldSigSet "old_sigset_t",
    SysInfo "struct sysinfo", UtsName "struct new_utsname", OldUtsName "struct old_utsname",
    OldOldUtsName "struct oldold_utsname",
    PollFd "struct pollfd", EpollEvent "struct epoll_event", IoEvent "struct io_event",
    Iocb "struct iocb",
    IoUringParams "struct io_uring_params",
    Iovec "struct iovec", MsgHdr "struct msghdr", MmsgHdr "struct mmsghdr",
    MqAttr "struct mq_attr", RobustListHead "struct robust_list_head",
    SchedParam "struct sched_param", SchedAttr "struct sched_attr",
    CapHeader "struct __user_cap_header_struct", CapData "struct __user_cap_data_struct",
    OpenHow "struct open_how", CloneArgs "struct clone_args",
    MsqidDs "struct msqid_ds", ShmidDs "struct shmid_ds", SemidDs "struct semid_ds",
    SemBuf "struct sembuf",
    MsgInfo "struct msginfo", ShmInfo "struct shm_info", ShmLimits "struct shminfo",
    SemInfo "struct seminfo",
    Flock "struct flock", Flock64 "struct flock64", FOwnerEx "struct f_owner_ex",
    Termios "struct termios", Termios2 "struct termios2", Termio "struct termio",
    WinSize "struct winsize",
    FutexWaitv "struct futex_waitv", Rseq "struct rseq", UserDesc "struct user_desc",
    FileHandle "struct file_handle", MountAttr "struct mount_attr", FileAttr "struct file_attr",
    BlkPg "struct blkpg_ioctl_arg",
    UffdioRange "struct uffdio_range", XattrArgs "struct xattr_args", MntIdReq "struct mnt_id_req",
    CachestatRange "struct cachestat_range", Cachestat "struct cachestat",
    AioSigSet "struct __aio_sigset", SigSetArg "struct sigset_argpack",
    SockFprog "struct sock_fprog",
    SockFilter "struct sock_filter", GetdentsOld "struct old_linux_dirent",
    MmapArgs "struct mmap_arg_struct", SelectArgs "struct sel_arg_struct",
    KexecSegment "struct kexec_segment",
    KcmpEpollSlot "struct kcmp_epoll_slot",
    LandlockRuleset "struct landlock_ruleset_attr",
    LandlockPathBeneath "struct landlock_path_beneath_attr",
    LandlockNetPort "struct landlock_net_port_attr",
    /// The value of a seccomp filter.
    SeccompAction "unsigned int",
    SeccompNotifSizes "struct seccomp_notif_sizes",
    /// A memory policy, as get_mempolicy(2) stores it.
    Policy "int",
    /// Attributes of a file: their ioctls pass an int where their numbers say long.
    FileAttributes "int",
    /// A negated error number or a memory node, as move_pages(2) stores it.
    PageStatus "int",
    /// The format of a quota file.
    QuotaFormat "unsigned int",
    /// What of XFS quotas is counted and enforced.
    XfsQuotaFlags "unsigned int",
    /// What an XFS quota is for.
    XfsQuotaType "unsigned int",
    NextDqBlk "struct if_nextdqblk", FsDiskQuota "struct fs_disk_quota",
    FsQuotaStat "struct fs_quota_stat", FsQuotaStatv "struct fs_quota_statv",
    DqBlk "struct if_dqblk", DqInfo "struct if_dqinfo", PrctlMmMap "struct prctl_mm_map",
    V4l2Format "struct v4l2_format", V4l2ExtControls "struct v4l2_ext_controls",
    SysctlArgs "struct __sysctl_args",
    ConsoleFontOp "struct console_font_op",
    PtraceSyscallInfo "struct ptrace_syscall_info",
    PtracePeekSiginfo "struct ptrace_peeksiginfo_args",
}
