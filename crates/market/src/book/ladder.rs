//! One side of a lot, best order first: a sorted list in chunks, each with the highest reach of its rungs.
//!
//! Rungs are ordered by (rank, sequence): price first, then time. A search walks the chunks in that order, skips every
//! chunk in which nothing reaches far enough, and stops at the worst rank asked for. With n rungs an insertion costs a
//! binary search and a move within one chunk; a search that finds nothing costs n / 64 comparisons at most. So offers
//! that nobody's grade accepts do not slow the book down.

/// The place of one order. Both sides use the same two numbers, so that smaller ranks are better and larger reaches
/// fit more:
///
/// | side | rank | reach |
/// |---|---|---|
/// | offer | price | grade |
/// | bid | !price | !grade |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rung {
    pub(super) rank: u128,
    pub(super) sequence: u64,
    pub(super) reach: u64,
}

impl Rung {
    /// Where the rung stands.
    pub(super) const fn place(&self) -> (u128, u64) {
        (self.rank, self.sequence)
    }
}

/// A run of rungs, never empty.
#[derive(Debug, Clone, Default)]
struct Chunk {
    rungs: Vec<Rung>,
    reach: u64,
}

impl Chunk {
    const FULL: usize = 128;

    fn of(rungs: Vec<Rung>) -> Self {
        let reach = rungs.iter().map(|rung| rung.reach).max().unwrap_or(0);
        Self { rungs, reach }
    }

    fn last(&self) -> Option<(u128, u64)> {
        self.rungs.last().map(Rung::place)
    }
}

/// The open orders of one side of a lot.
#[derive(Debug, Clone, Default)]
pub(super) struct Ladder {
    chunks: Vec<Chunk>,
    len: usize,
}

impl Ladder {
    /// How many rungs there are.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// The rank of the best rung.
    pub(super) fn best(&self) -> Option<u128> {
        self.chunks.first().and_then(|chunk| chunk.rungs.first()).map(|rung| rung.rank)
    }

    /// The worst rung.
    pub(super) fn worst(&self) -> Option<&Rung> {
        self.chunks.last().and_then(|chunk| chunk.rungs.last())
    }

    /// The largest reach of all.
    pub(super) fn reach(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.reach).max().unwrap_or(0)
    }

    /// The first chunk that ends at or after `place`.
    fn chunk_of(&self, place: (u128, u64)) -> usize {
        self.chunks.partition_point(|chunk| chunk.last() < Some(place))
    }

    /// Puts a rung in its place; sequences are never repeated.
    pub(super) fn insert(&mut self, rung: Rung) {
        let at = self.chunk_of(rung.place()).min(self.chunks.len().saturating_sub(1));
        let Some(chunk) = self.chunks.get_mut(at) else {
            self.chunks.push(Chunk::of(vec![rung]));
            self.len = 1;
            return;
        };
        let within = chunk.rungs.partition_point(|other| other.place() < rung.place());
        chunk.rungs.insert(within, rung);
        chunk.reach = chunk.reach.max(rung.reach);
        self.len = self.len.saturating_add(1);
        if chunk.rungs.len() > Chunk::FULL {
            let upper = Chunk::of(chunk.rungs.split_off(Chunk::FULL.div_euclid(2)));
            *chunk = Chunk::of(std::mem::take(&mut chunk.rungs));
            self.chunks.insert(at.saturating_add(1), upper);
        }
    }

    /// Takes a rung out, if it is there.
    pub(super) fn remove(&mut self, place: (u128, u64)) {
        let at = self.chunk_of(place);
        let Some(chunk) = self.chunks.get_mut(at) else { return };
        let Ok(within) = chunk.rungs.binary_search_by_key(&place, Rung::place) else { return };
        let gone = chunk.rungs.remove(within);
        self.len = self.len.saturating_sub(1);
        if chunk.rungs.is_empty() {
            self.chunks.remove(at);
        } else if gone.reach == chunk.reach {
            *chunk = Chunk::of(std::mem::take(&mut chunk.rungs));
        }
    }

    /// The first rung after a place (or of all) for which `hit` holds of its rank and reach.
    ///
    /// `hit` is monotone: what holds for a rung holds for a better rank and for a larger reach, so a chunk for whose
    /// best rank and largest reach it fails is skipped.
    pub(super) fn first_after(
        &self,
        after: Option<(u128, u64)>,
        hit: impl Fn(u128, u64) -> bool,
    ) -> Option<Rung> {
        let start = after.map_or(0, |place| self.chunk_of(place));
        let chunks = self.chunks.get(start..).unwrap_or(&[]);
        let worth = |chunk: &&Chunk| chunk.rungs.first().is_some_and(|best| hit(best.rank, chunk.reach));
        let mut rungs = chunks.iter().filter(worth).flat_map(|chunk| &chunk.rungs);
        rungs.find(|rung| Some(rung.place()) > after && hit(rung.rank, rung.reach)).copied()
    }

    /// The rungs no worse than `worst` that reach at least `least`, best first.
    pub(super) fn within(&self, worst: u128, least: u64) -> impl Iterator<Item = &Rung> {
        self.chunks
            .iter()
            .take_while(move |chunk| chunk.rungs.first().is_some_and(|rung| rung.rank <= worst))
            .filter(move |chunk| chunk.reach >= least)
            .flat_map(|chunk| &chunk.rungs)
            .take_while(move |rung| rung.rank <= worst)
            .filter(move |rung| rung.reach >= least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_ladder_is_a_sorted_list(
            steps in prop::collection::vec((0..40u128, 0..2_000u64, any::<bool>(), any::<prop::sample::Index>()), 1..700),
            worst in 0..40u128,
            least in 0..2_000u64,
        ) {
            let (mut ladder, mut model) = (Ladder::default(), Vec::<Rung>::new());
            for (sequence, (rank, reach, remove, index)) in (0..).zip(steps) {
                // Growth wins, so that chunks split; removals of what is there and of what is not.
                if remove && sequence % 3 == 0 && !model.is_empty() {
                    let gone = model.remove(index.index(model.len()));
                    ladder.remove(gone.place());
                    ladder.remove(gone.place());
                } else {
                    let rung = Rung { rank, sequence, reach };
                    ladder.insert(rung);
                    model.push(rung);
                }
            }
            model.sort_by_key(Rung::place);
            prop_assert_eq!(ladder.len(), model.len());
            prop_assert_eq!(ladder.best(), model.first().map(|rung| rung.rank));
            prop_assert_eq!(ladder.worst(), model.last());
            prop_assert_eq!(ladder.reach(), model.iter().map(|rung| rung.reach).max().unwrap_or(0));
            let found: Vec<_> = ladder.within(worst, least).copied().collect();
            model.retain(|rung| rung.rank <= worst && rung.reach >= least);
            prop_assert_eq!(&found, &model);
            let mut walked = Vec::new();
            while let Some(rung) =
                ladder.first_after(walked.last().map(Rung::place), |rank, reach| rank <= worst && reach >= least)
            {
                walked.push(rung);
            }
            prop_assert_eq!(walked, model);
            prop_assert!(ladder.chunks.iter().all(|chunk| !chunk.rungs.is_empty()));
            prop_assert!(ladder.chunks.iter().all(|chunk| chunk.rungs.iter().any(|rung| rung.reach == chunk.reach)));
        }
    }
}
