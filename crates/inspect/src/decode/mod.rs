//! Turns the arguments and the result of a call into text.
//!
//! The row of the table (`sysreel_abi`) says what each argument is and how long its memory is; the
//! files here say how each kind of it looks. A call is written in three steps:
//!
//! 1. [`begin`] (`form.rs`) writes the arguments that are known at the entry stop, and returns how
//!    far it came.
//! 2. [`finish`] (`form.rs`) writes the others at the exit stop.
//! 3. [`outcome()`] (`outcome.rs`) writes what follows `= `.
//!
//! `argument.rs` writes one argument: a register by its kind (`value.rs`), memory by what it holds
//! (`string.rs`, `layouts.rs`, one file for each family of structures). All of them see the call
//! through a `View` (`view.rs`) and append to a `String`. There are no circles: `form` uses
//! `argument`, that uses `layouts` and the families, and these use `value`, `view`, `out` and
//! `fields`.

mod address;
mod aio;
mod argument;
mod bpf;
mod bpf_commands;
mod call;
mod callsign;
mod chunk;
mod classic_bpf;
mod control;
mod endpoint;
mod errno;
mod fields;
mod file;
mod form;
mod fsconfig;
mod futex;
mod inet;
mod io_uring;
mod io_uring_register;
mod ioctl;
mod iovec;
mod ipc;
mod keys;
mod layouts;
mod machine;
mod members;
mod netlink;
mod out;
mod outcome;
mod parts;
mod perf;
mod poll;
mod prctl;
mod process;
mod quota;
mod rare_families;
mod ready;
mod shape;
mod signal;
mod signal_set;
mod socket;
mod sockopt;
mod special_case;
mod stat;
mod string;
mod structures;
mod syslog;
mod time;
mod traced;
mod value;
mod view;

pub(crate) use fields::Fields;
pub(crate) use form::{DONE, begin, finish, one, unknown_arguments};
pub(crate) use outcome::{outcome, unknown_outcome};
pub(crate) use signal::siginfo;
pub(crate) use value::signal as signal_name;
pub(crate) use view::View;
