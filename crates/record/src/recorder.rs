//! A recording from preparation to end.

use crate::audit::{Audit, Audited};
use crate::begin::{self, LogPaths};
use crate::call_filter::CallFilter;
use crate::cpu_affinity::CpuAffinity;
use crate::determinism::{Determinism, Groups, TurnScheduler};
use crate::engine::{self, Attaching, Engine, FairScheduler, Log, Parts};
use crate::error::Error;
use crate::fast::{Fast, FastFigures};
use crate::names::Names;
use crate::options::{CpuPolicy, Options};
use crate::outcome::{Ended, Outcome};
use crate::output;
use crate::progress::Progress;
use crate::sink::Sink;
use crate::tracers::{self, OtherOver, Plain, Started};
use crate::watchdog::Watchdog;
use crate::writer::Writer;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use sysreel_format::{Extras, FileHeader, FileId, NoteCode};
use sysreel_sys::clock::WithoutTimeStamps;
use sysreel_sys::signals;
use sysreel_sys::spawn::{ExecOutcome, Layout, Spawned};
use sysreel_sys::{Signal, Stop, Tid, Tracer, WaitStatus, affinity, probe, process};

/// A recording that can be replayed.
type Replayable = Engine<TurnScheduler, (Option<Names>, CpuAffinity, Determinism, Groups)>;

/// A recording from inside the processes.
type FromInside = Engine<FairScheduler, (Option<Names>, CpuAffinity, Fast)>;

/// The engine of a recording. The only place that knows which kind of recording it is.
enum Recording {
    Plain(Box<Plain>),
    Replayable(Box<Replayable>),
    FromInside(Box<FromInside>),
}

/// Does something with the engine, whichever it is.
macro_rules! with_engine {
    ($recording:expr, $engine:ident => $call:expr) => {
        match $recording {
            Recording::Plain($engine) => $call,
            Recording::Replayable($engine) => $call,
            Recording::FromInside($engine) => $call,
        }
    };
}

/// A recording that is ready to run. Bound to its thread, as its tracees are.
pub struct Recorder {
    recording: Recording,
    writer: Writer,
    paths: LogPaths,
    exec: Option<ExecOutcome>,
    /// The tracers besides this thread.
    others: Vec<Started>,
    /// Open for the whole recording.
    _no_idle: Option<File>,
}

/// What is known when the recording is over.
struct Over {
    log: Log,
    status: Option<WaitStatus>,
    signal: Option<Signal>,
    handed_over: usize,
    wrong_snapshots: Vec<String>,
    audited: Option<Audited>,
    fast: Option<FastFigures>,
    not_replayable: Vec<String>,
    differing: Vec<String>,
    answered: Vec<&'static str>,
}

impl Recorder {
    /// Checks that tracing works, opens the log, starts the program (stopped before its execve),
    /// attaches.
    ///
    /// When the log goes to standard output (`-`), standard error replaces standard output in this
    /// process and in the program: what they write must not get into the log.
    ///
    /// # Errors
    /// When tracing does not work here, the program is not found, a process cannot be attached to,
    /// the log cannot be written at its path, or the options contradict each other.
    pub fn prepare(options: &Options) -> Result<Recorder, Error> {
        // For a spawned program, `spawn` makes this check.
        let probed = if options.pids.is_empty() { None } else { Some(probe::check_tracing()?) };
        let no_idle = match options.cpu {
            CpuPolicy::Poll => Some(affinity::hold_dma_latency().map_err(Error::Poll)?),
            _ => None,
        };
        let audit = if options.audit { Some(Audit::new()?) } else { None };
        let mut call_filter = prepare_call_filter(options)?;
        let mut fast = prepare_fast(options)?;
        let standard = output::take_standard(options.output.as_deref(), options.force)?;
        let tracer = tracers::first(options);
        // The program is searched and processes are seized before any file is created, so that a
        // typing error leaves no file.
        let mut attaching = Attaching::new(options.tree);
        let attached = attach_all(&tracer, options, &mut attaching)?;
        let cpu_affinity =
            CpuAffinity::begin(options.cpu, !options.argv.is_empty(), options.only.is_some());
        let spawned = spawn(&tracer, options, call_filter.as_mut(), fast.as_mut())?;
        // A write over RLIMIT_FSIZE must fail with EFBIG, as on a full disk, and not kill the
        // recorder (setrlimit(2)).
        signals::ignore(&[signals::SIGXFSZ]);
        begin::hold_signals(options, spawned.is_some())?;
        let files = begin::open_files(options, standard)?;
        let termination = begin::watch_signals(options, spawned.as_ref())?;

        let info_size = spawned.as_ref().map(|spawned| spawned.info_size).or(probed).unwrap_or(0);
        let header = FileHeader::new(
            FileId(begin::random()),
            begin::completeness_at_start(options, !attached.is_empty()),
        )
        .with_sites();
        let progress = Arc::new(Progress::default());
        let watchdog = Watchdog::for_this_thread(tracer.waiting().clone(), options.warn);
        let watched = watchdog.watched();
        let (mut writer, paths) = begin::start_writer(
            options,
            files,
            header,
            info_size,
            &cpu_affinity,
            &progress,
            watchdog,
        )?;
        let (stop, exec) = spawned.map_or((None, None), |s| (Some(s.stop), Some(s.outcome)));
        let sink = Sink::new(writer.take_exchange(), header.file_id);
        let log = Log::new(sink, header.completeness, progress, options.warn);
        let program = stop.as_ref().map(Stop::tid);
        let (peers, others) = tracers::start(options, &log, &cpu_affinity, program, &watched)?;
        let parts = Parts {
            tracer,
            log,
            has_attached: !attached.is_empty(),
            program,
            termination: Some(termination),
            attaching,
            peers,
        };
        let hooks = (cpu_affinity, audit, call_filter, fast);
        let mut recording = Recording::new(options, parts, hooks);
        with_engine!(&mut recording, engine => engine.begin(&attached, stop));
        Ok(Recorder { recording, writer, paths, exec, others, _no_idle: no_idle })
    }

    /// The path of the log.
    pub fn path(&self) -> &Path {
        &self.paths.path
    }

    /// Sets what to do before the shell is shown that the program has stopped, if there is a front.
    pub fn before_stop(&mut self, tidy_up: impl Fn() + 'static) {
        with_engine!(&mut self.recording, engine => engine.before_stop(Box::new(tidy_up)));
    }

    /// Returns counters for another thread.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(with_engine!(&self.recording, engine => engine.progress()))
    }

    /// Follows the program to its end and finishes the log.
    ///
    /// # Errors
    /// When waiting for tasks fails. Failures of writing the log are in [`Outcome::error`].
    pub fn run(mut self) -> Result<Outcome, Error> {
        let mut result = self.recording.run();
        let mut over = self.recording.end();
        for other in self.others {
            let (ended, other) = other.join();
            over.add(other);
            result = result.and(ended);
        }
        let ended = match over.status {
            Some(status) => match (status.exited(), status.killed()) {
                (Some(code), _) => Ended::Exited(code),
                (None, Some(signal)) => Ended::Killed(signal),
                (None, None) => Ended::NotSeen,
            },
            None => Ended::NotSeen,
        };
        let extras = Extras { exit_status: over.status.map(|status| status.0.cast_unsigned()) };
        let events = over.log.sink.next_event();
        let completeness = over.log.completeness;
        over.log.sink.close();
        let written = self.writer.finish(completeness, extras);
        // Without a log guard the files are where they were created.
        let tail = if written.path.is_some() { written.tail } else { self.paths.tail };
        if let Some(tail) = tail.filter(|_| written.finished) {
            // Its events are in the log now, or noted there as lost.
            _ = fs::remove_file(tail);
        }
        result?;
        let has_ended = over.status.is_some();
        Ok(Outcome {
            path: written.path.unwrap_or(self.paths.path),
            ended,
            events,
            bytes: written.bytes,
            lost: written.lost,
            error: written.error,
            interference: written.interference,
            exec: self.exec.filter(|_| has_ended).and_then(ExecOutcome::failure),
            detached: over.signal,
            audited: over.audited,
            fast: over.fast,
            wrong_snapshots: over.wrong_snapshots,
            unrecorded: over.handed_over,
            not_replayable: over.not_replayable,
            differing: over.differing,
            answered: over.answered,
        })
    }
}

impl Recording {
    fn new(
        options: &Options,
        parts: Parts,
        (cpu_affinity, audit, call_filter, fast): (
            CpuAffinity,
            Option<Audit>,
            Option<CallFilter>,
            Option<Fast>,
        ),
    ) -> Recording {
        let names = options.names.then(|| Names::new(options.only.is_none()));
        if options.replayable {
            let determinism = Determinism::new(options.file_contents);
            let hooks = (names, cpu_affinity.keep_shared(), determinism, Groups::default());
            let scheduler = TurnScheduler::default();
            Recording::Replayable(Box::new(Engine::new(options, parts, scheduler, hooks)))
        } else if let Some(fast) = fast {
            let (hooks, scheduler) = ((names, cpu_affinity, fast), FairScheduler::default());
            Recording::FromInside(Box::new(Engine::new(options, parts, scheduler, hooks)))
        } else {
            let hooks = (names, cpu_affinity, audit, call_filter);
            let scheduler = FairScheduler::default();
            Recording::Plain(Box::new(Engine::new(options, parts, scheduler, hooks)))
        }
    }

    fn run(&mut self) -> Result<(), Error> {
        match self {
            Recording::Plain(engine) => engine.run(),
            Recording::FromInside(engine) => engine.run(),
            Recording::Replayable(engine) => {
                // Tracer and program both run without time-stamp counter: switching between them is
                // then cheaper.
                let _without = WithoutTimeStamps::begin();
                engine.run()
            }
        }
    }

    fn end(self) -> Over {
        match self {
            Recording::Plain(engine) => {
                let ended = engine.end();
                let (_, _, audit, _) = &ended.hooks;
                let audited = audit.as_ref().map(Audit::figures);
                Over { audited, ..Over::of(ended) }
            }
            Recording::FromInside(engine) => {
                let ended = engine.end();
                let fast = Some(ended.hooks.2.figures());
                Over { fast, ..Over::of(ended) }
            }
            Recording::Replayable(engine) => {
                let ended = engine.end();
                let not_replayable = ended.log.noted(NoteCode::NOT_REPLAYABLE);
                let differing = ended.log.noted(NoteCode::MAY_DIFFER);
                let answered = ended.hooks.2.answered();
                Over { not_replayable, differing, answered, ..Over::of(ended) }
            }
        }
    }
}

impl Over {
    /// Adds what another tracer knows.
    fn add(&mut self, other: OtherOver) {
        self.log.add(other.log);
        self.status = self.status.or(other.status);
        self.handed_over += other.handed_over;
        self.wrong_snapshots.extend(other.wrong_snapshots);
    }

    fn of<H>(ended: engine::Ended<H>) -> Over {
        let engine::Ended { log, status, signal, handed_over, wrong_snapshots, .. } = ended;
        Over {
            log,
            status,
            signal,
            handed_over,
            wrong_snapshots,
            audited: None,
            fast: None,
            not_replayable: Vec::new(),
            differing: Vec::new(),
            answered: Vec::new(),
        }
    }
}

/// Forks the program, if there is one.
fn spawn(
    tracer: &Tracer,
    options: &Options,
    call_filter: Option<&mut CallFilter>,
    fast: Option<&mut Fast>,
) -> Result<Option<Spawned>, Error> {
    if options.argv.is_empty() {
        return Ok(None);
    }
    let layout = if options.replayable { Layout::Fixed } else { Layout::AsUsual };
    let filter = call_filter
        .as_ref()
        .and_then(|filter| filter.filter())
        .or(fast.as_ref().map(|fast| fast.filter()));
    let spawned = tracer.spawn(&options.argv, options.environment.as_deref(), filter, layout)?;
    if let Some(filter) = call_filter {
        filter.check_installed(spawned.stop.tid());
    }
    if let Some(fast) = fast {
        fast.check_installed(spawned.stop.tid());
    }
    Ok(Some(spawned))
}

fn attach_all(
    tracer: &Tracer,
    options: &Options,
    attaching: &mut Attaching,
) -> Result<Vec<Tid>, Error> {
    let mut attached = Vec::new();
    for &pid in &options.pids {
        // A thread of a process named before is already seized.
        if attached.contains(&pid) {
            continue;
        }
        attaching.begin(process::Status::read(pid).map_or(pid, |status| status.tgid));
        attached.extend(tracer.attach(pid)?);
    }
    Ok(attached)
}

/// Prepares `--fast`.
fn prepare_fast(options: &Options) -> Result<Option<Fast>, Error> {
    let Some(mode) = options.fast else { return Ok(None) };
    let random: [u8; 2] = {
        let [first, second, ..] = begin::random();
        [first, second]
    };
    Fast::new(mode, options.names, u16::from_le_bytes(random)).map(Some)
}

/// Prepares `--only`.
fn prepare_call_filter(options: &Options) -> Result<Option<CallFilter>, Error> {
    let Some(filter) = &options.only else { return Ok(None) };
    if !options.pids.is_empty() {
        return Err(Error::OnlyAttached);
    }
    let random: [u8; 16] = begin::random();
    let data = u16::from_le_bytes([random[0], random[1]]);
    CallFilter::new(filter, options.names, data).map(Some).ok_or(Error::OnlyTooLong)
}
