//! Pseudo-terminals: a terminal for a command whose other end this process holds (pty(7)).

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

/// The number of columns and lines of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Characters in a line.
    pub columns: u16,
    /// Lines.
    pub lines: u16,
}

/// The other end of the terminal of a command. When it is dropped, the terminal hangs up.
#[derive(Debug)]
pub struct Pty {
    master: PtyMaster,
}

/// What can be done without waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ready {
    /// [`Pty::read`] returns at once.
    pub reads: bool,
    /// [`Pty::write`] takes something.
    pub writes: bool,
    /// The other descriptor can be read.
    pub woken: bool,
}

impl Pty {
    /// Starts a command with a terminal of its own: its standard input, output and error, and the
    /// controlling terminal of a new session. The signals that keys send are not ignored there, as
    /// they may be here: shells without job control ignore them in the background.
    ///
    /// # Errors
    /// The errno of opening a terminal or of starting the command.
    pub fn spawn(mut command: Command, size: Size) -> io::Result<(Pty, Child)> {
        let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
        let master = posix_openpt(flags)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let pty = Pty { master };
        pty.resize(size)?;
        let terminal = pty.terminal()?;
        command.stdin(terminal.try_clone()?).stdout(terminal.try_clone()?).stderr(terminal);
        // SAFETY: setsid(2), ioctl(2) and signal(2) are system calls that use no memory of this
        // process, so they may be made between fork and execve (signal-safety(7)).
        unsafe {
            command.pre_exec(|| {
                for signal in [libc::SIGINT, libc::SIGQUIT, libc::SIGTSTP] {
                    libc::signal(signal, libc::SIG_DFL);
                }
                match libc::setsid() != -1
                    && libc::ioctl(libc::STDIN_FILENO, libc::TIOCSCTTY, 0) == 0
                {
                    true => Ok(()),
                    false => Err(io::Error::last_os_error()),
                }
            });
        }
        let child = command.spawn()?;
        Ok((pty, child))
    }

    fn terminal(&self) -> io::Result<File> {
        let path = ptsname_r(&self.master)?;
        OpenOptions::new().read(true).write(true).custom_flags(libc::O_NOCTTY).open(path)
    }

    /// Tells the terminal its size. Programs in its foreground get SIGWINCH if it has changed.
    ///
    /// # Errors
    /// The errno of ioctl(2).
    pub fn resize(&self, size: Size) -> io::Result<()> {
        let size =
            libc::winsize { ws_row: size.lines, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 };
        // SAFETY: TIOCSWINSZ reads a winsize (ioctl_tty(2)).
        let result = unsafe { libc::ioctl(self.master.as_raw_fd(), libc::TIOCSWINSZ, &size) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// Waits until there is something to read, here or from `other`, and if `writes` until
    /// something can be written.
    ///
    /// # Errors
    /// The errno of poll(2).
    pub fn wait(&self, other: &impl AsFd, writes: bool) -> io::Result<Ready> {
        let wanted =
            if writes { PollFlags::POLLIN | PollFlags::POLLOUT } else { PollFlags::POLLIN };
        let mut fds = [
            PollFd::new(self.master.as_fd(), wanted),
            PollFd::new(other.as_fd(), PollFlags::POLLIN),
        ];
        loop {
            match poll(&mut fds, PollTimeout::NONE) {
                Err(Errno::EINTR) => {}
                result => {
                    result?;
                    break;
                }
            }
        }
        let flags = |fd: &PollFd<'_>| fd.revents().unwrap_or(PollFlags::empty());
        let (own, other) = (flags(&fds[0]), flags(&fds[1]));
        Ok(Ready {
            // A terminal that has hung up says so when it is read.
            reads: own.intersects(PollFlags::POLLIN | PollFlags::POLLHUP | PollFlags::POLLERR),
            writes: own.contains(PollFlags::POLLOUT),
            woken: !other.is_empty(),
        })
    }

    /// Reads what programs have written to their terminal. Does not wait.
    ///
    /// # Errors
    /// WouldBlock; EIO when no program has the terminal open any more.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.master.read(buffer)
    }

    /// Types bytes. Does not wait, and returns how many were taken.
    ///
    /// # Errors
    /// WouldBlock when the program does not read what was typed before.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.master.write(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    /// Reads until a text has come, or all that comes before the end if it is `None`.
    fn read_until(pty: &mut Pty, text: Option<&str>) -> String {
        let (other, _open) = UnixStream::pair().unwrap();
        let mut all = Vec::new();
        loop {
            let so_far = String::from_utf8_lossy(&all).into_owned();
            if text.is_some_and(|text| so_far.contains(text)) {
                return so_far;
            }
            assert!(pty.wait(&other, false).unwrap().reads);
            let mut buffer = [0; 512];
            match pty.read(&mut buffer) {
                Ok(count) if count > 0 => all.extend(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                end => {
                    assert!(text.is_none(), "{end:?} after {so_far:?}");
                    return so_far;
                }
            }
        }
    }

    fn shell(script: &str, columns: u16, lines: u16) -> (Pty, Child) {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Pty::spawn(command, Size { columns, lines }).unwrap()
    }

    #[test]
    fn a_command_has_a_terminal_with_a_size() {
        // Without a number, exit would have the status of the interrupted read.
        let script = "stty size; test -t 0 && test -t 1 && test -t 2 && echo all; \
            trap 'stty size; exit 0' WINCH; echo ready; \
            while read line; do echo \"got $line\"; done";
        let (mut pty, mut child) = shell(script, 91, 17);
        let begin = read_until(&mut pty, Some("ready"));
        assert!(begin.contains("17 91") && begin.contains("all"), "{begin:?}");
        assert_eq!(pty.write(b"one\r").unwrap(), 4);
        read_until(&mut pty, Some("got one"));
        pty.resize(Size { columns: 40, lines: 10 }).unwrap();
        // Some shells run the trap once they are done reading, others have ended by now.
        _ = pty.write(b"two\r");
        assert!(read_until(&mut pty, None).contains("10 40"));
        assert!(child.wait().unwrap().success());
    }

    #[test]
    fn dropping_it_hangs_up() {
        use std::os::unix::process::ExitStatusExt;
        let (mut pty, mut child) = shell("echo ready; cat", 80, 24);
        read_until(&mut pty, Some("ready"));
        drop(pty);
        assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGHUP));
    }

    /// A key of the terminal reaches the program: it is the controlling one.
    #[test]
    fn keys_send_signals() {
        use std::os::unix::process::ExitStatusExt;
        // SAFETY: nothing here handles it.
        unsafe { libc::signal(libc::SIGINT, libc::SIG_IGN) };
        // Not a child of the shell: a shell that is interrupted before it has one goes on.
        let (mut pty, mut child) = shell("echo ready; exec cat", 80, 24);
        read_until(&mut pty, Some("ready"));
        pty.write(b"\x03").unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGINT));
    }
}
