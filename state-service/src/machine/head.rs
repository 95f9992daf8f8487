//! The head: moved by Commit where the parent is the head, and by whoever chooses a fork.

use super::{Effect, Machine};
use crate::error::StateError;
use alloy_primitives::B256;
use engine::ids::SnapshotId;
use proto::state::Head;

impl Machine {
    /// Makes a committed block the head. Whoever listens hears that the feed starts anew, unless it
    /// was the head already.
    ///
    /// # Errors
    /// If the block is not committed here, or was too long ago.
    pub fn set_head(&mut self, block_hash: B256) -> Result<Head, StateError> {
        let snapshot = SnapshotId::Block(block_hash);
        let node = self.tree.named(&snapshot).ok_or(StateError::UnknownSnapshot { snapshot })?;
        let head = node.origin.committed().ok_or(StateError::UnknownSnapshot { snapshot })?;
        let job = node.origin.seal().map(|seal| seal.job);
        if self.head() != Some(head) {
            self.head = Some((job, head));
            self.effects.push(Effect::Feed(self.feed_start()));
            self.forget_old_blocks();
        }
        Ok(head)
    }
}
