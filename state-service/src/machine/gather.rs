//! Gathering: whether a shard holds the very writes that a seal is about.

use super::{Machine, seal::Stages, staging::StagedAt};
use crate::writes::{Digested, SealOrder};
use alloy_primitives::B256;
use engine::{access::WriteSet, digest, ids::AccessIndex};
use std::sync::Arc;

/// What gathering found.
#[derive(Debug)]
pub(super) enum Gathered {
    /// Every write, as its digest says.
    All(Vec<(AccessIndex, Arc<WriteSet>)>),
    /// Not every write, and those that are missing may come.
    Missing,
    /// Others, or too few; the digest of each index's.
    Differs(Vec<(AccessIndex, Option<B256>)>),
}

impl Machine {
    /// Collects the writes of an order, values in place of what was staged.
    pub(super) fn gather(&mut self, order: &SealOrder, stages: Stages) -> Gathered {
        let job = order.request.job;
        let found: Vec<(StagedAt, Option<&Digested>)> = order
            .request
            .order
            .iter()
            .map(|at| {
                let value = order.values.get(&at.0);
                (*at, value.or_else(|| self.staging.get(&job, at)))
            })
            .collect();
        let all = found.iter().map(|(at, writes)| Some((at.0, (*writes)?)));
        if let Some(all) = all.collect::<Option<Vec<_>>>() {
            let digest = digest::of_writes(all.iter().map(|(index, all)| (*index, all.digest)));
            if digest == order.request.digest {
                let writes = all.into_iter().map(|(index, all)| (index, Arc::clone(&all.set)));
                let writes = writes.collect();
                self.staging.wait_no_more(&job);
                return Gathered::All(writes);
            }
        } else if stages == Stages::MayCome {
            let missing = found.iter().filter(|(_, writes)| writes.is_none());
            let missing = missing.map(|(at, _)| *at).collect();
            self.staging.wait_for(job, missing);
            return Gathered::Missing;
        }
        let digests = found.iter().map(|(at, writes)| (at.0, writes.map(|all| all.digest)));
        let digests = digests.collect();
        self.staging.wait_no_more(&job);
        Gathered::Differs(digests)
    }
}
