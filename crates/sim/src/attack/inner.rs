//! Inner-product manipulation: back along the way that the honest nodes went (Xie, Koyejo and Gupta, *Fall of Empires*, 2019).
//!
//! With a small ε the lie lies near the honest values and yet turns the sign of the inner product between what is
//! merged and where learning leads; with a large one it undoes many rounds at once.

use super::{Attack, Force, View, view};

/// o − ε·(x̄ − o).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InnerProduct(pub Force);

impl Attack for InnerProduct {
    fn forge(&self, view: &View<'_>) -> Vec<f32> {
        let start = view.start();
        let way = view::gap(&start, &view.mean());
        self.0.forge(view, |force| view::along(&start, -force, &way))
    }
}
