//! Hostile bytes for every decoder of this crate, and hostile peers for the throttle and the sampler.

mod frame;
mod mutants;
mod samplers;
mod sampling;
mod throttle;
