//! The contracts that workloads call: their committed bytecode, where their storage lies, and how
//! to call them.
//!
//! `contracts/` holds the Solidity sources and the artefacts that `make -C contracts` builds from
//! them. Nothing here compiles anything: the artefacts are part of this crate. Slots and selectors
//! are written down as constants; the tests hold them against what the compiler reported.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use serde::Deserialize;
use std::{collections::BTreeMap, sync::LazyLock};

/// The ERC-20 token.
pub static TOKEN: LazyLock<Artefact> =
    LazyLock::new(|| Artefact::parse(include_str!("../../contracts/build/Token.json")));

/// The constant-product pool of two tokens.
pub static POOL: LazyLock<Artefact> =
    LazyLock::new(|| Artefact::parse(include_str!("../../contracts/build/Pool.json")));

/// The loops that cost gas and touch next to no state.
pub static COMPUTE: LazyLock<Artefact> =
    LazyLock::new(|| Artefact::parse(include_str!("../../contracts/build/Compute.json")));

/// The collection of tokens that anybody mints.
pub static NFT: LazyLock<Artefact> =
    LazyLock::new(|| Artefact::parse(include_str!("../../contracts/build/Nft.json")));

/// One compiled contract, as `contracts/build.js` writes it.
#[derive(Clone, Debug, Deserialize)]
pub struct Artefact {
    /// Name of the contract and of its source file.
    pub contract: String,
    /// Full version of the compiler.
    pub compiler: String,
    /// Hash of the source that the bytecode was built from.
    pub source_keccak256: B256,
    /// Hash of the bytecode, which is the account's code hash.
    pub bytecode_keccak256: B256,
    /// Selector, as eight hex digits, by function signature.
    pub selectors: BTreeMap<String, String>,
    /// Where the state variables lie.
    pub storage: Vec<StateVariable>,
    /// The code of an account that is this contract.
    pub runtime_bytecode: Bytes,
}

/// One state variable in the compiler's storage layout.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct StateVariable {
    /// Its name in the source.
    pub label: String,
    /// The slot it starts in.
    pub slot: u64,
    /// Its first byte within the slot, counted from the lowest.
    pub offset: u8,
    /// The compiler's name of its type.
    #[serde(rename = "type")]
    pub kind: String,
}

impl Artefact {
    fn parse(json: &str) -> Self {
        serde_json::from_str(json).expect("the committed artefacts are read by a test")
    }
}

const TOKEN_BALANCES_SLOT: u64 = 0;
const TOKEN_ALLOWANCES_SLOT: u64 = 1;

/// The slot of a token's supply.
pub const TOKEN_SUPPLY_SLOT: U256 = U256::from_limbs([2, 0, 0, 0]);

/// The slot of a token's balance of `account`.
pub fn token_balance_slot(account: Address) -> U256 {
    U256::from_be_bytes(mapping_slot(account.into_word(), U256::from(TOKEN_BALANCES_SLOT)).0)
}

/// The slot of what `spender` may move of the tokens of `owner`.
pub fn token_allowance_slot(owner: Address, spender: Address) -> U256 {
    let of_owner = mapping_slot(owner.into_word(), U256::from(TOKEN_ALLOWANCES_SLOT));
    U256::from_be_bytes(mapping_slot(spender.into_word(), of_owner.into()).0)
}

/// The call data of a token's `transfer`.
pub fn token_transfer(to: Address, value: U256) -> Bytes {
    call_data(selector::TOKEN_TRANSFER, &[to.into_word(), value.into()])
}

/// The slot of a pool's first token.
pub const POOL_TOKEN0_SLOT: U256 = U256::ZERO;
/// The slot of a pool's second token.
pub const POOL_TOKEN1_SLOT: U256 = U256::ONE;
/// The slot that holds both reserves of a pool and its lock.
pub const POOL_RESERVES_SLOT: U256 = U256::from_limbs([2, 0, 0, 0]);

const POOL_RESERVE_BITS: usize = 112;

/// The word at [`POOL_RESERVES_SLOT`] while no swap runs.
pub fn pool_reserves_word(reserve0: U256, reserve1: U256) -> U256 {
    assert!(reserve0.bit_len() <= POOL_RESERVE_BITS, "reserve0 has at most 112 bits");
    assert!(reserve1.bit_len() <= POOL_RESERVE_BITS, "reserve1 has at most 112 bits");
    reserve0 | (reserve1 << POOL_RESERVE_BITS)
}

/// One exchange of a pool's tokens.
#[derive(Clone, Copy, Debug)]
pub struct Swap {
    /// Whether token0 comes in; otherwise token1 does.
    pub zero_for_one: bool,
    /// What the caller pays.
    pub amount_in: U256,
    /// The least the caller accepts.
    pub amount_out_min: U256,
    /// Who is paid.
    pub to: Address,
}

impl Swap {
    /// The call data of a pool's `swap`.
    pub fn call_data(self) -> Bytes {
        let zero_for_one = U256::from(u8::from(self.zero_for_one));
        let words = [
            zero_for_one.into(),
            self.amount_in.into(),
            self.amount_out_min.into(),
            self.to.into_word(),
        ];
        call_data(selector::POOL_SWAP, &words)
    }
}

/// The loops of the compute contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComputeLoop {
    /// Hashes of 64 bytes.
    Hash,
    /// Powers modulo a number of 2,048 bits.
    Modexp,
    /// A multiplication and a pairing of two pairs on bn254.
    Pairing,
}

impl ComputeLoop {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Hash, Self::Modexp, Self::Pairing];

    /// The call data of `rounds` rounds from `seed`.
    pub fn call_data(self, seed: B256, rounds: u64) -> Bytes {
        let selector = match self {
            Self::Hash => selector::COMPUTE_HASH_LOOP,
            Self::Modexp => selector::COMPUTE_MODEXP,
            Self::Pairing => selector::COMPUTE_PAIRING,
        };
        call_data(selector, &[seed, U256::from(rounds).into()])
    }
}

/// The slot of how many tokens of a collection there are, and of the next one's number.
pub const NFT_SUPPLY_SLOT: U256 = U256::ZERO;

const NFT_OWNERS_SLOT: u64 = 1;
const NFT_BALANCES_SLOT: u64 = 2;

/// The slot of a collection's owner of token `id`.
pub fn nft_owner_slot(id: U256) -> U256 {
    U256::from_be_bytes(mapping_slot(id.into(), U256::from(NFT_OWNERS_SLOT)).0)
}

/// The slot of how many tokens of a collection `account` has.
pub fn nft_balance_slot(account: Address) -> U256 {
    U256::from_be_bytes(mapping_slot(account.into_word(), U256::from(NFT_BALANCES_SLOT)).0)
}

/// The call data of a collection's `mint`.
pub fn nft_mint(to: Address) -> Bytes {
    call_data(selector::NFT_MINT, &[to.into_word()])
}

/// First four bytes of call data, by function.
mod selector {
    pub(super) const TOKEN_TRANSFER: [u8; 4] = [0xa9, 0x05, 0x9c, 0xbb];
    pub(super) const POOL_SWAP: [u8; 4] = [0xf9, 0x36, 0x64, 0x46];
    pub(super) const COMPUTE_HASH_LOOP: [u8; 4] = [0x1c, 0xf9, 0xe0, 0x06];
    pub(super) const COMPUTE_MODEXP: [u8; 4] = [0x7a, 0xc6, 0xa1, 0x9c];
    pub(super) const COMPUTE_PAIRING: [u8; 4] = [0x81, 0x17, 0xd7, 0x48];
    pub(super) const NFT_MINT: [u8; 4] = [0x6a, 0x62, 0x78, 0x42];
}

/// Where Solidity keeps the value of `key` of the mapping at `slot`.
fn mapping_slot(key: B256, slot: U256) -> B256 {
    let mut preimage = [0; 64];
    preimage[..32].copy_from_slice(key.as_slice());
    preimage[32..].copy_from_slice(&slot.to_be_bytes::<32>());
    keccak256(preimage)
}

fn call_data(selector: [u8; 4], words: &[B256]) -> Bytes {
    let mut data = Vec::with_capacity(selector.len() + words.len() * B256::len_bytes());
    data.extend_from_slice(&selector);
    words.iter().for_each(|word| data.extend_from_slice(word.as_slice()));
    data.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built() -> [(&'static Artefact, &'static str); 4] {
        [
            (&TOKEN, include_str!("../../contracts/Token.sol")),
            (&POOL, include_str!("../../contracts/Pool.sol")),
            (&COMPUTE, include_str!("../../contracts/Compute.sol")),
            (&NFT, include_str!("../../contracts/Nft.sol")),
        ]
    }

    #[test]
    fn each_bytecode_was_built_from_the_source_beside_it() {
        for (artefact, source) in built() {
            assert_eq!(
                artefact.source_keccak256,
                keccak256(source),
                "{}.sol was edited: run `make -C contracts`",
                artefact.contract
            );
            assert_eq!(
                artefact.bytecode_keccak256,
                keccak256(&artefact.runtime_bytecode),
                "the bytecode of {} was edited: run `make -C contracts`",
                artefact.contract
            );
            assert!(artefact.compiler.starts_with("0.8.30+"), "{}", artefact.compiler);
        }
    }

    #[test]
    fn selectors_are_those_that_the_compiler_reports() {
        let expected = [
            (&TOKEN, "transfer(address,uint256)", selector::TOKEN_TRANSFER),
            (&POOL, "swap(bool,uint256,uint256,address)", selector::POOL_SWAP),
            (&COMPUTE, "hashLoop(bytes32,uint256)", selector::COMPUTE_HASH_LOOP),
            (&COMPUTE, "modexp(bytes32,uint256)", selector::COMPUTE_MODEXP),
            (&COMPUTE, "pairing(bytes32,uint256)", selector::COMPUTE_PAIRING),
            (&NFT, "mint(address)", selector::NFT_MINT),
        ];
        for (artefact, signature, selector) in expected {
            let reported = &artefact.selectors[signature];
            assert_eq!(&alloy_primitives::hex::encode(selector), reported, "{signature}");
            assert_eq!(keccak256(signature)[..4], selector, "{signature}");
        }
    }

    #[test]
    fn slots_are_those_of_the_compilers_storage_layout() {
        let layout = |artefact: &Artefact| -> Vec<(String, u64, u8)> {
            artefact.storage.iter().map(|v| (v.label.clone(), v.slot, v.offset)).collect()
        };
        let named = |name: &str, slot: U256, offset| (name.to_owned(), slot.to::<u64>(), offset);
        assert_eq!(
            layout(&TOKEN),
            [
                named("balanceOf", U256::from(TOKEN_BALANCES_SLOT), 0),
                named("allowance", U256::from(TOKEN_ALLOWANCES_SLOT), 0),
                named("totalSupply", TOKEN_SUPPLY_SLOT, 0),
            ]
        );
        assert_eq!(
            layout(&POOL),
            [
                named("token0", POOL_TOKEN0_SLOT, 0),
                named("token1", POOL_TOKEN1_SLOT, 0),
                named("reserve0", POOL_RESERVES_SLOT, 0),
                named("reserve1", POOL_RESERVES_SLOT, 14),
                named("entered", POOL_RESERVES_SLOT, 28),
            ]
        );
        assert_eq!(
            layout(&NFT),
            [
                named("totalSupply", NFT_SUPPLY_SLOT, 0),
                named("ownerOf", U256::from(NFT_OWNERS_SLOT), 0),
                named("balanceOf", U256::from(NFT_BALANCES_SLOT), 0),
            ]
        );
        assert_eq!(POOL.storage[3].kind, "t_uint112");
        assert_eq!(usize::from(POOL.storage[3].offset) * 8, POOL_RESERVE_BITS);
    }
}
