//! From a block's bytes to what is executed: what is refused before.

use crate::{
    build::BuildAttributes,
    chain::ChainSpec,
    header::open,
    lineage::{Ancestor, Lineage},
    sequential::{PrepareError, prepare},
};
use alloy_consensus::{Block, BlockBody, Header, TxEnvelope};
use alloy_hardforks::EthereumHardfork::London;
use alloy_primitives::U256;
use std::sync::Arc;

fn parent() -> Header {
    let difficulty = U256::from(2_048_000);
    let base_fee_per_gas = Some(1_000);
    Header {
        number: 9,
        timestamp: 990,
        gas_limit: 5_000_000,
        difficulty,
        base_fee_per_gas,
        ..Header::default()
    }
}

fn header(chain: &ChainSpec) -> Header {
    let attributes =
        BuildAttributes { timestamp: 1_000, gas_limit: 5_000_000, ..BuildAttributes::default() };
    open(chain, &parent(), &attributes).unwrap()
}

fn prepare_with(header: Header, lineage: &Lineage) -> Result<(), PrepareError> {
    let body = BlockBody::<TxEnvelope>::default();
    let rlp = alloy_rlp::encode(Block { header, body });
    prepare(&ChainSpec::up_to(1, London), &rlp, lineage).map(|_| ())
}

#[test]
fn a_header_is_checked_against_the_parent_if_that_is_known() {
    let chain = ChainSpec::up_to(1, London);
    let lineage = Lineage(vec![Arc::new(Ancestor::new(parent(), None))]);
    let wrong = Header { base_fee_per_gas: Some(999), ..header(&chain) };
    assert_eq!(prepare_with(header(&chain), &lineage), Ok(()));
    match prepare_with(wrong.clone(), &lineage) {
        Err(PrepareError::Invalid(invalid)) => assert!(invalid.reason.contains("base fee is 999")),
        other => panic!("the block was not refused: {other:?}"),
    }
    assert_eq!(prepare_with(wrong, &Lineage::default()), Ok(()), "nobody knows the parent");
}

#[test]
fn the_lineage_of_another_block_says_nothing_of_this_one() {
    let chain = ChainSpec::up_to(1, London);
    let other = Header { timestamp: 991, ..parent() };
    let lineage = Lineage(vec![Arc::new(Ancestor::new(other, None))]);
    let refused = prepare_with(header(&chain), &lineage);
    assert!(matches!(refused, Err(PrepareError::Lineage(_))), "{refused:?}");
    assert!(refused.unwrap_err().to_string().starts_with("lineage[0]"));
}
