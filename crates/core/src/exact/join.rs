//! Joins: several relations as one, proved once.
//!
//! The joined program runs the parts one after the other. Committed inputs with the same commitment are the same tensor, so
//! they become one input: data that ten steps train on are read once. A *link* is a tensor that one part gives and a later
//! one takes and that nobody needs to know: it goes from part to part inside the program and is not committed at all.

use super::builder::Builder;
use super::{Binding, Interval, Op, Program, ProgramError, Relation, ValueId};
use crate::Commitment;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use thiserror::Error;

/// Why relations cannot be joined.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The joined program cannot be built.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// Another number of bindings than the part has inputs and outputs.
    #[error("part {0} binds another number of values than it has")]
    Bindings(usize),
    /// A tensor is used with two shapes, or no element could lie in all its intervals.
    #[error("two parts disagree about the tensor {0:?}")]
    Disagree(Commitment),
    /// A link that is not given by one part and then taken by one later part.
    #[error("the link {0:?} is not given once and then taken once")]
    Link(Commitment),
}

impl Relation {
    /// The relation that holds exactly if all `parts` hold, for one choice of the tensors they share.
    ///
    /// Its inputs are those of the parts in order, without repetitions of a commitment; its outputs are those of the parts.
    /// Each of `links` stands in the place of a commitment, as output of one part and as input of a later one; it says
    /// which value goes where and is bound to nothing: instead of "its commitment is this", the joined relation says "there
    /// is such a tensor".
    ///
    /// # Errors
    /// Parts that are no relations, disagree about a tensor, or together are larger than a program may be; a link that is
    /// not given once and then taken once.
    pub fn join(parts: &[Self], links: &BTreeSet<Commitment>) -> Result<Self, JoinError> {
        let mut join = Join::new(links);
        for (number, part) in parts.iter().enumerate() {
            join.inputs_of(number, part)?;
        }
        join.declare()?;
        parts.iter().try_for_each(|part| join.run(part))?;
        if let Some(open) = links.iter().find(|link| !join.taken.contains(*link)) {
            return Err(JoinError::Link(*open));
        }
        let Join { builder, inputs, outputs, .. } = join;
        let inputs = inputs.into_iter().map(|input| input.binding).collect();
        Ok(Self { program: builder.build()?, inputs, outputs })
    }
}

/// An input of the joined relation.
struct Joined {
    shape: Vec<u32>,
    interval: Interval,
    binding: Binding,
}

struct Join<'a> {
    links: &'a BTreeSet<Commitment>,
    builder: Builder,
    inputs: Vec<Joined>,
    outputs: Vec<Binding>,
    /// Where committed inputs stand.
    places: BTreeMap<Commitment, usize>,
    /// The inputs of all parts in order: their places; `None` for links.
    plan: VecDeque<Option<usize>>,
    given: BTreeMap<Commitment, ValueId>,
    taken: BTreeSet<Commitment>,
}

impl<'a> Join<'a> {
    fn new(links: &'a BTreeSet<Commitment>) -> Self {
        Self {
            links,
            builder: Builder::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            places: BTreeMap::new(),
            plan: VecDeque::new(),
            given: BTreeMap::new(),
            taken: BTreeSet::new(),
        }
    }

    /// Finds a place for each input of a part.
    fn inputs_of(&mut self, number: usize, part: &Relation) -> Result<(), JoinError> {
        let declared = part.program.inputs();
        if part.inputs.len() != declared.len() || part.outputs.len() != part.program.outputs().len() {
            return Err(JoinError::Bindings(number));
        }
        for (binding, input) in part.inputs.iter().zip(declared) {
            let place = match binding {
                Binding::Committed(link) if self.links.contains(link) => None,
                Binding::Committed(commitment) => {
                    let next = self.inputs.len();
                    let place = *self.places.entry(*commitment).or_insert(next);
                    match self.inputs.get_mut(place) {
                        None => self.inputs.push(Joined {
                            shape: input.shape.clone(),
                            interval: input.interval,
                            binding: binding.clone(),
                        }),
                        Some(known) => {
                            let both = Interval::new(
                                known.interval.lo.max(input.interval.lo),
                                known.interval.hi.min(input.interval.hi),
                            );
                            known.interval = both
                                .filter(|_| known.shape == input.shape)
                                .ok_or(JoinError::Disagree(*commitment))?;
                        }
                    }
                    Some(place)
                }
                Binding::Public(_) => {
                    self.inputs.push(Joined {
                        shape: input.shape.clone(),
                        interval: input.interval,
                        binding: binding.clone(),
                    });
                    Some(self.inputs.len().saturating_sub(1))
                }
            };
            self.plan.push_back(place);
        }
        Ok(())
    }

    fn declare(&mut self) -> Result<(), JoinError> {
        for input in &self.inputs {
            self.builder.input(&input.shape, input.interval)?;
        }
        Ok(())
    }

    /// Appends the operations of a part.
    fn run(&mut self, part: &Relation) -> Result<(), JoinError> {
        let program = &part.program;
        let mut values = Vec::with_capacity(program.inputs().len().saturating_add(program.nodes().len()));
        for (binding, input) in part.inputs.iter().zip(program.inputs()) {
            values.push(match (self.plan.pop_front().flatten(), binding) {
                (Some(place), _) => ValueId(u32::try_from(place).unwrap_or(u32::MAX)),
                (None, Binding::Committed(link)) => self.take(*link, &input.shape, input.interval)?,
                (None, Binding::Public(tensor)) => return Err(JoinError::Link(tensor.commitment())),
            });
        }
        let tables = self.tables(program)?;
        for node in program.nodes() {
            let mut op =
                node.op.renamed(|id| values.get(id.0 as usize).copied().unwrap_or(ValueId(u32::MAX)));
            if let Op::Lookup { table, .. } = &mut op {
                *table = tables.get(*table as usize).copied().unwrap_or(u32::MAX);
            }
            values.push(self.builder.op_again(op, node.interval)?);
        }
        for (binding, id) in part.outputs.iter().zip(program.outputs()) {
            let value = values.get(id.0 as usize).copied().ok_or(ProgramError::Missing(*id))?;
            match binding {
                Binding::Committed(link) if self.links.contains(link) => {
                    if self.given.insert(*link, value).is_some() {
                        return Err(JoinError::Link(*link));
                    }
                }
                _ => {
                    self.builder.output(value);
                    self.outputs.push(binding.clone());
                }
            }
        }
        Ok(())
    }

    /// The value of a link, inside the interval that its taker declares.
    fn take(&mut self, link: Commitment, shape: &[u32], interval: Interval) -> Result<ValueId, JoinError> {
        let value = self.given.get(&link).copied().filter(|_| self.taken.insert(link));
        let value = value.ok_or(JoinError::Link(link))?;
        if self.builder.shape(value)? != shape {
            return Err(JoinError::Disagree(link));
        }
        if interval.covers(self.builder.interval(value)?) {
            return Ok(value);
        }
        Ok(self.builder.op_again(Op::Reshape { a: value, shape: shape.to_vec() }, interval)?)
    }

    /// Where the tables of a program stand in the joined one.
    fn tables(&mut self, program: &Program) -> Result<Vec<u32>, ProgramError> {
        program.tables().iter().map(|table| self.builder.table(table)).collect()
    }
}
