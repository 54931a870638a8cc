//! A corpus of small relations that every backend is judged on.
//!
//! [`corpus`] gives true relations with their witnesses: one or more for every operation of `core::exact` with its edge
//! cases (ties, negatives, sizes that are no power of two, scalars, repeated rows), one or more for every family of programs,
//! and one for every standard statement, alone and joined.
//! [`lies`] gives the false variants of one: a wrong element in each output, a wrong element in each committed input
//! whose commitment is made to match, an element outside its interval, and a witness that is not the one committed.
//!
//! ```
//! use bitneuron_zk::suite::{corpus, lies};
//! for example in corpus() {
//!     assert_eq!(example.relation.holds(example.witness.clone()), Ok(()), "{}", example.name);
//!     for (lie, relation, witness) in lies(&example) {
//!         assert!(relation.holds(witness).is_err(), "{}: {lie}", example.name);
//!     }
//! }
//! ```

mod lies;
mod operations;
mod programs;
mod sketch;
mod statements;

pub use lies::lies;

use crate::statement::StatementError;
use bitneuron_core::exact::{Relation, Tensor};

/// A true relation with its witness.
#[derive(Debug, Clone)]
pub struct Example {
    /// What it is about, unique in the corpus.
    pub name: &'static str,
    /// The program with its inputs and outputs bound.
    pub relation: Relation,
    /// The committed inputs, in input order.
    pub witness: Vec<Tensor>,
}

/// All examples; the same at every call.
pub fn corpus() -> Vec<Example> {
    all().unwrap_or_else(|error| unreachable!("an example that cannot be built: {error}"))
}

fn all() -> Result<Vec<Example>, StatementError> {
    let mut all = operations::examples()?;
    all.extend(programs::examples()?);
    all.extend(statements::examples()?);
    Ok(all)
}
