//! fixtures/abi: the running kernel's description of its system calls, for the tests of the table.

use anyhow::{Context, Result, ensure};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::Uid;
use std::fs;
use std::path::{Path, PathBuf};

/// The mount point of tracefs (kernel documentation, trace/ftrace).
const TRACEFS: &str = "/sys/kernel/tracing";
/// The prefix of the entry tracepoints' folders.
const ENTRY: &str = "sys_enter_";

/// Writes fixtures/abi/ARCH-linux-VERSION.txt.
pub(crate) fn run(root: &Path) -> Result<()> {
    let events = tracepoints()?;
    let release =
        fs::read_to_string("/proc/sys/kernel/osrelease").context("the kernel's release")?;
    let path = root.join("fixtures/abi").join(file_name(std::env::consts::ARCH, &release));
    let mut calls = Vec::new();
    for entry in fs::read_dir(&events).with_context(|| events.display().to_string())? {
        let entry = entry?;
        if let Some(name) = entry.file_name().to_str().and_then(|name| name.strip_prefix(ENTRY)) {
            let format = entry.path().join("format");
            let format =
                fs::read_to_string(&format).with_context(|| format.display().to_string())?;
            calls.push(prototype(name, &format));
        }
    }
    ensure!(
        !calls.is_empty(),
        "the kernel has no tracepoints of system calls: CONFIG_FTRACE_SYSCALLS is off"
    );
    calls.sort_unstable();
    let text = format!("{}{}\n", head(std::env::consts::ARCH, &release), calls.join("\n"));
    fs::write(&path, text).with_context(|| path.display().to_string())?;
    println!("{}: {} calls", path.display(), calls.len());
    Ok(())
}

/// Returns the folder of the tracepoints. If tracefs is not mounted, mounts it for this process
/// alone.
fn tracepoints() -> Result<PathBuf> {
    let events = Path::new(TRACEFS).join("events/syscalls");
    if !events.is_dir() && Uid::effective().is_root() {
        unshare(CloneFlags::CLONE_NEWNS).context("a mount namespace of our own")?;
        // New mounts must not be visible outside (mount_namespaces(7)).
        let none: Option<&str> = None;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)
            .context("making mounts private")?;
        mount(Some("tracefs"), TRACEFS, Some("tracefs"), MsFlags::empty(), none)
            .with_context(|| format!("mounting tracefs at {TRACEFS}"))?;
    }
    ensure!(
        events.is_dir(),
        "{} cannot be read: run as root, on a kernel with CONFIG_FTRACE_SYSCALLS",
        events.display()
    );
    Ok(events)
}

/// Returns the release without the suffix of a distribution: 6.18.44.
fn version(release: &str) -> &str {
    release.trim().split(|c: char| c != '.' && !c.is_ascii_digit()).next().unwrap_or("")
}

fn file_name(arch: &str, release: &str) -> String {
    let numbers: Vec<&str> = version(release).split('.').take(2).collect();
    format!("{arch}-linux-{}.txt", numbers.join("."))
}

fn head(arch: &str, release: &str) -> String {
    format!(
        "# The kernel's own account of its system calls: the tracepoint formats of Linux {}, {},\n\
         # {TRACEFS}/events/syscalls/sys_enter_*/format, one line per call: name(type argument, ...).\n\
         # Calls without a tracepoint (compiled out, or with assembly entries) are absent. Names are those of the\n\
         # functions in the kernel, e.g. newstat for stat. crates/abi/tests/it/tracepoints.rs compares the table with it.\n",
        version(release),
        arch.replace('_', "-"),
    )
}

/// Returns one line from the format of a call's entry: the fields after the call's number are its
/// arguments.
fn prototype(name: &str, format: &str) -> String {
    let args: Vec<String> = format
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("field:")?.split(';').next())
        .skip_while(|field| *field != "int __syscall_nr")
        .skip(1)
        // Newer kernels also trace the strings that arguments point to, which are not arguments.
        .filter(|field| !field.starts_with("__data_loc"))
        // The kernel's macros add blanks: `char *const * argv`, `void * * pages`.
        .map(|field| field.replace("* *", "**").replace(" * ", "* ").replace(" *const", "* const"))
        .collect();
    format!("{name}({})", args.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_becomes_a_prototype() {
        let format = "name: sys_enter_bind\nID: 2236\nformat:\n\
            \tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\
            \n\
            \tfield:int __syscall_nr;\toffset:8;\tsize:4;\tsigned:1;\n\
            \tfield:int fd;\toffset:16;\tsize:8;\tsigned:0;\n\
            \tfield:struct sockaddr * umyaddr;\toffset:24;\tsize:8;\tsigned:0;\n\
            \tfield:char *const * names;\toffset:32;\tsize:8;\tsigned:0;\n\
            \tfield:__data_loc char[] __umyaddr_val;\toffset:40;\tsize:4;\tsigned:0;\n\
            \n\
            print fmt: \"fd: 0x%08lx\", ((unsigned long)(REC->fd))\n";
        assert_eq!(
            prototype("bind", format),
            "bind(int fd, struct sockaddr* umyaddr, char* const* names)"
        );
        assert_eq!(
            prototype(
                "fork",
                "field:int common_pid;\n\nfield:int __syscall_nr;\n\nprint fmt: \"\"\n"
            ),
            "fork()"
        );
    }

    #[test]
    fn names_have_no_more_than_the_release() {
        assert_eq!(file_name("x86_64", "6.18.44-fc-v669\n"), "x86_64-linux-6.18.txt");
        assert_eq!(file_name("aarch64", "7.0-rc1"), "aarch64-linux-7.0.txt");
        assert!(head("x86_64", "6.18.44-fc\n").contains("Linux 6.18.44, x86-64,"));
    }
}
