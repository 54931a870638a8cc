//! A committed run, and the opening of one unit of it.

use super::freivalds;
use super::outline::{Outline, Target, Unit};
use crate::pack;
use bitneuron_core::exact::relation::RelationError;
use bitneuron_core::exact::{Binding, Relation, Run, Tensor, ValueId, compute, execute};
use bitneuron_core::merkle::{self, Inclusion, Tree};
use bitneuron_core::{Bytes, Digest, Seed, Wire};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use thiserror::Error;

/// A relation with its outline: what prover, auditor and referee share.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The relation.
    pub relation: Arc<Relation>,
    /// Its outline.
    pub outline: Arc<Outline>,
}

/// A run whose anchors are committed. Only its prover has it.
#[derive(Debug, Clone)]
pub struct Trace {
    inputs: Vec<Tensor>,
    anchors: Vec<Bytes>,
    tree: Tree,
}

/// The tensors of one unit, each shown to be the committed one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// The committed inputs and anchors that the unit's slice begins with, in its order, then the anchor that it computes.
    pub tensors: Vec<Shown>,
}

impl Wire for Opening {
    const LIMIT: usize = 64 << 20;
}

/// A tensor with its place under the root, when it is an anchor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The tensor, [packed](crate::pack).
    pub packed: Bytes,
    /// Its way to the root; none for an input, which the statement commits to.
    pub inclusion: Option<Inclusion>,
}

/// Why an opening does not answer an audit. Whoever owes the answer is at fault for each of them.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Fault {
    /// No such unit.
    #[error("no unit {0}")]
    Unit(usize),
    /// Tensors are missing, in excess or cannot be read.
    #[error("malformed: {0}")]
    Malformed(String),
    /// A tensor that is not the one committed.
    #[error("value {0:?} is not the one committed")]
    NotCommitted(ValueId),
    /// The unit's slice does not run on these tensors.
    #[error("the unit does not run: {0}")]
    Run(String),
    /// The committed result is not what the unit computes.
    #[error("unit {0} computes something else")]
    False(usize),
}

/// The leaf of an anchor.
fn leaf(packed: &[u8]) -> Digest {
    merkle::leaf(packed)
}

impl Trace {
    /// Runs the relation's program on its witness and commits to the anchors; whether the outputs are the stated ones is not
    /// looked at here.
    ///
    /// # Errors
    /// Another number of witness tensors, or a program that does not run on them.
    pub fn new(plan: &Plan, witness: Vec<Tensor>) -> Result<Self, RelationError> {
        let inputs = plan.relation.assemble(witness)?;
        let run = execute(&plan.relation.program, &inputs)?;
        Ok(Self::commit(plan, inputs, &run))
    }

    /// Commits to the anchors of a run of the plan's program on these inputs, which are not looked at.
    pub fn commit(plan: &Plan, inputs: Vec<Tensor>, run: &Run) -> Self {
        let packed = |id: &ValueId| {
            let mut bytes = Vec::new();
            run.values().get(id.0 as usize).into_iter().for_each(|tensor| pack::write(tensor, &mut bytes));
            Bytes(bytes)
        };
        let anchors = plan.outline.anchors().iter().map(packed).collect();
        Self::of(inputs, anchors)
    }

    fn of(inputs: Vec<Tensor>, anchors: Vec<Bytes>) -> Self {
        let tree = Tree::new(anchors.iter().map(|packed| leaf(packed)).collect());
        Self { inputs, anchors, tree }
    }

    /// The commitment to all anchors.
    pub fn root(&self) -> Digest {
        self.tree.root()
    }

    /// The tree over the anchors.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The same run with another tensor in an anchor's place: a cheater's.
    #[cfg(feature = "suite")]
    #[must_use]
    pub fn with_anchor(&self, place: usize, tensor: &Tensor) -> Self {
        let mut anchors = self.anchors.clone();
        if let Some(anchor) = anchors.get_mut(place) {
            let mut bytes = Vec::new();
            pack::write(tensor, &mut bytes);
            *anchor = Bytes(bytes);
        }
        Self::of(self.inputs.clone(), anchors)
    }

    /// The tensor of an anchor.
    pub fn anchor(&self, plan: &Plan, place: usize) -> Option<Tensor> {
        let shape = plan.relation.program.shape(*plan.outline.anchors().get(place)?)?;
        pack::read(&mut &**self.anchors.get(place)?, shape).ok()
    }

    /// Opens a unit; `None` when there is no such unit.
    pub fn open(&self, plan: &Plan, unit: usize) -> Option<Opening> {
        let unit = plan.outline.units().get(unit)?;
        let tensors = shown(plan, unit).map(|value| match value {
            Committed::Anchor(place) => Some(Shown {
                packed: self.anchors.get(place)?.clone(),
                inclusion: Some(self.tree.prove(place)?),
            }),
            Committed::Input(place) => {
                let mut packed = Vec::new();
                pack::write(self.inputs.get(place)?, &mut packed);
                Some(Shown { packed: Bytes(packed), inclusion: None })
            }
        });
        Some(Opening { tensors: tensors.collect::<Option<_>>()? })
    }
}

/// A tensor that an opening shows.
enum Committed {
    /// A committed input of the relation.
    Input(usize),
    /// An anchor.
    Anchor(usize),
}

/// What the opening of a unit shows, in order.
fn shown<'a>(plan: &'a Plan, unit: &'a Unit) -> impl Iterator<Item = Committed> + 'a {
    let target = match unit.target {
        Target::Anchor(place) => Some(Committed::Anchor(place as usize)),
        Target::Output(_) => None,
    };
    unit.slice.inputs.iter().filter_map(|id| committed(plan, *id)).chain(target)
}

/// Where a slice's input is committed; `None` when it is public.
fn committed(plan: &Plan, id: ValueId) -> Option<Committed> {
    match plan.outline.place(id) {
        Some(place) => Some(Committed::Anchor(place)),
        None => match plan.relation.inputs.get(id.0 as usize)? {
            Binding::Committed(_) => Some(Committed::Input(id.0 as usize)),
            Binding::Public(_) => None,
        },
    }
}

impl Plan {
    /// Checks the opening of a unit against the root. The seed must have been drawn after the root was fixed.
    ///
    /// # Errors
    /// Why it is no answer.
    pub fn audit(&self, root: Digest, unit: usize, opening: &Opening, seed: Seed) -> Result<(), Fault> {
        let at = unit;
        let unit = self.outline.units().get(unit).ok_or(Fault::Unit(at))?;
        let mut shown = opening.tensors.iter();
        let mut inputs = Vec::with_capacity(unit.slice.inputs.len());
        for id in &unit.slice.inputs {
            inputs.push(match (committed(self, *id), self.relation.inputs.get(id.0 as usize)) {
                (None, Some(Binding::Public(tensor))) => tensor.clone(),
                (Some(_), _) => self.tensor(root, *id, shown.next())?,
                _ => return Err(Fault::Unit(at)),
            });
        }
        let stated = match unit.target {
            Target::Anchor(place) => {
                let id = self.outline.anchors().get(place as usize).ok_or(Fault::Unit(at))?;
                Some((*id, self.tensor(root, *id, shown.next())?))
            }
            Target::Output(_) => None,
        };
        if shown.next().is_some() {
            return Err(Fault::Malformed("more tensors than the unit has".into()));
        }
        let outputs = compute(&unit.slice.program, &inputs).map_err(|error| Fault::Run(error.to_string()))?;
        let right = match (&unit.product, outputs.as_slice(), &stated, unit.target) {
            (Some(spec), [left, right], Some((id, out)), _) => {
                // The modulus tells only numbers of the declared interval apart.
                let declared = self.relation.program.interval(*id);
                let inside = |value: &i64| declared.is_some_and(|interval| interval.contains(*value));
                out.data().iter().all(inside) && freivalds::agrees(spec, left, right, out, seed)
            }
            (None, [computed], Some((_, out)), _) => computed == out,
            (None, [computed], None, Target::Output(place)) => {
                self.relation.outputs.get(place as usize).is_some_and(|binding| binding.admits(computed))
            }
            _ => false,
        };
        if right { Ok(()) } else { Err(Fault::False(at)) }
    }

    /// Reads a tensor and checks that it is the committed one.
    fn tensor(&self, root: Digest, id: ValueId, shown: Option<&Shown>) -> Result<Tensor, Fault> {
        let missing = || Fault::Malformed(format!("value {id:?} is missing"));
        let (shown, shape) = (shown.ok_or_else(missing)?, self.relation.program.shape(id).unwrap_or(&[]));
        let mut bytes: &[u8] = &shown.packed;
        let tensor = pack::read(&mut bytes, shape).map_err(|error| Fault::Malformed(error.to_string()))?;
        if !bytes.is_empty() {
            return Err(Fault::Malformed(format!("{} bytes after value {id:?}", bytes.len())));
        }
        let committed = match (self.outline.place(id), &shown.inclusion) {
            (Some(place), Some(inclusion)) => {
                let leaves = self.outline.anchors().len() as u64;
                (inclusion.index, inclusion.leaves) == (place as u64, leaves)
                    && inclusion.verify(root, leaf(&shown.packed))
            }
            (None, None) => {
                self.relation.inputs.get(id.0 as usize).is_some_and(|binding| binding.admits(&tensor))
            }
            _ => false,
        };
        if committed { Ok(tensor) } else { Err(Fault::NotCommitted(id)) }
    }
}
