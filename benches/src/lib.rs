#![doc = include_str!("../README.md")]
//!
//! # Tour
//!
//! [`bar`] reads the bars, [`cost`] measures time, [`area`] holds one module of measurements for each area, which give
//! [`reading`]s; [`figure`] joins them with the bars, so that no row disappears. [`scene`] holds what is measured *on*, shared by the
//! program `figures` and the criterion benches; [`peer`] asks others for their figures.
#![forbid(unsafe_code)]

pub mod area;
pub mod bar;
pub mod cost;
pub mod figure;
pub mod machine;
pub mod peer;
pub mod reading;
pub mod scene;

use std::error::Error;

/// A measurement that failed, for whatever reason.
pub type Failure = Box<dyn Error + Send + Sync>;
