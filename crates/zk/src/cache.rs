//! Relations built once: pricing, proving and checking the same public part share one build.
//!
//! The key is the digest of the whole public part under its statement's name, so that a hit is always the very relation
//! that building would give, whoever wrote the statement. The cache holds at most a fixed weight and starts again when
//! it is full; what it holds never changes a verdict.

use crate::Computation;
use crate::statement::StatementError;
use bitneuron_core::Digest;
use bitneuron_core::exact::{Binding, Op, Relation};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The most elements held: 2²², that is 32 MiB.
const CAPACITY: usize = 1 << 22;
/// What a node or an input weighs besides its tables, in elements.
const NODE: usize = 64;

#[derive(Debug, Default)]
struct Shelf {
    relations: BTreeMap<Digest, Arc<Relation>>,
    weight: usize,
}

/// The relations built lately.
#[derive(Debug, Default)]
pub(crate) struct Relations(Mutex<Shelf>);

impl Relations {
    /// The relation of `public`, whose [`crate::statement::public_digest`] is `key`.
    pub(crate) fn get<S: Computation>(
        &self,
        key: Digest,
        public: &S::Public,
    ) -> Result<Arc<Relation>, StatementError> {
        // Nothing is left half done under the lock, so a poisoned one is as good as any.
        if let Some(known) = self.0.lock().unwrap_or_else(PoisonError::into_inner).relations.get(&key) {
            return Ok(known.clone());
        }
        let built = Arc::new(S::relation(public)?);
        let weight = weight(&built);
        if weight <= CAPACITY / 4 {
            let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if shelf.weight.saturating_add(weight) > CAPACITY {
                *shelf = Shelf::default();
            }
            if shelf.relations.insert(key, built.clone()).is_none() {
                shelf.weight = shelf.weight.saturating_add(weight);
            }
        }
        Ok(built)
    }
}

/// About how many 8-byte words a relation takes.
fn weight(relation: &Relation) -> usize {
    let tables = relation.program.tables().iter().map(|table| table.values.len());
    let nodes = relation.program.nodes().iter().map(|node| match &node.op {
        Op::Constant(tensor) => tensor.len(),
        Op::Concat(parts) => parts.len(),
        _ => 0,
    });
    let bindings = relation.inputs.iter().chain(&relation.outputs).map(|binding| match binding {
        Binding::Public(tensor) => tensor.len(),
        Binding::Committed(_) => 0,
    });
    let sizes = tables.chain(nodes).chain(bindings);
    sizes.fold(0, |total: usize, own| total.saturating_add(own).saturating_add(NODE))
}
