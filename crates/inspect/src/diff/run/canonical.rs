//! Canonical names: names without what differs between two runs of the same program.
//!
//! The type of the argument decides how a name is changed, never its text: a path is put under its
//! root, a pid or a port that the kernel chose becomes a placeholder, and bytes that this run got
//! from the kernel as random are recognized in names.

use std::collections::HashSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use data_encoding::HEXLOWER_PERMISSIVE;

use super::names::{NameId, Names, Sort};
use crate::visible::is_visible;

/// The identifiers that are valid in one run only.
#[derive(Debug, Default)]
pub(crate) struct RunLocalIds {
    /// The ids of its tasks and processes.
    pub(crate) pids: HashSet<u32>,
    /// Random bytes from the kernel, in groups of four.
    pub(crate) random: HashSet<[u8; 4]>,
    /// Paths that were created in this run.
    pub(crate) created: HashSet<NameId>,
    /// Ports chosen by the kernel.
    pub(crate) ports: HashSet<u16>,
}

/// The most groups of random bytes that are remembered.
const RANDOM: usize = 1 << 16;

impl RunLocalIds {
    /// Remembers bytes that the kernel returned as random.
    pub(crate) fn add_random(&mut self, bytes: &[u8]) {
        for window in bytes.windows(4) {
            if self.random.len() >= RANDOM {
                return;
            }
            if let Ok(window) = window.try_into() {
                self.random.insert(window);
            }
        }
    }
}

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
    fn split<'p>(&self, path: &'p [u8]) -> Option<(&str, &'p [u8])> {
        self.0.iter().find_map(|(name, root)| {
            let rest = path.strip_prefix(root.as_slice())?;
            (rest.is_empty() || rest.first() == Some(&b'/')).then_some((name.as_str(), rest))
        })
    }

    /// Returns the path of a canonical name, with its root expanded; `None` if it is under no root.
    /// Placeholders stay.
    pub(crate) fn real(&self, name: &str) -> Option<String> {
        let (kind, path) = match name.strip_prefix("unix ") {
            Some(path) => ("unix ", path),
            None => ("", name),
        };
        let rest = path.strip_prefix('$')?;
        // The longest name wins: `$WS/..` is a root too.
        let named = self.0.iter().filter_map(|(root, directory)| {
            let below = rest.strip_prefix(root.as_str())?;
            (below.is_empty() || below.starts_with('/')).then_some((root.len(), directory, below))
        });
        let (_, directory, below) = named.max_by_key(|(len, ..)| *len)?;
        Some(format!("{kind}{}{below}", escaped(directory)))
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
    fn below<'p>(&self, path: &'p [u8]) -> Option<(&'p [u8], &str, &'p [u8])> {
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

    fn split_prefix<'p>(&self, text: &'p [u8]) -> Option<(&str, &'p [u8])> {
        self.0.iter().find_map(|(name, root)| {
            let rest = text.strip_prefix(root.as_slice())?;
            let ends = rest
                .first()
                .is_none_or(|byte| !byte.is_ascii_alphanumeric() && !b"._-".contains(byte));
            ends.then_some((name.as_str(), rest))
        })
    }
}

/// Returns the canonical names of all names, by number.
pub(crate) fn canonical_names(
    names: &Names,
    local_ids: &RunLocalIds,
    roots: &Roots,
) -> Vec<String> {
    let name = |(sort, name): (Sort, &[u8])| match sort {
        Sort::Path => path(name, local_ids, roots),
        Sort::Link => link(name),
        Sort::Address => address(name, local_ids, roots),
        Sort::Word => String::from_utf8_lossy(name).into_owned(),
        Sort::Pid => pid(name, local_ids),
        Sort::Text => {
            let mut text = Vec::new();
            roots.in_text(name, &mut text);
            escaped(&text)
        }
        // The name of the call, if it has one, is followed by a space, all others are escaped.
        Sort::Request => {
            let mut text = Vec::new();
            roots.in_text(name, &mut text);
            let call = text.iter().position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
            match call.filter(|at| text.get(*at) == Some(&b' ')) {
                Some(at) => {
                    let (call, asked) = text.split_at(at);
                    format!("{} {}", escaped(call), escaped(asked.get(1..).unwrap_or_default()))
                }
                None => escaped(&text),
            }
        }
    };
    names.iter().map(name).collect()
}

fn path(path: &[u8], local_ids: &RunLocalIds, roots: &Roots) -> String {
    // The kernel marks the link of a removed file.
    let (path, deleted) = match path.strip_suffix(b" (deleted)") {
        Some(path) => (path, true),
        None => (path, false),
    };
    let mut out = String::new();
    let rest = match roots.split(path) {
        Some((name, rest)) => {
            out.push('$');
            out.push_str(name);
            rest
        }
        // A root below another directory, as for the debug information of a program.
        None => match roots.below(path) {
            Some((above, name, rest)) => {
                out.push_str(&escaped(above));
                out.push('$');
                out.push_str(name);
                rest
            }
            None => path,
        },
    };
    let mut before: [&[u8]; 3] = [b""; 3];
    for (i, part) in rest.split(|&byte| byte == b'/').enumerate() {
        if i > 0 {
            out.push('/');
        }
        match part {
            // The name of a file of O_TMPFILE is its inode (d_mark_tmpfile, fs/dcache.c).
            [b'#', inode @ ..] if deleted && inode.iter().all(u8::is_ascii_digit) => {
                out.push_str("<nameless>");
            }
            _ => path_component(part, &before, i, local_ids, &mut out),
        }
        before = [before[1], before[2], part];
    }
    if out.is_empty() {
        out.push('/');
    }
    out
}

/// Writes one component of a path; `before` has the three components before it.
fn path_component(
    part: &[u8],
    before: &[&[u8]; 3],
    depth: usize,
    local_ids: &RunLocalIds,
    out: &mut String,
) {
    let number = std::str::from_utf8(part).ok().and_then(|text| text.parse::<u32>().ok());
    match (number, before) {
        // /proc/PID
        (Some(number), [_, _, b"proc"]) if depth == 2 => {
            out.push_str(if local_ids.pids.contains(&number) { "<pid>" } else { "<other>" });
        }
        (Some(_), [_, _, b"task"]) => out.push_str("<tid>"),
        (Some(_), [_, _, b"fd" | b"fdinfo"]) => out.push_str("<fd>"),
        (Some(_), [_, b"dev", b"pts"]) => out.push_str("<pty>"),
        _ => write_component(part, local_ids, out),
    }
}

/// Writes a component that may contain random bytes. Whether it contains a pid is decided when two
/// runs are compared ([`crate::diff::compare()`]).
fn write_component(part: &[u8], local_ids: &RunLocalIds, out: &mut String) {
    let mut rest = part;
    while !rest.is_empty() {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let hex = rest.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        if hex >= 8 && hex % 2 == 0 && is_random(rest.get(..hex).unwrap_or_default(), local_ids) {
            out.push_str("<random>");
            rest = skip_groups(rest.get(hex..).unwrap_or_default());
            continue;
        }
        let (run, after) = rest.split_at(digits.max(1));
        out.push_str(&escaped(run));
        rest = after;
    }
}

/// Skips hyphenated groups after random digits, as in a UUID: version and variant bits are set in
/// the random bytes, so those groups cannot be recognized.
fn skip_groups(mut rest: &[u8]) -> &[u8] {
    while let Some(group) = rest.strip_prefix(b"-") {
        let len = group.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let ends = group.get(len).is_none_or(|byte| !byte.is_ascii_alphanumeric());
        match group.get(len..) {
            Some(after) if len >= 4 && ends => rest = after,
            _ => break,
        }
    }
    rest
}

/// Whether hexadecimal digits encode random bytes from the kernel.
fn is_random(hex: &[u8], local_ids: &RunLocalIds) -> bool {
    let bytes = HEXLOWER_PERMISSIVE.decode(hex).unwrap_or_default();
    bytes.chunks_exact(4).any(|four| {
        let [a, b, c, d] = *four else { return false };
        local_ids.random.contains(&[a, b, c, d]) || local_ids.random.contains(&[d, c, b, a])
    })
}

/// Formats the link of a file without a path, without the inode number in brackets, which differs
/// in each run.
fn link(link: &[u8]) -> String {
    let text =
        String::from_utf8_lossy(link.strip_suffix(b" (deleted)").unwrap_or(link)).into_owned();
    match text.split_once(":[") {
        Some(("anon_inode", name)) => format!("<{}>", name.trim_end_matches(']')),
        Some((kind, _)) => format!("<{kind}>"),
        None => match text.strip_prefix("anon_inode:") {
            Some(name) => format!("<{name}>"),
            None => escaped(text.as_bytes()),
        },
    }
}

fn pid(bytes: &[u8], local_ids: &RunLocalIds) -> String {
    let number = bytes.try_into().map_or(0, i32::from_le_bytes);
    match number {
        0 => "<own-group>".to_owned(),
        -1 => "<all>".to_owned(),
        _ => {
            let known = local_ids.pids.contains(&number.unsigned_abs());
            let group = if number < 0 { "-group" } else { "" };
            format!("<{}{group}>", if known { "traced" } else { "other" })
        }
    }
}

/// Formats a socket address: `tcp 127.0.0.1:80`, `unix $WS/socket`.
fn address(bytes: &[u8], local_ids: &RunLocalIds, roots: &Roots) -> String {
    use sysreel_abi::intent::Family;
    let Some((&kind, bytes)) = bytes.split_first() else { return "<unnamed>".to_owned() };
    // SOCK_STREAM and SOCK_DGRAM (include/linux/net.h).
    let name = match kind {
        1 => "tcp",
        2 => "udp",
        _ => "ip",
    };
    let port = || {
        let port = bytes.get(2..4).map_or(0, |b| u16::from_be_bytes([b[0], b[1]]));
        if local_ids.ports.contains(&port) { "<port>".to_owned() } else { port.to_string() }
    };
    match Family::from_sockaddr(bytes) {
        Family::Inet => {
            let ip = bytes.get(4..8).and_then(|b| <[u8; 4]>::try_from(b).ok()).map(Ipv4Addr::from);
            format!("{name} {}:{}", ip.unwrap_or(Ipv4Addr::UNSPECIFIED), port())
        }
        Family::Inet6 => {
            let ip =
                bytes.get(8..24).and_then(|b| <[u8; 16]>::try_from(b).ok()).map(Ipv6Addr::from);
            format!("{name} [{}]:{}", ip.unwrap_or(Ipv6Addr::UNSPECIFIED), port())
        }
        Family::Unix => match bytes.get(2..).unwrap_or_default() {
            [] => "unix <unnamed>".to_owned(),
            // Autobind chooses five hexadecimal digits (unix_autobind, net/unix/af_unix.c).
            [0, name @ ..] if name.len() == 5 && name.iter().all(u8::is_ascii_hexdigit) => {
                "unix @<auto>".to_owned()
            }
            [0, name @ ..] => {
                let mut out = "unix @".to_owned();
                write_component(name, local_ids, &mut out);
                out
            }
            name => format!("unix {}", path(crate::text::until_nul(name), local_ids, roots)),
        },
        Family::Netlink => "netlink".to_owned(),
        Family::Other(number) => format!("family-{number}"),
    }
}

/// Escapes white space, characters that [`is_visible`] rejects, and bytes that are not UTF-8.
pub(crate) fn escaped(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => out.push_str("\\\\"),
                c if !is_visible(c) || c.is_whitespace() => {
                    let mut buffer = [0; 4];
                    for byte in c.encode_utf8(&mut buffer).bytes() {
                        _ = write!(out, "\\x{byte:02x}");
                    }
                }
                c => out.push(c),
            }
        }
        for byte in chunk.invalid() {
            _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

#[cfg(test)]
mod tests;
