//! Named directories, which canonical names begin with: `$WS`.

use crate::diff::name::{Name, escaped};

/// The named directories of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Roots(Vec<(String, Vec<u8>)>);

impl Roots {
    /// Adds a root. The first name of a directory wins. One name may have several directories, as
    /// the two runs differ.
    pub(crate) fn add(&mut self, name: &str, path: &[u8]) {
        let path = path.strip_suffix(b"/").unwrap_or(path);
        // An explicit name replaces one derived from a root below.
        self.0.retain(|(known, dir)| dir != path || !known.ends_with("/.."));
        let taken = self.0.iter().any(|(_, dir)| dir == path);
        if path.first() == Some(&b'/') && !taken {
            self.0.push((name.to_owned(), path.to_vec()));
            self.add_parents(name, path);
            self.0.sort_by_key(|(_, path)| std::cmp::Reverse(path.len()));
        }
    }

    /// Names the directories above a root `$WS/..` and so on, because programs search them, but not
    /// those directly below `/`, which belong to the system.
    fn add_parents(&mut self, name: &str, path: &[u8]) {
        let mut name = name.to_owned();
        let mut at = path;
        while let Some(end) = at.iter().rposition(|&byte| byte == b'/').filter(|end| *end > 0) {
            at = at.get(..end).unwrap_or_default();
            name.push_str("/..");
            let deep = at.iter().filter(|&&byte| byte == b'/').count() > 1;
            if deep && !self.0.iter().any(|(_, dir)| dir == at) {
                self.0.push((name.clone(), at.to_vec()));
            }
        }
    }

    /// Returns the root of a path and the rest of the path.
    pub(super) fn split<'p>(&self, path: &'p [u8]) -> Option<(&str, &'p [u8])> {
        self.0.iter().find_map(|(name, root)| {
            let rest = path.strip_prefix(root.as_slice())?;
            (rest.is_empty() || rest.first() == Some(&b'/')).then_some((name.as_str(), rest))
        })
    }

    /// Returns the text of a name with its root expanded; `None` if it is under no root.
    /// Placeholders stay.
    pub(crate) fn real(&self, name: &Name) -> Option<String> {
        let root = name.root()?;
        // The directory of the root that was added last, as the two runs differ.
        let (_, directory) = self.0.iter().rev().find(|(known, _)| known == root)?;
        let below = name.below().unwrap_or_default();
        Some(format!("{}{}{below}", name.before_path(), escaped(directory)))
    }

    /// Whether there is a root of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// Writes a text that may contain paths, with roots replaced wherever a path can begin.
    pub(crate) fn in_text(&self, text: &[u8], out: &mut Vec<u8>) {
        let mut at = 0_usize;
        let mut may_begin = true;
        while let Some(&byte) = text.get(at) {
            let rest = text.get(at..).unwrap_or_default();
            let root = match byte {
                b'/' if may_begin => self.split_prefix(rest),
                // In a URL, or below another directory: `/usr/lib/debug/tmp/ws/p`.
                b'/' => self.split_deep(rest),
                _ => None,
            };
            if let Some((name, rest)) = root {
                out.push(b'$');
                out.extend_from_slice(name.as_bytes());
                at = text.len().saturating_sub(rest.len());
                may_begin = false;
                continue;
            }
            may_begin = !byte.is_ascii_alphanumeric() && !matches!(byte, b'.' | b'_' | b'/')
                // An option with its value attached: -I/usr/include, -L/lib.
                || at == 1 && text.first() == Some(&b'-');
            out.push(byte);
            at = at.saturating_add(1);
        }
    }

    /// Returns what is before a root in a path, the root, and the rest of the path.
    pub(super) fn below<'p>(&self, path: &'p [u8]) -> Option<(&'p [u8], &str, &'p [u8])> {
        let slashes = path.iter().enumerate().skip(1).filter(|(_, byte)| **byte == b'/');
        slashes.map(|(at, _)| at).find_map(|at| {
            let (above, below) = path.split_at_checked(at)?;
            let (name, rest) = self.split_deep(below)?;
            (rest.is_empty() || rest.first() == Some(&b'/')).then_some((above, name, rest))
        })
    }

    /// As [`Self::split_prefix`], for roots that are deep enough to be no other directory, such as
    /// `/tmp` in `/var/tmp`.
    fn split_deep<'p>(&self, text: &'p [u8]) -> Option<(&str, &'p [u8])> {
        let (name, rest) = self.split_prefix(text)?;
        let root = text.get(..text.len().saturating_sub(rest.len()))?;
        let components = root.iter().filter(|byte| **byte == b'/').count();
        (components > 1).then_some((name, rest))
    }

    pub(super) fn split_prefix<'p>(&self, text: &'p [u8]) -> Option<(&str, &'p [u8])> {
        self.0.iter().find_map(|(name, root)| {
            let rest = text.strip_prefix(root.as_slice())?;
            let ends = rest
                .first()
                .is_none_or(|byte| !byte.is_ascii_alphanumeric() && !b"._-".contains(byte));
            ends.then_some((name.as_str(), rest))
        })
    }
}
