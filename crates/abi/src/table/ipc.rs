//! Inter-process communication: futexes, System V and POSIX IPC, asynchronous I/O.

use linux_raw_sys::general::SIGEV_THREAD;

use super::rows::rows;
use crate::consts::{clock, ipc as i, open, uapi};
use crate::desc::*;
use crate::layout::Layout::*;

const IPC: Classes = Classes::IPC;
const DESC: Classes = Classes::IPC.and(Classes::DESC);
const MEM: Classes = Classes::IPC.and(Classes::MEMORY);
const FILE: Classes = Classes::FILE.and(Classes::DESC);

/// struct futex_waitv: value and address (64 bits each), flags.
const WAITERS: &[PointerField] = &[PointerField {
    at: (8, 8),
    wide: true,
    condition: Condition::Always,
    dir: Dir::In,
    when: When::Success,
    len: PointeeLen::Futex(16),
}];
/// struct sigevent: value, signal, method. With SIGEV_THREAD the value points to a message for the
/// C library (ipc/mqueue.c, NOTIFY_COOKIE_LEN).
const NOTIFIED: &[PointerField] = &[PointerField {
    at: (0, 0),
    wide: false,
    condition: Condition::Field((12, 8), SIGEV_THREAD),
    dir: Dir::In,
    when: When::Success,
    len: PointeeLen::Bytes(32),
}];

#[rustfmt::skip]
pub(super) static ROWS: &[Row] = rows! {
    futex(uaddr: special(Special::Futex), op: flags(&i::FUTEX), val: UINT,
        utime: special(Special::Futex), uaddr2: special(Special::Futex), val3: HEX32)
                                                         -> INT, emulate(MEM).kind(CallKind::Futex);
    futex_wait(uaddr: input(of(U32)), val: ULONG, mask: HEX, flags: flags(&i::FUTEX2),
        timeout: input(of(Timespec64)), clockid: one_of(&clock::CLOCK))
                                                         -> INT, emulate(MEM).kind(CallKind::Futex);
    futex_wake(uaddr: input(of(U32)), mask: HEX, nr: INT, flags: flags(&i::FUTEX2))
                                                         -> INT, emulate(MEM).kind(CallKind::Futex);
    futex_requeue(waiters: input(pointer_fields(2, FutexWaitv, WAITERS)), flags: HEX32,
        nr_wake: INT, nr_requeue: INT)                   -> INT, emulate(MEM).kind(CallKind::Futex);
    futex_waitv(waiters: input(pointer_fields_args(FutexWaitv, "nr_futexes", WAITERS)),
        nr_futexes: UINT, flags: HEX32, timeout: input(of(Timespec64)),
        clockid: one_of(&clock::CLOCK))
                                                         -> INT, emulate(MEM).kind(CallKind::Futex);

    semget(key: one_of(&uapi::IPC_KEY), nsems: INT, semflg: flags_mode(&i::GET))
                                                          -> INT,  emulate(IPC);
    semop(semid: IPC_ID, tsops: input(args(SemBuf, "nsops")), nsops: UINT) -> INT,  emulate(IPC);
    semtimedop(semid: IPC_ID, tsops: input(args(SemBuf, "nsops")), nsops: UINT,
        timeout: input(of(Timespec)))                     -> INT,  emulate(IPC);
    semctl(semid: IPC_ID, semnum: INT, cmd: flags(&i::SEMCTL_CMD), arg: special(Special::Semctl))
                                                          -> INT,  emulate(IPC);
    msgget(key: one_of(&uapi::IPC_KEY), msgflg: flags_mode(&i::GET))         -> INT,  emulate(IPC);
    msgsnd(msqid: IPC_ID, msgp: input(msgbuf("msgsz")), msgsz: SIZE, msgflg: flags(&i::MSG))
                                                          -> INT,  emulate(IPC);
    msgrcv(msqid: IPC_ID, msgp: out(msgbuf("msgsz")), msgsz: SIZE, msgtyp: LONG,
        msgflg: flags(&i::MSG))                           -> SIZE, emulate(IPC);
    msgctl(msqid: IPC_ID, cmd: flags(&i::MSGCTL_CMD), buf: special(Special::Msgctl))
                                                          -> INT,  emulate(IPC);
    shmget(key: one_of(&uapi::IPC_KEY), size: SIZE, shmflg: flags_mode(&i::SHM_GET))
                                                          -> INT,  emulate(MEM);
    shmat(shmid: IPC_ID, shmaddr: ADDR, shmflg: flags(&i::SHMAT_FLAGS))
                                                          -> ADDR, apart(MEM).kind(CallKind::Shmat);
    shmdt(shmaddr: ADDR)                                -> INT,  execute(MEM).kind(CallKind::Shmdt);
    shmctl(shmid: IPC_ID, cmd: flags(&i::SHMCTL_CMD), buf: special(Special::Shmctl))
                                                          -> INT,  emulate(MEM);

    mq_open(u_name: STR, oflag: flags(&open::OPEN), mode: MODE, u_attr: input(of(MqAttr)))
                                             -> FD,   emulate(DESC).makes(RET).kind(CallKind::Open);
    mq_unlink(u_name: STR)                   -> INT,  emulate(IPC);
    mq_timedsend(mqdes: FD, u_msg_ptr: input(arg("msg_len")), msg_len: SIZE, msg_prio: UINT,
        u_abs_timeout: input(of(Timespec)))  -> INT,  emulate(DESC);
    mq_timedreceive(mqdes: FD, u_msg_ptr: out(ret("msg_len")), msg_len: SIZE,
        u_msg_prio: out(of(U32)), u_abs_timeout: input(of(Timespec))) -> SIZE, emulate(DESC);
    mq_notify(mqdes: FD, u_notification: input(pointer_fields(1, SigEvent, NOTIFIED)))
                                             -> INT,  emulate(DESC);
    mq_getsetattr(mqdes: FD, u_mqstat: input(of(MqAttr)), u_omqstat: out(of(MqAttr)))
                                             -> INT,  emulate(DESC);

    // Not replayable: the kernel fills their memory between calls.
    io_setup(nr_events: UINT, ctxp: inout(of(Word))) -> INT, refuse(FILE);
    io_destroy(ctx: HANDLE)                          -> INT, refuse(FILE);
    io_submit(ctx_id: HANDLE, nr: LONG, iocbpp: input(iocbs("nr"))) -> INT, refuse(FILE);
    io_cancel(ctx_id: HANDLE, iocb: input(of(Iocb)), result: out(of(IoEvent))) -> INT, refuse(FILE);
    io_getevents(ctx_id: HANDLE, min_nr: LONG, nr: LONG, events: out(rets(IoEvent, "nr")),
        timeout: input(of(Timespec)))             -> INT, refuse(FILE);
    io_pgetevents(ctx_id: HANDLE, min_nr: LONG, nr: LONG, events: out(rets(IoEvent, "nr")),
        timeout: input(of(Timespec)), usig: input(Len::Pointed)) -> INT, refuse(FILE);
    io_uring_setup(entries: UINT, params: inout(of(IoUringParams)))
                                       -> FD,  refuse(FILE).makes(RET).kind(CallKind::IoUringSetup);
    io_uring_enter(fd: FD, to_submit: UINT, min_complete: UINT, flags: flags(&i::URING_ENTER),
        argp: special(Special::IoUring), argsz: SIZE)
                                                  -> INT, refuse(FILE).kind(CallKind::IoUringEnter);
    io_uring_register(fd: FD, opcode: one_of(&i::URING_REGISTER), arg: special(Special::IoUring),
        nr_args: UINT)                            -> INT, refuse(FILE);
};
