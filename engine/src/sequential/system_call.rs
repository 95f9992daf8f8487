//! Calls that the block itself makes to system contracts.

use super::{InvalidBlock, Stop, overlay::Overlay};
use alloy_primitives::{Address, Bytes};
use revm::{
    Context, Database, ExecuteEvm, Journal, MainnetEvm,
    context::{
        BlockEnv, CfgEnv, ContextSetters, TxEnv,
        result::{EVMError, ExecutionResult, HaltReason, InvalidTransaction},
    },
    handler::{Handler, MainnetHandler, SYSTEM_ADDRESS},
    primitives::TxKind,
};

/// Gas of a system call; it counts towards no limit and nobody pays for it.
const SYSTEM_CALL_GAS: u64 = 30_000_000;

type JudgeContext<DB> = Context<BlockEnv, TxEnv, CfgEnv, DB, Journal<DB>, ()>;

/// revm as it comes, over the block's overlay.
pub(super) type Judge<'a, DB> = MainnetEvm<JudgeContext<Overlay<'a, DB>>>;

/// Calls a system contract and keeps what it wrote.
pub(super) fn system_call<DB: Database>(
    judge: &mut Judge<'_, DB>,
    contract: Address,
    data: Bytes,
) -> Result<ExecutionResult<HaltReason>, Stop<DB::Error>> {
    judge.ctx.set_tx(TxEnv {
        caller: SYSTEM_ADDRESS,
        kind: TxKind::Call(contract),
        data,
        gas_limit: SYSTEM_CALL_GAS,
        ..TxEnv::default()
    });
    let result = MainnetHandler::default().run_system_call(judge);
    let state = judge.finalize();
    let result = result.map_err(|error: EVMError<DB::Error, InvalidTransaction>| match error {
        EVMError::Database(error) => Stop::State(error),
        other => Stop::Fault { message: other.to_string() },
    })?;
    judge.ctx.journaled_state.database.commit(state).map_err(Stop::State)?;
    Ok(result)
}

/// Calls a system contract that has to be there and has to succeed; gives its output.
pub(super) fn required_system_call<DB: Database>(
    judge: &mut Judge<'_, DB>,
    contract: Address,
) -> Result<Bytes, Stop<DB::Error>> {
    if !judge.ctx.journaled_state.database.has_code(contract).map_err(Stop::State)? {
        let reason = format!("there is no code at the system contract {contract}");
        return Err(InvalidBlock::body(reason).into());
    }
    match system_call(judge, contract, Bytes::new())? {
        ExecutionResult::Success { output, .. } => Ok(output.into_data()),
        ExecutionResult::Revert { output, .. } => {
            let reason = format!("the system contract {contract} reverted: {output}");
            Err(InvalidBlock::body(reason).into())
        }
        ExecutionResult::Halt { reason, .. } => {
            let reason = format!("the system contract {contract} halted: {reason:?}");
            Err(InvalidBlock::body(reason).into())
        }
    }
}
