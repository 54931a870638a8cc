//! The dense matrix never exists: no allocation of a training step or of serving is as large.

#![expect(unsafe_code, reason = "an allocator that watches is the only way to see allocations")]

use bitneuron_compress::factor::{CpLinear, Linear, Plan, Reconstruct, TrainLinear};
use bitneuron_core::Seed;
use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering},
};

struct Watching;

static LARGEST: AtomicUsize = AtomicUsize::new(0);
static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn took(bytes: usize) {
    LARGEST.fetch_max(bytes, Ordering::Relaxed);
    let held = HELD.fetch_add(bytes, Ordering::Relaxed) + bytes;
    PEAK.fetch_max(held, Ordering::Relaxed);
}

// SAFETY: every call goes to the system's allocator unchanged; the default methods come here.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Watching = Watching;

/// The largest allocation during `call`, and the most bytes held at a time on top of what was held before.
fn cost(call: impl FnOnce()) -> (usize, usize) {
    let before = HELD.load(Ordering::Relaxed);
    LARGEST.store(0, Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    call();
    (LARGEST.load(Ordering::Relaxed), PEAK.load(Ordering::Relaxed) - before)
}

/// The largest allocation and the peak of serving and of a training step, in parts of the dense matrix.
fn parts_of_dense(layer: &dyn Linear, batch: usize) -> [f64; 4] {
    let (inputs, outputs) = (layer.inputs(), layer.outputs());
    let factors = layer.init(2.0 / inputs as f64, Seed::from_number(1));
    let (x, mut y) = (vec![0.5; batch * inputs], vec![0.0; batch * outputs]);
    let (mut gradient, mut below) = (vec![0.0; factors.len()], vec![0.0; x.len()]);
    let serving = cost(|| layer.forward(&factors, &x, &mut y).expect("fits"));
    let training = cost(|| {
        layer.forward(&factors, &x, &mut y).expect("fits");
        layer.backward(&factors, &x, &y, Some(&mut gradient), Some(&mut below)).expect("fits");
    });
    let dense = (4 * inputs * outputs) as f64;
    [serving.0, serving.1, training.0, training.1].map(|bytes| bytes as f64 / dense)
}

// One test, so that nothing else allocates meanwhile.
#[test]
fn nothing_is_as_large_as_the_dense_matrix() {
    let square = TrainLinear::interleaved(&[8; 4], &[8; 4], &[16; 3]).expect("small");
    let flat = TrainLinear::interleaved(&[8, 16, 8], &[16, 8, 32], &[24, 24]).expect("small");
    let in_line = TrainLinear::in_line(&[32, 32], &[64, 64], &[32; 3]).expect("small");
    let cp = CpLinear::new(&[32, 32], &[64, 64], 64).expect("small");
    for layer in [&square as &dyn Linear, &flat, &in_line, &cp] {
        for batch in [1, 64] {
            let parts = parts_of_dense(layer, batch);
            assert!(parts.iter().all(|part| *part < 0.5), "{layer:?}, batch {batch}: {parts:?}");
        }
    }
    // Where it is allowed the planner makes it, and the watch sees it.
    let large = TrainLinear::interleaved(&[8; 3], &[8; 3], &[40, 40]).expect("small");
    let made = large.clone().with_plan(Plan::reconstruct(large.shape())).expect("of this shape");
    assert!(parts_of_dense(&made, 1)[0] >= 1.0);
    let chosen = large.clone().with_reconstruction(Reconstruct::Allowed);
    assert!(parts_of_dense(&chosen, 512)[0] >= 1.0);
    let [serving, _, training, _] = parts_of_dense(&large, 512);
    assert!(serving.max(training) < 0.6, "{serving} {training}");
}
