//! A devnet as people meet it, told from a report made by formulas.

mod fixture;
mod json;
mod page;
mod run;
mod table;
