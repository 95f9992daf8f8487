//! Puts scenes into blocks, one through the other.

use super::{
    Case,
    envelope::Placed,
    stage::{Roles, Scene, Stage},
    step::Step,
    world::{World, pick},
};
use crate::workload::{fork::Fork, population::named_address, spec::WorkloadSpec};
use alloy_eips::eip4895::Withdrawal;
use alloy_primitives::Address;
use std::collections::VecDeque;

/// Scenes that are played at once.
const SCENES_MAX: usize = 6;
/// How often another scene begins while others are played.
const BEGIN_PERCENT: u8 = 30;
/// How often a transaction belongs to no scene.
const FILLER_PERCENT: u8 = 20;
/// Withdrawals of a block that nobody asked for, at most.
const WITHDRAWALS_MAX: u32 = 3;

/// One block before it is signed.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) beneficiary: Address,
    pub(super) transactions: Vec<Placed>,
    pub(super) withdrawals: Vec<Withdrawal>,
    /// The scenes that were played in it, for tests to look at.
    #[cfg_attr(not(test), expect(dead_code, reason = "only tests ask who was who"))]
    pub(super) scenes: Vec<(Case, Roles)>,
}

/// A scene that waits for a block with room, or with the right beneficiary.
type Waiting = Option<(Case, Scene)>;

/// Draws cases and puts their steps into blocks.
#[derive(Debug)]
pub(super) struct Composer {
    world: World,
    cases: Vec<Case>,
    waiting: Waiting,
    /// Steps that scenes of the block before want to be in this one.
    later: Vec<VecDeque<Step>>,
    n_withdrawals: u64,
    seed: u64,
}

impl Composer {
    pub(super) fn new(spec: &WorkloadSpec, fork: Fork, only: Option<Case>) -> Self {
        let of_fork = |case: &Case| case.forks().contains(&fork);
        let cases = Case::ALL.into_iter().filter(|case| only.is_none_or(|only| only == *case));
        Self {
            world: World::new(spec.seed, fork, spec.accounts),
            cases: cases.filter(of_fork).collect(),
            waiting: None,
            later: Vec::new(),
            n_withdrawals: 0,
            seed: spec.seed,
        }
    }

    /// Returns everybody that the cases need.
    pub(super) fn into_world(self) -> World {
        self.world
    }

    /// Fills one block with exactly as many transactions.
    pub(super) fn next_body(&mut self, n_transactions: usize) -> Body {
        let mut block = Block { open: std::mem::take(&mut self.later), ..Block::default() };
        while block.placed.len() < n_transactions {
            let promised: usize = block.open.iter().map(VecDeque::len).sum();
            let room = (n_transactions - block.placed.len()).saturating_sub(promised);
            if room > 0 {
                self.maybe_begin(&mut block, room);
            }
            if room > 0 && (block.open.is_empty() || self.world.rng.percent(FILLER_PERCENT)) {
                let step = self.filler();
                block.place(step, &mut self.world);
            } else {
                self.go_on(&mut block);
            }
        }
        // What the block before promised and this one has no room for goes to the next.
        self.later.extend(block.open);
        let beneficiary = block.beneficiary.unwrap_or_else(|| self.any_beneficiary());
        let withdrawals = self.withdrawals(block.withdrawals);
        Body { beneficiary, transactions: block.placed, withdrawals, scenes: block.scenes }
    }

    fn go_on(&mut self, block: &mut Block) {
        let n_open = u32::try_from(block.open.len()).expect("few scenes");
        let at = self.world.rng.below(n_open) as usize;
        if let Some(step) = block.open[at].pop_front() {
            block.place(step, &mut self.world);
        }
        if block.open[at].is_empty() {
            block.open.swap_remove(at);
        }
    }

    /// Begins another scene now and then, if it fits.
    fn maybe_begin(&mut self, block: &mut Block, room: usize) {
        let wants = block.open.is_empty() || self.world.rng.percent(BEGIN_PERCENT);
        if self.cases.is_empty() || !wants || block.open.len() >= SCENES_MAX {
            return;
        }
        let (case, scene) = self.waiting.take().unwrap_or_else(|| self.play());
        let pays_fees = scene
            .beneficiary
            .is_none_or(|wanted| block.beneficiary.is_none_or(|beneficiary| beneficiary == wanted));
        if scene.steps.len() > room || !pays_fees {
            self.waiting = Some((case, scene));
            return;
        }
        block.beneficiary = block.beneficiary.or(scene.beneficiary);
        block.withdrawals.extend(scene.withdrawals);
        block.scenes.push((case, scene.roles));
        block.open.push(scene.steps.into());
        if !scene.later.is_empty() {
            self.later.push(scene.later.into());
        }
    }

    fn play(&mut self) -> (Case, Scene) {
        let case = pick(&mut self.world.rng, &self.cases);
        let mut stage = Stage::new(&mut self.world);
        case.play(&mut stage);
        (case, stage.scene)
    }

    /// A payment to somebody who does not matter, or anybody's meeting with anybody else's account.
    fn filler(&mut self) -> Step {
        let world = &mut self.world;
        let (sender, somebody) = (world.crowd(), world.somebody());
        let value = u64::from(world.rng.below(3));
        match world.rng.below(4) {
            0 => Step::call(sender, pick(&mut world.rng, &world.bystanders)).value(1_000),
            1 => Step::call(sender, somebody).value(value),
            2 => Step::call(sender, world.probe).about(somebody),
            _ => {
                let mut stage = Stage::new(world);
                stage.probe(somebody, value);
                stage.scene.steps.pop().expect("a probe is one step")
            }
        }
    }

    fn any_beneficiary(&mut self) -> Address {
        if self.world.rng.percent(60) {
            self.world.somebody()
        } else {
            let number = self.world.rng.below(3);
            named_address(self.seed, "beneficiary", number)
        }
    }

    fn withdrawals(&mut self, mut wanted: Vec<(Address, u64)>) -> Vec<Withdrawal> {
        if self.world.fork < Fork::Shanghai {
            return Vec::new();
        }
        for _ in 0..self.world.rng.below(WITHDRAWALS_MAX + 1) {
            wanted.push((self.world.somebody(), u64::from(self.world.rng.below(3))));
        }
        let withdrawal = |(address, amount)| {
            self.n_withdrawals += 1;
            let index = self.n_withdrawals - 1;
            Withdrawal { index, validator_index: index, address, amount }
        };
        wanted.into_iter().map(withdrawal).collect()
    }
}

/// One block while it is filled.
#[derive(Debug, Default)]
struct Block {
    open: Vec<VecDeque<Step>>,
    placed: Vec<Placed>,
    beneficiary: Option<Address>,
    withdrawals: Vec<(Address, u64)>,
    scenes: Vec<(Case, Roles)>,
}

impl Block {
    fn place(&mut self, step: Step, world: &mut World) {
        self.placed.push(Placed::new(step, world));
    }
}
