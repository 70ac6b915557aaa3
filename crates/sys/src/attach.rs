//! Attaches to processes that are already running.

use crate::{Error, Result, Tid, Tracer, process};
use std::collections::BTreeSet;
use std::fs;

impl Tracer {
    /// Seizes every thread of the process that `pid` belongs to, including threads created
    /// meanwhile, and returns their ids. The threads keep running.
    ///
    /// The kernel attaches threads created by a seized thread (PTRACE_O_TRACECLONE), but not those
    /// created by a thread that is not seized yet. So the list is read until it contains no new
    /// thread.
    ///
    /// # Errors
    /// [`Error::Attach`], with a hint at the likely reason, when the process does not exist or a
    /// thread may not be traced.
    pub fn attach(&self, pid: Tid) -> Result<Vec<Tid>> {
        let refuse =
            |source: std::io::Error| Error::Attach { pid, hint: hint(pid, &source), source };
        let status = process::Status::read(pid).map_err(|e| refuse(missing(e)))?;
        let mut seized = BTreeSet::new();
        let mut ended_already = std::io::Error::from_raw_os_error(libc::ESRCH);
        loop {
            let found = threads(status.tgid).map_err(|e| refuse(missing(e)))?;
            let before = seized.len();
            for tid in found {
                if seized.contains(&tid) {
                    continue;
                }
                match self.seize(tid) {
                    Ok(()) => _ = seized.insert(tid),
                    // The kernel has just attached it, as a new thread of a seized one. Its first
                    // stop will be waited for.
                    Err(_) if traced_by_us(tid) => _ = seized.insert(tid),
                    // The thread ended after it was listed. Attaching fails only if no thread could
                    // be seized.
                    Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
                    Err(error) if ended(tid) => ended_already = error,
                    Err(error) => return Err(refuse(error)),
                }
            }
            if seized.len() == before {
                break;
            }
        }
        if seized.is_empty() {
            return Err(refuse(ended_already));
        }
        Ok(seized.into_iter().collect())
    }
}

/// Returns the child processes of a process, from the lists of all its threads. Empty when the
/// lists cannot be read.
pub fn children(tgid: Tid) -> Vec<Tid> {
    let of_thread = |thread: Tid| {
        let list =
            fs::read_to_string(format!("/proc/{tgid}/task/{thread}/children")).unwrap_or_default();
        list.split_whitespace().filter_map(|word| word.parse().ok()).collect::<Vec<_>>()
    };
    threads(tgid).unwrap_or_default().into_iter().flat_map(of_thread).collect()
}

/// Returns the thread ids of a process.
///
/// # Errors
/// The errno of reading /proc/PID/task; ENOENT when the process has ended.
pub fn threads(tgid: Tid) -> std::io::Result<Vec<Tid>> {
    fs::read_dir(format!("/proc/{tgid}/task"))?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .map(Ok)
        .collect()
}

/// Whether this process has CAP_SYS_PTRACE, with which a traced program keeps the privileges of its
/// file (execve(2)). Cached: the recorder does not change its capabilities.
pub fn may_trace_anyone() -> bool {
    const CAP_SYS_PTRACE: u32 = 19; // linux/capability.h; not in libc.
    static ANSWER: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    *ANSWER.get_or_init(|| {
        let own = Tid::try_from(std::process::id()).unwrap_or(0);
        process::Status::read(own)
            .is_ok_and(|status| status.capabilities[2] >> CAP_SYS_PTRACE & 1 == 1)
    })
}

fn traced_by_us(tid: Tid) -> bool {
    process::Status::read(tid)
        .is_ok_and(|s| s.tracer != 0 && s.tracer.cast_unsigned() == std::process::id())
}

/// Whether the task is gone or a zombie. Attaching to a zombie fails with EPERM (kernel/ptrace.c:
/// `exit_state`).
fn ended(tid: Tid) -> bool {
    process::Status::read(tid).map_or(true, |s| matches!(s.state, b'Z' | b'X'))
}

fn missing(error: std::io::Error) -> std::io::Error {
    if error.kind() == std::io::ErrorKind::NotFound {
        std::io::Error::from_raw_os_error(libc::ESRCH)
    } else {
        error
    }
}

/// Returns what the user can do about a failed attach, by checking the usual reasons.
fn hint(pid: Tid, error: &std::io::Error) -> Option<&'static str> {
    if error.raw_os_error() == Some(libc::ESRCH) {
        return Some(
            "there is no such process here; check the pid, and the pid namespace it belongs to",
        );
    }
    let status = process::Status::read(pid).ok()?;
    if status.tgid.cast_unsigned() == std::process::id() {
        return Some("that is sysreel itself: a process cannot trace itself");
    }
    if status.tracer != 0 {
        return Some(
            "it is traced already (TracerPid in /proc/PID/status); a process has one tracer at a \
             time: end the other one first",
        );
    }
    if status.state == b'Z' {
        return Some("it is a zombie: it has ended and waits for its parent");
    }
    if process::is_kernel_thread(pid) {
        return Some("it is a kernel thread, which cannot be traced");
    }
    // The file exists only with Yama.
    match fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default().trim() {
        "1" => Some(
            "Yama lets a process be traced by its ancestors only (kernel.yama.ptrace_scope=1): \
             start it under sysreel, run as root, or set the sysctl to 0",
        ),
        "2" => Some("Yama lets only root trace (kernel.yama.ptrace_scope=2): run as root"),
        "3" => Some("Yama forbids all tracing until the next boot (kernel.yama.ptrace_scope=3)"),
        _ => Some(
            "it belongs to another user or is not dumpable: run as its user, or as root \
             (CAP_SYS_PTRACE)",
        ),
    }
}
