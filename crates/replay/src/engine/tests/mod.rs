//! The engine under a kernel that follows a script. Each case is a log, what the kernel does, and
//! what comes of it: the operations, or the difference, or the refusal.

mod address_space;
mod calls;
mod ends;
mod exits;
mod fake;
mod ids;
mod limits;
mod log;
mod mappings;
mod parts;
mod places;
mod seen;
mod signals;
mod story;
mod tasks;
mod world;
