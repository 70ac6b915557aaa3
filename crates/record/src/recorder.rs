//! The whole of a recording: preparation, run, end.

use crate::attaching::Attaching;
use crate::audit::{Audit, Audited};
use crate::begin::{self, Kept};
use crate::call_filter::Only;
use crate::capture::Capture;
use crate::cpu_affinity::CpuAffinity;
use crate::determinism::Determinism;
use crate::error::Error;
use crate::job::Job;
use crate::namespaces::Namespaces;
use crate::options::{CpuPolicy, Options};
use crate::output;
use crate::session::Session;
use crate::sink::Sink;
use crate::task::Tasks;
use crate::watchdog::Watchdog;
use crate::writer::Writer;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use sysreel_format::{
    Clock, Completeness, EventKind, Extras, FileHeader, FileId, Origin, SourceId, TaskId,
};
use sysreel_sys::clock::WithoutTimeStamps;
use sysreel_sys::signals::{self, Termination};
use sysreel_sys::spawn::{ExecOutcome, Layout, Spawned};
use sysreel_sys::{
    Resume, Signal, Stop, SyscallInfo, Tid, Tracer, affinity, clock, init, probe, process,
};

/// A recording that is ready to run. Bound to its thread, as every tracee is.
pub struct Recorder {
    session: Session,
    writer: Writer,
    kept: Kept,
    exec: Option<ExecOutcome>,
    /// Deferred for as long as the recording lasts.
    _no_idle: Option<File>,
}

/// Counters that other threads may look at while a recording runs.
#[derive(Debug, Default)]
pub struct Progress {
    /// Events committed.
    pub events: AtomicU64,
    /// Bytes written to the log.
    pub bytes: AtomicU64,
    /// Events that could not be written.
    pub lost: AtomicU64,
}

/// How the command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// There was none, or the recording ended before it.
    NotSeen,
    /// With this exit status.
    Exited(i32),
    /// By this signal.
    Killed(Signal),
}

/// What became of a recording.
#[derive(Debug)]
pub struct Outcome {
    /// The log.
    pub path: PathBuf,
    /// How the command ended.
    pub ended: Ended,
    /// Events in the log, lost ones included.
    pub events: u64,
    /// The length of the log.
    pub bytes: u64,
    /// Events that are not in it.
    pub lost: u64,
    /// Why not, or why the log has no end.
    pub error: Option<io::Error>,
    /// What others did to the log's files while they were written. The log is where `path` says,
    /// and as whole as it could be kept.
    pub interference: Vec<String>,
    /// Why the program did not start.
    pub exec: Option<sysreel_sys::Error>,
    /// The signal that ended the recording before the program.
    pub detached: Option<Signal>,
    /// What the audit says, if there was one.
    pub audited: Option<Audited>,
    /// How many tasks were not recorded for a while, because another program traced them.
    pub unrecorded: usize,
    /// Why the log cannot be replayed to its end, if it was to be.
    pub not_replayable: Vec<String>,
}

impl Recorder {
    /// Checks that tracing works here, opens the log, starts the program (stopped before its
    /// execve), attaches.
    ///
    /// When the log goes to standard output (`-`), standard output is standard error from then on,
    /// in this process and for the program: what both write there would lie in the midst of the
    /// log.
    pub fn prepare(options: &Options) -> Result<Recorder, Error> {
        // A program that is spawned is asked itself.
        let probed = if options.pids.is_empty() { None } else { Some(probe::check_tracing()?) };
        let no_idle = match options.cpu {
            CpuPolicy::Poll => Some(affinity::hold_dma_latency().map_err(Error::Poll)?),
            _ => None,
        };
        let audit = if options.audit { Some(Audit::new()?) } else { None };
        let mut only = only(options)?;
        let standard = output::standard(options.output.as_deref(), options.force)?;
        let tracer = Tracer::following();
        // The program is looked for and the processes are seized before a file is made: a typing
        // error leaves nothing behind.
        let mut attaching = Attaching::new(options.tree);
        let attached = attach_all(&tracer, options, &mut attaching)?;
        let cpu_affinity =
            CpuAffinity::begin(options.cpu, !options.argv.is_empty(), options.only.is_some());
        let spawned = spawn(&tracer, options, only.as_mut())?;
        // Over RLIMIT_FSIZE a write shall fail with EFBIG, as on a full disk, and not kill the
        // recorder (setrlimit(2)).
        signals::ignore(&[signals::SIGXFSZ]);
        // To open a FIFO may take for ever, and a signal has to end that: they are watched for
        // afterwards.
        let files = begin::files(options, standard)?;
        let termination = watch_signals(options, spawned.as_ref())?;

        let info_size = spawned.as_ref().map(|spawned| spawned.info_size).or(probed).unwrap_or(0);
        let header =
            FileHeader::new(FileId(random()), at_start(options, !attached.is_empty())).with_sites();
        let progress = Arc::new(Progress::default());
        let watchdog = Watchdog::of_this_thread(tracer.waiting().clone(), options.warn);
        let (mut writer, kept) = begin::start_writer(
            options,
            files,
            header,
            info_size,
            &cpu_affinity,
            &progress,
            watchdog,
        )?;
        let (stop, exec) = spawned.map_or((None, None), |s| (Some(s.stop), Some(s.outcome)));
        let cpu_affinity = if options.replayable { cpu_affinity.for_good() } else { cpu_affinity };
        let session = Session {
            tracer,
            tasks: Tasks::default(),
            due: Default::default(),
            fairness: Default::default(),
            // Rarely used, and then in the midst of a stop: room is made now.
            parked: HashMap::with_capacity(16),
            ended_early: HashMap::with_capacity(16),
            sink: Sink::new(&mut writer, header.file_id),
            capture: Capture::new(options.whole_limit()),
            info: SyscallInfo::new(),
            audit,
            determinism: options.replayable.then(|| Determinism::new(options.file_contents)),
            cpu_affinity,
            names: options.names,
            fd_name: Default::default(),
            namespaces: Namespaces::new(attached.is_empty()),
            rows: options.rows,
            only,
            completeness: header.completeness,
            pending_notes: Vec::new(),
            rowless: Default::default(),
            main: stop.as_ref().map(Stop::tid),
            main_status: None,
            job: Job::new(options.front),
            termination,
            attaching,
            handed_over: Default::default(),
            refuse_tracers: options.refuse_tracers,
            is_tracing_call: false,
            detaching: None,
            until_exit: options.until_exit || init::is_init(),
            warn: options.warn,
            progress,
        };
        let mut recorder = Recorder { session, writer, kept, exec, _no_idle: no_idle };
        recorder.session.begin(&attached, stop);
        Ok(recorder)
    }

    /// The log's path.
    pub fn path(&self) -> &Path {
        &self.kept.path
    }

    /// What to do right before the shell is shown that the program has stopped, if there is a
    /// front.
    pub fn before_stop(&mut self, tidy_up: impl Fn() + 'static) {
        self.session.job.before_stop(Box::new(tidy_up));
    }

    /// Counters to look at from another thread.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.session.progress)
    }

    /// Follows the program to its end and finishes the log.
    pub fn run(mut self) -> Result<Outcome, Error> {
        // What the program does without, the tracer does without too: that is cheaper for both.
        let without = self.session.determinism.is_some().then(WithoutTimeStamps::begin);
        let result = self.session.run();
        drop(without);
        self.session.forget_away();
        let audited = self.session.end_audit();
        self.session.clock_event();
        let session = self.session;
        let ended = match session.main_status {
            Some(status) => match (status.exited(), status.killed()) {
                (Some(code), _) => Ended::Exited(code),
                (None, Some(signal)) => Ended::Killed(signal),
                (None, None) => Ended::NotSeen,
            },
            None => Ended::NotSeen,
        };
        let extras =
            Extras { exit_status: session.main_status.map(|status| status.0.cast_unsigned()) };
        let completeness = session.completeness;
        let detached = session.detaching.as_ref().and_then(|detaching| detaching.signal);
        let events = session.sink.next_event();
        session.sink.close();
        let written = self.writer.finish(completeness, extras);
        // Where nobody looked after the files they are where they were made.
        let tail = if written.path.is_some() { written.tail } else { self.kept.tail };
        if let Some(tail) = tail.filter(|_| written.finished) {
            // Everything in it is in the log now, or is said there to be lost.
            _ = fs::remove_file(tail);
        }
        result?;
        Ok(Outcome {
            path: written.path.unwrap_or(self.kept.path),
            ended,
            events,
            bytes: written.bytes,
            lost: written.lost,
            error: written.error,
            interference: written.interference,
            exec: if session.main_status.is_some() {
                self.exec.and_then(ExecOutcome::failure)
            } else {
                None
            },
            detached,
            audited,
            unrecorded: session.handed_over.count(),
            not_replayable: session
                .determinism
                .map_or_else(Vec::new, |determinism| determinism.into_refused()),
        })
    }
}

impl Session {
    /// The first events, and the first steps of the tasks that are there.
    fn begin(&mut self, attached: &[Tid], spawned: Option<Stop>) {
        self.clock_event();
        self.determinism_snapshot();
        for &tid in attached {
            self.appears_attached(tid);
        }
        let Some(stop) = spawned else { return };
        let mask = self.cpu_affinity.own_mask();
        let (tid, now) = (stop.tid(), clock::monotonic_ns());
        let ids = process::Status::of(tid).unwrap_or_default().namespace_ids;
        self.namespaces.spawned_with(&ids);
        let memory = self.tasks.new_memory();
        let trace_all = self.trace_all_at_start();
        let task = self.appears(tid, tid, TaskId::NONE, Origin::SPAWNED, now, &ids);
        task.trace_all = trace_all;
        task.memory = memory;
        task.captured = true;
        task.own_mask = mask;
        self.affinity_event(clock::monotonic_ns());
        self.filter_event();
        if self.next_stop(tid) == Resume::ToNextSyscall && self.determinism.is_none() {
            // A program that died meanwhile is reported by wait.
            _ = self.tracer.let_live(&stop);
            // Else its filter, or its time-stamp counter, would make it fail without a tracer: it
            // dies with the recorder.
        }
        // The SIGSTOP that held it back is withheld: the program never learns of it.
        let how = self.next_stop(tid);
        stop.resume(how, Signal::NONE);
    }

    /// Ties the monotonic times of the stops to the other clocks.
    fn clock_event(&mut self) {
        let now = Clock {
            monotonic: clock::monotonic_ns(),
            realtime: clock::realtime_ns(),
            boottime: clock::boottime_ns(),
        };
        self.sink.row.begin(EventKind::CLOCK, SourceId::RECORDER, TaskId::NONE, now.monotonic);
        self.sink.row.clock(&now);
        self.sink.commit();
    }
}

/// Forks the program, if there is one.
fn spawn(
    tracer: &Tracer,
    options: &Options,
    only: Option<&mut Only>,
) -> Result<Option<Spawned>, Error> {
    if options.argv.is_empty() {
        return Ok(None);
    }
    let layout = if options.replayable { Layout::Fixed } else { Layout::AsUsual };
    let filter = only.as_ref().and_then(|only| only.filter());
    let spawned = tracer.spawn(&options.argv, options.environment.as_deref(), filter, layout)?;
    if let Some(only) = only {
        only.installed_in(spawned.stop.tid());
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
        // A thread of a process named before is seized already.
        if attached.contains(&pid) {
            continue;
        }
        attaching.begin(process::Status::of(pid).map_or(pid, |status| status.tgid));
        attached.extend(tracer.attach(pid)?);
    }
    Ok(attached)
}

/// What it takes to record some calls only.
fn only(options: &Options) -> Result<Option<Only>, Error> {
    let Some(filter) = &options.only else { return Ok(None) };
    if !options.pids.is_empty() {
        return Err(Error::OnlyAttached);
    }
    let random: [u8; 16] = random();
    let data = u16::from_le_bytes([random[0], random[1]]);
    Only::new(filter, options.names, data).map(Some).ok_or(Error::OnlyTooLong)
}

/// What a log of this recording cannot show from the start.
fn at_start(options: &Options, attached: bool) -> Completeness {
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

/// Settles which signals this process gets, once the program was forked and has what it inherits.
///
/// With a command, the terminal's keys are meant for it; without a front this process is in the
/// same foreground group and gets the signals itself.
fn watch_signals(options: &Options, spawned: Option<&Spawned>) -> Result<Termination, Error> {
    if let Some(front) = options.front {
        front.leave_group(spawned.map(|spawned| spawned.stop.tid()))?;
    }
    signals::without_those_for_stops();
    if spawned.is_some() && !init::is_init() {
        signals::ignore(&[signals::SIGINT, signals::SIGQUIT]);
    }
    Ok(Termination::watch(&asking_to_stop(spawned.is_some()), spawned.is_none())?)
}

/// The signals that end a recording: of attached processes also the terminal's Ctrl-C. The first
/// process of a container gets what is meant for the program that it runs, and passes it on.
fn asking_to_stop(with_command: bool) -> Vec<Signal> {
    let mut signals = vec![signals::SIGTERM, signals::SIGHUP];
    if !with_command || init::is_init() {
        signals.extend([signals::SIGINT, signals::SIGQUIT]);
    }
    if with_command && init::is_init() {
        signals.extend([signals::SIGUSR1, signals::SIGUSR2, signals::SIGALRM, signals::SIGWINCH]);
    }
    signals
}

fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    if File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes)).is_err() {
        // Without the device (a bare chroot) the clocks must do: the id tells files apart, it
        // guards no secret.
        bytes[..8].copy_from_slice(&clock::realtime_ns().to_le_bytes());
        bytes[8..].copy_from_slice(
            &(clock::monotonic_ns() ^ u64::from(std::process::id()) << 40).to_le_bytes(),
        );
    }
    bytes
}

impl Progress {
    /// Events, bytes and lost events so far.
    pub fn now(&self) -> (u64, u64, u64) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (read(&self.events), read(&self.bytes), read(&self.lost))
    }
}
