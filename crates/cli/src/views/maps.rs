//! `sysreel maps`.

use super::{Common, show_some};
use crate::exit::Exit;
use sysreel_views::maps::{Options, maps};

#[derive(Debug, clap::Args)]
#[command(after_help = crate::exit::help(Some("maps")))]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
    /// Show only programs of process PID (may be repeated)
    #[arg(short, long, value_name = "PID")]
    pid: Vec<u32>,
}

pub(crate) fn run(args: &Args) -> Exit {
    let options = Options { select: args.common.select(), pids: args.pid.clone() };
    let selects = args.common.filter.is_some() || !args.pid.is_empty();
    show_some(&args.common, selects, |log| maps(log, &options))
}
