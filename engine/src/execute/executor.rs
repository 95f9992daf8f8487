//! Runs one index: a transaction, or what comes before the first or after the last.

use super::{
    block_steps,
    collect::{self, Payment},
    guess::Guesses,
    handler::{KeepFeeBack, RunError},
    hooks,
    limits::{CancelFlag, RunLimits},
    observed::Aspects,
    recorder::{Recorder, Stop},
    view::StateView,
};
use crate::{
    access::{ReadSet, WriteSet},
    account::SnapshotKey,
    ids::AccessIndex,
    outcome::{Executed, GasVector, TxReceipt, Verdict},
    task::{JobFrame, SignedBy},
};
use alloy_consensus::{Transaction as _, TxEnvelope};
use alloy_evm::{EvmEnv, FromRecoveredTx};
use alloy_primitives::{TxKind, logs_bloom};
use revm::{
    Context, MainBuilder, MainContext,
    context::{
        ContextSetters, ContextTr, JournalTr, LocalContextTr, TxEnv,
        result::{EVMError, ExecutionResult},
    },
    handler::{EvmTr, Handler, MainnetContext, MainnetEvm},
    primitives::hardfork::SpecId,
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

/// revm as evmesh runs it.
pub(super) type Evm<V> = MainnetEvm<MainnetContext<Recorder<V>>>;

/// How a run of an index ended.
#[derive(Debug)]
pub enum RunEnd {
    /// With an outcome: what was observed, and the verdict.
    Outcome(ReadSet, Verdict),
    /// These keys have to be read from the Snapshot first.
    Missing(Vec<SnapshotKey>),
    /// The flag was raised.
    Cancelled,
}

/// Runs indices of one job, one after the other, over a view.
#[derive(Debug)]
pub struct Executor<V: StateView> {
    pub(super) evm: Evm<V>,
    pub(super) frame: Arc<JobFrame>,
}

impl<V: StateView> Executor<V> {
    /// Makes an executor for a job's block.
    ///
    /// `guesses` are those of an earlier executor of the same block, or none.
    pub fn new(
        frame: Arc<JobFrame>,
        view: V,
        guesses: Guesses,
        limits: RunLimits,
        cancel: CancelFlag,
    ) -> Self {
        let header = &frame.attributes.header;
        let chain = &frame.chain;
        let env: EvmEnv = EvmEnv::for_eth_block(
            header,
            chain,
            chain.chain_id(),
            chain.blob_params_at(header.timestamp),
        );
        let recorder = Recorder::new(view, Arc::clone(&frame), guesses, (limits, cancel));
        let mut evm = Context::mainnet()
            .with_db(recorder)
            .with_block(env.block_env)
            .with_cfg(env.cfg_env)
            .build_mainnet();
        hooks::install(&mut evm.instruction);
        Self { evm, frame }
    }

    /// Returns the view.
    pub fn view(&mut self) -> &mut V {
        &mut self.recorder().view
    }

    /// Ends the executor and gives its view and its guesses back.
    pub fn into_parts(self) -> (V, Guesses) {
        let recorder = self.evm.ctx.journaled_state.database;
        (recorder.view, recorder.guesses)
    }

    pub(super) fn recorder(&mut self) -> &mut Recorder<V> {
        self.evm.ctx().db_mut()
    }

    /// Runs an index. `transaction` is `None` at index 0 and at `n + 1`. A frame that spends more
    /// than `gas_budget` ends the run as parked.
    pub fn run(
        &mut self,
        index: AccessIndex,
        transaction: Option<&SignedBy>,
        gas_budget: Option<u64>,
    ) -> RunEnd {
        self.recorder().begin(gas_budget);
        let ran = catch_unwind(AssertUnwindSafe(|| match transaction {
            Some(signed) => self.transaction(signed),
            None if index == AccessIndex::PRE_BLOCK => block_steps::pre_block(self),
            None => block_steps::post_block(self),
        }));
        let verdict = match ran {
            Ok(Ok(verdict)) => verdict,
            Ok(Err(error)) => match self.verdict_of(error) {
                Ok(verdict) => verdict,
                Err(end) => return end,
            },
            Err(panic) => {
                self.evm.ctx().local_mut().clear();
                self.evm.frame_stack().clear();
                Verdict::Failed { message: panic_message(panic.as_ref()) }
            }
        };
        // Also after a failed run the journal holds what was loaded.
        drop(self.evm.ctx().journal_mut().finalize());
        let recorder = self.recorder();
        if !recorder.missing.is_empty() {
            return RunEnd::Missing(std::mem::take(&mut recorder.missing));
        }
        RunEnd::Outcome(recorder.read_set(), verdict)
    }

    fn verdict_of(&mut self, error: RunError) -> Result<Verdict, RunEnd> {
        Ok(match error {
            EVMError::Transaction(invalid) => Verdict::Invalid { reason: invalid.to_string() },
            EVMError::Header(invalid) => Verdict::Invalid { reason: invalid.to_string() },
            // A tainted run is no outcome; its missing keys are looked at first.
            EVMError::Database(Stop::Parked | Stop::Tainted) => Verdict::Parked,
            EVMError::Database(Stop::Unavailable(key)) => Verdict::Unavailable { key },
            EVMError::Database(Stop::Cancelled) => {
                drop(self.evm.ctx().journal_mut().finalize());
                return Err(RunEnd::Cancelled);
            }
            EVMError::Custom(message) => Verdict::Failed { message },
            EVMError::CustomAny(error) => Verdict::Failed { message: error.to_string() },
        })
    }

    fn transaction(&mut self, signed: &SignedBy) -> Result<Verdict, RunError> {
        self.note_what_the_transaction_says(signed);
        let tx: &TxEnvelope = &signed.transaction;
        self.evm.ctx().set_tx(TxEnv::from_recovered_tx(tx, signed.sender));
        let mut handler = KeepFeeBack::default();
        let result = handler.run(&mut self.evm)?;
        let state = self.evm.ctx().journal_mut().finalize();
        let beneficiary = self.frame.attributes.header.beneficiary;
        let mut writes = WriteSet::default();
        let payment = self.payment(signed);
        collect::add_writes(self.recorder(), &state, payment, &mut writes);
        if let Some(fee) = handler.fee.get() {
            writes.account_mut(beneficiary).add_credit(fee);
        }
        Ok(Verdict::Executed(Box::new(Executed {
            writes: Arc::new(writes),
            receipt: Some(receipt(tx, result)),
            requests: Vec::new(),
        })))
    }

    /// Returns what the transaction pays to somebody who is not its sender, an authority or the
    /// beneficiary.
    fn payment(&self, signed: &SignedBy) -> Option<Payment> {
        let tx = &signed.transaction;
        let (to, value) = (tx.to()?, tx.value());
        let has_part = to == signed.sender
            || to == self.frame.attributes.header.beneficiary
            || tx.authorization_list().is_some();
        // From Amsterdam on a plain transfer observes whether its recipient exists.
        let observes = self.evm.ctx.cfg.spec.is_enabled_in(SpecId::AMSTERDAM);
        (!value.is_zero() && !has_part && !observes).then_some(Payment { to, value })
    }

    fn note_what_the_transaction_says(&mut self, signed: &SignedBy) {
        let tx = &signed.transaction;
        let observations = &mut self.recorder().observations;
        observations.note(signed.sender, Aspects::BALANCE.and(Aspects::NONCE));
        observations.note_amount(&tx.value());
        match tx.kind() {
            TxKind::Call(to) => observations.note(to, Aspects::CODE_ONLY),
            TxKind::Create => observations.created = true,
        }
        for authorization in tx.authorization_list().unwrap_or_default() {
            if let Ok(authority) = authorization.recover_authority() {
                observations.note(authority, Aspects::NONCE.and(Aspects::EXISTENCE));
            }
        }
    }
}

fn receipt(tx: &TxEnvelope, result: ExecutionResult) -> TxReceipt {
    let gas = result.gas();
    let gas = GasVector {
        used: gas.tx_gas_used(),
        regular: gas.block_regular_gas_used(),
        state: gas.block_state_gas_used(),
        blob: tx.blob_gas_used().unwrap_or_default(),
    };
    let success = result.is_success();
    let logs = result.into_logs();
    let bloom = logs_bloom(&logs);
    TxReceipt { tx_type: tx.tx_type(), success, gas, logs, bloom }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "panic without a message".to_owned())
}
