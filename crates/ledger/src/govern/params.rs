//! What a proposal of each kind takes, and the bounds between which votes may set that.

use crate::Refused;
use crate::params::Bound;
use crate::slash::SlashParams;
use crate::stake::StakeParams;
use bitneuron_core::Amount;
use bitneuron_market::BasisPoints;
use serde::{Deserialize, Serialize};

/// The kinds of proposals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// A text is agreed on.
    Text,
    /// A goal is listed, or no longer.
    Listing,
    /// A parameter changes.
    Param,
    /// The treasury pays.
    Treasury,
    /// The chain goes on by another protocol.
    Upgrade,
    /// A penalty is given back.
    Pardon,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Text, Self::Listing, Self::Param, Self::Treasury, Self::Upgrade, Self::Pardon];
}

/// What a proposal of one kind takes. Times are in epochs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// What is put down; lost by a veto or without a quorum.
    pub deposit: Amount,
    /// How long votes are taken.
    pub voting: u64,
    /// The least part of all that can vote which must have voted.
    pub quorum: BasisPoints,
    /// More than this part of the votes that are no abstentions must be for it.
    pub yes: BasisPoints,
    /// More than this part of all votes stops it, and costs the deposit.
    pub veto: BasisPoints,
    /// How long what has passed waits until it is done.
    pub delay: u64,
}

/// How the chain is governed. Times are in epochs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GovernParams {
    /// For texts.
    pub text: Rule,
    /// For listings of goals.
    pub listing: Rule,
    /// For parameters.
    pub param: Rule,
    /// For payments by the treasury.
    pub treasury: Rule,
    /// For protocol versions.
    pub upgrade: Rule,
    /// For pardons.
    pub pardon: Rule,
    /// Nothing is voted on while less than this can vote.
    pub least: Amount,
    /// The most of the treasury that may be paid out within [`Self::span`].
    pub spending: BasisPoints,
    /// The time within which payments by the treasury are counted.
    pub span: u64,
    /// The longest pause.
    pub pause: u64,
    /// After a pause there is none for so long.
    pub season: u64,
}

impl Rule {
    fn validate(&self, bound: Bound) -> Result<(), Refused> {
        let most = Amount::tokens(100_000_000);
        bound((Amount::TOKEN..=most).contains(&self.deposit), "a deposit is 1 to 10^8 tokens")?;
        bound((1..=2_160).contains(&self.voting), "votes are taken for 1 to 2,160 epochs")?;
        bound((1_000..=5_000).contains(&self.quorum.0), "a quorum is 10 % to 50 % of what can vote")?;
        bound((5_000..=9_000).contains(&self.yes.0), "a majority is 50 % to 90 %")?;
        bound((1_000..=3_340).contains(&self.veto.0), "a tenth to a third can veto")?;
        bound(self.delay <= 2_160, "what has passed is done within 2,160 epochs")
    }
}

impl GovernParams {
    pub(crate) fn mainnet() -> Self {
        let rule = |deposit, voting, quorum, yes, delay| Rule {
            deposit: Amount::tokens(deposit),
            voting,
            quorum: BasisPoints(quorum),
            yes: BasisPoints(yes),
            veto: BasisPoints(3_340),
            delay,
        };
        let (text, money) = (rule(10_000, 168, 1_000, 5_000, 24), rule(50_000, 168, 2_000, 5_000, 72));
        Self {
            text,
            listing: text,
            param: money,
            treasury: money,
            upgrade: rule(200_000, 336, 3_340, 6_670, 528),
            pardon: rule(50_000, 48, 2_000, 6_670, 0),
            least: Amount::tokens(100_000_000),
            spending: BasisPoints(500),
            span: 720,
            pause: 72,
            season: 168,
        }
    }

    /// The same with deposits a thousandth, a lower threshold, and shorter times.
    pub(crate) fn devnet() -> Self {
        let mut params = Self::mainnet();
        for kind in Kind::ALL {
            let rule = params.rule_mut(kind);
            rule.deposit = Amount(rule.deposit.0 / 1_000);
            (rule.voting, rule.delay) = match kind {
                Kind::Upgrade => (3, 12),
                Kind::Pardon => (1, 0),
                _ => (2, 1),
            };
        }
        Self { least: Amount::tokens(10_000), span: 20, pause: 3, season: 7, ..params }
    }

    /// What a proposal of this kind takes.
    pub const fn rule(&self, kind: Kind) -> &Rule {
        match kind {
            Kind::Text => &self.text,
            Kind::Listing => &self.listing,
            Kind::Param => &self.param,
            Kind::Treasury => &self.treasury,
            Kind::Upgrade => &self.upgrade,
            Kind::Pardon => &self.pardon,
        }
    }

    pub(super) const fn rule_mut(&mut self, kind: Kind) -> &mut Rule {
        match kind {
            Kind::Text => &mut self.text,
            Kind::Listing => &mut self.listing,
            Kind::Param => &mut self.param,
            Kind::Treasury => &mut self.treasury,
            Kind::Upgrade => &mut self.upgrade,
            Kind::Pardon => &mut self.pardon,
        }
    }

    pub(crate) fn validate(
        &self,
        epoch: u64,
        stake: &StakeParams,
        slash: &SlashParams,
        bound: Bound,
    ) -> Result<(), Refused> {
        Kind::ALL.into_iter().try_for_each(|kind| self.rule(kind).validate(bound))?;
        let most = self.upgrade.yes.min(self.pardon.yes);
        bound(most.0 >= 6_670, "another protocol, and a pardon, take two thirds")?;
        bound(
            self.upgrade.delay.saturating_mul(epoch) > stake.unbonding,
            "who does not want another protocol can unbond before it comes",
        )?;
        // Proposed in one epoch, counted at the next border, voted on one epoch later.
        let pardoned = self.pardon.voting.saturating_add(self.pardon.delay).saturating_add(2);
        bound(pardoned <= slash.freeze, "what is frozen outlasts a vote about its pardon")?;
        let least = Amount::TOKEN..=Amount(Amount::SUPPLY.0 / 10);
        bound(least.contains(&self.least), "governance sleeps until 1 token to a tenth of all can vote")?;
        bound((1..=500).contains(&self.spending.0), "the treasury pays at most 5 % of itself in a span")?;
        bound((1..=10_000).contains(&self.span), "payments are counted within 1 to 10,000 epochs")?;
        bound((1..=168).contains(&self.pause), "a pause lasts at most 168 epochs")?;
        bound((self.pause..=10_000).contains(&self.season), "between pauses is at least as long as one")
    }
}
