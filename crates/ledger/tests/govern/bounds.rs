//! An all-powerful majority that may propose anything crosses no bound, and whoever proposes anything makes nobody panic.

use crate::world::*;
use crate::{EPOCH, params};
use bitneuron_core::{Amount, Digest};
use bitneuron_ledger::govern::{Choice, Kind, Motion, Outcome, Parameter, Proposal, Stage};
use bitneuron_ledger::{Action, Params, State};
use std::collections::{BTreeMap, BTreeSet};

/// Deterministic words.
struct Words(u64);

impl Words {
    fn next(&mut self) -> u64 {
        self.0 += 1;
        Digest::of("bitneuron ledger votes", &self.0.to_le_bytes()).to_u64()
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

/// Anything that can be written down, most of it sensible.
fn motion(world: &World, words: &mut Words) -> Motion {
    let all: Vec<Parameter> = Parameter::all().collect();
    match words.below(10) {
        0 => Motion::Text(Digest::of("text", &words.next().to_le_bytes())),
        1 => Motion::Listing { goal: world.goal_id(), listed: words.below(2) == 0 },
        2 => Motion::Treasury {
            // One of the majority, else what is paid would outvote it.
            to: world.validator(0),
            amount: [world.state.treasury_budget(), Amount::SUPPLY, Amount(1)][words.below(3) as usize],
        },
        3 => Motion::Upgrade { protocol: words.below(4) as u32 },
        4 => {
            let known: Vec<Digest> = world.state.misdeeds().map(|(subject, _)| subject).collect();
            let misdeed = known.get(words.below(3) as usize).copied().unwrap_or_default();
            Motion::Pardon { misdeed }
        }
        _ => {
            let parameter = all[words.below(all.len() as u64) as usize];
            let before = world.state.params().get(parameter);
            let value = match words.below(6) {
                0 => words.next(),
                1 => 0,
                2 | 3 => before.saturating_mul(2),
                4 => before / 2,
                _ => before.saturating_add(1),
            };
            Motion::Param { parameter, value }
        }
    }
}

/// What no vote may touch.
fn fixed(params: &Params) -> impl PartialEq + std::fmt::Debug {
    let govern = &params.govern;
    (
        (params.epoch, params.round, params.stake.weigh, params.stake.trust, params.turns.openings),
        (params.audits.demand, params.audits.units, params.audits.window, params.audits.patience),
        (params.rewards.pool, params.rewards.duration, params.reputation.weights, params.classes.most),
        (govern.least, govern.spending, govern.span, Kind::ALL.map(|kind| govern.rule(kind).veto)),
    )
}

fn holds(state: &State, before: &State) {
    let (params, old) = (state.params(), before.params());
    params.validate().expect("within all bounds");
    assert_eq!(fixed(params), fixed(old));
    for parameter in Parameter::all() {
        let (now, was) = (params.get(parameter), old.get(parameter));
        assert!(!parameter.only_rises() || now >= was, "{parameter:?} fell from {was} to {now}");
    }
    assert!(params.protocol >= old.protocol);
    assert_eq!(state.total(), Amount::SUPPLY);
    assert!(state.all_votable() <= Amount::SUPPLY);
}

#[test]
fn no_majority_crosses_a_bound() {
    let (mut done, mut changed) = (BTreeMap::<Kind, u32>::new(), BTreeSet::new());
    for seed in 0..6 {
        let (mut words, mut world) = (Words(seed << 32), World::with(params()));
        let first = world.state.clone();
        let mut granted = Vec::new();
        for _ in 0..40 * EPOCH {
            let mut txs = Vec::new();
            for v in 0..4 {
                if words.below(2) == 0 {
                    let motion = motion(&world, &mut words);
                    txs.push(world.by_validator(v, Action::Propose(motion)));
                }
                // The majority wants everything.
                let open = world.state.proposals().filter(|(_, proposal)| proposal.stage == Stage::Open);
                let open: Vec<_> = open.map(|(id, _)| id).collect();
                for proposal in open {
                    if world.state.ballot(proposal, world.validator(v)).is_none() {
                        txs.push(world.by_validator(v, Action::Vote { proposal, choice: Choice::Yes }));
                    }
                }
            }
            if words.below(9) == 0 {
                txs.push(world.by_validator((words.below(4)) as usize, Action::CallPause));
            }
            if world.state.params().protocol > Params::PROTOCOL {
                break;
            }
            let before = world.state.clone();
            let candidates: Vec<_> = txs.into_iter().map(std::sync::Arc::new).collect();
            let built = world.state.build(world.header(), &candidates, &Scripted).expect("may build");
            world.accept(built);
            holds(&world.state, &before);
            let now = world.state.epoch().0;
            for (id, proposal) in world.state.proposals() {
                let Stage::Over { at, outcome: Outcome::Done } = proposal.stage else { continue };
                if before.proposal(id).is_some_and(Proposal::is_over) {
                    continue;
                }
                *done.entry(proposal.motion.kind()).or_default() += 1;
                match proposal.motion {
                    Motion::Treasury { amount, .. } => granted.push((at.0, amount)),
                    Motion::Param { parameter, .. } => drop(changed.insert(parameter)),
                    _ => {}
                }
            }
            let span = world.state.params().govern.span;
            let within = granted.iter().filter(|(at, _)| at + span > now).map(|(_, amount)| *amount);
            let within = Amount::sum(within).expect("bounded");
            let whole = world.state.pools().treasury.0 + within.0;
            // Deposits and fees come in between two payments, but never go.
            assert!(within.0 * 20 <= whole, "{within} of {whole}");
        }
        assert_eq!(fixed(world.state.params()), fixed(first.params()));
        let mut state = State::genesis(&world.genesis).expect("valid");
        for block in &world.blocks {
            state = state.execute(block, &Scripted).expect("valid").0;
        }
        assert_eq!(state.root(), world.state.root());
    }
    println!("done: {done:?}, {} parameters changed", changed.len());
    for kind in [Kind::Text, Kind::Listing, Kind::Param, Kind::Treasury, Kind::Upgrade] {
        assert!(done.contains_key(&kind), "no {kind:?} was ever done: {done:?}");
    }
    assert!(changed.len() > 20, "{changed:?}");
}

#[test]
fn bounds_hold_for_governance() {
    let good = |change: &dyn Fn(&mut Params)| {
        let mut params = Params::devnet();
        change(&mut params);
        params.validate().is_ok()
    };
    assert!(good(&|_| {}) && Params::mainnet().validate().is_ok());
    let bad: &[&dyn Fn(&mut Params)] = &[
        &|p| p.govern.text.deposit = Amount(1),
        &|p| p.govern.text.voting = 0,
        &|p| p.govern.text.quorum.0 = 999,
        &|p| p.govern.text.quorum.0 = 5_001,
        &|p| p.govern.text.yes.0 = 4_999,
        &|p| p.govern.text.veto.0 = 3_341,
        &|p| p.govern.text.delay = 2_161,
        &|p| p.govern.upgrade.yes.0 = 6_669,
        &|p| p.govern.upgrade.delay = 8,
        &|p| p.govern.pardon.voting = 2,
        &|p| p.slash.freeze = 2,
        &|p| p.govern.least = Amount(Amount::SUPPLY.0 / 10 + 1),
        &|p| p.govern.spending.0 = 501,
        &|p| p.govern.span = 0,
        &|p| p.govern.pause = 169,
        &|p| p.govern.season = 2,
        &|p| p.slash.double_proposal.0 = 99,
    ];
    for (at, change) in bad.iter().enumerate() {
        assert!(!good(*change), "bound {at}");
    }
}
