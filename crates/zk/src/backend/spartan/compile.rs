//! From relations to circuits.
//!
//! Every value of the program becomes a tensor of affine forms. By induction every form equals, in the run that the cells
//! describe, an integer within the value's declared interval: public inputs are checked in the clear, committed inputs by range
//! checks, and every operation whose declared interval is narrower than its gadget shows is range-checked too. That is what
//! [`bitneuron_core::exact::execute()`] checks, so a circuit is satisfied exactly where [`Relation::concludes`].

use super::SpartanError;
use super::circuit::Circuit;
use super::engine::WIDTH;
use super::layout::Layout;
use super::lin::Lin;
use super::spread::aligned;
use bitneuron_core::exact::tensor::elements;
use bitneuron_core::exact::{Binding, Comparison, Interval, Op, Relation, Tensor, ValueId};

/// The circuit of a relation: with the values of a run, inputs first, or for its shape.
pub(super) fn compile(
    relation: &Relation,
    layout: &Layout,
    run: Option<&[Tensor]>,
) -> Result<Circuit, SpartanError> {
    let mut compiler = Compiler {
        circuit: Circuit::new(run.is_some(), relation.program.tables()),
        relation,
        run,
        values: Vec::new(),
    };
    compiler.inputs(layout)?;
    for (node, at) in relation.program.nodes().iter().zip(relation.program.inputs().len()..) {
        compiler.node(&node.op, ValueId(at as u32))?;
        compiler.circuit.check()?;
    }
    compiler.outputs()?;
    compiler.circuit.finish();
    compiler.circuit.check()?;
    Ok(compiler.circuit)
}

/// What a gadget has shown about its results.
pub(super) enum Shown {
    /// They lie in this interval.
    Within(Interval),
    /// They lie in the declared interval.
    Declared,
}

pub(super) struct Compiler<'a> {
    pub(super) circuit: Circuit,
    relation: &'a Relation,
    run: Option<&'a [Tensor]>,
    values: Vec<Vec<Lin>>,
}

pub(super) type Forms = Vec<Lin>;

impl Compiler<'_> {
    pub(super) fn shape(&self, id: ValueId) -> &[u32] {
        self.relation.program.shape(id).unwrap_or(&[])
    }

    pub(super) fn interval(&self, id: ValueId) -> Interval {
        self.relation.program.interval(id).unwrap_or(Interval::WIDEST)
    }

    pub(super) fn forms(&self, id: ValueId) -> &[Lin] {
        self.values.get(id.0 as usize).map_or(&[], Vec::as_slice)
    }

    /// What the run has at an element; 0 where only the shape is wanted.
    pub(super) fn value(&self, id: ValueId, at: usize) -> i64 {
        let tensor = self.run.and_then(|run| run.get(id.0 as usize));
        tensor.and_then(|tensor| tensor.data().get(at)).copied().unwrap_or(0)
    }

    fn inputs(&mut self, layout: &Layout) -> Result<(), SpartanError> {
        for (place, binding) in self.relation.inputs.iter().enumerate() {
            let id = ValueId(place as u32);
            let forms: Forms = match binding {
                Binding::Public(tensor) if layout.is_fixed(place) => {
                    tensor.data().iter().map(|value| Lin::constant(*value)).collect()
                }
                Binding::Public(tensor) => {
                    tensor.data().iter().map(|value| self.circuit.public(*value)).collect()
                }
                Binding::Committed(_) => self.commit(id),
            };
            if matches!(binding, Binding::Committed(_)) {
                let interval = self.interval(id);
                forms.iter().for_each(|form| self.circuit.within(form, interval));
            }
            self.values.push(forms);
            self.circuit.check()?;
        }
        Ok(())
    }

    /// Cells under a commitment for all elements of a value, whole rows of them.
    fn commit(&mut self, id: ValueId) -> Forms {
        let count = elements(self.shape(id)).unwrap_or(0);
        let forms = (0..count)
            .map(|at| {
                let value = self.value(id, at);
                self.circuit.shared(value)
            })
            .collect();
        self.circuit.fill_row(WIDTH);
        forms
    }

    fn outputs(&mut self) -> Result<(), SpartanError> {
        for (binding, id) in self.relation.outputs.iter().zip(self.relation.program.outputs()) {
            let stated: Forms = match binding {
                Binding::Public(tensor) => {
                    tensor.data().iter().map(|value| self.circuit.public(*value)).collect()
                }
                Binding::Committed(_) => self.commit(*id),
            };
            for (stated, found) in stated.iter().zip(self.values.get(id.0 as usize).into_iter().flatten()) {
                self.circuit.demand_zero(&found.minus(stated));
            }
            self.circuit.check()?;
        }
        Ok(())
    }

    fn node(&mut self, op: &Op, id: ValueId) -> Result<(), SpartanError> {
        let (forms, shown) = self.operation(op, id)?;
        let declared = self.interval(id);
        let narrower = matches!(shown, Shown::Within(shown) if !declared.covers(shown));
        let forms: Forms = forms.into_iter().map(|form| self.circuit.plain(form)).collect();
        if narrower {
            forms.iter().for_each(|form| self.circuit.within(form, declared));
        }
        self.values.push(forms);
        Ok(())
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each operation")]
    fn operation(&mut self, op: &Op, id: ValueId) -> Result<(Forms, Shown), SpartanError> {
        let of = |a: &ValueId| self.interval(*a);
        let all = Interval::WIDEST;
        Ok(match op {
            Op::Constant(tensor) => {
                let (lo, hi) = (tensor.data().iter().min(), tensor.data().iter().max());
                let shown = Interval { lo: lo.copied().unwrap_or(0), hi: hi.copied().unwrap_or(0) };
                (constants(tensor), Shown::Within(shown))
            }
            Op::Add(a, b) => {
                let shown = of(a).plus(of(b)).unwrap_or(all);
                (self.pairs(*a, *b, id, |_, a, b| a.plus(b)), Shown::Within(shown))
            }
            Op::Sub(a, b) => {
                let shown = of(a).minus(of(b)).unwrap_or(all);
                (self.pairs(*a, *b, id, |_, a, b| a.minus(b)), Shown::Within(shown))
            }
            Op::Scale { a, by } => {
                let shown = Interval::new(*by, *by).and_then(|by| of(a).times(by)).unwrap_or(all);
                let by = i128::from(*by);
                (self.each(*a, |_, form| form.clone().scaled(by)), Shown::Within(shown))
            }
            Op::Rescale { a, bits } => {
                let shown = of(a).rescaled(*bits).unwrap_or(all);
                let by = 1i64.wrapping_shl(*bits);
                let (by, divisors) = (Lin::constant(by), Interval { lo: by, hi: by });
                (self.divided(*a, id, shown, |_| (by.clone(), divisors)), Shown::Declared)
            }
            Op::Divide { a, by } => {
                let (divisors, shown) = (of(by), of(a).over(of(by)).unwrap_or(all));
                let places = aligned(self.shape(*by), self.shape(id));
                let by: Forms = self.take(*by, &places);
                let forms =
                    self.divided(*a, id, shown, |at| (by.get(at).cloned().unwrap_or_default(), divisors));
                (forms, Shown::Declared)
            }
            Op::Relu(a) => {
                let Interval { lo, hi } = of(a);
                let forms = self.each(*a, |circuit, form| {
                    let bit = circuit.positive(form, lo.into(), hi.into());
                    circuit.times(&bit, form)
                });
                (forms, Shown::Within(Interval { lo: lo.max(0), hi: hi.max(0) }))
            }
            Op::Mask { a, by } => {
                let (values, Interval { lo, hi }) = (of(a), of(by));
                let forms = self.pairs(*a, *by, id, |circuit, a, by| {
                    let bit = circuit.positive(by, lo.into(), hi.into());
                    circuit.times(&bit, a)
                });
                (forms, Shown::Within(values.join(Interval { lo: 0, hi: 0 })))
            }
            Op::Clamp { a, to } => {
                let (from, to) = (of(a), *to);
                (
                    self.each(*a, |circuit, form| clamped(circuit, form, from, to)),
                    Shown::Within(from.clamped(to)),
                )
            }
            Op::Lookup { a, table } => self.lookup(*a, *table as usize, id),
            Op::Sum { a, axis } => {
                let size = self.shape(*a).get(*axis as usize).copied().unwrap_or(0) as usize;
                let shown = of(a).sum_of(size).unwrap_or(all).join(Interval { lo: 0, hi: 0 });
                (self.sum(*a, *axis as usize, size), Shown::Within(shown))
            }
            Op::Compare { a, b, by } => (self.compared(*a, *b, *by, id), Shown::Within(Interval::BIT)),
            Op::Argmax(a) => {
                let size = self.shape(*a).last().map_or(1, |size| i64::from(*size));
                (self.argmax(*a), Shown::Within(Interval { lo: 0, hi: size - 1 }))
            }
            Op::RowMax(a) => {
                let shown = of(a);
                (self.row_max(*a, id), Shown::Within(shown))
            }
            Op::Gather { a, index } => (self.gather(*a, *index)?, Shown::Within(of(a))),
            Op::Einsum { spec, a, b } => self.einsum(spec, *a, *b, id)?,
            Op::Slice { a, start, .. } => {
                let places: Vec<usize> =
                    (*start as usize..).take(elements(self.shape(id)).unwrap_or(0)).collect();
                (self.take(*a, &places), Shown::Within(of(a)))
            }
            Op::Reshape { a, .. } => (self.forms(*a).to_vec(), Shown::Within(of(a))),
            Op::Concat(parts) => {
                let forms = parts.iter().flat_map(|part| self.forms(*part)).cloned().collect();
                let hull = parts.iter().map(of).reduce(Interval::join);
                (forms, Shown::Within(hull.unwrap_or(all)))
            }
            Op::Order(_) => return Err(SpartanError::Unsupported("sorting")),
        })
    }

    pub(super) fn take(&self, a: ValueId, places: &[usize]) -> Forms {
        let forms = self.forms(a);
        places.iter().map(|at| forms.get(*at).cloned().unwrap_or_default()).collect()
    }

    fn each(&mut self, a: ValueId, mut map: impl FnMut(&mut Circuit, &Lin) -> Lin) -> Forms {
        let Self { circuit, values, .. } = self;
        values.get(a.0 as usize).into_iter().flatten().map(|form| map(circuit, form)).collect()
    }

    fn pairs(
        &mut self,
        a: ValueId,
        b: ValueId,
        id: ValueId,
        mut map: impl FnMut(&mut Circuit, &Lin, &Lin) -> Lin,
    ) -> Forms {
        let shape = self.shape(id).to_vec();
        let left = self.take(a, &aligned(self.shape(a), &shape));
        let right = self.take(b, &aligned(self.shape(b), &shape));
        left.iter().zip(&right).map(|(a, b)| map(&mut self.circuit, a, b)).collect()
    }

    /// Rounded quotients, shown to lie in the declared interval.
    fn divided(
        &mut self,
        a: ValueId,
        id: ValueId,
        allowed: Interval,
        by: impl Fn(usize) -> (Lin, Interval),
    ) -> Forms {
        let declared = self.interval(id);
        let range = (declared, !declared.covers(allowed));
        let left = self.take(a, &aligned(self.shape(a), self.shape(id)));
        (0..)
            .zip(&left)
            .map(|(at, form)| {
                let (by, divisors) = by(at);
                let value = self.value(id, at);
                self.circuit.quotient(form, (&by, divisors), value, range)
            })
            .collect()
    }

    fn lookup(&mut self, a: ValueId, table: usize, id: ValueId) -> (Forms, Shown) {
        let entries = self.relation.program.tables().get(table);
        let (first, values) = entries.map_or((0, &[][..]), |table| (table.first, &table.values));
        let arguments = self.forms(a).to_vec();
        let forms = (0..)
            .zip(arguments)
            .map(|(at, argument)| {
                if let Some(known) = argument.known() {
                    let place = usize::try_from(known - i128::from(first)).ok();
                    return Lin::constant(place.and_then(|at| values.get(at)).copied().unwrap_or(0));
                }
                let image = self.circuit.cell(self.value(id, at).into());
                self.circuit.look(table + 1, argument, 1, Some(image.clone()));
                image
            })
            .collect();
        let lo = values.iter().min().copied().unwrap_or(0);
        (forms, Shown::Within(Interval { lo, hi: values.iter().max().copied().unwrap_or(0) }))
    }

    fn sum(&self, a: ValueId, axis: usize, size: usize) -> Forms {
        let shape = self.shape(a);
        let product = |dims: &[u32]| -> usize { dims.iter().map(|size| *size as usize).product() };
        let outer = product(shape.get(..axis).unwrap_or(&[]));
        let inner = product(shape.get(axis + 1..).unwrap_or(&[]));
        let forms = self.forms(a);
        let line = |block: usize, at: usize| {
            (0..size)
                .filter_map(move |row| forms.get((block * size + row) * inner + at))
                .map(|form| (form, 1))
        };
        (0..outer).flat_map(|block| (0..inner).map(move |at| Lin::sum(line(block, at)))).collect()
    }

    fn compared(&mut self, a: ValueId, b: ValueId, by: Comparison, id: ValueId) -> Forms {
        let (left, right) = (self.interval(a), self.interval(b));
        let lo = i128::from(right.lo) - i128::from(left.hi);
        let hi = i128::from(right.hi) - i128::from(left.lo);
        self.pairs(a, b, id, |circuit, a, b| {
            let gap = circuit.plain(b.minus(a));
            match by {
                Comparison::Equal => circuit.vanishes(&gap),
                Comparison::AtMost => circuit.positive(&gap.offset(1), lo + 1, hi + 1),
            }
        })
    }

    /// The rows of a value along its last dimension.
    fn rows(&self, a: ValueId) -> Vec<Forms> {
        let size = self.shape(a).last().map_or(1, |size| (*size).max(1) as usize);
        self.forms(a).chunks(size).map(<[Lin]>::to_vec).collect()
    }

    /// `m` with every `m − x` at least 0 and their product 0.
    fn row_max(&mut self, a: ValueId, id: ValueId) -> Forms {
        let spread = spread(self.interval(a));
        let rows = self.rows(a);
        (0..)
            .zip(rows)
            .map(|(at, row)| {
                let most = self.circuit.cell(self.value(id, at).into());
                self.circuit.none_above(&most, &row, spread);
                most
            })
            .collect()
    }

    /// One of the row's places is marked; what stands there is at least all others, and more than those before it.
    fn argmax(&mut self, a: ValueId) -> Forms {
        let spread = spread(self.interval(a));
        let rows = self.rows(a);
        rows.iter().map(|row| self.circuit.place_of_most(row, spread)).collect()
    }

    fn gather(&self, a: ValueId, index: ValueId) -> Result<Forms, SpartanError> {
        let row: usize = self.shape(a).iter().skip(1).map(|size| *size as usize).product();
        let mut places = Vec::new();
        for form in self.forms(index) {
            let at = form.known().and_then(|at| usize::try_from(at).ok());
            let at = at.ok_or(SpartanError::Unsupported("gathering by an index that is not public"))?;
            places.extend((at * row..).take(row));
        }
        Ok(self.take(a, &places))
    }
}

fn constants(tensor: &Tensor) -> Forms {
    tensor.data().iter().map(|value| Lin::constant(*value)).collect()
}

/// The most by which two values of an interval differ.
fn spread(interval: Interval) -> Interval {
    Interval { lo: 0, hi: interval.hi.saturating_sub(interval.lo) }
}

fn clamped(circuit: &mut Circuit, form: &Lin, from: Interval, to: Interval) -> Lin {
    let mut out = form.clone();
    for (limit, sign) in [(to.hi, 1i128), (to.lo, -1)] {
        let beyond = form.clone().offset(-i128::from(limit)).scaled(sign);
        let ends = [from.lo, from.hi].map(|end| sign * (i128::from(end) - i128::from(limit)));
        let (lo, hi) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
        let bit = circuit.positive(&beyond, lo, hi);
        let moved = circuit.times(&bit, &beyond);
        out = out.plus_scaled(&moved, -sign);
    }
    circuit.plain(out)
}
