//! The laws of [`Orderbook`](crate::Orderbook) as checks for anybody's implementation.
