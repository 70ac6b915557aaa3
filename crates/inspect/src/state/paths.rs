//! Working directory and root of a process, and the resolution of paths.

use std::cell::RefCell;
use std::rc::Rc;

use super::mounts::{Location, Mounts};

/// The longest path that the kernel accepts, in bytes (include/uapi/linux/limits.h).
pub(crate) const PATH_MAX: usize = 4096;

/// The `fs_struct` of a process: working directory, root and umask, which tasks can share.
#[derive(Clone, Debug)]
pub struct Places {
    /// The working directory, if known.
    pub(super) cwd: Option<Location>,
    /// The root directory. Its mount namespace is that of the process.
    pub(super) root: Location,
    /// The mask for file modes, if known.
    pub umask: Option<u32>,
}

impl Places {
    /// Returns the places of a process of which nothing is known but its mount namespace.
    pub(super) fn unknown(mounts: &Rc<RefCell<Mounts>>) -> Self {
        Self { cwd: None, root: Location::root_of(mounts), umask: None }
    }

    /// Returns the full path of the working directory; `None` if unknown.
    #[must_use]
    pub fn cwd(&self) -> Option<Vec<u8>> {
        let mut name = Vec::new();
        self.cwd.as_ref()?.write_full_path(&mut name);
        Some(name).filter(|name| !name.is_empty())
    }

    /// Returns the full path of the root directory.
    #[must_use]
    pub fn root(&self) -> Vec<u8> {
        let mut name = Vec::new();
        self.root.write_full_path(&mut name);
        name
    }

    /// Gives the process a mount namespace of its own, with the mounts that it has.
    pub(super) fn unshare_mounts(&mut self) {
        let shared = Rc::clone(&self.root.mounts);
        let own = Rc::new(RefCell::new(shared.borrow().unshared()));
        if let Some(cwd) = self.cwd.as_mut().filter(|cwd| Rc::ptr_eq(&cwd.mounts, &shared)) {
            cwd.mounts = Rc::clone(&own);
        }
        self.root.mounts = own;
    }

    /// Enters a mount namespace: its root becomes root and working directory (setns(2)).
    pub(super) fn enter(&mut self, mounts: &Rc<RefCell<Mounts>>) {
        self.root = Location::root_of(mounts);
        self.cwd = Some(self.root.clone());
    }
}

/// Resolves `path` from `base` and writes it without empty components, `.` and `..`. It does not
/// follow symbolic links, which are not in the log. A relative path stays relative if `base` is
/// unknown.
pub fn resolve(base: &[u8], path: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let absolute = path.first() == Some(&b'/');
    if !absolute {
        out.extend_from_slice(base.strip_suffix(b"/").unwrap_or(base));
    }
    let rooted = absolute || out.first() == Some(&b'/') || base == b"/";
    for part in path.split(|&byte| byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." if rooted || ends_in_a_name(out) => {
                let end = out.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
                out.truncate(end);
            }
            _ => {
                if rooted || !out.is_empty() {
                    out.push(b'/');
                }
                out.extend_from_slice(part);
            }
        }
    }
    if out.is_empty() {
        out.push(if rooted { b'/' } else { b'.' });
    }
}

fn ends_in_a_name(path: &[u8]) -> bool {
    !path.is_empty() && path != b".." && !path.ends_with(b"/..")
}

#[cfg(test)]
mod tests {
    use super::resolve;

    fn resolved(base: &str, path: &str) -> String {
        let mut out = Vec::new();
        resolve(base.as_bytes(), path.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn paths_are_normalized() {
        for (base, path, plain) in [
            ("/a/b", "c", "/a/b/c"),
            ("/a/b", "/c//d/./e/", "/c/d/e"),
            ("/a/b", "../c", "/a/c"),
            ("/a/b", "../../../c", "/c"),
            ("/", "c", "/c"),
            ("/", "..", "/"),
            ("/a", ".", "/a"),
            ("/a", "", "/a"),
            ("", "c/../d", "d"),
            ("", "../d", "../d"),
            ("", "../../d", "../../d"),
            ("", "c/..", "."),
            ("", "/", "/"),
        ] {
            assert_eq!(resolved(base, path), plain, "{path} from {base}");
        }
    }
}
