//! Steps with their place: nonces, prices, envelopes, signatures.

use super::{
    step::{Flaw, Grant, Step},
    world::World,
};
use crate::workload::{
    call::{CHAIN_ID, sign, signed},
    fork::Fork,
};
use alloy_consensus::{TxEip1559, TxEip2930, TxEip7702, TxEnvelope, TxLegacy};
use alloy_eips::{
    eip2930::{AccessList, AccessListItem},
    eip7702::{Authorization, SignedAuthorization},
};
use alloy_primitives::{Signature, TxKind, U256};
use secp256k1::SecretKey;

/// Base fee of every block from London on: so small that it never changes.
pub(super) const BASE_FEE: u64 = 7;
/// Transactions with less gas than this name nothing beforehand.
const ACCESS_LIST_ROOM: u64 = 100_000;
/// Tips where they do not matter; zero pays nothing and still touches the beneficiary.
const TIPS: [u64; 4] = [0, 1, 2, 9];

#[derive(Clone, Copy, Debug)]
enum Envelope {
    /// Without the chain's number, as before Spurious Dragon.
    Unprotected,
    Legacy,
    Eip2930,
    Eip1559,
    Eip7702,
}

/// An authorisation with its nonce.
#[derive(Debug)]
struct PlacedGrant {
    grant: Grant,
    nonce: u64,
}

/// A step that has its place in a block.
#[derive(Debug)]
pub(super) struct Placed {
    step: Step,
    nonce: u64,
    grants: Vec<PlacedGrant>,
    envelope: Envelope,
    /// What one gas costs, the base fee included.
    price: u128,
    tip: u128,
    access_list: AccessList,
}

impl Placed {
    /// Gives a step the next place.
    pub(super) fn new(step: Step, world: &mut World) -> Self {
        let nonce = world.nonces[step.sender.idx];
        world.nonces[step.sender.idx] += 1;
        let grants = step.grants.iter().map(|grant| PlacedGrant::new(*grant, world)).collect();
        for &(creator, n_creations) in &step.creations {
            world.nonces[creator.idx] += n_creations;
        }
        let envelope = envelope(&step, world);
        let drawn = TIPS[world.rng.below(4) as usize];
        let tip = u128::from(step.tip.unwrap_or(drawn));
        let has_base_fee = world.fork >= Fork::London;
        let price = tip + if has_base_fee { u128::from(BASE_FEE) } else { 0 };
        let has_room = step.gas_limit >= ACCESS_LIST_ROOM;
        let access_list = if has_room { access_list(world) } else { AccessList::default() };
        Self { step, nonce, grants, envelope, price, tip, access_list }
    }

    /// Signs the transaction. `keys` are those of all actors.
    pub(super) fn sign(&self, keys: &[SecretKey]) -> TxEnvelope {
        let key = &keys[self.step.sender.idx];
        match self.envelope {
            Envelope::Unprotected => signed(self.legacy(None), key),
            Envelope::Legacy => signed(self.legacy(Some(CHAIN_ID)), key),
            Envelope::Eip2930 => signed(self.eip2930(), key),
            Envelope::Eip1559 => signed(self.eip1559(), key),
            Envelope::Eip7702 => signed(self.eip7702(keys), key),
        }
    }

    fn legacy(&self, chain_id: Option<u64>) -> TxLegacy {
        let Step { to, value, ref input, gas_limit, .. } = self.step;
        let (nonce, gas_price, input) = (self.nonce, self.price, input.clone());
        TxLegacy { chain_id, nonce, gas_price, gas_limit, to, value, input }
    }

    fn eip2930(&self) -> TxEip2930 {
        let Step { to, value, ref input, gas_limit, .. } = self.step;
        TxEip2930 {
            chain_id: CHAIN_ID,
            nonce: self.nonce,
            gas_price: self.price,
            gas_limit,
            to,
            value,
            access_list: self.access_list.clone(),
            input: input.clone(),
        }
    }

    fn eip1559(&self) -> TxEip1559 {
        let Step { to, value, ref input, gas_limit, .. } = self.step;
        TxEip1559 {
            chain_id: CHAIN_ID,
            nonce: self.nonce,
            gas_limit,
            max_fee_per_gas: self.price,
            max_priority_fee_per_gas: self.tip,
            to,
            value,
            access_list: AccessList::default(),
            input: input.clone(),
        }
    }

    fn eip7702(&self, keys: &[SecretKey]) -> TxEip7702 {
        let Step { to, value, ref input, gas_limit, .. } = self.step;
        let TxKind::Call(to) = to else { unreachable!("EIP-7702 creates no contracts") };
        let grants = self.grants.iter();
        TxEip7702 {
            chain_id: CHAIN_ID,
            nonce: self.nonce,
            gas_limit,
            max_fee_per_gas: self.price,
            max_priority_fee_per_gas: self.tip,
            to,
            value,
            access_list: AccessList::default(),
            authorization_list: grants
                .map(|grant| grant.sign(&keys[grant.grant.authority.idx]))
                .collect(),
            input: input.clone(),
        }
    }
}

impl PlacedGrant {
    /// Takes the authority's next nonce. Only what is valid counts it up.
    fn new(grant: Grant, world: &mut World) -> Self {
        let next = &mut world.nonces[grant.authority.idx];
        let nonce = match grant.flaw {
            Some(Flaw::NonceAhead) => *next + 1,
            Some(Flaw::NonceBehind) => next.checked_sub(1).expect("the authority has sent before"),
            Some(Flaw::OtherChain | Flaw::Signature) | None => *next,
        };
        *next += u64::from(grant.flaw.is_none());
        Self { grant, nonce }
    }

    fn sign(&self, key: &SecretKey) -> SignedAuthorization {
        let chain_id = match self.grant.flaw {
            Some(Flaw::OtherChain) => U256::from(CHAIN_ID + 1),
            _ if self.grant.is_universal => U256::ZERO,
            _ => U256::from(CHAIN_ID),
        };
        let authorization =
            Authorization { chain_id, address: self.grant.delegate, nonce: self.nonce };
        let signature = match self.grant.flaw {
            Some(Flaw::Signature) => Signature::new(U256::ZERO, U256::ONE, false),
            _ => sign(authorization.signature_hash(), key),
        };
        authorization.into_signed(signature)
    }
}

fn envelope(step: &Step, world: &mut World) -> Envelope {
    if !step.grants.is_empty() {
        return Envelope::Eip7702;
    }
    let newest = match world.fork {
        Fork::Frontier | Fork::Homestead | Fork::Tangerine => 0,
        Fork::Spurious | Fork::Byzantium | Fork::Petersburg | Fork::Istanbul => 1,
        Fork::Berlin => 2,
        _ => 3,
    };
    match world.rng.below(newest + 1) {
        0 => Envelope::Unprotected,
        1 => Envelope::Legacy,
        2 => Envelope::Eip2930,
        _ => Envelope::Eip1559,
    }
}

/// Names somebody and a slot beforehand; that somebody need not be met.
fn access_list(world: &mut World) -> AccessList {
    let storage_keys = vec![U256::from(world.rng.below(3)).into()];
    AccessList(vec![AccessListItem { address: world.somebody(), storage_keys }])
}
