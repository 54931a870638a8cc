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
    use crate::backend::sumcheck::field::Ext;
    use crate::backend::sumcheck::fraction::{Denominator, Forest};
    use crate::backend::sumcheck::system::System;

    /// Nobody grows it.
    pub(in super::super) enum Tree {}
    /// Nobody enters a layer.
    pub(in super::super) enum Rounds {}

    impl Tree {
        pub(in super::super) fn grow(_: &System, _: &Forest, values: &Values, _: Denominator) -> Self {
            match *values {}
        }

        pub(in super::super) fn root(&self) -> Ext {
            match *self {}
        }

        pub(in super::super) fn enter(&mut self, _point: &[Ext], _lambda: Ext) -> Rounds {
            match *self {}
        }

        pub(in super::super) fn leave(&mut self, _ends: [Ext; 4]) {
            match *self {}
        }
    }

    impl Rounds {
        pub(in super::super) fn message(&mut self) -> [Ext; 3] {
            match *self {}
        }

        pub(in super::super) fn fold(self, _r: Ext) -> Self {
            self
        }

        pub(in super::super) fn ends(&self) -> [Ext; 4] {
            match *self {}
        }
    }
}
