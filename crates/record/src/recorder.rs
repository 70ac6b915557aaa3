//! A recording from preparation to end.

use crate::attaching::Attaching;
use crate::audit::Audit;
use crate::begin::{self, LogPaths, Parts};
use crate::call_filter::Only;
use crate::cpu_affinity::CpuAffinity;
use crate::error::Error;
use crate::options::{CpuPolicy, Options};
use crate::outcome::{Ended, Outcome, Progress};
use crate::output;
use crate::session::Session;
use crate::sink::Sink;
use crate::watchdog::Watchdog;
use crate::writer::Writer;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use sysreel_format::{
    Clock, Completeness, EventKind, Extras, FileHeader, FileId, Origin, SourceId, TaskId,
};
use sysreel_sys::clock::WithoutTimeStamps;
use sysreel_sys::signals::{self, Termination};
use sysreel_sys::spawn::{ExecOutcome, Layout, Spawned};
use sysreel_sys::{Resume, Signal, Stop, Tid, Tracer, affinity, clock, init, probe, process};

/// A recording that is ready to run. Bound to its thread, as its tracees are.
pub struct Recorder {
    session: Session,
    writer: Writer,
    paths: LogPaths,
    exec: Option<ExecOutcome>,
    /// Open for the whole recording.
    _no_idle: Option<File>,
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
        let mut only = prepare_only(options)?;
        let standard = output::take_standard(options.output.as_deref(), options.force)?;
        let tracer = Tracer::following();
        // The program is searched and processes are seized before any file is created, so that a
        // typing error leaves no file.
        let mut attaching = Attaching::new(options.tree);
        let attached = attach_all(&tracer, options, &mut attaching)?;
        let cpu_affinity =
            CpuAffinity::begin(options.cpu, !options.argv.is_empty(), options.only.is_some());
        let spawned = spawn(&tracer, options, only.as_mut())?;
        // A write over RLIMIT_FSIZE must fail with EFBIG, as on a full disk, and not kill the
        // recorder (setrlimit(2)).
        signals::ignore(&[signals::SIGXFSZ]);
        // Opening a FIFO can block and must be interruptible, so signals are watched only
        // afterwards.
        let files = begin::open_files(options, standard)?;
        let termination = watch_signals(options, spawned.as_ref())?;

        let info_size = spawned.as_ref().map(|spawned| spawned.info_size).or(probed).unwrap_or(0);
        let header =
            FileHeader::new(FileId(random()), completeness_at_start(options, !attached.is_empty()))
                .with_sites();
        let progress = Arc::new(Progress::default());
        let watchdog = Watchdog::for_this_thread(tracer.waiting().clone(), options.warn);
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
        let cpu_affinity =
            if options.replayable { cpu_affinity.keep_shared() } else { cpu_affinity };
        let parts = Parts {
            tracer,
            sink: Sink::new(&mut writer, header.file_id),
            audit,
            cpu_affinity,
            has_attached: !attached.is_empty(),
            only,
            completeness: header.completeness,
            main: stop.as_ref().map(Stop::tid),
            termination,
            attaching,
            progress,
        };
        let session = Session::new(options, parts);
        let mut recorder = Recorder { session, writer, paths, exec, _no_idle: no_idle };
        recorder.session.begin(&attached, stop);
        Ok(recorder)
    }

    /// The path of the log.
    pub fn path(&self) -> &Path {
        &self.paths.path
    }

    /// Sets what to do before the shell is shown that the program has stopped, if there is a front.
    pub fn before_stop(&mut self, tidy_up: impl Fn() + 'static) {
        self.session.job.before_stop(Box::new(tidy_up));
    }

    /// Returns counters for another thread.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.session.progress)
    }

    /// Follows the program to its end and finishes the log.
    ///
    /// # Errors
    /// When waiting for tasks fails. Failures of writing the log are in [`Outcome::error`].
    pub fn run(mut self) -> Result<Outcome, Error> {
        // Tracer and program both run without time-stamp counter: switching between them is then
        // cheaper.
        let without = self.session.determinism.is_some().then(WithoutTimeStamps::begin);
        let result = self.session.run();
        drop(without);
        self.session.record_ends_of_away();
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
        // Without a log guard the files are where they were created.
        let tail = if written.path.is_some() { written.tail } else { self.paths.tail };
        if let Some(tail) = tail.filter(|_| written.finished) {
            // Its events are in the log now, or noted there as lost.
            _ = fs::remove_file(tail);
        }
        result?;
        Ok(Outcome {
            path: written.path.unwrap_or(self.paths.path),
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
            wrong_snapshots: session.snapshots.into_wrong(),
            unrecorded: session.handed_over.count(),
            not_replayable: session
                .determinism
                .map_or_else(Vec::new, |determinism| determinism.into_refused()),
        })
    }
}

impl Session {
    /// Records the first events and resumes or interrupts the initial tasks.
    fn begin(&mut self, attached: &[Tid], spawned: Option<Stop>) {
        self.clock_event();
        self.determinism_snapshot();
        for &tid in attached {
            self.add_attached_task(tid);
        }
        let Some(stop) = spawned else { return };
        let mask = self.cpu_affinity.own_mask();
        let (tid, now) = (stop.tid(), clock::monotonic_ns());
        let ids = process::Status::read(tid).unwrap_or_default().namespace_ids;
        self.snapshots.namespaces.set_spawned_ids(&ids);
        self.snapshots.spawned(tid);
        let memory = self.tasks.new_memory();
        let trace_all = self.trace_all_at_start();
        let task = self.add_task(tid, tid, TaskId::NONE, Origin::SPAWNED, now, &ids);
        task.trace_all = trace_all;
        task.memory = memory;
        task.captured = true;
        task.own_mask = mask;
        self.affinity_event(clock::monotonic_ns());
        self.filter_event();
        if self.next_stop(tid) == Resume::ToNextSyscall && self.determinism.is_none() {
            // If the program has died, wait reports it.
            _ = self.tracer.clear_exitkill(&stop);
            // Otherwise the program dies with the recorder: without a tracer its filter or its
            // trapped time-stamp counter would make it fail.
        }
        // The SIGSTOP that held it is suppressed; the program never sees it.
        let how = self.next_stop(tid);
        stop.resume(how, Signal::NONE);
    }

    /// Ties the monotonic times of stops to the other clocks.
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
        only.check_installed(spawned.stop.tid());
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

/// Prepares `--only`.
fn prepare_only(options: &Options) -> Result<Option<Only>, Error> {
    let Some(filter) = &options.only else { return Ok(None) };
    if !options.pids.is_empty() {
        return Err(Error::OnlyAttached);
    }
    let random: [u8; 16] = random();
    let data = u16::from_le_bytes([random[0], random[1]]);
    Only::new(filter, options.names, data).map(Some).ok_or(Error::OnlyTooLong)
}

/// Returns what a log of this recording cannot show from the start.
fn completeness_at_start(options: &Options, attached: bool) -> Completeness {
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

/// Sets up this process's signals, after the program was forked with the inherited ones.
///
/// With a command, the terminal's keys are meant for the program. Without a front this process is
/// in the same foreground group and gets the signals too.
fn watch_signals(options: &Options, spawned: Option<&Spawned>) -> Result<Termination, Error> {
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

fn random() -> [u8; 16] {
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
