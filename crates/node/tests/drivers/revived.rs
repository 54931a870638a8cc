//! A validator dies in the middle of a run and comes back with what its driver kept: state, last header, records. It votes
//! on, has its model lent by another one, and learns on.

use crate::fixture::Fixture;
use bitneuron_consensus::{Block, Certificate};
use bitneuron_core::{Bytes, Height, Machine, Outbox, Seed, Time, decode};
use bitneuron_ledger::State;
use bitneuron_role::message::{Message, Tip};
use bitneuron_role::{Effect, History, Input, Report, Resumed, Validator};
use bitneuron_sim::role_node::{Directory, Role, RoleError, RoleNode};
use bitneuron_sim::{Network, Setting, World};
use std::sync::Arc;
use std::time::Duration;

/// The height after which it dies.
const DEATH: Height = Height(6);

/// A store that kept no old blocks.
struct Nothing;

impl History for Nothing {
    fn decided(&self, _: Height) -> Option<(Block, Certificate)> {
        None
    }
}

/// What a driver keeps.
#[derive(Default)]
struct Kept {
    last: Option<(Tip, Arc<State>)>,
    records: Vec<Bytes>,
    /// Jobs that were handed out and are not done.
    jobs: usize,
}

/// A role that may be a validator with a second life in the form of another copy of it.
struct Mortal {
    role: Role,
    second: Option<Validator>,
    kept: Kept,
    /// Jobs of the first life that nobody waits for any more.
    orphans: usize,
    /// How often it asked for its model, and turns that it proved, in this life.
    fetched: u64,
    proved: u64,
}

impl Mortal {
    fn new(role: Role, second: Option<Validator>) -> Self {
        Self { role, second, kept: Kept::default(), orphans: 0, fetched: 0, proved: 0 }
    }

    /// Dies and is back at once, as a process that was started anew.
    fn revive(&mut self, now: Time, out: &mut Outbox<Effect>) -> Result<(), RoleError> {
        let dead = |(tip, _): &(Tip, Arc<State>)| tip.header.height >= DEATH;
        if !self.kept.last.as_ref().is_some_and(dead) {
            return Ok(());
        }
        let Some((second, (tip, state))) = self.second.take().zip(self.kept.last.clone()) else {
            return Ok(());
        };
        let records = std::mem::take(&mut self.kept.records);
        let resumed = Resumed { state, tip: Some(tip), records, history: Arc::new(Nothing) };
        (self.role, self.orphans) = (Role::from(second.resume(resumed)), self.kept.jobs);
        (self.fetched, self.proved) = (0, 0);
        self.watched(now, Input::Start, out)
    }

    /// Steps the role and keeps what a driver would.
    fn watched(&mut self, now: Time, input: Input, out: &mut Outbox<Effect>) -> Result<(), RoleError> {
        let mut inner = Outbox::new();
        self.role.step(now, input, &mut inner)?;
        for effect in inner {
            match &effect {
                Effect::Persist(record) => self.kept.records.push(record.clone()),
                Effect::Work(_) => self.kept.jobs += 1,
                Effect::Report(Report::Committed { block, certificate, state, .. }) => {
                    let tip = Tip { header: block.header.clone(), certificate: certificate.clone() };
                    self.kept.last = Some((tip, state.clone()));
                    self.kept.records.clear();
                }
                Effect::Report(Report::Proved { .. }) => self.proved += 1,
                Effect::Send { bytes, .. } if matches!(decode(bytes), Ok(Message::Fetch(_))) => {
                    self.fetched += 1;
                }
                _ => {}
            }
            out.push(effect);
        }
        Ok(())
    }
}

impl Machine for Mortal {
    type Input = Input;
    type Effect = Effect;
    type Error = RoleError;

    fn step(&mut self, now: Time, input: Input, out: &mut Outbox<Effect>) -> Result<(), RoleError> {
        if matches!(input, Input::Done(_)) {
            self.kept.jobs -= 1;
            if self.orphans > 0 {
                self.orphans -= 1;
                return Ok(());
            }
        }
        self.watched(now, input, out)?;
        self.revive(now, out)
    }
}

/// Plays all rounds; the first validator dies once, or never. What became of it, and how many turns lead to its head.
fn play(dies: bool) -> (Mortal, u64) {
    let fixture = Fixture::new(1);
    let (validators, users) = fixture.nodes();
    let mut second = dies.then(|| fixture.nodes().0.swap_remove(0));
    let roles = validators.into_iter().map(Role::from).chain(users.into_iter().map(Role::from));
    let mortals: Vec<_> = roles.map(|role| Mortal::new(role, second.take())).collect();
    let directory = Arc::new(Directory::new(mortals.iter().map(|mortal| mortal.role.id()).collect()));
    let nodes = mortals.into_iter().map(|mortal| RoleNode::new(mortal, directory.clone())).collect();
    let setting =
        Setting { seed: Seed::from_number(1), network: Network::default(), churn: None, trace: false };
    let mut world = World::new(setting, nodes);
    world.run_for(Duration::from_secs(12));
    let first = world.into_nodes().swap_remove(0).into_role();
    let (_, state) = first.kept.last.as_ref().expect("blocks were decided");
    let turns = state.head(fixture.plan.goal.id(), first.role.id()).map_or(0, |head| head.turns);
    (first, turns)
}

#[test]
fn who_comes_back_votes_and_learns_on() {
    let [(whole, all), (revived, turns)] = [false, true].map(play);
    assert_eq!((whole.fetched, whole.proved), (0, all), "nobody asks for what is there");
    let height = |mortal: &Mortal| mortal.kept.last.as_ref().map(|(tip, _)| tip.header.height);
    assert_eq!(height(&revived), height(&whole));
    assert!(height(&revived) > Some(DEATH) && all > 2);
    // Its model came at once, so at most the turn in whose middle it died is missing.
    assert!(revived.fetched == 1 && revived.proved >= 1, "{} {}", revived.fetched, revived.proved);
    assert!(turns + 1 >= all && turns > 1, "{turns} of {all}");
}
