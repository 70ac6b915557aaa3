//! One binary for all tests of the command line.

mod attach;
mod claims;
mod fixtures;
mod golden;
mod matcher;
mod matcher_cases;
mod program;
mod reading;
mod session;
mod statements;
mod stops;
mod synthetic;
