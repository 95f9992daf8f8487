//! Keys put into nodes and taken out of them. Whatever fails leaves everything as it was.

use super::{
    missing::{Missing, Work},
    node::{Branch, Node},
    path::{first_difference, nibble},
};
use alloy_primitives::B256;
use alloy_trie::TrieMask;
use std::{
    mem,
    sync::{Arc, OnceLock},
};

impl<V: Clone> Node<V> {
    /// Puts a value at a key below this node.
    pub(super) fn insert(&mut self, key: B256, value: V, work: &mut Work) -> Result<(), Missing> {
        work.nodes_read += 1;
        let parting = first_difference(self.some_key(), &key);
        match self {
            Self::Leaf(leaf) if leaf.key == key => {
                let leaf = Arc::make_mut(leaf);
                leaf.value = value;
                leaf.reference.take();
                Ok(())
            }
            Self::Branch(branch) if parting >= branch.depth() => {
                Arc::make_mut(branch).insert(key, value, work)
            }
            Self::Blind(blind) if parting >= blind.depth() => Err(blind.missing()),
            Self::Leaf(_) | Self::Branch(_) | Self::Blind(_) => self.split(parting, key, value),
        }
    }

    /// Puts a branch above this node, where its keys and a new one part.
    fn split(&mut self, parting: usize, key: B256, value: V) -> Result<(), Missing> {
        self.moved()?;
        let new = Self::leaf(key, value);
        let old = mem::replace(self, new.clone());
        let (old_nibble, new_nibble) = (nibble(old.some_key(), parting), nibble(&key, parting));
        let children = if old_nibble < new_nibble { vec![old, new] } else { vec![new, old] };
        *self = Self::Branch(Arc::new(Branch {
            prefix: key,
            depth: u8::try_from(parting).expect("a key has 64 nibbles"),
            mask: TrieMask::new(1 << old_nibble | 1 << new_nibble),
            children,
            reference: OnceLock::new(),
        }));
        Ok(())
    }

    /// Forgets how the parent named this node: the parent's depth changes.
    pub(super) fn moved(&mut self) -> Result<(), Missing> {
        self.check_movable()?;
        match self {
            Self::Leaf(leaf) => Arc::make_mut(leaf).reference.take(),
            Self::Branch(branch) => Arc::make_mut(branch).reference.take(),
            Self::Blind(blind) => Arc::make_mut(blind).reference.take(),
        };
        Ok(())
    }
}

impl<V: Clone> Branch<V> {
    fn insert(&mut self, key: B256, value: V, work: &mut Work) -> Result<(), Missing> {
        let nibble = nibble(&key, self.depth());
        let at = self.position(nibble);
        if self.mask.is_bit_set(nibble) {
            self.children[at].insert(key, value, work)?;
        } else {
            self.children.insert(at, Node::leaf(key, value));
            self.mask.set_bit(nibble);
        }
        self.reference.take();
        Ok(())
    }

    /// Removes a key that is there. If one child is left, returns it: it takes the branch's place.
    pub(super) fn remove(
        &mut self,
        key: &B256,
        work: &mut Work,
    ) -> Result<Option<Node<V>>, Missing> {
        work.nodes_read += 1;
        let nibble = nibble(key, self.depth());
        let at = self.position(nibble);
        match &mut self.children[at] {
            Node::Blind(blind) => return Err(blind.missing()),
            Node::Branch(child) => {
                if let Some(last) = Arc::make_mut(child).remove(key, work)? {
                    self.children[at] = last;
                }
            }
            Node::Leaf(_) => {
                work.nodes_read += 1;
                if self.children.len() == 2 {
                    self.children[1 - at].check_movable()?;
                }
                self.drop_child(nibble);
            }
        }
        self.reference.take();
        self.take_last()
    }

    /// Takes the child for a nibble out.
    pub(super) fn drop_child(&mut self, nibble: u8) {
        self.reference.take();
        self.children.remove(self.position(nibble));
        self.mask.unset_bit(nibble);
    }

    /// Takes the only child out, ready to stand in the branch's place; `None` if there are more.
    fn take_last(&mut self) -> Result<Option<Node<V>>, Missing> {
        if self.children.len() > 1 {
            return Ok(None);
        }
        let Some(mut last) = self.children.pop() else { return Ok(None) };
        last.moved()?;
        Ok(Some(last))
    }
}
