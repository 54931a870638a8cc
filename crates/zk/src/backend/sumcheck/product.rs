//! All products in one sumcheck.
//!
//! A product `Σ_k A[b,i,k]·B[b,j,k] = C[b,i,j]` holds if it does at a random point of `b, i, j` (Thaler 2013): the rows and
//! columns of the operands are contracted with the point, which leaves `Σ_{b,k} eq(τ_b, b)·A(b,k)·B(b,k)`, a sum over a
//! cube. The sums of all products, each by its power of a challenge, share their rounds; one over a smaller cube starts
//! later and until then counts as a polynomial that is 0 away from the first corner. Round messages are the values at 0, 2
//! and 3; at the end the operands' values at the last point are sent, masked like all messages.

use super::channel::{Channel, Masked, Short, advance};
use super::eq;
use super::field::{Ext, Val};
use super::settle::Form;
use super::system::{NodeId, Product, System};
use super::values::Values;
use super::weight::{Factor, Weight};
use p3_field::PrimeCharacteristicRing;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The bits that index a dimension of this size.
pub(super) const fn bits(size: usize) -> usize {
    size.next_power_of_two().trailing_zeros() as usize
}

/// A product's dimensions: those of the cube it is summed over.
struct Cube {
    sizes: BTreeMap<u8, usize>,
    /// In both operands and in the result.
    batch: Vec<u8>,
    /// In both operands, summed.
    summed: Vec<u8>,
}

impl Cube {
    fn new(system: &System, product: &Product) -> Self {
        let sides = [&product.a, &product.b];
        let sizes =
            sides.iter().flat_map(|(id, names)| names.iter().copied().zip(system.shape(*id).iter().copied()));
        let common = |name: &&u8| product.b.1.contains(name);
        let (batch, summed) =
            product.a.1.iter().filter(common).partition::<Vec<u8>, _>(|name| product.out.contains(name));
        Self { sizes: sizes.collect(), batch, summed }
    }

    fn bits_of(&self, names: &[u8]) -> usize {
        names.iter().map(|name| bits(self.sizes[name])).sum()
    }

    fn variables(&self) -> usize {
        self.bits_of(&self.batch) + self.bits_of(&self.summed)
    }
}

/// The rounds that all products together take.
pub(super) fn rounds(system: &System) -> usize {
    system.products.iter().map(|product| Cube::new(system, product).variables()).max().unwrap_or(0)
}

/// A product at its point.
struct Instance<'a> {
    product: &'a Product,
    cube: Cube,
    /// The point for each dimension of the result.
    point: BTreeMap<u8, Arc<Factor>>,
    coordinates: BTreeMap<u8, Vec<Ext>>,
    scale: Ext,
}

/// The prover's tables of one instance.
struct Tables {
    /// `eq` over the batch dimensions; the others vary faster.
    eq: Vec<Ext>,
    a: Vec<Ext>,
    b: Vec<Ext>,
    /// The sum over the cube, from the start.
    total: Ext,
    /// What the rounds before the instance's first make of it.
    early: Ext,
}

/// Runs the sumcheck on either side; the claims that remain. `pairs` gets the pads whose products the claims speak of, each
/// with the place of its product.
pub(super) fn run(
    system: &System,
    values: Option<&Values>,
    channel: &mut Channel<'_>,
    pairs: &mut Vec<(usize, usize)>,
    product_pad: impl Fn(usize) -> usize,
) -> Result<Vec<Form>, Short> {
    let instances = instances(system, channel);
    let rounds = rounds(system);
    let mut tables: Option<Vec<Tables>> =
        values.map(|values| instances.iter().map(|instance| instance.tables(system, values)).collect());
    let mut claim = Form::default();
    for instance in &instances {
        claim.add(&instance.result(system), instance.scale);
    }
    let mut point = Vec::with_capacity(rounds);
    for round in 0..rounds {
        let left = rounds - round;
        let mut sums = [Ext::ZERO; 3];
        if let Some(tables) = &tables {
            for (instance, tables) in instances.iter().zip(tables) {
                let own = if instance.cube.variables() < left { tables.wait() } else { tables.sums() };
                let scale = instance.scale * tables.early;
                sums.iter_mut().zip(own).for_each(|(sum, own)| *sum += scale * own);
            }
        }
        let messages = [channel.send(sums[0])?, channel.send(sums[1])?, channel.send(sums[2])?];
        let r = channel.draw();
        advance(&mut claim, messages, r);
        for (instance, tables) in instances.iter().zip(tables.iter_mut().flatten()) {
            if instance.cube.variables() < left {
                tables.early *= Ext::ONE - r;
            } else {
                tables.fold(r);
            }
        }
        point.push(r);
    }
    let mut claims = Vec::with_capacity(2 * instances.len() + 1);
    for (place, instance) in instances.iter().enumerate() {
        let (a, b) = tables.as_ref().map_or((Ext::ZERO, Ext::ZERO), |tables| tables[place].ends());
        let (a, b) = (channel.send(a)?, channel.send(b)?);
        let (early, own) = point.split_at(rounds - instance.cube.variables());
        let early: Ext = early.iter().map(|r| Ext::ONE - *r).product();
        let weight = instance.scale * early * instance.eq(own);
        claim.add(&multiplied(a, b, product_pad(pairs.len())), -weight);
        pairs.push((a.pad, b.pad));
        for (message, (id, names)) in [(a, &instance.product.a), (b, &instance.product.b)] {
            let mut opened = instance.opened(system, *id, names, own);
            opened.add(&message.form(), -Ext::ONE);
            claims.push(opened);
        }
    }
    claims.push(claim);
    Ok(claims)
}

/// The product of two masked messages as a form: `(s − p)(t − q) = s·t − s·q − t·p + p·q`.
pub(super) fn multiplied(a: Masked, b: Masked, product: usize) -> Form {
    Form {
        constant: a.shown * b.shown,
        values: Vec::new(),
        pads: vec![(b.pad, -a.shown), (a.pad, -b.shown), (product, Ext::ONE)],
    }
}

fn instances<'a>(system: &'a System, channel: &mut Channel<'_>) -> Vec<Instance<'a>> {
    let mut instances: Vec<Instance<'a>> = system
        .products
        .iter()
        .map(|product| {
            let cube = Cube::new(system, product);
            let coordinates: BTreeMap<u8, Vec<Ext>> =
                product.out.iter().map(|name| (*name, channel.point(bits(cube.sizes[name])))).collect();
            let point = coordinates.iter().map(|(name, point)| (*name, Factor::eq(point.clone()))).collect();
            Instance { product, cube, point, coordinates, scale: Ext::ONE }
        })
        .collect();
    let challenge = channel.draw();
    let mut scale = Ext::ONE;
    for instance in &mut instances {
        instance.scale = scale;
        scale *= challenge;
    }
    instances
}

impl Instance<'_> {
    /// The result at the point.
    fn result(&self, system: &System) -> Form {
        let Some(id) = self.product.result else { return Form::default() };
        let factors: Vec<Arc<Factor>> =
            self.product.out.iter().map(|name| self.point[name].clone()).collect();
        let weight = Weight::over(system.shape(id), &factors, Ext::ONE);
        Form { values: vec![(id, weight)], ..Form::default() }
    }

    /// `eq` of the batch dimensions' point and the cube's.
    fn eq(&self, cube: &[Ext]) -> Ext {
        let batch: Vec<Ext> =
            self.cube.batch.iter().flat_map(|name| self.coordinates[name].iter().copied()).collect();
        eq::between(&batch, &cube[..batch.len()])
    }

    /// An operand at the cube's last point, contracted with the result's point elsewhere.
    fn opened(&self, system: &System, id: NodeId, names: &[u8], mut cube: &[Ext]) -> Form {
        let mut own = BTreeMap::new();
        for name in self.cube.batch.iter().chain(&self.cube.summed) {
            let (point, rest) = cube.split_at(bits(self.cube.sizes[name]));
            own.insert(*name, Factor::eq(point.to_vec()));
            cube = rest;
        }
        let factor = |name: &u8| own.get(name).unwrap_or_else(|| &self.point[name]).clone();
        let factors: Vec<Arc<Factor>> = names.iter().map(factor).collect();
        Form { values: vec![(id, Weight::over(system.shape(id), &factors, Ext::ONE))], ..Form::default() }
    }

    fn tables(&self, system: &System, values: &Values) -> Tables {
        let batch: Vec<Ext> =
            self.cube.batch.iter().flat_map(|name| self.coordinates[name].iter().copied()).collect();
        let contracted = |(id, names): &(NodeId, Vec<u8>)| self.contracted(system, values, *id, names);
        let mut tables = Tables {
            eq: eq::table(&batch, Ext::ONE),
            a: contracted(&self.product.a),
            b: contracted(&self.product.b),
            total: Ext::ZERO,
            early: Ext::ONE,
        };
        tables.total = tables.sum();
        tables
    }

    /// An operand over the cube, contracted with the result's point along its own dimensions.
    fn contracted(&self, system: &System, values: &Values, id: NodeId, names: &[u8]) -> Vec<Ext> {
        let mut strides = BTreeMap::new();
        let mut stride = 1usize << self.cube.variables();
        for name in self.cube.batch.iter().chain(&self.cube.summed) {
            stride >>= bits(self.cube.sizes[name]);
            strides.insert(*name, stride);
        }
        let axes: Vec<(usize, Result<usize, Vec<Ext>>)> = names
            .iter()
            .zip(system.shape(id))
            .map(|(name, size)| {
                let along = strides.get(name).copied();
                (*size, along.ok_or_else(|| eq::table(&self.coordinates[name], Ext::ONE)))
            })
            .collect();
        let mut table = vec![Ext::ZERO; 1 << self.cube.variables()];
        let elements = values.field(id);
        contract(&axes, &elements, 0, None, &mut table);
        table
    }
}

/// Adds the elements of a row-major tensor to a table, dimension by dimension: along the table, or weighed.
fn contract(
    axes: &[(usize, Result<usize, Vec<Ext>>)],
    elements: &[Val],
    at: usize,
    weight: Option<Ext>,
    table: &mut [Ext],
) {
    match axes {
        [] => match weight {
            None => table[at] += elements[0],
            Some(weight) => table[at] += weight * elements[0],
        },
        [(_, Ok(stride))] => match weight {
            None => elements.iter().enumerate().for_each(|(index, x)| table[at + index * stride] += *x),
            Some(weight) => {
                elements.iter().enumerate().for_each(|(index, x)| table[at + index * stride] += weight * *x);
            }
        },
        [(_, Err(weights))] => {
            let sum = eq::dot(weights, elements.iter().copied());
            table[at] += weight.map_or(sum, |weight| weight * sum);
        }
        [(size, along), inner @ ..] => {
            let block = elements.len() / (*size).max(1);
            for index in 0..*size {
                let elements = &elements[index * block..][..block];
                match along {
                    Ok(stride) => contract(inner, elements, at + index * stride, weight, table),
                    Err(weights) => {
                        let own = weight.map_or(weights[index], |weight| weight * weights[index]);
                        contract(inner, elements, at, Some(own), table);
                    }
                }
            }
        }
    }
}

impl Tables {
    /// How many neighbouring places share an entry of `eq`.
    fn shift(&self) -> u32 {
        (self.a.len() / self.eq.len()).trailing_zeros()
    }

    fn sum(&self) -> Ext {
        let shift = self.shift();
        let block = 1 << shift;
        let blocks = self.eq.iter().zip(self.a.chunks(block).zip(self.b.chunks(block)));
        blocks.map(|(eq, (a, b))| *eq * a.iter().zip(b).map(|(a, b)| *a * *b).sum::<Ext>()).sum()
    }

    /// The values at 0, 2 and 3 of the next round's polynomial.
    fn sums(&self) -> [Ext; 3] {
        let half = self.a.len() / 2;
        let (a0, a1) = self.a.split_at(half);
        let (b0, b1) = self.b.split_at(half);
        let at = |from: usize, to: usize| {
            let mut sums = [Ext::ZERO; 3];
            for i in from..to {
                let (da, db) = (a1[i] - a0[i], b1[i] - b0[i]);
                let (a2, b2) = (a1[i] + da, b1[i] + db);
                sums[0] += a0[i] * b0[i];
                sums[1] += a2 * b2;
                sums[2] += (a2 + da) * (b2 + db);
            }
            sums
        };
        if self.eq.len() == 1 {
            return at(0, half).map(|sum| sum * self.eq[0]);
        }
        let block = 1 << self.shift();
        let (e0, e1) = self.eq.split_at(self.eq.len() / 2);
        let mut sums = [Ext::ZERO; 3];
        for (place, (e0, e1)) in e0.iter().zip(e1).enumerate() {
            let own = at(place * block, (place + 1) * block);
            let step = *e1 - *e0;
            let e2 = *e1 + step;
            sums[0] += *e0 * own[0];
            sums[1] += e2 * own[1];
            sums[2] += (e2 + step) * own[2];
        }
        sums
    }

    /// The same of an instance that has not started: `sum · (1 − X)`.
    fn wait(&self) -> [Ext; 3] {
        [self.total, -self.total, -self.total.double()]
    }

    fn fold(&mut self, r: Ext) {
        for table in [&mut self.a, &mut self.b] {
            fold(table, r);
        }
        if self.eq.len() > 1 {
            fold(&mut self.eq, r);
        }
    }

    fn ends(&self) -> (Ext, Ext) {
        (self.a[0], self.b[0])
    }
}

/// Binds the first variable of a table.
pub(super) fn fold<A: PrimeCharacteristicRing + Copy>(table: &mut Vec<A>, r: A) {
    let half = table.len() / 2;
    let (low, high) = table.split_at_mut(half);
    low.iter_mut().zip(high).for_each(|(low, high)| *low += r * (*high - *low));
    table.truncate(half);
}
