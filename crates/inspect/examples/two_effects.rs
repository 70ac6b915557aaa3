//! Prints the effects that only one of two logs has: `two_effects LOG LOG`.

use sysreel_inspect::diff::{Level, Options, read};
use sysreel_inspect::open;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let logs: Vec<_> = std::env::args_os().skip(1).collect();
    let [a, b] = &logs[..] else { return Err("usage: two_effects LOG LOG".into()) };
    let effects = |log: &std::ffi::OsString| -> Result<_, sysreel_inspect::Error> {
        Ok(read(&open(log.as_ref())?, Level::Effects, &Options::default())?.effects())
    };
    let (a, b) = (effects(a)?, effects(b)?);
    for effect in a.keys().filter(|effect| !b.contains_key(effect)) {
        println!("- {effect}");
    }
    for effect in b.keys().filter(|effect| !a.contains_key(effect)) {
        println!("+ {effect}");
    }
    Ok(())
}
