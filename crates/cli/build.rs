//! Links the binary at a fixed address.
//!
//! sysreel has tables with tens of thousands of pointers, which the dynamic linker would relocate
//! at each start: a sixth of the time that recording a short program takes. The rest of the address
//! space (heap, stack, libraries) is random as ever.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let of_target = |name: &str| env::var(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
    // A static executable begins with other objects (crt1.o), which rustc chooses.
    let is_static = of_target("FEATURE").split(',').any(|feature| feature == "crt-static");
    if of_target("OS") == "linux" && of_target("ENV") == "gnu" && !is_static {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
