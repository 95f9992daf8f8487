//! What a job is asked to do: execute a block, or build one.

use alloy_primitives::Bytes;
use engine::{
    block::{AncestorHashes, Ommers},
    build::BuildAttributes,
    chain::ChainSpec,
    ids::SnapshotId,
    lineage::Lineage,
};
use proto::coordinator::{BuildBlockRequest, ExecuteBlockRequest, Mode, PlanWish};

/// What a job is asked to do.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    /// Rules of the chain.
    pub(crate) chain: ChainSpec,
    /// The state below the block.
    pub(crate) parent: SnapshotId,
    /// Hashes of earlier blocks.
    pub(crate) ancestors: AncestorHashes,
    /// Headers of earlier blocks.
    pub(crate) lineage: Lineage,
    /// How it is to be cut.
    pub(crate) plan: PlanWish,
    /// Gas of a slice at most.
    pub(crate) slice_gas: Option<u64>,
    /// Breaks ties.
    pub(crate) seed: u64,
    /// The block, or its parts.
    pub(crate) task: Task,
}

/// A block, or its parts. Cheap to clone: bytes are shared.
#[derive(Clone, Debug)]
pub(crate) enum Task {
    /// Execute a block and compare it with its header.
    Execute {
        /// The raw block.
        block_rlp: Bytes,
        /// Whether its ommers are in its bytes.
        ommers: Ommers,
        /// What is to become of it.
        mode: Mode,
    },
    /// Build a block.
    Build {
        /// What the caller chose.
        attributes: Box<BuildAttributes>,
        /// EIP-2718 bytes of the candidates.
        candidates: Vec<Bytes>,
    },
}

impl Work {
    /// Tells whether the block is to be committed.
    pub(crate) const fn wants_commit(&self) -> bool {
        matches!(self.task, Task::Execute { mode: Mode::VerifyAndCommit, .. })
    }
}

impl From<ExecuteBlockRequest> for Work {
    fn from(request: ExecuteBlockRequest) -> Self {
        let ExecuteBlockRequest { block_rlp, ommers, mode, .. } = request;
        Self {
            chain: request.chain,
            parent: request.parent,
            ancestors: request.ancestors,
            lineage: request.lineage,
            plan: request.plan,
            slice_gas: request.slice_gas,
            seed: request.seed,
            task: Task::Execute { block_rlp, ommers, mode },
        }
    }
}

impl From<BuildBlockRequest> for Work {
    fn from(request: BuildBlockRequest) -> Self {
        let BuildBlockRequest { attributes, candidates, .. } = request;
        let attributes = Box::new(attributes);
        Self {
            chain: request.chain,
            parent: request.parent,
            ancestors: request.ancestors,
            lineage: request.lineage,
            plan: request.plan,
            slice_gas: request.slice_gas,
            seed: request.seed,
            task: Task::Build { attributes, candidates },
        }
    }
}
