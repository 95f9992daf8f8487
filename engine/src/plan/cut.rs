//! Cuts weighted work into slices.

use crate::ids::AccessIndex;
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    num::NonZeroU32,
};

/// A piece is spread by weight rather than by place if it is at least one part in so many of a
/// slice.
const HEAVY_SHARE: u64 = 16;

/// What slices have to be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CutShape {
    /// Slices at least, if there is an index for each.
    pub slices_min: NonZeroU32,
    /// Predicted gas of a slice at most, if it has more than one index.
    pub slice_gas: Option<u64>,
    /// Breaks ties.
    pub seed: u64,
}

impl CutShape {
    /// Returns the gas of a slice if this much work is cut evenly.
    pub(super) fn slice_gas_for(&self, total: u64) -> u64 {
        let even = total.div_ceil(u64::from(self.slices_min.get()));
        self.slice_gas.map_or(even, |bound| even.min(bound)).max(1)
    }
}

/// One index to be put in a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piecework {
    /// Position in the block.
    pub index: AccessIndex,
    /// Predicted gas; at least 1.
    pub gas: u64,
    /// Indices with the same number belong together.
    pub group: usize,
}

/// Indices that stay together.
#[derive(Debug, Default)]
struct Piece {
    gas: u64,
    work: Vec<Piecework>,
}

/// Cuts work (ascending by index) into slices, ordered by their first index.
///
/// Groups are pieces, cut where they are larger than an even slice. Heavy pieces are spread by
/// weight, the heaviest first; the light ones fill what is left in block order, because
/// transactions that depend on each other are often neighbours.
pub fn cut(work: &[Piecework], shape: CutShape) -> Vec<Vec<AccessIndex>> {
    let (n_slices, even) = evenly(work, shape);
    let pieces = groups(work).flat_map(|group| chunks(group, even)).collect();
    spread(enough(pieces, n_slices), (n_slices, even), shape)
}

/// Cuts work whose groups are known to depend on each other: no group is cut, unless it is above
/// the gas that a slice may have, and there may be fewer slices than were wanted.
pub fn cut_by_groups(work: &[Piecework], shape: CutShape) -> Vec<Vec<AccessIndex>> {
    let (n_slices, even) = evenly(work, shape);
    let pieces: Vec<_> = groups(work).map(Piece::of).collect();
    let n_slices = n_slices.min(pieces.len());
    spread(pieces, (n_slices, even), shape)
}

/// Returns the number of slices, and the gas of each if they were even.
fn evenly(work: &[Piecework], shape: CutShape) -> (usize, u64) {
    let total: u64 = work.iter().map(|it| it.gas).sum();
    let n_slices = n_slices(work.len(), total, shape);
    (n_slices, total.div_ceil(n_slices.max(1) as u64).max(1))
}

/// Puts pieces into slices; there are at least as many pieces.
fn spread(
    pieces: Vec<Piece>,
    (n_slices, even): (usize, u64),
    shape: CutShape,
) -> Vec<Vec<AccessIndex>> {
    if n_slices == 0 {
        return Vec::new();
    }
    let mut bins = fill(pieces, n_slices, even, shape.seed);
    repair(&mut bins);
    let mut slices: Vec<_> = bins.into_iter().flat_map(|bin| bounded(bin, shape)).collect();
    slices.sort_unstable_by_key(|slice| slice[0]);
    slices
}

fn n_slices(n_work: usize, total: u64, shape: CutShape) -> usize {
    let by_gas = shape.slice_gas.map_or(1, |bound| total.div_ceil(bound.max(1)));
    let wanted = by_gas.max(u64::from(shape.slices_min.get()));
    usize::try_from(wanted).unwrap_or(usize::MAX).min(n_work)
}

/// Returns the groups, each in order.
fn groups(work: &[Piecework]) -> impl Iterator<Item = Vec<Piecework>> + use<> {
    let mut groups = BTreeMap::<usize, Vec<Piecework>>::new();
    for item in work {
        groups.entry(item.group).or_default().push(*item);
    }
    groups.into_values()
}

/// Cuts work in its order so that no part is above a bound, unless it is one index.
fn chunks(work: Vec<Piecework>, bound: u64) -> Vec<Piece> {
    let mut pieces = vec![Piece::default()];
    for item in work {
        let last = pieces.len() - 1;
        if !pieces[last].work.is_empty() && pieces[last].gas + item.gas > bound {
            pieces.push(Piece::default());
        }
        pieces.last_mut().expect("begins with one").add(item);
    }
    pieces
}

/// Cuts pieces in two until there is one for each slice.
fn enough(pieces: Vec<Piece>, n_slices: usize) -> Vec<Piece> {
    let mut by_length: BinaryHeap<_> = pieces.into_iter().map(ByLength).collect();
    while by_length.len() < n_slices {
        let Some(ByLength(mut longest)) = by_length.pop() else { break };
        let rest = longest.work.split_off(longest.work.len() / 2);
        for half in [longest.work, rest].into_iter().filter(|half| !half.is_empty()) {
            by_length.push(ByLength(Piece::of(half)));
        }
    }
    by_length.into_iter().map(|ByLength(piece)| piece).collect()
}

/// Puts pieces into bins: heavy ones by weight, light ones in block order where there is room.
fn fill(pieces: Vec<Piece>, n_slices: usize, even: u64, seed: u64) -> Vec<Vec<Piece>> {
    let (mut heavy, mut light): (Vec<_>, Vec<_>) =
        pieces.into_iter().partition(|piece| piece.gas * HEAVY_SHARE >= even);
    heavy.sort_unstable_by_key(|piece| (Reverse(piece.gas), mix(seed, piece.first())));
    let mut loads: BinaryHeap<_> = (0..n_slices).map(|bin| Reverse((0_u64, bin))).collect();
    let mut bins: Vec<Vec<Piece>> = (0..n_slices).map(|_| Vec::new()).collect();
    for piece in heavy {
        let Reverse((load, bin)) = loads.pop().expect("there is a slice");
        loads.push(Reverse((load + piece.gas, bin)));
        bins[bin].push(piece);
    }
    light.sort_unstable_by_key(Piece::first);
    let rooms = rooms(&bins, light.iter().map(|piece| piece.gas).sum());
    let (mut bin, mut taken, mut room) = (0, 0, rooms[0]);
    for piece in light {
        while taken >= room && bin + 1 < n_slices {
            bin += 1;
            room += rooms[bin];
        }
        taken += piece.gas;
        bins[bin].push(piece);
    }
    bins
}

/// Returns how much each bin may still take if `rest` brings all to one level.
fn rooms(bins: &[Vec<Piece>], rest: u64) -> Vec<u64> {
    let loads: Vec<u64> = bins.iter().map(|bin| bin.iter().map(|piece| piece.gas).sum()).collect();
    let mut sorted = loads.clone();
    sorted.sort_unstable();
    let mut below = 0_u64;
    let mut level = 0;
    for (n_lower, load) in (1_u64..).zip(&sorted) {
        below += load;
        level = (below + rest).div_ceil(n_lower);
        let next = usize::try_from(n_lower).ok().and_then(|next| sorted.get(next));
        if next.is_none_or(|next| *next >= level) {
            break;
        }
    }
    loads.into_iter().map(|load| level.saturating_sub(load)).collect()
}

/// Gives every empty bin a piece of the bin that has most of them.
fn repair(bins: &mut [Vec<Piece>]) {
    while let Some(empty) = bins.iter().position(Vec::is_empty) {
        let fullest = bins.iter_mut().max_by_key(|bin| bin.len()).expect("there is a slice");
        if fullest.len() < 2 {
            return;
        }
        let piece = fullest.pop().expect("has two");
        bins[empty].push(piece);
    }
}

/// Makes slices of a bin: one, or several if it is above the bound.
fn bounded(bin: Vec<Piece>, shape: CutShape) -> Vec<Vec<AccessIndex>> {
    let mut work: Vec<_> = bin.into_iter().flat_map(|piece| piece.work).collect();
    work.sort_unstable_by_key(|item| item.index);
    let parts = chunks(work, shape.slice_gas.unwrap_or(u64::MAX));
    let indices = |piece: Piece| piece.work.into_iter().map(|item| item.index).collect();
    parts.into_iter().filter(|piece| !piece.work.is_empty()).map(indices).collect()
}

impl Piece {
    fn of(work: Vec<Piecework>) -> Self {
        Self { gas: work.iter().map(|item| item.gas).sum(), work }
    }

    fn add(&mut self, item: Piecework) {
        self.gas += item.gas;
        self.work.push(item);
    }

    fn first(&self) -> AccessIndex {
        self.work.first().map_or(AccessIndex::PRE_BLOCK, |item| item.index)
    }
}

/// Orders pieces by their number of indices, the earlier first where they are equal.
#[derive(Debug)]
struct ByLength(Piece);

impl ByLength {
    fn key(&self) -> (usize, Reverse<AccessIndex>) {
        (self.0.work.len(), Reverse(self.0.first()))
    }
}

impl PartialEq for ByLength {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for ByLength {}

impl PartialOrd for ByLength {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByLength {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

/// Mixes seed and index, so that equal weights are ordered by the seed.
const fn mix(seed: u64, index: AccessIndex) -> u64 {
    let mut mixed = seed ^ (index.position() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    mixed ^ (mixed >> 32)
}
