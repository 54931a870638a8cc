//! One network under two drivers: the simulator's virtual time and tokio.

mod fixture;
mod live;
mod loops;
mod replay;
mod revived;
