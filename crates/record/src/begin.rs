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
use std::fs::File;
use std::io::Read;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::Arc;
use sysreel_format::{BlockWriter, Completeness, FileHeader};
use sysreel_sys::signals::{self, Termination};
use sysreel_sys::spawn::Spawned;
use sysreel_sys::{Signal, clock, init};

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

/// Returns what a log of this recording cannot show from the start.
pub(crate) fn completeness_at_start(options: &Options, attached: bool) -> Completeness {
    let mut word = Completeness::default();
    if options.capture_limit == 0 {
        word.insert(Completeness::STRUCTS_ONLY);
    }
    if !options.names {
        word.insert(Completeness::NO_NAMES);
    }
    if options.only.is_some() {
        word.insert(Completeness::FILTERED);
    }
    if attached {
        word.insert(Completeness::ATTACHED);
    }
    word
}

/// Keeps requests to end pending until [`watch_signals`]: from the creation of the file on, they
/// leave a log that says so, and no empty file. But opening a FIFO can block, and must be
/// interruptible.
pub(crate) fn hold_signals(options: &Options, with_command: bool) -> Result<(), Error> {
    match output::is_fifo(options.output.as_deref()) {
        true => Ok(()),
        false => Ok(signals::hold(&ending_signals(with_command))?),
    }
}

/// Sets up this process's signals, after the program was forked with the inherited ones.
///
/// With a command, the terminal's keys are meant for the program. Without a front this process is
/// in the same foreground group and gets the signals too.
pub(crate) fn watch_signals(
    options: &Options,
    spawned: Option<&Spawned>,
) -> Result<Termination, Error> {
    if let Some(front) = options.front {
        front.leave_group(spawned.map(|spawned| spawned.stop.tid()))?;
    }
    signals::disable_sigchld_for_stops();
    if spawned.is_some() && !init::is_init() {
        signals::ignore(&[signals::SIGINT, signals::SIGQUIT]);
    }
    Ok(Termination::watch(&ending_signals(spawned.is_some()), spawned.is_none())?)
}

/// The signals that end a recording. Without a command also the terminal's Ctrl-C. The init of a
/// container gets signals meant for the program it runs, and passes them on.
fn ending_signals(with_command: bool) -> Vec<Signal> {
    let mut signals = vec![signals::SIGTERM, signals::SIGHUP];
    if !with_command || init::is_init() {
        signals.extend([signals::SIGINT, signals::SIGQUIT]);
    }
    if with_command && init::is_init() {
        signals.extend([signals::SIGUSR1, signals::SIGUSR2, signals::SIGALRM, signals::SIGWINCH]);
    }
    signals
}

pub(crate) fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    if File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes)).is_err() {
        // Without the device (a bare chroot) the clocks must do: the id distinguishes files and is
        // not a secret.
        bytes[..8].copy_from_slice(&clock::realtime_ns().to_le_bytes());
        bytes[8..].copy_from_slice(
            &(clock::monotonic_ns() ^ u64::from(std::process::id()) << 40).to_le_bytes(),
        );
    }
    bytes
}
