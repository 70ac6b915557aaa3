//! One line of a backtrace.

use serde::Serialize;
use std::fmt;

/// A place in code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Frame {
    /// The address of the instruction; of a caller, the return address.
    pub ip: u64,
    /// The function and the offset into it, where the file has a symbol for the address.
    pub symbol: Option<(String, u64)>,
    /// The path of the mapped file and the offset into it, as far as the log has them.
    pub file: Option<(String, u64)>,
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Frame { ip, symbol, file } = self;
        // The last part of the path only, as debuggers print it.
        let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        match (symbol, file) {
            (Some((symbol, offset)), Some((path, _))) => {
                write!(f, "{ip:#x} {symbol}+{offset:#x} ({})", name(path))
            }
            (Some((symbol, offset)), None) => write!(f, "{ip:#x} {symbol}+{offset:#x}"),
            (None, Some((path, offset))) => write!(f, "{ip:#x} ({}+{offset:#x})", name(path)),
            (None, None) => write!(f, "{ip:#x} (no file)"),
        }
    }
}
