//! A system checked in the clear, constraint by constraint: what a proof shows, for tests.

use super::field::Val;
use super::system::{NodeId, Product, System, Wire};
use super::values::Values;
use p3_field::PrimeCharacteristicRing;
use std::collections::BTreeMap;

/// The first constraint that does not hold.
pub(super) fn broken(system: &System, values: &Values) -> Option<String> {
    // A quotient that leaves a remainder is another element of the field than the one computed here.
    for (place, node) in system.nodes.iter().enumerate() {
        if let Wire::Quotient(of, by) = &node.wire
            && values.integers(*of).iter().any(|value| value % by != 0)
        {
            return Some(format!("{:?} is not exact: {node:?}", NodeId(place)));
        }
    }
    let zero = |id: &&NodeId| values.field(**id).iter().any(|value| *value != Val::ZERO);
    if let Some(id) = system.zeros.iter().find(zero) {
        return Some(format!("{id:?} is not zero: {:?}", system.node(*id)));
    }
    for table in &system.tables {
        let within = |value: &i64| usize::try_from(*value).is_ok_and(|at| at < table.entries);
        for reader in &table.readers {
            if let Some(value) = values.integers(*reader).iter().find(|value| !within(value)) {
                return Some(format!("{reader:?} is {value} somewhere: {:?}", system.node(*reader)));
            }
        }
    }
    let wrong = |product: &&Product| !holds(system, values, product);
    system.products.iter().find(wrong).map(|product| format!("{product:?} does not hold"))
}

fn holds(system: &System, values: &Values, product: &Product) -> bool {
    let names = |(id, names): &(NodeId, Vec<u8>)| {
        names.iter().copied().zip(system.shape(*id).iter().copied()).collect::<Vec<_>>()
    };
    let (a, b) = (names(&product.a), names(&product.b));
    let sizes: BTreeMap<u8, usize> = a.iter().chain(&b).copied().collect();
    let all: Vec<u8> = sizes.keys().copied().collect();
    let flat = |names: &[u8], index: &BTreeMap<u8, usize>| {
        names.iter().fold(0, |flat, name| flat * sizes[name] + index[name])
    };
    let mut out = vec![Val::ZERO; product.out.iter().map(|name| sizes[name]).product()];
    let (left, right) = (values.field(product.a.0), values.field(product.b.0));
    for mut place in 0..sizes.values().product::<usize>() {
        let mut index = BTreeMap::new();
        for name in all.iter().rev() {
            index.insert(*name, place % sizes[name]);
            place /= sizes[name];
        }
        out[flat(&product.out, &index)] +=
            left[flat(&product.a.1, &index)] * right[flat(&product.b.1, &index)];
    }
    match product.result {
        None => out.iter().all(|value| *value == Val::ZERO),
        Some(id) => out == values.field(id),
    }
}
