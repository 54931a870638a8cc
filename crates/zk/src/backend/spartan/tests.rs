//! Circuits judged without proofs: a true run satisfies its circuit, and a run that is false in one element of one operation,
//! with everything else worked out honestly from it, satisfies it no more.

use super::circuit::{Circuit, scalar};
use super::compile::compile;
use super::engine::Scalar;
use super::layout::Layout;
use super::lin::{Cell, Lin};
use bitneuron_core::Seed;
use bitneuron_core::exact::{
    Binding, Builder, Comparison, Interval, Op, Program, Relation, Table, Tensor, ValueId, execute,
};
use ff::Field;
use rand_chacha::rand_core::Rng;

/// A relation over public tensors with its true run.
struct Case {
    relation: Relation,
    run: Vec<Tensor>,
}

impl Case {
    fn new(program: Program, inputs: Vec<Tensor>) -> Self {
        let run = execute(&program, &inputs).unwrap();
        let outputs = run.outputs().into_iter().map(|tensor| Binding::Public(tensor.clone())).collect();
        let inputs = inputs.into_iter().map(Binding::Public).collect();
        Self { run: run.values().to_vec(), relation: Relation { program, inputs, outputs } }
    }

    /// Whether the circuit is satisfied by what an honest compiler makes of these values.
    fn admits(&self, run: &[Tensor]) -> bool {
        let layout = Layout::new(&self.relation).unwrap();
        let shape = compile(&self.relation, &layout, None).unwrap();
        let valued = compile(&self.relation, &layout, Some(run)).unwrap();
        assert_eq!(shape.early.len(), valued.early.len());
        assert_eq!((shape.size(), shape.products.len()), (valued.size(), valued.products.len()));
        satisfied(&shape, &valued)
    }
}

/// Whether all of `shape`'s demands hold for the cells of `valued`; those left to challenges are decided exactly.
fn satisfied(shape: &Circuit, valued: &Circuit) -> bool {
    let of = |form: &Lin| {
        form.terms.iter().fold(scalar(form.constant), |sum, (cell, by)| {
            let value = match *cell {
                Cell::Public(at) => valued.public[at as usize],
                Cell::Shared(at) => valued.shared[at as usize],
                Cell::Early(at) => valued.early[at as usize],
            };
            sum + value * scalar(*by)
        })
    };
    let demands = shape.constraints.iter().all(|[a, b, c]| of(a) * of(b) == of(c));
    let looks = shape.tables.iter().all(|table| {
        let row = |at: usize| {
            let image = table.images.as_ref().map(|images| scalar(images[at].into()));
            (scalar(i128::from(table.first) + at as i128), image)
        };
        let rows: Vec<(Scalar, Option<Scalar>)> = (0..table.rows).map(row).collect();
        table.looks.iter().all(|look| {
            let argument = of(&look.form) * scalar(look.scale).invert().unwrap();
            rows.contains(&(argument, look.image.as_ref().map(of)))
        })
    });
    let products = shape.products.iter().all(|product| {
        let mut results = product.c.iter();
        product.a.chunks(product.summed).all(|row| {
            product.b.chunks(product.summed).all(|column| {
                let sum: Scalar = row.iter().zip(column).map(|(x, y)| of(x) * of(y)).sum();
                results.next().is_some_and(|result| of(result) == sum)
            })
        })
    });
    demands && looks && products
}

fn numbers(name: &str, shape: &[u32], limit: i64) -> Tensor {
    let mut rng = Seed::from_number(11).derive(name).rng();
    let count: u32 = shape.iter().product();
    let data = (0..count).map(|_| i64::from(rng.next_u32()).rem_euclid(2 * limit + 1) - limit).collect();
    Tensor::new(shape, data).unwrap()
}

/// Every operation that the backend has, in one program; the outputs are all results.
fn everything() -> Case {
    let mut b = Builder::new();
    let x = b.input(&[3, 4], Interval::symmetric(1000)).unwrap();
    let w = b.input(&[4, 5], Interval::symmetric(1000)).unwrap();
    let d = b.input(&[3, 1], Interval { lo: 1, hi: 77 }).unwrap();
    let index = b.input(&[2], Interval { lo: 0, hi: 2 }).unwrap();
    let product = b.einsum("ij,jk->ik", x, w).unwrap();
    let back = b.einsum("ik,jk->ij", product, w).unwrap();
    let small = b.rescale(product, 11).unwrap();
    let even = b.op_within(Op::Rescale { a: back, bits: 20 }, Interval::symmetric(4000)).unwrap();
    let positive = b.op(Op::Relu(small)).unwrap();
    let masked = b.mask(positive, small).unwrap();
    let moved = b.clamp(small, Interval { lo: -100, hi: 217 }).unwrap();
    let table = Table { first: -100, values: (0..318).map(|at| at * at - 7).collect() };
    let image = b.lookup(moved, &table).unwrap();
    let sum = b.sum(image, 1).unwrap();
    let quotient = b.divide(image, d).unwrap();
    let five = b.constant(Tensor::scalar(5)).unwrap();
    let fifths = b.divide(sum, five).unwrap();
    let equal = b.compare(moved, Comparison::Equal, small).unwrap();
    let most = b.compare(small, Comparison::AtMost, moved).unwrap();
    let best = b.op(Op::RowMax(small)).unwrap();
    let place = b.op(Op::Argmax(small)).unwrap();
    let picked = b.gather(even, index).unwrap();
    let flat = b.reshape(picked, &[8]).unwrap();
    let part = b.slice(flat, 2, &[3]).unwrap();
    let joined = b.concat(&[part, fifths, best]).unwrap();
    let scaled = b.scale(joined, -3).unwrap();
    let last = b.sub(scaled, joined).unwrap();
    for id in [even, masked, quotient, equal, most, place, last, sum] {
        b.output(id);
    }
    let divisors = Tensor::new(&[3, 1], vec![1, 64, 77]).unwrap();
    let inputs =
        vec![numbers("x", &[3, 4], 1000), numbers("w", &[4, 5], 1000), divisors, Tensor::vector(vec![2, 0])];
    Case::new(b.build().unwrap(), inputs)
}

#[test]
fn a_true_run_satisfies_its_circuit() {
    let case = everything();
    assert!(case.admits(&case.run));
}

#[test]
fn a_run_false_in_one_element_does_not() {
    let case = everything();
    let inputs = case.relation.program.inputs().len();
    let mut lies = 0;
    for (node, at) in case.relation.program.nodes().iter().zip(inputs..) {
        // Only these have cells whose value the prover chooses.
        let chosen = matches!(
            node.op,
            Op::Rescale { .. } | Op::Divide { .. } | Op::Lookup { .. } | Op::RowMax(_) | Op::Einsum { .. }
        );
        for element in (0..case.run[at].len()).filter(|_| chosen) {
            for by in [1, -1, 256, -(1 << 40)] {
                let mut run = case.run.clone();
                let mut data = run[at].data().to_vec();
                data[element] += by;
                run[at] = Tensor::new(run[at].shape(), data).unwrap();
                // A product that is cheaper term by term has no such cell.
                let changed = case.changes(&run);
                assert!(!changed || !case.admits(&run), "{:?} at {element} by {by}", node.op);
                lies += u32::from(changed);
            }
        }
    }
    assert!(lies > 200, "{lies}");
}

impl Case {
    fn changes(&self, run: &[Tensor]) -> bool {
        let layout = Layout::new(&self.relation).unwrap();
        let [honest, other] =
            [&self.run[..], run].map(|run| compile(&self.relation, &layout, Some(run)).unwrap());
        honest.early != other.early
    }
}

#[test]
fn no_cell_can_be_moved_alone() {
    let case = everything();
    let layout = Layout::new(&case.relation).unwrap();
    let shape = compile(&case.relation, &layout, None).unwrap();
    let mut valued = compile(&case.relation, &layout, Some(&case.run)).unwrap();
    // The counts and the last cell come after all others, and are judged by the challenges.
    let counts: usize =
        shape.tables.iter().filter(|table| !table.looks.is_empty()).map(|table| table.rows).sum();
    let cells = valued.early.len() - counts - 1;
    let mut free = 0;
    for cell in 0..cells {
        for by in [1i128, -1, 256, 1 << 70] {
            let honest = valued.early[cell];
            valued.early[cell] += scalar(by);
            free += usize::from(satisfied(&shape, &valued));
            valued.early[cell] = honest;
        }
    }
    // The inverse of zero, in `Equal` where both sides are the same, may be anything.
    let same = case.run.last().map(|_| {
        let at = case.relation.program.outputs()[3];
        case.run[at.0 as usize].data().iter().filter(|bit| **bit == 1).count()
    });
    assert_eq!(Some(free), same.map(|count| 4 * count));
}

#[test]
fn a_wrong_output_or_an_input_out_of_range_does_not_fit() {
    let mut case = everything();
    assert!(case.admits(&case.run));
    for output in 0..case.relation.outputs.len() {
        let honest = case.relation.outputs[output].clone();
        let Binding::Public(tensor) = &honest else { continue };
        for element in 0..tensor.len() {
            let mut data = tensor.data().to_vec();
            data[element] -= 1;
            case.relation.outputs[output] = Binding::Public(Tensor::new(tensor.shape(), data).unwrap());
            assert!(!case.admits(&case.run), "output {output} at {element}");
        }
        case.relation.outputs[output] = honest;
    }
}

#[test]
fn ranges_are_exact() {
    for (lo, hi) in [(0, 1), (0, 0), (-3, 4), (0, 255), (0, 256), (-1000, 1), (5, 70_000), (0, (1 << 24) - 1)]
    {
        for value in [lo - 1, lo, hi, hi + 1, lo - (1 << 30), hi + 256] {
            let [shape, valued] = [false, true].map(|valued| {
                let mut circuit = Circuit::new(valued, &[]);
                let form = circuit.public(value);
                circuit.within(&form, Interval { lo, hi });
                circuit.finish();
                circuit
            });
            assert_eq!(satisfied(&shape, &valued), lo <= value && value <= hi, "{value} in {lo} ..= {hi}");
        }
    }
}

#[test]
fn signs_are_exact() {
    for (lo, hi) in [(-1, 1), (-8, 8), (-7, 100), (0, 1), (-256, 0)] {
        for value in lo..=hi {
            let [shape, valued] = [false, true].map(|valued| {
                let mut circuit = Circuit::new(valued, &[]);
                let form = circuit.public(value);
                let bit = circuit.positive(&form, lo.into(), hi.into());
                circuit.demand_zero(&bit.offset(-i128::from(value > 0)));
                circuit.finish();
                circuit
            });
            assert!(satisfied(&shape, &valued), "{value} of {lo} ..= {hi}");
        }
    }
}

#[test]
fn what_has_no_circuit_is_refused() {
    let mut b = Builder::new();
    let x = b.input(&[3], Interval::symmetric(9)).unwrap();
    let sorted = b.op(Op::Order(x)).unwrap();
    b.output(sorted);
    let case = Case::new(b.build().unwrap(), vec![Tensor::vector(vec![3, 1, 2])]);
    let layout = Layout::new(&case.relation).unwrap();
    assert!(compile(&case.relation, &layout, None).is_err());

    let mut b = Builder::new();
    let x = b.input(&[1024, 1024], Interval::symmetric(9)).unwrap();
    let product = b.einsum("ij,jk->ik", x, x).unwrap();
    b.output(product);
    let wide = Tensor::new(&[1024, 1024], vec![0; 1 << 20]).unwrap();
    let program = b.build().unwrap();
    assert_eq!(program.shape(ValueId(1)), Some(&[1024, 1024][..]));
    let relation = Relation {
        program,
        inputs: vec![Binding::Public(wide.clone())],
        outputs: vec![Binding::Public(wide)],
    };
    let refused = Layout::new(&relation).is_err()
        || compile(&relation, &Layout::new(&relation).unwrap(), None).is_err();
    assert!(refused);
}
