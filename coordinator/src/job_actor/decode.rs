//! From a block's bytes to what a job is made of.

use super::JobActor;
use actix::{AsyncContext, Context, Message};
use alloy_consensus::{Header, TxEnvelope};
use engine::{
    block::{Block, BlockAttributes},
    chain::ChainSpec,
    header::{check_body, check_header, check_lineage},
    ids::SnapshotId,
    lineage::Lineage,
};
use proto::status::{Code, Status};
use std::sync::Arc;
use tracing::{Instrument, info_span};

/// A block, taken apart.
#[derive(Debug)]
pub(super) struct DecodedBlock {
    pub(super) header: Header,
    pub(super) transactions: Arc<[Arc<TxEnvelope>]>,
    pub(super) attributes: BlockAttributes,
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
        let (cpu, chain) = (self.tools.cpu.clone(), self.request.chain.clone());
        let (rlp, lineage) = (self.request.block_rlp.clone(), self.request.lineage.clone());
        let parent = self.request.parent;
        let decoding = async move {
            let decoded = cpu.run(move || decode(&chain, &rlp, (parent, &lineage))).await;
            let broken = |_| Err(Status::new(Code::Internal, "decoding the block panicked"));
            actor.do_send(Decoded(decoded.unwrap_or_else(broken)));
        };
        actix::spawn(decoding.instrument(info_span!(parent: &self.span, "decode")));
    }
}

fn decode(
    chain: &ChainSpec,
    rlp: &[u8],
    (parent, lineage): (SnapshotId, &Lineage),
) -> DecodeResult {
    let refused = |message| Status::new(Code::InvalidArgument, message);
    let block = Block::decode(rlp).map_err(|error| refused(format!("block_rlp: {error}")))?;
    check_parent(&block, parent).map_err(refused)?;
    check_lineage(&block, lineage).map_err(|error| refused(error.to_string()))?;
    let checked = check_body(chain, &block, rlp.len());
    if let Err(broken) = checked.and_then(|()| check_header(chain, &block, lineage)) {
        return Ok(Err(broken.to_string()));
    }
    let attributes = block.attributes();
    let Block { header, transactions, .. } = block;
    Ok(Ok(DecodedBlock { header, transactions: transactions.into(), attributes }))
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
