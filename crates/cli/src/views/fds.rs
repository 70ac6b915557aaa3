//! `sysreel fds`.

use super::{Common, show};
use crate::exit::Exit;
use sysreel_inspect::Bound;
use sysreel_views::fds::{Options, fds, open_at};

#[derive(Debug, clap::Args)]
#[command(after_help = crate::exit::help(Some("fds")))]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
    /// Show only what was not closed before its process ended, and what programs inherited
    #[arg(long, conflicts_with = "at")]
    leaked: bool,
    /// Show the descriptors that are open after WHERE, as lsof does: an event number, +SECONDS into
    /// the recording, or @SECONDS since 1970
    #[arg(long, value_name = "WHERE", conflicts_with_all = ["filter", "from", "to"])]
    at: Option<Bound>,
}

pub(crate) fn run(args: &Args) -> Exit {
    match args.at {
        Some(at) => show(&args.common, |log| open_at(log, Some(at))),
        None => {
            let options = Options { select: args.common.select(), leaked: args.leaked };
            show(&args.common, |log| fds(log, &options))
        }
    }
}
