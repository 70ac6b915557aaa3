//! Where we are: which kernel, in what kind of box.

use std::fs;
use std::path::Path;

/// A place where tracing cannot work, and where it could.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Foreign {
    /// What it is.
    pub(crate) what: &'static str,
    /// What to do.
    pub(crate) fix: &'static str,
}

/// What kind of container this is, by the marks that they leave.
pub(crate) fn container() -> Option<String> {
    if Path::new("/.dockerenv").exists() {
        return Some("a Docker container".to_owned());
    }
    if let Ok(env) = fs::read_to_string("/run/.containerenv") {
        let engine = env.lines().find_map(|line| line.strip_prefix("engine=")).unwrap_or("Podman");
        return Some(format!("a container ({})", engine.trim_matches('"')));
    }
    if std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() {
        return Some("a Kubernetes pod".to_owned());
    }
    // systemd's convention for everyone: the variable `container` of the first process
    // (systemd.io/CONTAINER_INTERFACE).
    let first = fs::read("/proc/1/environ").unwrap_or_default();
    let named =
        first.split(|&byte| byte == 0).find_map(|variable| variable.strip_prefix(b"container="))?;
    Some(format!("a container ({})", String::from_utf8_lossy(named)))
}

/// A kernel that only looks like Linux, or a processor that is emulated program by program: there
/// ptrace is missing or made up.
pub(crate) fn foreign() -> Option<Foreign> {
    let version = text("/proc/version");
    let runsc = || crate::process::file(1, "comm").starts_with(b"runsc");
    if version.contains("gVisor") || text("/proc/sys/kernel/version").contains("gVisor") || runsc()
    {
        return Some(Foreign {
            what: "this is gVisor, whose kernel has no PTRACE_GET_SYSCALL_INFO",
            fix: "run where the real Linux kernel is (the runc runtime)",
        });
    }
    if version.contains("Microsoft") && !version.contains("WSL2") {
        return Some(Foreign {
            what: "this is WSL 1, whose ptrace is not Linux's",
            fix: "wsl --set-version DISTRIBUTION 2",
        });
    }
    // Rosetta's processors say VirtualApple; user-mode qemu leaves itself as the interpreter of
    // this very program.
    let rosetta = text("/proc/cpuinfo").contains("VirtualApple");
    (rosetta || emulated()).then_some(Foreign {
        what: "programs for this architecture are emulated here (qemu-user or Rosetta), which has \
            no ptrace",
        fix: "use an image and a sysreel of the machine's own architecture",
    })
}

/// User-mode qemu answers a program that asks for /proc/self/exe itself, but not for the same link
/// in the folder of a thread: there the kernel names the emulator (qemu 7.2).
fn emulated() -> bool {
    let direct = fs::read_link(format!("/proc/{}/task/{0}/exe", std::process::id()));
    direct.is_ok_and(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("qemu-"))
    })
}

fn text(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}
