//! Cold metadata as bytes. The only file that names bincode; docs/format.md states the bytes field
//! by field.
//!
//! The structs only grow at the end: an older reader decodes the prefix it knows. Paths and strings
//! are `Vec<u8>`, for the kernel promises no UTF-8. serde's attributes are not used: the encoding
//! does not describe itself.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::snapshot::ProcessSnapshot;
use crate::{Error, limits};

/// What is known when a recording begins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileMeta {
    /// The version of the recorder.
    pub tool_version: Vec<u8>,
    /// The command line that was recorded; empty when attached.
    pub argv: Vec<Vec<u8>>,
    /// Where the recorder was started.
    pub cwd: Vec<u8>,
    /// `sysname` of uname.
    pub sysname: Vec<u8>,
    /// `nodename` of uname.
    pub nodename: Vec<u8>,
    /// `release` of uname: the kernel.
    pub release: Vec<u8>,
    /// `version` of uname.
    pub version: Vec<u8>,
    /// `machine` of uname.
    pub machine: Vec<u8>,
    /// `/proc/sys/kernel/random/boot_id`, without its newline.
    pub boot_id: Vec<u8>,
    /// The size of a page.
    pub page_size: u64,
    /// How many CPUs were online.
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
    /// What the recorder was told, as pairs of name and value.
    pub options: Vec<(Vec<u8>, Vec<u8>)>,
    /// The most bytes captured of one buffer; 0 for no limit.
    pub capture_limit: u64,
    /// The length the kernel has for `struct ptrace_syscall_info`, as probed at the start; 0 if
    /// unknown.
    pub psi_size_probe: u32,
}

/// A metadata struct that can become bytes and come back.
pub trait MetaCodec: Sized + Serialize + DeserializeOwned {
    /// Its name in errors.
    const NAME: &'static str;

    /// Encodes it.
    ///
    /// # Errors
    /// When it is larger than [`limits::MAX_META`].
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

    /// Decodes it. Bytes after the fields that this version knows are left alone.
    ///
    /// # Errors
    /// When the bytes end too early, or ask for more than [`limits::MAX_META`].
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

/// Little-endian, varint, and never more memory than the limit whatever a length says.
fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<{ limits::MAX_META }>()
}
