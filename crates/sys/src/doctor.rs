//! Finds what prevents recording on this machine, with a one-line remedy for each.
//!
//! Each check tries the operation itself, in a child where it would have effects. Versions and
//! sysctls only explain a failure.

mod trial;

use crate::affinity::Mask;
use crate::{Error, Tid, attach, places, probe, process};

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// No problem.
    Fine,
    /// Recording works, with limitations.
    Limited,
    /// Recording does not work.
    Stops,
}

impl Verdict {
    /// The name in printed and JSON output.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Fine => "ok",
            Verdict::Limited => "limited",
            Verdict::Stops => "stops",
        }
    }
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The name of the check, which does not change between versions.
    pub check: &'static str,
    /// The severity.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do about it; `None` when there is no problem.
    pub fix: Option<String>,
}

impl Finding {
    /// A check without a problem.
    pub fn fine(check: &'static str, found: impl Into<String>) -> Finding {
        Finding { check, verdict: Verdict::Fine, found: found.into(), fix: None }
    }

    /// A limitation.
    pub fn limited(
        check: &'static str,
        found: impl Into<String>,
        fix: impl Into<String>,
    ) -> Finding {
        Finding { check, verdict: Verdict::Limited, found: found.into(), fix: Some(fix.into()) }
    }

    /// A failure that prevents recording.
    pub fn stops(check: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Finding {
        Finding { check, verdict: Verdict::Stops, found: found.into(), fix: Some(fix.into()) }
    }
}

/// Runs all checks, in the order in which problems are best solved.
pub fn examine() -> Vec<Finding> {
    let mut findings = vec![system()];
    findings.extend(other_tracer());
    findings.extend(selinux());
    findings.push(tracing());
    findings.push(attaching());
    findings.push(memory());
    findings.push(privileges());
    findings.push(cpus());
    findings.push(fixed_addresses());
    findings.extend(leak_checker());
    findings
}

/// Kernel, architecture and environment.
fn system() -> Finding {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut found = format!("Linux {} on {}", release.trim(), std::env::consts::ARCH);
    if let Some(place) = places::container() {
        found = format!("{found}, in {place}");
    }
    match places::foreign() {
        Some(place) => Finding::limited("system", format!("{found}; {}", place.what), place.fix),
        None => Finding::fine("system", found),
    }
}

fn own_status() -> process::Status {
    Tid::try_from(std::process::id())
        .ok()
        .and_then(|tid| process::Status::read(tid).ok())
        .unwrap_or_default()
}

/// Whether this process is itself traced. Its children then have the same tracer (if it follows
/// them), and a task has only one.
fn other_tracer() -> Option<Finding> {
    let tracer = own_status().tracer;
    let comm = process::file(tracer, "comm");
    let name = String::from_utf8_lossy(&comm);
    (tracer != 0).then(|| {
        Finding::limited(
            "tracer",
            format!(
                "process {tracer} ({}) traces this sysreel; a task has one tracer",
                name.trim_end()
            ),
            "run sysreel outside of the debugger, strace or sandbox that it runs in",
        )
    })
}

/// The SELinux boolean `deny_ptrace`, which denies ptrace to all domains.
fn selinux() -> Option<Finding> {
    let denied =
        std::fs::read_to_string("/sys/fs/selinux/booleans/deny_ptrace").ok()?.starts_with('1');
    denied.then(|| {
        Finding::limited(
            "selinux",
            "the SELinux boolean deny_ptrace is on",
            "sudo setsebool deny_ptrace 0",
        )
    })
}

fn tracing() -> Finding {
    match probe::check_tracing() {
        Ok(length) => Finding::fine(
            "tracing",
            format!("PTRACE_SEIZE and PTRACE_GET_SYSCALL_INFO work (structs of {length} bytes)"),
        ),
        Err(Error::NoTracing { found, fix }) => Finding::stops("tracing", found, fix),
        Err(error) => Finding::stops("tracing", error.to_string(), "see ptrace(2)"),
    }
}

/// Restrictions of `record -p`, which attaches to processes that are not children.
fn attaching() -> Finding {
    let anyone = attach::may_trace_anyone();
    match std::fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default().trim() {
        "1" if !anyone => Finding::limited(
            "attach",
            "record -p reaches only descendants of sysreel (kernel.yama.ptrace_scope=1)",
            "sudo sysctl kernel.yama.ptrace_scope=0, or run `sysreel record -p` as root; starting \
             programs under sysreel needs neither",
        ),
        "3" => Finding::stops(
            "attach",
            "kernel.yama.ptrace_scope=3 forbids all tracing",
            "boot without it: the setting cannot be lowered before the next boot",
        ),
        "2" if !anyone => Finding::stops(
            "attach",
            "kernel.yama.ptrace_scope=2 leaves tracing to CAP_SYS_PTRACE",
            "run as root, or sudo sysctl kernel.yama.ptrace_scope=1",
        ),
        _ if anyone => {
            Finding::fine("attach", "record -p may attach to every process of this pid namespace")
        }
        _ => Finding::fine("attach", "record -p may attach to processes of the same user"),
    }
}

fn memory() -> Finding {
    match trial::memory_of_a_child() {
        Ok(()) => Finding::fine("memory", "process_vm_readv reads the memory of a child"),
        Err(error) => Finding::limited(
            "memory",
            format!("process_vm_readv of a child fails ({error}): logs would hold no buffers"),
            "allow process_vm_readv in the container's seccomp profile (docker run --cap-add \
             SYS_PTRACE)",
        ),
    }
}

fn privileges() -> Finding {
    let status = own_status();
    if status.no_new_privs {
        return Finding::fine(
            "privileges",
            "set-user-id programs run without privileges here, recorded or not (no_new_privs)",
        );
    }
    if attach::may_trace_anyone() {
        return Finding::fine(
            "privileges",
            "set-user-id programs keep their privileges (CAP_SYS_PTRACE)",
        );
    }
    Finding::limited(
        "privileges",
        "set-user-id programs (sudo, su, ping) run without their privileges while they are \
         recorded",
        "record as root where it matters: sudo sysreel record ...",
    )
}

fn cpus() -> Finding {
    let mask = match Mask::of_task(0) {
        Ok(mask) => mask,
        Err(error) => return slow_cpus(&error),
    };
    match trial::in_child(|| mask.set(0)) {
        Ok(()) => Finding::fine(
            "cpus",
            format!("{} CPUs; recorder and program may share one", mask.count()),
        ),
        Err(error) => slow_cpus(&error),
    }
}

fn slow_cpus(error: &std::io::Error) -> Finding {
    Finding::limited(
        "cpus",
        format!("CPU affinity cannot be set ({error}): recording is several times slower"),
        "allow sched_getaffinity and sched_setaffinity in the sandbox",
    )
}

/// Replayable recordings need fixed addresses. The default seccomp profile of Docker and Podman
/// allows personality(2) only with a few arguments.
fn fixed_addresses() -> Finding {
    match trial::in_child(trial::fix_addresses) {
        Ok(()) => Finding::fine(
            "addresses",
            "address space randomization can be switched off for a program",
        ),
        Err(error) => Finding::limited(
            "addresses",
            format!(
                "personality(ADDR_NO_RANDOMIZE) fails ({error}): replayable recordings cannot be \
                 made"
            ),
            "docker run --security-opt seccomp=unconfined, or a profile that allows personality",
        ),
    }
}

/// LeakSanitizer aborts a traced program.
fn leak_checker() -> Option<Finding> {
    let set = |name: &str| std::env::var(name).ok();
    let (asan, lsan) = (set("ASAN_OPTIONS"), set("LSAN_OPTIONS"));
    let off =
        [&asan, &lsan].into_iter().flatten().any(|options| options.contains("detect_leaks=0"));
    ((asan.is_some() || lsan.is_some()) && !off).then(|| {
        Finding::limited(
            "leaks",
            "programs with LeakSanitizer refuse to run under any tracer",
            "export LSAN_OPTIONS=detect_leaks=0 while recording",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_problems_have_a_fix() {
        let findings = examine();
        assert!(findings.iter().any(|finding| finding.check == "tracing"), "{findings:?}");
        for finding in &findings {
            assert_eq!(finding.fix.is_none(), finding.verdict == Verdict::Fine, "{finding:?}");
        }
    }

    #[test]
    fn errors_of_a_child_are_returned() {
        let answer = trial::in_child(|| Err(std::io::Error::from_raw_os_error(libc::EPERM)));
        assert_eq!(answer.unwrap_err().raw_os_error(), Some(libc::EPERM));
        assert!(trial::in_child(|| Ok(())).is_ok());
    }
}
