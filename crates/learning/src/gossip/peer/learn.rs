//! Lines 7 and 8: what a peer does with models that arrived.

use super::super::inbox::{Inbox, Waiting, join};
use super::super::{GossipError, ModelCodec, Offence, manner::Order};
use super::{Effect, Peer};
use crate::merge::{Contribution, MergeError, Merged};
use crate::update::{Progress, Update, UpdateError};
use bitneuron_core::{NodeId, Outbox, Seed, Share, Weight};

/// A model with others merged in, trained.
struct Trained<T> {
    value: T,
    age: u64,
    heard: Vec<(NodeId, Share)>,
    progress: Progress,
}

/// Why a foreign model was not learned from.
enum Failure {
    Theirs(Offence),
    Ours(GossipError),
}

impl Failure {
    fn of_merge(error: MergeError, from: NodeId) -> Self {
        if error.culprit() == Some(from) {
            Self::Theirs(Offence::Merge(error))
        } else {
            Self::Ours(error.into())
        }
    }

    fn of_update(error: UpdateError) -> Self {
        match error {
            UpdateError::Diverged { .. } => Self::Theirs(Offence::Update(error)),
            _ => Self::Ours(error.into()),
        }
    }
}

impl<U, C, T, D> Peer<U, C, T, D>
where
    U: Update<T, D>,
    C: ModelCodec<T>,
    T: Clone,
{
    /// Lines 7 and 8 with one model.
    pub(super) fn learn_from(
        &mut self,
        from: NodeId,
        one: Waiting<T>,
        out: &mut Outbox<Effect>,
    ) -> Result<(), GossipError> {
        let useful = one.age >= self.codec.age_beside(&self.model, self.age, &one.value);
        match self.trained_with(from, one) {
            Ok(trained) => self.accept(trained, out),
            Err(Failure::Ours(error)) => return Err(error),
            Err(Failure::Theirs(why)) => {
                out.push(Effect::Offence { by: from, why });
                return Ok(());
            }
        }
        let draw = self.draw();
        let copies = self.account.arrival(self.rules.manner.flow, useful, draw);
        if copies > 0 {
            self.select(u32::try_from(copies).unwrap_or(u32::MAX), out);
        }
        Ok(())
    }

    fn accept(&mut self, trained: Trained<T>, out: &mut Outbox<Effect>) {
        let Trained { value, age, heard, progress } = trained;
        self.model = value;
        self.age = age;
        self.learned += 1;
        out.push(Effect::Learned { heard, progress, age });
    }

    /// The seed of the next training.
    fn next(&self) -> Seed {
        self.seed.derive_number("update", self.learned)
    }

    fn trained_with(&mut self, from: NodeId, one: Waiting<T>) -> Result<Trained<T>, Failure> {
        let (round, seed) = (self.learned, self.next());
        let Waiting { weight, age, mut value } = one;
        match self.rules.manner.order {
            Order::MergeUpdate => {
                let own =
                    Contribution { from: self.id, weight: Weight(1), age: self.age, value: &self.model };
                let theirs = Contribution { from, weight, age, value: &value };
                let merged = self.rules.merge.merge(&own, &[theirs]); // line 7
                let Merged { mut value, age, influence, .. } =
                    merged.map_err(|error| Failure::of_merge(error, from))?;
                let progress = self.update.update(&mut value, &self.data, round, seed); // line 8
                let progress = progress.map_err(Failure::of_update)?;
                let heard = influence.first().map(|share| (from, *share)).into_iter().collect();
                Ok(Trained { value, age: age.saturating_add(1), heard, progress })
            }
            Order::UpdateMerge => {
                self.update
                    .update(&mut value, &self.data, round, seed.derive("theirs"))
                    .map_err(Failure::of_update)?;
                let mut own = self.model.clone();
                let progress = self.update.update(&mut own, &self.data, round, seed);
                let progress = progress.map_err(|error| Failure::Ours(error.into()))?;
                let own = Contribution { from: self.id, weight: Weight(1), age: self.age, value: &own };
                let theirs = Contribution { from, weight, age, value: &value };
                let merged = self.rules.merge.merge(&own, &[theirs]);
                let Merged { value, age, influence, .. } =
                    merged.map_err(|error| Failure::of_merge(error, from))?;
                let heard = influence.first().map(|share| (from, *share)).into_iter().collect();
                Ok(Trained { value, age: age.saturating_add(1), heard, progress })
            }
            Order::Update => {
                let progress = self.update.update(&mut value, &self.data, round, seed);
                let progress = progress.map_err(Failure::of_update)?;
                Ok(Trained { value, age: age.saturating_add(1), heard: vec![(from, Share::ONE)], progress })
            }
        }
    }

    /// Lines 7 and 8 with all that waits, or alone. Whatever fails, nothing waits any longer.
    pub(super) fn turn(&mut self, out: &mut Outbox<Effect>) {
        let inbox = std::mem::take(&mut self.inbox);
        let trained = match self.rules.manner.order {
            Order::MergeUpdate => self.merged_then_trained(&inbox, out),
            Order::UpdateMerge => self.trained_then_merged(&inbox, out),
            Order::Update => self.oldest_trained(inbox, out),
        };
        match trained {
            Ok(trained) => self.accept(trained, out),
            Err(error) => out.push(Effect::Missed(error.into())),
        }
    }

    fn merged_then_trained(
        &mut self,
        inbox: &Inbox<T>,
        out: &mut Outbox<Effect>,
    ) -> Result<Trained<T>, UpdateError> {
        let (round, seed) = (self.learned, self.next());
        let own = Contribution { from: self.id, weight: Weight(1), age: self.age, value: &self.model };
        if let Some(joined) = join(self.rules.merge.as_ref(), &own, inbox, |fault| out.push(fault.into())) {
            let mut value = joined.merged.value.clone();
            match self.update.update(&mut value, &self.data, round, seed) {
                Ok(progress) => {
                    let age = joined.merged.age.saturating_add(1);
                    return Ok(Trained { value, age, heard: joined.shares(), progress });
                }
                Err(error) => blame(&joined.names, error, out),
            }
        }
        self.alone()
    }

    fn trained_then_merged(
        &mut self,
        inbox: &Inbox<T>,
        out: &mut Outbox<Effect>,
    ) -> Result<Trained<T>, UpdateError> {
        let Trained { value, age, heard, progress } = self.alone()?;
        let own = Contribution { from: self.id, weight: Weight(1), age, value: &value };
        Ok(match join(self.rules.merge.as_ref(), &own, inbox, |fault| out.push(fault.into())) {
            None => Trained { value, age, heard, progress },
            Some(joined) => {
                let heard = joined.shares();
                Trained { value: joined.merged.value, age: joined.merged.age, heard, progress }
            }
        })
    }

    /// The model that walked furthest goes on, the own one where none came by.
    fn oldest_trained(
        &mut self,
        inbox: Inbox<T>,
        out: &mut Outbox<Effect>,
    ) -> Result<Trained<T>, UpdateError> {
        let (round, seed) = (self.learned, self.next());
        let oldest = inbox.into_iter().rev().max_by_key(|(_, one)| one.age);
        if let Some((from, Waiting { mut value, age, .. })) = oldest {
            match self.update.update(&mut value, &self.data, round, seed) {
                Ok(progress) => {
                    let heard = vec![(from, Share::ONE)];
                    return Ok(Trained { value, age: age.saturating_add(1), heard, progress });
                }
                Err(error) => blame(&[from], error, out),
            }
        }
        self.alone()
    }

    /// Line 8 without line 7.
    fn alone(&mut self) -> Result<Trained<T>, UpdateError> {
        let (round, seed) = (self.learned, self.next());
        let mut value = self.model.clone();
        let progress = self.update.update(&mut value, &self.data, round, seed)?;
        Ok(Trained { value, age: self.age.saturating_add(1), heard: Vec::new(), progress })
    }
}

/// Tells whose models could not be trained: one alone is to blame, of several nobody knows who is.
fn blame(names: &[NodeId], why: UpdateError, out: &mut Outbox<Effect>) {
    out.push(match names {
        [by] if matches!(why, UpdateError::Diverged { .. }) => {
            Effect::Offence { by: *by, why: Offence::Update(why) }
        }
        _ => Effect::Discarded { from: names.to_vec(), why: why.into() },
    });
}
