//! The tracer threads besides the first.

use crate::audit::Audit;
use crate::call_filter::CallFilter;
use crate::cpu_affinity::CpuAffinity;
use crate::engine::{Attaching, Ended, Engine, FairScheduler, Log, Parts, Peers};
use crate::error::Error;
use crate::names::Names;
use crate::options::Options;
use crate::watchdog::Watched;
use std::thread::JoinHandle;
use sysreel_sys::{Tid, Tracer, WaitStatus, init};

/// A recording that stores what happens, and changes as little as possible.
pub(crate) type Plain =
    Engine<FairScheduler, (Option<Names>, CpuAffinity, Option<Audit>, Option<CallFilter>)>;

/// A tracer that gets its tasks from others.
struct OtherTracer {
    options: Options,
    member: Peers,
    log: Log,
    cpu_affinity: CpuAffinity,
    /// The spawned program: one of its threads may be here and take its id by an execve.
    program: Option<Tid>,
    watched: Watched,
}

/// A tracer that was started.
pub(crate) struct Started {
    thread: JoinHandle<(Result<(), Error>, OtherOver)>,
}

/// Returns the number of tracers. One if this process gets orphans: the kernel reports the stops of
/// a child to its parent too, if that is another thread of the tracer's process.
fn count(options: &Options) -> usize {
    if init::gets_orphans() { 1 } else { options.tracers }
}

/// Returns the tracer of the calling thread.
pub(crate) fn first(options: &Options) -> Tracer {
    let tracer = Tracer::following();
    if count(options) > 1 { tracer.among_others() } else { tracer }
}

/// Starts the tracers of a recording besides the first. Returns the part of the first.
///
/// # Errors
/// The errno of starting a thread.
pub(crate) fn start(
    options: &Options,
    log: &Log,
    cpu_affinity: &CpuAffinity,
    program: Option<Tid>,
    watched: &Watched,
) -> Result<(Option<Peers>, Vec<Started>), Error> {
    let count = count(options);
    if count < 2 {
        return Ok((None, Vec::new()));
    }
    let mut members = Peers::of_each(count, options.move_processes).into_iter();
    let first = members.next();
    let others = members.enumerate().map(|(nth, member)| OtherTracer {
        options: options.clone(),
        member,
        log: log.for_another(),
        cpu_affinity: cpu_affinity.for_another(nth),
        program,
        watched: watched.clone(),
    });
    let started = cpu_affinity.with_own_mask(|| {
        _ = first.as_ref().map(Peers::start_announcer).transpose()?;
        others.map(OtherTracer::start).collect::<std::io::Result<_>>()
    });
    Ok((first, started.map_err(Error::Thread)?))
}

/// What another tracer knows when the recording is over.
pub(crate) struct OtherOver {
    pub(crate) log: Log,
    /// The wait status of the spawned program, if it ended here.
    pub(crate) status: Option<WaitStatus>,
    pub(crate) handed_over: usize,
    pub(crate) wrong_snapshots: Vec<String>,
}

impl OtherTracer {
    fn start(self) -> std::io::Result<Started> {
        let name = "tracer".to_owned();
        let thread = std::thread::Builder::new().name(name).spawn(move || self.run())?;
        Ok(Started { thread })
    }

    fn run(self) -> (Result<(), Error>, OtherOver) {
        let OtherTracer { options, member, log, cpu_affinity, program, watched } = self;
        cpu_affinity.begin_another();
        let tracer = Tracer::following().among_others();
        watched.add_this_thread(tracer.waiting().clone());
        let parts = Parts {
            tracer,
            log,
            has_attached: false,
            program,
            termination: None,
            attaching: Attaching::new(false),
            peers: Some(member),
        };
        let names = options.names.then(|| Names::new(true));
        let hooks = (names, cpu_affinity, None, None);
        let mut engine: Plain = Engine::new(&options, parts, FairScheduler::default(), hooks);
        let result = engine.run();
        let Ended { log, status, handed_over, wrong_snapshots, .. } = engine.end();
        (result, OtherOver { log, status, handed_over, wrong_snapshots })
    }
}

impl Started {
    /// Waits for the end of the tracer. The result is that of following its tasks.
    pub(crate) fn join(self) -> (Result<(), Error>, OtherOver) {
        match self.thread.join() {
            Ok(ended) => ended,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}
