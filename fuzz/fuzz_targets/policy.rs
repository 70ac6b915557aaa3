//! Reads a policy.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::Path;
use sysreel_inspect::diff::policy::{Lookup, Policy};

fuzz_target!(|input: &str| {
    let variable = |name: &str| (name == "HOME").then(|| "/h".into());
    let lookup = Lookup { folder: Path::new("/policies"), variable: &variable };
    if let Err(error) = Policy::parse(Path::new("sysreel.toml"), input, &lookup) {
        _ = error.to_string();
    }
});
