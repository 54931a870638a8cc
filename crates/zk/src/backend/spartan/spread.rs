//! Where elements stand: broadcasting and the dimensions of einsums, as lists of places in flat buffers.

use bitneuron_core::exact::Einsum;

/// The place in an operand of this shape of every element of a result of shape `to`, broadcast.
pub(super) fn aligned(from: &[u32], to: &[u32]) -> Vec<usize> {
    let missing = to.len().saturating_sub(from.len());
    let mut step = 1;
    let mut strides = vec![0; to.len()];
    for (axis, size) in from.iter().enumerate().rev() {
        if let Some(stride) = strides.get_mut(missing + axis).filter(|_| *size != 1) {
            *stride = step;
        }
        step *= *size as usize;
    }
    let dims: Vec<(usize, usize)> = to.iter().map(|size| *size as usize).zip(strides).collect();
    places(&dims)
}

/// The offsets of all indices over dimensions of these sizes and strides, the last running fastest.
fn places(dims: &[(usize, usize)]) -> Vec<usize> {
    dims.iter().fold(vec![0], |places, (size, stride)| {
        places.into_iter().flat_map(|place| (0..*size).map(move |at| place + at * stride)).collect()
    })
}

/// The dimensions of an einsum, sorted by what they do, as places in the three buffers.
pub(super) struct Axes {
    batch: [Vec<usize>; 3],
    rows: [Vec<usize>; 2],
    columns: [Vec<usize>; 2],
    summed: [Vec<usize>; 2],
}

impl Axes {
    pub(super) fn new(spec: &Einsum, left: &[u32], right: &[u32], out: &[u32]) -> Self {
        let named = [(spec.left(), left), (spec.right(), right), (spec.out(), out)];
        let strides = named.map(|(names, shape)| strides(names, shape));
        let over = |wanted: &[u8], buffer: usize| {
            let dims: Vec<(usize, usize)> = wanted
                .iter()
                .map(|name| {
                    let size = strides
                        .iter()
                        .flatten()
                        .find(|(other, ..)| other == name)
                        .map_or(1, |(_, size, _)| *size);
                    let own = strides.get(buffer).into_iter().flatten().find(|(other, ..)| other == name);
                    (size, own.map_or(0, |(.., stride)| *stride))
                })
                .collect();
            places(&dims)
        };
        let of = |keep: &dyn Fn(&u8) -> bool, names: &[u8]| -> Vec<u8> {
            names.iter().copied().filter(|name| keep(name)).collect()
        };
        let (l, r, o) = (spec.left(), spec.right(), spec.out());
        let batch = of(&|name| l.contains(name) && r.contains(name), o);
        let rows = of(&|name| l.contains(name) && !r.contains(name), o);
        let columns = of(&|name| !l.contains(name) && r.contains(name), o);
        let summed = of(&|name| !o.contains(name), l);
        Self {
            batch: [over(&batch, 0), over(&batch, 1), over(&batch, 2)],
            rows: [over(&rows, 0), over(&rows, 2)],
            columns: [over(&columns, 1), over(&columns, 2)],
            summed: [over(&summed, 0), over(&summed, 1)],
        }
    }

    pub(super) fn batches(&self) -> usize {
        self.batch[0].len()
    }

    pub(super) fn rows(&self) -> usize {
        self.rows[0].len()
    }

    pub(super) fn columns(&self) -> usize {
        self.columns[0].len()
    }

    pub(super) fn summed(&self) -> usize {
        self.summed[0].len()
    }

    /// The places of the left matrix of a batch, `[rows, summed]`.
    pub(super) fn left(&self, batch: usize) -> Vec<usize> {
        added(base(&self.batch[0], batch), &self.rows[0], &self.summed[0])
    }

    /// The places of the right matrix of a batch, `[columns, summed]`.
    pub(super) fn right(&self, batch: usize) -> Vec<usize> {
        added(base(&self.batch[1], batch), &self.columns[0], &self.summed[1])
    }

    /// The places of the result of a batch, `[rows, columns]`.
    pub(super) fn out(&self, batch: usize) -> Vec<usize> {
        added(base(&self.batch[2], batch), &self.rows[1], &self.columns[1])
    }
}

fn base(places: &[usize], batch: usize) -> usize {
    places.get(batch).copied().unwrap_or(0)
}

fn added(base: usize, outer: &[usize], inner: &[usize]) -> Vec<usize> {
    outer.iter().flat_map(|one| inner.iter().map(move |other| base + one + other)).collect()
}

/// Name, size and stride of each dimension.
fn strides(names: &[u8], shape: &[u32]) -> Vec<(u8, usize, usize)> {
    let mut step = 1;
    let mut found: Vec<(u8, usize, usize)> = names
        .iter()
        .zip(shape)
        .rev()
        .map(|(name, size)| {
            let stride = step;
            step *= *size as usize;
            (*name, *size as usize, stride)
        })
        .collect();
    found.reverse();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcasting_repeats_what_is_missing_or_one() {
        assert_eq!(aligned(&[2, 1], &[2, 3]), [0, 0, 0, 1, 1, 1]);
        assert_eq!(aligned(&[3], &[2, 3]), [0, 1, 2, 0, 1, 2]);
        assert_eq!(aligned(&[], &[2]), [0, 0]);
        assert!(aligned(&[0], &[0]).is_empty());
    }

    #[test]
    fn an_einsum_is_batches_of_matrices() {
        let spec = Einsum::parse("bo,io->bi").unwrap();
        let axes = Axes::new(&spec, &[2, 3], &[4, 3], &[2, 4]);
        assert_eq!((axes.batches(), axes.rows(), axes.summed(), axes.columns()), (1, 2, 3, 4));
        assert_eq!(axes.left(0), [0, 1, 2, 3, 4, 5]);
        assert_eq!(axes.out(0), [0, 1, 2, 3, 4, 5, 6, 7]);
        let spec = Einsum::parse("bi,bo->io").unwrap();
        let axes = Axes::new(&spec, &[2, 3], &[2, 4], &[3, 4]);
        assert_eq!(axes.left(0), [0, 3, 1, 4, 2, 5]);
    }
}
