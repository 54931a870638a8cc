//! In the place of what only a prover has, where there is none: no values exist, so nothing is ever done with them.

/// Elements of nodes.
pub(super) mod values {
    use crate::backend::sumcheck::field::Val;
    use crate::backend::sumcheck::system::NodeId;

    /// There are none.
    pub(in super::super) enum Values {}

    impl Values {
        pub(in super::super) fn field(&self, _id: NodeId) -> Vec<Val> {
            match *self {}
        }
    }
}

/// The tree of fractions.
pub(super) mod tree {
    use super::values::Values;
    use crate::backend::sumcheck::field::{Challenger, Ext};
    use crate::backend::sumcheck::fraction::{Denominator, Forest};
    use crate::backend::sumcheck::system::System;

    /// Nobody grows it.
    pub(in super::super) fn grow(
        _system: &System,
        _forest: &Forest,
        values: &Values,
        _challenges: Denominator,
        _challenger: &Challenger,
        _pads: &[Ext],
        _deaf: bool,
    ) -> Vec<Ext> {
        match *values {}
    }
}
