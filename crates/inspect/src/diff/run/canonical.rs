//! Canonical names: names without what differs between two runs of the same program.
//!
//! The type of the argument decides how a name is changed, never its text: a path is put under its
//! root, a pid or a port that the kernel chose becomes a placeholder, and bytes that this run got
//! from the kernel as random are recognized in names.

use std::collections::HashSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use data_encoding::HEXLOWER_PERMISSIVE;

use super::names::{NameId, Names, Sort};
use super::roots::Roots;
use crate::diff::name::{Kind, Name, escaped};

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

/// Returns the canonical names of all names, by number.
pub(crate) fn canonical_names(names: &Names, local_ids: &RunLocalIds, roots: &Roots) -> Vec<Name> {
    let name = |(sort, name): (Sort, &[u8])| match sort {
        Sort::Path => {
            let (path, root) = path(name, local_ids, roots);
            Name::new(Kind::File { root }, path)
        }
        Sort::Link => Name::new(Kind::Descriptor, link(name)),
        Sort::Descriptor => Name::new(Kind::Descriptor, String::from_utf8_lossy(name).into_owned()),
        Sort::Address => address(name, local_ids, roots),
        Sort::Word => Name::new(Kind::Word, String::from_utf8_lossy(name).into_owned()),
        Sort::Pid => pid(name, local_ids),
        Sort::Text => target(name, roots),
        // The name of the call, if it has one, is followed by a space, all others are escaped.
        Sort::Request => {
            let mut text = Vec::new();
            roots.in_text(name, &mut text);
            let call = text.iter().position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
            match call.filter(|at| text.get(*at) == Some(&b' ')) {
                Some(at) => {
                    let (call, asked) = text.split_at(at);
                    let asked = escaped(asked.get(1..).unwrap_or_default());
                    let all = format!("{} {asked}", escaped(call));
                    Name::new(Kind::Request { call: call.len() }, all)
                }
                None => {
                    let call = call.map_or(text.len(), |_| 0);
                    Name::new(Kind::Request { call }, escaped(&text))
                }
            }
        }
    };
    names.iter().map(name).collect()
}

/// Returns the target of a symbolic link, which is a file if it is absolute.
fn target(name: &[u8], roots: &Roots) -> Name {
    let mut text = Vec::new();
    roots.in_text(name, &mut text);
    let kind = match name {
        [b'/', ..] => {
            Kind::File { root: roots.split_prefix(name).map_or(0, |(root, _)| root_len(root)) }
        }
        _ => Kind::Word,
    };
    Name::new(kind, escaped(&text))
}

/// Returns the length of a root in a canonical name, its `$` included.
fn root_len(root: &str) -> usize {
    root.len().saturating_add(1)
}

/// Returns the canonical name of a path, and the length of the root in it.
fn path(path: &[u8], local_ids: &RunLocalIds, roots: &Roots) -> (String, usize) {
    // The kernel marks the link of a removed file.
    let (path, deleted) = match path.strip_suffix(b" (deleted)") {
        Some(path) => (path, true),
        None => (path, false),
    };
    let mut out = String::new();
    let mut root = 0;
    let rest = match roots.split(path) {
        Some((name, rest)) => {
            out.push('$');
            out.push_str(name);
            root = root_len(name);
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
    (out, root)
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

fn pid(bytes: &[u8], local_ids: &RunLocalIds) -> Name {
    let number = bytes.try_into().map_or(0, i32::from_le_bytes);
    let text = match number {
        0 => "<own-group>".to_owned(),
        -1 => "<all>".to_owned(),
        _ => {
            let known = local_ids.pids.contains(&number.unsigned_abs());
            let group = if number < 0 { "-group" } else { "" };
            format!("<{}{group}>", if known { "traced" } else { "other" })
        }
    };
    Name::new(Kind::Process { group: number < -1 }, text)
}

/// Returns the name of a socket address: `tcp 127.0.0.1:80`, `unix $WS/socket`.
fn address(bytes: &[u8], local_ids: &RunLocalIds, roots: &Roots) -> Name {
    use sysreel_abi::intent::Family;
    let no_path = Kind::Unix { path: None, root: 0 };
    let Some((&kind, bytes)) = bytes.split_first() else {
        return Name::new(no_path, "<unnamed>".to_owned());
    };
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
            let ip = ip.unwrap_or(Ipv4Addr::UNSPECIFIED);
            Name::new(Kind::Inet { ip: Some(ip.into()) }, format!("{name} {ip}:{}", port()))
        }
        Family::Inet6 => {
            let ip =
                bytes.get(8..24).and_then(|b| <[u8; 16]>::try_from(b).ok()).map(Ipv6Addr::from);
            let ip = ip.unwrap_or(Ipv6Addr::UNSPECIFIED);
            Name::new(Kind::Inet { ip: Some(ip.into()) }, format!("{name} [{ip}]:{}", port()))
        }
        Family::Unix => match bytes.get(2..).unwrap_or_default() {
            [] => Name::new(no_path, "unix <unnamed>".to_owned()),
            // Autobind chooses five hexadecimal digits (unix_autobind, net/unix/af_unix.c).
            [0, name @ ..] if name.len() == 5 && name.iter().all(u8::is_ascii_hexdigit) => {
                Name::new(no_path, "unix @<auto>".to_owned())
            }
            [0, name @ ..] => {
                let mut out = "unix @".to_owned();
                write_component(name, local_ids, &mut out);
                Name::new(no_path, out)
            }
            name => {
                const BEFORE: &str = "unix ";
                let (path, root) = path(crate::text::until_nul(name), local_ids, roots);
                let kind = Kind::Unix { path: Some(BEFORE.len()), root };
                Name::new(kind, format!("{BEFORE}{path}"))
            }
        },
        Family::Netlink => Name::new(Kind::Netlink, "netlink".to_owned()),
        Family::Other(number) => Name::new(Kind::Inet { ip: None }, format!("family-{number}")),
    }
}

#[cfg(test)]
mod tests;
