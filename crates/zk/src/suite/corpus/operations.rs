//! Examples of single operations, with their edge cases.

use super::Example;
use super::sketch::{Sketch, drawn, tensor};
use bitneuron_core::exact::{Comparison, Interval, Op, ProgramError, Table, Tensor, ValueId};

/// Where the operands of most examples lie.
const SPAN: i64 = 1000;

/// One or more examples for every operation.
pub(super) fn examples() -> Result<Vec<Example>, ProgramError> {
    let mut all = vec![bare()?, constant()?, shared()?];
    all.extend(einsums()?);
    all.extend(pairs()?);
    all.extend(singles()?);
    all.extend(selections()?);
    all.extend(arrangements()?);
    all.push(within()?);
    Ok(all)
}

fn span() -> Interval {
    Interval::symmetric(SPAN)
}

/// An example of one operation on one committed tensor.
fn single(
    name: &'static str,
    operand: Tensor,
    interval: Interval,
    op: impl FnOnce(ValueId) -> Op,
) -> Result<Example, ProgramError> {
    let mut sketch = Sketch::default();
    let a = sketch.hidden(operand, interval)?;
    let out = sketch.b.op(op(a))?;
    sketch.give(name, &[out])
}

/// An example of one operation on two committed tensors.
fn pair(
    name: &'static str,
    (a, b): (Tensor, Tensor),
    (a_in, b_in): (Interval, Interval),
    op: impl FnOnce(ValueId, ValueId) -> Op,
) -> Result<Example, ProgramError> {
    let mut sketch = Sketch::default();
    let a = sketch.hidden(a, a_in)?;
    let b = sketch.hidden(b, b_in)?;
    let out = sketch.b.op(op(a, b))?;
    sketch.give(name, &[out])
}

/// No operation at all: inputs that are outputs, one of them twice.
fn bare() -> Result<Example, ProgramError> {
    let mut sketch = Sketch::default();
    let a = sketch.hidden(drawn("bare", &[3], -SPAN, SPAN), span())?;
    let b = sketch.known(tensor(&[], &[7]), span())?;
    sketch.give("inputs passed through", &[a, b, a])
}

fn constant() -> Result<Example, ProgramError> {
    let mut sketch = Sketch::default();
    let a = sketch.hidden(drawn("constant", &[5], -SPAN, SPAN), span())?;
    let constant = sketch.b.constant(tensor(&[5], &[1, -2, 3, 0, 1 << 20]))?;
    let sum = sketch.b.add(a, constant)?;
    sketch.give("constant", &[sum, constant])
}

/// One value read by several operations, and several outputs of both kinds.
fn shared() -> Result<Example, ProgramError> {
    let mut sketch = Sketch::default();
    let a = sketch.hidden(drawn("shared", &[2, 3], -SPAN, SPAN), span())?;
    let b = sketch.known(drawn("shared known", &[2, 3], -SPAN, SPAN), span())?;
    let square = sketch.b.einsum("ij,ij->ij", a, a)?;
    let mixed = sketch.b.einsum("ij,ij->i", a, b)?;
    let twice = sketch.b.add(square, square)?;
    sketch.give("one value in several places", &[twice, mixed, square])
}

fn einsums() -> Result<Vec<Example>, ProgramError> {
    let of = |name: &'static str, spec: &str, left: &[u32], right: &[u32]| {
        let mut sketch = Sketch::default();
        let a = sketch.hidden(drawn(spec, left, -SPAN, SPAN), span())?;
        let b = sketch.hidden(drawn(name, right, -SPAN, SPAN), span())?;
        let out = sketch.b.einsum(spec, a, b)?;
        sketch.give(name, &[out])
    };
    Ok(vec![
        of("einsum: matrix product", "bi,io->bo", &[3, 5], &[5, 2])?,
        of("einsum: left transposed", "bi,bo->io", &[4, 3], &[4, 2])?,
        of("einsum: right transposed", "bo,io->bi", &[3, 4], &[6, 4])?,
        of("einsum: dot product", "n,n->", &[7], &[7])?,
        of("einsum: rows' dot products", "kn,kn->k", &[3, 5], &[3, 5])?,
        of("einsum: elementwise", "k,k->k", &[6], &[6])?,
        of("einsum: vector times matrix", "k,kn->n", &[3], &[3, 4])?,
        of("einsum: outer product", "a,b->ab", &[3], &[4])?,
        of("einsum: rows scaled", "bc,b->bc", &[3, 2], &[3])?,
        of("einsum: three dimensions", "abc,cd->bad", &[2, 3, 2], &[2, 4])?,
        of("einsum: two dimensions summed", "bij,ijr->br", &[2, 3, 2], &[3, 2, 2])?,
        of("einsum: batched products", "bij,bjk->bki", &[2, 2, 3], &[2, 3, 2])?,
        of("einsum: a scalar", "n,->n", &[3], &[])?,
    ])
}

fn pairs() -> Result<Vec<Example>, ProgramError> {
    let two = |name: &str, left: &[u32], right: &[u32]| {
        (drawn(name, left, -SPAN, SPAN), drawn(&format!("{name} right"), right, -SPAN, SPAN))
    };
    let spans = (span(), span());
    let at_most = |a, b| Op::Compare { a, b, by: Comparison::AtMost };
    let equal = |a, b| Op::Compare { a, b, by: Comparison::Equal };
    let near = (tensor(&[6], &[1, 2, 3, -4, 5, 0]), tensor(&[6], &[1, 3, 2, -4, -5, 0]));
    let dividends = tensor(&[2, 4], &[7, -7, 0, 1000, -1000, 6, -6, 999]);
    let divisors = tensor(&[2, 1], &[2, 3]);
    let positive = Interval { lo: 1, hi: 12 };
    let signs = tensor(&[2, 3], &[1, 0, -1, 5, -5, 1000]);
    Ok(vec![
        pair("add", two("add", &[2, 3], &[2, 3]), spans, Op::Add)?,
        pair("add: broadcast rows", two("add rows", &[3, 4], &[4]), spans, Op::Add)?,
        pair("add: broadcast both ways", two("add both", &[3, 1], &[1, 2]), spans, Op::Add)?,
        single("add: a value to itself", drawn("itself", &[4], -SPAN, SPAN), span(), |a| Op::Add(a, a))?,
        pair("sub", two("sub", &[5], &[5]), spans, Op::Sub)?,
        pair("sub: a scalar", two("sub scalar", &[2, 3], &[]), spans, Op::Sub)?,
        pair("compare: equal", near.clone(), spans, equal)?,
        pair("compare: at most", near, spans, at_most)?,
        pair("compare: one-hot", (tensor(&[3, 1], &[2, 0, 1]), tensor(&[3], &[0, 1, 2])), spans, equal)?,
        pair("mask", (drawn("mask", &[2, 3], -SPAN, SPAN), signs), spans, |a, by| Op::Mask { a, by })?,
        pair("divide", (dividends, divisors), (span(), positive), |a, by| Op::Divide { a, by })?,
        pair(
            "divide: by one and by the greatest",
            (tensor(&[4], &[-1000, 5, 6, 1000]), tensor(&[4], &[1, 12, 12, 1])),
            (span(), positive),
            |a, by| Op::Divide { a, by },
        )?,
    ])
}

fn singles() -> Result<Vec<Example>, ProgramError> {
    let halves = tensor(&[7], &[-6, -5, -2, 0, 2, 5, 6]);
    let steps = tensor(&[5], &[-1000, -11, -10, 10, 11]);
    let table = Table { first: -3, values: vec![9, 4, 1, 0, 1, 4, 9] };
    let wide = Interval::symmetric(1 << 40);
    let look = {
        let mut sketch = Sketch::default();
        let a = sketch.hidden(tensor(&[2, 3], &[-3, -2, 0, 0, 3, 1]), Interval::symmetric(3))?;
        let first = sketch.b.lookup(a, &table)?;
        let other = Table { first: 0, values: (0..10).map(|x| 2 * x + 1).collect() };
        let second = sketch.b.lookup(first, &other)?;
        sketch.give("lookup: two tables", &[first, second])?
    };
    Ok(vec![
        single("scale", drawn("scale", &[5], -SPAN, SPAN), span(), |a| Op::Scale { a, by: -3 })?,
        single("scale: by zero", drawn("zero", &[5], -SPAN, SPAN), span(), |a| Op::Scale { a, by: 0 })?,
        single("rescale: halves", halves.clone(), span(), |a| Op::Rescale { a, bits: 2 })?,
        single("rescale: one bit", halves.clone(), span(), |a| Op::Rescale { a, bits: 1 })?,
        single("rescale: all bits", drawn("all bits", &[4], -SPAN, SPAN), span(), |a| Op::Rescale {
            a,
            bits: 20,
        })?,
        single("rescale: wide", drawn("wide", &[4], -(1 << 40), 1 << 40), wide, |a| Op::Rescale {
            a,
            bits: 24,
        })?,
        single("relu", halves, span(), Op::Relu)?,
        single("clamp", steps.clone(), span(), |a| Op::Clamp { a, to: Interval::symmetric(10) })?,
        single("clamp: from one side", steps.clone(), span(), |a| Op::Clamp {
            a,
            to: Interval { lo: -5000, hi: -3 },
        })?,
        single("clamp: to one value", steps, span(), |a| Op::Clamp { a, to: Interval { lo: 5, hi: 5 } })?,
        look,
        single("sum: first axis", drawn("first", &[3, 4], -SPAN, SPAN), span(), |a| Op::Sum { a, axis: 0 })?,
        single("sum: last axis", drawn("last", &[3, 4], -SPAN, SPAN), span(), |a| Op::Sum { a, axis: 1 })?,
        single("sum: middle axis", drawn("middle", &[2, 3, 2], -SPAN, SPAN), span(), |a| Op::Sum {
            a,
            axis: 1,
        })?,
        single("sum: to a scalar", drawn("scalar", &[6], -SPAN, SPAN), span(), |a| Op::Sum { a, axis: 0 })?,
    ])
}

fn selections() -> Result<Vec<Example>, ProgramError> {
    let ties = tensor(&[4, 3], &[1, 1, 0, -5, -3, -3, 7, 2, 7, -1000, -1000, -1000]);
    let rows = drawn("rows", &[5, 3], -SPAN, SPAN);
    let index = tensor(&[6], &[4, 0, 4, 2, 2, 1]);
    let labels = drawn("labels", &[5], 0, 9);
    let within = Interval { lo: 0, hi: 4 };
    let known = {
        let mut sketch = Sketch::default();
        let a = sketch.hidden(rows.clone(), span())?;
        let index = sketch.known(index.clone(), within)?;
        let out = sketch.b.gather(a, index)?;
        sketch.give("gather: known indices", &[out])?
    };
    let gather = |a, index| Op::Gather { a, index };
    Ok(vec![
        single("argmax: ties", ties.clone(), span(), Op::Argmax)?,
        single("argmax: of a vector", drawn("argmax", &[5], -SPAN, SPAN), span(), Op::Argmax)?,
        single("row maximum: ties", ties.clone(), span(), Op::RowMax)?,
        single("row maximum: one column", drawn("column", &[4, 1], -SPAN, SPAN), span(), Op::RowMax)?,
        known,
        pair("gather: hidden indices", (rows, index.clone()), (span(), within), gather)?,
        pair("gather: of a vector", (labels, index), (Interval { lo: 0, hi: 9 }, within), gather)?,
        single("order: ties", ties, span(), Op::Order)?,
        single("order: of a vector", drawn("order", &[7], -SPAN, SPAN), span(), Op::Order)?,
    ])
}

fn arrangements() -> Result<Vec<Example>, ProgramError> {
    let values = drawn("values", &[3, 5], -SPAN, SPAN);
    let parts = {
        let mut sketch = Sketch::default();
        let a = sketch.hidden(drawn("part", &[2, 2], -SPAN, SPAN), span())?;
        let b = sketch.hidden(drawn("other part", &[3], -5, 5), Interval::symmetric(5))?;
        let c = sketch.known(tensor(&[], &[9]), span())?;
        let out = sketch.b.concat(&[a, b, c, a])?;
        sketch.give("concat: parts of many shapes", &[out])?
    };
    Ok(vec![
        single("slice", values.clone(), span(), |a| Op::Slice { a, start: 4, shape: vec![2, 3] })?,
        single("slice: one element", values.clone(), span(), |a| Op::Slice { a, start: 14, shape: vec![] })?,
        single("slice: all", values.clone(), span(), |a| Op::Slice { a, start: 0, shape: vec![15] })?,
        parts,
        single("reshape", values, span(), |a| Op::Reshape { a, shape: vec![5, 1, 3] })?,
    ])
}

/// Declarations narrower than what the analysis infers: the relation holds only inside them.
fn within() -> Result<Example, ProgramError> {
    let mut sketch = Sketch::default();
    let a = sketch.hidden(tensor(&[3], &[3, -4, 5]), Interval::symmetric(10))?;
    let spec = bitneuron_core::exact::Einsum::parse("n,n->");
    let spec = spec.ok_or_else(|| ProgramError::Einsum("n,n->".into()))?;
    let square = sketch.b.op_within(Op::Einsum { spec, a, b: a }, Interval { lo: 0, hi: 50 })?;
    let narrow = sketch.b.op_within(Op::Scale { a, by: 2 }, Interval { lo: -8, hi: 10 })?;
    sketch.give("declarations narrower than inferred", &[square, narrow])
}
