//! What `record --replayable` changes and stores so that a log can be replayed (docs/replay.md). A
//! plain recording has no trace of it.
//!
//! [`Determinism`] is a hook of the engine (`hook`). `calls` vetoes calls and stores mapped files
//! (`contents`, `shared`, `changes`), and looks for instructions in them that no log can hold
//! (`text`, `unseen_text`). `partial` stores what failed calls wrote. `image` makes a new program
//! the same in every run and stores it. `signals` delivers signals where a replay can place them.
//! `state` records registers and checksums of memory. `thread_end` records the kernel's last
//! changes (`robust`: to the futexes that the task holds). `untrap` undoes what would make a task
//! fail without its recorder. `findings` says in the log why a replay is impossible, or may differ.
//!
//! [`Groups`] is another hook: it finds out which tasks can see each other's memory. Of each group
//! of such tasks, [`TurnScheduler`] lets one run at a time (`turns`), and preempts those that wait
//! in a loop (`spin_wait`).

mod calls;
mod changes;
mod contents;
mod findings;
mod groups;
mod hook;
mod image;
mod inject;
mod own_filter;
mod partial;
mod replayed;
mod robust;
mod scratch;
mod segv;
mod segv_action;
mod shared;
mod signals;
mod sparse;
mod spin_wait;
mod state;
mod state_check;
mod text;
mod thread_end;
mod time_stamps;
mod turns;
mod unseen;
mod unseen_text;
mod untrap;
mod writable;

pub(crate) use groups::Groups;
pub use hook::CHANGES;
pub(crate) use hook::Determinism;
pub(crate) use turns::TurnScheduler;
