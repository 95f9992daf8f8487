//! Where one case is played: what it may ask for, and the steps that it takes.

use super::{
    step::{Actor, Step},
    world::World,
};
use crate::workload::{
    fork::Fork,
    genesis::{FUNDS, GenesisAccount},
    rng::Rng,
};
use alloy_primitives::{Address, Bytes, U256};

/// Who is what in a case, by the name that the case gives; tests look there.
pub(super) type Roles = Vec<(&'static str, Address)>;

/// What came of playing a case once.
#[derive(Debug, Default)]
pub(super) struct Scene {
    /// Steps of one block, in order.
    pub(super) steps: Vec<Step>,
    /// Steps of the next block, in order.
    pub(super) later: Vec<Step>,
    /// Who the block's fees have to go to.
    pub(super) beneficiary: Option<Address>,
    /// Withdrawals of the block: to whom, and how many gwei.
    pub(super) withdrawals: Vec<(Address, u64)>,
    pub(super) roles: Roles,
}

/// One case while it is played.
#[derive(Debug)]
pub(super) struct Stage<'a> {
    pub(super) world: &'a mut World,
    pub(super) scene: Scene,
}

impl<'a> Stage<'a> {
    pub(super) fn new(world: &'a mut World) -> Self {
        Self { world, scene: Scene::default() }
    }

    pub(super) const fn fork(&self) -> Fork {
        self.world.fork
    }

    pub(super) const fn rng(&mut self) -> &mut Rng {
        &mut self.world.rng
    }

    /// One of the senders that all cases share.
    pub(super) fn crowd(&mut self) -> Actor {
        self.world.crowd()
    }

    /// Any address that any case uses.
    pub(super) fn somebody(&mut self) -> Address {
        self.world.somebody()
    }

    /// Somebody with a key and with coins, whom only this case sends from.
    pub(super) fn actor(&mut self, role: &'static str) -> Actor {
        self.actor_with(role, FUNDS)
    }

    /// The same with a balance; with none of it he is absent in genesis.
    pub(super) fn actor_with(&mut self, role: &'static str, balance: U256) -> Actor {
        let actor = self.world.actor(balance);
        self.scene.roles.push((role, actor.address));
        actor
    }

    /// Somebody whose key is known and who has code in genesis.
    pub(super) fn actor_with_code(&mut self, role: &'static str, code: Bytes) -> Actor {
        let actor = self.actor_with(role, U256::ZERO);
        let address = actor.address;
        self.world.genesis.add(GenesisAccount { address, code, ..GenesisAccount::default() });
        actor
    }

    /// An address that is nobody's in genesis.
    pub(super) fn absent(&mut self, role: &'static str) -> Address {
        let address = self.world.address();
        self.scene.roles.push((role, address));
        address
    }

    /// An account of genesis that is empty.
    pub(super) fn empty(&mut self, role: &'static str) -> Address {
        let address = self.absent(role);
        self.world.genesis.add(GenesisAccount { address, ..GenesisAccount::default() });
        address
    }

    /// A contract of genesis.
    pub(super) fn contract(&mut self, role: &'static str, code: Bytes) -> Address {
        self.contract_with(role, code, 0, &[])
    }

    /// A contract of genesis with a balance and slots.
    pub(super) fn contract_with(
        &mut self,
        role: &'static str,
        code: Bytes,
        balance: u64,
        slots: &[(u64, u64)],
    ) -> Address {
        let address = self.absent(role);
        self.place(address, code, U256::from(balance), slots);
        address
    }

    /// Puts a contract at an address, in genesis.
    pub(super) fn place(
        &mut self,
        address: Address,
        code: Bytes,
        balance: U256,
        slots: &[(u64, u64)],
    ) {
        let storage = slots.iter().map(|&(slot, value)| (U256::from(slot), U256::from(value)));
        let storage = storage.collect();
        self.world.genesis.add(GenesisAccount { address, balance, nonce: 1, code, storage });
    }

    /// Says who an address is that follows from others.
    pub(super) fn name(&mut self, role: &'static str, address: Address) {
        self.scene.roles.push((role, address));
        self.world.cast.push(address);
    }

    /// Adds a transaction.
    pub(super) fn send(&mut self, step: Step) {
        self.scene.steps.push(step);
    }

    /// Adds a transaction of the next block.
    pub(super) fn send_later(&mut self, step: Step) {
        self.scene.later.push(step);
    }

    /// Adds a call without data by somebody of the crowd.
    pub(super) fn send_call(&mut self, to: Address, value: u64) {
        let step = Step::call(self.crowd(), to).value(value);
        self.send(step);
    }

    /// Adds a look at an address by a contract.
    pub(super) fn look_at(&mut self, address: Address) {
        let step = Step::call(self.crowd(), self.world.probe).about(address);
        self.send(step);
    }

    /// Adds a call of an address by a contract, with value that comes with the transaction.
    pub(super) fn probe(&mut self, address: Address, value: u64) {
        let words = [U256::from_be_bytes(address.into_word().0), U256::from(value)];
        let step = Step::call(self.crowd(), self.world.probe).words(words).value(value);
        self.send(step);
    }

    /// Adds a call of an address by a contract that does not have the value it is to pay: it fails,
    /// and costs what it costs by whether the address exists.
    pub(super) fn probe_in_vain(&mut self, address: Address) {
        let words = [U256::from_be_bytes(address.into_word().0), U256::from(1_u64 << 60)];
        let step = Step::call(self.crowd(), self.world.probe).words(words);
        self.send(step);
    }

    /// Wants the block's fees to go to an address.
    pub(super) const fn pay_fees_to(&mut self, address: Address) {
        self.scene.beneficiary = Some(address);
    }

    /// Wants a withdrawal in the block, where the fork has any.
    pub(super) fn withdraw(&mut self, address: Address, gwei: u64) {
        if self.fork() >= Fork::Shanghai {
            self.scene.withdrawals.push((address, gwei));
        }
    }
}
