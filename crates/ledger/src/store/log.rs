//! What happened, asked of an archive: by account, by height, by kind.

use super::archive::Archive;
use super::{Store, StoreError};
use crate::receipt::Cause;
use crate::{Event, Receipt};
use bitneuron_core::{Digest, Height, NodeId};
use std::collections::BTreeMap;

/// Which events are wanted. The default wants all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only those that concern this account, or that a transaction of it caused.
    pub account: Option<NodeId>,
    /// None before this height.
    pub from: Height,
    /// None after this height.
    pub upto: Option<Height>,
    /// Only those of this kind ([`Event::kind`]), in either case.
    pub kind: Option<String>,
}

/// An event with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// The height of the block.
    pub height: Height,
    /// The place of the receipt.
    pub index: u32,
    /// The place in the receipt.
    pub at: usize,
    /// The transaction that did it; none where the block did it by itself.
    pub transaction: Option<Digest>,
    /// What happened.
    pub event: Event,
}

impl Filter {
    fn wants(&self, receipt: &Receipt, event: &Event) -> bool {
        let by = |id: NodeId| matches!(receipt.cause, Cause::Transaction { by, .. } if by == id);
        self.account.is_none_or(|id| by(id) || event.concerns().contains(&id))
            && self.kind.as_ref().is_none_or(|kind| event.kind().eq_ignore_ascii_case(kind))
    }

    /// The wanted events of a receipt, the last first.
    fn of(&self, receipt: &Receipt) -> Vec<Logged> {
        let transaction = match receipt.cause {
            Cause::Transaction { digest, .. } => Some(digest),
            Cause::Block => None,
        };
        let events = receipt.events.iter().enumerate().rev();
        let wanted = events.filter(|(_, event)| self.wants(receipt, event));
        let logged = |(at, event): (usize, &Event)| {
            let (height, index, event) = (receipt.height, receipt.index, event.clone());
            Logged { height, index, at, transaction, event }
        };
        wanted.map(logged).collect()
    }
}

impl<S: Store> Archive<S> {
    /// The last events that a filter wants, at most `most`, the newest last.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn events(&self, filter: &Filter, most: usize) -> Result<Vec<Logged>, StoreError> {
        let upto = filter.upto.unwrap_or(self.height()).min(self.height());
        let mut found = Vec::new();
        let mut height = upto.0;
        // With an account its index says where to look, without one every height is looked at, from the last back.
        let places = filter.account.map(|id| self.places(id, filter.from, upto)).transpose()?;
        while height >= filter.from.0.max(1) && found.len() < most {
            let receipts = match &places {
                None => self.receipts(Height(height))?,
                Some(places) => self.receipts_at(Height(height), places)?,
            };
            receipts.iter().rev().for_each(|receipt| found.extend(filter.of(receipt)));
            height = match &places {
                None => height.saturating_sub(1),
                Some(places) => places.range(..height).next_back().map_or(0, |(before, _)| *before),
            };
        }
        found.truncate(most);
        found.reverse();
        Ok(found)
    }

    fn receipts_at(
        &self,
        height: Height,
        places: &BTreeMap<u64, Vec<u32>>,
    ) -> Result<Vec<Receipt>, StoreError> {
        let places = places.get(&height.0).map_or(&[][..], Vec::as_slice);
        places.iter().map(|index| self.receipt_at(height, *index)).collect()
    }
}
