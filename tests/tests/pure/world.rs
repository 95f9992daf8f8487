//! Real blocks with the state below them, as slices ask for it.

use engine::{
    account::{Account, SnapshotAnswer, SnapshotKey},
    block::{Block, Code},
    execute::{CancelFlag, RunLimits},
    ids::{AccessIndex, Attempt, Incarnation, JobId, SliceId, SnapshotId},
    outcome::SliceOutcome,
    sequential::{self, Prepared, Record, SequentialOutcome, SerialState},
    slice::{SliceRun, Step},
    task::{JobFrame, SignedBy, SliceKind, SliceTask, TaskItem},
};
use inputs::Input;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// One real block, decoded, with the state below it.
pub(crate) struct RealBlock {
    pub(crate) number: u64,
    pub(crate) prepared: Prepared,
    pub(crate) frame: Arc<JobFrame>,
    pub(crate) state: SerialState,
    codes: BTreeMap<alloy_primitives::B256, Code>,
}

impl RealBlock {
    pub(crate) fn new(input: &Input) -> Self {
        let block = &input.blocks[0];
        let prepared = sequential::prepare(&input.chain, &block.block_rlp, &block.lineage).unwrap();
        let values = input.parent.values().unwrap();
        Self {
            number: block.number,
            frame: Arc::new(JobFrame {
                job: JobId::default(),
                chain: input.chain.clone(),
                attributes: prepared.block.attributes(),
                ancestors: block.ancestors.clone(),
                snapshot: SnapshotId::Loaded(0),
            }),
            prepared,
            state: values.to_serial_state(),
            codes: values.codes.iter().map(|code| (code.hash, code.clone())).collect(),
        }
    }

    pub(crate) const fn block(&self) -> &Block {
        &self.prepared.block
    }

    /// The judge's word on the block.
    pub(crate) fn judged(&self) -> SequentialOutcome {
        let (chain, ancestors) = (&self.frame.chain, &self.frame.ancestors);
        let execution =
            sequential::execute(chain, &self.prepared, ancestors, &self.state, Record::Nothing);
        sequential::finish(chain, &self.prepared, execution.unwrap(), None).unwrap()
    }

    pub(crate) fn account(&self, address: &alloy_primitives::Address) -> Option<Account> {
        self.state.account(address)
    }

    pub(crate) fn code(&self, hash: &alloy_primitives::B256) -> Option<Code> {
        self.codes.get(hash).cloned()
    }

    pub(crate) fn signed(&self, offset: usize) -> SignedBy {
        SignedBy {
            transaction: Arc::clone(&self.block().transactions[offset]),
            sender: self.prepared.senders[offset].unwrap(),
        }
    }

    /// The whole block as one slice, index 0 and `n + 1` included.
    pub(crate) fn whole(&self) -> SliceTask {
        let n_transactions = self.block().transactions.len();
        let item = |index: AccessIndex| TaskItem {
            index,
            incarnation: Incarnation::new(index.position()),
            transaction: index
                .transaction_offset()
                .filter(|offset| *offset < n_transactions)
                .map(|offset| self.signed(offset)),
            standing: None,
        };
        let last = AccessIndex::post_block(n_transactions).position();
        SliceTask {
            frame: Arc::clone(&self.frame),
            slice: SliceId::new(0),
            attempt: Attempt::new(0),
            kind: SliceKind::Whole,
            items: (0..=last).map(|position| item(AccessIndex::new(position))).collect(),
            final_below: AccessIndex::PRE_BLOCK,
            gas_left: None,
            overlay: Vec::new(),
        }
    }

    fn answer(&self, key: &SnapshotKey) -> SnapshotAnswer {
        match key {
            SnapshotKey::Account(address) | SnapshotKey::AccountWithCode(address) => {
                let account = self.account(address);
                let code = account.and_then(|account| self.code(&account.code_hash));
                SnapshotAnswer::Account { account, code }
            }
            SnapshotKey::Slot(address, slot) => {
                SnapshotAnswer::Slot(self.state.slot(address, slot))
            }
            SnapshotKey::Code(_, hash) => match self.code(hash) {
                Some(code) => SnapshotAnswer::Code(code.bytes),
                None => SnapshotAnswer::Unavailable,
            },
        }
    }

    /// Runs a task to its end on this state.
    pub(crate) fn run(&self, task: SliceTask) -> SliceOutcome {
        let mut run =
            SliceRun::new(task, &BTreeMap::new(), RunLimits::default(), CancelFlag::default());
        let mut keys = run.predicted_keys();
        let mut asked = BTreeSet::new();
        loop {
            for key in keys {
                assert!(asked.insert(key), "block {}: {key:?} asked twice", self.number);
                run.provide(key, self.answer(&key));
            }
            match run.advance() {
                Step::Missing(missing) => keys = missing,
                Step::Done(outcome) => return *outcome,
                Step::Cancelled => panic!("nobody cancelled"),
            }
        }
    }
}
