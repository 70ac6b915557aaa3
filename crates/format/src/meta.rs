//! Encodes and decodes metadata structs. The only file that uses bincode; docs/format.md specifies
//! the bytes field by field.
//!
//! New fields go at the end: an older reader decodes the prefix that it knows. Paths and strings
//! are `Vec<u8>`, because the kernel does not promise UTF-8. Of serde's attributes only `skip` is
//! used, because the encoding is not self-describing.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::snapshot::ProcessSnapshot;
use crate::{Error, limits};

/// The metadata of a recording, as known at its start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileMeta {
    /// The version of the recorder.
    pub tool_version: Vec<u8>,
    /// The recorded command line; empty after attaching.
    pub argv: Vec<Vec<u8>>,
    /// The recorder's working directory.
    pub cwd: Vec<u8>,
    /// `sysname` of uname.
    pub sysname: Vec<u8>,
    /// `nodename` of uname.
    pub nodename: Vec<u8>,
    /// `release` of uname, the kernel version.
    pub release: Vec<u8>,
    /// `version` of uname.
    pub version: Vec<u8>,
    /// `machine` of uname.
    pub machine: Vec<u8>,
    /// `/proc/sys/kernel/random/boot_id`, without its newline.
    pub boot_id: Vec<u8>,
    /// The page size in bytes.
    pub page_size: u64,
    /// The number of online CPUs.
    pub cpus_online: u32,
    /// The resolution of CLOCK_MONOTONIC in nanoseconds.
    pub monotonic_resolution_ns: u64,
    /// The resolution of CLOCK_REALTIME in nanoseconds.
    pub realtime_resolution_ns: u64,
    /// CLOCK_MONOTONIC at the start, in nanoseconds.
    pub monotonic_ns: u64,
    /// CLOCK_REALTIME at the start, in nanoseconds.
    pub realtime_ns: u64,
    /// CLOCK_BOOTTIME at the start, in nanoseconds.
    pub boottime_ns: u64,
    /// The recorder's options, as pairs of name and value.
    pub options: Vec<(Vec<u8>, Vec<u8>)>,
    /// The capture limit of a buffer in bytes; 0 for none.
    pub capture_limit: u64,
    /// The length of the kernel's `struct ptrace_syscall_info`, as probed at the start; 0 if
    /// unknown.
    pub psi_size_probe: u32,
}

/// A metadata struct with an encoding.
pub trait MetaCodec: Sized + Serialize + DeserializeOwned {
    /// The name of the struct in error messages.
    const NAME: &'static str;

    /// Encodes the struct.
    ///
    /// # Errors
    /// If the result exceeds [`limits::MAX_META`].
    fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        within_limit(Self::NAME, encode(Self::NAME, self)?)
    }

    /// Decodes the struct. Bytes after the known fields are ignored.
    ///
    /// # Errors
    /// If the bytes end too early or ask for more memory than [`limits::MAX_META`].
    fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        decode(Self::NAME, bytes).map(|(value, _)| value)
    }
}

impl MetaCodec for FileMeta {
    const NAME: &'static str = "FileMeta";
}

impl MetaCodec for ProcessSnapshot {
    const NAME: &'static str = "ProcessSnapshot";

    fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = encode(Self::NAME, self)?;
        if let Some(kept) = &self.kept {
            bytes.extend(encode(Self::NAME, kept)?);
        }
        within_limit(Self::NAME, bytes)
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let (mut snapshot, used) = decode::<Self>(Self::NAME, bytes)?;
        let rest = bytes.get(used..).filter(|rest| !rest.is_empty());
        snapshot.kept = match rest {
            Some(rest) => Some(decode::<Vec<(i32, i32)>>(Self::NAME, rest)?.0),
            None => None,
        };
        if let Some(kept) = &mut snapshot.kept {
            kept.sort_unstable();
        }
        Ok(snapshot)
    }
}

fn encode(what: &'static str, value: &impl Serialize) -> Result<Vec<u8>, Error> {
    bincode::serde::encode_to_vec(value, config())
        .map_err(|e| Error::Meta { what, why: e.to_string() })
}

fn within_limit(what: &'static str, bytes: Vec<u8>) -> Result<Vec<u8>, Error> {
    let (size, limit) = (bytes.len() as u64, limits::MAX_META as u64);
    if size > limit { Err(Error::TooLarge { what, size, limit }) } else { Ok(bytes) }
}

/// Returns the value and the number of bytes that it took.
fn decode<T: DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<(T, usize), Error> {
    bincode::serde::decode_from_slice(bytes, config())
        .map_err(|e| Error::Meta { what, why: e.to_string() })
}

/// Little-endian, varint, with memory limited regardless of the lengths in the bytes.
fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<{ limits::MAX_META }>()
}
