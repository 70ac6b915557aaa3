//! Records a stop: builds its event from the kernel's struct, the memory that the call concerns,
//! and what the hooks add.

use super::calls::Calls;
use super::context::Context;
use super::due::Passed;
use super::hook::{Admit, Flow, Reach, StopHook};
use super::made::record_made;
use super::moves::{await_end_of_call, await_end_of_signal};
use sysreel_abi::CallKind;
use sysreel_format::{Altering, EventKind, Layout, SourceId, StopHead};
use sysreel_sys::info::Op;
use sysreel_sys::stop::{NT_PRSTATUS, is_of_exit_event};
use sysreel_sys::{Event, Signal, Stop, StopKind};

/// What was recorded of a stop, and what is to become of its task.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recorded {
    pub(crate) next: Next,
    /// Whether a call ended: see [`Calls::ended`].
    pub(crate) ends_call: bool,
    /// The event of an event stop, and its message.
    pub(crate) event: Option<(Event, u64)>,
}

/// How a task goes on after its stop was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// It is in the stop. When it is resumed, it gets this signal.
    Resume(Signal),
    /// As if it had not stopped.
    Swallow,
    /// It is in another stop, still to be recorded.
    Again,
    /// It has left the stop.
    Left,
}

impl Recorded {
    fn with(next: Next) -> Recorded {
        Recorded { next, ends_call: false, event: None }
    }
}

/// Commits the STOP event of the task of the current stop.
///
/// SIGKILL, also an exit_group or execve by another thread, makes a task leave any stop and come to
/// its exit event. That event must not be mistaken for the current stop: resuming the task there
/// would let it run on before wait reported it.
pub(crate) fn record_stop(
    cx: &mut Context,
    hooks: &mut impl StopHook,
    calls: &mut Calls,
    stop: &mut Stop,
    answer: impl FnOnce(&mut Context, &Stop),
) -> Recorded {
    if stop.kind() == StopKind::Event(Event::EXIT)
        && let Some(task) = cx.tasks.at_mut(cx.at.slot)
    {
        // Set whether or not the kernel answers: another SIGKILL makes a task leave its exit
        // event too.
        task.ending = true;
    }
    let reached = hooks.reach(cx, stop);
    record_made(cx, hooks, calls);
    match reached {
        Reach::Stays => {}
        Reach::Swallow => return Recorded::with(Next::Swallow),
        Reach::Left => return Recorded::with(Next::Left),
    }
    record_reached(cx, hooks, calls, stop, answer)
}

fn record_reached(
    cx: &mut Context,
    hooks: &mut impl StopHook,
    calls: &mut Calls,
    stop: &mut Stop,
    answer: impl FnOnce(&mut Context, &Stop),
) -> Recorded {
    let kind = stop.kind();
    let mut deliver = if let StopKind::Signal(signal) = kind { signal } else { Signal::NONE };
    // The stop of a task that was just killed is recorded too: the length -ESRCH says that the
    // kernel could not be asked.
    let alive = stop.syscall_info(&mut cx.info).is_ok();
    if alive {
        match hooks.admit(cx, stop) {
            Admit::Record => {}
            Admit::Skip => return Recorded::with(Next::Resume(deliver)),
            Admit::Swallow => return Recorded::with(Next::Swallow),
        }
    }
    begin_event(cx, stop.status().0, cx.info.returned());
    // Under TRACESYSGOOD a syscall stop is an entry or an exit. NONE means that the task is already
    // in its next stop.
    let moved_on = kind == StopKind::Syscall && cx.info.op() == Some(Op::NONE);
    if !alive || moved_on {
        cx.log.commit();
        return Recorded::with(Next::Left);
    }
    add_registers_at_attach(cx, stop);
    hooks.stopped(cx, stop);
    let mut recorded = Recorded::with(Next::Resume(deliver));
    let flow = match kind {
        StopKind::Syscall => match cx.info.op() {
            Some(Op::ENTRY) => {
                calls.begin(cx);
                hooks.entry(cx, stop)
            }
            Some(Op::EXIT) => {
                let exit = calls.end(cx, hooks).inspect(|exit| await_end_of_call(cx, exit));
                answer(cx, stop);
                recorded.ends_call = exit.is_some();
                exit.map_or(Flow::Stays, |exit| hooks.exit(cx, stop, exit))
            }
            _ => Flow::Stays,
        },
        StopKind::Signal(signal) => signal_stop(cx, hooks, stop, signal, &mut deliver),
        StopKind::Group(_) => Flow::Stays,
        StopKind::Event(event) => {
            hooks.event(cx, stop, event);
            let (message, flow) = event_stop(cx, hooks, calls, stop, event);
            recorded.event = message.map(|message| (event, message));
            flow
        }
    };
    cx.log.commit();
    cx.log.commit_notes();
    recorded.next = match flow {
        Flow::Stays => Next::Resume(deliver),
        Flow::Moved => Next::Again,
        Flow::Left => Next::Left,
    };
    recorded
}

/// Adds the siginfo of a signal that is about to be delivered.
fn signal_stop(
    cx: &mut Context,
    hooks: &mut impl StopHook,
    stop: &mut Stop,
    signal: Signal,
    deliver: &mut Signal,
) -> Flow {
    match stop.siginfo() {
        Ok(Some(siginfo)) if is_of_exit_event(&siginfo) => Flow::Left,
        Ok(Some(mut siginfo)) => {
            await_end_of_signal(cx, signal, &siginfo);
            hooks.siginfo(cx, stop, signal, &mut siginfo);
            cx.log.row().siginfo(&siginfo);
            hooks.signal(cx, stop, &siginfo, deliver)
        }
        _ => Flow::Stays,
    }
}

/// Adds the registers of a task found by an attach, since there is no entry stop to show its call.
fn add_registers_at_attach(cx: &mut Context, stop: &Stop) {
    if cx.task().is_some_and(|task| !task.captured)
        && let Ok(registers) = stop.registers()
    {
        cx.log.row().registers(NT_PRSTATUS, &registers);
    }
}

/// Commits a stop that its task has left before it was recorded.
pub(crate) fn record_passed(cx: &mut Context, passed: &Passed) {
    let Some(task) = cx.tasks.at_mut(cx.at.slot) else { return };
    task.ending |= passed.status.event() == Event::EXIT;
    task.cpu_time = passed.cpu_time.unwrap_or(task.cpu_time);
    let (returned, info) = &passed.info;
    cx.log.sink.row.begin(EventKind::STOP, SourceId::KERNEL, cx.at.id, cx.at.t_ns);
    cx.log.row().stop_head(&StopHead {
        wait_status: passed.status.0.cast_unsigned(),
        info_ret: *returned,
        layout: Layout::MERGED,
        info,
    });
    if let Some(message) = passed.message {
        cx.log.row().event_message(message);
    }
    cx.log.commit();
}

/// Starts the STOP event with the kernel's struct.
fn begin_event(cx: &mut Context, status: i32, returned: i32) {
    cx.log.sink.row.begin(EventKind::STOP, SourceId::KERNEL, cx.at.id, cx.at.t_ns);
    cx.log.sink.row.stop_head(&StopHead {
        wait_status: status.cast_unsigned(),
        info_ret: returned,
        layout: Layout::MERGED,
        info: cx.info.bytes(),
    });
}

/// Adds the event message, and for a seccomp stop begins the recorded call or answers it.
fn event_stop(
    cx: &mut Context,
    hooks: &mut impl StopHook,
    calls: &mut Calls,
    stop: &mut Stop,
    event: Event,
) -> (Option<u64>, Flow) {
    let Ok(message) = stop.event_message() else { return (None, Flow::Left) };
    // Asked after the message, which is that of the exit event once the task has been killed. A
    // child that a killed task made is adopted.
    if !matches!(event, Event::EXIT | Event::SECCOMP) && stop.is_over() {
        return (None, Flow::Left);
    }
    cx.log.row().event_message(message);
    let mut flow = Flow::Stays;
    match event {
        Event::SECCOMP if hooks.is_entry(cx, stop) => {
            calls.begin(cx);
            flow = hooks.entry(cx, stop);
        }
        Event::SECCOMP if hooks.lets_pass(cx, message) => {}
        Event::SECCOMP => answer_as_untraced(cx, stop),
        Event::EXIT => {
            if let Some(task) = cx.tasks.at_mut(cx.at.slot) {
                task.cpu_time = cx.snapshots.cpu_time(cx.at.tid, task.tgid);
            }
        }
        _ => {}
    }
    (Some(message), flow)
}

/// Answers a call for which the program's filter returned RET_TRACE: without a tracer the kernel
/// answers ENOSYS (seccomp(2)), and the program must see the same.
fn answer_as_untraced(cx: &mut Context, stop: &Stop) {
    let Some((nr, _)) = cx.info.call() else { return };
    if stop.skip_call().is_ok() {
        let (kernel, given) = (nr.to_le_bytes(), u64::MAX.to_le_bytes());
        cx.log.altered(Altering::SECCOMP_ANSWER, 0, &kernel, &given);
    }
}

/// Whether a call begins at the current stop, so that its exit is still to come.
pub(crate) fn begins_call(cx: &Context, kind: StopKind) -> bool {
    match kind {
        StopKind::Syscall => cx.info.op() == Some(Op::ENTRY),
        kind => kind == StopKind::Event(Event::SECCOMP),
    }
}

/// Whether the call that begins at the current stop is ptrace(2).
pub(crate) fn is_tracing_call(cx: &Context) -> bool {
    cx.call().is_some_and(|call| call.row.kind == CallKind::Ptrace)
}
