//! Mappings of files that other programs may truncate.
//!
//! An access after the end of the mapped file raises SIGBUS (mmap(2)). In a mapping registered
//! here, a page of zeros replaces the missing page and the mapping is marked as torn. SIGBUS at any
//! other address keeps its previous effect.

use crate::{Error, Result};
use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// The most mappings registered at a time: more than the tails of several recordings in one
/// process.
const PLACES: usize = 64;

/// A registered mapping. The handler reads it while other threads register and unregister theirs.
struct Place {
    /// The first address; 0 when the place is free.
    base: AtomicUsize,
    len: AtomicUsize,
    /// Whether a page was replaced.
    torn: AtomicBool,
}

static REGISTERED: [Place; PLACES] = [const {
    Place { base: AtomicUsize::new(0), len: AtomicUsize::new(0), torn: AtomicBool::new(false) }
}; PLACES];
static PAGE: AtomicUsize = AtomicUsize::new(0);
static BEFORE: Before = Before(UnsafeCell::new(MaybeUninit::uninit()));

/// The previous disposition of SIGBUS, for addresses outside of registered mappings.
struct Before(UnsafeCell<MaybeUninit<libc::sigaction>>);

// SAFETY: written once, under INSTALLED's lock, before the handler that reads it can run.
unsafe impl Sync for Before {}

/// A mapping's place in the table.
#[derive(Debug)]
pub(crate) struct Registered(usize);

impl Registered {
    /// Registers a mapping. The first call installs the handler.
    pub(crate) fn new(base: *mut u8, len: usize) -> Result<Registered> {
        static INSTALLED: Mutex<bool> = Mutex::new(false);
        // The lock also keeps two threads from taking the same place.
        let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
        if !*installed {
            install()?;
            *installed = true;
        }
        let free = REGISTERED.iter().position(|place| place.base.load(Ordering::Relaxed) == 0);
        let Some(at) = free else {
            return Err(Error::Unsupported(format!(
                "more than {PLACES} tail mappings in one process"
            )));
        };
        REGISTERED[at].torn.store(false, Ordering::Relaxed);
        REGISTERED[at].len.store(len, Ordering::Relaxed);
        REGISTERED[at].base.store(base as usize, Ordering::Release);
        Ok(Registered(at))
    }

    /// Whether a page of the mapping was missing when it was accessed.
    pub(crate) fn is_torn(&self) -> bool {
        REGISTERED[self.0].torn.load(Ordering::Relaxed)
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        REGISTERED[self.0].base.store(0, Ordering::Release);
    }
}

fn install() -> Result<()> {
    // SAFETY: sysconf(3) takes a number.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    PAGE.store(usize::try_from(page).unwrap_or(4096), Ordering::Relaxed);
    // SAFETY: zeroed is a valid sigaction; the handler is async-signal-safe (see there), and BEFORE
    // is written by the first of the two calls, before the second makes it reachable.
    unsafe {
        let before = (*BEFORE.0.get()).as_mut_ptr();
        crate::raw::check(libc::sigaction(libc::SIGBUS, std::ptr::null(), before))
            .map_err(|e| Error::io("sigaction", e))?;
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_bus_error
            as extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void)
            as libc::sighandler_t;
        // A fault outside of registered mappings may be a stack overflow: use the alternate stack
        // if there is one, as std does.
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        crate::raw::check(libc::sigaction(libc::SIGBUS, &action, std::ptr::null_mut()))
            .map_err(|e| Error::io("sigaction", e))?;
    }
    Ok(())
}

/// Async-signal-safe: reads atomics, calls mmap(2), sigaction(2) and raise(3), takes no lock and
/// does not allocate.
extern "C" fn on_bus_error(signal: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: with SA_SIGINFO the kernel passes a valid siginfo; si_addr is meaningful for SIGBUS
    // from a fault (si_code above 0).
    let (address, by_fault) = unsafe { ((*info).si_addr() as usize, (*info).si_code > 0) };
    if by_fault {
        for place in &REGISTERED {
            let base = place.base.load(Ordering::Acquire);
            let len = place.len.load(Ordering::Relaxed);
            if base != 0 && (base..base + len).contains(&address) && fill(address) {
                place.torn.store(true, Ordering::Relaxed);
                return;
            }
        }
    }
    // SAFETY: BEFORE was written before this handler was installed; the kernel's arguments are
    // passed on unchanged, and a disposition is a function of three arguments with SA_SIGINFO, of
    // one without (sigaction(2)).
    unsafe {
        let before = (*BEFORE.0.get()).assume_init_ref();
        match before.sa_sigaction {
            // A faulting instruction faults again on return; a sent signal must be raised again.
            libc::SIG_DFL | libc::SIG_IGN if by_fault => {
                libc::signal(signal, libc::SIG_DFL);
            }
            libc::SIG_DFL => {
                libc::signal(signal, libc::SIG_DFL);
                libc::raise(signal);
            }
            libc::SIG_IGN => {}
            handler if before.sa_flags & libc::SA_SIGINFO != 0 => {
                let handler: extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void) =
                    std::mem::transmute(handler);
                handler(signal, info, context);
            }
            handler => {
                let handler: extern "C" fn(i32) = std::mem::transmute(handler);
                handler(signal);
            }
        }
    }
}

/// Maps zeros over the page of that address.
fn fill(address: usize) -> bool {
    let page = PAGE.load(Ordering::Relaxed);
    // SAFETY: the page belongs to a registered mapping, which its owner unmaps only after
    // unregistering; mmap(2) is a plain system call. errno belongs to the interrupted code and is
    // restored.
    unsafe {
        let errno = *libc::__errno_location();
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
        let mapped = libc::mmap(
            (address & !(page - 1)) as *mut libc::c_void,
            page,
            protection,
            flags,
            -1,
            0,
        );
        *libc::__errno_location() = errno;
        mapped != libc::MAP_FAILED
    }
}

#[cfg(test)]
mod tests {
    use crate::SharedMapping;

    #[test]
    fn a_truncated_file_leaves_zeros() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(8 * 4096).unwrap();
        let mut mapping = SharedMapping::map_file(&file, 4096, 4 * 4096).unwrap();
        mapping.bytes_mut().fill(7);
        assert!(!mapping.is_torn());
        file.set_len(2 * 4096).unwrap();
        assert_eq!(mapping.bytes()[4095], 7, "what the file still has stays");
        assert!(!mapping.is_torn());
        // One page is read, another one written.
        assert_eq!(mapping.bytes()[4096], 0);
        assert!(mapping.is_torn());
        mapping.bytes_mut()[3 * 4096] = 9;
        assert_eq!(mapping.bytes()[3 * 4096..][..2], [9, 0]);
        assert_eq!(file.metadata().unwrap().len(), 2 * 4096);
        // The next mapping at this place in the table is not torn.
        drop(mapping);
        let mapping = SharedMapping::map_file(&file, 0, 4096).unwrap();
        assert!(!mapping.is_torn() && mapping.bytes()[0] == 0);
    }

    #[test]
    fn any_other_bus_error_kills() {
        use std::os::unix::process::ExitStatusExt;
        const ASKED: &str = "SYSREEL_TEST_BUS_ERROR";
        if let Some(how) = std::env::var_os(ASKED) {
            let file = tempfile::tempfile().unwrap();
            file.set_len(4096).unwrap();
            let _registered = SharedMapping::map_file(&file, 0, 4096).unwrap();
            if how == "sent" {
                // The previous handler, that of the standard library, takes the first for a fault
                // that will recur.
                for _ in 0..2 {
                    nix::sys::signal::raise(nix::sys::signal::Signal::SIGBUS).unwrap();
                }
            } else {
                let other = tempfile::tempfile().unwrap();
                // SAFETY: a new mapping of an empty file (mmap(2)); the access is meant to fault.
                unsafe {
                    let at = libc::mmap(
                        std::ptr::null_mut(),
                        4096,
                        libc::PROT_READ,
                        libc::MAP_SHARED,
                        std::os::fd::AsRawFd::as_raw_fd(&other),
                        0,
                    );
                    std::ptr::read_volatile(at.cast::<u8>());
                }
            }
            std::process::exit(0);
        }
        for how in ["sent", "fault"] {
            let status = std::process::Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "holes::tests::any_other_bus_error_kills", "--nocapture"])
                .env(ASKED, how)
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::null())
                .status()
                .unwrap();
            assert_eq!(status.signal(), Some(libc::SIGBUS), "{how}");
        }
    }
}
