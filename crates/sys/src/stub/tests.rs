//! The fence, and what a stub has open.

use super::*;
use crate::{SyscallInfo, info::Op};

#[test]
fn the_fence_allows_only_listed_calls() {
    let tracer = Tracer::replaying();
    let stub = Stub::new(LOWEST, &[]).unwrap();
    let mut stop = tracer.spawn_stub(&stub).unwrap();
    let tid = stop.tid();
    let paths =
        |tid| process::mappings(tid).unwrap().into_iter().map(|m| m.start).collect::<Vec<_>>();
    assert!(paths(tid).iter().all(|&start| start == LOWEST || start >> 63 == 1));
    let map = Call::Anonymous { address: 0x7000_0000, len: 0x3000, prot: 3, grows_down: false };
    assert_eq!(tracer.call_in(&mut stop, stub.gate(), map).unwrap().result, 0x7000_0000);
    tracer.become_stub(&stub, &mut stop).unwrap();
    assert!(!paths(tid).contains(&0x7000_0000));
    let child = tracer.call_in(&mut stop, stub.gate(), Call::clone(false)).unwrap().child.unwrap();
    let Report::Stopped(first) = tracer.wait_for(child).unwrap() else { panic!("the child stops") };
    tracer.end(first).unwrap();
    // An emulated call stops at its entry and does not reach the fence.
    let mut registers = stop.general().unwrap();
    registers.enter(stub.gate().0, libc::SYS_getpid, [1, 2, 3, 4, 5, 6]);
    stop.set_general(&registers).unwrap();
    stop.resume(Resume::Emulating, Signal::NONE);
    let Report::Stopped(mut stop) = tracer.wait_for(tid).unwrap() else {
        panic!("it was emulated")
    };
    let mut info = SyscallInfo::new();
    stop.syscall_info(&mut info).unwrap();
    assert_eq!(info.op(), Some(Op::ENTRY));
    assert_eq!(info.call().unwrap().1, [1, 2, 3, 4, 5, 6]);
    // The filter's action is taken on the return to user mode (kernel/seccomp.c).
    _ = tracer.call_in(&mut stop, stub.gate(), Call::Plain(libc::SYS_getpid, [0; 6])).unwrap();
    stop.resume(Resume::Freely, Signal::NONE);
    let Report::Gone { status, .. } = tracer.wait_for(tid).unwrap() else {
        panic!("the fence has a hole")
    };
    assert_eq!(status.killed(), Some(Signal(libc::SIGSYS)));
}

/// Lets a stub make a call, and returns how it ended: `None` if it goes on.
fn end_of(page: u64, call: impl Fn(&Stub) -> Call) -> Option<Signal> {
    let tracer = Tracer::replaying();
    let stub = Stub::new(page, &[]).unwrap();
    let mut stop = tracer.spawn_stub(&stub).unwrap();
    let tid = stop.tid();
    match tracer.call_in(&mut stop, stub.gate(), call(&stub)) {
        Ok(called) if called.child.is_some() => {
            let child = called.child.unwrap();
            let Report::Stopped(first) = tracer.wait_for(child).unwrap() else {
                panic!("the child stops")
            };
            tracer.end(first).unwrap();
        }
        Ok(_) => {}
        Err(Lost::Gone(status)) => return status.killed(),
        Err(Lost::Failed(error)) => panic!("{error}"),
    }
    let map = Call::Anonymous { address: 0x7000_0000, len: 0x1000, prot: 3, grows_down: false };
    match tracer.call_in(&mut stop, stub.gate(), map) {
        Ok(called) => {
            assert_eq!(called.result, 0x7000_0000);
            tracer.end(stop).unwrap();
            None
        }
        Err(Lost::Gone(status)) => status.killed(),
        Err(Lost::Failed(error)) => panic!("task {tid}: {error}"),
    }
}

#[test]
fn the_fence_checks_arguments() {
    let clone = |flags: i32| {
        move |_: &Stub| {
            let flags = u64::from(flags.cast_unsigned());
            Call::Plain(libc::SYS_clone, [flags, 0, 0, 0, 0, 0])
        }
    };
    // Also far from the usual place.
    for page in [LOWEST, 0x1234_5678_9000] {
        assert_eq!(end_of(page, clone(libc::CLONE_PARENT)), None);
        assert_eq!(end_of(page, clone(libc::CLONE_PARENT | libc::CLONE_VM)), None);
        for flags in [libc::CLONE_UNTRACED, libc::CLONE_NEWUSER, libc::CLONE_VFORK, 0] {
            let end = end_of(page, clone(libc::CLONE_PARENT | flags | i32::from(flags == 0)));
            assert_eq!(end, Some(Signal(libc::SIGSYS)), "{flags:#x}");
        }
        let execute = |change: fn(&Stub, &mut [u64; 6])| {
            move |stub: &Stub| {
                let fd = u64::from(stub.fd().cast_unsigned());
                let path = stub.page + EMPTY;
                let empty = u64::from(libc::AT_EMPTY_PATH.cast_unsigned());
                let mut args = [fd, path, 1, 1, empty, 0];
                change(stub, &mut args);
                Call::Plain(libc::SYS_execveat, args)
            }
        };
        // EFAULT, for the vectors.
        assert_eq!(end_of(page, execute(|_, _| {})), None);
        let others: [fn(&Stub, &mut [u64; 6]); 4] = [
            |_, args| args[0] = u64::MAX,
            |stub, args| args[1] = stub.page,
            |_, args| args[1] ^= 1 << 40,
            |_, args| args[4] = 0,
        ];
        for change in others {
            assert_eq!(end_of(page, execute(change)), Some(Signal(libc::SIGSYS)));
        }
        let tsc = |_: &Stub| Call::enable_time_stamps();
        assert_eq!(end_of(page, tsc), Some(Signal(libc::SIGSYS)));
    }
}

#[test]
fn tasks_have_only_the_descriptors_that_they_map() {
    let files = [shared_file(0).unwrap(), shared_file(0).unwrap()];
    let (tracer, stub) = (
        Tracer::replaying(),
        Stub::new(LOWEST, &files.each_ref().map(AsRawFd::as_raw_fd)).unwrap(),
    );
    let stop = tracer.spawn_stub(&stub).unwrap();
    let open = std::fs::read_dir(format!("/proc/{}/fd", stop.tid())).unwrap();
    let mut open: Vec<RawFd> =
        open.map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap()).collect();
    open.sort_unstable();
    assert_eq!(open, stub.keeps);
    assert_eq!(open.len(), 3);
    tracer.end(stop).unwrap();
}

/// Without its instruction, a task only raises signals.
#[test]
fn a_call_without_its_instruction_ends_with_a_reason() {
    let (tracer, stub) = (Tracer::replaying(), Stub::new(LOWEST, &[]).unwrap());
    let mut stop = tracer.spawn_stub(&stub).unwrap();
    let call = Call::Munmap { address: 0x7000_0000, len: 0x1000 };
    let lost = tracer.call_in(&mut stop, InjectionPoint(0x7000_0000), call).unwrap_err();
    let text = lost.to_string();
    assert!(text.contains("cannot execute") && text.contains("0x70000000"), "{text}");
    tracer.end(stop).unwrap();
}
