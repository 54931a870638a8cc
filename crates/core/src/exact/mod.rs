//! The one integer semantics: what validators replay, vote on, pay for and prove.
//!
//! `f32` kernels differ in bits between machines, so everything that must be agreed runs here instead. A
//! [`Program`] is a list of tensor operations over integers with canonical, versioned bytes. Every value declares an
//! [`Interval`]; an interval analysis at construction shows that no operation can overflow, and the
//! [executor](execute()) checks each value that was declared narrower than it could be. The same integers are the wire
//! form of a model, the vote about it and the witness of its proof.
//!
//! Fixed-point conventions (see [`fixed`]): weights carry 12 fractional bits, activations and errors 8, and every
//! rescale is `(x + 2^(s-1)) >> s`.
//!
//! ```
//! use bitneuron_core::exact::{Builder, Interval, Tensor, execute};
//! let mut b = Builder::new();
//! let x = b.input(&[2, 3], Interval::symmetric(100))?;
//! let w = b.input(&[3], Interval::symmetric(100))?;
//! let y = b.einsum("ij,j->i", x, w)?;
//! b.output(y);
//! let program = b.build()?;
//! let x = Tensor::new(&[2, 3], vec![1, 2, 3, 4, 5, 6]).expect("shape");
//! let w = Tensor::new(&[3], vec![1, 0, -1]).expect("shape");
//! let run = execute(&program, &[x, w]).expect("in range");
//! assert_eq!(run.outputs()[0].data(), [-2, -2]);
//! # Ok::<(), bitneuron_core::exact::ProgramError>(())
//! ```

#![warn(clippy::arithmetic_side_effects)]

mod analysis;
pub mod builder;
pub mod data;
mod einsum;
pub mod execute;
pub mod fixed;
pub mod interval;
pub mod join;
pub mod model;
pub mod nats;
pub mod op;
pub mod program;
pub mod programs;
pub mod relation;
pub mod slice;
mod source;
pub mod tensor;

pub use builder::Builder;
pub use data::{DataRoot, ExactData};
pub use einsum::Einsum;
pub use execute::{ExecuteError, Run, compute, execute};
pub use interval::Interval;
pub use join::JoinError;
pub use model::ExactParams;
pub use op::{Comparison, Op, Table, ValueId};
pub use program::{Program, ProgramError};
pub use relation::{Binding, Relation};
pub use slice::Slice;
pub use tensor::{ShapeError, Tensor};
