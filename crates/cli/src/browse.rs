//! `sysreel browse`.

use crate::exit::Exit;
use crate::say::say;
use crate::terminal::{ColorArgs, is_dumb};
use crate::views::failed;
use crate::whole::{discard, write_new};
use std::io::{IsTerminal, stdin, stdout};
use std::path::{Path, PathBuf};
use sysreel_browse::{Files, Options};
use sysreel_inspect::color::Palette;
use sysreel_inspect::open;

#[derive(Debug, clap::Args)]
#[command(after_help = crate::exit::help(Some("browse")))]
pub(crate) struct Args {
    /// The log to browse
    file: PathBuf,
    /// Show a log that is still being recorded, as it grows
    #[arg(long)]
    follow: bool,
    #[command(flatten)]
    color: ColorArgs,
}

/// Whether there is a terminal to browse in. If not, says what to use instead.
pub(crate) fn has_terminal() -> bool {
    if !stdout().is_terminal() || !stdin().is_terminal() {
        say!(
            "browse needs a terminal, for keys and for the screen: `sysreel print` writes a log to \
             a pipe or a file"
        );
        return false;
    }
    if is_dumb() {
        say!(
            "browse needs a terminal that can do more than show lines (TERM is not set, or dumb): \
             `sysreel print` shows a log on any"
        );
        return false;
    }
    true
}

/// How the browser writes files.
pub(crate) const FILES: Files = Files { write: write_new, discard };

pub(crate) fn run(args: &Args) -> Exit {
    if args.file == Path::new("-") {
        say!(
            "browse reads a log again and again, and standard input only once: write the log to a \
             file first (`cat >run.reel`), then browse that"
        );
        return Exit::USAGE;
    }
    if !has_terminal() {
        return Exit::USAGE;
    }
    // What cannot be read at all is said here, where it remains on the terminal.
    if let Err(error) = open(&args.file) {
        return failed(&error);
    }
    let color = args.color.palette() != Palette::NONE;
    match sysreel_browse::run(&args.file, Options { color, follow: args.follow, files: FILES }) {
        Ok(()) => Exit::SUCCESS,
        Err(error) => {
            say!("cannot use the terminal: {error}");
            Exit::FAILURE
        }
    }
}
