//! What a claim says, in words.

use crate::number;
use bitneuron_core::claim::{Holding, Inference, Score, Turn};
use bitneuron_core::{Wire, decode};
use bitneuron_zk::{ProofFile, Statement};

/// One sentence; for an unknown statement or an unreadable public part, its name.
pub(super) fn says(file: &ProofFile) -> String {
    let name = file.domain();
    let words = if name == Turn::DOMAIN {
        public::<Turn>(file).as_ref().map(turn)
    } else if name == Score::DOMAIN {
        public::<Score>(file).as_ref().map(score)
    } else if name == Inference::DOMAIN {
        public::<Inference>(file).as_ref().map(inference)
    } else if name == Holding::DOMAIN {
        public::<Holding>(file).as_ref().map(holding)
    } else {
        None
    };
    words.unwrap_or_else(|| format!("something about `{}`", name.escape_debug()))
}

fn public<S: Statement<Public = S> + Wire>(file: &ProofFile) -> Option<S> {
    decode(file.claim().public()).ok()
}

fn list<T: ToString>(items: impl IntoIterator<Item = T>, between: &str) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(between)
}

fn turn(turn: &Turn) -> String {
    let training = turn.goal.training;
    let merged = match turn.inputs.len() {
        0 => String::new(),
        others => format!("merged with {} and ", number::counted(others as u64, "other")),
    };
    format!(
        "a committed {} model, {merged}trained for {} steps of {} committed rows, became another committed model; of {} \
         drawn rows of the metric set it had {} right before and {} after",
        turn.goal.net, training.steps, training.batch, turn.goal.drawn, turn.right_before, turn.right_after
    )
}

fn score(score: &Score) -> String {
    format!(
        "a committed {} model has {} of {} rows of the metric set right",
        score.goal.net, score.right, score.goal.metric_set.rows
    )
}

fn inference(inference: &Inference) -> String {
    /// More answers than that are not listed.
    const MOST: usize = 12;
    let classes = inference.classes.data();
    let more = if classes.len() > MOST { ", …" } else { "" };
    format!(
        "a committed {} model answers {} public row{} with class {}{more}",
        inference.goal.net,
        classes.len(),
        if classes.len() == 1 { "" } else { "s" },
        list(classes.iter().take(MOST), ", ")
    )
}

fn holding(holding: &Holding) -> String {
    format!(
        "the {} challenged of the {} parts of a committed tensor are held",
        holding.samples,
        holding.parts().unwrap_or(0)
    )
}
