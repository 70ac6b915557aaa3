//! `sysreel waits`.

use super::{Common, show};
use crate::exit::Exit;
use sysreel_inspect::Bound;
use sysreel_views::waits::{BlockedOptions, Options, blocked, waits};

#[derive(Debug, clap::Args)]
#[command(after_help = crate::exit::help(Some("waits")))]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
    /// Show the calls that are open after WHERE
    ///
    /// By default those at the end of the log, or if a signal killed the program, those that it
    /// interrupted. WHERE is an event number, +SECONDS into the recording, or @SECONDS since 1970.
    #[arg(long, value_name = "WHERE", conflicts_with_all = ["filter", "from", "to"])]
    at: Option<Bound>,
    /// Show where time was spent waiting instead: by cause, program and object
    #[arg(long, conflicts_with = "at")]
    top: bool,
    /// Show at most N rows with --top
    #[arg(short = 'n', long, value_name = "N", default_value_t = 30, requires = "top")]
    rows: usize,
}

pub(crate) fn run(args: &Args) -> Exit {
    if args.top {
        let options = BlockedOptions { select: args.common.select(), limit: args.rows };
        return show(&args.common, |log| blocked(log, &options));
    }
    if let Some(option) = args.common.selection() {
        crate::say::say!("{option} selects events, but waits shows one moment; use --at, or --top");
        return Exit::USAGE;
    }
    show(&args.common, |log| waits(log, &Options { at: args.at }))
}
