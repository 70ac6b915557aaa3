//! `bwrap`: a script that runs a command in a sandbox of bubblewrap, bwrap(1).

use std::io::{self, Write};

use sysreel_views::shell::command_line;

use crate::grants::Grants;

/// The names of the program interpreters of x86, which executables have and no call names. What a
/// log has is where the name leads to.
const INTERPRETERS: [&str; 4] = [
    "/lib/ld-linux.so.2",
    "/lib/ld-musl-i386.so.1",
    "/lib/ld-musl-x86_64.so.1",
    "/lib64/ld-linux-x86-64.so.2",
];

/// Writes the script.
pub(crate) fn write(grants: &Grants, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "#!/bin/sh")?;
    writeln!(out, "# What these logs used: {}", grants.logs.join(", "))?;
    writeln!(out, "set -- \\")?;
    writeln!(out, "    --die-with-parent --unshare-all \\")?;
    if grants.network {
        writeln!(out, "    --share-net \\")?;
    }
    if grants.paths.values().any(|grant| grant.execute) {
        for name in INTERPRETERS {
            writeln!(out, "    --ro-bind-try {name} {name} \\")?;
        }
    }
    for (path, grant) in &grants.paths {
        let words = match path.as_str() {
            "/proc" => vec!["--proc", "/proc"],
            "/dev" => vec!["--dev", "/dev"],
            // Nothing else tells whether what was written was there before the run.
            path if grant.write => vec!["--bind-try", path, path],
            path => vec!["--ro-bind-try", path, path],
        };
        writeln!(out, "    {} \\", command_line(words))?;
    }
    writeln!(out, "    -- \"$@\"")?;
    writeln!(out, "exec bwrap \"$@\"")
}
