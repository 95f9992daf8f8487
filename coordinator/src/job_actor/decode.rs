//! From a block's bytes to what a job is made of.

use super::JobActor;
use actix::{AsyncContext, Context, Message};
use alloy_consensus::{Header, TxEnvelope};
use engine::{
    block::{Block, BlockAttributes},
    chain::ChainSpec,
    header::check_body,
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

/// What decoding came to: no block at all; a block whose body breaks a rule; or a block.
pub(super) type DecodeResult = Result<Result<DecodedBlock, String>, Status>;

/// The block was decoded.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(super) struct Decoded(pub(super) DecodeResult);

impl JobActor {
    pub(super) fn decode(&self, context: &Context<Self>) {
        let actor = context.address();
        let (cpu, chain) = (self.tools.cpu.clone(), self.request.chain.clone());
        let rlp = self.request.block_rlp.clone();
        let decoding = async move {
            let decoded = cpu.run(move || decode(&chain, &rlp)).await;
            let broken = |_| Err(Status::new(Code::Internal, "decoding the block panicked"));
            actor.do_send(Decoded(decoded.unwrap_or_else(broken)));
        };
        actix::spawn(decoding.instrument(info_span!(parent: &self.span, "decode")));
    }
}

fn decode(chain: &ChainSpec, rlp: &[u8]) -> DecodeResult {
    let block = Block::decode(rlp)
        .map_err(|error| Status::new(Code::InvalidArgument, format!("block_rlp: {error}")))?;
    if let Err(error) = check_body(chain, &block, rlp.len()) {
        return Ok(Err(error.to_string()));
    }
    let attributes = block.attributes();
    let Block { header, transactions, .. } = block;
    Ok(Ok(DecodedBlock { header, transactions: transactions.into(), attributes }))
}
