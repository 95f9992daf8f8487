//! The flags and settings of the processes, from the table of `docs/operations.md`.

use crate::workspace;

/// One row of the table.
struct Flag {
    name: String,
    setting: String,
    processes: Vec<String>,
}

/// Every flag of every process.
pub(crate) struct Flags(Vec<Flag>);

impl Flags {
    /// The table `## Flags` of the page for operators.
    pub(crate) fn documented() -> Self {
        let page = workspace::text_of("docs/operations.md");
        let (_, section) = page.split_once("\n## Flags\n").expect("the page has its section");
        let section = section.split("\n## ").next().unwrap_or(section);
        let flags: Vec<_> = section.lines().filter_map(row).collect();
        assert!(flags.len() > 10, "the table was not read: {} rows", flags.len());
        Self(flags)
    }

    /// Whether the process knows the flag, such as `--listen`.
    pub(crate) fn knows(&self, process: &str, flag: &str) -> bool {
        self.of(process).any(|known| known.name == flag)
    }

    /// Whether the process knows what the variable sets, such as `EVMESH_GRPC__LISTEN`.
    pub(crate) fn knows_variable(&self, process: &str, variable: &str) -> bool {
        let setting = variable.replacen("EVMESH_", "", 1).replace("__", ".").to_lowercase();
        self.of(process).any(|known| known.setting == setting)
    }

    fn of(&self, process: &str) -> impl Iterator<Item = &Flag> {
        let process = process.to_owned();
        self.0.iter().filter(move |flag| flag.processes.contains(&process))
    }
}

/// ``| `--listen HOST:PORT` | `grpc.listen` | coordinator, worker, state | … |``; a setting without a
/// flag has an empty first cell.
fn row(line: &str) -> Option<Flag> {
    let mut cells = line.strip_prefix('|')?.split('|').map(|cell| cell.trim().replace('`', ""));
    let (flag, setting, processes) = (cells.next()?, cells.next()?, cells.next()?);
    let name = flag.split(' ').next().unwrap_or_default().to_owned();
    let is_row = name.starts_with("--") && !name.starts_with("---") || setting.contains('.');
    let all = "coordinator, worker, state";
    let processes = processes.replace("all", all).split(", ").map(str::to_owned).collect();
    is_row.then_some(Flag { name, setting, processes })
}

#[test]
fn a_process_knows_its_own_flags_and_variables_and_no_other() {
    let flags = Flags::documented();

    assert!(flags.knows("worker", "--coordinator") && flags.knows("run", "--coordinator"));
    assert!(!flags.knows("state", "--coordinator") && !flags.knows("worker", "---"));
    assert!(flags.knows_variable("state", "EVMESH_MEMBERS__ETCD"));
    assert!(flags.knows_variable("worker", "EVMESH_SHUTDOWN__DRAIN_TIMEOUT"));
    assert!(!flags.knows_variable("run", "EVMESH_MEMBERS__ETCD"));
    assert!(!flags.knows_variable("worker", "EVMESH_MEMBERS_ETCD"));
}
