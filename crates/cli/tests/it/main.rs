//! One binary for all tests of the command line.
