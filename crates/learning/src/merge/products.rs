//! Products of many rows with each other, and mixtures of rows: the two loops that robust merging spends its time in.
//!
//! Differences from a centre are packed into panels, eight columns of every row after the other, that stay in the nearest
//! cache. On a panel, tiles of four rows by two are multiplied with their sums in registers; of the symmetric product
//! only one half is taken. Panels are summed in `f64`, chunks of panels in order: threads change no bit.

use rayon::prelude::*;
use std::ops::Range;

/// Columns that are computed side by side.
const LANES: usize = 8;
/// Columns of a panel.
const PANEL: usize = 32 * LANES;
/// Columns of one task.
const CHUNK: usize = 128 * PANEL;
/// Rows of a tile.
const TALL: usize = 4;

type Lane = [f32; LANES];

/// The differences of some rows from a centre in a few columns.
struct Panel {
    /// Rows, with empty ones up to whole tiles.
    height: usize,
    /// `[columns / 8][height]`.
    lanes: Vec<Lane>,
}

impl Panel {
    fn new(rows: usize) -> Self {
        let height = rows.next_multiple_of(TALL);
        Self { height, lanes: vec![[0.0; LANES]; height * PANEL / LANES] }
    }

    /// Takes `step(value, centre, row)` of all rows in at most [`PANEL`] columns.
    fn fill(
        &mut self,
        vectors: &[&[f32]],
        centre: usize,
        columns: Range<usize>,
        step: impl Fn(f32, f32, usize) -> f32,
    ) {
        if columns.len() < PANEL {
            self.lanes.fill([0.0; LANES]);
        }
        let origin = &vectors[centre][columns.clone()];
        for (row, vector) in vectors.iter().enumerate() {
            let pairs = vector[columns.clone()].chunks(LANES).zip(origin.chunks(LANES));
            for (group, (values, origin)) in pairs.enumerate() {
                let lane = &mut self.lanes[group * self.height + row];
                for ((gap, value), origin) in lane.iter_mut().zip(values).zip(origin) {
                    *gap = step(*value, *origin, row);
                }
            }
        }
    }
}

/// The sums over a panel of rows `i .. i + 4` times rows `j .. j + 2`, eight columns apart.
#[inline(never)]
fn tile(panel: &Panel, i: usize, j: usize) -> [[Lane; 2]; TALL] {
    let zero = [0f32; LANES];
    let [mut ax, mut ay, mut bx, mut by, mut cx, mut cy, mut dx, mut dy] = [zero; 8];
    for group in panel.lanes.chunks_exact(panel.height) {
        let (Some([a, b, c, d]), Some([x, y])) =
            (group[i..].first_chunk::<4>(), group[j..].first_chunk::<2>())
        else {
            break;
        };
        // One loop over lanes, so that each sum becomes one register.
        for l in 0..LANES {
            ax[l] = a[l].mul_add(x[l], ax[l]);
            ay[l] = a[l].mul_add(y[l], ay[l]);
            bx[l] = b[l].mul_add(x[l], bx[l]);
            by[l] = b[l].mul_add(y[l], by[l]);
            cx[l] = c[l].mul_add(x[l], cx[l]);
            cy[l] = c[l].mul_add(y[l], cy[l]);
            dx[l] = d[l].mul_add(x[l], dx[l]);
            dy[l] = d[l].mul_add(y[l], dy[l]);
        }
    }
    [[ax, ay], [bx, by], [cx, cy], [dx, dy]]
}

/// The inner products of all vectors about one of them, each difference multiplied by its scale: `[count, count]`.
pub(super) fn products(centre: usize, vectors: &[&[f32]], scales: &[f64]) -> Vec<f64> {
    let count = vectors.len();
    let length = vectors.first().map_or(0, |vector| vector.len());
    let plain = scales.iter().all(|scale| (*scale - 1.0).abs() == 0.0);
    let chunk = |start: usize| {
        let mut panel = Panel::new(count);
        let mut sums = vec![0f64; panel.height * panel.height];
        let end = (start + CHUNK).min(length);
        for from in (start..end).step_by(PANEL) {
            let columns = from..(from + PANEL).min(end);
            if plain {
                panel.fill(vectors, centre, columns, |value, origin, _| value - origin);
            } else {
                panel.fill(vectors, centre, columns, |value, origin, row| {
                    ((f64::from(value) - f64::from(origin)) * scales[row]) as f32
                });
            }
            accumulate(&panel, &mut sums);
        }
        sums
    };
    let starts: Vec<usize> = (0..length).step_by(CHUNK).collect();
    let chunks: Vec<Vec<f64>> = starts.into_par_iter().map(chunk).collect();
    let height = count.next_multiple_of(TALL);
    let total = |i: usize, j: usize| chunks.iter().map(|sums| sums[i.max(j) * height + i.min(j)]).sum();
    (0..count).flat_map(|i| (0..count).map(move |j| (i, j))).map(|(i, j)| total(i, j)).collect()
}

/// Adds the products of a panel to the lower half of `sums`.
fn accumulate(panel: &Panel, sums: &mut [f64]) {
    for i in (0..panel.height).step_by(TALL) {
        for j in (0..i + TALL).step_by(2) {
            for (row, lanes) in tile(panel, i, j).iter().enumerate() {
                for (column, lane) in lanes.iter().enumerate() {
                    sums[(i + row) * panel.height + j + column] += f64::from(lane.iter().sum::<f32>());
                }
            }
        }
    }
}

/// The sums `x₀ + Σⱼ pᵢⱼ·(xⱼ − x₀)` for each row of parts, `[count, count]`.
///
/// In `f32`; where a sum leaves its range, the largest finite value stands in.
pub(super) fn mixtures(vectors: &[&[f32]], parts: &[f32]) -> Vec<Vec<f32>> {
    let count = vectors.len();
    let length = vectors.first().map_or(0, |vector| vector.len());
    let height = count.next_multiple_of(TALL);
    // Parts by tiles of four mixtures: for each tile and voice, the four parts.
    let part = |row: usize, voice: usize| if row < count { parts[row * count + voice] } else { 0.0 };
    let tiles: Vec<Vec<[f32; TALL]>> = (0..height)
        .step_by(TALL)
        .map(|i| (0..count).map(|j| [part(i, j), part(i + 1, j), part(i + 2, j), part(i + 3, j)]).collect())
        .collect();
    let mut mixed = vec![vec![0f32; length]; count];
    let mut chunks: Vec<Vec<&mut [f32]>> =
        (0..length.div_ceil(CHUNK)).map(|_| Vec::with_capacity(count)).collect();
    for row in &mut mixed {
        chunks.iter_mut().zip(row.chunks_mut(CHUNK)).for_each(|(chunk, values)| chunk.push(values));
    }
    chunks.par_iter_mut().enumerate().for_each(|(index, rows)| {
        let width = rows.first().map_or(0, |row| row.len());
        let mut panel = Panel::new(count);
        for from in (0..width).step_by(PANEL) {
            let to = (from + PANEL).min(width);
            let columns = index * CHUNK + from..index * CHUNK + to;
            panel.fill(vectors, 0, columns.clone(), |value, origin, _| value - origin);
            for (rows, parts) in rows.chunks_mut(TALL).zip(&tiles) {
                mix(&panel, parts, rows, from..to, &vectors[0][columns.clone()]);
            }
        }
    });
    mixed
}

/// Writes up to four mixtures in the columns of a panel.
fn mix(panel: &Panel, parts: &[[f32; TALL]], rows: &mut [&mut [f32]], columns: Range<usize>, origin: &[f32]) {
    let pairs = panel.lanes.chunks_exact(2 * panel.height);
    for (index, (pair, origin)) in pairs.zip(origin.chunks(2 * LANES)).enumerate() {
        let start = columns.start + index * 2 * LANES;
        let (left, right) = pair.split_at(panel.height);
        for (row, sums) in rows.iter_mut().zip(mixture(left, right, parts)) {
            let values = &mut row[start..start + origin.len()];
            for ((value, origin), sum) in values.iter_mut().zip(origin).zip(sums.as_flattened()) {
                *value = (origin + sum).clamp(f32::MIN, f32::MAX);
            }
        }
    }
}

/// Four sums over the rows of two neighbouring groups of columns, by four parts for each row.
#[inline(never)]
fn mixture(left: &[Lane], right: &[Lane], parts: &[[f32; TALL]]) -> [[Lane; 2]; TALL] {
    let zero = [0f32; LANES];
    let [mut ax, mut ay, mut bx, mut by, mut cx, mut cy, mut dx, mut dy] = [zero; 8];
    for ((x, y), [a, b, c, d]) in left.iter().zip(right).zip(parts) {
        for l in 0..LANES {
            ax[l] = a.mul_add(x[l], ax[l]);
            ay[l] = a.mul_add(y[l], ay[l]);
            bx[l] = b.mul_add(x[l], bx[l]);
            by[l] = b.mul_add(y[l], by[l]);
            cx[l] = c.mul_add(x[l], cx[l]);
            cy[l] = c.mul_add(y[l], cy[l]);
            dx[l] = d.mul_add(x[l], dx[l]);
            dy[l] = d.mul_add(y[l], dy[l]);
        }
    }
    [[ax, ay], [bx, by], [cx, cy], [dx, dy]]
}
