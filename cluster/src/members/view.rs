//! The members of a role as a watcher knows them, and what a change means to it.

use std::collections::BTreeMap;

use super::{Member, MemberEvent};

/// Members by name.
#[derive(Debug, Default)]
pub(super) struct View {
    members: BTreeMap<String, Member>,
}

impl View {
    /// Takes a whole new list and returns what it changes: after a gap, nobody knows how it came
    /// about, only what is different.
    pub(super) fn replace(&mut self, list: Vec<Member>) -> Vec<MemberEvent> {
        let next: BTreeMap<_, _> =
            list.into_iter().map(|member| (member.name.clone(), member)).collect();
        let mut events: Vec<_> = self
            .members
            .iter()
            .filter(|(name, _)| !next.contains_key(*name))
            .map(|(_, member)| MemberEvent::Left(member.clone()))
            .collect();
        events.extend(next.into_values().filter_map(|member| self.put(member)));
        for event in &events {
            if let MemberEvent::Left(member) = event {
                self.members.remove(&member.name);
            }
        }
        events
    }

    /// Takes one member and says what that changes, if anything.
    pub(super) fn put(&mut self, member: Member) -> Option<MemberEvent> {
        match self.members.insert(member.name.clone(), member.clone()) {
            None => Some(MemberEvent::Joined(member)),
            Some(before) if before == member => None,
            Some(_) => Some(MemberEvent::Changed(member)),
        }
    }

    /// Takes one member away.
    pub(super) fn remove(&mut self, name: &str) -> Option<MemberEvent> {
        self.members.remove(name).map(MemberEvent::Left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, boot: &str) -> Member {
        Member { name: name.to_owned(), boot: boot.to_owned(), ..Member::default() }
    }

    #[test]
    fn a_new_list_tells_who_joined_who_changed_and_who_left() {
        let mut view = View::default();
        let first = view.replace(vec![member("a", "1"), member("b", "1"), member("c", "1")]);
        assert_eq!(first.len(), 3);

        let events = view.replace(vec![member("b", "1"), member("c", "2"), member("d", "1")]);

        assert_eq!(
            events,
            [
                MemberEvent::Left(member("a", "1")),
                MemberEvent::Changed(member("c", "2")),
                MemberEvent::Joined(member("d", "1")),
            ]
        );
        assert_eq!(view.put(member("c", "2")), None, "nothing new");
        assert_eq!(view.remove("a"), None, "it left before");
        assert_eq!(view.remove("d"), Some(MemberEvent::Left(member("d", "1"))));
    }
}
