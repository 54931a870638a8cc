//! Writes examples: a program together with the tensors it runs on.

use super::Example;
use bitneuron_core::Seed;
use bitneuron_core::exact::{
    Binding, Builder, Interval, Program, ProgramError, Relation, Tensor, ValueId, execute,
};
use rand_chacha::rand_core::Rng;

/// An input of an example.
pub(super) enum Given {
    /// Only committed.
    Hidden(Tensor),
    /// Known to everybody.
    Known(Tensor),
}

/// A program under construction whose inputs have values already.
#[derive(Default)]
pub(super) struct Sketch {
    pub(super) b: Builder,
    given: Vec<Given>,
}

impl Sketch {
    /// A committed input.
    pub(super) fn hidden(&mut self, tensor: Tensor, interval: Interval) -> Result<ValueId, ProgramError> {
        let id = self.b.input(tensor.shape(), interval)?;
        self.given.push(Given::Hidden(tensor));
        Ok(id)
    }

    /// A public input.
    pub(super) fn known(&mut self, tensor: Tensor, interval: Interval) -> Result<ValueId, ProgramError> {
        let id = self.b.input(tensor.shape(), interval)?;
        self.given.push(Given::Known(tensor));
        Ok(id)
    }

    /// The example whose outputs are these values.
    pub(super) fn give(mut self, name: &'static str, outputs: &[ValueId]) -> Result<Example, ProgramError> {
        outputs.iter().for_each(|id| self.b.output(*id));
        Ok(example(name, self.b.build()?, self.given))
    }
}

/// Runs `program` on `given` and binds what comes out: the first output in public, the next one committed, and so on.
pub(super) fn example(name: &'static str, program: Program, given: Vec<Given>) -> Example {
    let tensor = |given: &Given| match given {
        Given::Hidden(tensor) | Given::Known(tensor) => tensor.clone(),
    };
    let run = execute(&program, &given.iter().map(tensor).collect::<Vec<_>>())
        .unwrap_or_else(|error| unreachable!("{name} does not run: {error}"));
    let bind = |(at, output): (usize, &&Tensor)| match at % 2 {
        0 => Binding::Public((*output).clone()),
        _ => Binding::Committed(output.commitment()),
    };
    let outputs = run.outputs().iter().enumerate().map(bind).collect();
    let inputs = given.iter().map(|given| match given {
        Given::Hidden(tensor) => Binding::Committed(tensor.commitment()),
        Given::Known(tensor) => Binding::Public(tensor.clone()),
    });
    let relation = Relation { program, inputs: inputs.collect(), outputs };
    let witness = given.into_iter().filter_map(|given| match given {
        Given::Hidden(tensor) => Some(tensor),
        Given::Known(_) => None,
    });
    Example { name, relation, witness: witness.collect() }
}

/// A tensor of this shape with these elements.
pub(super) fn tensor(shape: &[u32], data: &[i64]) -> Tensor {
    Tensor::new(shape, data.to_vec()).unwrap_or_else(|error| unreachable!("{error}"))
}

/// A tensor of this shape with elements from `lo` to `hi`, a function of the name.
pub(super) fn drawn(name: &str, shape: &[u32], lo: i64, hi: i64) -> Tensor {
    let mut rng = Seed::from_number(33).derive(name).rng();
    let span = hi.abs_diff(lo).saturating_add(1);
    let count = shape.iter().map(|size| *size as usize).product();
    let data = (0..count).map(|_| lo.saturating_add((rng.next_u64() % span) as i64)).collect::<Vec<_>>();
    tensor(shape, &data)
}

/// A committed tensor of ±`limit`.
pub(super) fn hidden(name: &str, shape: &[u32], limit: i64) -> Given {
    Given::Hidden(drawn(name, shape, -limit, limit))
}
