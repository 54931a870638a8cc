//! A convolution of images as a matrix product on unrolled patches.
//!
//! ```text
//! image X [height, width, channels]          one row of features, channels innermost
//! patches P [places, kernel·kernel·channels]  a place at every `stride`-th pixel, zeros around the image (kernel/2 of them)
//! Z = P·W + 1·bᵀ   [places, filters]          W [kernel, kernel, channels, filters],   b [filters]
//! ∂L/∂W = Pᵀ·E      ∂L/∂b = Eᵀ·1      ∂L/∂X = each entry of E·Wᵀ added to the pixel it came from
//! ```
//!
//! `Z` is an image again, so convolutions stand behind each other; a stride of 2 takes the place of pooling (Springenberg et
//! al., ICLR 2015 workshop, arXiv 1412.6806). Patches are unrolled a few images at a time and never kept.

use super::ModelError;
use super::dense::Dense;
use crate::scratch;

/// Values of unrolled patches at a time; so many stay in the cache.
const PATCHES: usize = 1 << 15;

/// The shape of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Convolution {
    image: [usize; 3],
    filters: usize,
    kernel: usize,
    stride: usize,
}

impl Convolution {
    /// `filters` filters of `kernel × kernel` over images `[height, width, channels]`, at every `stride`-th place.
    ///
    /// # Errors
    /// A size of zero, an even kernel, or more values than can be counted.
    pub fn new(image: [usize; 3], filters: usize, kernel: usize, stride: usize) -> Result<Self, ModelError> {
        let sizes = vec![image[0], image[1], image[2], filters, kernel, stride];
        let product = sizes.iter().try_fold(kernel, |product, size| product.checked_mul(*size));
        let countable = product.is_some_and(|product| isize::try_from(product).is_ok());
        if countable && !sizes.contains(&0) && !kernel.is_multiple_of(2) {
            Ok(Self { image, filters, kernel, stride })
        } else {
            Err(ModelError::Widths(sizes))
        }
    }

    /// The image that goes in: `[height, width, channels]`.
    pub const fn image(&self) -> [usize; 3] {
        self.image
    }

    /// The image that comes out, a channel for each filter.
    pub const fn output(&self) -> [usize; 3] {
        let [height, width, _] = self.image;
        [height.div_ceil(self.stride), width.div_ceil(self.stride), self.filters]
    }

    /// Filters, kernel and stride.
    pub const fn filters(&self) -> [usize; 3] {
        [self.filters, self.kernel, self.stride]
    }

    pub(super) fn inputs(&self) -> usize {
        self.image.iter().product()
    }

    pub(super) fn outputs(&self) -> usize {
        self.output().iter().product()
    }

    /// The shape of W.
    pub(super) const fn weights(&self) -> [usize; 4] {
        [self.kernel, self.kernel, self.image[2], self.filters]
    }

    /// The places of a patch in an image.
    const fn places(&self) -> usize {
        let [height, width, _] = self.output();
        height * width
    }

    /// The affine map of a patch.
    const fn patch(&self) -> Dense {
        Dense { inputs: self.kernel * self.kernel * self.image[2], outputs: self.filters }
    }

    /// Images at a time.
    fn group(&self) -> usize {
        (PATCHES / (self.places() * self.patch().inputs).max(1)).max(1)
    }

    /// Calls `each` with the place in an image and in its patches of every run of values that both have.
    fn runs(&self, mut each: impl FnMut(usize, usize, usize)) {
        let ([height, width, channels], [rows, columns, _]) = (self.image, self.output());
        let half = self.kernel / 2;
        for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
            let patch = (row * columns + column) * self.patch().inputs;
            // The columns of the kernel that lie within the image.
            let first = half.saturating_sub(column * self.stride);
            let end = self.kernel.min(width + half - column * self.stride);
            for line in 0..self.kernel {
                let Some(y) = (row * self.stride + line).checked_sub(half).filter(|y| *y < height) else {
                    continue;
                };
                let x = column * self.stride + first - half;
                let within = patch + (line * self.kernel + first) * channels;
                each((y * width + x) * channels, within, (end - first) * channels);
            }
        }
    }

    /// Writes the patches of images.
    fn unroll(&self, images: &[f32], patches: &mut [f32]) {
        patches.fill(0.0);
        let size = self.places() * self.patch().inputs;
        for (image, patches) in images.chunks_exact(self.inputs()).zip(patches.chunks_exact_mut(size)) {
            self.runs(|from, to, count| patches[to..to + count].copy_from_slice(&image[from..from + count]));
        }
    }

    /// Adds patches to the images they came from.
    fn roll(&self, patches: &[f32], images: &mut [f32]) {
        images.fill(0.0);
        let size = self.places() * self.patch().inputs;
        for (image, patches) in images.chunks_exact_mut(self.inputs()).zip(patches.chunks_exact(size)) {
            self.runs(|to, from, count| {
                let sums = image[to..to + count].iter_mut();
                sums.zip(&patches[from..from + count]).for_each(|(sum, value)| *sum += value);
            });
        }
    }

    /// Writes the images that come out to `z`.
    pub(super) fn forward(&self, params: &[f32], x: &[f32], z: &mut [f32]) -> Result<(), ModelError> {
        let patch = self.patch();
        scratch::with(self.group() * self.places() * patch.inputs, |patches| {
            let groups =
                x.chunks(self.group() * self.inputs()).zip(z.chunks_mut(self.group() * self.outputs()));
            for (x, z) in groups {
                let patches = &mut patches[..z.len() / self.filters * patch.inputs];
                self.unroll(x, patches);
                patch.forward(params, patches, z)?;
            }
            Ok(())
        })
    }

    /// Writes what is asked for: the gradient of the parameters, and the errors of the images.
    pub(super) fn back(
        &self,
        params: &[f32],
        x: &[f32],
        errors: &[f32],
        mut gradient: Option<&mut [f32]>,
        mut below: Option<&mut [f32]>,
    ) -> Result<(), ModelError> {
        let patch = self.patch();
        if let Some(gradient) = &mut gradient {
            gradient.fill(0.0);
        }
        scratch::with(self.group() * self.places() * patch.inputs + params.len(), |buffer| {
            let (part, patches) = buffer.split_at_mut(params.len());
            let groups =
                x.chunks(self.group() * self.inputs()).zip(errors.chunks(self.group() * self.outputs()));
            for (number, (x, errors)) in groups.enumerate() {
                let patches = &mut patches[..errors.len() / self.filters * patch.inputs];
                if let Some(gradient) = &mut gradient {
                    self.unroll(x, patches);
                    patch.gradient(patches, errors, part)?;
                    gradient.iter_mut().zip(&*part).for_each(|(sum, slope)| *sum += slope);
                }
                if let Some(below) = &mut below {
                    patch.backward(params, errors, patches)?;
                    let at = number * self.group() * self.inputs();
                    self.roll(patches, &mut below[at..at + x.len()]);
                }
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, one value at a time.
    fn slow(shape: Convolution, params: &[f32], x: &[f32]) -> Vec<f32> {
        let ([height, width, channels], [rows, columns, filters]) = (shape.image(), shape.output());
        let [_, kernel, stride] = shape.filters();
        let (w, b) = params.split_at(params.len() - filters);
        let mut z = Vec::new();
        for (row, column, filter) in (0..rows)
            .flat_map(|row| (0..columns).map(move |column| (row, column)))
            .flat_map(|(row, column)| (0..filters).map(move |filter| (row, column, filter)))
        {
            let mut sum = b[filter];
            for (i, j, c) in (0..kernel)
                .flat_map(|i| (0..kernel).map(move |j| (i, j)))
                .flat_map(|(i, j)| (0..channels).map(move |c| (i, j, c)))
            {
                let y = (row * stride + i) as isize - (kernel / 2) as isize;
                let at = (column * stride + j) as isize - (kernel / 2) as isize;
                if (0..height as isize).contains(&y) && (0..width as isize).contains(&at) {
                    let pixel = x[(y as usize * width + at as usize) * channels + c];
                    sum += pixel * w[((i * kernel + j) * channels + c) * filters + filter];
                }
            }
            z.push(sum);
        }
        z
    }

    /// Numbers between −½ and ½.
    fn draw(count: usize, from: f32) -> Vec<f32> {
        let next = |at: &mut f32| {
            *at = (*at * 7.7 + 0.31).fract();
            Some(*at - 0.5)
        };
        (0..count).scan(from, |at, _| next(at)).collect()
    }

    /// The function is linear in the parameters and in the image, so differences are exact up to rounding.
    #[test]
    fn both_gradients_are_exact() {
        let shape = Convolution::new([4, 5, 2], 3, 3, 2).expect("small");
        let params = draw(18 * 3 + 3, 0.2);
        let (x, slopes) = (draw(2 * 40, 0.6), draw(2 * shape.outputs(), 0.9));
        let loss = |params: &[f32], x: &[f32]| -> f32 {
            let mut z = vec![0.0; 2 * shape.outputs()];
            shape.forward(params, x, &mut z).expect("fits");
            z.iter().zip(&slopes).map(|(z, slope)| z * slope).sum()
        };
        let (mut gradient, mut below) = (vec![f32::NAN; params.len()], vec![f32::NAN; x.len()]);
        shape.back(&params, &x, &slopes, Some(&mut gradient), Some(&mut below)).expect("fits");
        let differences = |at: &[f32], found: &[f32], loss: &dyn Fn(&[f32]) -> f32| {
            for (index, slope) in found.iter().enumerate() {
                let moved = |by: f32| {
                    let mut moved = at.to_vec();
                    moved[index] += by;
                    loss(&moved)
                };
                let difference = moved(0.5) - moved(-0.5);
                assert!((slope - difference).abs() < 1e-4, "{index}: {slope}, difference {difference}");
            }
        };
        differences(&params, &gradient, &|params| loss(params, &x));
        differences(&x, &below, &|x| loss(&params, x));
    }

    #[test]
    fn products_of_patches_are_convolutions() {
        for (image, filters, kernel, stride) in [
            ([4, 5, 2], 3, 3, 1),
            ([5, 4, 1], 2, 3, 2),
            ([3, 3, 3], 1, 1, 1),
            ([2, 7, 2], 4, 5, 3),
            ([1, 1, 1], 1, 7, 2),
        ] {
            let shape = Convolution::new(image, filters, kernel, stride).expect("small");
            let params = draw(shape.weights().iter().product::<usize>() + filters, 0.3);
            // Enough images for more than one group.
            let count = shape.group() + 1;
            let x = draw(count.min(300) * shape.inputs(), 0.8);
            let mut z = vec![f32::NAN; x.len() / shape.inputs() * shape.outputs()];
            shape.forward(&params, &x, &mut z).expect("fits");
            for (x, z) in x.chunks_exact(shape.inputs()).zip(z.chunks_exact(shape.outputs())) {
                assert!(
                    slow(shape, &params, x).iter().zip(z).all(|(a, b)| (a - b).abs() < 1e-5),
                    "{shape:?}"
                );
            }
        }
        for (image, filters, kernel, stride) in
            [([0, 1, 1], 1, 1, 1), ([1, 1, 1], 1, 2, 1), ([1, 1, 1], 1, 1, 0), ([usize::MAX, 2, 1], 1, 1, 1)]
        {
            assert!(Convolution::new(image, filters, kernel, stride).is_err());
        }
    }
}
