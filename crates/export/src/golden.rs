//! Text formats of committed logs: `UPDATE_EXPECT=1 cargo test -p sysreel-export golden` writes
//! crates/export/golden.

use std::path::Path;

use crate::testing::text;

/// Name of the file, format, logs, filter.
const CASES: &[(&str, &str, &[&str], Option<&str>)] = &[
    ("signal_kinds.ndjson", "ndjson", &["signal_kinds"], Some("event < 60")),
    ("attach_and_exec.ndjson", "ndjson", &["attach_read", "exec_arch"], None),
    ("unknown.ndjson", "ndjson", &["synthetic_unknown"], None),
    ("calls.csv", "csv", &["synthetic_calls", "int80_mixed"], Some("event < 20")),
    ("exec_arch.strace", "strace", &["exec_arch"], None),
    ("exec_arch.trace.json", "chrome", &["exec_arch"], None),
    ("attach_and_exec.folded", "folded", &["attach_read", "exec_arch"], None),
    ("attach_read.speedscope.json", "speedscope", &["attach_read"], None),
    ("exec_arch.dot", "dot", &["exec_arch"], None),
    ("several.seccomp.json", "seccomp", &["exec_arch", "int80_mixed", "synthetic_unknown"], None),
    ("several.sh", "bwrap", &["exec_arch", "attach_read"], None),
    ("several.landlock.json", "landlock", &["exec_arch", "attach_read"], None),
    ("several.conf", "systemd", &["exec_arch", "int80_mixed", "synthetic_unknown"], None),
];

#[test]
fn text_formats_of_committed_logs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    for (name, format, logs, filter) in CASES {
        expect_test::expect_file![folder.join(name)].assert_eq(&text(format, logs, *filter));
    }
}
