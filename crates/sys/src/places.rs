//! Detects the environment: the kind of container, and kernels that only look like Linux.

use std::fs;
use std::path::Path;

/// An environment in which tracing does not work.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Foreign {
    /// What it is.
    pub(crate) what: &'static str,
    /// What the user can do.
    pub(crate) fix: &'static str,
}

/// Returns the kind of container this process runs in, by the files and variables that container
/// engines leave.
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
    // systemd's convention: the environment variable `container` of process 1
    // (systemd.io/CONTAINER_INTERFACE).
    let first = fs::read("/proc/1/environ").unwrap_or_default();
    let named =
        first.split(|&byte| byte == 0).find_map(|variable| variable.strip_prefix(b"container="))?;
    Some(format!("a container ({})", String::from_utf8_lossy(named)))
}

/// Detects a kernel that only looks like Linux, and user-mode emulation of the processor. ptrace is
/// missing or incomplete there.
pub(crate) fn foreign() -> Option<Foreign> {
    let version = read_text("/proc/version");
    let runsc = || crate::process::file(1, "comm").starts_with(b"runsc");
    if version.contains("gVisor")
        || read_text("/proc/sys/kernel/version").contains("gVisor")
        || runsc()
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
    // Under Rosetta, cpuinfo names a VirtualApple processor. User-mode qemu shows as the executable
    // of this process.
    let rosetta = read_text("/proc/cpuinfo").contains("VirtualApple");
    (rosetta || is_qemu_user()).then_some(Foreign {
        what: "programs for this architecture are emulated here (qemu-user or Rosetta), which has \
            no ptrace",
        fix: "use an image and a sysreel of the machine's own architecture",
    })
}

/// User-mode qemu fakes /proc/self/exe, but not the same link in a thread's directory, where the
/// kernel names the emulator (qemu 7.2).
fn is_qemu_user() -> bool {
    let direct = fs::read_link(format!("/proc/{}/task/{0}/exe", std::process::id()));
    direct.is_ok_and(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("qemu-"))
    })
}

fn read_text(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}
