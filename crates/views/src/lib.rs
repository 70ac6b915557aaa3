//! Views answer questions about a log: where time went and what failed ([`mod@stat`]), who started
//! whom ([`mod@tree`]), which files were used ([`mod@files`]), with what programs began
//! ([`mod@env`], [`mod@maps`]), what went over the network ([`mod@net`]), which descriptors were
//! open ([`mod@fds`]), why a program hangs ([`mod@waits`]), and more.
//!
//! Each view is a module with an `Options`, a function that reads a log, and a result that
//! implements [`View`]: it is written as a table for people ([`View::write_text`]) or serialized as
//! JSON with a versioned schema ([`document`]). A view reads the log once, in order, through the
//! driver of calls of `sysreel_inspect`, and needs memory for what lives at one time and for its
//! result, whose size is limited. Damage is not an error: the
//! [`Findings`](sysreel_inspect::Findings) report what is missing.
//!
//! Nothing here knows a terminal. Text from a log is escaped by [`sysreel_inspect::visible`].

#![forbid(unsafe_code)]

mod bounded;
mod captured;
pub mod env;
mod environment;
pub mod fds;
pub mod files;
#[cfg(test)]
mod golden;
pub mod grep;
mod hexdump;
pub mod lint;
pub mod maps;
pub mod net;
pub mod nodes;
mod page;
mod pool;
#[cfg(test)]
mod schemas;
mod select;
pub mod shell;
pub mod show;
pub mod sockets;
pub mod stat;
pub mod stream;
mod table;
mod text;
mod touches;
pub mod tree;
mod view;
pub mod waits;

pub use bounded::Bounded;
pub use captured::{Program, Programs};
pub use environment::{Variable, Variables};
pub use page::Page;
pub use pool::{Bytes, BytesList, Pool};
pub use select::{Collect, Looker, Names, Needs, Select, collect, look};
pub use text::duration;
pub use view::{View, document};
