//! Examples of every family of programs, on a small perceptron.

use super::Example;
use super::sketch::{Given, drawn, example, hidden, tensor};
use bitneuron_core::Share;
use bitneuron_core::exact::programs::merge::{MergeRule, merge, shares};
use bitneuron_core::exact::programs::step::{Training, sgd};
use bitneuron_core::exact::programs::turn::{TurnShape, turn};
use bitneuron_core::exact::programs::{Mlp, inference::inference, metric::accuracy, norm::norm};
use bitneuron_core::exact::{ProgramError, Tensor};

/// Where the weights of these examples lie: ±1.
const WEIGHTS: i64 = 4096;
/// How far merged models are from the own one.
const NEAR: i64 = 300;

/// One or more examples of every family.
pub(super) fn examples() -> Result<Vec<Example>, ProgramError> {
    Ok(vec![
        infer("inference: 4-3-2", &[4, 3, 2])?,
        infer("inference: linear", &[3, 2])?,
        infer("inference: three hidden layers", &[3, 4, 2, 3, 2])?,
        score()?,
        step("step: softmax 4-3-2", &[4, 3, 2], Training { steps: 2, batch: 4, rate_shift: 1 })?,
        step("step: softmax regression", &[3, 2], Training { steps: 1, batch: 2, rate_shift: 0 })?,
        step("step: two hidden layers", &[3, 4, 3, 2], Training { steps: 1, batch: 4, rate_shift: 2 })?,
        merged("merge: one dropped", 3)?,
        merged("merge: one peer", 1)?,
        length()?,
        turned("turn: with a merge", 3)?,
        turned("turn: steps alone", 0)?,
    ])
}

fn weights(name: &str, mlp: &Mlp) -> Given {
    hidden(name, &[mlp.parameters()], WEIGHTS)
}

/// Features and labels of `rows` rows.
fn data(name: &str, mlp: &Mlp, rows: u32) -> [Given; 2] {
    let labels = drawn(&format!("{name} labels"), &[rows], 0, i64::from(mlp.classes()) - 1);
    [hidden(name, &[rows, mlp.features()], 256), Given::Hidden(labels)]
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

fn infer(name: &'static str, sizes: &[u32]) -> Result<Example, ProgramError> {
    let mlp = Mlp::new(sizes)?;
    let rows: Tensor = drawn(name, &[3, mlp.features()], -256, 256);
    Ok(example(name, inference(&mlp, 3)?, vec![weights(name, &mlp), Given::Known(rows)]))
}

fn score() -> Result<Example, ProgramError> {
    let mlp = Mlp::new(&[4, 3, 2])?;
    let [x, labels] = data("metric", &mlp, 8);
    let given = vec![weights("score", &mlp), x, labels, index("drawn", 5, 8)];
    Ok(example("metric: accuracy", accuracy(&mlp, 8, 5)?, given))
}

fn step(name: &'static str, sizes: &[u32], training: Training) -> Result<Example, ProgramError> {
    let mlp = Mlp::new(sizes)?;
    let [x, labels] = data(name, &mlp, 6);
    let given = vec![weights(name, &mlp), x, labels, index(name, training.rows(), 6)];
    Ok(example(name, sgd(&mlp, 6, training)?, given))
}

fn merged(name: &'static str, peers: u32) -> Result<Example, ProgramError> {
    let (own, models) = models(11, peers);
    let given = std::iter::once(own).chain(models).collect();
    Ok(example(name, merge(11, peers, MergeRule::default())?, given))
}

fn length() -> Result<Example, ProgramError> {
    let given = vec![hidden("before", &[9], WEIGHTS), hidden("after", &[9], WEIGHTS)];
    Ok(example("norm: squared length", norm(9)?, given))
}

fn turned(name: &'static str, peers: u32) -> Result<Example, ProgramError> {
    let mlp = Mlp::new(&[4, 3, 2])?;
    let training = Training { steps: 2, batch: 4, rate_shift: 1 };
    let shape = TurnShape { peers, rows: 6, metric_rows: 8, drawn: 5 };
    let (own, models) = models(mlp.parameters(), peers);
    let mut given = vec![own];
    given.extend(models);
    given.extend(data("turn", &mlp, 6));
    given.push(index("turn batches", training.rows(), 6));
    given.extend(data("turn metric", &mlp, 8));
    given.push(index("turn drawn", 5, 8));
    Ok(example(name, turn(&mlp, shape, MergeRule::default(), training)?, given))
}
