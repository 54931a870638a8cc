//! Budgets of openings: how often accepted proofs opened what is committed in hiding.
//!
//! A group of hiding commitments is made with the randomness of so many openings
//! ([`TurnParams::openings`](crate::TurnParams::openings)); one more would begin to show what is inside. Authors, those who merge
//! a head and whoever answers audits open the same groups without knowing of each other, so the chain counts. A claim whose proof
//! would open a group beyond its budget is refused ([`Refused::Spent`]); it is not false, and nobody is slashed for it.
//!
//! ```text
//! after a turn      1      by its author
//! while it is head  …      by those who merge it, who leave the last one
//! before the next   1      by its author, so that a lineage never ends for want of openings
//! ```
//!
//! Counted is what hides something. Commitments that hide nothing have no budget: Merkle trees, whose tensors proofs show or
//! everybody knows, are opened as often as anybody likes. A head in a group of its own is counted also where the same proof shows
//! other tensors, and where whoever holds the head can make the group again.
//!
//! A count stands in the state as long as anything in it names a tensor of the group, and is forgotten when a round opens after
//! that. Whoever commits to the same contents with the same randomness once more must count by itself.

use crate::{Refused, State, draft::Draft};
use bitneuron_core::claim::{Opening, Source, Turn, TurnInput};
use bitneuron_core::exact::DataRoot;
use bitneuron_core::{Commitment, decode};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What accepted proofs opened of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// How often.
    pub times: u8,
    /// The tensors of the group that they named.
    pub tensors: BTreeSet<Commitment>,
}

impl State {
    /// How often accepted proofs opened the group of a committed tensor; 0 for one that hides nothing.
    pub fn opened(&self, tensor: Commitment) -> u8 {
        let groups = self.opened.values().filter(|group| group.tensors.contains(&tensor));
        groups.map(|group| group.times).max().unwrap_or(0)
    }

    /// Whether somebody else may open a head and still leave one opening to its author.
    pub(crate) fn lends(&self, head: Commitment) -> bool {
        self.opened(head).saturating_add(1) < self.params.turns.openings
    }

    /// Forgets the counts of groups that nothing names any more.
    pub(crate) fn forget_opened(&mut self) {
        if !self.opened.is_empty() {
            let named = self.named();
            self.opened.prune(|_, group| !group.tensors.is_disjoint(&named));
        }
    }

    /// Every commitment that a later claim or answer may name.
    fn named(&self) -> BTreeSet<Commitment> {
        let both = |data: &DataRoot| [data.features, data.labels];
        let mut named: BTreeSet<Commitment> = self.heads.values().map(|head| head.model).collect();
        named.extend(self.frozen.values().map(|head| head.model));
        named.extend(self.data.keys().flat_map(|(_, _, data)| both(data)));
        for entry in self.goals.values() {
            named.insert(entry.goal.initial);
            named.extend(both(&entry.goal.metric_set));
        }
        for turn in self.turns.values() {
            named.insert(turn.plan.before);
            named.extend(turn.plan.inputs.iter().map(|input| input.model));
        }
        for turn in self.pending.values().filter_map(|turn| decode::<Turn>(turn.claim.public()).ok()) {
            named.extend([turn.before, turn.after]);
            named.extend(turn.inputs.iter().map(|input| input.model));
        }
        named.extend(self.deals.values().filter_map(|sale| sale.deal.promise()).map(|(_, model, _)| model));
        named
    }
}

/// The heads of others that a turn merges, which are not its author's own.
pub(crate) fn borrowed(turn: &Turn) -> BTreeSet<Commitment> {
    let head = |input: &TurnInput| matches!(input.source, Source::Head(_)).then_some(input.model);
    let own = [turn.before, turn.after];
    turn.inputs.iter().filter_map(head).filter(|model| !own.contains(model)).collect()
}

impl Draft<'_> {
    /// Counts what a proof opens; of what is borrowed the last opening is left to its owner.
    ///
    /// # Errors
    /// A group would be opened beyond its budget.
    pub(crate) fn spend(
        &mut self,
        openings: Vec<Opening>,
        borrowed: &BTreeSet<Commitment>,
    ) -> Result<(), Refused> {
        for Opening { group, tensors } in openings {
            let mut opened = self.state.opened.get(&group).cloned().unwrap_or_default();
            opened.tensors.extend(tensors);
            let lent = !opened.tensors.is_disjoint(borrowed);
            let most = self.state.params.turns.openings.saturating_sub(u8::from(lent));
            if opened.times >= most {
                return Err(Refused::Spent { group, most });
            }
            opened.times = opened.times.saturating_add(1);
            self.state.opened.set(group, opened);
        }
        Ok(())
    }
}
