//! Engines that crash and come back with their logs, and the logs themselves.

#![allow(clippy::panic, reason = "a test fails by panicking")]

mod crashes;
mod disk;
mod records;
