//! How differently a model treats groups of people: the three gaps that fair learning is judged by.
//!
//! ```text
//! demographic parity   max_c       spread_z P(ŷ = c | z)
//! equalised odds       max_y max_c spread_z P(ŷ = c | y, z)            Hardt, Price and Srebro 2016
//! equal opportunity                spread_z P(ŷ = 1 | y = 1, z)
//! ```
//!
//! where the spread is the largest less the smallest over the groups z that have such rows. With two classes and two
//! groups these are the usual gaps. 0 is fair, 1 is the worst.

use crate::eval;
use crate::model::{Model, ModelError};
use bitneuron_core::Dataset;
use std::collections::BTreeMap;

/// The gaps of a model on a data set.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Fairness {
    /// How differently often a class is named.
    pub demographic_parity: f64,
    /// How differently often a class is named where a class is true.
    pub equalised_odds: f64,
    /// How differently often class 1 is found.
    pub equal_opportunity: f64,
}

/// Counts of named classes.
type Named = Vec<u64>;

/// Measures a model on rows whose groups are `z`, one for each row; rows beyond the shorter of both are left out.
///
/// ```
/// use bitneuron_core::{Dataset, Seed};
/// use bitneuron_learning::fairness::{Fairness, fairness};
/// use bitneuron_learning::model::{Model, SoftmaxRegression};
/// let model = SoftmaxRegression::new(1, 2)?;
/// let params = model.init(Seed::default()); // names class 0 always, for everybody
/// let data = Dataset::new(ndarray::arr2(&[[0.0], [1.0], [0.0], [1.0]]), vec![0, 1, 0, 1])?;
/// assert_eq!(fairness(&model, params.values(), &data, &[0, 0, 1, 1])?, Fairness::default());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Parameters or data that do not fit the model.
pub fn fairness(
    model: &dyn Model,
    params: &[f32],
    data: &Dataset,
    z: &[u32],
) -> Result<Fairness, ModelError> {
    let classes = model.outputs();
    let mut by_group = BTreeMap::<u32, Named>::new();
    let mut by_class = BTreeMap::<u32, BTreeMap<u32, Named>>::new();
    let mut groups = z.iter();
    eval::scored(model, params, data, |scores, label| {
        if let Some(group) = groups.next() {
            let of_class = by_class.entry(label).or_default();
            for named in [by_group.entry(*group).or_default(), of_class.entry(*group).or_default()] {
                named.resize(classes, 0);
                named[eval::argmax(scores)] += 1;
            }
        }
    })?;
    let widest =
        |groups: &BTreeMap<u32, Named>| (0..classes).map(|class| spread(groups, class)).fold(0.0, f64::max);
    Ok(Fairness {
        demographic_parity: widest(&by_group),
        equalised_odds: by_class.values().map(widest).fold(0.0, f64::max),
        equal_opportunity: by_class.get(&1).map_or(0.0, |groups| spread(groups, 1)),
    })
}

/// The largest share of `class` among the named less the smallest, over all groups.
fn spread(groups: &BTreeMap<u32, Named>, class: usize) -> f64 {
    let share = |named: &Named| {
        let all: u64 = named.iter().sum();
        named.get(class).copied().unwrap_or(0) as f64 / all.max(1) as f64
    };
    eval::Spread::of(groups.values().map(share)).map_or(0.0, |spread| spread.best - spread.worst)
}
