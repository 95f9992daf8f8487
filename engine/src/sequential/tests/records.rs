//! Writes by index, which have to say the same as the final values.

use super::scene::{BENEFICIARY, Scene, addr, legacy, sender, signed, transfer, unsigned};
use crate::{
    access::{BalanceWrite, Wipe},
    account::TouchRule,
    fold::fold,
    ids::AccessIndex,
};
use alloy_consensus::TxLegacy;
use alloy_eips::eip4788::{BEACON_ROOTS_ADDRESS, BEACON_ROOTS_CODE};
use alloy_hardforks::EthereumHardfork::{self, Cancun, Frontier, London, Shanghai};
use alloy_primitives::{TxKind, U256};

/// Deploys one zero byte: `RETURN(0, 1)`.
const DEPLOYS_STOP: [u8; 5] = [0x60, 1, 0x60, 0, 0xf3];
const DESTROYS_ITSELF: [u8; 2] = [0x33, 0xff];
/// Adds one to slot 0.
const COUNTS: [u8; 9] = [0x60, 0, 0x54, 0x60, 1, 0x01, 0x60, 0, 0x55];

/// A block in which accounts are paid, made, changed twice and destroyed.
pub(super) fn busy(fork: EthereumHardfork) -> Scene {
    let create = TxLegacy { input: DEPLOYS_STOP.to_vec().into(), ..unsigned(1, TxKind::Create) };
    Scene::new(fork)
        .with_sender(1)
        .with_sender(2)
        .with_code(BEACON_ROOTS_ADDRESS, &BEACON_ROOTS_CODE)
        .with_contract(addr(0x20), &DESTROYS_ITSELF, &[(1, 1)])
        .with_contract(addr(0x21), &COUNTS, &[(0, 41)])
        .with_transactions([
            transfer(1, 0, addr(0x10), 5),
            signed(1, create),
            legacy(2, 0, TxKind::Call(addr(0x21))),
            legacy(2, 1, TxKind::Call(addr(0x20))),
            legacy(2, 2, TxKind::Call(addr(0x21))),
            transfer(2, 3, addr(0x11), 0),
        ])
}

#[test]
fn writes_by_index_fold_into_the_final_values() {
    for fork in [Frontier, London, Shanghai, Cancun] {
        let scene = busy(fork);
        let outcome = scene.run();
        let header = &scene.block.header;
        let rule = TouchRule::of(scene.chain.spec_at(header.number, header.timestamp));
        let writes = outcome.writes.unwrap();
        let folded = fold(&writes, rule, |address| scene.state.account(address));
        let state = &scene.state;
        assert_eq!(state.normalise(&folded), state.normalise(&outcome.post), "{fork:?}");
        assert!(state.normalise(&folded).accounts.len() > 5, "{fork:?}");
    }
}

#[test]
fn writes_are_laid_to_the_index_that_made_them() {
    let scene = busy(Shanghai);
    let writes = scene.run().writes.unwrap();
    let indices: Vec<u32> = writes.iter().map(|(index, _)| index.position()).collect();
    assert_eq!(indices, [1, 2, 3, 4, 5, 6], "nothing before and nothing after the transactions");
    let at = |n: u32| &writes.iter().find(|(index, _)| *index == AccessIndex::new(n)).unwrap().1;
    let of = |n, address| {
        let accounts = &at(n).accounts;
        accounts.iter().find(|(of, _)| *of == address).map(|(_, write)| write.clone())
    };
    let counted = |n| of(n, addr(0x21)).unwrap().slots;
    assert_eq!(counted(3), [(U256::ZERO, U256::from(42))]);
    assert_eq!(counted(5), [(U256::ZERO, U256::from(43))]);
    assert_eq!(of(4, addr(0x20)).unwrap().wipe, Some(Wipe::Destroyed));
    assert_eq!(of(1, addr(0x10)).unwrap().balance, Some(BalanceWrite::Set(U256::from(5))));
    assert_eq!(of(1, sender(1)).unwrap().nonce, Some(1));
    assert!(of(1, BENEFICIARY).is_some() && of(3, addr(0x10)).is_none());
    assert_eq!((at(2).codes.len(), at(3).codes.len()), (1, 0));
}
