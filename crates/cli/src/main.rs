//! sysreel, the flight recorder for Linux programs.
fn main() {}
