//! revm's mainnet handler with the beneficiary's fee kept back (rule 6).

use super::{
    recorder::{Recorder, Stop},
    view::StateView,
};
use alloy_primitives::U256;
use revm::{
    context::{
        Block, ContextTr, JournalTr, Transaction,
        result::{EVMError, HaltReason},
    },
    handler::{EvmTr, FrameResult, Handler, MainnetContext, MainnetEvm, post_execution},
    primitives::hardfork::SpecId,
};
use std::{cell::Cell, marker::PhantomData};

/// What a run ends with when it does not end with a result.
pub(super) type RunError = EVMError<Stop>;

/// Runs one transaction as revm's mainnet handler does; the fee becomes a Credit unless the
/// transaction has loaded the beneficiary for another reason.
#[derive(Debug)]
pub(super) struct KeepFeeBack<V> {
    /// The fee in wei, if it was kept back; zero is a touch.
    pub(super) fee: Cell<Option<U256>>,
    view: PhantomData<V>,
}

impl<V> Default for KeepFeeBack<V> {
    fn default() -> Self {
        Self { fee: Cell::new(None), view: PhantomData }
    }
}

impl<V: StateView> Handler for KeepFeeBack<V> {
    type Evm = MainnetEvm<MainnetContext<Recorder<V>>>;
    type Error = RunError;
    type HaltReason = HaltReason;

    fn reward_beneficiary(
        &self,
        evm: &mut Self::Evm,
        exec_result: &mut FrameResult,
    ) -> Result<(), Self::Error> {
        let ctx = evm.ctx();
        let beneficiary = ctx.block().beneficiary();
        if ctx.journal_mut().evm_state().contains_key(&beneficiary) {
            post_execution::reward_beneficiary(ctx, exec_result.gas())?;
            return Ok(());
        }
        let base_fee = u128::from(ctx.block().basefee());
        let price = ctx.tx().effective_gas_price(base_fee);
        let to_beneficiary = if ctx.cfg().spec().is_enabled_in(SpecId::LONDON) {
            price.saturating_sub(base_fee)
        } else {
            price
        };
        let gas = exec_result.gas();
        let gas_paid = gas.used().saturating_sub(gas.reservoir());
        self.fee.set(Some(U256::from(to_beneficiary * u128::from(gas_paid))));
        Ok(())
    }
}
