//! Who sent a transaction: recovery of the sender from the signature, by the fork's rules.

use alloy_consensus::{TxEnvelope, transaction::SignerRecoverable};
use alloy_primitives::{Address, ChainId};
use revm::primitives::hardfork::SpecId;

/// Recovers the sender of a transaction, or `None` if its signature is not valid in that fork.
///
/// High `s` values are valid before Homestead only (EIP-2), and a signature may name a chain from
/// Spurious Dragon on (EIP-155). Whether it names the right chain is checked by execution.
pub fn recover(transaction: &TxEnvelope, spec: SpecId) -> Option<Address> {
    if names_chain(transaction).is_some() && !spec.is_enabled_in(SpecId::SPURIOUS_DRAGON) {
        return None;
    }
    let sender = if spec.is_enabled_in(SpecId::HOMESTEAD) {
        transaction.recover_signer()
    } else {
        transaction.recover_signer_unchecked()
    };
    sender.ok()
}

const fn names_chain(transaction: &TxEnvelope) -> Option<ChainId> {
    match transaction {
        TxEnvelope::Legacy(legacy) => legacy.tx().chain_id,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::recover;
    use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope, TxLegacy};
    use alloy_primitives::{Address, B256, Signature, TxKind, U256, address, b256, uint};
    use revm::primitives::hardfork::SpecId;

    const KEY: B256 = b256!("4646464646464646464646464646464646464646464646464646464646464646");
    const SENDER: Address = address!("9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f");
    /// Order of secp256k1.
    const N: U256 = uint!(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256);

    fn legacy(chain_id: Option<u64>) -> TxLegacy {
        let to = TxKind::Call(Address::repeat_byte(0x35));
        TxLegacy { chain_id, nonce: 9, gas_price: 20, gas_limit: 21_000, to, ..TxLegacy::default() }
    }

    fn sign(hash: B256) -> Signature {
        alloy_consensus::crypto::secp256k1::sign_message(KEY, hash).unwrap()
    }

    fn signed(tx: TxLegacy) -> TxEnvelope {
        let signature = sign(tx.signature_hash());
        tx.into_signed(signature).into()
    }

    /// The same signature with the other `s`: valid on the curve, and as malleable as can be.
    fn with_high_s(tx: TxLegacy) -> TxEnvelope {
        let low = sign(tx.signature_hash());
        let high = Signature::new(low.r(), N - low.s(), !low.v());
        tx.into_signed(high).into()
    }

    #[test]
    fn a_plain_signature_is_recovered_in_every_fork() {
        for spec in [SpecId::FRONTIER, SpecId::HOMESTEAD, SpecId::OSAKA] {
            assert_eq!(recover(&signed(legacy(None)), spec), Some(SENDER), "{spec:?}");
        }
    }

    #[test]
    fn a_high_s_is_valid_before_homestead_only() {
        let transaction = with_high_s(legacy(None));
        assert_eq!(recover(&transaction, SpecId::FRONTIER), Some(SENDER));
        assert_eq!(recover(&transaction, SpecId::HOMESTEAD), None);
        assert_eq!(recover(&transaction, SpecId::CANCUN), None);
    }

    #[test]
    fn a_signature_names_a_chain_from_spurious_dragon_on() {
        let transaction = signed(legacy(Some(1)));
        assert_eq!(recover(&transaction, SpecId::TANGERINE), None);
        assert_eq!(recover(&transaction, SpecId::SPURIOUS_DRAGON), Some(SENDER));
    }

    #[test]
    fn a_typed_transaction_is_recovered() {
        let tx = TxEip1559 { chain_id: 1, gas_limit: 21_000, ..TxEip1559::default() };
        let signature = sign(tx.signature_hash());
        assert_eq!(recover(&tx.into_signed(signature).into(), SpecId::LONDON), Some(SENDER));
    }

    #[test]
    fn numbers_that_are_no_signature_have_no_sender() {
        let zero = Signature::new(U256::ZERO, U256::ZERO, false);
        let above = Signature::new(N, U256::from(1), false);
        for signature in [zero, above] {
            let transaction: TxEnvelope = legacy(None).into_signed(signature).into();
            assert_eq!(recover(&transaction, SpecId::FRONTIER), None);
        }
    }
}
