//! The roots named by the environment of the first program. A snapshot does not contain the
//! environment, but the execve that started the program does.

use std::path::PathBuf;

use super::run::MAX_ARG_STRLEN;
use super::run::Run;
use super::{Level, Options};
use crate::calls::{Call, Item};
use crate::state::Follow;
use crate::{Error, LogFile, text};

/// Roots and the variables that define them.
const NAMED: [(&str, &[u8]); 2] = [("HOME", b"HOME="), ("TMP", b"TMPDIR=")];

/// Reads a log at a level, with the roots and filters of the options. Roots that its environment
/// defines come after those.
///
/// # Errors
/// As [`Run::read`].
pub fn read(file: &LogFile, level: Level, options: &Options) -> Result<Run, Error> {
    let named = options.roots.iter().cloned();
    let roots: Vec<_> = named.chain(environment_roots(file)?).collect();
    Run::read(file, level, &roots, &options.filters)
}

fn environment_roots(file: &LogFile) -> Result<Vec<(String, PathBuf)>, Error> {
    let mut calls = file.calls(Follow::default());
    while let Some(item) = calls.next()? {
        if let Item::Exec(exec) = item {
            // The working directory is `$WS`, even if a variable names it too.
            let mut roots = exec.call().map_or_else(Vec::new, |call| roots_from_execve(&call));
            roots.retain(|(_, path)| path.as_os_str().as_encoded_bytes() != file.log().meta().cwd);
            return Ok(roots);
        }
    }
    Ok(Vec::new())
}

fn roots_from_execve(call: &Call<'_>) -> Vec<(String, PathBuf)> {
    let (open, buffers) = (call.open(), call.buffers());
    let envp = open.row.and_then(|row| u8::try_from(row.arg("envp")?).ok());
    let Some(envp) = envp else { return Vec::new() };
    let strings =
        open.memory.regions().filter(|region| region.head.arg == envp && region.head.role.0 > 0);
    let strings = strings.filter_map(|region| region.bytes(buffers, MAX_ARG_STRLEN));
    strings
        .filter_map(|string| {
            let string = text::until_nul(&string);
            NAMED.iter().find_map(|(root, variable)| {
                // A directory whose path is not UTF-8 becomes no root: paths below it stay as they
                // are.
                let path = std::str::from_utf8(string.strip_prefix(*variable)?).ok()?;
                path.starts_with('/').then(|| ((*root).to_owned(), PathBuf::from(path)))
            })
        })
        .collect()
}
