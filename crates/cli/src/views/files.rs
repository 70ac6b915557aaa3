//! `sysreel files`.

use super::{Common, show};
use crate::exit::Exit;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use sysreel_views::files::{Options, Which, files};

#[derive(Debug, clap::Args)]
#[command(after_help = crate::exit::help(Some("files")))]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
    /// Show what was looked for in vain: a line for each search, with the places where it looked
    ///
    /// A search is a row of lookups of one name by one task. The line has the directories in the
    /// order of the lookups, and the one where the name was found at last.
    #[arg(long)]
    missing: bool,
    /// Show only what was changed: created, written, truncated, deleted, renamed, other attributes
    #[arg(long, conflicts_with = "missing")]
    writes: bool,
    /// Show only paths that are not below DIR (may be repeated)
    ///
    /// The paths of the log are compared as they are, without resolving symbolic links.
    #[arg(long, value_name = "DIR")]
    outside: Vec<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Exit {
    let which = match (args.missing, args.writes) {
        (true, _) => Which::Missing,
        (_, true) => Which::Writes,
        _ => Which::All,
    };
    let absolute = |path: &PathBuf| {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        path.as_os_str().as_bytes().to_vec()
    };
    let outside = args.outside.iter().map(absolute).collect();
    let options = Options { select: args.common.select(), which, outside };
    show(&args.common, |log| files(log, &options))
}
