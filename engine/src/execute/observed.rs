//! What a run could observe of the accounts that it loaded (rule 5).

use alloy_primitives::{Address, U256, map::AddressMap};

/// Amounts of no more bits than this cannot overflow when two of them are added.
const HUGE_BITS: usize = 255;

/// A set of an account's keys. The code hash is not in it: it counts as observed whenever the
/// account is loaded, because revm looks at code in too many places, and code rarely changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Aspects(u8);

impl Aspects {
    /// Nothing but the code hash.
    pub(super) const CODE_ONLY: Self = Self(0);
    /// The balance.
    pub(super) const BALANCE: Self = Self(1);
    /// The nonce.
    pub(super) const NONCE: Self = Self(2);
    /// Whether the account exists and is empty.
    pub(super) const EXISTENCE: Self = Self(4);
    /// Everything.
    pub(super) const ALL: Self = Self(7);

    /// Returns both sets together.
    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Tells whether all of the other set is in this one.
    pub(super) const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// Observations of one run, by account.
///
/// An account that was loaded and for which nobody noted a reason was loaded by something that no
/// hook knows: then everything of it counts as observed.
#[derive(Debug, Default)]
pub(super) struct Observations {
    noted: AddressMap<Aspects>,
    /// A CREATE or CREATE2 ran: the new address is computed inside revm, so nonce and existence
    /// of every loaded account count as observed.
    pub(super) created: bool,
    /// An amount was to be moved that might overflow any balance. Whether it did is seen, and the
    /// recipient's balance by that, although it stays as it was.
    moved_hugely: bool,
}

impl Observations {
    /// Notes that aspects of an account may be observed, if it is loaded at all.
    pub(super) fn note(&mut self, address: Address, aspects: Aspects) {
        let noted = self.noted.entry(address).or_default();
        *noted = noted.and(aspects);
    }

    /// Notes that an amount is to be moved.
    pub(super) const fn note_amount(&mut self, amount: &U256) {
        self.moved_hugely |= amount.bit_len() > HUGE_BITS;
    }

    /// Returns what was observed of an account that was loaded with this balance.
    pub(super) fn of(&self, address: &Address, balance: &U256) -> Aspects {
        let mut noted = self.noted.get(address).copied().unwrap_or(Aspects::ALL);
        if self.created {
            noted = noted.and(Aspects::NONCE).and(Aspects::EXISTENCE);
        }
        // Any amount might overflow a balance as large as this.
        if self.moved_hugely || balance.bit_len() > HUGE_BITS {
            noted = noted.and(Aspects::BALANCE);
        }
        noted
    }

    /// Tells whether somebody noted why the account was loaded.
    pub(super) fn is_noted(&self, address: &Address) -> bool {
        self.noted.contains_key(address)
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.noted.clear();
        self.created = false;
        self.moved_hugely = false;
    }
}
