//! Signals: masks, actions, notification.

use linux_raw_sys::general::*;

use super::list;
use super::unpackaged::*;
// The package has it on some hosts only.
use super::unpackaged::SA_RESTORER;

list! { /// How sigprocmask changes the mask.
SIG_HOW "SIG_" 32: SIG_BLOCK SIG_UNBLOCK SIG_SETMASK }
list! { /// Flags of a signal action.
SA "SA_" 64:
SA_RESTORER SA_ONSTACK SA_RESTART SA_INTERRUPT SA_NODEFER SA_RESETHAND SA_SIGINFO SA_NOCLDSTOP
SA_NOCLDWAIT SA_UNSUPPORTED
SA_EXPOSE_TAGBITS }
list! { /// Flags of a signal stack.
SS "SS_" 32: SS_ONSTACK SS_DISABLE SS_AUTODISARM }
list! { /// Flags of signalfd4.
SIGNALFD "SFD_" 32: SFD_CLOEXEC SFD_NONBLOCK }
list! { /// How a timer or message queue notifies.
SIGEV "SIGEV_" 32: SIGEV_SIGNAL SIGEV_NONE SIGEV_THREAD SIGEV_THREAD_ID }
list! { /// Signals by number, without the real-time ones.
SIGNALS "SIG" 32:
SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL SIGUSR1 SIGSEGV SIGUSR2 SIGPIPE
SIGALRM SIGTERM
SIGSTKFLT SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGXCPU SIGXFSZ SIGVTALRM SIGPROF
SIGWINCH SIGIO
SIGPWR SIGSYS }
