//! Compares two logs on the closest level: the length of the first (u32), it, and the second.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sysreel_fuzz::{LogFile, pack};
use sysreel_inspect::diff::format::Format;
use sysreel_inspect::diff::{Level, Options, Severity, Verdict, compare, read_both};
use sysreel_inspect::open;

fuzz_target!(|input: &[u8]| {
    let Some((len, rest)) = input.split_first_chunk() else { return };
    let len = u32::from_le_bytes(*len) as usize;
    let (a, b) = rest.split_at(len.min(rest.len()));
    let files = [a, b].map(|bytes| LogFile::new(&pack(bytes)));
    let (Ok(a), Ok(b)) = (open(&files[0].path()), open(&files[1].path())) else { return };
    let options = Options { level: Level::Fields, allow_env_drift: true, ..Options::default() };
    let Ok([mut a, mut b]) = read_both(a, b, &options) else { return };
    let verdict = Verdict::new(compare(&mut a, &mut b, &options), Severity::Note);
    for format in [Format::Text, Format::Json, Format::Markdown, Format::Junit] {
        _ = format.write(&verdict, &mut std::io::sink());
    }
});
