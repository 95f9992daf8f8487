//! The machine that was measured on, as far as it says what it is.

use serde::Serialize;
use std::fs;

/// What a figure depends on.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct MachineDescription {
    /// Name of the processor.
    pub(crate) cpu: Option<String>,
    /// Cores that this process may use.
    pub(crate) cores: u64,
    /// Memory.
    pub(crate) memory_bytes: Option<u64>,
    /// Kernel's release.
    pub(crate) kernel: Option<String>,
    /// Quota and period of the control group, as the kernel writes them.
    pub(crate) cgroup: Option<String>,
    /// Load of one minute, before the first run.
    pub(crate) load: Option<f64>,
    /// Part of the CPU time that went to other machines of the host while it was measured.
    pub(crate) steal_fraction: Option<f64>,
}

/// The machine before the first run.
#[derive(Debug)]
pub(crate) struct Machine {
    load: Option<f64>,
    ticks: Option<Ticks>,
}

/// CPU time of the whole machine, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ticks {
    all: u64,
    stolen: u64,
}

impl Machine {
    /// Looks at what changes while it is measured.
    pub(crate) fn look() -> Self {
        Self { load: read("/proc/loadavg").as_deref().and_then(load_of), ticks: ticks_now() }
    }

    /// Describes the machine, with what changed since the first look.
    pub(crate) fn describe(&self) -> MachineDescription {
        let steal_fraction = match (self.ticks, ticks_now()) {
            (Some(before), Some(after)) => stolen(before, after),
            _ => None,
        };
        let n_cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        MachineDescription {
            cpu: read("/proc/cpuinfo").as_deref().and_then(cpu_of),
            cores: n_cores as u64,
            memory_bytes: read("/proc/meminfo").as_deref().and_then(memory_of),
            kernel: read("/proc/sys/kernel/osrelease").map(|text| text.trim().to_owned()),
            cgroup: read("/sys/fs/cgroup/cpu.max").map(|text| text.trim().to_owned()),
            load: self.load,
            steal_fraction,
        }
    }
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}

fn ticks_now() -> Option<Ticks> {
    read("/proc/stat").as_deref().and_then(ticks_of)
}

fn cpu_of(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn memory_of(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find(|line| line.starts_with("MemTotal:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1_024)
}

fn load_of(loadavg: &str) -> Option<f64> {
    loadavg.split_whitespace().next()?.parse().ok()
}

/// The first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal; guests
/// are part of user.
fn ticks_of(stat: &str) -> Option<Ticks> {
    let line = stat.lines().find(|line| line.starts_with("cpu "))?;
    let ticks: Vec<u64> =
        line.split_whitespace().skip(1).take(8).map_while(|tick| tick.parse().ok()).collect();
    let stolen = *ticks.get(7)?;
    Some(Ticks { all: ticks.iter().sum(), stolen })
}

#[expect(clippy::cast_precision_loss, reason = "a fraction for people")]
fn stolen(before: Ticks, after: Ticks) -> Option<f64> {
    let all = after.all.checked_sub(before.all).filter(|all| *all > 0)?;
    let stolen = after.stolen.checked_sub(before.stolen)?;
    Some(stolen as f64 / all as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_writes_is_understood() {
        assert_eq!(
            cpu_of("processor\t: 0\nmodel name\t: A CPU @ 2 GHz\n").as_deref(),
            Some("A CPU @ 2 GHz")
        );
        assert_eq!(memory_of("MemTotal:       2048 kB\nMemFree: 1 kB\n"), Some(2 << 20));
        assert_eq!(load_of("1.25 0.50 0.10 1/200 999\n"), Some(1.25));
        assert_eq!(cpu_of("processor : 0\n"), None);
    }

    #[test]
    fn stolen_time_is_that_of_the_measurement_alone() {
        let before = ticks_of("cpu  10 0 10 70 0 0 0 10 5 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n").unwrap();
        let after = ticks_of("cpu  40 0 10 100 0 0 0 30 9 0\n").unwrap();

        assert_eq!(before, Ticks { all: 100, stolen: 10 });
        assert_eq!(stolen(before, after), Some(0.25));
        assert_eq!(stolen(after, after), None);
    }

    #[test]
    fn this_machine_says_what_it_is() {
        let described = Machine::look().describe();

        assert!(described.cores >= 1);
        assert!(described.memory_bytes.is_none_or(|bytes| bytes > 1 << 20), "{described:?}");
    }
}
