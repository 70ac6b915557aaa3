//! `sysreel lint`.

use super::{Common, show};
use crate::exit::Exit;
use sysreel_views::lint::lint;

#[derive(Debug, clap::Args)]
#[command(after_help = crate::exit::help(Some("lint")))]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
}

pub(crate) fn run(args: &Args) -> Exit {
    show(&args.common, |log| lint(log, &args.common.select()))
}
