//! Deal: order books, goods and the life cycle of a deal.
#![forbid(unsafe_code)]
