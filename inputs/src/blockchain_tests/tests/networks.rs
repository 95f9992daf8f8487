//! The rules behind every network's name.

use super::handmade::{CASE, file, read, read_input};
use crate::blockchain_tests::NotRun;
use alloy_eips::eip7840::BlobParams;
use engine::chain::ChainSpec;
use revm::primitives::hardfork::SpecId;
use serde_json::json;

fn chain(network: &str) -> ChainSpec {
    read_input(&file(network, json!([]))).chain
}

#[test]
fn every_fork_is_the_one_that_the_tests_mean() {
    for (network, spec) in [
        ("Frontier", SpecId::FRONTIER),
        ("Homestead", SpecId::HOMESTEAD),
        ("EIP150", SpecId::TANGERINE),
        ("EIP158", SpecId::SPURIOUS_DRAGON),
        ("Byzantium", SpecId::BYZANTIUM),
        ("ConstantinopleFix", SpecId::PETERSBURG),
        ("Istanbul", SpecId::ISTANBUL),
        ("Berlin", SpecId::BERLIN),
        ("London", SpecId::LONDON),
        ("Merge", SpecId::MERGE),
        ("Paris", SpecId::MERGE),
        ("Shanghai", SpecId::SHANGHAI),
        ("Cancun", SpecId::CANCUN),
        ("Prague", SpecId::PRAGUE),
        ("Osaka", SpecId::OSAKA),
        ("BPO2", SpecId::OSAKA),
    ] {
        let chain = chain(network);
        assert_eq!((network, chain.spec_at(0, 0)), (network, spec));
        assert_eq!((network, chain.spec_at(1 << 40, 1 << 40)), (network, spec));
    }
}

#[test]
fn a_transition_is_where_its_name_says() {
    for (network, before, after) in [
        ("FrontierToHomesteadAt5", SpecId::FRONTIER, SpecId::HOMESTEAD),
        ("HomesteadToEIP150At5", SpecId::HOMESTEAD, SpecId::TANGERINE),
        ("EIP158ToByzantiumAt5", SpecId::SPURIOUS_DRAGON, SpecId::BYZANTIUM),
        ("ByzantiumToConstantinopleFixAt5", SpecId::BYZANTIUM, SpecId::PETERSBURG),
        ("BerlinToLondonAt5", SpecId::BERLIN, SpecId::LONDON),
    ] {
        let chain = chain(network);
        let specs = (chain.spec_at(4, 1 << 40), chain.spec_at(5, 0));
        assert_eq!((network, specs), (network, (before, after)));
    }
    for (network, before, after) in [
        ("ParisToShanghaiAtTime15k", SpecId::MERGE, SpecId::SHANGHAI),
        ("ShanghaiToCancunAtTime15k", SpecId::SHANGHAI, SpecId::CANCUN),
        ("CancunToPragueAtTime15k", SpecId::CANCUN, SpecId::PRAGUE),
        ("PragueToOsakaAtTime15k", SpecId::PRAGUE, SpecId::OSAKA),
    ] {
        let chain = chain(network);
        let specs = (chain.spec_at(1 << 40, 14_999), chain.spec_at(0, 15_000));
        assert_eq!((network, specs), (network, (before, after)));
    }
}

#[test]
fn the_daos_change_is_made_only_where_it_is_named() {
    use alloy_hardforks::{EthereumHardfork, EthereumHardforks, ForkCondition};
    let dao = |network| chain(network).ethereum_fork_activation(EthereumHardfork::Dao);
    assert_eq!(dao("HomesteadToDaoAt5"), ForkCondition::Block(5));
    assert_eq!(dao("HomesteadToEIP150At5"), ForkCondition::Never);
    assert_eq!(dao("Homestead"), ForkCondition::Never);
}

#[test]
fn blobs_cost_what_the_file_says_and_mainnets_price_where_it_is_silent() {
    assert_eq!(chain("Cancun").blob_params_at(0), Some(BlobParams::cancun()));
    assert_eq!(chain("BPO1").blob_params_at(0), Some(BlobParams::bpo1()));
    assert_eq!(chain("Shanghai").blob_params_at(0), None);
    let mut given = file("OsakaToBPO1AtTime15k", json!([]));
    given[CASE]["config"] = json!({ "chainid": "0x2a", "network": "x", "blobSchedule": {
        "Osaka": { "target": "0x02", "max": "0x03", "baseFeeUpdateFraction": "0x64" },
        "BPO1": { "target": "0x0a", "max": "0x0f", "baseFeeUpdateFraction": "0xc8" },
    } });
    let chain = read_input(&given).chain;
    assert_eq!(chain.chain_id(), 42);
    let expected = |target_blob_count, max_blob_count, update_fraction| BlobParams {
        target_blob_count,
        max_blob_count,
        update_fraction,
        ..BlobParams::osaka()
    };
    assert_eq!(chain.blob_params_at(14_999), Some(expected(2, 3, 100)));
    assert_eq!(chain.blob_params_at(15_000), Some(expected(10, 15, 200)));
    let mut cancun = file("Cancun", json!([]));
    cancun[CASE]["config"] = json!({ "blobSchedule": {
        "Cancun": { "target": "0x01", "max": "0x02", "baseFeeUpdateFraction": "0x64" },
    } });
    assert_eq!(read_input(&cancun).chain.blob_params_at(0).unwrap().max_blobs_per_tx, 2);
}

#[test]
fn networks_that_are_not_run_say_by_which_rule() {
    for (network, rule) in [
        ("Constantinople", NotRun::Constantinople),
        ("ByzantiumToConstantinopleAt5", NotRun::Constantinople),
        ("Amsterdam", NotRun::Amsterdam),
        ("BPO2ToAmsterdamAtTime15k", NotRun::Amsterdam),
    ] {
        let case = read(&file(network, json!([]))).unwrap();
        assert_eq!((case.name.as_str(), case.network.as_str()), (CASE, network));
        assert_eq!(case.input.unwrap_err(), rule);
    }
}

#[test]
fn a_network_that_nobody_knows_is_refused_by_name() {
    for network in ["", "Atlantis", "ParisToShanghai", "ParisToShanghaiAtTimeNoon", "ToAt5"] {
        let error = read(&file(network, json!([]))).unwrap_err();
        assert!(error.at().ends_with(".network"), "{network}: {}", error.at());
        assert!(error.to_string().contains(network), "{error}");
    }
}
