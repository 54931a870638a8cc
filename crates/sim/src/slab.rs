//! Messages under way: slots that are filled again, the one emptied last first, so that they stay in the cache.

/// Values by slot number.
#[derive(Debug, Clone)]
pub(crate) struct Slab<T> {
    slots: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Slab<T> {
    pub(crate) const fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new() }
    }

    /// Stores a value and returns its slot.
    pub(crate) fn put(&mut self, value: T) -> u32 {
        if let Some(slot) = self.free.pop()
            && let Some(place) = self.slots.get_mut(slot as usize)
        {
            *place = Some(value);
            return slot;
        }
        self.slots.push(Some(value));
        (self.slots.len() - 1) as u32
    }

    /// Empties a slot.
    pub(crate) fn take(&mut self, slot: u32) -> Option<T> {
        let value = self.slots.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_filled_again() {
        let mut slab = Slab::new();
        let slots = [slab.put('a'), slab.put('b'), slab.put('c')];
        assert_eq!((slab.take(slots[1]), slab.take(slots[1]), slab.take(9)), (Some('b'), None, None));
        assert_eq!(slab.put('d'), slots[1]);
        assert_eq!(slots.map(|slot| slab.take(slot)), [Some('a'), Some('d'), Some('c')]);
        assert_eq!(slab.slots.len(), 3);
    }
}
