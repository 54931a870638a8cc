//! Engines that crash and come back with their logs, and the logs themselves.

mod crashes;
mod disk;
mod records;
