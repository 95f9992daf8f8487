//! The rules that a genesis file's settings stand for.

use super::handmade::{blocks, chain, genesis, genesis_header, open_both};
use crate::{InputError, blockchain_tests::NotRun, input::Input};
use alloy_eips::eip7840::BlobParams;
use alloy_hardforks::{EthereumHardfork, EthereumHardforks, ForkCondition};
use alloy_primitives::Address;
use engine::chain::ChainSpec;
use revm::primitives::hardfork::SpecId;
use serde_json::{Value, json};

/// Opens three blocks, of times 26, 36 and 46, under these settings beside the usual ones.
fn opened(settings: &Value) -> Result<Input, InputError> {
    let mut file = genesis();
    for (field, value) in settings.as_object().unwrap() {
        file["config"][field] = value.clone();
    }
    open_both(chain(&blocks(&genesis_header(), 3)), &file)
}

fn rules(settings: &Value) -> ChainSpec {
    opened(settings).unwrap().chain
}

#[test]
fn every_fork_is_active_from_its_block_or_time_on() {
    let chain = rules(&json!({
        "homesteadBlock": 1, "daoForkBlock": 2, "daoForkSupport": true, "eip150Block": 3,
        "eip155Block": 4, "eip158Block": 4, "byzantiumBlock": 5, "constantinopleBlock": 6,
        "petersburgBlock": 7, "istanbulBlock": 8, "muirGlacierBlock": 9, "berlinBlock": 10,
        "londonBlock": 11, "arrowGlacierBlock": 12, "grayGlacierBlock": 13,
        "terminalTotalDifficulty": "0xffffffffffffffffffffffffffffffff",
        "shanghaiTime": 100, "cancunTime": 110, "pragueTime": 120, "osakaTime": 130,
    }));
    assert_eq!(chain.chain_id(), 77);
    // As the chain has them: Petersburg's rules begin with Constantinople.
    let block = |fork| {
        let own = chain.forks().find(|(own, _)| *own == fork);
        own.map_or(ForkCondition::Never, |(_, condition)| condition)
    };
    let by_block = [
        (EthereumHardfork::Frontier, 0),
        (EthereumHardfork::Homestead, 1),
        (EthereumHardfork::Dao, 2),
        (EthereumHardfork::Tangerine, 3),
        (EthereumHardfork::SpuriousDragon, 4),
        (EthereumHardfork::Byzantium, 5),
        (EthereumHardfork::Constantinople, 6),
        (EthereumHardfork::Petersburg, 7),
        (EthereumHardfork::Istanbul, 8),
        (EthereumHardfork::MuirGlacier, 9),
        (EthereumHardfork::Berlin, 10),
        (EthereumHardfork::London, 11),
        (EthereumHardfork::ArrowGlacier, 12),
        (EthereumHardfork::GrayGlacier, 13),
    ];
    for (fork, number) in by_block {
        assert_eq!((fork, block(fork)), (fork, ForkCondition::Block(number)));
    }
    assert!(!chain.is_paris_active_at_block(1 << 40));
    for (time, spec) in [
        (99, SpecId::LONDON),
        (100, SpecId::SHANGHAI),
        (110, SpecId::CANCUN),
        (120, SpecId::PRAGUE),
        (130, SpecId::OSAKA),
    ] {
        assert_eq!(chain.spec_at(20, time), spec);
    }
}

#[test]
fn the_daos_change_is_made_only_by_chains_that_support_it() {
    let chain = rules(&json!({ "daoForkBlock": 2, "daoForkSupport": false }));
    assert_eq!(chain.ethereum_fork_activation(EthereumHardfork::Dao), ForkCondition::Never);
}

#[test]
fn petersburg_without_a_block_of_its_own_is_part_of_constantinople() {
    let chain = rules(&json!({ "constantinopleBlock": 2, "petersburgBlock": null,
        "istanbulBlock": null, "berlinBlock": null }));
    assert_eq!(chain.spec_at(1, 0), SpecId::BYZANTIUM);
    assert_eq!(chain.spec_at(2, 0), SpecId::PETERSBURG);
}

#[test]
fn proof_of_stake_begins_after_the_block_that_reaches_the_total_difficulty() {
    // Genesis has 0x20000, each block 100 more.
    for (terminal, first) in [(0, 1), (0x20000, 1), (0x20001, 2), (0x20000 + 200, 3)] {
        let chain = rules(&json!({ "terminalTotalDifficulty": terminal, "londonBlock": 5 }));
        for number in 1..5 {
            let is_paris = chain.is_paris_active_at_block(number);
            assert_eq!(is_paris, number >= first, "{terminal}: block {number}");
        }
    }
    let never = rules(&json!({ "terminalTotalDifficulty": 1_000_000 }));
    assert!(!never.is_paris_active_at_block(1 << 40));
}

#[test]
fn blobs_cost_what_the_settings_say() {
    let times = json!({ "londonBlock": 5, "terminalTotalDifficulty": 0, "shanghaiTime": 90, "cancunTime": 100,
        "pragueTime": 110, "osakaTime": 120, "bpo1Time": 130, "bpo3Time": 140, "blobSchedule": {
            "cancun": { "target": 1, "max": 2, "baseFeeUpdateFraction": 100 },
            "osaka": { "target": 4, "max": 8, "baseFeeUpdateFraction": 200 },
            "bpo3": { "target": 20, "max": 30, "baseFeeUpdateFraction": 300 },
        } });
    let chain = rules(&times);
    let counts = |time| {
        let params = chain.blob_params_at(time).unwrap();
        (params.target_blob_count, params.max_blob_count, params.update_fraction)
    };
    assert_eq!(counts(100), (1, 2, 100));
    assert_eq!(chain.blob_params_at(110), Some(BlobParams::prague()));
    assert_eq!(counts(120), (4, 8, 200));
    assert_eq!(chain.blob_params_at(120).unwrap().max_blobs_per_tx, 6);
    assert_eq!(chain.blob_params_at(130), Some(BlobParams::bpo1()));
    assert_eq!(counts(140), (20, 30, 300));
    assert_eq!(chain.blob_params_at(99), None);
}

#[test]
fn settings_that_evmesh_cannot_follow_are_refused_by_name() {
    for (settings, field) in [
        (json!({ "clique": { "period": 1, "epoch": 2 } }), "clique"),
        (json!({ "qbft": { "blockperiodseconds": 1 } }), "qbft"),
        (json!({ "optimism": { "eip1559Elasticity": 6 } }), "optimism"),
        (json!({ "regolithTime": 0 }), "regolithTime"),
        (json!({ "londonblock": 0 }), "londonblock"),
        (json!({ "londonBlock": 5, "shanghaiTime": 90 }), "terminalTotalDifficulty"),
        (json!({ "eip155Block": 3, "eip158Block": 4 }), "eip155Block"),
        (json!({ "bpo4Time": 3 }), "blobSchedule.bpo4"),
    ] {
        let error = opened(&settings).unwrap_err();
        assert!(error.at().ends_with(&format!("$.config.{field}")), "{field}: {}", error.at());
        assert!(error.at().starts_with("folder/genesis.json"), "{}", error.at());
    }
    // The last block has the time 46.
    for draft in ["amsterdamTime", "bogotaTime"] {
        let error = opened(&json!({ draft: 46 })).unwrap_err();
        assert!(matches!(error, InputError::NotRun { rule: NotRun::Amsterdam, .. }), "{error:?}");
    }
    opened(&json!({ "amsterdamTime": 47 })).unwrap();
}

#[test]
fn blocks_of_constantinople_before_petersburg_have_all_its_rules_but_the_price_of_storage() {
    let chain = rules(&json!({ "constantinopleBlock": 2, "petersburgBlock": 5,
        "istanbulBlock": null, "berlinBlock": null }));
    for (number, spec, is_eip1283) in [
        (1, SpecId::BYZANTIUM, false),
        (2, SpecId::PETERSBURG, true),
        (4, SpecId::PETERSBURG, true),
        (5, SpecId::PETERSBURG, false),
    ] {
        assert_eq!(chain.spec_at(number, 0), spec, "block {number}");
        assert_eq!(chain.is_eip1283_active_at(number), is_eip1283, "block {number}");
    }
    let petersburg = chain.forks().find(|(fork, _)| *fork == EthereumHardfork::Petersburg);
    assert_eq!(petersburg.unwrap().1, ForkCondition::Block(5), "what the chain says is kept");
}

#[test]
fn forks_out_of_order_or_with_gaps_are_refused_by_name() {
    for (settings, field) in [
        (json!({ "byzantiumBlock": null }), "byzantiumBlock"),
        (json!({ "berlinBlock": 5, "istanbulBlock": 6 }), "berlinBlock"),
        (
            json!({ "constantinopleBlock": null, "petersburgBlock": 3, "istanbulBlock": 3,
            "berlinBlock": 3 }),
            "constantinopleBlock",
        ),
        (json!({ "londonBlock": 4, "cancunTime": 40 }), "shanghaiTime"),
        (json!({ "londonBlock": 4, "shanghaiTime": 40, "cancunTime": 30 }), "cancunTime"),
    ] {
        let error = opened(&settings).unwrap_err();
        assert!(error.at().ends_with(&format!("$.config.{field}")), "{field}: {}", error.at());
    }
}

#[test]
fn a_chain_without_a_deposit_contract_has_no_deposits() {
    assert_eq!(rules(&json!({})).deposit_contract(), Some(Address::ZERO));
}

#[test]
fn blob_parameters_that_no_block_can_have_are_refused_by_name() {
    for (counts, what) in [
        (json!({ "target": 1, "max": 2, "baseFeeUpdateFraction": 0 }), "fraction"),
        (json!({ "target": 1, "max": 1_u64 << 62, "baseFeeUpdateFraction": 1 }), "blobs"),
    ] {
        let error = opened(&json!({ "blobSchedule": { "cancun": counts } })).unwrap_err();
        assert!(error.at().ends_with("$.config.blobSchedule.cancun"), "{}", error.at());
        assert!(error.to_string().contains(what), "{error}");
    }
}
