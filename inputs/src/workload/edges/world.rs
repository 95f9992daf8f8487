//! Everybody that the cases need before the first block, and everybody they met.

use super::{
    asm::{Arg, Asm, Op},
    step::Actor,
};
use crate::workload::{
    fork::Fork,
    genesis::{FUNDS, GenesisAccount, GenesisDraft},
    population::{address_of, named_address, secret_key},
    rng::Rng,
};
use alloy_primitives::{Address, Bytes, U256};
use secp256k1::SecretKey;

/// Actors that all cases send from.
const CROWD: usize = 6;

/// Accounts, keys and nonces; nonces are those after the steps that have a place.
#[derive(Debug)]
pub(super) struct World {
    pub(super) fork: Fork,
    pub(super) rng: Rng,
    pub(super) genesis: GenesisDraft,
    pub(super) keys: Vec<SecretKey>,
    pub(super) nonces: Vec<u64>,
    /// Addresses that cases use; others of them look at, call and pay these.
    pub(super) cast: Vec<Address>,
    /// Accounts that only receive.
    pub(super) bystanders: Vec<Address>,
    /// A contract that tells of an address what can be told, and calls it if it is to.
    pub(super) probe: Address,
    crowd: Vec<Actor>,
    seed: u64,
    n_addresses: u32,
}

impl World {
    pub(super) fn new(seed: u64, fork: Fork, n_bystanders: u32) -> Self {
        let bystanders =
            (0..n_bystanders).map(|number| named_address(seed, "account", number)).collect();
        let mut world = Self {
            fork,
            rng: Rng::new(seed, "edges"),
            genesis: GenesisDraft::bare(fork),
            keys: Vec::new(),
            nonces: Vec::new(),
            cast: (1..=9).map(Address::with_last_byte).collect(),
            bystanders,
            probe: named_address(seed, "probe", 0),
            crowd: Vec::new(),
            seed,
            n_addresses: 0,
        };
        world.bystanders.iter().for_each(|&address| world.genesis.fund(address));
        world.genesis.add_contract(world.probe, probe_code(fork), Vec::new());
        world.crowd = (0..CROWD).map(|_| world.actor(FUNDS)).collect();
        world
    }

    /// Somebody with a key of his own, and with this balance in genesis; with none of it he is
    /// absent there.
    pub(super) fn actor(&mut self, balance: U256) -> Actor {
        let idx = self.keys.len();
        let key =
            secret_key(self.seed, u32::try_from(idx).expect("fewer actors than transactions"));
        let address = address_of(&key);
        self.keys.push(key);
        self.nonces.push(0);
        self.cast.push(address);
        if !balance.is_zero() {
            self.genesis.add(GenesisAccount { address, balance, ..GenesisAccount::default() });
        }
        Actor { idx, address }
    }

    /// An address that is nobody's.
    pub(super) fn address(&mut self) -> Address {
        self.n_addresses += 1;
        let address = named_address(self.seed, "edge", self.n_addresses);
        self.cast.push(address);
        address
    }

    /// One of those that all cases send from.
    pub(super) fn crowd(&mut self) -> Actor {
        pick(&mut self.rng, &self.crowd)
    }

    /// Any address that any case uses.
    pub(super) fn somebody(&mut self) -> Address {
        pick(&mut self.rng, &self.cast)
    }
}

/// Draws one of several.
pub(super) fn pick<T: Copy>(rng: &mut Rng, of: &[T]) -> T {
    of[rng.below(u32::try_from(of.len()).expect("few items")) as usize]
}

/// Tells balance, code size and code hash of the address in the first word. With two words it
/// calls that address with as much value as the second says.
fn probe_code(fork: Fork) -> Bytes {
    let target = Arg::Input(0);
    let mut asm = Asm::new();
    let looks_only = asm.label();
    for look in [Op::Balance, Op::ExtCodeSize] {
        asm = asm.push(target).ops([look]).log();
    }
    if fork >= Fork::Petersburg {
        asm = asm.push(target).ops([Op::ExtCodeHash]).log();
    }
    let asm = asm.push(Arg::Word(33)).push(Arg::Of(Op::CallDataSize)).ops([Op::Lt]);
    let asm = asm.jump_if(looks_only).call(target, Arg::Input(1)).log();
    asm.push(target).ops([Op::Balance]).log().put(looks_only).bytes()
}
