//! Starts a program that is traced from its execve on and does not notice the recorder.
//!
//! The child of fork(2) waits on a pipe until it is seized, makes one system call for [`probe`] to
//! check that tracing works, undoes what the recorder's own start changed (signal mask, SIGPIPE,
//! closed descriptors), and stops itself with SIGSTOP. [`Tracer::spawn`] returns that stop; the
//! next call is the execve. A second pipe reports why the execve failed.

use crate::raw::check;
use crate::seccomp::Filter;
use crate::{
    Error, Report, Result, Resume, Signal, Stop, StopKind, Tid, Tracer, front, probe, signals,
    startup,
};
use std::ffi::{CStr, CString, OsStr, OsString};
use std::io::{self, Read};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A forked program that is stopped right before its execve.
#[derive(Debug)]
pub struct Spawned {
    /// The signal stop. When it is resumed with no signal to the next syscall, the next stop is the
    /// entry of execve.
    ///
    /// The program dies with its tracer until [`Tracer::clear_exitkill`] is called, so a recording
    /// that fails to start leaves no unrecorded program running.
    pub stop: Stop,
    /// Reports whether and why the execve failed.
    pub outcome: ExecOutcome,
    /// The largest struct, in bytes, that PTRACE_GET_SYSCALL_INFO reported for the child.
    pub info_size: u32,
}

/// The placement of a program's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Chosen by the kernel.
    AsUsual,
    /// The same in every run: without address space randomization (personality(2)).
    Fixed,
}

/// Returns the current persona and changes nothing (personality(2)).
const QUERY_PERSONALITY: libc::c_ulong = 0xffff_ffff;

/// The child's report about its execve: an errno in a pipe, which a successful execve closes
/// (close-on-exec).
#[derive(Debug)]
pub struct ExecOutcome {
    pipe: std::fs::File,
    program: PathBuf,
}

impl ExecOutcome {
    /// Returns why the execve failed, or `None` when it did not. Call it when the child has ended;
    /// before, it may block.
    pub fn failure(mut self) -> Option<Error> {
        let source = self.read_errno()?;
        Some(Error::Exec { program: self.program, source })
    }

    /// The error for a child that ended before its execve. The only step before it that reports an
    /// errno is the installation of the filter.
    fn early_end(mut self, pid: Tid) -> Error {
        match self.read_errno() {
            Some(source) => Error::io("seccomp(2): a filter for the program", source),
            None => {
                Error::Unsupported(format!("the child {pid} ended before its program was started"))
            }
        }
    }

    fn read_errno(&mut self) -> Option<io::Error> {
        let mut errno = [0; 4];
        self.pipe.read_exact(&mut errno).ok()?;
        Some(io::Error::from_raw_os_error(i32::from_ne_bytes(errno)))
    }
}

impl Tracer {
    /// Forks `argv[0]`, searched for as execvp(3) does, and stops it before its execve, with
    /// `filter` installed and its memory placed as `layout` says. Checks with the child that
    /// tracing works, as [`probe::check_tracing`] does.
    ///
    /// # Errors
    /// When the program is not found ([`Error::Exec`]), fork(2) or pipe(2) fails, the child cannot
    /// be traced ([`Error::NoTracing`]), or it ends before its execve.
    pub fn spawn(
        &self,
        argv: &[OsString],
        environment: Option<&[OsString]>,
        filter: Option<&Filter>,
        layout: Layout,
    ) -> Result<Spawned> {
        let program = argv.first().map(PathBuf::from).unwrap_or_default();
        let exec = |source| Error::Exec { program: program.clone(), source };
        let path = find(&program).map_err(exec)?;
        let image = Image::new(&path, argv, environment).map_err(exec)?;
        let start_pipe = probe::pipe()?;
        let errno_pipe = probe::pipe()?;

        let child = Child {
            image: &image,
            start_pipe: [start_pipe.0.as_raw_fd(), start_pipe.1.as_raw_fd()],
            errno_pipe: errno_pipe.1.as_raw_fd(),
            filter,
            layout,
        };
        let forked = if self.is_among_others() { child.fork_elsewhere() } else { child.fork() };
        let pid = forked.map_err(|e| Error::io("fork", e))?;
        drop((start_pipe.0, errno_pipe.1));
        self.seize_with_exitkill(pid).map_err(|error| probe::refused(pid, &error))?;
        probe::allow_start(&start_pipe.1)?;
        let (examined, info_size) = probe::examine(self, pid)?;
        examined.resume(Resume::Freely, Signal::NONE);
        let outcome = ExecOutcome { pipe: errno_pipe.0.into(), program };
        match self.wait_for_exec_stop(pid)? {
            Some(stop) => Ok(Spawned { stop, outcome, info_size }),
            None => Err(outcome.early_end(pid)),
        }
    }

    fn wait_for_exec_stop(&self, pid: Tid) -> Result<Option<Stop>> {
        let mut held_back = Vec::new();
        loop {
            match self.wait_for(pid)? {
                Report::Stopped(stop) if stop.kind() == StopKind::Signal(Signal(libc::SIGSTOP)) => {
                    for (signal, siginfo) in held_back {
                        signals::send_again(pid, pid, signal, &siginfo);
                    }
                    return Ok(Some(stop));
                }
                // Ctrl-Z during startup is held back until a stop of the program would be noticed.
                Report::Stopped(stop) if front::is_job_control_stop(stop.kind()) => {
                    if let (StopKind::Signal(signal), Ok(Some(siginfo))) =
                        (stop.kind(), stop.siginfo())
                    {
                        held_back.push((signal, siginfo));
                    }
                    stop.resume(Resume::Freely, Signal::NONE);
                }
                // A signal from outside that arrives during startup belongs to the program.
                Report::Stopped(stop) => match stop.kind() {
                    StopKind::Signal(signal) => stop.resume(Resume::Freely, signal),
                    StopKind::Group(_) => stop.listen(),
                    _ => stop.resume(Resume::Freely, Signal::NONE),
                },
                _ => return Ok(None),
            }
        }
    }
}

/// The child of a fork.
#[derive(Clone, Copy)]
struct Child<'a> {
    image: &'a Image,
    start_pipe: [RawFd; 2],
    errno_pipe: RawFd,
    filter: Option<&'a Filter>,
    layout: Layout,
}

impl Child<'_> {
    fn fork(&self) -> io::Result<Tid> {
        // SAFETY: until execve or _exit the child calls only async-signal-safe functions
        // (`Image::run`), as fork(2) requires in a process with several threads.
        let pid = check(unsafe { libc::fork() })?;
        if pid == 0 {
            self.image.run(self.start_pipe, self.errno_pipe, self.filter, self.layout);
        }
        Ok(pid)
    }

    /// Forks in a thread that lives as long as this process and never waits. The kernel reports the
    /// stops of a child also to the thread that forked it, when another thread of the same process
    /// traces it (kernel/exit.c, `wait_consider_task`; Linux 6.18).
    fn fork_elsewhere(&self) -> io::Result<Tid> {
        /// The address of a [`Child`], for another thread.
        struct Address(usize);
        let (to_us, from_parent) = std::sync::mpsc::channel();
        let address = Address((&raw const *self).expose_provenance());
        std::thread::Builder::new().name("parent".into()).spawn(move || {
            // SAFETY: the calling thread waits below for the result, and this thread does not use
            // the value after it has sent that. It is only read.
            let child = unsafe { &*std::ptr::with_exposed_provenance::<Child<'_>>(address.0) };
            let forked = child.fork();
            // The child has inherited the mask. This thread must not take signals from those that
            // handle them.
            signals::block_all();
            _ = to_us.send(forked);
            loop {
                std::thread::park();
            }
        })?;
        from_parent.recv().unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))
    }
}

/// What the child needs, allocated before the fork.
struct Image {
    path: CString,
    /// Own the strings that the pointers below refer to.
    _argv: Vec<CString>,
    _environment: Vec<CString>,
    arguments: Vec<*const libc::c_char>,
    /// `None`: inherited from this process.
    environment: Option<Vec<*const libc::c_char>>,
    /// The arguments of /bin/sh, which execvp(3) runs for a file of unknown format.
    script: Vec<*const libc::c_char>,
}

const SHELL: &CStr = c"/bin/sh";

impl Image {
    fn new(path: &Path, argv: &[OsString], environment: Option<&[OsString]>) -> io::Result<Image> {
        let c_string = |s: &OsStr| CString::new(s.as_bytes()).map_err(io::Error::from);
        let path = c_string(path.as_os_str())?;
        let c_strings =
            |words: &[OsString]| words.iter().map(|a| c_string(a)).collect::<io::Result<Vec<_>>>();
        let (argv, entries) = (c_strings(argv)?, c_strings(environment.unwrap_or_default())?);
        let null = [std::ptr::null()];
        let pointers =
            |c_strings: &[CString]| c_strings.iter().map(|a| a.as_ptr()).chain(null).collect();
        let (arguments, pairs) = (pointers(&argv), pointers(&entries));
        let script = [SHELL.as_ptr(), path.as_ptr()]
            .into_iter()
            .chain(argv.iter().skip(1).map(|a| a.as_ptr()))
            .chain(null)
            .collect();
        let environment = environment.map(|_| pairs);
        Ok(Image { path, _argv: argv, _environment: entries, arguments, environment, script })
    }

    /// Runs in the child, up to its execve. Never returns.
    fn run(
        &self,
        start_pipe: [RawFd; 2],
        errno_pipe: RawFd,
        filter: Option<&Filter>,
        layout: Layout,
    ) -> ! {
        // SAFETY: only async-signal-safe calls (signal-safety(7)), with pointers into `self`, which
        // outlives them.
        unsafe {
            let fail = |errno: i32| {
                let errno = errno.to_ne_bytes();
                libc::write(errno_pipe, errno.as_ptr().cast(), errno.len());
                libc::_exit(127)
            };
            // The write end must be open in the recorder only, so that its death closes the pipe.
            libc::close(start_pipe[1]);
            if !probe::wait_for_start(start_pipe[0]) {
                libc::_exit(125); // The recorder died: the program must not start unrecorded.
            }
            probe::be_examined();
            front::restore_mask();
            if !startup::sigpipe_was_ignored() {
                libc::signal(libc::SIGPIPE, libc::SIG_DFL);
            }
            for fd in 0..3 {
                if startup::was_closed(fd) {
                    libc::close(i32::try_from(fd).unwrap_or(-1));
                }
            }
            if layout == Layout::Fixed {
                let personality = libc::personality(QUERY_PERSONALITY);
                libc::personality((personality | libc::ADDR_NO_RANDOMIZE) as libc::c_ulong);
            }
            if let Some(Err(errno)) = filter.map(Filter::install) {
                fail(errno);
            }
            // The tracer waits for this stop; the next call is the execve.
            libc::kill(libc::getpid(), libc::SIGSTOP);
            let environment = self.environment.as_ref().map_or(environ, Vec::as_ptr);
            libc::execve(self.path.as_ptr(), self.arguments.as_ptr(), environment);
            if *libc::__errno_location() == libc::ENOEXEC {
                libc::execve(SHELL.as_ptr(), self.script.as_ptr(), environment);
            }
            fail(*libc::__errno_location())
        }
    }
}

unsafe extern "C" {
    /// The environment of the C library (environ(7)).
    static environ: *const *const libc::c_char;
}

/// Finds the file that execvp(3) would run: a name with a slash is used as it is, others are
/// searched along PATH.
fn find(program: &Path) -> io::Result<PathBuf> {
    let bytes = program.as_os_str().as_bytes();
    if bytes.is_empty() {
        return Err(io::Error::from_raw_os_error(libc::ENOENT));
    }
    if bytes.contains(&b'/') {
        return std::fs::metadata(program).map(|_| program.to_owned());
    }
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/bin:/usr/bin".into());
    let mut refused = None;
    for folder in std::env::split_paths(&path) {
        // An empty element of PATH is the current directory.
        let candidate = if folder.as_os_str().is_empty() {
            Path::new(".").join(program)
        } else {
            folder.join(program)
        };
        match std::fs::metadata(&candidate) {
            Ok(data) if data.is_file() && executable(&candidate) => return Ok(candidate),
            Ok(data) if data.is_file() => refused = Some(libc::EACCES),
            Err(error) if error.raw_os_error() == Some(libc::EACCES) => {
                refused = Some(libc::EACCES)
            }
            _ => {}
        }
    }
    Err(io::Error::from_raw_os_error(refused.unwrap_or(libc::ENOENT)))
}

fn executable(path: &Path) -> bool {
    // SAFETY: access(2) reads one C string.
    CString::new(path.as_os_str().as_bytes())
        .is_ok_and(|path| unsafe { libc::access(path.as_ptr(), libc::X_OK) == 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_as_execvp_finds_them() {
        assert_eq!(find(Path::new("/bin/sh")).unwrap(), Path::new("/bin/sh"));
        assert!(find(Path::new("sh")).unwrap().is_absolute());
        assert_eq!(
            find(Path::new("no such program")).unwrap_err().raw_os_error(),
            Some(libc::ENOENT)
        );
        assert_eq!(find(Path::new("")).unwrap_err().raw_os_error(), Some(libc::ENOENT));
    }
}
