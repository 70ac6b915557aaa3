//! Prints a log, briefly and with everything, counts its calls and sums it up.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sysreel_fuzz::{LogFile, pack};
use sysreel_inspect::print::{FdStyle, HexStrings, Options, Precision, print};
use sysreel_inspect::{counts, info, open};

fuzz_target!(|input: &[u8]| {
    let file = LogFile::new(&pack(input));
    let Ok(mut log) = open(&file.path()) else { return };
    let all = Options {
        verbose: true,
        fds: FdStyle::Detail,
        hex: HexStrings::NonAscii,
        duration: Some(Precision::Nanos),
        ..Options::default()
    };
    for options in [Options::default(), all] {
        _ = print(&mut log, &options, &mut std::io::sink());
    }
    _ = counts::count(&log, &counts::Options::default());
    _ = info::Info::gather(&log);
});
