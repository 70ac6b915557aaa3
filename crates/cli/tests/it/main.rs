//! One binary for all tests of the command line.

mod attach;
mod attaching;
mod attaching_signals;
mod claims;
mod coverage;
mod crash;
mod doctor;
mod errors;
mod fixtures;
mod golden;
mod matcher;
mod matcher_cases;
mod only;
mod oracle;
mod program;
mod reading;
mod session;
mod stage;
mod statement_cases;
mod statements;
mod stops;
mod structs_only;
mod synthetic;
mod thread_storm;
mod transparency;
mod volume;
