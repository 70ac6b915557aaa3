//! Starts a recording: opens the files of the log, writes its header, starts the writer thread, and
//! puts together the state of the tracer.

use crate::attaching::Attaching;
use crate::audit::Audit;
use crate::call_filter::Only;
use crate::capture::Capture;
use crate::cpu_affinity::CpuAffinity;
use crate::determinism::Determinism;
use crate::error::Error;
use crate::file::Files;
use crate::job::Job;
use crate::log_file::LogFile;
use crate::log_guard::LogGuard;
use crate::meta;
use crate::options::Options;
use crate::outcome::Progress;
use crate::output;
use crate::session::Session;
use crate::sink::Sink;
use crate::snapshot::Snapshots;
use crate::task::Tasks;
use crate::watchdog::Watchdog;
use crate::writer::{Output, Writer, io_error};
use std::collections::HashMap;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::Arc;
use sysreel_format::{BlockWriter, Completeness, FileHeader};
use sysreel_sys::signals::Termination;
use sysreel_sys::{SyscallInfo, Tid, Tracer, init};

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

/// The parts of a [`Session`] that do not follow from the options alone.
pub(crate) struct Parts {
    pub(crate) tracer: Tracer,
    pub(crate) sink: Sink,
    pub(crate) audit: Option<Box<Audit>>,
    pub(crate) cpu_affinity: CpuAffinity,
    /// Whether processes were attached to.
    pub(crate) has_attached: bool,
    pub(crate) only: Option<Only>,
    pub(crate) completeness: Completeness,
    pub(crate) main: Option<Tid>,
    pub(crate) termination: Termination,
    pub(crate) attaching: Attaching,
    pub(crate) progress: Arc<Progress>,
}

impl Session {
    /// Returns the state of a recording before its first event.
    pub(crate) fn new(options: &Options, parts: Parts) -> Session {
        Session {
            tracer: parts.tracer,
            tasks: Tasks::default(),
            due: Default::default(),
            fairness: Default::default(),
            // Allocated now, because they are rarely used and then during a stop.
            parked: HashMap::with_capacity(16),
            ended_early: HashMap::with_capacity(16),
            sink: parts.sink,
            capture: Capture::new(options.whole_limit()),
            info: SyscallInfo::new(),
            audit: parts.audit,
            determinism: options.replayable.then(|| Determinism::new(options.file_contents)),
            cpu_affinity: parts.cpu_affinity,
            names: options.names,
            fd_name: Default::default(),
            snapshots: Snapshots::new(
                options.names,
                !parts.has_attached,
                !parts.has_attached && parts.only.is_none(),
                options.check_snapshots,
            ),
            rows: options.rows,
            only: parts.only,
            completeness: parts.completeness,
            pending_notes: Vec::new(),
            rowless: Default::default(),
            main: parts.main,
            main_status: None,
            job: Job::new(options.front),
            termination: parts.termination,
            attaching: parts.attaching,
            handed_over: Default::default(),
            refuse_tracers: options.refuse_tracers,
            is_tracing_call: false,
            detaching: None,
            until_exit: options.until_exit || init::is_init(),
            warn: options.warn,
            progress: parts.progress,
        }
    }
}
