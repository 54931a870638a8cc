//! What a validator states about one turn: from the head before, through merge and steps, to the head after.

use super::Refused;
use crate::exact::{Binding, DataRoot, Relation, Tensor, data::draw, programs::merge};
use crate::goal::Goal;
use crate::{Commitment, Digest, NodeId, Share, Wire};
use serde::{Deserialize, Serialize};

/// Where a merged model came from; the ledger checks that the author was entitled to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Source {
    /// A deal settled to the author.
    Deal(Digest),
    /// The head of another validator.
    Head(NodeId),
}

/// One model merged in a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TurnInput {
    /// Where it came from.
    pub source: Source,
    /// The model.
    pub model: Commitment,
    /// Its weight in the merge; all inputs and the own model sum to [`Share::ONE`].
    pub share: Share,
}

/// The public part of a turn. Its claim's [`crate::Context::subject`] is the goal's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// The goal.
    pub goal: Goal,
    /// The head before; must be the ledger's head of the author.
    pub before: Commitment,
    /// The models merged.
    pub inputs: Vec<TurnInput>,
    /// The author's data.
    pub data: DataRoot,
    /// What the batches are drawn from, derived by the ledger from the beacon.
    pub batch_seed: Digest,
    /// What the metric rows are drawn from: the beacon of a height after the turn was committed.
    pub score_seed: Digest,
    /// The head after.
    pub after: Commitment,
    /// How many drawn rows were right before.
    pub right_before: u32,
    /// How many drawn rows are right after.
    pub right_after: u32,
    /// Which inputs the filter let stay.
    pub kept: Vec<bool>,
}

impl Wire for Turn {
    const LIMIT: usize = 64 << 10;
}

impl Turn {
    /// The statement's name.
    pub const DOMAIN: &'static str = "bitneuron turn v1";

    /// What an author publishes *before* the metric rows are drawn: everything but the scores.
    pub fn commitment(&self) -> Digest {
        let blind = Self { score_seed: Digest::ZERO, right_before: 0, right_after: 0, ..self.clone() };
        Digest::of("bitneuron turn commitment v1", &crate::encode(&blind))
    }

    /// The relation that a proof of this turn proves. The witness is: head before, merged models in order, features and
    /// labels of the data, features and labels of the metric set.
    ///
    /// # Errors
    /// No program for these sizes.
    pub fn relation(&self) -> Result<Relation, Refused> {
        let peers = u32::try_from(self.inputs.len()).unwrap_or(u32::MAX);
        if peers > self.goal.max_inputs || self.kept.len() != self.inputs.len() {
            return Err(Refused::Malformed("another number of inputs than the goal allows".into()));
        }
        if self.inputs.iter().map(|input| u64::from(input.share.0)).sum::<u64>() > u64::from(Share::ONE.0) {
            return Err(Refused::Malformed("the shares exceed one".into()));
        }
        if self.data.columns != self.goal.net.features() {
            return Err(Refused::Malformed("the data do not fit the model".into()));
        }
        let program = self.goal.turn_program(peers, self.data.rows)?;
        let set = &self.goal.metric_set;
        let batches = draw(self.batch_seed, self.data.rows, self.goal.training.rows() as usize);
        let rows = draw(self.score_seed, set.rows, self.goal.drawn as usize);
        let shares: Vec<Share> = self.inputs.iter().map(|input| input.share).collect();

        let mut inputs = vec![Binding::Committed(self.before)];
        inputs.extend(self.inputs.iter().map(|input| Binding::Committed(input.model)));
        if !shares.is_empty() {
            inputs.push(Binding::Public(merge::shares(&shares)));
        }
        inputs.extend([
            Binding::Committed(self.data.features),
            Binding::Committed(self.data.labels),
            Binding::Public(Tensor::vector(batches)),
            Binding::Committed(set.features),
            Binding::Committed(set.labels),
            Binding::Public(Tensor::vector(rows)),
        ]);
        let mut outputs = vec![
            Binding::Committed(self.after),
            Binding::Public(Tensor::scalar(i64::from(self.right_before))),
            Binding::Public(Tensor::scalar(i64::from(self.right_after))),
        ];
        if !self.kept.is_empty() {
            outputs.push(Binding::Public(Tensor::vector(
                self.kept.iter().map(|kept| i64::from(*kept)).collect(),
            )));
        }
        Ok(Relation { program, inputs, outputs })
    }
}
