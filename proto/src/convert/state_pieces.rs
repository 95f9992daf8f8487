//! A state in pieces, so that no message grows with it.

use super::{
    DecodeError, Reason,
    access::{codes, unknown_byte},
    columns::{Column, Numbers, SlotColumns, Slots, put_word},
    ids::{bytes_of, enumeration, optional_hash, unknown},
};
use crate::{
    state::{AccountState, SnapshotContents, StateValues},
    wire::v1,
};
use alloy_primitives::{B256, Bytes, keccak256};
use engine::{account::Account, block::Code, trie::Witness};
use std::sync::Arc;

const CODE_HASH: u8 = 1;
const SLOTS: u8 = 1 << 1;
const GOES_ON: u8 = 1 << 2;
const UNUSED: u8 = !(CODE_HASH | SLOTS | GOES_ON);

/// Bytes of an account at most, without slots: flags, address, balance, nonce, code hash, count.
const ACCOUNT_BYTES: usize = 1 + 20 + 33 + 10 + 32 + 5;
/// Bytes of a slot with its value at most.
const SLOT_BYTES: usize = 66;
/// Bytes of a code beside the code, at most.
const CODE_BYTES: usize = 48;

/// Cuts a state into pieces; there is at least one. A piece has `bytes_max` bytes at most, unless
/// a single code is larger.
#[derive(Debug)]
pub struct StatePieces {
    accounts: std::vec::IntoIter<AccountState>,
    codes: std::iter::Peekable<std::vec::IntoIter<Code>>,
    /// An account of which some slots are sent already, and how many.
    begun: Option<(AccountState, usize)>,
    bytes_max: usize,
    is_first: bool,
}

impl StatePieces {
    /// Starts to cut.
    pub fn new(state: StateValues, bytes_max: usize) -> Self {
        Self {
            accounts: state.accounts.into_iter(),
            codes: state.codes.into_iter().peekable(),
            begun: None,
            bytes_max,
            is_first: true,
        }
    }
}

impl Iterator for StatePieces {
    type Item = v1::StatePiece;

    fn next(&mut self) -> Option<v1::StatePiece> {
        let mut piece = PieceWriter::default();
        while piece.n_bytes + ACCOUNT_BYTES + SLOT_BYTES <= self.bytes_max || piece.is_empty() {
            let next = self.begun.take().or_else(|| self.accounts.next().map(|next| (next, 0)));
            let Some((account, n_sent)) = next else { break };
            let room = self.bytes_max.saturating_sub(piece.n_bytes + ACCOUNT_BYTES) / SLOT_BYTES;
            let end = account.storage.len().min(n_sent + room.max(1));
            piece.put(&account, n_sent, end);
            if end < account.storage.len() {
                self.begun = Some((account, end));
                break;
            }
        }
        let is_room = |piece: &PieceWriter, code: &Code| {
            piece.is_empty() || piece.n_bytes + CODE_BYTES + code.bytes.len() <= self.bytes_max
        };
        // Codes come when all accounts are through.
        if self.begun.is_none() && self.accounts.len() == 0 {
            while let Some(code) = self.codes.next_if(|code| is_room(&piece, code)) {
                piece.n_bytes += CODE_BYTES + code.bytes.len();
                piece.codes.push(code.into());
            }
        }
        let is_wanted = !piece.is_empty() || self.is_first;
        self.is_first = false;
        is_wanted.then(|| piece.finish())
    }
}

/// A piece, while it is written.
#[derive(Default)]
struct PieceWriter {
    n_bytes: usize,
    flags: Vec<u8>,
    addresses: Vec<u8>,
    balances: Vec<u8>,
    nonces: Vec<u64>,
    code_hashes: Vec<u8>,
    slots: SlotColumns,
    codes: Vec<v1::Code>,
}

impl PieceWriter {
    const fn is_empty(&self) -> bool {
        self.flags.is_empty() && self.codes.is_empty()
    }

    /// Appends an account with the slots from `start` to `end`.
    fn put(&mut self, state: &AccountState, start: usize, end: usize) {
        let mut flag = 0;
        if start > 0 {
            flag |= GOES_ON;
        } else {
            put_word(&mut self.balances, &state.account.balance);
            self.nonces.push(state.account.nonce);
            if state.account.code_hash != Account::default().code_hash {
                flag |= CODE_HASH;
                self.code_hashes.extend_from_slice(state.account.code_hash.as_slice());
            }
        }
        let slots = &state.storage[start..end];
        if self.slots.put(slots.iter().map(|(slot, value)| (slot, value))) {
            flag |= SLOTS;
        }
        self.flags.push(flag);
        self.addresses.extend_from_slice(state.address.as_slice());
        self.n_bytes += ACCOUNT_BYTES + slots.len() * SLOT_BYTES;
    }

    fn finish(self) -> v1::StatePiece {
        v1::StatePiece {
            flags: self.flags.into(),
            addresses: self.addresses.into(),
            balances: self.balances.into(),
            nonces: self.nonces,
            code_hashes: self.code_hashes.into(),
            slot_counts: self.slots.counts,
            slots: self.slots.words.into(),
            codes: self.codes,
            nodes: Vec::new(),
        }
    }
}

/// Cuts what a Snapshot is made from into pieces; there is at least one. A piece has `bytes_max`
/// bytes at most, unless a single code or node is larger.
#[derive(Debug)]
pub struct ContentsPieces {
    values: Option<StatePieces>,
    witness: std::vec::IntoIter<v1::StatePiece>,
}

impl ContentsPieces {
    /// Starts to cut.
    pub fn new(contents: SnapshotContents, bytes_max: usize) -> Self {
        let (values, witness) = match contents {
            SnapshotContents::Values(state) | SnapshotContents::Whole(state) => {
                (Some(StatePieces::new(state, bytes_max)), Vec::new())
            }
            SnapshotContents::Witness(witness) => (None, witness_pieces(&witness, bytes_max)),
        };
        Self { values, witness: witness.into_iter() }
    }
}

impl Iterator for ContentsPieces {
    type Item = v1::StatePiece;

    fn next(&mut self) -> Option<v1::StatePiece> {
        match &mut self.values {
            Some(values) => values.next(),
            None => self.witness.next(),
        }
    }
}

/// Cuts a witness into pieces: nodes first, then codes.
fn witness_pieces(witness: &Witness, bytes_max: usize) -> Vec<v1::StatePiece> {
    let mut pieces = vec![v1::StatePiece::default()];
    let mut n_bytes = 0;
    let nodes = witness.nodes.iter().map(|node| (true, node));
    for (is_node, bytes) in nodes.chain(witness.codes.iter().map(|code| (false, code))) {
        n_bytes += CODE_BYTES + bytes.len();
        if n_bytes > bytes_max {
            n_bytes = CODE_BYTES + bytes.len();
            pieces.push(v1::StatePiece::default());
        }
        let piece = pieces.last_mut().expect("there is one at least");
        if is_node {
            piece.nodes.push(bytes.0.clone());
        } else {
            let code = Code { hash: keccak256(bytes), bytes: bytes.clone() };
            piece.codes.push(code.into());
        }
    }
    pieces
}

/// Puts a state together from its pieces.
#[derive(Debug)]
pub struct StateAssembler {
    state: StateValues,
    nodes: Vec<Bytes>,
    /// Bytes that may still come.
    room: usize,
}

impl StateAssembler {
    /// Starts with nothing; pieces of more than `bytes_max` bytes in all are refused.
    pub fn new(bytes_max: usize) -> Self {
        Self { state: StateValues::default(), nodes: Vec::new(), room: bytes_max }
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// If it is damaged or there is no room for it.
    pub fn take(&mut self, piece: v1::StatePiece) -> Result<(), DecodeError> {
        let n_bytes = prost::Message::encoded_len(&piece);
        self.room = self
            .room
            .checked_sub(n_bytes)
            .ok_or_else(|| DecodeError::new("piece", Reason::Range { given: n_bytes as u64 }))?;
        let mut addresses = Column::new("addresses", &piece.addresses);
        let mut balances = Column::new("balances", &piece.balances);
        let mut nonces = Numbers::new("nonces", &piece.nonces);
        let mut code_hashes = Column::new("code_hashes", &piece.code_hashes);
        let mut slots = Slots::new(&piece.slot_counts, &piece.slots);
        for (position, flag) in piece.flags.iter().enumerate() {
            let has = |bit: u8| flag & bit != 0;
            let goes_on = has(GOES_ON);
            if has(UNUSED) || (goes_on && (position > 0 || has(CODE_HASH) || !has(SLOTS))) {
                return Err(unknown_byte(*flag, "flags"));
            }
            let address = addresses.address()?;
            let storage = if has(SLOTS) { slots.of_account()? } else { Vec::new() };
            if goes_on {
                let last = self.state.accounts.last_mut();
                let last = last.filter(|last| last.address == address);
                let Some(last) = last else {
                    return Err(DecodeError::new("addresses[0]", Reason::Unexpected));
                };
                last.storage.extend(storage);
                continue;
            }
            let mut account = Account {
                balance: balances.word()?,
                nonce: nonces.number()?,
                ..Account::default()
            };
            if has(CODE_HASH) {
                account.code_hash = code_hashes.hash()?;
            }
            self.state.accounts.push(AccountState { address, account, storage });
        }
        addresses.end()?;
        balances.end()?;
        nonces.end()?;
        code_hashes.end()?;
        slots.end()?;
        self.state.codes.extend(codes(piece.codes)?);
        self.nodes.extend(piece.nodes.into_iter().map(Bytes::from));
        Ok(())
    }

    /// Returns the values that were put together.
    ///
    /// # Errors
    /// If there are nodes among them.
    pub fn finish(self) -> Result<StateValues, DecodeError> {
        if self.nodes.is_empty() {
            Ok(self.state)
        } else {
            Err(DecodeError::new("nodes", Reason::Unexpected))
        }
    }

    /// Returns what a Snapshot is made from, as its header says what the pieces are.
    ///
    /// # Errors
    /// If the pieces are something else, or the header is damaged.
    pub fn finish_contents(
        self,
        header: &v1::SnapshotContents,
    ) -> Result<SnapshotContents, DecodeError> {
        let kind = enumeration(header.kind, "kind")?;
        let root = optional_hash(header.state_root.as_ref(), "state_root")?;
        if root.is_some() != (kind == v1::SnapshotKind::Witness) {
            return Err(DecodeError::new("state_root", Reason::Unexpected));
        }
        Ok(match (kind, root) {
            (v1::SnapshotKind::Values, _) => SnapshotContents::Values(self.finish()?),
            (v1::SnapshotKind::Whole, _) => SnapshotContents::Whole(self.finish()?),
            (v1::SnapshotKind::Witness, Some(root)) => {
                SnapshotContents::Witness(Arc::new(self.finish_witness(root)?))
            }
            (v1::SnapshotKind::Unspecified | v1::SnapshotKind::Witness, _) => {
                return Err(unknown(header.kind, "kind"));
            }
        })
    }

    fn finish_witness(self, state_root: B256) -> Result<Witness, DecodeError> {
        if !self.state.accounts.is_empty() {
            return Err(DecodeError::new("flags", Reason::Unexpected));
        }
        let codes = self.state.codes.into_iter().map(|code| code.bytes).collect();
        Ok(Witness { state_root, nodes: self.nodes, codes })
    }
}

impl From<&SnapshotContents> for v1::SnapshotContents {
    fn from(contents: &SnapshotContents) -> Self {
        let (kind, state_root) = match contents {
            SnapshotContents::Values(_) => (v1::SnapshotKind::Values, None),
            SnapshotContents::Whole(_) => (v1::SnapshotKind::Whole, None),
            SnapshotContents::Witness(witness) => {
                (v1::SnapshotKind::Witness, Some(bytes_of(witness.state_root)))
            }
        };
        Self { kind: kind.into(), state_root }
    }
}
