//! The numbers against the headers, by the C compiler.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use super::ALL;

#[test]
fn headers_agree() {
    let mut source = String::new();
    for (header, name, value) in ALL.iter().filter(|(header, ..)| !header.is_empty()) {
        // A header that is older than a constant lacks it; what is there must agree. Enumerators are no macros.
        let _ = write!(
            source,
            "#include <{header}>\n#ifdef {name}\n_Static_assert({name} == {value}ULL, \"{name}\");\n#endif\n"
        );
    }
    let compiler = Command::new("gcc")
        .args(["-fsyntax-only", "-xc", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut compiler) = compiler else {
        eprintln!("skipped: no gcc");
        return;
    };
    compiler.stdin.take().unwrap().write_all(source.as_bytes()).unwrap();
    let output = compiler.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("No such file or directory") {
        eprintln!("skipped: a header is missing: {said}");
        return;
    }
    assert!(output.status.success(), "{said}");
}
