//! Integration tests of the format crate, in one binary.

mod account;
mod build;
mod calls;
mod crash;
mod damage;
mod document;
mod failing_writer;
mod hostile;
mod reference_reader;
mod round_trip;
mod version;
mod zstd_tool;
