//! Examples of every family of programs, on a small perceptron.

use super::Example;
use super::sketch::{Given, drawn, example, hidden, tensor};
use bitneuron_core::Share;
use bitneuron_core::exact::programs::inference::inference;
use bitneuron_core::exact::programs::merge::{MergeRule, mean, merge, shares};
use bitneuron_core::exact::programs::metric::{Measure, accuracy, improvement, measure};
use bitneuron_core::exact::programs::norm::{Bound, bounded, norm};
use bitneuron_core::exact::programs::step::{Loss, Training, sgd};
use bitneuron_core::exact::programs::turn::{TurnShape, turn};
use bitneuron_core::exact::programs::{Linear, Mlp, Net, Train};
use bitneuron_core::exact::{ProgramError, Tensor};

/// Where the weights of these examples lie: ±1.
const WEIGHTS: i64 = 4096;
/// How far merged models are from the own one.
const NEAR: i64 = 300;

/// One or more examples of every family.
pub(super) fn examples() -> Result<Vec<Example>, ProgramError> {
    let mut all = inferences()?;
    all.extend(steps()?);
    all.extend(metrics()?);
    all.extend([
        merged("merge: one dropped", 3, MergeRule::default())?,
        merged("merge: one peer", 1, MergeRule::default())?,
        merged("merge: medians", 3, MergeRule::MEDIAN)?,
        merged("merge: trimmed", 4, MergeRule::Trimmed { liars: QUARTER })?,
        merged("merge: bounded steps", 4, MergeRule::Clipped { liars: QUARTER })?,
        averaged()?,
        length()?,
        near()?,
        turned(
            "turn: with a merge",
            3,
            Training { steps: 2, batch: 4, rate_shift: 1, ..Training::default() },
        )?,
        turned(
            "turn: steps alone",
            0,
            Training { steps: 2, batch: 4, rate_shift: 1, ..Training::default() },
        )?,
        turned(
            "turn: momentum and one-hot",
            1,
            Training { steps: 2, batch: 4, rate_shift: 1, loss: Loss::OneHot, momentum: 200, decay: 100 },
        )?,
    ]);
    Ok(all)
}

fn dense(sizes: &[u32]) -> Result<Net, ProgramError> {
    Ok(Net::from(&Mlp::new(sizes)?))
}

/// A tensor train of two cores under a dense layer.
fn two_cores() -> Result<Net, ProgramError> {
    let train = Train::new(&[2, 2], &[3, 2], &[2])?;
    Net::new(vec![Linear::Train(train), Linear::Dense { from: 6, to: 2 }])
}

/// A dense layer under a tensor train of three cores.
fn three_cores() -> Result<Net, ProgramError> {
    let train = Train::new(&[2, 1, 2], &[1, 2, 2], &[2, 2])?;
    Net::new(vec![Linear::Dense { from: 3, to: 4 }, Linear::Train(train)])
}

fn weights(name: &str, net: &Net) -> Given {
    hidden(name, &[net.parameters()], WEIGHTS)
}

/// Features and targets of `rows` rows.
fn data(name: &str, net: &Net, loss: Loss, rows: u32) -> [Given; 2] {
    let targets = format!("{name} targets");
    let targets = match loss {
        Loss::CrossEntropy | Loss::OneHot => {
            Given::Hidden(drawn(&targets, &[rows], 0, i64::from(net.outputs()) - 1))
        }
        Loss::Squared => hidden(&targets, &[rows, net.outputs()], 300),
    };
    [hidden(name, &[rows, net.features()], 256), targets]
}

/// Drawn row indices, known to everybody.
fn index(name: &str, count: u32, rows: u32) -> Given {
    Given::Known(drawn(name, &[count], 0, i64::from(rows) - 1))
}

/// An own model, `peers` near it of which the last is far when there are several, and their shares.
fn models(parameters: u32, peers: u32) -> (Given, Vec<Given>) {
    let own = drawn("own", &[parameters], -WEIGHTS, WEIGHTS);
    let mut given = Vec::new();
    for peer in 0..peers {
        let reach = if peer > 1 { 4 * WEIGHTS / 2 } else { NEAR };
        let change = drawn(&format!("peer {peer}"), &[parameters], -reach, reach);
        let moved: Vec<i64> = own.data().iter().zip(change.data()).map(|(x, by)| x + by).collect();
        given.push(Given::Hidden(tensor(&[parameters], &moved)));
    }
    if peers > 0 {
        let each = Share(Share::ONE.0 / (peers + 1));
        given.push(Given::Known(shares(&vec![each; peers as usize])));
    }
    (Given::Hidden(own), given)
}

fn inferences() -> Result<Vec<Example>, ProgramError> {
    let of = |name: &'static str, net: Net| {
        let rows: Tensor = drawn(name, &[3, net.features()], -256, 256);
        Ok::<_, ProgramError>(example(
            name,
            inference(&net, 3)?,
            vec![weights(name, &net), Given::Known(rows)],
        ))
    };
    Ok(vec![
        of("inference: 4-3-2", dense(&[4, 3, 2])?)?,
        of("inference: linear", dense(&[3, 2])?)?,
        of("inference: three hidden layers", dense(&[3, 4, 2, 3, 2])?)?,
        of("inference: tensor train of two cores", two_cores()?)?,
        of("inference: tensor train of three cores", three_cores()?)?,
    ])
}

fn steps() -> Result<Vec<Example>, ProgramError> {
    let of = |name: &'static str, net: Net, training: Training| {
        let mut given = vec![weights(name, &net)];
        if training.has_velocity() {
            given.push(hidden(&format!("{name} velocity"), &[net.parameters()], 500));
        }
        given.extend(data(name, &net, training.loss, 6));
        given.push(index(name, training.rows(), 6));
        Ok::<_, ProgramError>(example(name, sgd(&net, 6, training)?, given))
    };
    let plain = Training { steps: 1, batch: 4, rate_shift: 1, ..Training::default() };
    let one_hot = Training { loss: Loss::OneHot, ..plain };
    let squared = Training { loss: Loss::Squared, ..plain };
    let deep = &[3, 4, 3, 3, 2];
    Ok(vec![
        of("step: softmax 4-3-2", dense(&[4, 3, 2])?, Training { steps: 2, ..plain })?,
        of("step: softmax regression", dense(&[3, 2])?, Training { batch: 2, rate_shift: 0, ..plain })?,
        of("step: three hidden layers", dense(deep)?, plain)?,
        of("step: one-hot", dense(&[4, 3, 2])?, one_hot)?,
        of("step: linear regression", dense(&[3, 1])?, Training { steps: 2, ..squared })?,
        of("step: momentum", dense(&[3, 2])?, Training { steps: 2, momentum: 230, ..plain })?,
        of("step: decay", dense(&[3, 2])?, Training { decay: 300, ..plain })?,
        of(
            "step: momentum, decay and squares",
            dense(&[2, 3, 2])?,
            Training { steps: 2, momentum: 128, decay: 300, ..squared },
        )?,
        of("step: tensor train of two cores", two_cores()?, plain)?,
        of("step: tensor train of three cores", three_cores()?, Training { momentum: 200, ..squared })?,
    ])
}

fn metrics() -> Result<Vec<Example>, ProgramError> {
    let net = dense(&[4, 3, 2])?;
    let set = |loss: Loss| data("metric", &net, loss, 8).into_iter();
    let entropy = Measure::Loss(Loss::CrossEntropy);
    let squares = Measure::Loss(Loss::Squared);
    let of = |name: &'static str, which: Measure, loss: Loss| {
        let given = std::iter::once(weights(name, &net)).chain(set(loss)).collect();
        Ok::<_, ProgramError>(example(name, measure(&net, which, 8, None)?, given))
    };
    let both = |name: &'static str, which: Measure, loss: Loss| {
        let models = [weights(name, &net), weights("after", &net)];
        let given = models.into_iter().chain(set(loss)).chain([index(name, 5, 8)]).collect();
        Ok::<_, ProgramError>(example(name, improvement(&net, which, 8, Some(5))?, given))
    };
    let drawn_rows =
        [weights("score", &net)].into_iter().chain(set(Loss::CrossEntropy)).chain([index("drawn", 5, 8)]);
    Ok(vec![
        example("metric: accuracy", accuracy(&net, 8, 5)?, drawn_rows.collect()),
        of("metric: cross-entropy", entropy, Loss::CrossEntropy)?,
        of("metric: one-hot squares", Measure::Loss(Loss::OneHot), Loss::OneHot)?,
        of("metric: squared error", squares, Loss::Squared)?,
        both("metric: accuracy before and after", Measure::Accuracy, Loss::CrossEntropy)?,
        both("metric: cross-entropy before and after", entropy, Loss::CrossEntropy)?,
        both("metric: squared error before and after", squares, Loss::Squared)?,
    ])
}

/// How much may lie.
const QUARTER: Share = Share(Share::ONE.0 / 4);

fn merged(name: &'static str, peers: u32, rule: MergeRule) -> Result<Example, ProgramError> {
    let (own, models) = models(11, peers);
    let given = std::iter::once(own).chain(models).collect();
    Ok(example(name, merge(11, peers, rule)?, given))
}

fn averaged() -> Result<Example, ProgramError> {
    let models = (0..3).map(|model| hidden(&format!("model {model}"), &[9], WEIGHTS));
    let whole = shares(&Share::divide(&[3, 2, 1]));
    Ok(example("merge: weighted mean", mean(9, 3)?, models.chain([Given::Known(whole)]).collect()))
}

fn length() -> Result<Example, ProgramError> {
    let given = vec![hidden("before", &[9], WEIGHTS), hidden("after", &[9], WEIGHTS)];
    Ok(example("norm: squared length", norm(9)?, given))
}

fn near() -> Result<Example, ProgramError> {
    let before = drawn("near", &[9], -WEIGHTS, WEIGHTS);
    let change = drawn("near change", &[9], -50, 50);
    let after: Vec<i64> = before.data().iter().zip(change.data()).map(|(x, by)| x + by).collect();
    let square = change.data().iter().map(|by| (by * by).unsigned_abs()).sum();
    let given = vec![Given::Hidden(before), Given::Hidden(tensor(&[9], &after))];
    Ok(example("norm: bounded", bounded(9, Bound { square, reach: 50 })?, given))
}

fn turned(name: &'static str, peers: u32, training: Training) -> Result<Example, ProgramError> {
    let net = dense(&[4, 3, 2])?;
    let shape = TurnShape { peers, rows: 6, metric_rows: 8, drawn: 5 };
    let (own, models) = models(net.parameters(), peers);
    let mut given = vec![own];
    given.extend(models);
    given.extend(data("turn", &net, training.loss, 6));
    given.push(index("turn batches", training.rows(), 6));
    given.extend(data("turn metric", &net, training.loss, 8));
    given.push(index("turn drawn", 5, 8));
    Ok(example(name, turn(&net, shape, MergeRule::default(), training)?, given))
}
