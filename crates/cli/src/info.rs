//! `sysreel info`.

use crate::args::Info as Args;
use crate::exit::Exit;
use std::io::{self, Write};
use sysreel_inspect::info::Info;
use sysreel_inspect::{Error, open};

pub(crate) fn run(args: &Args) -> Exit {
    let answer = open(&args.file).and_then(|mut log| Info::of(&mut log)).and_then(|info| {
        if sysreel_sys::startup::was_closed(1) {
            return Err(Error::Write(io::Error::other("standard output is closed")));
        }
        let mut out = io::stdout().lock();
        let written = if args.json {
            serde_json::to_string_pretty(&info)
                .map_err(io::Error::from)
                .and_then(|text| writeln!(out, "{text}"))
        } else {
            write!(out, "{info}")
        };
        written.and_then(|()| out.flush()).map_err(Error::Write)?;
        Ok(info)
    });
    match answer {
        Ok(info) if info.is_whole() => Exit::SUCCESS,
        Ok(info) => {
            eprintln!("sysreel: {}: {}", args.file.display(), info.findings);
            Exit::WITH_FINDINGS
        }
        Err(error) if error.is_broken_pipe() => Exit::SUCCESS,
        Err(error) => {
            eprintln!("sysreel: {error}");
            Exit::FAILURE
        }
    }
}
