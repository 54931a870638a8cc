//! Circuits as the library wants them, and the part that depends on challenges.
//!
//! Three challenges follow the commitments to all cells so far. With α, every look at a table becomes `1/(α − form)`, and the sum
//! over all looks must be `Σ count/(α − row)` (LogUp); rows with images are `argument + β·image`. With ρ, a matrix product is
//! checked as a polynomial identity: `Σₜ aₜ(ρⁿ)·bₜ(ρ) = c(ρ)`, where aₜ is column t as a polynomial. Each check errs with probability
//! below 2²⁰/2²⁵⁶.

use super::circuit::{Circuit, Product, TableLooks, scalar};
use super::engine::{Curve, Scalar, inverses};
use super::lin::{Cell, Lin};
use bellpepper_core::num::AllocatedNum;
use bellpepper_core::{ConstraintSystem, Index, LinearCombination, SynthesisError, Variable};
use ff::Field;
use spartan2::traits::circuit::SpartanCircuit;
use std::sync::Arc;

/// A circuit with what its proof is bound to.
#[derive(Debug, Clone)]
pub(super) struct Bound {
    pub(super) circuit: Arc<Circuit>,
    /// Two halves of a digest; the first public values.
    pub(super) binding: [Scalar; 2],
}

type Number = AllocatedNum<Scalar>;
type Form = LinearCombination<Scalar>;

impl Bound {
    /// All public values in their order.
    pub(super) fn public(&self) -> Vec<Scalar> {
        self.binding.iter().chain(&self.circuit.public).copied().collect()
    }
}

impl SpartanCircuit<Curve> for Bound {
    fn public_values(&self) -> Result<Vec<Scalar>, SynthesisError> {
        Ok(self.public())
    }

    fn shared<CS: ConstraintSystem<Scalar>>(&self, cs: &mut CS) -> Result<Vec<Number>, SynthesisError> {
        allocate(cs, &self.circuit.shared)
    }

    fn precommitted<CS: ConstraintSystem<Scalar>>(
        &self,
        cs: &mut CS,
        _shared: &[Number],
    ) -> Result<Vec<Number>, SynthesisError> {
        allocate(cs, &self.circuit.early)
    }

    fn num_challenges(&self) -> usize {
        3
    }

    fn synthesize<CS: ConstraintSystem<Scalar>>(
        &self,
        cs: &mut CS,
        shared: &[Number],
        early: &[Number],
        challenges: Option<&[Scalar]>,
    ) -> Result<(), SynthesisError> {
        let mut public = Vec::new();
        for value in self.public() {
            public.push(cs.alloc_input(|| "public", || Ok(value))?);
        }
        let mut drawn = Vec::new();
        for at in 0..3 {
            let value = challenges.and_then(|all| all.get(at)).copied().unwrap_or(Scalar::ZERO);
            let variable = cs.alloc_input(|| "challenge", || Ok(value))?;
            drawn.push(Known { variable, value });
        }
        let [alpha, beta, rho] = drawn[..] else { return Err(SynthesisError::Unsatisfiable) };
        let cells = Cells { public: public.split_off(2), shared, early };
        let mut synthesis = Synthesis { cs, cells, proving: challenges.is_some(), count: 0 };
        for [a, b, c] in &self.circuit.constraints {
            let [a, b, c] = [a, b, c].map(|form| synthesis.form(form));
            synthesis.demand(a, b, c);
        }
        for table in self.circuit.tables.iter().filter(|table| !table.looks.is_empty()) {
            synthesis.table(table, alpha, beta)?;
        }
        for product in &self.circuit.products {
            synthesis.product(product, rho)?;
        }
        // The library wants no empty segment.
        synthesis.variable(Scalar::ZERO).map(drop)
    }
}

fn allocate<CS: ConstraintSystem<Scalar>>(
    cs: &mut CS,
    values: &[Scalar],
) -> Result<Vec<Number>, SynthesisError> {
    values.iter().map(|value| Number::alloc(&mut *cs, || Ok(*value))).collect()
}

/// A variable with its value.
#[derive(Clone, Copy)]
struct Known {
    variable: Variable,
    value: Scalar,
}

struct Cells<'a> {
    public: Vec<Variable>,
    shared: &'a [Number],
    early: &'a [Number],
}

struct Synthesis<'a, CS> {
    cs: &'a mut CS,
    cells: Cells<'a>,
    /// With values; then the library looks at no constraint.
    proving: bool,
    count: usize,
}

impl Cells<'_> {
    fn variable(&self, cell: Cell) -> Variable {
        let number = |numbers: &[Number], at: u32| numbers.get(at as usize).map(Number::get_variable);
        let found = match cell {
            Cell::Public(at) => self.public.get(at as usize).copied(),
            Cell::Shared(at) => number(self.shared, at),
            Cell::Early(at) => number(self.early, at),
        };
        // Cells are counted when they are made.
        found.unwrap_or(Variable::new_unchecked(Index::Input(0)))
    }
}

impl<CS: ConstraintSystem<Scalar>> Synthesis<'_, CS> {
    fn form(&self, form: &Lin) -> Form {
        let constant = Form::zero() + (scalar(form.constant), CS::one());
        form.terms.iter().fold(constant, |sum, (cell, by)| sum + (scalar(*by), self.cells.variable(*cell)))
    }

    fn variable(&mut self, value: Scalar) -> Result<Known, SynthesisError> {
        let variable = self.cs.alloc(|| "late", || Ok(value))?;
        Ok(Known { variable, value })
    }

    fn demand(&mut self, a: Form, b: Form, c: Form) {
        self.count += 1;
        let count = self.count;
        self.cs.enforce(|| count.to_string(), |_| a, |_| b, |_| c);
    }

    /// `a · b`, where only the shape needs the forms.
    fn times(&mut self, a: Known, b: Known) -> Result<Known, SynthesisError> {
        let product = self.variable(a.value * b.value)?;
        self.demand(one(a), one(b), one(product));
        Ok(product)
    }

    fn table(&mut self, table: &TableLooks, alpha: Known, beta: Known) -> Result<(), SynthesisError> {
        let image = |at: usize| table.images.as_ref().and_then(|images| images.get(at)).copied().unwrap_or(0);
        let argument = |at: usize| scalar(i128::from(table.first) + at as i128);
        let mut divisors = Vec::new();
        let mut images = Vec::new();
        for look in &table.looks {
            let scale = scalar(look.scale);
            let image = match &look.image {
                None => None,
                Some(form) => {
                    let value = beta.value * scalar(form.value);
                    let product = self.variable(value)?;
                    let form = self.form(form);
                    self.demand(one(beta), form, one(product));
                    Some(product)
                }
            };
            let own = image.map_or(Scalar::ZERO, |image| image.value);
            divisors.push(scale * (alpha.value - own) - scalar(look.form.value));
            images.push(image);
        }
        divisors.extend(
            (0..table.rows).map(|at| alpha.value - argument(at) - beta.value * scalar(image(at).into())),
        );
        let inverses = if self.proving { inverses(&divisors) } else { vec![Scalar::ZERO; divisors.len()] };
        let (of_looks, of_rows) = inverses.split_at(table.looks.len());
        let mut sum = Form::zero();
        for ((look, image), inverse) in table.looks.iter().zip(images).zip(of_looks) {
            let scale = scalar(look.scale);
            let inverse = self.variable(scale * inverse)?;
            let own = Form::zero() + (scale, alpha.variable) - &self.form(&look.form);
            let own = image.map_or(own.clone(), |image| own - (scale, image.variable));
            self.demand(one(inverse), own, Form::zero() + (scale, CS::one()));
            sum = sum + inverse.variable;
        }
        for (at, inverse) in of_rows.iter().enumerate() {
            let count = table.counts.get(at).copied().unwrap_or(0);
            let share = self.variable(Scalar::from(count) * inverse)?;
            let row = Form::zero() + alpha.variable
                - (argument(at), CS::one())
                - (scalar(image(at).into()), beta.variable);
            let cell = self.cells.variable(Cell::Early(table.first_count + at as u32));
            self.demand(one(share), row, Form::zero() + cell);
            sum = sum - share.variable;
        }
        self.demand(sum, Form::zero() + CS::one(), Form::zero());
        Ok(())
    }

    fn product(&mut self, product: &Product, rho: Known) -> Result<(), SynthesisError> {
        let Product { summed, columns, a, b, c, .. } = product;
        let step = self.power(rho, *columns)?;
        let mut sum = (Form::zero(), Scalar::ZERO);
        for at in 0..*summed {
            let left: Vec<&Lin> = a.iter().skip(at).step_by(*summed).collect();
            let right: Vec<&Lin> = b.iter().skip(at).step_by(*summed).collect();
            let (left, right) = (self.polynomial(&left, step)?, self.polynomial(&right, rho)?);
            let term = self.variable(left.1 * right.1)?;
            self.demand(left.0, right.0, one(term));
            sum = (sum.0 + term.variable, sum.1 + term.value);
        }
        let whole: Vec<&Lin> = c.iter().collect();
        let whole = self.polynomial(&whole, rho)?;
        self.demand(sum.0 - &whole.0, Form::zero() + CS::one(), Form::zero());
        Ok(())
    }

    /// `Σᵢ formᵢ · pointⁱ` by Horner's rule.
    fn polynomial(&mut self, forms: &[&Lin], point: Known) -> Result<(Form, Scalar), SynthesisError> {
        let Some((last, others)) = forms.split_last() else { return Ok((Form::zero(), Scalar::ZERO)) };
        let mut sum = (self.form(last), scalar(last.value));
        for form in others.iter().rev() {
            let next = self.variable(sum.1 * point.value + scalar(form.value))?;
            let own = one(next) - &self.form(form);
            self.demand(sum.0, one(point), own);
            sum = (one(next), next.value);
        }
        Ok(sum)
    }

    /// `base^exponent` for an exponent of at least 1.
    fn power(&mut self, base: Known, exponent: usize) -> Result<Known, SynthesisError> {
        let mut power = base;
        for bit in (0..exponent.checked_ilog2().unwrap_or(0)).rev() {
            power = self.times(power, power)?;
            if exponent >> bit & 1 == 1 {
                power = self.times(power, base)?;
            }
        }
        Ok(power)
    }
}

fn one(known: Known) -> Form {
    Form::zero() + known.variable
}
