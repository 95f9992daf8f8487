//! A block built again from its parts: the same block has to come out.

use super::{BlockReport, Place, Session};
use crate::{
    failure::Failure,
    report::{BlockStatus, Difference},
};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::B256;
use engine::{
    block::{Block, Ommers},
    build::attributes_of,
};
use inputs::{Input, InputBlock, ParentState};
use proto::{
    coordinator::{BlockOutcome, BuildBlockRequest, JobEnd},
    status::Status,
};

impl Session {
    /// Builds a block again on its parent, and says so in its report; another block makes it
    /// `different`. Where the parent has no trie, or no header that is known, or revm lacks a rule of the
    /// block, no block can be built.
    pub(super) fn rebuild(
        &self,
        input: &Input,
        block: &InputBlock,
        place: Place,
        report: &mut BlockReport,
    ) -> Result<(), Failure> {
        let has_trie = !matches!(input.parent, ParentState::Values(_));
        let Ok(decoded) = Block::decode(&block.block_rlp) else { return Ok(()) };
        let knows_rules = !input.chain_of(block).is_eip1283_active_at(block.number);
        let has_parent = has_trie && block.lineage.parent().is_some();
        if !has_parent || !knows_rules || block.ommers == Ommers::Withheld {
            return Ok(());
        }
        let request = BuildBlockRequest {
            chain: input.chain_of(block).clone(),
            parent: place.parent,
            ancestors: block.ancestors.clone(),
            lineage: block.lineage.clone(),
            attributes: attributes_of(&decoded),
            candidates: decoded.transactions.iter().map(|it| it.encoded_2718().into()).collect(),
            plan: self.run.plan.into(),
            slice_gas: self.run.slice_gas.map(std::num::NonZeroU64::get),
            seed: self.run.seed,
        };
        let cluster = self.running()?;
        let outcome = cluster.build(request);
        report.line.rebuilt = true;
        if let Some(difference) = difference(&outcome, decoded.hash) {
            report.line.status = BlockStatus::Different;
            report.line.first_difference = Some(difference);
        }
        match outcome {
            Ok(BlockOutcome { job, end: JobEnd::Built, .. }) => cluster.drop_job(job),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

/// Says in what a block that was built is not the one that it was built of.
fn difference(outcome: &Result<BlockOutcome, Status>, hash: B256) -> Option<Difference> {
    let got = match outcome {
        Ok(BlockOutcome { built: Some(built), .. }) => match built.dropped.first() {
            None if built.hash == hash => return None,
            None => built.hash.to_string(),
            Some(dropped) => {
                format!("transaction {} left out: {}", dropped.candidate, dropped.reason)
            }
        },
        Ok(outcome) => format!("{:?}", outcome.end),
        Err(status) => status.to_string(),
    };
    Some(Difference {
        transaction: None,
        field: "rebuilt_hash".to_owned(),
        cluster: Some(got),
        expected: Some(hash.to_string()),
        against: "header",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster::{clock::SystemClock, shutdown::ShutdownToken};

    /// Runs two blocks, and builds them again.
    fn statuses() -> Vec<(BlockStatus, Option<Difference>)> {
        let spec = "workload:edges?txs=20&blocks=2&accounts=30";
        let input = inputs::open(spec, &mut |_, _| {}).unwrap().remove(0);
        let config = crate::config::Config::default();
        let run = crate::config::RunConfig { rebuild: true, oracle: false, ..config.run };
        let sandbox = crate::run::sandbox_spec(&config, None);
        let mut session = Session::new(sandbox, run, SystemClock::shared(), ShutdownToken::new());
        let mut all = Vec::new();
        let mut on_block = |report: &BlockReport| {
            assert!(report.line.rebuilt, "block {}", report.line.number);
            all.push((report.line.status, report.line.first_difference.clone()));
            Ok::<_, Failure>(())
        };
        session.run_input(&input, &mut on_block).unwrap();
        session.finish().unwrap();
        all
    }

    #[test]
    fn blocks_built_again_from_their_parts_are_the_same_blocks() {
        assert_eq!(statuses(), [(BlockStatus::Equal, None), (BlockStatus::Equal, None)]);
    }

    #[test]
    fn another_block_is_a_difference_that_names_both_hashes() {
        let hash = B256::repeat_byte(1);
        let job = engine::ids::JobId::default();
        let status = Status::new(proto::status::Code::Internal, format!("{job} broke"));
        let difference = difference(&Err(status), hash).unwrap();
        assert_eq!(difference.field, "rebuilt_hash");
        assert_eq!(difference.expected, Some(hash.to_string()));
        assert!(difference.cluster.unwrap().contains("broke"));
    }
}
