//! Encodes and decodes metadata structs. The only file that uses bincode; docs/format.md specifies
//! the bytes field by field.
//!
//! New fields go at the end: an older reader decodes the prefix that it knows. Paths and strings
//! are `Vec<u8>`, because the kernel does not promise UTF-8. serde's attributes are not used,
//! because the encoding is not self-describing.

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
        let bytes = bincode::serde::encode_to_vec(self, config())
            .map_err(|e| Error::Meta { what: Self::NAME, why: e.to_string() })?;
        let (size, limit) = (bytes.len() as u64, limits::MAX_META as u64);
        if size > limit {
            Err(Error::TooLarge { what: Self::NAME, size, limit })
        } else {
            Ok(bytes)
        }
    }

    /// Decodes the struct. Bytes after the known fields are ignored.
    ///
    /// # Errors
    /// If the bytes end too early or ask for more memory than [`limits::MAX_META`].
    fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        bincode::serde::decode_from_slice(bytes, config())
            .map(|(value, _)| value)
            .map_err(|e| Error::Meta { what: Self::NAME, why: e.to_string() })
    }
}

impl MetaCodec for FileMeta {
    const NAME: &'static str = "FileMeta";
}

impl MetaCodec for ProcessSnapshot {
    const NAME: &'static str = "ProcessSnapshot";
}

/// Little-endian, varint, with memory limited regardless of the lengths in the bytes.
fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<{ limits::MAX_META }>()
}
