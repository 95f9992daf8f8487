//! A cluster's state for people.

use crate::{
    report::StatusLine,
    table,
    text::{count, thousands},
};

/// Characters of a hash that tell it from others at a glance.
const SHORT_LEN: usize = 12;

/// Returns a summary line, and tables of workers and state shards.
pub(super) fn of(status: &StatusLine) -> String {
    [summary(status), leader(status), workers(status), shards(status)].join("\n")
}

fn summary(status: &StatusLine) -> String {
    let n_ready = |states: &mut dyn Iterator<Item = &'static str>| {
        states.filter(|state| *state == "ready").count()
    };
    let workers = n_ready(&mut status.workers.iter().map(|worker| worker.state));
    let shards = n_ready(&mut status.state_shards.iter().map(|shard| shard.state));
    let head = match &status.head {
        Some(head) => format!("head {} {}", thousands(head.number), short(&head.hash.to_string())),
        None => "no chain".to_owned(),
    };
    format!(
        "cluster {}: {workers} of {} ready, {shards} of {} ready, {head}, {} running or waiting, \
         etcd {}",
        status.cluster_id,
        count(status.workers.len() as u64, "worker"),
        count(status.state_shards.len() as u64, "state shard"),
        count(status.queue, "block"),
        status.etcd,
    )
}

fn leader(status: &StatusLine) -> String {
    let leader = &status.leader;
    let mut text = format!("leader {} at {}, term {}", leader.id, leader.address, leader.term);
    for other in status.coordinators.iter().filter(|other| other.id != leader.id) {
        text += &format!("\nstands by: {} at {}", other.id, other.address);
    }
    text
}

fn workers(status: &StatusLine) -> String {
    let columns = ["worker", "address", "cores", "state", "slices running", "version"];
    let mut table = table::of(&columns);
    for worker in &status.workers {
        table.add_row([
            format!("{:012x}", worker.id),
            worker.address.clone(),
            worker.cores.to_string(),
            worker.state.to_owned(),
            worker.slices_running.to_string(),
            worker.version.clone(),
        ]);
    }
    table.to_string()
}

fn shards(status: &StatusLine) -> String {
    let mut table = table::of(&["state shard", "address", "state", "head", "", "term"]);
    for shard in &status.state_shards {
        table.add_row([
            shard.index.to_string(),
            shard.address.clone(),
            shard.state.to_owned(),
            shard.head_number.map_or_else(|| "-".to_owned(), thousands),
            shard.head_hash.map_or_else(String::new, |hash| short(&hash.to_string())),
            shard.term.to_string(),
        ]);
    }
    table.to_string()
}

fn short(hash: &str) -> String {
    format!("{}…", hash.get(..SHORT_LEN).unwrap_or(hash))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::B256;
    use engine::ids::{ClusterId, ShardIndex, Term, WorkerId};
    use proto::{
        coordinator::{
            ClusterStatus, CoordinatorStatus, EtcdState, ShardState, ShardStatus, WorkerState,
            WorkerStatus,
        },
        state::Head,
    };

    fn cluster() -> ClusterStatus {
        let name =
            |id: &str| CoordinatorStatus { id: id.to_owned(), address: format!("{id}:7410") };
        let worker = |id, state| WorkerStatus {
            id: WorkerId::new(id),
            address: "10.0.0.7:7411".to_owned(),
            cores: 2,
            state,
            slices_running: 3,
            version: "0.1.0".to_owned(),
        };
        let head = Head { block_hash: B256::repeat_byte(0xab), block_number: 1_234 };
        let shard = |index, state| ShardStatus {
            index: ShardIndex::new(index),
            address: format!("10.0.1.{index}:7412"),
            state,
            head: (state == ShardState::Ready).then_some(head),
            term: Term::new(5),
        };
        ClusterStatus {
            cluster: ClusterId::new(0xfeed),
            leader: name("a"),
            term: Term::new(5),
            coordinators: vec![name("a"), name("b")],
            workers: vec![worker(1, WorkerState::Ready), worker(255, WorkerState::Lost)],
            state_shards: vec![shard(0, ShardState::Ready), shard(1, ShardState::Away)],
            head: Some(head),
            head_state_root: None,
            queue: 1,
            etcd: EtcdState::Away,
        }
    }

    #[test]
    fn the_first_line_says_whether_all_is_well() {
        let text = of(&StatusLine::from(&cluster()));

        let first = text.lines().next().unwrap();
        let wanted = "cluster 0x000000000000feed: 1 of 2 workers ready, 1 of 2 state shards ready, \
                      head 1,234 0xababababab…, 1 block running or waiting, etcd away";
        assert_eq!(first, wanted);
        for part in ["leader a at a:7410, term 5", "stands by: b at b:7410", "lost", "away"] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }

    #[test]
    fn the_line_for_scripts_has_every_key_and_null_for_what_is_not_known() {
        let line: serde_json::Value =
            serde_json::from_str(&StatusLine::from(&cluster()).to_json()).unwrap();

        let expected = serde_json::json!({
            "cluster_id": "0x000000000000feed",
            "leader": {"id": "a", "term": 5, "address": "a:7410"},
            "coordinators": [{"id": "a", "address": "a:7410"}, {"id": "b", "address": "b:7410"}],
            "workers": [
                {"id": 1, "address": "10.0.0.7:7411", "cores": 2, "state": "ready",
                 "slices_running": 3, "version": "0.1.0"},
                {"id": 255, "address": "10.0.0.7:7411", "cores": 2, "state": "lost",
                 "slices_running": 3, "version": "0.1.0"},
            ],
            "state_shards": [
                {"index": 0, "address": "10.0.1.0:7412", "state": "ready", "head_number": 1234,
                 "head_hash": B256::repeat_byte(0xab).to_string(), "term": 5},
                {"index": 1, "address": "10.0.1.1:7412", "state": "away", "head_number": null,
                 "head_hash": null, "term": 5},
            ],
            "head": {"number": 1234, "hash": B256::repeat_byte(0xab).to_string(),
                     "state_root": null},
            "queue": 1,
            "etcd": "away",
        });
        assert_eq!(line, expected);
    }
}
