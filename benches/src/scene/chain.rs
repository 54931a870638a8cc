//! A chain of one validator and many accounts: blocks of transfers, and blocks of anything.

use super::orders;
use crate::Failure;
use bitneuron::{
    consensus::{Block, Certificate, Header, Stage, Vote},
    core::{
        Amount, ChainId, Commitment, Digest, GoalId, Height, Keypair, NodeId, Seed, Signature, Time,
        claim::{CheckClaim, Claim, Refused},
        exact::{
            DataRoot,
            programs::{Mlp, merge::MergeRule, step::Training},
        },
        goal::{Goal, Metric},
    },
    ledger::{Action, Genesis, Params, SignedTx, State, Tx, VestingParams},
    market::{DataMarket, DataTerms, Order, OrderId},
};
use std::sync::Arc;

/// Looks at every signature and knows no claims.
#[derive(Debug, Clone, Copy)]
pub struct Signatures;

impl CheckClaim for Signatures {
    fn check(&self, claim: &Claim) -> Result<(), Refused> {
        Err(Refused::Unknown(claim.statement()))
    }

    fn gas(&self, _: &Claim) -> u64 {
        0
    }
}

/// Believes every signature: for what is not about them.
#[derive(Debug, Clone, Copy)]
pub struct Believing;

impl CheckClaim for Believing {
    fn check(&self, claim: &Claim) -> Result<(), Refused> {
        Err(Refused::Unknown(claim.statement()))
    }

    fn gas(&self, _: &Claim) -> u64 {
        0
    }

    fn verify(&self, _: NodeId, _: &str, _: ChainId, _: &[u8], _: &Signature) -> bool {
        true
    }

    fn verify_all(&self, _: &[(NodeId, &[u8], Signature)]) -> bool {
        true
    }
}

/// The chain, and whoever may act on it.
#[derive(Debug)]
pub struct Chain {
    /// The state after the last block.
    pub state: State,
    /// What it began with.
    pub genesis: Genesis,
    validator: Keypair,
    keys: Vec<Keypair>,
    goal: GoalId,
    salt: u64,
}

fn goal() -> Result<Goal, Failure> {
    let model = |name: &str| Commitment::merkle(Digest::of("bitneuron bench goal v1", name.as_bytes()));
    Ok(Goal {
        name: "bench".into(),
        net: Mlp::new(&[2, 2])?.into(),
        initial: model("initial"),
        metric: Metric::Accuracy,
        metric_set: DataRoot { rows: 200, columns: 2, features: model("features"), labels: model("labels") },
        drawn: 8,
        training: Training { steps: 1, batch: 2, rate_shift: 2, ..Training::default() },
        merge: MergeRule::default(),
        max_inputs: 6,
    })
}

impl Chain {
    /// A chain at its genesis with so many accounts of 10,000 tokens.
    ///
    /// # Errors
    /// The genesis is refused.
    pub fn new(accounts: u64) -> Result<Self, Failure> {
        Self::among(accounts, 0)
    }

    /// The same with so many accounts more, whose keys nobody has.
    ///
    /// # Errors
    /// The genesis is refused.
    pub fn among(accounts: u64, others: u64) -> Result<Self, Failure> {
        let validator = Keypair::from_seed(Seed::from_number(u64::MAX));
        let keys: Vec<Keypair> =
            (0..accounts).map(|number| Keypair::from_seed(Seed::from_number(number))).collect();
        let mut funded: Vec<_> = keys.iter().map(|key| (key.id(), Amount::tokens(10_000))).collect();
        let name = |number: u64| NodeId(Digest::of("bitneuron bench account v1", &number.to_le_bytes()).0);
        funded.extend((0..others).map(|number| (name(number), Amount::TOKEN)));
        funded.sort_unstable();
        let goal = goal()?;
        let id = goal.id();
        let params = Params::mainnet();
        // Tokens to spend, which the main network has none of before they vest.
        let vesting = VestingParams { free: Amount::SUPPLY, ..params.vesting };
        let genesis = Genesis {
            name: "bench".into(),
            time: 0,
            params: Params { vesting, ..params },
            accounts: funded,
            validators: vec![(validator.id(), Amount::tokens(2_000_000))],
            grants: vec![],
            goals: vec![goal],
            data: vec![],
        };
        Ok(Self { state: State::genesis(&genesis)?, genesis, validator, keys, goal: id, salt: 0 })
    }

    fn tx(&mut self, by: usize, action: Action) -> Tx {
        self.salt += 1;
        let expires = Height(self.state.height().0 + 20);
        Tx { by: self.keys[by].id(), expires, salt: self.salt, tip: Amount::ZERO, action }
    }

    fn drawn(&self, purpose: &str) -> usize {
        let drawn = Digest(Seed::from_number(self.salt).derive(purpose).0).to_u64();
        (drawn % self.keys.len() as u64) as usize
    }

    /// So many signed transfers between accounts drawn at random.
    pub fn transfers(&mut self, count: usize) -> Vec<Arc<SignedTx>> {
        let chain = self.state.chain();
        let one = |_| {
            let (by, to) = (self.drawn("from"), self.keys[self.drawn("to")].id());
            let tx = self.tx(by, Action::Transfer { to, amount: Amount(self.salt.into()) });
            Arc::new(tx.sign(&self.keys[by], chain))
        };
        (0..count).map(one).collect()
    }

    /// An order of this number for the chain's goal, whoever places it.
    fn order(&self, by: usize, number: u64) -> Order<DataMarket> {
        let mut order = orders::order(number);
        (order.by, order.expires) = (self.keys[by].id(), Height(self.state.height().0 + 30));
        match &mut order.terms {
            DataTerms::Offer { goal, consent, .. } => (*goal, consent.goals) = (self.goal, vec![self.goal]),
            DataTerms::Bid { goal, .. } => *goal = self.goal,
        }
        order
    }

    /// So many transactions of all kinds that need no proof, some of which are refused. Their signatures are empty.
    pub fn anything(&mut self, count: usize) -> Vec<Arc<SignedTx>> {
        let one = |_| {
            let (by, to) = (self.drawn("from"), self.keys[self.drawn("to")].id());
            let amount =
                Amount(u128::from(Digest(Seed::from_number(self.salt).derive("amount").0).to_u64() >> 34));
            let quanta = Amount(amount.0 / 1_000_000 * 1_000_000);
            let last = OrderId(Digest(Seed::from_number(self.salt / 7).0));
            let action = match self.salt % 16 {
                0 => Action::Bond(quanta),
                1 => Action::Unbond(Amount(quanta.0 / 2_000_000 * 1_000_000)),
                2..=4 => Action::Place(self.order(by, self.salt)),
                5 => Action::Cancel(last),
                6 => Action::Transfer { to, amount: Amount::SUPPLY },
                _ => Action::Transfer { to, amount },
            };
            Arc::new(SignedTx { tx: self.tx(by, action), signature: Signature::from_bytes(&[0; 64]) })
        };
        (0..count).map(one).collect()
    }

    /// Places one offer, and says which.
    ///
    /// # Errors
    /// It is refused.
    pub fn offer(&mut self) -> Result<OrderId, Failure> {
        let number = (0..100).find(|number| orders::plain(*number).sells).unwrap_or(0);
        let order = self.order(0, number);
        let (id, tx) = (order.id(), self.tx(0, Action::Place(order)));
        let placed = tx.sign(&self.keys[0], self.state.chain());
        let (block, left) = self.block(&[Arc::new(placed)], &Signatures)?;
        if block.transactions.len() == 1 { Ok(id) } else { Err(format!("{left} refused").into()) }
    }

    /// Builds the next block of these and goes on to the state after it; with the number of those that are not in it.
    ///
    /// # Errors
    /// No block can follow.
    pub fn block(
        &mut self,
        candidates: &[Arc<SignedTx>],
        check: &dyn CheckClaim,
    ) -> Result<(Block, usize), Failure> {
        let height = self.state.height().next();
        let (chain, parent, time) = (self.state.chain(), self.state.tip(), Time(height.0 * 2_000_000));
        let mut header = Header::draft(chain, height, parent, self.validator.id(), time);
        header.draw = self.state.next_slot().map_or(header.draw, |slot| slot.draw(&self.validator));
        let built = self.state.build(header, candidates, check)?;
        self.state = built.state;
        let left = candidates.len() - built.block.transactions.len();
        Ok((built.block, left))
    }
}

impl Chain {
    /// The vote of the one validator, which decides a block.
    pub fn certificate(&self, block: &Block) -> Certificate {
        let (height, round, stage, id) = (block.header.height, 0, Stage::Precommit, block.id());
        let vote = Vote { height, round, stage, block: Some(id), by: self.validator.id() };
        let signed = vote.sign(&self.validator, self.state.chain());
        Certificate { height, round, block: id, votes: vec![(signed.vote.by, signed.signature)] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_execute_and_much_of_anything_is_accepted() {
        let mut chain = Chain::new(20).unwrap();
        let before = chain.state.clone();
        let transfers = chain.transfers(30);
        let (block, left) = chain.block(&transfers, &Signatures).unwrap();
        assert_eq!(left, 0);
        assert_eq!(before.execute(&block, &Signatures).unwrap().0.root(), chain.state.root());
        let order = chain.offer().unwrap();
        let key = bitneuron::ledger::key::order(order);
        assert!(chain.state.prove(&key).verify(chain.state.root(), &key).unwrap().is_some());
        let anything = chain.anything(200);
        let (block, left) = chain.block(&anything, &Believing).unwrap();
        assert!(block.transactions.len() > 120 && left > 0, "{left}");
        assert_eq!(chain.state.total(), Amount::SUPPLY);
    }
}
