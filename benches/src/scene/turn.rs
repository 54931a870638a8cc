//! One true turn of the network's goal: nine models merged, four steps on a validator's shard, scored on 72 of 144 rows.

use super::step::{SHARD, WIDTHS};
use crate::Failure;
use bitneuron::{
    core::{
        ChainId, Context, Digest, Height, Keypair, NodeId, Seed, Share,
        claim::{Claim, Source, Turn, TurnInput},
        exact::{
            ExactData, ExactParams, Tensor, execute,
            programs::{Mlp, filter::Filter, merge::MergeRule, step::Training},
        },
        goal::{Goal, Metric},
    },
    sim::digits,
    zk::{Computation as _, Library, Proof, Prover, Replay, TurnWitness, claim},
};
use std::sync::Arc;

/// Models merged beside the own.
const PEERS: u64 = 9;
/// Rows of the metric set.
const METRIC_ROWS: usize = 144;

/// A turn with all that proves it.
#[derive(Debug)]
pub struct Told {
    /// Its author.
    pub key: Keypair,
    /// What its proof is bound to.
    pub context: Context,
    /// What is stated.
    pub public: Turn,
    /// What shows it.
    pub witness: TurnWitness,
    /// Proves and verifies; knows the data of the genesis.
    pub replay: Replay,
}

impl Told {
    /// A turn, the same each time.
    ///
    /// # Errors
    /// No such program.
    pub fn new() -> Result<Self, Failure> {
        let seed = Seed::from_number(1);
        let (train, _) = digits::halves(seed)?;
        let rows = |from: usize, count: usize| {
            let rows = train.select(&(from..from + count).collect::<Vec<_>>());
            ExactData::from_dataset(&rows).map(Arc::new)
        };
        let (data, metric_set) = (rows(0, SHARD)?, rows(SHARD, METRIC_ROWS)?);
        let mut library = Library::new();
        let (own, metric) = (library.insert_data(&data), library.insert_data(&metric_set));
        let mlp = Mlp::new(&WIDTHS)?;
        let before = mlp.init(seed);
        let models: Vec<ExactParams> = (2..2 + PEERS).map(|peer| mlp.init(Seed::from_number(peer))).collect();
        let goal = Goal {
            name: "digits".into(),
            net: mlp.into(),
            initial: before.commitment(),
            metric: Metric::Accuracy,
            metric_set: metric,
            drawn: 72,
            training: Training::default(),
            merge: MergeRule::Filtered(Filter { ratio: 4, ..Filter::default() }),
            max_inputs: 64,
        };
        let input = |(model, share): (&ExactParams, Share)| TurnInput {
            source: Source::Deal(model.commitment().root),
            model: model.commitment(),
            share,
        };
        let shares = Share::divide(&[1; PEERS as usize + 1]);
        let public = Turn {
            before: before.commitment(),
            inputs: models.iter().zip(shares).map(input).collect(),
            data: own,
            batch_seed: Digest(seed.derive("batch").0),
            score_seed: Digest(seed.derive("score").0),
            after: before.commitment(),
            right_before: 0,
            right_after: 0,
            kept: vec![true; models.len()],
            goal,
        };
        let key = Keypair::from_seed(seed);
        let context = Context {
            chain: ChainId(Digest([1; 32])),
            height: Height(3),
            by: key.id(),
            subject: public.goal.id().0,
        };
        let models = models.iter().map(ExactParams::tensor).collect();
        let witness = TurnWitness { before: before.tensor(), models, data, metric_set };
        let public = played(public, &witness)?;
        Ok(Self { key, context, public, witness, replay: Replay::new(Arc::new(library)) })
    }

    /// Proves it.
    ///
    /// # Errors
    /// It is not true.
    pub fn prove(&self) -> Result<Proof, Failure> {
        let entropy = Seed::from_number(1);
        Ok(Prover::<Turn>::prove(&self.replay, &self.context, &self.public, &self.witness, entropy)?)
    }

    /// The signed claim.
    ///
    /// # Errors
    /// As [`Told::prove`].
    pub fn claim(&self) -> Result<Claim, Failure> {
        Ok(claim::<Turn>(&self.key, self.context, &self.public, &self.prove()?))
    }

    /// Who tells it.
    pub fn author(&self) -> NodeId {
        self.key.id()
    }
}

/// The turn with the outcome that its program has.
fn played(turn: Turn, witness: &TurnWitness) -> Result<Turn, Failure> {
    let relation = turn.relation()?;
    let inputs = relation.assemble(Turn::witness(witness).into_iter().cloned().collect())?;
    let run = execute(&relation.program, &inputs)?;
    let outputs = run.outputs();
    let [after, before_right, after_right, kept] = outputs.as_slice() else {
        return Err("a turn has four outputs".into());
    };
    let count = |tensor: &Tensor| tensor.data().iter().sum::<i64>() as u32;
    Ok(Turn {
        after: after.commitment(),
        right_before: count(before_right),
        right_after: count(after_right),
        kept: kept.data().iter().map(|kept| *kept == 1).collect(),
        ..turn
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitneuron::zk::Verifier;

    #[test]
    fn the_turn_is_true_and_another_is_not() {
        let told = Told::new().unwrap();
        let proof = told.prove().unwrap();
        assert!(Verifier::<Turn>::verify(&told.replay, &told.context, &told.public, &proof).is_ok());
        let lie = Turn { right_after: told.public.right_after + 1, ..told.public.clone() };
        assert!(Verifier::<Turn>::verify(&told.replay, &told.context, &lie, &proof).is_err());
    }
}
