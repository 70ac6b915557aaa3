//! The engine under a kernel that follows a script. Each case is a log, what the kernel does, and
//! what comes of it: the operations, or the difference, or the refusal.

mod address_space;
mod calls;
mod exits;
mod fake;
mod log;
mod mappings;
mod parts;
mod signals;
mod story;
mod tasks;
