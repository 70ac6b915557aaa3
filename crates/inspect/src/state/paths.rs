//! Working directory and root of a process, and the resolution of paths.

use std::rc::Rc;

/// The longest path that the kernel accepts, in bytes (include/uapi/linux/limits.h).
pub(crate) const PATH_MAX: usize = 4096;
/// A working directory with a longer path counts as unknown.
pub(super) const DEEPEST: usize = 16 * PATH_MAX;

/// The `fs_struct` of a process: working directory, root and umask, which tasks can share.
#[derive(Clone, Debug)]
pub struct Places {
    /// The working directory, absolute; empty if unknown.
    pub cwd: Rc<[u8]>,
    /// The root directory.
    pub root: Rc<[u8]>,
    /// The mask for file modes, if known.
    pub umask: Option<u32>,
}

impl Default for Places {
    fn default() -> Self {
        Self { cwd: Rc::from(&[][..]), root: Rc::from(&b"/"[..]), umask: None }
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
