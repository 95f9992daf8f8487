//! From a block's bytes, or from what one is to be built of, to what a job is made of.

use super::{JobActor, building::open};
use crate::{
    job::{Building, Expected, Goal},
    work::{Task, Work},
};
use actix::{AsyncContext, Context, Message};
use alloy_consensus::{Header, TxEnvelope};
use engine::{
    block::{Block, BlockAttributes, Ommers},
    header::{check_body, check_header, check_lineage},
    ids::SnapshotId,
};
use proto::status::{Code, Status};
use std::sync::Arc;
use tracing::{Instrument, info_span};

/// A block, taken apart, or the parts of one.
#[derive(Debug)]
pub(super) struct DecodedBlock {
    pub(super) transactions: Arc<[Arc<TxEnvelope>]>,
    pub(super) attributes: BlockAttributes,
    pub(super) sought: Sought,
}

/// What the job is to find out.
#[derive(Debug)]
pub(super) enum Sought {
    /// Whether a header is right.
    Check(Box<Header>, Ommers),
    /// What a block is that is built of these candidates.
    Build(Building),
}

impl DecodedBlock {
    pub(super) fn goal(&self) -> Goal {
        match &self.sought {
            Sought::Check(header, ommers) => {
                Goal::Check(Box::new(Expected::new(header.as_ref().clone(), *ommers)))
            }
            Sought::Build(building) => Goal::Build(building.clone()),
        }
    }
}

/// What decoding came to: no block at all, or not with this lineage; a block whose body or header
/// breaks a rule; or a block.
pub(super) type DecodeResult = Result<Result<DecodedBlock, String>, Status>;

/// The block was decoded.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(super) struct Decoded(pub(super) DecodeResult);

impl JobActor {
    pub(super) fn decode(&self, context: &Context<Self>) {
        let actor = context.address();
        let (cpu, work) = (self.tools.cpu.clone(), self.work.clone());
        let decoding = async move {
            let decoded = cpu.run(move || decode(&work)).await;
            let broken = |_| Err(Status::new(Code::Internal, "decoding the block panicked"));
            actor.do_send(Decoded(decoded.unwrap_or_else(broken)));
        };
        actix::spawn(decoding.instrument(info_span!(parent: &self.span, "decode")));
    }
}

fn decode(work: &Work) -> DecodeResult {
    let refused = |message| Status::new(Code::InvalidArgument, message);
    let (block_rlp, ommers) = match &work.task {
        Task::Execute { block_rlp, ommers, .. } => (block_rlp, *ommers),
        Task::Build { attributes, candidates } => {
            return open(work, attributes, candidates).map(Ok);
        }
    };
    let block = Block::decode(block_rlp).map_err(|error| refused(format!("block_rlp: {error}")))?;
    check_parent(&block, work.parent).map_err(refused)?;
    check_lineage(&block, &work.lineage).map_err(|error| refused(error.to_string()))?;
    let checked = check_body(&work.chain, &block, block_rlp.len());
    if let Err(broken) = checked.and_then(|()| check_header(&work.chain, &block, &work.lineage)) {
        return Ok(Err(broken.to_string()));
    }
    let attributes = block.attributes();
    let Block { header, transactions, .. } = block;
    let sought = Sought::Check(Box::new(header), ommers);
    Ok(Ok(DecodedBlock { transactions: transactions.into(), attributes, sought }))
}

/// Checks that the state below is the one after the block's parent, where it is named by a block.
fn check_parent(block: &Block, parent: SnapshotId) -> Result<(), String> {
    let of_block = block.header.parent_hash;
    match parent {
        SnapshotId::Block(hash) if hash != of_block => {
            Err(format!("parent: it is block {hash}, and the block's own parent is {of_block}"))
        }
        _ => Ok(()),
    }
}
