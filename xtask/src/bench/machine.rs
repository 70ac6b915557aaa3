//! The machine, and whether it is idle.

use anyhow::{Context, Result, bail};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The unit of /proc/stat (proc(5)): 1/100 s on every architecture that sysreel records on
/// (asm-generic/param.h).
const USER_HZ: f64 = 100.0;
/// How long the load is observed.
const WINDOW: Duration = Duration::from_millis(500);
/// A CPU that is busier than this in the window is not idle.
const IDLE: f64 = 0.06;
/// The share of a run's time that other programs may use of one CPU.
const FOREIGN: f64 = 0.10;
/// Three ticks of the clock: less says nothing about a short run.
const FOREIGN_LEAST: f64 = 0.03;

/// CPU time in seconds since boot.
#[derive(Clone)]
struct CpuTimes {
    /// For each CPU, its number and its time outside of idle.
    busy: Vec<(usize, f64)>,
}

impl CpuTimes {
    fn now() -> Result<CpuTimes> {
        let text = fs::read_to_string("/proc/stat").context("/proc/stat")?;
        let busy = text
            .lines()
            .filter_map(|line| {
                let (cpu, ticks) = line.strip_prefix("cpu")?.split_once(' ')?;
                let ticks: Vec<f64> =
                    ticks.split_whitespace().map_while(|word| word.parse().ok()).collect();
                // user nice system idle iowait irq softirq steal: time that the host takes (steal)
                // is lost, too.
                let busy: f64 = ticks.iter().take(8).sum::<f64>() - ticks.get(3)? - ticks.get(4)?;
                Some((cpu.parse().ok()?, busy / USER_HZ))
            })
            .collect();
        Ok(CpuTimes { busy })
    }

    fn since(&self, before: &CpuTimes) -> Vec<(usize, f64)> {
        self.busy
            .iter()
            .zip(&before.busy)
            .map(|((cpu, now), (_, then))| (*cpu, now - then))
            .collect()
    }
}

/// Returns the CPU time of this process and of its children that ended, in seconds.
fn own_time() -> Result<f64> {
    let mut sum = 0.0;
    for who in [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN] {
        let usage = getrusage(who).context("getrusage")?;
        sum += (usage.user_time() + usage.system_time()).num_microseconds() as f64 / 1e6;
    }
    Ok(sum)
}

/// Observes the machine from its creation.
pub(super) struct Watch {
    times: CpuTimes,
    own: f64,
    began: Instant,
}

impl Watch {
    pub(super) fn begin() -> Result<Watch> {
        Ok(Watch { times: CpuTimes::now()?, own: own_time()?, began: Instant::now() })
    }

    /// Whether other programs used so much CPU that a measurement since then is useless.
    pub(super) fn disturbed(&self) -> Result<bool> {
        let elapsed = self.began.elapsed().as_secs_f64();
        let busy: f64 = CpuTimes::now()?.since(&self.times).iter().map(|(_, busy)| busy).sum();
        let foreign = busy - (own_time()? - self.own);
        Ok(foreign > (elapsed * FOREIGN).max(FOREIGN_LEAST))
    }
}

/// Waits until every CPU is idle and returns the idlest, or fails after `patience`.
pub(super) fn wait_until_idle(patience: Duration) -> Result<usize> {
    let began = Instant::now();
    loop {
        let before = CpuTimes::now()?;
        sleep(WINDOW);
        let busy = CpuTimes::now()?.since(&before);
        let share = |busy: f64| busy / WINDOW.as_secs_f64();
        if busy.iter().all(|&(_, busy)| share(busy) < IDLE) {
            return idlest(&busy);
        }
        if began.elapsed() > patience {
            let list: Vec<String> = busy
                .iter()
                .map(|&(cpu, busy)| format!("CPU {cpu} {:.0} %", share(busy) * 100.0))
                .collect();
            bail!(
                "the machine is busy ({}), so nothing can be judged; try again when it is idle, or \
                 see figures all the same with --force",
                list.join(", ")
            );
        }
    }
}

/// Returns the idlest CPU, however busy.
pub(super) fn idlest_now() -> Result<usize> {
    let before = CpuTimes::now()?;
    sleep(WINDOW / 5);
    idlest(&CpuTimes::now()?.since(&before))
}

fn idlest(busy: &[(usize, f64)]) -> Result<usize> {
    busy.iter()
        .min_by(|(_, a), (_, b)| a.total_cmp(b))
        .map(|(cpu, _)| *cpu)
        .context("/proc/stat names no CPU")
}

/// Returns the facts about the machine that a reader of the figures needs. They do not change from
/// run to run.
pub(super) fn facts() -> Vec<(&'static str, String)> {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let field = |name: &str| {
        let line = cpuinfo.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let cpus = cpuinfo.lines().filter(|line| line.starts_with("processor")).count();
    let flags = field("flags").unwrap_or_default();
    let virtualised = flags.split(' ').any(|flag| flag == "hypervisor");
    vec![
        ("CPU", field("model name").unwrap_or_else(|| "unknown".into())),
        ("CPUs online", cpus.to_string()),
        ("virtual machine", if virtualised { "yes" } else { "no" }.into()),
        ("kernel", format!("Linux {}", read("/proc/sys/kernel/osrelease").trim())),
        ("strace", first_line("strace", "-V").replace("strace -- ", "")),
        ("gcc", first_line("gcc", "--version")),
        ("zstd", first_line("zstd", "--version")),
    ]
}

fn first_line(program: &str, option: &str) -> String {
    let Ok(output) = Command::new(program).arg(option).output() else {
        return "not installed".into();
    };
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .next()
        .unwrap_or("unknown")
        .trim_matches('*')
        .trim()
        .to_owned()
}
