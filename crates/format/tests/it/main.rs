//! The format crate, from outside: one binary.

mod build;
mod round_trip;
