//! Ommers against the blocks before the one that names them.

use crate::{
    block::Block,
    chain::ChainSpec,
    header::{RuleError, check_body, check_header, check_lineage, draft::ommers_hash},
    lineage::{Ancestor, Lineage},
};
use alloy_consensus::Header;
use alloy_hardforks::EthereumHardfork::{self, Berlin, Homestead, London};
use alloy_primitives::{Bytes, U256};
use std::sync::Arc;

const NUMBER: u64 = 20;

/// Ten blocks and one that is to be checked, each ten seconds after its parent.
struct Chain {
    rules: ChainSpec,
    lineage: Lineage,
}

impl Chain {
    fn new(last: EthereumHardfork) -> Self {
        let rules = ChainSpec::up_to(1, last);
        let first = Header {
            number: NUMBER - 10,
            timestamp: 1_000,
            gas_limit: 10_000_000,
            gas_used: 5_000_000,
            difficulty: U256::from(1_000_000_000),
            base_fee_per_gas: (last >= London).then_some(7),
            ..Header::default()
        };
        let mut lineage = Lineage(vec![Arc::new(Ancestor::new(first, Some(Vec::new())))]);
        for _ in 1..10 {
            let header = Self::child_of(&lineage.0[0].header);
            let ancestor = Arc::new(Ancestor::new(header, Some(Vec::new())));
            lineage = lineage.child_of(ancestor, 10);
        }
        Self { rules, lineage }
    }

    /// A good header; ten seconds are those at which difficulty stays.
    fn child_of(parent: &Header) -> Header {
        Header {
            number: parent.number + 1,
            parent_hash: parent.hash_slow(),
            timestamp: parent.timestamp + 10,
            ..parent.clone()
        }
    }

    fn ancestor(&self, depth: usize) -> &Header {
        &self.lineage.0[depth].header
    }

    /// A good ommer, a sibling of the ancestor of this depth (1 is the parent).
    fn ommer(&self, depth: usize) -> Header {
        let ommer = Self::child_of(self.ancestor(depth));
        Header { extra_data: Bytes::from_static(b"ommer"), ..ommer }
    }

    fn check(&self, ommers: Vec<Header>) -> Result<(), RuleError> {
        self.check_with(&self.lineage, ommers)
    }

    fn check_with(&self, lineage: &Lineage, ommers: Vec<Header>) -> Result<(), RuleError> {
        let header = Self::child_of(self.ancestor(0));
        let header = Header { ommers_hash: ommers_hash(&ommers), ..header };
        let hash = header.hash_slow();
        let block = Block { hash, header, transactions: Vec::new(), ommers, withdrawals: None };
        check_lineage(&block, lineage).unwrap();
        check_body(&self.rules, &block, 600)?;
        check_header(&self.rules, &block, lineage)
    }
}

fn place(reason: &'static str) -> Result<(), RuleError> {
    Err(RuleError::OmmerPlace { offset: 0, reason })
}

#[test]
fn siblings_of_six_generations_may_be_named() {
    for last in [Homestead, Berlin, London] {
        let chain = Chain::new(last);
        assert_eq!(chain.check(vec![]), Ok(()), "{last:?}");
        for depth in 1..=6 {
            assert_eq!(chain.check(vec![chain.ommer(depth)]), Ok(()), "{last:?} {depth}");
        }
        assert_eq!(chain.check(vec![chain.ommer(1), chain.ommer(6)]), Ok(()), "{last:?}");
        for (depth, number) in [(0, NUMBER), (7, NUMBER - 7)] {
            let refused = chain.check(vec![chain.ommer(depth)]);
            assert_eq!(refused, Err(RuleError::OmmerDepth { number }), "{last:?}");
        }
    }
}

#[test]
fn an_ommer_is_no_ancestor_and_descends_from_one() {
    let chain = Chain::new(Berlin);
    for depth in 0..6 {
        let ancestor = chain.ancestor(depth).clone();
        assert_eq!(chain.check(vec![ancestor]), place("is an ancestor of the block"));
    }
    let stranger = Header { parent_hash: chain.ommer(3).hash_slow(), ..chain.ommer(2) };
    let no_relative = place("has a parent that is not an ancestor of the block");
    assert_eq!(chain.check(vec![stranger]), no_relative);
    let brother = Header { number: NUMBER - 1, ..chain.ommer(0) };
    assert_eq!(chain.check(vec![brother]), no_relative, "a child of the parent, under its number");
}

#[test]
fn an_ommer_is_named_once() {
    let chain = Chain::new(Berlin);
    let (first, second) = (chain.ommer(4), chain.ommer(3));
    let twice = RuleError::OmmerPlace { offset: 1, reason: "is named twice" };
    assert_eq!(chain.check(vec![first.clone(), first.clone()]), Err(twice));

    // The grandparent names one; both blocks after it have other hashes then.
    let mut lineage = Lineage(chain.lineage.0[2..].to_vec());
    for named in [vec![first.clone()], Vec::new()] {
        let header = Chain::child_of(&lineage.0[0].header);
        let header = Header { ommers_hash: ommers_hash(&named), ..header };
        lineage = lineage.child_of(Arc::new(Ancestor::new(header, Some(named))), 10);
    }
    let named = Chain { rules: chain.rules, lineage };
    assert_eq!(named.check(vec![first]), place("was named by a block before"));
    assert_eq!(named.check(vec![second]), Ok(()));
}

#[test]
fn an_ommers_own_header_keeps_the_rules() {
    type Change = fn(&mut Header);
    let chain = Chain::new(London);
    let wrong: [(&str, Change); 9] = [
        ("timestamp", |ommer| ommer.timestamp -= 10),
        ("difficulty", |ommer| ommer.difficulty += U256::ONE),
        ("gas limit", |ommer| ommer.gas_limit += 9_765),
        ("gas limit", |ommer| ommer.gas_limit = 4_999),
        ("gas used", |ommer| ommer.gas_used = ommer.gas_limit + 1),
        ("base fee", |ommer| ommer.base_fee_per_gas = Some(8)),
        ("base fee", |ommer| ommer.base_fee_per_gas = None),
        ("extra data", |ommer| ommer.extra_data = vec![0; 33].into()),
        ("withdrawals root", |ommer| ommer.withdrawals_root = Some(ommer.parent_hash)),
    ];
    for (name, change) in wrong {
        let mut ommer = chain.ommer(2);
        change(&mut ommer);
        let refused = chain.check(vec![chain.ommer(1), ommer]);
        assert!(matches!(refused, Err(RuleError::Ommer { offset: 1, .. })), "{name}: {refused:?}");
        assert!(refused.unwrap_err().to_string().contains(name), "{name}");
    }
}

#[test]
fn what_a_short_lineage_cannot_tell_is_not_held_against_an_ommer() {
    let chain = Chain::new(Berlin);
    let parent_only = Lineage(chain.lineage.0[..1].to_vec());
    let stranger = Header { difficulty: U256::ONE, ..chain.ommer(2) };
    assert_eq!(chain.check_with(&parent_only, vec![stranger.clone()]), Ok(()));
    assert!(chain.check(vec![stranger]).is_err());
}
