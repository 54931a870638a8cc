//! A chain that learns a goal so small that everything about it is seen at a glance: the greater of two features.

use crate::world::{TRUE, World, genesis, goal, key};
use bitneuron_core::exact::{ExactData, ExactParams, Tensor};
use bitneuron_core::goal::Goal;
use bitneuron_core::{Amount, Digest, Keypair};
use bitneuron_ledger::contest::{Entrant, Judged, Tests, Window, judge};
use bitneuron_ledger::{
    Action, Built, ContestAction, ContestEvent, ContestFault, ContestParams, Event, Params, Refused, ShardId,
    SignedTx, candidate_digest, seal,
};

/// Windows of 16, 4, 6 and 2 heights; three shards of eight rows are called, one stands by.
pub(crate) fn params() -> Params {
    let contest = ContestParams {
        commit: 16,
        reveal: 4,
        open: 6,
        score: 2,
        rows: 8,
        live: 4,
        called: 3,
        spare: 1,
        shards: 8,
        candidates: 4,
        memory: 2,
        ..Params::devnet().contest
    };
    Params { contest, ..Params::devnet() }
}

/// A model that tells the greater feature the surer, the larger `strength` is, in units of 2⁻¹²; below 0 it is wrong.
pub(crate) fn model(strength: i32) -> ExactParams {
    skewed(strength, 0)
}

/// The same with a bias to the first class, which is no good.
pub(crate) fn skewed(strength: i32, bias: i32) -> ExactParams {
    let values = vec![strength, -strength, -strength, strength, bias, -bias];
    ExactParams::new(values, goal("test").net.layout()).expect("inside")
}

/// A model that looks at the first feature alone.
pub(crate) fn one_eyed(strength: i32) -> ExactParams {
    let values = vec![strength, -strength, 0, 0, 0, 0];
    ExactParams::new(values, goal("test").net.layout()).expect("inside")
}

/// Three models that are better than the first one, each in its way.
pub(crate) fn three() -> [ExactParams; 3] {
    [skewed(900, 300), skewed(2_000, -200), one_eyed(1_400)]
}

/// The rows of the `n`-th shard.
pub(crate) fn rows(n: u64) -> ExactData {
    many_rows(n, 8)
}

/// So many rows of the `n`-th shard.
pub(crate) fn many_rows(n: u64, count: u32) -> ExactData {
    let value = |at: u64| {
        let word = Digest::of("bitneuron contest tests", &(n << 32 | at).to_le_bytes()).to_u64();
        (word % 513) as i64 - 256
    };
    let features: Vec<i64> = (0..2 * u64::from(count)).map(value).collect();
    let labels = features.chunks(2).map(|row| i64::from(row[1] > row[0])).collect();
    let features = Tensor::new(&[count, 2], features).expect("shape");
    ExactData::new(features, Tensor::vector(labels)).expect("fits")
}

/// The same rows with the other labels.
pub(crate) fn flipped(n: u64) -> ExactData {
    let rows = rows(n);
    let labels = rows.labels().data().iter().map(|label| 1 - label).collect();
    ExactData::new(rows.features().clone(), Tensor::vector(labels)).expect("fits")
}

pub(crate) fn salt(n: u64) -> Digest {
    Digest::of("bitneuron contest test salts", &n.to_le_bytes())
}

pub(crate) struct Stage {
    pub(crate) world: World,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::with(params())
    }

    pub(crate) fn with(params: Params) -> Self {
        let goal = Goal { initial: model(0).commitment(), ..goal("test") };
        let mut genesis = genesis(params);
        for (id, _, _) in &mut genesis.data {
            *id = goal.id();
        }
        genesis.goals = vec![goal.clone()];
        genesis.data.sort_unstable();
        Self { world: World::of(genesis, goal) }
    }

    /// A stage at the beginning of a contest for which user n has sealed the shards of `sealed[n]`.
    pub(crate) fn begun(sealed: &[&[u64]]) -> Self {
        let mut stage = Self::new();
        let found = stage.by_user(0, ContestAction::Found(model(0).to_bytes()));
        let mut txs = vec![found];
        for (user, shards) in sealed.iter().enumerate() {
            shards.iter().for_each(|n| txs.push(stage.seal(user, *n, &rows(*n))));
        }
        stage.world.block(&txs);
        stage.until(1, Window::Commit);
        stage
    }

    pub(crate) fn by_user(&mut self, n: usize, step: ContestAction) -> SignedTx {
        let goal = self.world.goal_id();
        self.world.by_user(n, Action::Contest { goal, step })
    }

    pub(crate) fn by_validator(&mut self, n: usize, step: ContestAction) -> SignedTx {
        let goal = self.world.goal_id();
        self.world.by_validator(n, Action::Contest { goal, step })
    }

    pub(crate) fn seal_of(&self, user: &Keypair, n: u64, rows: &ExactData) -> Digest {
        seal(self.world.state.chain(), self.world.goal_id(), user.id(), salt(n), &rows.to_bytes())
    }

    /// User `user` seals the `n`-th shard.
    pub(crate) fn seal(&mut self, user: usize, n: u64, rows: &ExactData) -> SignedTx {
        let seal = self.seal_of(&key(100 + user as u64), n, rows);
        self.by_user(user, self.sealing(seal))
    }

    /// A seal with the least bond.
    pub(crate) fn sealing(&self, seal: Digest) -> ContestAction {
        ContestAction::Seal { seal, bond: self.world.state.params().contest.shard_bond }
    }

    pub(crate) fn open(&mut self, user: usize, n: u64, rows: &ExactData) -> SignedTx {
        self.by_user(user, ContestAction::Open { salt: salt(n), rows: rows.to_bytes() })
    }

    /// Validators 0, 1, … take turns that lead to these models, all in one round.
    pub(crate) fn learn(&mut self, models: &[ExactParams]) {
        self.world.until_phase(2);
        let mut turns = Vec::new();
        for (v, model) in models.iter().enumerate() {
            let mut turn = self.world.turn(v, "after");
            turn.after = model.commitment();
            turns.push(turn);
        }
        let commits: Vec<_> = turns.iter().enumerate().map(|(v, turn)| self.world.commit(v, turn)).collect();
        self.world.block(&commits);
        let mut claims = Vec::new();
        for (v, turn) in turns.iter().enumerate() {
            let claim = self.world.turn_claim(v, turn, (3, 6), TRUE);
            claims.push(self.world.by_validator(v, Action::Claim(claim)));
        }
        self.world.block(&claims);
    }

    /// Validator `v` enters its head, which is this model, in the contest.
    pub(crate) fn enter(&mut self, v: usize, contest: u64, model: &ExactParams) -> SignedTx {
        let (chain, goal, author) = (self.world.state.chain(), self.world.goal_id(), self.world.validator(v));
        let digest = candidate_digest(chain, goal, contest, author, salt(v as u64), model.commitment());
        self.commit(v, digest)
    }

    /// Validator `v` enters its head with this digest.
    pub(crate) fn commit(&mut self, v: usize, digest: Digest) -> SignedTx {
        let head = self.world.state.head(self.world.goal_id(), self.world.validator(v)).expect("a goal");
        self.by_validator(v, ContestAction::Commit { turns: head.turns, digest })
    }

    pub(crate) fn reveal(&mut self, v: usize, model: &ExactParams) -> SignedTx {
        self.by_validator(v, ContestAction::Reveal { salt: salt(v as u64), model: model.to_bytes() })
    }

    /// Empty blocks until the next height is the first of this window of this contest; what happened.
    pub(crate) fn until(&mut self, contest: u64, window: Window) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            let state = &self.world.state;
            let place = state.params().contest.place(state.height().next());
            if (place.contest, place.window, place.at) == (contest, window, 0) {
                return events;
            }
            events.extend(self.world.block(&[]));
        }
    }

    /// Enters and reveals these models by validators 0, 1, …, and goes on until the shards are called.
    pub(crate) fn shown(&mut self, contest: u64, models: &[ExactParams]) -> Vec<Event> {
        self.learn(models);
        let enter: Vec<_> =
            models.iter().enumerate().map(|(v, model)| self.enter(v, contest, model)).collect();
        self.world.block(&enter);
        self.until(contest, Window::Reveal);
        let reveal: Vec<_> = models.iter().enumerate().map(|(v, model)| self.reveal(v, model)).collect();
        self.world.block(&reveal);
        self.until(contest, Window::Open);
        self.world.block(&[])
    }

    /// The shards that these events call.
    pub(crate) fn called(events: &[Event]) -> Vec<ShardId> {
        let called = events.iter().filter_map(|event| match event {
            Event::Contest { what: ContestEvent::Called(shards), .. } => Some(shards.clone()),
            _ => None,
        });
        called.flatten().collect()
    }

    /// Whose shard it is, and which, of those that [`Stage::begun`] sealed.
    pub(crate) fn find(&self, sealed: &[&[u64]], shard: ShardId) -> (usize, u64) {
        let all = sealed.iter().enumerate().flat_map(|(user, shards)| shards.iter().map(move |n| (user, *n)));
        all.into_iter()
            .find(|(user, n)| self.seal_of(&key(100 + *user as u64), *n, &rows(*n)) == shard.seal)
            .expect("sealed")
    }

    /// What the pure functions say of these models on these shards, against this parent, with so many tokens at stake.
    pub(crate) fn judged(
        &self,
        parent: &ExactParams,
        models: &[ExactParams],
        shards: &[ExactData],
        stakes: &[u64],
    ) -> Judged {
        let tests = Tests::new(&self.world.goal, shards).expect("fit");
        let losses: Vec<_> = models.iter().map(|model| tests.losses(model).expect("fits")).collect();
        let base = tests.losses(parent).expect("fits");
        let entrants: Vec<Entrant<'_>> = models
            .iter()
            .zip(&losses)
            .zip(stakes)
            .map(|((model, losses), stake)| Entrant { stake: Amount::tokens(*stake), model, losses })
            .collect();
        judge(parent, &base, &entrants, &self.world.state.params().contest)
    }

    /// The block that would be built of this transaction alone: was it taken?
    pub(crate) fn takes(&self, tx: &SignedTx) -> bool {
        let Built { dropped, .. } = self.world.build(std::slice::from_ref(tx));
        dropped.is_empty()
    }

    /// Why a step of a contest is refused, which changes nothing.
    pub(crate) fn fault(&self, tx: &SignedTx) -> ContestFault {
        match self.world.refused(tx) {
            Refused::Contest(fault) => fault,
            other => panic!("{other}"),
        }
    }
}

/// What happened in contests, in order.
pub(crate) fn contests(events: &[Event]) -> Vec<ContestEvent> {
    let of = |event: &Event| if let Event::Contest { what, .. } = event { Some(what.clone()) } else { None };
    events.iter().filter_map(of).collect()
}

/// What somebody was paid in these events.
pub(crate) fn paid(
    events: &[Event],
    whom: bitneuron_core::NodeId,
    for_what: bitneuron_ledger::Merit,
) -> Amount {
    let amounts = events.iter().filter_map(|event| match event {
        Event::Rewarded { who, merit, amount } if *who == whom && *merit == for_what => Some(*amount),
        _ => None,
    });
    Amount::sum(amounts).expect("small")
}

/// What a contest could pay to candidates and examiners together, of which examiners get a twentieth, rounded down; the candidates are
/// paid of the rest what the pure functions say, to the unit.
pub(crate) fn purse_of(judged: &Judged, examined: u128, pays: &[Amount]) -> Amount {
    let purses = (examined * 20..examined * 20 + 20).map(Amount);
    let mut purses = purses.filter(|purse| judged.divide(Amount(purse.0 - examined)) == pays);
    purses.next().expect("the pay follows from a purse")
}
