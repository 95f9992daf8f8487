//! Writes as a shard takes them in: checked to belong here, and with their digests, which are
//! computed once, when the writes come and not when they are sealed.

use crate::{error::StateError, place::Place};
use alloy_primitives::B256;
use engine::{
    access::WriteSet,
    digest,
    ids::{AccessIndex, Incarnation, JobId},
};
use proto::state::{SealRequest, StageRequest};
use std::{collections::BTreeMap, sync::Arc};

/// One index's writes with their digest.
#[derive(Clone, Debug)]
pub struct Digested {
    pub(crate) set: Arc<WriteSet>,
    pub(crate) digest: B256,
}

/// A [`StageRequest`] that was looked through.
#[derive(Debug)]
pub struct StagedWrites {
    pub(crate) job: JobId,
    pub(crate) writes: Vec<(AccessIndex, Incarnation, Digested)>,
}

/// A [`SealRequest`] that was looked through.
#[derive(Clone, Debug)]
pub struct SealOrder {
    /// The request without its values.
    pub(crate) request: Arc<SealRequest>,
    /// Values that count in place of what was staged.
    pub(crate) values: Arc<BTreeMap<AccessIndex, Digested>>,
}

impl Digested {
    fn of(set: Arc<WriteSet>, place: Place) -> Result<Self, StateError> {
        place.check_writes(&set)?;
        let digest = digest::of_write_set(&set);
        Ok(Self { set, digest })
    }
}

impl StagedWrites {
    /// Looks a request through. The work is that of hashing all its bytes.
    ///
    /// # Errors
    /// If an account does not belong here.
    pub fn of(request: StageRequest, place: Place) -> Result<Self, StateError> {
        let StageRequest { job, writes } = request;
        let writes = writes
            .into_iter()
            .map(|(index, incarnation, set)| Ok((index, incarnation, Digested::of(set, place)?)));
        Ok(Self { job, writes: writes.collect::<Result<_, StateError>>()? })
    }
}

impl SealOrder {
    /// Looks a request through. The work is that of hashing all its values.
    ///
    /// # Errors
    /// If an account does not belong here, the order does not ascend, or there is a value twice or
    /// of an index that is not in the order.
    pub fn of(mut request: SealRequest, place: Place) -> Result<Self, StateError> {
        let job = request.job;
        if let Some(pair) = request.order.windows(2).find(|pair| pair[0].0 >= pair[1].0) {
            return Err(StateError::WritesOutOfOrder { job, index: pair[1].0 });
        }
        let mut values = BTreeMap::new();
        for (index, set) in std::mem::take(&mut request.values) {
            let is_ordered = request.order.binary_search_by_key(&index, |(index, _)| *index);
            if is_ordered.is_err() || values.contains_key(&index) {
                return Err(StateError::ValueUnasked { job, index });
            }
            values.insert(index, Digested::of(set, place)?);
        }
        Ok(Self { request: Arc::new(request), values: Arc::new(values) })
    }
}
