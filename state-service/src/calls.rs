//! Calls that may have to wait: for a seal, for writes under way, for a CPU thread.

use crate::{
    error::StateError,
    handle::{StateHandle, as_u64},
    machine::Stages,
    shard_actor::{Find, Reply, Seal, Stage, Wait},
    sizes,
    snapshot::Snapshot,
    writes::{SealOrder, StagedWrites},
};
use engine::ids::SnapshotId;
use proto::state::{
    ProveRequest, ProveResponse, ReadRequest, ReadResponse, SealRequest, SealResponse, StageRequest,
};
use std::{sync::Arc, time::Duration};
use tracing::{Instrument, Span, info_span};

impl StateHandle {
    /// Answers a read.
    pub(crate) async fn read_now(&self, request: ReadRequest) -> Result<ReadResponse, StateError> {
        let ReadRequest { snapshot, keys } = request;
        let limits = &self.shared.config.limits;
        let (given, read_keys_max) = (keys.len(), limits.read_keys_max.get());
        if given > read_keys_max {
            return Err(StateError::TooManyKeys { given, read_keys_max });
        }
        let snapshot = self.snapshot(snapshot).await?;
        let (place, is_light) =
            (self.shared.directory.place(), given <= limits.read_keys_inline_max.get());
        let answers = move || {
            place.check_keys(&keys)?;
            Ok::<_, StateError>(snapshot.answers(&keys))
        };
        let values = self.work(is_light, answers).await??;
        if let Some(delay) = &self.shared.delay {
            self.counts.delayed(delay.wait().await?);
        }
        self.counts.calls.bytes_out.add(as_u64(sizes::of_answers(&values)));
        Ok(ReadResponse { boot: self.shared.boot, values })
    }

    /// Proves what a Snapshot says of an account, on a CPU thread.
    pub(crate) async fn prove_now(
        &self,
        request: ProveRequest,
    ) -> Result<ProveResponse, StateError> {
        let ProveRequest { snapshot: name, address, slots } = request;
        let read_keys_max = self.shared.config.limits.read_keys_max.get();
        let given = slots.len() + 1;
        if given > read_keys_max {
            return Err(StateError::TooManyKeys { given, read_keys_max });
        }
        let snapshot = self.snapshot(name).await?;
        let place = self.shared.directory.place();
        let proved = move || {
            let root_node = snapshot.root_node().ok_or(StateError::NoTrie { snapshot: name })?;
            let is_here = place.count.shard_of(&address) == place.index;
            let proof = is_here.then(|| snapshot.account_proof(&address, &slots)).transpose()?;
            Ok::<_, StateError>(ProveResponse { root_node, proof })
        };
        let response = self.work(false, proved).await??;
        self.counts.calls.bytes_out.add(as_u64(sizes::of_proof(&response)));
        Ok(response)
    }

    /// Stages writes.
    pub(crate) async fn stage_now(
        &self,
        request: StageRequest,
        n_bytes: usize,
    ) -> Result<(), StateError> {
        let place = self.shared.directory.place();
        let looked_through = move || StagedWrites::of(request, place);
        let writes = self.work(self.is_light(n_bytes), looked_through).await??;
        self.send(Stage(writes)).await
    }

    /// Seals, after waiting for the parent and for writes that are missing.
    pub(crate) async fn seal_now(
        &self,
        request: SealRequest,
        n_bytes: usize,
    ) -> Result<SealResponse, StateError> {
        let span = info_span!("seal", job = %request.job, block = request.block_number);
        let begin = self.shared.clock.now();
        let answer = self.seal_in(request, n_bytes, span.clone()).instrument(span).await;
        let metrics = &self.shared.metrics;
        match answer {
            Ok(SealResponse::Sealed(_)) => metrics.seal.observe(self.shared.clock.now() - begin),
            Ok(SealResponse::Differs { .. }) => metrics.differed.increment(),
            Err(_) => {}
        }
        answer
    }

    async fn seal_in(
        &self,
        request: SealRequest,
        n_bytes: usize,
        span: Span,
    ) -> Result<SealResponse, StateError> {
        let (limits, begin) = (&self.shared.config.limits, self.shared.clock.now());
        let place = self.shared.directory.place();
        let looked_through = move || SealOrder::of(request, place);
        let order = self.work(self.is_light(n_bytes), looked_through).await??;
        let mut stages = Stages::MayCome;
        loop {
            let seal = Seal { order: order.clone(), stages, span: span.clone() };
            match self.send(seal).await? {
                Reply::Now(answer) => return Ok(answer),
                Reply::Later(wait) => self.settled(wait, begin + limits.seal_wait).await?,
                Reply::Stages(wait) => {
                    self.shared.metrics.stage_waits.increment();
                    if !self.woken(wait, begin + limits.stage_wait).await? {
                        stages = Stages::WaitedFor;
                    }
                }
            }
        }
    }

    fn is_light(&self, n_bytes: usize) -> bool {
        n_bytes <= self.shared.config.limits.stage_bytes_inline_max.get()
    }

    /// Finds a Snapshot, or waits until it is sealed.
    async fn snapshot(&self, name: SnapshotId) -> Result<Arc<Snapshot>, StateError> {
        if let Some(snapshot) = self.shared.directory.get(&name) {
            return Ok(snapshot);
        }
        let deadline = self.shared.clock.now() + self.shared.config.limits.seal_wait;
        loop {
            match self.send(Find(name)).await? {
                Reply::Now(snapshot) => return Ok(snapshot),
                Reply::Later(wait) | Reply::Stages(wait) => self.settled(wait, deadline).await?,
            }
        }
    }

    /// Waits until a job is sealed or aborted.
    async fn settled(&self, wait: Wait, deadline: Duration) -> Result<(), StateError> {
        let job = wait.job;
        if self.woken(wait, deadline).await? {
            return Ok(());
        }
        let seal_wait = self.shared.config.limits.seal_wait;
        Err(StateError::NotSealedInTime { job, seal_wait })
    }

    /// Tells whether a job is worth another look before the deadline.
    async fn woken(&self, wait: Wait, deadline: Duration) -> Result<bool, StateError> {
        let left = deadline.saturating_sub(self.shared.clock.now());
        tokio::select! {
            biased;
            woken = wait.woken => woken.map(|()| true).map_err(|_| StateError::Stopped),
            () = self.shared.clock.sleep(left) => Ok(false),
        }
    }
}
