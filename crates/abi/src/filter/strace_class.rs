//! What `-e trace=%CLASS` selects (strace(1)). The classes of the filter language are wider: they
//! are about subjects, where strace's are mostly about arguments.

use std::collections::BTreeSet;

use super::syntax::Expr;
use crate::desc::{ArgKind, CallKind, Classes, Row};
use crate::{number, places};

/// Returns the test for the calls of a class.
pub(super) fn calls(class: Classes) -> Expr {
    let rows = number::all_rows().filter(|(_, row)| contains(class, row));
    // The calls of several ABIs have the same names.
    let names: BTreeSet<&str> = rows.map(|(_, row)| row.name).collect();
    Expr::Or(names.into_iter().map(|name| Expr::Call(name.to_owned())).collect())
}

/// Whether strace counts a call among a class.
fn contains(class: Classes, row: &Row) -> bool {
    let is_of = |class| row.class.contains(class);
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| row.name.starts_with(prefix));
    let is = |names: &[&str]| names.contains(&row.name);
    match class {
        // "All system calls which take a file name as an argument", or return one.
        Classes::FILE => {
            let takes_path = row.args.iter().any(|arg| {
                let is_read = arg.mem.is_some_and(|mem| !mem.dir.comes_out());
                matches!(arg.kind, ArgKind::Path) && is_read
            });
            is_of(class) && (takes_path || places::returns_cwd(row) || row.name == "fsconfig")
        }
        // Sockets are a class of their own.
        Classes::DESC => {
            let is_socket = is_of(Classes::NETWORK) && row.name != "sendfile";
            is_of(class) && !is_socket && !is(&AIO) && row.name != "close_range"
        }
        // Creation, execution, termination.
        Classes::PROCESS => matches!(
            row.kind,
            CallKind::Fork
                | CallKind::Vfork
                | CallKind::Clone
                | CallKind::Clone3
                | CallKind::Exec
                | CallKind::Exit
                | CallKind::ExitGroup
                | CallKind::Wait
                | CallKind::Kill
        ),
        // Mappings, also those of AIO and io_uring.
        Classes::MEMORY => {
            let others = ["io_setup", "io_destroy", "io_uring_register"];
            let is_mapping = !starts(&["futex", "memfd_", "pkey_alloc", "pkey_free", "process_"])
                && !is(&["membarrier", "modify_ldt", "shmctl", "shmget", "userfaultfd"])
                && !is(&["get_thread_area", "set_thread_area"]);
            is_of(class) && is_mapping || is(&others)
        }
        // System V only.
        Classes::IPC => is_of(class) && starts(&["sem", "msg", "shm", "ipc"]),
        Classes::SIGNAL => {
            is_of(class) && !starts(&["alarm", "setitimer", "timer_"])
                || row.name == "io_uring_enter"
        }
        // Ids and capability sets.
        Classes::CREDS => {
            let others = ["add_key", "keyctl", "landlock_", "request_key", "seccomp"];
            is_of(class) && !starts(&others) || row.name == "prctl"
        }
        // What reads or sets a clock.
        Classes::CLOCK => {
            is_of(class)
                && !starts(&["alarm", "getitimer", "setitimer", "timer", "times", "nanosleep"])
                && !starts(&["clock_nanosleep", "sched_rr_"])
        }
        _ => is_of(class),
    }
}

/// AIO with a context instead of a descriptor.
const AIO: [&str; 6] =
    ["io_cancel", "io_destroy", "io_getevents", "io_pgetevents", "io_setup", "io_submit"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::Abi;
    use crate::number::row_named;

    /// The descriptions in strace(1), section "Filtering".
    #[test]
    fn classes_are_those_of_strace() {
        let has = |class, name: &str| contains(class, row_named(Abi::X86_64, name).unwrap());
        for (class, inside, outside) in [
            (
                Classes::FILE,
                "openat getcwd mount statx execve",
                "read fstat fchdir getdents64 sync",
            ),
            (Classes::DESC, "read openat sendfile epoll_wait mmap", "socket sendto io_submit"),
            (Classes::PROCESS, "clone3 execveat wait4 tgkill exit_group", "prctl getpid setsid"),
            (Classes::NETWORK, "socket sendto accept4", "read write"),
            (Classes::MEMORY, "mmap brk madvise io_setup", "futex memfd_create shmget"),
            (Classes::IPC, "shmget semop msgrcv", "futex pipe2 mq_open"),
            (Classes::SIGNAL, "rt_sigaction kill signalfd4", "alarm timer_create"),
            (Classes::CREDS, "setuid capset prctl", "keyctl seccomp"),
            (Classes::CLOCK, "clock_gettime adjtimex", "nanosleep timerfd_create times"),
        ] {
            for name in inside.split(' ') {
                assert!(has(class, name), "{name} in {:?}", class.names().next());
            }
            for name in outside.split(' ') {
                assert!(!has(class, name), "{name} not in {:?}", class.names().next());
            }
        }
    }
}
