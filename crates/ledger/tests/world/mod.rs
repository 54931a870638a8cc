//! A small chain in a test: five validators, four users, one goal, and a judge whose verdicts stand in the proofs.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::missing_panics_doc,
    reason = "each test file uses a part; tests fail by panicking"
)]

pub mod storm;

use bitneuron_consensus::{Block, Header, Stage, Vote};
use bitneuron_core::claim::{
    CheckClaim, Claim, Demand, Opening, Party, Refused as Verdict, Ruling, Score, Settles, Turn, TurnInput,
};
use bitneuron_core::exact::programs::{Mlp, merge::MergeRule, step::Training};
use bitneuron_core::exact::{DataRoot, ExactParams};
use bitneuron_core::goal::{Goal, Metric};
use bitneuron_core::{
    Amount, ChainId, Commitment, Context, Digest, GoalId, Height, Keypair, Layout, NodeId, Seed, Signature,
    Time, decode, encode,
};
use bitneuron_ledger::{
    Action, Built, Event, Genesis, Params, Refused, Roll, SignedTx, State, Tx, packet_digest,
};
use bitneuron_market::{Buyers, Consent, DataMarket, DataTerms, Deal, Order, OrderId, Side};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A proof that convinces.
pub const TRUE: &[u8] = b"true";
/// A proof that does not.
pub const FALSE: &[u8] = b"false";
/// A proof that convinces after [`WINDOW`] heights.
pub const LATER: &[u8] = b"later";
/// A proof that convinces, of heads that are committed in hiding.
pub const HIDING: &[u8] = b"hiding";
/// The same of data.
pub const HIDING_DATA: &[u8] = b"hiding data";
/// When [`LATER`] settles.
pub const WINDOW: u64 = 4;
/// The answer to every audit.
pub const ANSWER: &[u8] = b"answer";
/// A proof that nobody can judge.
pub const UNKNOWN: &[u8] = b"unknown";

/// How packets begin that are differences from [`base`].
pub const BASED: &str = "based";
/// A difference that leads to no model.
pub const ADRIFT: &str = "based on nothing";
/// The name of a model whose packet cannot be opened.
pub const HOLLOW: &str = "hollow";
/// The name of a model whose packet holds another.
pub const DOUBLE: &str = "double";
/// The name of a model whose packet cannot be judged.
pub const SEALED: &str = "sealed";

/// Reads its verdicts from the proofs; a packet is the name of its model.
pub struct Scripted;

impl CheckClaim for Scripted {
    fn check(&self, claim: &Claim) -> Result<(), Verdict> {
        match claim.proof() {
            TRUE | LATER | HIDING | HIDING_DATA => Ok(()),
            FALSE => Err(Verdict::False("scripted".into())),
            UNKNOWN => Err(Verdict::Unknown(claim.statement())),
            _ => Err(Verdict::Malformed("no verdict".into())),
        }
    }

    fn gas(&self, _: &Claim) -> u64 {
        100_000
    }

    fn settles(&self, claim: &Claim) -> Settles {
        if claim.proof() == LATER { Settles::After(WINDOW) } else { Settles::AtOnce }
    }

    fn audit(&self, claim: &Claim, beacon: Digest, demand: Demand, answer: &[u8]) -> Result<(), Verdict> {
        assert!(claim.proof() == LATER && beacon != Digest::ZERO);
        match demand {
            Demand::Openings if answer == ANSWER => Ok(()),
            Demand::Proof(7) if [TRUE, HIDING].contains(&answer) => Ok(()),
            _ => Err(Verdict::False("scripted".into())),
        }
    }

    fn openings(&self, claim: &Claim) -> Vec<Opening> {
        opened(claim, claim.proof())
    }

    fn audit_openings(&self, claim: &Claim, _: Demand, answer: &[u8]) -> Vec<Opening> {
        opened(claim, answer)
    }

    /// A move says what follows from it; the referee remembers the last.
    fn rule(&self, _: &Claim, _: Digest, referee: Option<&[u8]>, step: &[u8]) -> Result<Ruling, Verdict> {
        let asks = |party| Ok(Ruling::Asks { party, referee: step.to_vec().into() });
        if referee == Some(step) {
            return Err(Verdict::Malformed("the same move again".into()));
        }
        match step {
            b"ask the author" => asks(Party::Author),
            b"ask the challenger" => asks(Party::Challenger),
            b"the author lied" => Ok(Ruling::Verdict { guilty: Party::Author }),
            b"the challenger lied" => Ok(Ruling::Verdict { guilty: Party::Challenger }),
            _ => Err(Verdict::Malformed("no move".into())),
        }
    }

    fn opens(
        &self,
        packet: &[u8],
        base: Option<&ExactParams>,
        _: &Arc<Layout>,
        _: ChainId,
    ) -> Result<Commitment, Verdict> {
        let needed = packet.starts_with(BASED.as_bytes()).then(|| self::base(0));
        if base != needed.as_ref() {
            return Err(Verdict::Unavailable("another base".into()));
        }
        match std::str::from_utf8(packet) {
            Ok(SEALED) => Err(Verdict::Unavailable("scripted".into())),
            Ok(HOLLOW | ADRIFT) | Err(_) => Err(Verdict::Malformed("scripted".into())),
            Ok(DOUBLE) => Ok(model("another")),
            Ok(name) => Ok(model(name)),
        }
    }
}

/// A model that packets may be differences from.
pub fn base(n: u64) -> ExactParams {
    goal("test").net.init(Seed::from_number(n))
}

/// What a proof about a turn opens: each tensor is in a group of its own. First models hide nothing.
fn opened(claim: &Claim, proof: &[u8]) -> Vec<Opening> {
    let Ok(turn) = decode::<Turn>(claim.public()) else { return Vec::new() };
    let heads = turn.inputs.iter().map(|input| input.model).chain([turn.before, turn.after]);
    let tensors: BTreeSet<Commitment> = match proof {
        HIDING => heads.filter(|head| *head != turn.goal.initial).collect(),
        HIDING_DATA => BTreeSet::from([turn.data.features]),
        _ => BTreeSet::new(),
    };
    tensors.into_iter().map(|tensor| Opening { group: group(tensor), tensors: vec![tensor] }).collect()
}

/// The name of the group that a tensor is in.
pub fn group(tensor: Commitment) -> Digest {
    Digest::of("bitneuron ledger test group", &tensor.root.0)
}

pub fn digest(text: &str) -> Digest {
    Digest::of("bitneuron ledger tests", text.as_bytes())
}

pub fn model(text: &str) -> Commitment {
    Commitment::merkle(digest(text))
}

pub fn data(text: &str) -> DataRoot {
    DataRoot { rows: 20, columns: 2, features: model(text), labels: model("labels") }
}

pub fn goal(name: &str) -> Goal {
    Goal {
        name: name.into(),
        net: Mlp::new(&[2, 2]).expect("sizes").into(),
        initial: model("initial"),
        metric: Metric::Accuracy,
        metric_set: DataRoot { rows: 16, labels: model("metric labels"), ..data("metric") },
        drawn: 8,
        training: Training { steps: 1, batch: 2, rate_shift: 2, ..Training::default() },
        merge: MergeRule::default(),
        max_inputs: 6,
    }
}

pub fn key(n: u64) -> Keypair {
    Keypair::from_seed(Seed::from_number(n))
}

pub const STAKES: [u64; 5] = [2_000, 3_000, 4_000, 5_000, 999];

pub struct World {
    pub genesis: Genesis,
    pub state: State,
    pub blocks: Vec<Block>,
    /// Validators by falling name; the last one's stake is below the threshold.
    pub validators: Vec<Keypair>,
    pub users: Vec<Keypair>,
    pub goal: Goal,
    /// Whether transactions are left unsigned, for judges that believe every signature.
    pub unsigned: bool,
    /// How many seconds were skipped.
    pub skipped: u64,
    salt: u64,
}

pub fn genesis(params: Params) -> Genesis {
    let mut stakes: Vec<_> =
        (0..5).zip(STAKES).map(|(n, stake)| (key(n).id(), Amount::tokens(stake))).collect();
    stakes.sort_unstable();
    let mut accounts: Vec<_> = (0..5).map(|n| (key(n).id(), Amount::tokens(5_000))).collect();
    accounts.extend((100..104).map(|n| (key(n).id(), Amount::tokens(1_000))));
    accounts.sort_unstable();
    let goal = goal("test");
    let mut data: Vec<_> = (0..4).map(|n| (goal.id(), key(n).id(), data("own"))).collect();
    data.sort_unstable();
    Genesis {
        name: "test".into(),
        time: 0,
        params,
        accounts,
        validators: stakes,
        grants: Vec::new(),
        goals: vec![goal],
        data,
    }
}

impl World {
    pub fn new() -> Self {
        Self::with(Params::devnet())
    }

    pub fn with(params: Params) -> Self {
        Self::of(genesis(params), goal("test"))
    }

    /// The world of this genesis, which has the validators and users of [`genesis`] and learns this goal.
    pub fn of(genesis: Genesis, goal: Goal) -> Self {
        let state = State::genesis(&genesis).expect("valid");
        let validators = (0..5).map(key).collect();
        let users = (100..104).map(key).collect();
        Self {
            state,
            blocks: Vec::new(),
            validators,
            users,
            goal,
            genesis,
            unsigned: false,
            skipped: 0,
            salt: 0,
        }
    }

    /// The same chain, to see what else might happen on it.
    pub fn fork(&self) -> Self {
        Self {
            genesis: self.genesis.clone(),
            state: self.state.clone(),
            blocks: self.blocks.clone(),
            validators: self.validators.clone(),
            users: self.users.clone(),
            goal: self.goal.clone(),
            unsigned: self.unsigned,
            skipped: self.skipped,
            salt: self.salt,
        }
    }

    pub fn goal_id(&self) -> GoalId {
        self.goal.id()
    }

    pub fn validator(&self, n: usize) -> NodeId {
        self.validators[n].id()
    }

    pub fn user(&self, n: usize) -> NodeId {
        self.users[n].id()
    }

    /// A signed transaction for the next height.
    pub fn tx(&mut self, key: &Keypair, action: Action) -> SignedTx {
        self.salt += 1;
        let expires = Height(self.state.height().0 + 10);
        let (by, salt, tip) = (key.id(), self.salt, Amount::ZERO);
        let tx = Tx { by, expires, salt, tip, action };
        if self.unsigned {
            return SignedTx { tx, signature: Signature::from_bytes(&[0; 64]) };
        }
        tx.sign(key, self.state.chain())
    }

    pub fn by_user(&mut self, n: usize, action: Action) -> SignedTx {
        let key = self.users[n].clone();
        self.tx(&key, action)
    }

    pub fn by_validator(&mut self, n: usize, action: Action) -> SignedTx {
        let key = self.validators[n].clone();
        self.tx(&key, action)
    }

    /// A header on the last block, by the first validator drawn that may build.
    pub fn header(&self) -> Header {
        self.header_after(0)
    }

    /// A header on the last block, by the first validator drawn from this round on that may build.
    pub fn header_after(&self, round: u32) -> Header {
        let height = self.state.height().next();
        let epoch = height.epoch(self.state.params().epoch);
        let electorate = self.state.electorate(epoch).expect("known");
        let free = |id: &NodeId| self.state.stake(*id).is_none_or(|stake| stake.is_free(epoch));
        let drawn = |round| electorate.proposer(height, round);
        self.header_by((round..round + 100).map(drawn).find(free).unwrap_or(drawn(round)))
    }

    /// A header on the last block by this validator, with all that can be said before the block is executed.
    pub fn header_by(&self, proposer: NodeId) -> Header {
        let height = self.state.height().next();
        let key = self.validators.iter().find(|key| key.id() == proposer).expect("a validator");
        let slot = self.state.next_slot().expect("known");
        let voters = self.state.next_voters().expect("known").digest();
        let time = Time(height.0 * 500_000 + self.skipped * 1_000_000);
        let draft = Header::draft(self.state.chain(), height, self.state.tip(), proposer, time);
        Header { draw: slot.draw(key), voters, ..draft }
    }

    /// Precommits of these validators for the block of a roll, to be brought by anybody.
    pub fn precommits(&self, roll: &Roll, round: u32, who: &[usize]) -> Action {
        let (height, stage, block) = (roll.height, Stage::Precommit, Some(roll.block));
        let sign = |v: &usize| {
            let key = &self.validators[*v];
            let signed = Vote { height, round, stage, block, by: key.id() }.sign(key, self.state.chain());
            (signed.vote.by, signed.signature)
        };
        let mut votes: Vec<_> = who.iter().map(sign).collect();
        votes.sort_unstable();
        Action::Attend { height, round, votes }
    }

    /// A block in which validator 0 brings the precommits of these validators for its parent.
    pub fn attended(&mut self, who: &[usize]) -> Vec<Event> {
        let tx = self.state.attendance().rolls.last().map(|roll| self.precommits(roll, 0, who));
        let txs: Vec<_> = tx.into_iter().map(|action| self.by_validator(0, action)).collect();
        self.block(&txs)
    }

    pub fn build(&self, txs: &[SignedTx]) -> Built {
        self.build_with(txs, &Scripted)
    }

    pub fn build_with(&self, txs: &[SignedTx], judge: &dyn CheckClaim) -> Built {
        let candidates: Vec<_> = txs.iter().cloned().map(Arc::new).collect();
        self.state.build(self.header(), &candidates, judge).expect("may build")
    }

    /// Builds a block of all these, executes it and checks that both agree.
    pub fn block(&mut self, txs: &[SignedTx]) -> Vec<Event> {
        let built = self.build(txs);
        assert!(built.dropped.is_empty(), "{:?}", built.dropped);
        assert_eq!(built.block.transactions.len(), txs.len());
        self.accept(built)
    }

    pub fn accept(&mut self, built: Built) -> Vec<Event> {
        let (state, events) = self.state.execute(&built.block, &Scripted).expect("what was built is valid");
        assert_eq!(
            (state.root(), state.tip(), &events),
            (built.state.root(), built.state.tip(), &built.events)
        );
        assert_eq!(state.total(), Amount::SUPPLY);
        self.state = state;
        self.blocks.push(built.block);
        events
    }

    /// Why this transaction cannot be in the next block, which changes nothing.
    pub fn refused(&self, tx: &SignedTx) -> Refused {
        let root = self.state.root();
        let empty = self.build(&[]);
        let mut built = self.build(std::slice::from_ref(tx));
        assert_eq!(built.dropped.len(), 1, "accepted: {:?}", tx.tx.action);
        assert_eq!((built.state.root(), built.events), (empty.state.root(), empty.events));
        // The same in a block that somebody built by force.
        let forced = Block::new(built.block.header, vec![encode(tx).into()]);
        let error = self.state.execute(&forced, &Scripted).expect_err("refused");
        assert!(matches!(error, Refused::Transaction { at: 0, .. }), "{error}");
        assert_eq!(self.state.root(), root);
        built.dropped.remove(0).1
    }

    /// Empty blocks until the next height is in this phase of a round.
    pub fn until_phase(&mut self, phase: u64) {
        while self.state.params().phase(self.state.height().next()) != phase {
            self.block(&[]);
        }
    }

    pub fn until(&mut self, height: u64) {
        while self.state.height().0 < height {
            self.block(&[]);
        }
    }

    pub fn offer(&mut self, n: usize, name: &str, score: u32, ask: u64) -> SignedTx {
        let by = self.users[n].id();
        self.salt += 1;
        let now = self.state.height();
        let order = Order::<DataMarket> {
            by,
            side: Side::Offer,
            price: Amount::tokens(ask),
            quantity: 1,
            terms: DataTerms::Offer {
                goal: self.goal_id(),
                packet: packet_digest(name.as_bytes()),
                model: model(name),
                score,
                consent: Consent {
                    goals: vec![self.goal_id()],
                    buyers: Buyers::Anyone,
                    until: Height(now.0 + 50),
                    uses: 1,
                },
            },
            expires: Height(now.0 + 5),
            nonce: self.salt,
            bond: Amount::tokens(ask),
        };
        self.by_user(n, Action::Place(order))
    }

    pub fn bid(&mut self, n: usize, limit: u64, quantity: u32) -> SignedTx {
        self.salt += 1;
        let order = Order::<DataMarket> {
            by: self.validators[n].id(),
            side: Side::Bid,
            price: Amount::tokens(limit),
            quantity,
            terms: DataTerms::Bid { goal: self.goal_id(), min_score: 0 },
            expires: Height(self.state.height().0 + 5),
            nonce: self.salt,
            bond: Amount::ZERO,
        };
        self.by_validator(n, Action::Place(order))
    }

    /// One deal for 10 tokens between user `n` and validator `v`, made in the next phase 0.
    pub fn deal(&mut self, n: usize, v: usize, name: &str, score: u32) -> Deal<DataMarket> {
        self.until_phase(0);
        let txs = [self.offer(n, name, score, 10), self.bid(v, 12, 1)];
        let events = self.block(&txs);
        events
            .into_iter()
            .find_map(|event| if let Event::DealMade(deal) = event { Some(deal) } else { None })
            .expect("made")
    }

    pub fn score_claim(&self, n: usize, deal: &Deal<DataMarket>, right: u32, proof: &[u8]) -> Claim {
        let (_, model, _) = deal.promise().expect("an offer's");
        let stated = Score { goal: self.goal.clone(), model, right };
        let context = Context {
            chain: self.state.chain(),
            height: deal.made,
            by: self.users[n].id(),
            subject: deal.id,
        };
        Claim::new(&self.users[n], Score::DOMAIN, context, encode(&stated), proof.to_vec())
    }

    /// Delivery and proof of a deal, in the next block.
    pub fn settle(&mut self, n: usize, v: usize, deal: &Deal<DataMarket>) -> Vec<Event> {
        let right = deal.promise().expect("an offer's").2;
        let claim = self.score_claim(n, deal, right, TRUE);
        let txs =
            [self.by_user(n, Action::Claim(claim)), self.by_validator(v, Action::Receipt { deal: deal.id })];
        self.block(&txs)
    }

    /// The turn that follows the ledger's plan, scores still open.
    pub fn turn(&self, v: usize, after: &str) -> Turn {
        let mut plan = self.state.turn_plan(self.validator(v), self.goal_id()).expect("in phase");
        plan.truncate(self.goal.max_inputs as usize);
        let inputs: Vec<TurnInput> = plan.turn_inputs();
        Turn {
            goal: self.goal.clone(),
            before: plan.before,
            kept: vec![true; inputs.len()],
            inputs,
            data: data("own"),
            batch_seed: plan.batch_seed,
            score_seed: Digest::ZERO,
            after: model(after),
            right_before: 0,
            right_after: 0,
        }
    }

    pub fn commit(&mut self, v: usize, turn: &Turn) -> SignedTx {
        let action = Action::CommitTurn { goal: self.goal_id(), commitment: turn.commitment() };
        self.by_validator(v, action)
    }

    /// The turn with its scores, claimed.
    pub fn turn_claim(&self, v: usize, turn: &Turn, scores: (u32, u32), proof: &[u8]) -> Claim {
        let (author, goal) = (self.validator(v), self.goal_id());
        let open = self.state.open_turn(author, goal).expect("open");
        let mut turn = turn.clone();
        turn.score_seed = self.state.score_seed(author, goal).expect("committed");
        (turn.right_before, turn.right_after) = scores;
        let context = Context { chain: self.state.chain(), height: open.height, by: author, subject: goal.0 };
        Claim::new(&self.validators[v], Turn::DOMAIN, context, encode(&turn), proof.to_vec())
    }

    /// Plays one whole turn in the next round.
    pub fn play(&mut self, v: usize, after: &str, scores: (u32, u32)) -> Vec<Event> {
        self.play_by(v, after, scores, TRUE)
    }

    /// Plays one whole turn in the next round, claimed with this proof.
    pub fn play_by(&mut self, v: usize, after: &str, scores: (u32, u32), proof: &[u8]) -> Vec<Event> {
        self.until_phase(2);
        let turn = self.turn(v, after);
        let commit = self.commit(v, &turn);
        self.block(&[commit]);
        let claim = self.turn_claim(v, &turn, scores, proof);
        let tx = self.by_validator(v, Action::Claim(claim));
        self.block(&[tx])
    }

    pub fn escrow(&self, deal: &Deal<DataMarket>) -> [Amount; 2] {
        [deal.offer, deal.bid].map(|order: OrderId| self.state.escrow(order))
    }
}
