//! The format crate, from outside: one binary.

mod account;
mod build;
mod crash;
mod damage;
mod failing_writer;
mod hostile;
mod round_trip;
mod version;
