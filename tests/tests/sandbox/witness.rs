//! Blocks on witnesses that lack a node: the block comes out right, or somebody says what is missing.

use super::Shape;
use alloy_primitives::{B256, Bytes, keccak256};
use cluster::{clock::SystemClock, shutdown::ShutdownToken};
use engine::{
    shard::ShardCount,
    trie::{StateTrie, Witness},
};
use evmesh::{
    args::PlanArg,
    config::{Config, RunConfig},
    report::{BlockLine, BlockStatus},
    run::sandbox_spec,
    session::Session,
};
use inputs::{Input, ParentState};
use std::{collections::BTreeMap, sync::Arc};

/// Returns the first block of an input that begins with a genesis, on the witness of all its nodes.
fn on_witness(input: &Input) -> (Input, BTreeMap<B256, Bytes>) {
    let values = input.parent.values().unwrap();
    let accounts = || values.accounts.iter();
    let state = StateTrie::from_values(
        accounts().map(|it| (it.address, it.account, it.storage.iter().copied())),
        values.codes.iter().map(|code| (code.hash, code.bytes.clone())),
    );
    let mut nodes = BTreeMap::new();
    for account in accounts() {
        let slots: Vec<_> = account.storage.iter().map(|(slot, _)| *slot).collect();
        let proof = state.account_proof(&account.address, &slots).unwrap();
        let of_slots = proof.slots.into_iter().flat_map(|slot| slot.nodes);
        nodes.extend(proof.nodes.into_iter().chain(of_slots).map(|node| (keccak256(&node), node)));
    }
    let witness = Witness {
        state_root: state.root().unwrap(),
        nodes: nodes.values().cloned().collect(),
        codes: values.codes.iter().map(|code| code.bytes.clone()).collect(),
    };
    let blocks = vec![input.blocks[0].clone()];
    let expected = inputs::Expected::default();
    let parent = ParentState::Witness(Arc::new(witness));
    (Input { blocks, parent, expected, ..input.clone() }, nodes)
}

/// Returns an input whose witness lacks a node.
fn without(input: &Input, node: &B256) -> Input {
    let ParentState::Witness(witness) = &input.parent else { panic!("a witness") };
    let mut fewer = Witness::clone(witness);
    fewer.nodes.retain(|it| keccak256(it) != *node);
    assert_eq!(fewer.nodes.len() + 1, witness.nodes.len());
    Input { parent: ParentState::Witness(Arc::new(fewer)), ..input.clone() }
}

/// Runs the input's block; an error where the witness cannot be loaded.
fn run(session: &mut Session, input: &Input) -> Result<BlockLine, String> {
    let mut line = None;
    let ran = session.run_input(input, &mut |report| {
        line = Some(report.line.clone());
        Ok(())
    });
    ran.map_err(|failure| {
        assert!(failure.at.contains(&input.name), "{failure}");
        failure.to_string()
    })?;
    Ok(line.expect("the input has a block"))
}

fn session(shape: Shape) -> Session {
    let mut config = Config::default();
    config.sandbox.workers = shape.workers.try_into().unwrap();
    config.sandbox.state_shards = shape.state_shards;
    // Serial execution meets the missing node as well, and says so in its own words.
    let run = RunConfig { oracle: false, plan: shape.plan, ..RunConfig::default() };
    let spec = sandbox_spec(&config, None);
    Session::new(spec, run, SystemClock::shared(), ShutdownToken::new())
}

#[test]
fn a_block_whose_witness_lacks_a_node_is_right_or_names_it_and_is_never_wrong() {
    let (mut n_equal, mut n_unread, mut n_unsealed) = (0, 0, 0);
    for (state_shards, seed) in [(1, 1), (4, 2)] {
        let shape = Shape {
            workers: 2,
            state_shards: ShardCount::new(state_shards).unwrap(),
            plan: PlanArg::Split,
            ..Shape::whole()
        };
        let spec = format!("workload:edges?fork=shanghai&txs=40&accounts=30&seed={seed}");
        let input = inputs::open(&spec, &mut |_, _| {}).unwrap().remove(0);
        let (input, nodes) = on_witness(&input);
        let mut session = session(shape);
        let whole = run(&mut session, &input).unwrap();
        assert_eq!(whole.status, BlockStatus::Equal, "{spec}: {whole:?}");
        assert_eq!(whole.fields.state_root, Some("equal"), "{spec}");
        for node in nodes.keys() {
            let line = match run(&mut session, &without(&input, node)) {
                Ok(line) => line,
                // Without the root's node nothing is known, and nothing is loaded.
                Err(failure) => {
                    assert!(failure.contains(&node.to_string()), "{failure}");
                    session.finish().unwrap();
                    session = self::session(shape);
                    continue;
                }
            };
            match line.status {
                BlockStatus::Equal => n_equal += 1,
                BlockStatus::Failed => {
                    let message = line.error.expect("why it failed").message;
                    if message.contains(&format!("node {node}")) {
                        n_unsealed += 1;
                    } else {
                        assert!(message.contains("which the snapshot cannot answer"), "{message}");
                        n_unread += 1;
                    }
                }
                other => panic!("{spec}, {shape:?}, without {node}: {other:?}, {:?}", line.error),
            }
        }
        session.finish().unwrap();
    }
    let found = format!("{n_equal} equal, {n_unread} unread, {n_unsealed} unsealed");
    assert!(n_unread > 0 && n_unsealed > 0, "{found}");
}
