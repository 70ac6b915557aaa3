//! `sysreel info`.

use crate::args::Info as Args;
use crate::exit::Exit;
use crate::progress::Reading;
use crate::say::{self, Unwritten, say};
use std::io::Write;
use sysreel_inspect::info::Info;
use sysreel_inspect::open;
use sysreel_inspect::visible::json_pretty;

pub(crate) fn run(args: &Args) -> Exit {
    let summary = open(&args.file).and_then(|log| {
        let _bar = Reading::begin([&log]);
        Info::gather(&log)
    });
    let info = match summary {
        Ok(info) => info,
        Err(error) => {
            say!("{error}");
            return Exit::FAILURE;
        }
    };
    let written = say::paged(&args.pager, |out| match args.json {
        true => writeln!(out, "{}", json_pretty(&info)?),
        false => out.write_all(info.colored(args.color.palette()).as_bytes()),
    });
    match written {
        Err(Unwritten(exit)) => exit,
        Ok(()) if info.is_whole() => Exit::SUCCESS,
        Ok(()) => {
            say!("{}: {}", args.file.display(), info.findings);
            Exit::WITH_FINDINGS
        }
    }
}
