//! The table as a whole, against what others say about the same calls.

mod btf;
mod layout;
mod sweep;
mod table;
mod tracepoints;
