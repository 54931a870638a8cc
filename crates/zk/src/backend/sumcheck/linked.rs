//! Several Merkle trees as one.
//!
//! The polynomial commitment opens one tree in one run. Here its "tree" may be a list: the root is the list of roots, a row
//! is the rows of all trees side by side, and a column that no tree fills is zero. So groups committed at different times
//! are opened together, and a wrong root among them fails as any wrong root does. How wide each tree is comes from the
//! statement, never from the proof.

use super::field::{Challenger, Trees, Val};
use bitneuron_core::Bytes;
use p3_challenger::CanObserve;
use p3_commit::{BatchOpening, BatchOpeningRef, Mmcs};
use p3_field::PrimeCharacteristicRing;
use p3_matrix::dense::DenseMatrix;
use p3_matrix::{Dimensions, Matrix};
use p3_merkle_tree::PrunedMerklePaths;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::sync::{Arc, Mutex, PoisonError};

/// A root of one tree.
pub(super) type Cap = <Trees as Mmcs<Val>>::Commitment;
/// A tree over an encoded group.
pub(super) type Tree = <Trees as Mmcs<Val>>::ProverData<DenseMatrix<Val>>;

/// One root or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Roots {
    /// Of one tree, as the commitment scheme makes them on its way.
    One(Cap),
    /// Of linked trees.
    Linked(Vec<Cap>),
}

/// The openings of one tree or several.
#[derive(Clone, Serialize, Deserialize)]
pub(super) enum Paths {
    /// Of one tree.
    One(Pruned),
    /// Of linked trees, one each.
    Linked(Vec<Pruned>),
}

/// The digests beside the paths to some leaves, each once. They are more than half of a proof, so they are written as one string
/// of bytes and not byte by byte.
#[derive(Clone)]
pub(super) struct Pruned(<Trees as Mmcs<Val>>::MultiProof);

impl Serialize for Pruned {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0.sibling_hashes.as_flattened())
    }
}

impl<'de> Deserialize<'de> for Pruned {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = Bytes::deserialize(deserializer)?;
        match bytes.as_chunks() {
            (digests, []) => Ok(Self(PrunedMerklePaths { sibling_hashes: digests.to_vec() })),
            _ => Err(D::Error::custom("a digest is cut")),
        }
    }
}

/// What the prover keeps of one tree or several.
pub(super) enum Kept<M> {
    /// One tree.
    One(<Trees as Mmcs<Val>>::ProverData<M>),
    /// Linked trees.
    Linked(Vec<Arc<Tree>>),
}

/// Why linked trees do not open to these rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    /// One tree where several are stated, or the other way round.
    Kind,
    /// Another number of trees or columns than stated.
    Shape,
    /// A row that is not under its root.
    Root,
    /// A column beyond the trees that is not zero.
    Column,
}

/// Trees have one root here, whatever a proof says: what is absorbed of a list of roots then tells its length.
fn single(root: &Cap) -> Result<(), Broken> {
    if root.roots().len() == 1 { Ok(()) } else { Err(Broken::Shape) }
}

/// The scheme: trees of these widths side by side, in rows of `total` columns.
#[derive(Debug, Clone)]
pub(super) struct Linked {
    trees: Trees,
    widths: Arc<[usize]>,
    total: usize,
    /// Trees that the next commitment stands for: the prover's, once.
    prepared: Arc<Mutex<Option<Prepared>>>,
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} trees", self.0.len())
    }
}

/// Trees that were made before.
pub(super) struct Prepared(pub(super) Vec<(Cap, Arc<Tree>)>);

impl Linked {
    /// Trees of these widths.
    pub(super) fn new(trees: Trees, widths: &[usize], total: usize) -> Self {
        Self { trees, widths: widths.into(), total, prepared: Arc::default() }
    }

    /// The next commitment is to these trees, whatever matrix it is asked to commit to.
    pub(super) fn prepare(&self, prepared: Prepared) {
        *self.prepared.lock().unwrap_or_else(PoisonError::into_inner) = Some(prepared);
    }
}

impl CanObserve<Roots> for Challenger {
    fn observe(&mut self, roots: Roots) {
        match roots {
            Roots::One(root) => self.observe(root),
            Roots::Linked(roots) => roots.into_iter().for_each(|root| self.observe(root)),
        }
    }
}

impl Mmcs<Val> for Linked {
    type ProverData<M> = Kept<M>;
    type Commitment = Roots;
    type Proof = <Trees as Mmcs<Val>>::Proof;
    type MultiProof = Paths;
    type Error = Broken;

    fn commit<M: Matrix<Val>>(&self, inputs: Vec<M>) -> (Roots, Kept<M>) {
        if let Some(prepared) = self.prepared.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let (roots, trees) = prepared.0.into_iter().unzip();
            return (Roots::Linked(roots), Kept::Linked(trees));
        }
        let (root, data) = self.trees.commit(inputs);
        (Roots::One(root), Kept::One(data))
    }

    fn open_batch<M: Matrix<Val>>(&self, index: usize, data: &Kept<M>) -> BatchOpening<Val, Self> {
        match data {
            Kept::One(data) => {
                let (values, proof) = self.trees.open_batch(index, data).unpack();
                BatchOpening::new(values, proof)
            }
            // The scheme opens linked trees at many rows at once only.
            Kept::Linked(_) => unreachable!("linked trees have no single paths"),
        }
    }

    fn get_matrices<'a, M: Matrix<Val>>(&self, data: &'a Kept<M>) -> Vec<&'a M> {
        match data {
            Kept::One(data) => self.trees.get_matrices(data),
            Kept::Linked(_) => Vec::new(),
        }
    }

    fn verify_batch(
        &self,
        roots: &Roots,
        dimensions: &[Dimensions],
        index: usize,
        opening: BatchOpeningRef<'_, Val, Self>,
    ) -> Result<(), Broken> {
        let Roots::One(root) = roots else { return Err(Broken::Kind) };
        single(root)?;
        let opening = BatchOpeningRef::new(opening.opened_values, opening.opening_proof);
        self.trees.verify_batch(root, dimensions, index, opening).map_err(|_| Broken::Root)
    }

    fn open_multi_batch<M: Matrix<Val>>(
        &self,
        indices: &[usize],
        data: &Kept<M>,
    ) -> (Vec<Vec<Vec<Val>>>, Paths) {
        let trees = match data {
            Kept::One(data) => {
                let (values, proof) = self.trees.open_multi_batch(indices, data);
                return (values, Paths::One(Pruned(proof)));
            }
            Kept::Linked(trees) => trees,
        };
        let mut rows = vec![Vec::with_capacity(self.total); indices.len()];
        let mut paths = Vec::with_capacity(trees.len());
        for tree in trees {
            let (values, proof) = self.trees.open_multi_batch(indices, tree.as_ref());
            rows.iter_mut().zip(values).for_each(|(row, parts)| row.extend(parts.into_iter().flatten()));
            paths.push(Pruned(proof));
        }
        rows.iter_mut().for_each(|row| row.resize(self.total, Val::ZERO));
        (rows.into_iter().map(|row| vec![row]).collect(), Paths::Linked(paths))
    }

    fn verify_multi_batch<R: AsRef<[Val]> + PartialEq>(
        &self,
        roots: &Roots,
        dimensions: &[Dimensions],
        indices: &[usize],
        values: &[Vec<R>],
        paths: &Paths,
    ) -> Result<(), Broken> {
        let (roots, paths) = match (roots, paths) {
            (Roots::One(root), Paths::One(path)) => {
                single(root)?;
                let checked = self.trees.verify_multi_batch(root, dimensions, indices, values, &path.0);
                return checked.map_err(|_| Broken::Root);
            }
            (Roots::Linked(roots), Paths::Linked(paths)) => (roots, paths),
            _ => return Err(Broken::Kind),
        };
        let [Dimensions { height, width }] = *dimensions else { return Err(Broken::Shape) };
        let counts = roots.len() == self.widths.len() && paths.len() == self.widths.len();
        let row = |row: &Vec<R>| matches!(row.as_slice(), [row] if row.as_ref().len() == self.total);
        if !counts || width != self.total || !values.iter().all(row) {
            return Err(Broken::Shape);
        }
        let rows: Vec<&[Val]> = values.iter().flatten().map(AsRef::as_ref).collect();
        let mut start = 0;
        roots.iter().try_for_each(single)?;
        for ((root, path), width) in roots.iter().zip(paths).zip(self.widths.iter()) {
            let parts: Vec<Vec<&[Val]>> = rows.iter().map(|row| vec![&row[start..start + width]]).collect();
            let dimensions = [Dimensions { height, width: *width }];
            let checked = self.trees.verify_multi_batch(root, &dimensions, indices, &parts, &path.0);
            checked.map_err(|_| Broken::Root)?;
            start += width;
        }
        let zero = |row: &&[Val]| row[start..].iter().all(|value| *value == Val::ZERO);
        if rows.iter().all(zero) { Ok(()) } else { Err(Broken::Column) }
    }
}
