//! What users bought, and what they were shown.

/// Cases of a recommender: a history, an item that was shown, and whether it was bought.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Purchases {
    histories: Vec<u32>,
    ends: Vec<usize>,
    items: Vec<u32>,
    bought: Vec<bool>,
}

impl Purchases {
    /// Adds a case.
    pub fn push(&mut self, history: &[u32], item: u32, bought: bool) {
        self.histories.extend_from_slice(history);
        self.ends.push(self.histories.len());
        self.items.push(item);
        self.bought.push(bought);
    }

    /// The number of cases.
    pub const fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is no case.
    pub const fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The items of the history of a case, the item that was shown, and whether it was bought.
    pub fn case(&self, number: usize) -> Option<(&[u32], u32, bool)> {
        let end = *self.ends.get(number)?;
        let start = number.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        Some((self.histories.get(start..end)?, *self.items.get(number)?, *self.bought.get(number)?))
    }

    /// The largest number of an item.
    pub fn largest(&self) -> Option<u32> {
        self.histories.iter().chain(&self.items).max().copied()
    }
}
