//! The prover's side of the last sumcheck: one weighted sum of all cells, brought to one point.
//!
//! `Σ_x w(x)·f(x) = v` with `f` the cells of all groups and `w` the weights of the one claim that is left. Messages are the
//! values at 0 and 2. They are sent as they are: random cells of all groups, which `w` weighs with powers of a challenge, make them
//! uniform.

use super::field::{Ext, Val};
use super::product::fold;
use p3_field::{ExtensionField, Field, PackedFieldExtension, PackedValue, PrimeCharacteristicRing};

type Packed = <Ext as ExtensionField<Val>>::ExtensionPacking;
type Lane = <Val as Field>::Packing;

/// Runs the prover's side; `round` is given the values at 0 and 2 and answers with the challenge.
pub(super) fn prove<E>(
    cells: &[Val],
    weights: Vec<Ext>,
    mut round: impl FnMut(Ext, Ext) -> Result<Ext, E>,
) -> Result<(), E> {
    let width = Lane::WIDTH;
    if cells.len() < 4 * width {
        return scalar(cells.iter().map(|cell| Ext::from(*cell)).collect(), weights, round);
    }
    let sum = |pair: (Packed, Packed)| {
        let sum =
            |packed: Packed| <Packed as PackedFieldExtension<Val, Ext>>::to_ext_iter([packed]).sum::<Ext>();
        (sum(pair.0), sum(pair.1))
    };
    // The first round on the base field, where products are cheap; weights are packed when there are half as many.
    let f = Lane::pack_slice(cells);
    let half = f.len() / 2;
    let line =
        |i: usize| [i, i + half].map(|place| Packed::from_ext_slice(&weights[place * width..][..width]));
    let (mut zero, mut two) = (Packed::ZERO, Packed::ZERO);
    for i in 0..half {
        let [low, high] = line(i);
        zero += low * f[i];
        two += (high.double() - low) * (f[i + half].double() - f[i]);
    }
    let (zero, two) = sum((zero, two));
    let r = Packed::from(round(zero, two)?);
    let mut w: Vec<Packed> = (0..half)
        .map(|i| {
            let [low, high] = line(i);
            low + r * (high - low)
        })
        .collect();
    drop(weights);
    let mut f: Vec<Packed> = (0..half).map(|i| r * (f[i + half] - f[i]) + f[i]).collect();
    while f.len() > 1 {
        let half = f.len() / 2;
        let (mut zero, mut two) = (Packed::ZERO, Packed::ZERO);
        for i in 0..half {
            zero += w[i] * f[i];
            two += (w[i + half].double() - w[i]) * (f[i + half].double() - f[i]);
        }
        let (zero, two) = sum((zero, two));
        let r = Packed::from(round(zero, two)?);
        fold(&mut f, r);
        fold(&mut w, r);
    }
    let unpacked =
        |table: Vec<Packed>| <Packed as PackedFieldExtension<Val, Ext>>::to_ext_iter(table).collect();
    scalar(unpacked(f), unpacked(w), round)
}

fn scalar<E>(
    mut f: Vec<Ext>,
    mut w: Vec<Ext>,
    mut round: impl FnMut(Ext, Ext) -> Result<Ext, E>,
) -> Result<(), E> {
    while f.len() > 1 {
        let half = f.len() / 2;
        let (mut zero, mut two) = (Ext::ZERO, Ext::ZERO);
        for i in 0..half {
            zero += w[i] * f[i];
            two += (w[i + half].double() - w[i]) * (f[i + half].double() - f[i]);
        }
        let r = round(zero, two)?;
        fold(&mut f, r);
        fold(&mut w, r);
    }
    Ok(())
}
