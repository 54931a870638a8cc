//! Who votes in an epoch, and how heavily.
//!
//! Members are sorted by name, weights are positive and `3·Σ ≤ 2⁶⁴ − 1`, so every threshold is computed without
//! overflow. A *quorum* is more than two thirds of the weight: `3·w > 2·Σ`. Prefix sums are kept, so that the
//! proposer of a round is found in `O(log n)`. Weights never change inside an epoch.

use crate::{Refused, Slot, Weigh, lottery};
use bitneuron_core::{Amount, ChainId, Digest, Epoch, Height, NodeId, Reputation, Weight, Wire, encode};
use serde::{Deserialize, Serialize};

/// One voter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its name, which is also its public key.
    pub id: NodeId,
    /// Its weight, never zero.
    pub weight: Weight,
}

/// The voters of an epoch.
///
/// ```
/// use bitneuron_consensus::Electorate;
/// use bitneuron_core::{Digest, Epoch, Height, NodeId, Weight};
/// let members = [(NodeId([1; 32]), Weight(60)), (NodeId([2; 32]), Weight(40))];
/// let electorate = Electorate::new(Epoch(0), members, Digest::ZERO)?;
/// assert_eq!(electorate.quorum(), Weight(67));
/// assert!(electorate.weight_of(electorate.proposer(Height(1), 0)).is_some());
/// # Ok::<(), bitneuron_consensus::Refused>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Form", into = "Form")]
pub struct Electorate {
    epoch: Epoch,
    members: Vec<Member>,
    seed: Digest,
    /// `ends[i]` is the sum of the weights of `members[..=i]`.
    ends: Vec<u64>,
}

/// What goes over the wire: everything but the sums.
#[derive(Serialize, Deserialize)]
struct Form {
    epoch: Epoch,
    members: Vec<Member>,
    seed: Digest,
}

impl TryFrom<Form> for Electorate {
    type Error = Refused;

    fn try_from(form: Form) -> Result<Self, Refused> {
        Self::checked(form.epoch, form.members, form.seed)
    }
}

impl From<Electorate> for Form {
    fn from(electorate: Electorate) -> Self {
        Self { epoch: electorate.epoch, members: electorate.members, seed: electorate.seed }
    }
}

impl Wire for Electorate {
    const LIMIT: usize = 64 << 10;
}

impl Electorate {
    /// The most members there may be.
    pub const MAX_MEMBERS: usize = 1024;
    /// How many rounds of a height are searched for a builder's first turn.
    const TURNS: u32 = 64;

    /// An electorate of these members, in any order; `seed` drives the lottery of proposers.
    ///
    /// # Errors
    /// No member, too many, one without weight or named twice, or a total above a third of 2⁶⁴.
    pub fn new(
        epoch: Epoch,
        members: impl IntoIterator<Item = (NodeId, Weight)>,
        seed: Digest,
    ) -> Result<Self, Refused> {
        let mut members: Vec<_> = members.into_iter().map(|(id, weight)| Member { id, weight }).collect();
        members.sort_unstable_by_key(|member| member.id);
        Self::checked(epoch, members, seed)
    }

    /// An electorate whose weights come from a rule.
    ///
    /// # Errors
    /// The rule is not Sybil-neutral, or what [`Electorate::new`] refuses (a stake below one quantum has no
    /// weight).
    pub fn weighed(
        epoch: Epoch,
        candidates: impl IntoIterator<Item = (NodeId, Amount, Reputation)>,
        rule: &dyn Weigh,
        seed: Digest,
    ) -> Result<Self, Refused> {
        if !rule.sybil_neutral() {
            return Err(Refused::NotSybilNeutral(rule.name()));
        }
        let weigh = |(id, stake, reputation)| (id, rule.weigh(stake, reputation));
        Self::new(epoch, candidates.into_iter().map(weigh), seed)
    }

    fn checked(epoch: Epoch, members: Vec<Member>, seed: Digest) -> Result<Self, Refused> {
        if members.is_empty() {
            return Err(Refused::Empty);
        }
        if members.len() > Self::MAX_MEMBERS {
            return Err(Refused::TooMany { count: members.len(), limit: Self::MAX_MEMBERS });
        }
        if let Some(pair) = members.array_windows().find(|[a, b]| a.id >= b.id) {
            return Err(Refused::Disorder(pair[1].id));
        }
        if let Some(member) = members.iter().find(|member| member.weight.0 == 0) {
            return Err(Refused::Weightless(member.id));
        }
        let total = Weight::sum(members.iter().map(|member| member.weight));
        if total > u128::from(u64::MAX / 3) {
            return Err(Refused::TooHeavy(total));
        }
        let mut end = 0_u64;
        let ends = members
            .iter()
            .map(|member| {
                // Never above the total, which was just measured.
                end = end.saturating_add(member.weight.0);
                end
            })
            .collect();
        Ok(Self { epoch, members, seed, ends })
    }

    /// The epoch.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The voters, sorted by name.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The seed of the lottery.
    pub fn seed(&self) -> Digest {
        self.seed
    }

    /// The sum of all weights.
    pub fn total(&self) -> Weight {
        Weight(self.ends.last().copied().unwrap_or(0))
    }

    /// The least weight that is more than two thirds of the total.
    pub fn quorum(&self) -> Weight {
        // Twice the total fits, since three times it does.
        Weight((self.total().0.saturating_mul(2) / 3).saturating_add(1))
    }

    /// The least weight that is more than one third of the total: any such set holds an honest voter.
    pub fn honest(&self) -> Weight {
        Weight((self.total().0 / 3).saturating_add(1))
    }

    /// The place of a member in [`Electorate::members`].
    pub fn position(&self, id: NodeId) -> Option<usize> {
        self.members.binary_search_by_key(&id, |member| member.id).ok()
    }

    /// The weight of a member.
    pub fn weight_of(&self, id: NodeId) -> Option<Weight> {
        self.position(id).and_then(|at| self.members.get(at)).map(|member| member.weight)
    }

    /// The weight of some members together. A name given twice counts twice: the caller refuses that first.
    ///
    /// # Errors
    /// A stranger, or a sum beyond 64 bits.
    pub fn weigh(&self, names: impl IntoIterator<Item = NodeId>) -> Result<Weight, Refused> {
        let mut sum = 0_u64;
        for id in names {
            let weight = self.weight_of(id).ok_or(Refused::Stranger(id))?.0;
            let wide = u128::from(sum).saturating_add(u128::from(weight));
            sum = sum.checked_add(weight).ok_or(Refused::TooHeavy(wide))?;
        }
        Ok(Weight(sum))
    }

    /// Who proposes in this round of this height.
    pub fn proposer(&self, height: Height, round: u32) -> NodeId {
        lottery::draw(self, height, round)
    }

    /// Whose turn passed at a height before the builder of its block had one: the proposers of earlier rounds, each once.
    ///
    /// A pure function of the header, so every node says the same. One passed turn is no proof of anything, since a turn also
    /// passes when the network is slow; whose turns mostly pass is away.
    pub fn passed_over(&self, height: Height, builder: NodeId) -> Vec<NodeId> {
        let mut passed = Vec::new();
        for round in 0..Self::TURNS {
            let proposer = self.proposer(height, round);
            if proposer == builder {
                return passed;
            }
            if !passed.contains(&proposer) {
                passed.push(proposer);
            }
        }
        // Whoever has no turn for so long has built no block that could be decided.
        Vec::new()
    }

    /// The member whose weight covers `ticket`, which counts from 0 to the total.
    pub(crate) fn holder(&self, ticket: u64) -> Option<NodeId> {
        let at = self.ends.partition_point(|end| *end <= ticket);
        self.members.get(at).map(|member| member.id)
    }

    /// The same voters with another seed.
    #[must_use]
    pub fn seeded(&self, seed: Digest) -> Self {
        Self { seed, ..self.clone() }
    }

    /// What a proposer of this electorate draws from at a height.
    pub const fn slot(&self, chain: ChainId, height: Height) -> Slot {
        Slot { chain, seed: self.seed, height }
    }

    /// The name of this electorate.
    pub fn digest(&self) -> Digest {
        Digest::of("bitneuron electorate v1", &encode(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Capped, Linear, SquareRoot, StakeReputation};
    use bitneuron_core::{DecodeError, decode};
    use proptest::prelude::*;

    fn id(n: u16) -> NodeId {
        let mut bytes = [7; 32];
        bytes[..2].copy_from_slice(&n.to_be_bytes());
        NodeId(bytes)
    }

    fn of(weights: &[(u16, u64)]) -> Result<Electorate, Refused> {
        Electorate::new(Epoch(1), weights.iter().map(|(n, w)| (id(*n), Weight(*w))), Digest([9; 32]))
    }

    #[test]
    fn what_is_refused() {
        assert_eq!(of(&[]), Err(Refused::Empty));
        assert_eq!(of(&[(1, 5), (2, 0)]), Err(Refused::Weightless(id(2))));
        assert_eq!(of(&[(1, 5), (2, 5), (1, 5)]), Err(Refused::Disorder(id(1))));
        let third = u64::MAX / 3;
        assert!(of(&[(1, third - 1), (2, 1)]).is_ok());
        assert_eq!(of(&[(1, third), (2, 1)]), Err(Refused::TooHeavy(u128::from(third) + 1)));
        assert!(matches!(of(&[(1, u64::MAX), (2, u64::MAX)]), Err(Refused::TooHeavy(_))));
        let crowd: Vec<_> = (0..1025).map(|n| (n, 1)).collect();
        assert_eq!(of(&crowd), Err(Refused::TooMany { count: 1025, limit: 1024 }));
        assert!(of(&crowd[..1024]).is_ok());
    }

    #[test]
    fn rules_that_reward_splitting_are_refused() {
        let candidates = [(id(1), Amount::tokens(5), Reputation(9))];
        for rule in [&Linear as &dyn Weigh, &StakeReputation] {
            assert!(Electorate::weighed(Epoch(0), candidates, rule, Digest::ZERO).is_ok());
        }
        for rule in [&SquareRoot as &dyn Weigh, &Capped { cap: Weight(8) }] {
            let refused = Electorate::weighed(Epoch(0), candidates, rule, Digest::ZERO);
            assert_eq!(refused, Err(Refused::NotSybilNeutral(rule.name())));
        }
    }

    #[test]
    fn a_full_electorate_fits_its_limit_and_disorder_does_not_decode() {
        let crowd: Vec<_> = (0..1024).map(|n| (n, 1)).collect();
        let electorate = of(&crowd).expect("allowed");
        let bytes = encode(&electorate);
        assert_eq!(decode::<Electorate>(&bytes), Ok(electorate));
        let mut form = Form::from(of(&[(1, 5), (2, 6)]).expect("allowed"));
        form.members.swap(0, 1);
        let bytes = [vec![1], bytes_of(&form)].concat();
        assert!(matches!(decode::<Electorate>(&bytes), Err(DecodeError::Malformed(_))));
    }

    fn bytes_of(form: &Form) -> Vec<u8> {
        let mut bytes = form.epoch.0.to_le_bytes().to_vec();
        bytes.extend((form.members.len() as u64).to_le_bytes());
        for member in &form.members {
            bytes.extend(member.id.0);
            bytes.extend(member.weight.0.to_le_bytes());
        }
        bytes.extend(form.seed.0);
        bytes
    }

    #[test]
    fn turns_that_passed_are_named_once() {
        let electorate = of(&[(1, 5), (2, 5), (3, 1)]).expect("allowed");
        for height in (1..50).map(Height) {
            let first = electorate.proposer(height, 0);
            assert_eq!(electorate.passed_over(height, first), []);
            let next = (1..64).map(|round| electorate.proposer(height, round)).find(|id| *id != first);
            assert_eq!(electorate.passed_over(height, next.expect("two have turns")), [first]);
            assert_eq!(electorate.passed_over(height, id(9)), [], "a stranger has no turn");
        }
    }

    proptest! {
        #[test]
        fn a_quorum_is_the_least_above_two_thirds(weights in prop::collection::vec(1..1u64 << 40, 1..30)) {
            let members: Vec<_> = weights.iter().enumerate().map(|(n, w)| (n as u16, *w)).collect();
            let electorate = of(&members).expect("allowed");
            let (total, quorum) = (u128::from(electorate.total().0), u128::from(electorate.quorum().0));
            prop_assert!(quorum * 3 > total * 2 && (quorum - 1) * 3 <= total * 2);
            let honest = u128::from(electorate.honest().0);
            prop_assert!(honest * 3 > total && (honest - 1) * 3 <= total);
            // Every ticket has the holder that a linear walk finds.
            let mut start = 0;
            for member in electorate.members() {
                prop_assert_eq!(electorate.holder(start), Some(member.id));
                start += member.weight.0;
                prop_assert_eq!(electorate.holder(start - 1), Some(member.id));
            }
            prop_assert_eq!(electorate.holder(start), None);
        }
    }
}
