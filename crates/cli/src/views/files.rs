//! `sysreel files`.

use super::{Common, show};
use crate::exit::Exit;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};
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
    let outside = args.outside.iter().map(|path| from_root(path)).collect();
    let options = Options { select: args.common.select(), which, outside };
    show(&args.common, |log| files(log, &options))
}

/// Returns a path from the root, without `.` and `..`, as the paths of the log are.
fn from_root(path: &Path) -> Vec<u8> {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => _ = clean.pop(),
            Component::CurDir => {}
            component => clean.push(component),
        }
    }
    clean.into_os_string().into_vec()
}

#[cfg(test)]
mod tests {
    use super::from_root;

    #[test]
    fn directories_are_compared_without_dots() {
        let here = std::env::current_dir().unwrap();
        let parent = here.parent().unwrap().as_os_str().as_encoded_bytes();
        assert_eq!(from_root("..".as_ref()), parent);
        assert_eq!(from_root("/a/./b/../c/".as_ref()), b"/a/c");
        assert_eq!(from_root("/..".as_ref()), b"/");
    }
}
