//! Tests of the whole table against other sources.

mod btf;
mod fast;
mod layout;
mod sweep;
mod table;
mod tracepoints;

/// Says that a test could not run. The test harness captures print macros and not the stream.
fn skipped(why: &str) {
    use std::io::Write;
    drop(writeln!(std::io::stderr(), "skipped: {why}"));
}

/// Skips the test because a program is missing. With REQUIRE_TOOLS, fails it.
fn no_tool(name: &str) {
    assert!(std::env::var_os("REQUIRE_TOOLS").is_none(), "no {name}");
    skipped(&format!("no {name}"));
}
