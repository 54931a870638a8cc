//! Images and labels in the format IDX, packed with gzip, as MNIST and its successors come.
//!
//! ```text
//! 0 0 8 dimensions, then each size as 32 bits (most significant byte first), then one byte for each value
//! ```

use super::DataError;
use bitneuron_core::Dataset;
use ndarray::Array2;
use std::path::Path;

/// The most bytes that are unpacked: 60,000 images of 28×28 are 47 million.
const LIMIT: u64 = 1 << 26;
/// The most files' bytes that are read.
const PACKED: u64 = 1 << 26;

/// Where Debian's package `dataset-fashion-mnist` puts its files.
pub const FASHION_MNIST: &str = "/usr/share/datasets/fashion-mnist";

/// Unpacks images and their labels. Features are from 0 to 1.
///
/// # Errors
/// [`DataError::Packed`], or [`DataError::Idx`].
pub fn idx(images: &[u8], labels: &[u8]) -> Result<Dataset, DataError> {
    let images = super::unpack(images, LIMIT)?;
    let ([rows, height, width], pixels) = sizes::<3>(&images)?;
    let labels = super::unpack(labels, LIMIT)?;
    let ([count], classes) = sizes::<1>(&labels)?;
    if count != rows {
        return Err(DataError::Idx("images and labels are not equally many"));
    }
    let pixels = pixels.iter().map(|pixel| f32::from(*pixel) / 255.0).collect();
    Array2::from_shape_vec((rows, height * width), pixels)
        .ok()
        .and_then(|features| {
            Dataset::new(features, classes.iter().map(|class| u32::from(*class)).collect()).ok()
        })
        .ok_or(DataError::Features(height * width))
}

/// The rows to train on and those to be judged by, from the four files of Fashion-MNIST (Xiao et al., arXiv 1708.07747) in a
/// folder such as [`FASHION_MNIST`].
///
/// # Errors
/// [`DataError::File`] where one is not there, or as [`idx`].
pub fn fashion_mnist(folder: &Path) -> Result<(Dataset, Dataset), DataError> {
    let read = |name: &str| {
        let path = folder.join(name);
        let failed =
            |why: std::io::Error| DataError::File { path: path.display().to_string(), why: why.to_string() };
        // A file that grew beyond all measure is not read into memory.
        if std::fs::metadata(&path).map_err(failed)?.len() > PACKED {
            return Err(DataError::Packed);
        }
        std::fs::read(&path).map_err(failed)
    };
    let half = |name: &str| {
        let images = read(&format!("{name}-images-idx3-ubyte.gz"))?;
        idx(&images, &read(&format!("{name}-labels-idx1-ubyte.gz"))?)
    };
    Ok((half("train")?, half("t10k")?))
}

/// The sizes and the values of a file of so many dimensions.
fn sizes<const D: usize>(bytes: &[u8]) -> Result<([usize; D], &[u8]), DataError> {
    let (magic, rest) = bytes.split_at_checked(4).ok_or(DataError::Idx("it has no header"))?;
    if magic != [0, 0, 8, D as u8] {
        return Err(DataError::Idx("it is no file of bytes of so many dimensions"));
    }
    let (header, values) = rest.split_at_checked(4 * D).ok_or(DataError::Idx("it has no sizes"))?;
    let mut sizes = [0; D];
    for (size, bytes) in sizes.iter_mut().zip(header.as_chunks().0) {
        *size = u32::from_be_bytes(*bytes) as usize;
    }
    let product = sizes.iter().try_fold(1usize, |product, size| product.checked_mul(*size));
    if product == Some(values.len()) {
        Ok((sizes, values))
    } else {
        Err(DataError::Idx("sizes and data differ"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(bytes).expect("memory");
        packer.finish().expect("memory")
    }

    #[test]
    fn two_images_are_read() {
        let images = [&[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2][..], &[0, 255, 51, 102]].concat();
        let labels = [0, 0, 8, 1, 0, 0, 0, 2, 7, 9];
        let data = idx(&packed(&images), &packed(&labels)).expect("reads");
        assert_eq!(data.features(), ndarray::array![[0.0, 1.0], [0.2, 0.4]]);
        assert_eq!(data.labels(), [7, 9]);
        for (images, labels) in [
            (&images[..19], &labels[..]),
            (&images[..], &labels[..9]),
            (&images[..10], &labels[..]),
            (&[1, 0, 8, 3], &labels[..]),
            (&images, &[0, 0, 8, 1, 0, 0, 0, 3, 7, 9, 1]),
            (&[0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255], &labels[..]),
        ] {
            assert!(matches!(idx(&packed(images), &packed(labels)), Err(DataError::Idx(_))));
        }
        assert_eq!(idx(&images, &labels), Err(DataError::Packed));
        assert!(matches!(fashion_mnist(Path::new("/nowhere")), Err(DataError::File { .. })));
    }

    #[test]
    fn a_bomb_does_not_go_off() {
        let bomb = packed(&vec![0; (LIMIT + 1) as usize]);
        assert!(bomb.len() < 1 << 20);
        assert_eq!(idx(&bomb, &bomb), Err(DataError::Packed));
    }
}
