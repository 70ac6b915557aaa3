//! `sysreel net`.

use super::{Common, show};
use crate::exit::Exit;
use sysreel_views::net::net;

#[derive(Debug, clap::Args)]
#[command(after_help = crate::exit::help(Some("net")))]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
}

pub(crate) fn run(args: &Args) -> Exit {
    show(&args.common, |log| net(log, &args.common.select()))
}
