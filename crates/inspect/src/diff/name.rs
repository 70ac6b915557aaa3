//! Canonical names as values: files by root and relative path, descriptors, ends of sockets,
//! processes, and words. Their text is written into reports and baselines, and only that of
//! baselines is read back.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;

use crate::visible::is_visible;

/// What a name is the name of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A file. `root` is the length of the root that its canonical name begins with, `$WS` or
    /// `$WS/..`, and 0 if it is under none.
    File { root: usize },
    /// A descriptor without a path: `<pipe>`, `<stdout>`.
    Descriptor,
    /// The end of a socket in the network, with its address; `None` for a family without one.
    Inet { ip: Option<IpAddr> },
    /// The end of a unix socket. `path` is the length before its path, or `None` if it has none;
    /// `root` as for a file.
    Unix { path: Option<usize>, root: usize },
    /// A socket that reaches the kernel: netlink.
    Netlink,
    /// A process, or a group of them.
    Process { group: bool },
    /// What a call asks for, which begins with the name of the call, of this length, if it has one.
    Request { call: usize },
    /// A mode, a flag, a signal, an area of the kernel, an IPC object.
    #[default]
    Word,
}

/// A canonical name and what it names. Two names are equal if their texts are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Name {
    text: Arc<str>,
    kind: Kind,
}

impl Name {
    pub(crate) fn new(kind: Kind, text: String) -> Self {
        Self { text: text.into(), kind }
    }

    pub(crate) fn word(text: &str) -> Self {
        Self { text: text.into(), kind: Kind::Word }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the name with another text for a part that was made up or is valid in one run only.
    /// Roots are given by the user of the recorder and stay.
    pub(crate) fn renamed(&self, text: String) -> Self {
        Self { text: text.into(), kind: self.kind }
    }

    /// Reads a name from the text of a baseline.
    pub(crate) fn parse(text: &str) -> Self {
        let root = |path: &str| {
            // `$WS/..` and `$WS/../..` are roots too.
            let mut len = path.find('/').unwrap_or(path.len());
            while path[len..] == *"/.." || path[len..].starts_with("/../") {
                len += 3;
            }
            if path.starts_with('$') { len } else { 0 }
        };
        let kind = match text.split_once(' ') {
            Some(("tcp" | "udp" | "ip", host)) => Kind::Inet { ip: address(host) },
            Some((unix @ "unix", path)) => {
                let is_path = path.starts_with(['/', '$']);
                let root = if is_path { root(path) } else { 0 };
                Kind::Unix { path: is_path.then_some(unix.len() + 1), root }
            }
            _ if text.starts_with(['/', '$']) => Kind::File { root: root(text) },
            _ => match text {
                "netlink" => Kind::Netlink,
                "<traced>" | "<other>" | "<all>" | "<own-group>" => Kind::Process { group: false },
                "<traced-group>" | "<other-group>" => Kind::Process { group: true },
                _ if text.starts_with('<') => Kind::Descriptor,
                _ => Kind::Word,
            },
        };
        Self { text: text.into(), kind }
    }

    /// Returns the path of a file or of a unix socket, with the length of its root.
    fn path_and_root(&self) -> Option<(&str, usize)> {
        match self.kind {
            Kind::File { root } => Some((&self.text, root)),
            Kind::Unix { path: Some(at), root } => Some((self.text.get(at..)?, root)),
            _ => None,
        }
    }

    /// Returns the canonical path of a file or of a unix socket.
    pub(crate) fn path(&self) -> Option<&str> {
        self.path_and_root().map(|(path, _)| path)
    }

    /// Returns the canonical path of a file.
    pub(crate) fn file(&self) -> Option<&str> {
        self.path().filter(|_| matches!(self.kind, Kind::File { .. }))
    }

    /// Returns the root of the path, without its `$`: `WS`, `WS/..`.
    pub(crate) fn root(&self) -> Option<&str> {
        let (path, root) = self.path_and_root()?;
        path.get(1..root)
    }

    /// Returns the path below the root, with its slash, or the whole path if it is under none.
    pub(crate) fn below(&self) -> Option<&str> {
        let (path, root) = self.path_and_root()?;
        path.get(root..)
    }

    /// Returns what is before the path: the kind of socket.
    pub(crate) fn before_path(&self) -> &str {
        match self.kind {
            Kind::Unix { path: Some(at), .. } => self.text.get(..at).unwrap_or_default(),
            _ => "",
        }
    }

    /// Returns the address of the end of a socket, an IPv4 address that is in one of IPv6 as such.
    pub(crate) fn ip(&self) -> Option<IpAddr> {
        match self.kind {
            Kind::Inet { ip } => ip.map(|ip| ip.to_canonical()),
            _ => None,
        }
    }

    pub(crate) fn is_file_or_descriptor(&self) -> bool {
        matches!(self.kind, Kind::File { .. } | Kind::Descriptor | Kind::Process { .. })
    }

    pub(crate) fn is_unix(&self) -> bool {
        matches!(self.kind, Kind::Unix { .. })
    }
}

/// Returns the address of a host with a port.
fn address(host: &str) -> Option<IpAddr> {
    let (ip, _) = host.rsplit_once(':')?;
    ip.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// As the order and the equality of names are those of their texts, a set of them is searched by
/// text.
impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.text
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Name {}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
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
mod tests {
    use super::*;

    #[test]
    fn roots_end_where_they_end() {
        for (text, root, below) in [
            ("$WS/a", Some("WS"), "/a"),
            ("$WS", Some("WS"), ""),
            ("$WS/../a", Some("WS/.."), "/a"),
            ("$WS/../..", Some("WS/../.."), ""),
            ("$WS/..a", Some("WS"), "/..a"),
            ("/etc/a", None, "/etc/a"),
            ("unix $TMP/s", Some("TMP"), "/s"),
        ] {
            let name = Name::parse(text);
            assert_eq!((name.root(), name.below()), (root, Some(below)), "{text}");
        }
        assert_eq!(Name::parse("unix @s").path(), None);
        assert_eq!(Name::parse("tcp [::ffff:127.0.0.1]:9").ip(), "127.0.0.1".parse().ok());
    }
}
