//! A state out of its entries: how a ledger goes on after its program was ended.

use crate::entry::{Change, key_of, value_of};
use crate::key::section;
use crate::state::BookEntry;
use crate::store::StoreError;
use crate::{Genesis, State};
use bitneuron_consensus::Header;
use bitneuron_market::{Orderbook as _, PriceTime};
use std::sync::Arc;

impl State {
    /// Shows all entries, ascending by key within each section.
    pub(crate) fn entries(&self, each: &mut dyn FnMut(Vec<u8>, Vec<u8>)) {
        self.singles().into_iter().for_each(|(section, value)| each(key_of(section, &()), value));
        self.sections().into_iter().for_each(|(section, part)| part.entries(section, each));
    }

    /// The state with these entries, after the block with this header; with none, that of the genesis.
    ///
    /// # Errors
    /// The entries are not those under the root that the header states.
    pub(crate) fn restore(
        genesis: &Genesis,
        tip: Option<&Header>,
        entries: Vec<(Vec<u8>, Vec<u8>)>,
    ) -> Result<Self, StoreError> {
        genesis.validate().map_err(Box::new)?;
        let mut state = Self::empty(genesis).map_err(Box::new)?;
        let entries: Vec<Change> =
            entries.into_iter().map(|(key, value)| Change { key, value: Some(value) }).collect();
        state.tree.update(&entries).map_err(Box::new)?;
        let stated = match tip {
            Some(header) => header.state,
            None => Self::genesis(genesis).map_err(Box::new)?.root(),
        };
        let found = state.tree.root();
        if found != stated {
            return Err(StoreError::Root { stated, found });
        }
        // All that follows was agreed by the chain, and fails only where another program wrote it.
        for entry in &entries {
            let value = entry.value.as_deref().unwrap_or_default();
            state.fill_in(&entry.key, value).ok_or(StoreError::Damaged("entry"))?;
        }
        state.restore_book(&entries)?;
        state.restore_seen();
        if let Some(header) = tip {
            state.tip = header.id();
            if state.clock.height != header.height {
                return Err(StoreError::Damaged("clock"));
            }
        }
        Ok(state)
    }

    fn fill_in(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        let (number, name) = key.split_first()?;
        match *number {
            section::CLOCK => self.clock = value_of(value)?,
            section::POOLS => self.pools = value_of(value)?,
            section::TALLY => self.tally = value_of(value)?,
            section::PARAMS => self.params = Arc::new(value_of(value)?),
            section::BOOK => {}
            other => {
                let mut sections = self.sections_mut().into_iter();
                sections.find(|(section, _)| *section == other)?.1.restore(name, value)?;
            }
        }
        Some(())
    }

    fn restore_seen(&mut self) {
        let known: Vec<_> = self
            .accepted
            .iter()
            .flat_map(|((expires, _), list)| list.iter().map(|digest| ((*expires, *digest), ())))
            .collect();
        self.seen.extend(known);
        self.seen.take_touched();
    }

    fn restore_book(&mut self, entries: &[Change]) -> Result<(), StoreError> {
        let key = key_of(section::BOOK, &());
        let entry = entries.iter().find(|entry| entry.key == key).and_then(|entry| entry.value.as_deref());
        let known: BookEntry = entry.and_then(value_of).ok_or(StoreError::Missing("book"))?;
        let listings = self.orders.iter().map(|(id, entry)| (*id, entry.listed(self.terms.get(id).cloned())));
        let deals = self.deals.values().map(|sale| &sale.deal).filter(|deal| !deal.state.is_final());
        let book = PriceTime::restore(self.params.market, listings, deals.cloned(), known.placed)
            .map_err(|_| StoreError::Damaged("parameters of the market"))?;
        if book.root() != known.root {
            return Err(StoreError::Damaged("book"));
        }
        self.book = Arc::new(book);
        Ok(())
    }
}
