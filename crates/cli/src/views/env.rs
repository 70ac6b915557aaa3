//! `sysreel env`.

use super::{Common, show_some};
use crate::exit::Exit;
use sysreel_views::env::{Options, env};

#[derive(Debug, clap::Args)]
#[command(after_help = crate::exit::help(Some("env")))]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
    /// Show only programs of process PID (may be repeated)
    #[arg(short, long, value_name = "PID")]
    pid: Vec<u32>,
    /// Show passwords and tokens, which are masked otherwise
    #[arg(long)]
    show_secrets: bool,
}

pub(crate) fn run(args: &Args) -> Exit {
    let options = Options {
        select: args.common.select(),
        pids: args.pid.clone(),
        show_secrets: args.show_secrets,
    };
    let selects = args.common.filter.is_some() || !args.pid.is_empty();
    show_some(&args.common, selects, |log| env(log, &options))
}
