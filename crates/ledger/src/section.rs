//! A section of the state: a map whose copies are free, and which knows what was changed in it.
//!
//! A copy shares everything with its original; what either changes it copies first, a few nodes at a time, so a
//! speculative block costs what it touches, however large the state is. The names of what changed are written down until
//! they are taken into the tree at the end of a block; and what changed since a mark can be taken back.

use crate::entry::{Change, Field, bytes_of, key_of, value_of};
use imbl::OrdMap;
use std::fmt;
use std::ops::Deref;

/// One kind of entries, by name.
#[derive(Clone)]
pub(crate) struct Section<K, V> {
    map: OrdMap<K, V>,
    /// The names of what has changed since the tree took it in; some more than once.
    touched: Vec<K>,
    /// The map and the number of changes at the last mark.
    marked: (OrdMap<K, V>, usize),
}

impl<K, V> fmt::Debug for Section<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} entries", self.map.len())
    }
}

impl<K, V> Default for Section<K, V> {
    fn default() -> Self {
        Self { map: OrdMap::new(), touched: Vec::new(), marked: (OrdMap::new(), 0) }
    }
}

impl<K, V> Deref for Section<K, V> {
    type Target = OrdMap<K, V>;

    fn deref(&self) -> &Self::Target {
        &self.map
    }
}

impl<K: Field + Ord, V: Field> Section<K, V> {
    /// Sets an entry.
    pub(crate) fn set(&mut self, key: K, value: V) {
        self.touched.push(key.clone());
        self.map.insert(key, value);
    }

    /// Removes an entry, if it is there.
    pub(crate) fn unset(&mut self, key: &K) {
        if self.map.remove(key).is_some() {
            self.touched.push(key.clone());
        }
    }

    /// Sets many entries.
    pub(crate) fn extend(&mut self, entries: impl IntoIterator<Item = (K, V)>) {
        entries.into_iter().for_each(|(key, value)| self.set(key, value));
    }

    /// Keeps what `keep` wants.
    pub(crate) fn prune(&mut self, keep: impl Fn(&K, &V) -> bool) {
        let gone: Vec<K> =
            self.iter().filter(|(key, value)| !keep(key, value)).map(|(key, _)| key.clone()).collect();
        gone.iter().for_each(|key| self.unset(key));
    }

    /// Removes what stands before the first name that `keep` wants.
    pub(crate) fn prune_front(&mut self, keep: impl Fn(&K) -> bool) {
        while let Some(key) = self.get_min().map(|(key, _)| key.clone()).filter(|key| !keep(key)) {
            self.unset(&key);
        }
    }

    /// The names of what has changed since the last call, each once, ascending; forgets them and the mark.
    pub(crate) fn take_touched(&mut self) -> Vec<K> {
        self.marked = (OrdMap::new(), 0);
        self.touched.sort_unstable();
        self.touched.dedup();
        std::mem::take(&mut self.touched)
    }

    /// The entry with the highest name.
    pub(crate) fn last_key_value(&self) -> Option<(&K, &V)> {
        self.get_max().map(|(key, value)| (key, value))
    }
}

/// A section as the state sees it, whatever is in it.
pub(crate) trait Part {
    /// Nothing up to here is taken back.
    fn mark(&mut self);
    /// Takes back what has changed since the mark.
    fn undo(&mut self);
    /// Adds what has changed since the last call, in the order of the names, each once; forgets it and the mark.
    fn take_changes(&mut self, section: u8, changes: &mut Vec<Change>);
    /// The value under a name in its canonical encoding; `None` when there is none.
    fn value(&self, name: &[u8]) -> Option<Vec<u8>>;
    /// All entries in the order of the names.
    fn entries(&self, section: u8, each: &mut dyn FnMut(Vec<u8>, Vec<u8>));
    /// Puts in an entry that the tree knows already; `None` when these are no name and value of this section.
    fn restore(&mut self, name: &[u8], value: &[u8]) -> Option<()>;
}

impl<K: Field + Ord, V: Field> Part for Section<K, V> {
    fn mark(&mut self) {
        self.marked = (self.map.clone(), self.touched.len());
    }

    fn undo(&mut self) {
        self.map = self.marked.0.clone();
        self.touched.truncate(self.marked.1);
    }

    fn take_changes(&mut self, section: u8, changes: &mut Vec<Change>) {
        for key in self.take_touched() {
            changes.push(Change { key: key_of(section, &key), value: self.map.get(&key).map(bytes_of) });
        }
    }

    fn value(&self, name: &[u8]) -> Option<Vec<u8>> {
        let key: K = value_of(name)?;
        self.map.get(&key).map(bytes_of)
    }

    fn entries(&self, section: u8, each: &mut dyn FnMut(Vec<u8>, Vec<u8>)) {
        self.map.iter().for_each(|(key, value)| each(key_of(section, key), bytes_of(value)));
    }

    fn restore(&mut self, name: &[u8], value: &[u8]) -> Option<()> {
        self.map.insert(value_of(name)?, value_of(value)?);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn copies_marks_and_changes_are_those_of_a_map(
            steps in prop::collection::vec((0..12u8, prop::option::of(0..3u64), 0..6u8), 1..60),
        ) {
            let mut section = Section::<u8, u64>::default();
            let (mut model, mut marked, mut known) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
            section.mark();
            for (key, value, then) in steps {
                let before = (section.clone(), model.clone());
                if let Some(value) = value {
                    section.set(key, value);
                    model.insert(key, value);
                } else {
                    section.unset(&key);
                    model.remove(&key);
                }
                match then {
                    0 => {
                        section.undo();
                        model.clone_from(&marked);
                    }
                    1 => {
                        section.mark();
                        marked.clone_from(&model);
                    }
                    2 => {
                        let mut changes = Vec::new();
                        section.take_changes(7, &mut changes);
                        for Change { key, value } in changes {
                            if let Some(value) = value {
                                known.insert(key, value);
                            } else {
                                known.remove(&key);
                            }
                        }
                        let all = model.iter().map(|(key, value)| (key_of(7, key), bytes_of(value))).collect();
                        prop_assert_eq!(&known, &all, "the changes lead from one map to the next");
                        section.mark();
                        marked.clone_from(&model);
                    }
                    _ => {}
                }
                prop_assert!(section.iter().eq(model.iter()));
                prop_assert!(before.0.iter().eq(before.1.iter()), "a copy keeps what it had");
            }
        }
    }
}
