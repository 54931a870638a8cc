//! Working memory that is borrowed, not owned: one small pool of buffers per thread.
//!
//! A hundred thousand nodes train on a handful of threads. Activations, errors and gradients live only inside one
//! call, so they are lent per thread and a node keeps nothing but its parameters. A lent buffer is all zeros, so no
//! result can depend on who used it before.

use std::cell::RefCell;

/// Buffers longer than this go back to the allocator (2²² values, 16 MiB).
const KEPT: usize = 1 << 22;

thread_local! {
    static POOL: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// Lends `len` zeros to `work`. Calls may nest; each level has its own buffer.
pub(crate) fn with<R>(len: usize, work: impl FnOnce(&mut [f32]) -> R) -> R {
    let mut buffer = POOL.with_borrow_mut(Vec::pop).unwrap_or_default();
    buffer.clear();
    buffer.resize(len, 0.0);
    let result = work(&mut buffer);
    if buffer.capacity() <= KEPT {
        POOL.with_borrow_mut(|pool| pool.push(buffer));
    }
    result
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_lent_buffer_is_zero_and_nested_loans_do_not_overlap() {
        super::with(8, |outer| outer.fill(7.0));
        super::with(4, |outer| {
            assert_eq!(outer, [0.0; 4]);
            outer.fill(1.0);
            super::with(6, |inner| {
                assert_eq!(inner, [0.0; 6]);
                inner.fill(2.0);
            });
            assert_eq!(outer, [1.0; 4]);
        });
    }
}
