//! What an observer of the whole world notes: counters from the decided blocks, accuracy on rows that no node sees.
//!
//! Decided blocks are read from the first honest validator that reports a height (any validator, where none is honest);
//! everything agreed is the same at all of them.

use super::cast::Cast;
use super::contests::Contests;
use super::healing::healing;
use super::poison::{self, COLLUDES};
use crate::World;
use crate::adversary::Player as Actor;
use crate::report::{
    Accuracy, AdversaryReport, Assaulted, Blocks, Deals, Healing, Merges, Proofs, Quantiles, Report, Round,
    SettingReport, Supply, Traffic, ValidatorReport,
};
use crate::role_node::{Role, RoleNode};
use crate::scenario::{Scenario, ScenarioError, Sight};
use bitneuron_consensus::{Block, Certificate};
use bitneuron_core::exact::ExactParams;
use bitneuron_core::{Amount, Digest, Height, NodeId, Seed, Time};
use bitneuron_ledger::store::Decided;
use bitneuron_ledger::{Event, Refused, State};
use bitneuron_role::Report as Said;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Notes of one node.
#[derive(Debug, Clone, Default)]
struct Line {
    part: &'static str,
    proposed: u64,
    turns: u64,
    caught: u64,
    lost: Amount,
    earned: Amount,
    /// What a user sold last.
    model: Option<ExactParams>,
}

/// Everything noted so far.
pub(super) struct Notes {
    scenario: Scenario,
    names: Vec<NodeId>,
    lines: Vec<Line>,
    index: BTreeMap<NodeId, usize>,
    /// Whose word on blocks is taken, by address.
    witnesses: Vec<bool>,
    state: Arc<State>,
    height: u64,
    halted: Option<(Height, Arc<Refused>)>,
    certified: u64,
    late_rounds: u64,
    finality: Vec<f64>,
    bytes: Traffic,
    deals: Deals,
    proofs: Proofs,
    merges: Merges,
    assaulted: Assaulted,
    /// What colluders sold.
    lies: BTreeSet<Digest>,
    contests: Contests,
    slashed: Amount,
    history: Vec<Round>,
}

impl Notes {
    pub(super) fn new(scenario: &Scenario, cast: &Cast, parts: super::Parts) -> Self {
        let validators = cast.validators.iter().map(|(key, _)| key.id());
        let names: Vec<NodeId> = validators.chain(cast.users.iter().map(|(key, _)| key.id())).collect();
        let honest = |part: &str| part.is_empty();
        let some = parts.iter().take(cast.validators.len()).any(|part| honest(part));
        let witnesses = parts.iter().take(cast.validators.len()).map(|part| !some || honest(part)).collect();
        Self {
            witnesses,
            scenario: scenario.clone(),
            index: names.iter().copied().zip(0..).collect(),
            lines: parts.into_iter().map(|part| Line { part, ..Line::default() }).collect(),
            names,
            state: cast.plan.state.clone(),
            height: 0,
            halted: None,
            certified: 0,
            late_rounds: 0,
            finality: Vec::new(),
            bytes: Traffic::default(),
            deals: Deals::default(),
            proofs: Proofs::default(),
            merges: Merges::default(),
            assaulted: Assaulted { users: poison::colluders(scenario).len() as u32, ..Assaulted::default() },
            lies: BTreeSet::new(),
            contests: Contests::default(),
            slashed: Amount::ZERO,
            history: Vec::new(),
        }
    }

    pub(super) const fn height(&self) -> u64 {
        self.height
    }

    /// Where a node stopped at a decided block, and why.
    pub(super) const fn halted(&self) -> Option<&(Height, Arc<Refused>)> {
        self.halted.as_ref()
    }

    /// Whether the next block belongs to the run: a look may find one after its end.
    fn goes_on(&self, cast: &Cast) -> bool {
        self.height < self.scenario.rounds.saturating_mul(cast.plan.round_heights()) || self.waits()
    }

    /// Whether turns wait to be settled.
    pub(super) fn waits(&self) -> bool {
        self.state.pending().next().is_some()
    }

    fn line(&mut self, id: NodeId) -> Option<&mut Line> {
        let index = *self.index.get(&id)?;
        self.lines.get_mut(index)
    }

    /// Reads what all nodes have reported since the last look; a round that ended is measured and observed.
    pub(super) fn take(
        &mut self,
        world: &mut World<Actor<RoleNode>>,
        cast: &Cast,
        observe: &mut dyn FnMut(Sight<'_>),
    ) {
        let mut said: Vec<(Time, usize, Said)> = Vec::new();
        for (index, actor) in world.nodes_mut().iter_mut().enumerate() {
            said.extend(actor.node_mut().take_reports().into_iter().map(|(at, report)| (at, index, report)));
        }
        said.sort_by_key(|(at, index, _)| (*at, *index));
        for (at, index, report) in said {
            if let Said::Committed { block, certificate, state, .. } = &report {
                let (validator, genesis) = (index, &cast.plan.genesis);
                observe(Sight::Kept { validator, genesis, decided: Decided { block, certificate, state } });
            }
            match report {
                Said::Committed { block, certificate, events, state, began }
                    if self.next(index, &block) && self.goes_on(cast) =>
                {
                    self.state = state;
                    self.finality.push(at.since(began).as_secs_f64() * 1e3);
                    self.decided(cast, &block, &certificate, &events);
                    observe(Sight::Block(block.header.height));
                    let rounds = self.height / cast.plan.round_heights();
                    let played = rounds <= self.scenario.rounds;
                    if self.height.is_multiple_of(cast.plan.round_heights()) && played {
                        self.end_round(world, cast, at);
                        self.history.last().into_iter().for_each(|round| observe(Sight::Round(round)));
                    }
                }
                Said::Trained { model, .. } => {
                    if let Some(line) = self.lines.get_mut(index) {
                        line.model = Some(model);
                    }
                }
                Said::ModelSent { bytes, dense } => {
                    self.bytes.sent += bytes;
                    self.bytes.dense_equivalent += dense;
                    if index >= cast.validators.len() {
                        self.bytes.sold += bytes;
                        self.bytes.sold_dense += dense;
                    }
                }
                Said::Proved { .. } => self.proofs.made += 1,
                Said::Halted { height, why } => self.halted = Some((height, why)),
                Said::Committed { .. } | Said::Refused { .. } | Said::Offence { .. } => {}
            }
        }
    }

    /// Whether a node is a witness of the block after the last one.
    fn next(&self, index: usize, block: &Block) -> bool {
        block.header.height.0 == self.height + 1 && self.witnesses.get(index).is_some_and(|is| *is)
    }

    /// A new block.
    fn decided(&mut self, cast: &Cast, block: &Block, certificate: &Certificate, events: &[Event]) {
        let height = block.header.height;
        self.height = height.0;
        let electorate = self.state.electorate(height.epoch(cast.plan.genesis.params.epoch));
        let quorum = electorate.as_ref().is_some_and(|electorate| {
            certificate
                .weight(electorate)
                .is_ok_and(|weight| u128::from(weight.0) * 3 > u128::from(electorate.total().0) * 2)
        });
        self.certified += u64::from(quorum);
        self.late_rounds += u64::from(certificate.round > 0);
        if let Some(line) = self.line(block.header.proposer) {
            line.proposed += 1;
        }
        if let Some(electorate) = &electorate {
            // A turn that passed is no proof of a misdeed, but who withholds is seen by it.
            for id in electorate.passed_over(height, block.header.proposer) {
                if let Some(line) = self.line(id).filter(|line| line.part == super::WITHHOLDS) {
                    line.caught += 1;
                }
            }
        }
        self.contests.note(height, cast.plan.goal.id(), events, &self.state);
        events.iter().for_each(|event| self.happened(event));
        for (deal, stays) in poison::merged(block) {
            if self.lies.contains(&deal) {
                self.assaulted.inputs += 1;
                self.assaulted.dropped += u64::from(!stays);
            }
        }
    }

    fn happened(&mut self, event: &Event) {
        match event {
            Event::DealMade(deal) => {
                self.deals.made += 1;
                if self.line(deal.seller).is_some_and(|line| line.part == COLLUDES) {
                    self.lies.insert(deal.id);
                }
            }
            Event::Proven(_) => self.proofs.accepted += 1,
            Event::TurnAccepted { author, inputs, kept, .. } => {
                self.merges.inputs += u64::from(*inputs);
                self.merges.dropped += u64::from(inputs - kept);
                self.proofs.accepted += 1;
                self.proofs.turns += 1;
                if let Some(line) = self.line(*author) {
                    line.turns += 1;
                }
            }
            Event::TurnPending { .. } => self.proofs.pending += 1,
            Event::TurnAudited { .. } => self.proofs.audited += 1,
            Event::AuditAnswered { .. } => self.proofs.answered += 1,
            Event::TurnReversed { .. } => self.proofs.reversed += 1,
            Event::DealSettled(deal) => {
                self.deals.settled += 1;
                let (seller, price) = (deal.seller, deal.total);
                if let Some(line) = self.line(seller) {
                    line.earned = line.earned.checked_add(price).unwrap_or(line.earned);
                }
            }
            Event::DealLate { deal, .. } => {
                self.deals.refunded += 1;
                self.deals.late += 1;
                self.lose(deal.seller, Amount::ZERO);
            }
            Event::DealRefuted { deal, .. } => {
                self.deals.refunded += 1;
                self.deals.refuted += 1;
                self.proofs.refuted += 1;
                self.lose(deal.seller, deal.bond);
            }
            // What is frozen is lost, unless somebody is pardoned; what is taken may be more.
            Event::Frozen { who, amount, .. } => self.lose(*who, *amount),
            Event::Slashed { who, amount, frozen, .. } => self.pay(*who, amount.saturating_sub(*frozen)),
            _ => {}
        }
    }

    /// A node was caught and lost so much.
    fn lose(&mut self, who: NodeId, amount: Amount) {
        if let Some(line) = self.line(who) {
            line.caught += 1;
        }
        self.pay(who, amount);
    }

    /// A node lost so much for what it was caught at.
    fn pay(&mut self, who: NodeId, amount: Amount) {
        self.slashed = self.slashed.checked_add(amount).unwrap_or(self.slashed);
        if let Some(line) = self.line(who) {
            line.lost = line.lost.checked_add(amount).unwrap_or(line.lost);
        }
    }

    /// Accuracy of each validator's head on the report rows.
    fn heads(world: &World<Actor<RoleNode>>, cast: &Cast) -> Vec<f64> {
        let head = |actor: &Actor<RoleNode>| match actor.node().role() {
            // Without its head a validator knows nothing.
            Role::Validator(validator) => {
                Some(validator.head().map_or(0.0, |model| cast.examiner.score(model)))
            }
            Role::User(_) => None,
        };
        world.nodes().iter().filter_map(head).collect()
    }

    /// The accuracies of those that were not expelled: an expelled validator takes no turns, so its head stands still.
    fn standing(&self, cast: &Cast, heads: &[f64]) -> Vec<f64> {
        let epoch = bitneuron_core::Height(self.height).epoch(cast.plan.genesis.params.epoch);
        let free = |id: &NodeId| self.state.stake(*id).is_some_and(|stake| stake.is_free(epoch));
        heads.iter().zip(&self.names).filter(|(_, id)| free(id)).map(|(accuracy, _)| *accuracy).collect()
    }

    /// Mean accuracy of what honest users sold last.
    fn users_mean(&self, cast: &Cast) -> f64 {
        let honest = self.lines.iter().filter(|line| line.part.is_empty());
        mean(&honest.filter_map(|line| Some(cast.examiner.score(line.model.as_ref()?))).collect::<Vec<f64>>())
    }

    fn end_round(&mut self, world: &World<Actor<RoleNode>>, cast: &Cast, at: Time) {
        let heads = self.standing(cast, &Self::heads(world, cast));
        let validators = &self.names[..cast.validators.len()];
        self.bytes.all_messages =
            (0..self.names.len() as u32).map(|address| world.meter(address).sent_bytes).sum();
        let recent = self.finality.len().saturating_sub(cast.plan.round_heights() as usize);
        let finality_ms = quantile(&self.finality[recent..], 0.5);
        let stake = |id: &NodeId| self.state.stake(*id).map(|stake| stake.bonded).unwrap_or_default();
        let round = Round {
            round: self.height / cast.plan.round_heights(),
            height: self.height,
            virtual_ms: at.0 / 1000,
            validators_mean: mean(&heads),
            validators_worst: heads.iter().copied().reduce(f64::min).unwrap_or(0.0),
            users_mean: self.users_mean(cast),
            bytes: self.bytes,
            deals: self.deals,
            proofs: self.proofs,
            slashed: self.slashed,
            finality_ms,
            balances: self.balances(cast),
            stakes: validators.iter().map(stake).collect(),
            reputations: validators.iter().map(|id| self.state.reputation(*id).0).collect(),
        };
        self.history.push(round);
    }

    /// All tokens by role. Escrows count to nobody's role.
    fn balances(&self, cast: &Cast) -> BTreeMap<String, Amount> {
        let (validators, users) = self.names.split_at(cast.validators.len());
        let held = |id: &NodeId| {
            let stake = self.state.stake(*id).map(bitneuron_ledger::Stake::held).unwrap_or_default();
            Amount::sum([self.state.balance(*id), stake]).unwrap_or_default()
        };
        let sum = |ids: &[NodeId]| Amount::sum(ids.iter().map(held)).unwrap_or_default();
        let pools = self.state.pools();
        let named = [
            ("users", sum(users)),
            ("validators", sum(validators)),
            ("treasury", pools.treasury),
            ("rewards", pools.unpaid_rewards()),
            ("fees", pools.unpaid_fees()),
        ];
        let known = Amount::sum(named.map(|(_, amount)| amount)).unwrap_or_default();
        let escrow = self.state.total().saturating_sub(known);
        named
            .into_iter()
            .chain([("escrow", escrow)])
            .map(|(role, amount)| (role.to_owned(), amount))
            .collect()
    }

    pub(super) fn finish(
        mut self,
        world: &World<Actor<RoleNode>>,
        cast: &Cast,
    ) -> Result<Report, ScenarioError> {
        let last = self.history.last().cloned();
        let heads = Self::heads(world, cast);
        let finality_ms =
            Quantiles { p50: quantile(&self.finality, 0.5), p99: quantile(&self.finality, 0.99) };
        let validators = self.validators(cast, &heads);
        let blocks = Blocks { height: self.height, certified: self.certified, late_rounds: self.late_rounds };
        Ok(Report {
            seed: self.scenario.seed,
            trace_hash: world.trace().unwrap_or_default().to_string(),
            rounds: self.scenario.rounds,
            setting: SettingReport {
                validators: self.scenario.validators,
                users: self.scenario.users,
                partition: self.scenario.rows.to_string(),
                label_entropy: (cast.label_entropy * 1e6).round() / 1e6,
                model: self.scenario.model.to_string(),
                net: cast.plan.goal.net.to_string(),
                parameters: cast.plan.goal.net.parameters().into(),
                whole_parameters: cast.plan.goal.net.dense_parameters(),
                compressor: self.scenario.compressor.to_string(),
                merge: self.scenario.merge.to_string(),
                adversaries: self.scenario.adversaries.to_string(),
                attack: self.scenario.attack.as_ref().map(ToString::to_string),
                select: self.scenario.select.as_ref().map(ToString::to_string),
                prover: self.scenario.prover.to_string(),
                escalate: self.scenario.escalate.map(|system| system.to_string()),
                without: self.scenario.without.map(|defence| defence.to_string()),
            },
            accuracy: self.accuracy(cast, &heads)?,
            bytes: self.bytes,
            blocks,
            finality_ms,
            deals: self.deals,
            proofs: self.proofs,
            merges: self.merges,
            assault: self.scenario.attack.is_some().then_some(self.assaulted),
            healing: self.healing(world, cast)?,
            contests: std::mem::take(&mut self.contests).ended,
            slashed: self.slashed,
            supply: Supply { expected: Amount::SUPPLY, actual: self.state.total() },
            balances: last.map(|round| round.balances).unwrap_or_default(),
            validators,
            adversaries: self.adversaries(cast),
            history: std::mem::take(&mut self.history),
        })
    }

    /// What blocks are worth before the head of the first honest validator that has one.
    fn healing(&self, world: &World<Actor<RoleNode>>, cast: &Cast) -> Result<Option<Healing>, ScenarioError> {
        let heads = world.nodes().iter().zip(&self.witnesses).filter_map(|(actor, honest)| {
            match actor.node().role() {
                Role::Validator(validator) if *honest => validator.head(),
                _ => None,
            }
        });
        let seed = Seed::from_number(self.scenario.seed).derive("healing");
        match heads.into_iter().next().filter(|_| self.scenario.heal) {
            Some(head) => healing(cast, head, seed).map(Some),
            None => Ok(None),
        }
    }

    fn accuracy(&self, cast: &Cast, heads: &[f64]) -> Result<Accuracy, ScenarioError> {
        let heads = self.standing(cast, heads);
        let (local_only, (centralised, whole)) = rayon::join(
            || cast.local_only(),
            || rayon::join(|| cast.centralised(), || cast.whole_centralised()),
        );
        Ok(Accuracy {
            validators_mean: mean(&heads),
            validators_worst: heads.iter().copied().reduce(f64::min).unwrap_or(0.0),
            users_mean: self.users_mean(cast),
            local_only: local_only?,
            centralised: centralised?,
            whole_centralised: whole?,
        })
    }

    fn validators(&self, cast: &Cast, heads: &[f64]) -> Vec<ValidatorReport> {
        let lines = self.lines.iter().zip(&self.names).take(cast.validators.len());
        (0..)
            .zip(lines)
            .zip(heads)
            .map(|((index, (line, id)), accuracy)| ValidatorReport {
                index,
                stake: self.state.stake(*id).map(|stake| stake.bonded).unwrap_or_default(),
                reputation: self.state.reputation(*id).0,
                balance: self.state.balance(*id),
                accuracy: *accuracy,
                proposed: line.proposed,
                turns: line.turns,
                slashed: line.lost,
            })
            .collect()
    }

    fn adversaries(&self, cast: &Cast) -> Vec<AdversaryReport> {
        let validators = cast.validators.len();
        let who = |index: usize| match index.checked_sub(validators) {
            None => format!("validator {index}"),
            Some(user) => format!("user {user}"),
        };
        let report = |(index, line): (usize, &Line)| AdversaryReport {
            who: who(index),
            conduct: line.part.to_owned(),
            caught: line.caught,
            lost: line.lost,
            earned: line.earned,
        };
        self.lines.iter().enumerate().filter(|(_, line)| !line.part.is_empty()).map(report).collect()
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// The value below which this part of all lies, to the nearest rank.
fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let rank = (part * sorted.len() as f64).ceil().max(1.0) as usize - 1;
    sorted.get(rank.min(sorted.len().saturating_sub(1))).copied().unwrap_or(0.0)
}
