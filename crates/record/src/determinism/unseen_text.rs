//! Text with instructions that a replay cannot repeat: says so, and traps calls through the
//! vsyscall page.

use super::calls::in_32_bits;
use super::contents::FileExtent;
use super::findings;
use super::hook::Determinism;
use super::inject::call_with_memory;
use super::own_filter::DATA;
use crate::engine::{Context, Flow, Undriven};
use std::fs::File;
use std::io;
use sysreel_format::{Altering, MappedHead};
use sysreel_sys::memory::EACCES;
use sysreel_sys::seccomp::{Filter, VSYSCALL_PAGE};
use sysreel_sys::{Call, Stop};

/// PROT_EXEC (mmap(2)).
const EXECUTABLE: u32 = 4;

impl Determinism {
    /// Notes what the text of a mapping has that a replay cannot repeat.
    pub(super) fn examine_text(
        &mut self,
        cx: &mut Context,
        head: &MappedHead,
        extent: FileExtent<'_>,
        open: impl FnOnce() -> io::Result<File>,
        name: &str,
    ) {
        if head.prot & EXECUTABLE == 0 {
            return;
        }
        // What cannot be read has no contents in the log either.
        let found = self.contents.examine(extent, open).unwrap_or_default();
        if found.random {
            findings::may_differ(
                &mut cx.log,
                cx.at.id,
                format!("{name} can ask the CPU for random numbers (rdrand, rdseed)"),
            );
        }
        self.has_vsyscalls |= found.vsyscall;
    }

    /// If text with calls through the vsyscall page was mapped at the current exit: makes such
    /// calls stop.
    pub(super) fn trap_vsyscalls(&mut self, cx: &mut Context, stop: &mut Stop) -> Flow {
        let is_new = std::mem::take(&mut self.has_vsyscalls);
        if !is_new || self.tasks.get_mut(cx.at.slot).traps_vsyscalls || in_32_bits(cx) {
            return Flow::Stays;
        }
        let why = match install(cx, stop) {
            Ok(()) => {
                let tgid = cx.task().map(|task| task.tgid);
                for (slot, _) in cx.tasks.iter().filter(|(_, task)| Some(task.tgid) == tgid) {
                    self.tasks.get_mut(slot).traps_vsyscalls = true;
                }
                return Flow::Stays;
            }
            Err(Undriven::Ended) => return Flow::Left,
            Err(Undriven::Ending) => return Flow::Moved,
            Err(Undriven::Late(time)) => format!("it did not stop within {} s", time.as_secs()),
            Err(Undriven::Failed(error)) => error.to_string(),
        };
        let text = format!(
            "the program can make calls through the vsyscall page, which could not be trapped: \
             {why}"
        );
        findings::may_differ(&mut cx.log, cx.at.id, text);
        Flow::Stays
    }

    /// At PTRACE_EVENT_SECCOMP: refuses the log if the call came through the page. The kernel makes
    /// it and returns without another stop.
    pub(super) fn check_vsyscall(&mut self, cx: &mut Context) {
        let (ip, _) = cx.info.place();
        if VSYSCALL_PAGE.contains(&ip) {
            self.not_replayable(cx, "the program made a call through the vsyscall page".into());
        }
    }
}

fn install(cx: &mut Context, stop: &mut Stop) -> Result<(), Undriven> {
    let Some(filter) = Filter::of_vsyscalls(DATA) else { return Ok(()) };
    let point = stop.general()?.ip();
    let set = |cx: &mut Context, stop: &mut Stop, call: fn(u64) -> Call| {
        let what = "trap the vsyscall page";
        call_with_memory(cx, stop, point, |at| filter.program_at(at), call, what)
    };
    let mut called = set(cx, stop, Call::install_filter)?;
    // Without CAP_SYS_ADMIN (seccomp(2)). An unprivileged tracer takes the privileges of setuid
    // programs anyway (execve(2)).
    if called.result == -i64::from(EACCES) {
        set(cx, stop, |_| Call::no_new_privs())?.value("prctl PR_SET_NO_NEW_PRIVS")?;
        cx.log.altered(Altering::NO_NEW_PRIVS, 0, &[0], &[1]);
        called = set(cx, stop, Call::install_filter)?;
    }
    match called.value("seccomp")? {
        0 => cx.log.altered(Altering::SECCOMP_FILTER, 0, &[], &filter.bytes()),
        thread => {
            let text = format!("thread {thread} has another filter");
            return Err(sysreel_sys::Error::Unsupported(text).into());
        }
    }
    Ok(())
}
