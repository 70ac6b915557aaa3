//! Tests of the whole table against other sources.

mod btf;
mod layout;
mod sweep;
mod table;
mod tracepoints;
