//! Small blocks made by hand, written down as JSON-RPC would give them.

use alloy_consensus::{
    EMPTY_OMMER_ROOT_HASH, Header, SignableTransaction, TxEnvelope, TxLegacy, proofs,
};
use alloy_eips::eip4895::Withdrawal;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use serde_json::{Value, json};
use std::{fs, path::Path};

/// A time in mainnet's Shanghai.
const TIMESTAMP: u64 = 1_690_000_000;
pub(super) const NUMBER: u64 = 17_700_000;
pub(super) const CONTRACT: Address = Address::repeat_byte(0xc0);
pub(super) const EMPTY: Address = Address::repeat_byte(0xe0);
const KEY: B256 = B256::repeat_byte(1);
/// Copies slot 1 to slot 2.
const CODE: [u8; 6] = [0x60, 1, 0x54, 0x60, 2, 0x55];

/// The files of a block's folder.
#[derive(Clone, Debug)]
pub(super) struct Files {
    pub(super) block: Value,
    pub(super) pre_state: Value,
    pub(super) bytecodes: Value,
    pub(super) block_hashes: Value,
}

impl Files {
    /// A block of mainnet's Shanghai that calls a contract.
    pub(super) fn new(number: u64) -> Self {
        let transaction = transaction();
        let sender = alloy_consensus::transaction::SignerRecoverable::recover_signer(&transaction);
        let padded = [&CODE[..], &[0; 33]].concat();
        Self {
            block: block(number, &transaction),
            pre_state: json!({
                sender.unwrap().to_string(): {
                    "basic": { "balance": "0xde0b6b3a7640000", "nonce": 3 },
                    "code_hash": null, "code": null, "storage": {},
                },
                CONTRACT.to_string(): {
                    "basic": { "balance": "0x0", "nonce": 1 },
                    "code_hash": keccak256(CODE), "code": null,
                    "storage": { "0x1": "0xb", "0x2": "0x0", "0x010": "0x1" },
                },
                EMPTY.to_string(): {
                    "basic": { "balance": "0x0", "nonce": 0 },
                    "code_hash": null, "code": null, "storage": {},
                },
            }),
            bytecodes: json!({
                keccak256(CODE).to_string(): {
                    "bytecode": Bytes::from(padded), "original_len": CODE.len(),
                    "jump_table": { "order": "Lsb0", "data": [0, 1, 2] },
                },
            }),
            block_hashes: json!({ (number - 2).to_string(): B256::repeat_byte(0x22) }),
        }
    }

    /// Returns the files with their names.
    pub(super) fn named(&self) -> [(&'static str, Vec<u8>); 4] {
        [
            ("block.json", self.block.to_string().into()),
            ("bytecodes.json", self.bytecodes.to_string().into()),
            ("pre_state.json", self.pre_state.to_string().into()),
            ("block_hashes.json", self.block_hashes.to_string().into()),
        ]
    }

    pub(super) fn write(&self, folder: &Path) {
        fs::create_dir_all(folder).unwrap();
        for (name, content) in self.named() {
            fs::write(folder.join(name), content).unwrap();
        }
    }
}

fn transaction() -> TxEnvelope {
    let tx = TxLegacy {
        chain_id: Some(1),
        nonce: 3,
        gas_price: 100,
        gas_limit: 100_000,
        to: TxKind::Call(CONTRACT),
        value: U256::from(7),
        input: Bytes::from_static(&[1, 2, 3]),
    };
    let signature =
        alloy_consensus::crypto::secp256k1::sign_message(KEY, tx.signature_hash()).unwrap();
    tx.into_signed(signature).into()
}

/// Gas used and receipts are made up: what is read is not executed.
fn block(number: u64, transaction: &TxEnvelope) -> Value {
    let withdrawals = [Withdrawal { index: 1, validator_index: 2, address: CONTRACT, amount: 3 }];
    let header = Header {
        parent_hash: B256::repeat_byte(0x11),
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        number,
        timestamp: TIMESTAMP,
        gas_limit: 30_000_000,
        gas_used: 21_000,
        base_fee_per_gas: Some(50),
        transactions_root: proofs::calculate_transaction_root(&[transaction]),
        withdrawals_root: Some(proofs::calculate_withdrawals_root(&withdrawals)),
        ..Header::default()
    };
    let mut block = serde_json::to_value(&header).unwrap();
    block["hash"] = json!(keccak256(alloy_rlp::encode(&header)));
    block["uncles"] = json!([]);
    block["transactions"] = json!([transaction]);
    block["withdrawals"] = json!(withdrawals);
    block["size"] = json!("0x27a");
    block
}
