//! Transactions before their place in a block is known.

use alloy_primitives::{Address, Bytes, TxKind, U256};

/// Gas of a step that does not say: room for some creations.
const GAS_LIMIT: u64 = 700_000;

/// An account whose key is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Actor {
    pub(super) idx: usize,
    pub(super) address: Address,
}

/// What is wrong with an authorisation (EIP-7702).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// It is for another chain.
    OtherChain,
    /// Its nonce is above the authority's.
    NonceAhead,
    /// Its nonce is below the authority's, which is at least 1.
    NonceBehind,
    /// Nobody's signature.
    Signature,
}

/// One authorisation of a step: the authority's code becomes that of the delegate. Its nonce is
/// the authority's next one, when its place is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grant {
    pub(super) authority: Actor,
    pub(super) delegate: Address,
    pub(super) flaw: Option<Flaw>,
    /// Valid on every chain.
    pub(super) is_universal: bool,
}

impl Grant {
    pub(super) const fn new(authority: Actor, delegate: Address) -> Self {
        Self { authority, delegate, flaw: None, is_universal: false }
    }

    /// Takes the authority's delegation back.
    pub(super) const fn clear(authority: Actor) -> Self {
        Self::new(authority, Address::ZERO)
    }

    pub(super) const fn with_flaw(self, flaw: Flaw) -> Self {
        Self { flaw: Some(flaw), ..self }
    }

    pub(super) const fn on_any_chain(self) -> Self {
        Self { is_universal: true, ..self }
    }
}

/// One transaction; its nonce and envelope follow from its place.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) sender: Actor,
    pub(super) to: TxKind,
    pub(super) value: U256,
    pub(super) input: Bytes,
    pub(super) gas_limit: u64,
    /// Wei that the beneficiary gets for one gas; drawn if it does not matter.
    pub(super) tip: Option<u64>,
    pub(super) grants: Vec<Grant>,
    /// What it adds to nonces of accounts that run creating code.
    pub(super) creations: Vec<(Actor, u64)>,
}

impl Step {
    const fn new(sender: Actor, to: TxKind, input: Bytes) -> Self {
        Self {
            sender,
            to,
            value: U256::ZERO,
            input,
            gas_limit: GAS_LIMIT,
            tip: None,
            grants: Vec::new(),
            creations: Vec::new(),
        }
    }

    /// A call without data.
    pub(super) const fn call(sender: Actor, to: Address) -> Self {
        Self::new(sender, TxKind::Call(to), Bytes::new())
    }

    /// The creation of a contract.
    pub(super) const fn create(sender: Actor, init: Bytes) -> Self {
        Self::new(sender, TxKind::Create, init)
    }

    pub(super) fn value(self, wei: u64) -> Self {
        self.wide_value(U256::from(wei))
    }

    pub(super) fn wide_value(self, value: U256) -> Self {
        Self { value, ..self }
    }

    /// Words as call data.
    pub(super) fn words<const N: usize>(self, words: [U256; N]) -> Self {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes::<32>()).collect();
        Self { input: bytes.into(), ..self }
    }

    /// A number as call data.
    pub(super) fn word(self, word: u64) -> Self {
        self.words([U256::from(word)])
    }

    /// An address as call data.
    pub(super) fn about(self, address: Address) -> Self {
        self.words([U256::from_be_bytes(address.into_word().0)])
    }

    pub(super) fn gas(self, gas_limit: u64) -> Self {
        Self { gas_limit, ..self }
    }

    pub(super) fn tip(self, wei: u64) -> Self {
        Self { tip: Some(wei), ..self }
    }

    pub(super) fn granting(mut self, grant: Grant) -> Self {
        self.grants.push(grant);
        self
    }

    /// Says that an account's nonce grows by creations of code that it runs.
    pub(super) fn creating(mut self, creator: Actor, n_creations: u64) -> Self {
        self.creations.push((creator, n_creations));
        self
    }
}
