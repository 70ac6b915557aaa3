//! Starts a log: opens its files, writes its header, starts the writer thread.

use crate::cpu_affinity::CpuAffinity;
use crate::error::Error;
use crate::file::Files;
use crate::log_file::LogFile;
use crate::log_guard::LogGuard;
use crate::meta;
use crate::options::Options;
use crate::output;
use crate::progress::Progress;
use crate::watchdog::Watchdog;
use crate::writer::{Output, Writer, io_error};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::Arc;
use sysreel_format::{BlockWriter, FileHeader};

/// The paths of the log's files, while the writer owns the files.
pub(crate) struct LogPaths {
    pub(crate) path: PathBuf,
    pub(crate) tail: Option<PathBuf>,
    /// Keeps other recorders from this file name.
    _lock: Option<UnixDatagram>,
}

/// Opens the files of the log.
pub(crate) fn open_files(
    options: &Options,
    standard: Option<output::Output>,
) -> Result<Files, Error> {
    let program = options.argv.first().map(AsRef::as_ref);
    match standard {
        Some(standard) => Files::from_output(standard, None, options.force),
        None => Files::open(options.output.as_deref(), program, options.force),
    }
}

/// Writes the header and metadata of the log and starts the writer thread.
pub(crate) fn start_writer(
    options: &Options,
    files: Files,
    header: FileHeader,
    info_size: u32,
    cpu_affinity: &CpuAffinity,
    progress: &Arc<Progress>,
    watchdog: Watchdog,
) -> Result<(Writer, LogPaths), Error> {
    let failed = |source| Error::Open { path: files.path.clone(), source };
    let log = LogFile::new(files.log, files.regular);
    let mut blocks = BlockWriter::create(log, header, &meta::file_meta(options, info_size))
        .map_err(|error| failed(io_error(error)))?;
    if options.replayable {
        blocks.pack_buffers_fast();
    }
    blocks.get_mut().end_head();
    let (tail, tail_path) = files.tail.unzip();
    let guard = LogGuard::new(blocks.get_ref(), &files.path, tail_path.as_deref());
    let output = Output { blocks, tail, guard, watchdog };
    let writer = cpu_affinity
        .with_own_mask(|| Writer::start(output, files.segments, Arc::clone(progress)))
        .map_err(failed)?;
    Ok((writer, LogPaths { path: files.path, tail: tail_path, _lock: files.lock }))
}
