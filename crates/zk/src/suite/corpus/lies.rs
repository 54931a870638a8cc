//! The false variants of an example.

use super::Example;
use bitneuron_core::exact::relation::RelationError;
use bitneuron_core::exact::{Binding, Interval, Relation, Tensor, execute};

/// A name, a relation and a witness for which it does not hold.
type Lie = (String, Relation, Vec<Tensor>);

/// False variants of a true example, each with what is wrong about it. All of them are refused by [`Relation::holds`].
///
/// 1. *output*: the first, a middle and the last element of each output one off;
/// 2. *input*: an element of each input one off, where that changes a result, with the commitment made to match;
/// 3. *interval*: an element of each input one below and one above its interval, with the commitment made to match;
/// 4. *inner*: inputs inside their intervals for which a value inside the program leaves its own, where there are such;
/// 5. *witness*: another witness than the one committed.
pub fn lies(example: &Example) -> Vec<(String, Relation, Vec<Tensor>)> {
    let mut lies = outputs(example);
    for input in 0..example.relation.inputs.len() {
        lies.extend(wrong_input(example, input));
        lies.extend(beyond(example, input));
        lies.extend(inner(example, input));
        lies.extend(unrelated(example, input));
    }
    lies.retain(|(_, relation, witness)| relation.holds(witness.clone()).is_err());
    lies
}

/// The places that are tried of a tensor: the first, the middle, the last.
fn places(len: usize) -> Vec<usize> {
    let mut places = vec![0, len / 2, len.saturating_sub(1)];
    places.dedup();
    places.retain(|at| *at < len);
    places
}

/// The tensor with one element replaced.
fn with(tensor: &Tensor, at: usize, element: impl FnOnce(i64) -> i64) -> Tensor {
    let mut data = tensor.data().to_vec();
    if let Some(place) = data.get_mut(at) {
        *place = element(*place);
    }
    Tensor::new(tensor.shape(), data).unwrap_or_else(|_| tensor.clone())
}

fn outputs(example: &Example) -> Vec<Lie> {
    let inputs = example.relation.assemble(example.witness.clone()).unwrap_or_default();
    let Ok(run) = execute(&example.relation.program, &inputs) else { return Vec::new() };
    let mut lies = Vec::new();
    for (number, honest) in run.outputs().into_iter().enumerate() {
        for (at, by) in places(honest.len()).into_iter().zip([1, -1, 1 << 20]) {
            let wrong = with(honest, at, |x| x.saturating_add(by));
            let mut relation = example.relation.clone();
            if let Some(binding) = relation.outputs.get_mut(number) {
                *binding = rebound(binding, &wrong);
            }
            lies.push((
                format!("output {number}: element {at} off by {by}"),
                relation,
                example.witness.clone(),
            ));
        }
    }
    lies
}

/// The same kind of binding, to another tensor.
fn rebound(binding: &Binding, tensor: &Tensor) -> Binding {
    match binding {
        Binding::Public(_) => Binding::Public(tensor.clone()),
        Binding::Committed(_) => Binding::Committed(tensor.commitment()),
    }
}

/// The example with another input, bound as it should be; the outputs stay as they were.
fn replaced(example: &Example, input: usize, tensor: Tensor) -> (Relation, Vec<Tensor>) {
    let (mut relation, mut witness) = (example.relation.clone(), example.witness.clone());
    if let Some(binding) = relation.inputs.get_mut(input) {
        *binding = rebound(binding, &tensor);
    }
    if let Some(place) = witness_place(&relation, input).and_then(|place| witness.get_mut(place)) {
        *place = tensor;
    }
    (relation, witness)
}

/// Where an input stands in the witness, if it is committed.
fn witness_place(relation: &Relation, input: usize) -> Option<usize> {
    let committed = |binding: &&Binding| matches!(binding, Binding::Committed(_));
    relation.inputs.get(input).filter(committed)?;
    Some(relation.inputs.iter().take(input).filter(committed).count())
}

fn honest(example: &Example, input: usize) -> Option<(Tensor, Interval)> {
    let tensor = example.relation.assemble(example.witness.clone()).ok()?.get(input)?.clone();
    Some((tensor, example.relation.program.inputs().get(input)?.interval))
}

/// The first change by one quantum, or to an end of the interval, which makes a result false.
fn wrong_input(example: &Example, input: usize) -> Option<Lie> {
    let (tensor, interval) = honest(example, input)?;
    let changes = (0..tensor.len()).flat_map(|at| {
        let here = tensor.data().get(at).copied().unwrap_or(0);
        [here.saturating_add(1), here.saturating_sub(1), interval.lo, interval.hi].map(|to| (at, here, to))
    });
    let mut changes = changes.filter(|(_, here, to)| here != to && interval.contains(*to));
    changes.find_map(|(at, _, to)| {
        let (relation, witness) = replaced(example, input, with(&tensor, at, |_| to));
        let refused = relation.holds(witness.clone());
        matches!(refused, Err(RelationError::Output(_)))
            .then(|| (format!("input {input}: element {at} is {to}"), relation, witness))
    })
}

fn beyond(example: &Example, input: usize) -> Vec<Lie> {
    let Some((tensor, interval)) = honest(example, input) else { return Vec::new() };
    let ends = [interval.lo.saturating_sub(1), interval.hi.saturating_add(1)];
    let lie = |(end, at): (i64, usize)| {
        let (relation, witness) = replaced(example, input, with(&tensor, at, |_| end));
        (format!("input {input}: element {at} is {end}, outside {interval:?}"), relation, witness)
    };
    ends.into_iter()
        .zip([0, tensor.len().saturating_sub(1)])
        .filter(|_| !tensor.is_empty())
        .map(lie)
        .collect()
}

/// All elements of an input at an end of its interval, where that breaks a declaration inside.
fn inner(example: &Example, input: usize) -> Vec<Lie> {
    let Some((tensor, interval)) = honest(example, input) else { return Vec::new() };
    let lie = |end: i64| {
        let filled = Tensor::new(tensor.shape(), vec![end; tensor.len()]).ok()?;
        let (relation, witness) = replaced(example, input, filled);
        let refused = relation.holds(witness.clone());
        matches!(refused, Err(RelationError::Execute(_)))
            .then(|| (format!("input {input}: all {end}, which breaks a declaration"), relation, witness))
    };
    [interval.lo, interval.hi].into_iter().filter_map(lie).collect()
}

/// The honest statement with a witness that was not committed.
fn unrelated(example: &Example, input: usize) -> Option<Lie> {
    let place = witness_place(&example.relation, input)?;
    let mut witness = example.witness.clone();
    let slot = witness.get_mut(place).filter(|tensor| !tensor.is_empty())?;
    *slot = with(slot, slot.len().saturating_sub(1), |x| x.saturating_add(1));
    Some((
        format!("input {input}: another witness than the one committed"),
        example.relation.clone(),
        witness,
    ))
}
