//! Requests to the coordinator.

use super::{
    At, DecodeError, Required,
    ids::{enumeration, snapshot, unknown},
    lineage::{lineage, lineage_message},
};
use crate::{
    coordinator::{ExecuteBlockRequest, Mode, PlanWish},
    wire::v1,
};
use engine::block::Ommers;

impl From<ExecuteBlockRequest> for v1::ExecuteBlockRequest {
    fn from(request: ExecuteBlockRequest) -> Self {
        let ommers = match request.ommers {
            Ommers::Known => v1::Ommers::Known,
            Ommers::Withheld => v1::Ommers::Withheld,
        };
        let mode = match request.mode {
            Mode::VerifyAndCommit => v1::Mode::VerifyAndCommit,
            Mode::Verify => v1::Mode::Verify,
        };
        Self {
            block: request.block_rlp.0,
            chain: Some((&request.chain).into()),
            parent: Some(request.parent.into()),
            ancestors: Some((&request.ancestors).into()),
            ommers: ommers.into(),
            mode: mode.into(),
            plan: v1::PlanWish::from(request.plan).into(),
            slice_gas: request.slice_gas,
            seed: request.seed,
            lineage: lineage_message(&request.lineage),
        }
    }
}

impl TryFrom<v1::ExecuteBlockRequest> for ExecuteBlockRequest {
    type Error = DecodeError;

    fn try_from(wire: v1::ExecuteBlockRequest) -> Result<Self, DecodeError> {
        Ok(Self {
            block_rlp: wire.block.into(),
            chain: wire.chain.required("chain")?.try_into().at("chain")?,
            parent: snapshot(wire.parent, "parent")?,
            ancestors: wire.ancestors.required("ancestors")?.try_into().at("ancestors")?,
            ommers: match enumeration(wire.ommers, "ommers")? {
                v1::Ommers::Unspecified => return Err(unknown(0, "ommers")),
                v1::Ommers::Known => Ommers::Known,
                v1::Ommers::Withheld => Ommers::Withheld,
            },
            mode: match enumeration(wire.mode, "mode")? {
                v1::Mode::Unspecified => return Err(unknown(0, "mode")),
                v1::Mode::VerifyAndCommit => Mode::VerifyAndCommit,
                v1::Mode::Verify => Mode::Verify,
            },
            plan: plan(wire.plan)?,
            slice_gas: wire.slice_gas,
            seed: wire.seed,
            lineage: lineage(wire.lineage)?,
        })
    }
}

impl From<PlanWish> for v1::PlanWish {
    fn from(plan: PlanWish) -> Self {
        match plan {
            PlanWish::Split => Self::Split,
            PlanWish::Whole => Self::Whole,
            PlanWish::Auto => Self::Auto,
        }
    }
}

/// Reads how a block is to be cut.
pub(super) fn plan(number: i32) -> Result<PlanWish, DecodeError> {
    Ok(match enumeration(number, "plan")? {
        v1::PlanWish::Unspecified => return Err(unknown(0, "plan")),
        v1::PlanWish::Split => PlanWish::Split,
        v1::PlanWish::Whole => PlanWish::Whole,
        v1::PlanWish::Auto => PlanWish::Auto,
    })
}
