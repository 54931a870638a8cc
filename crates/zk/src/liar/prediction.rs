//! Lies about a prediction.

use super::{Attempt, Class, Lies, forge, moved};
use crate::suite::Case;
use crate::suite::world::bumped;
use crate::{Computation, Prediction};
use bitneuron_core::exact::Tensor;

/// Every lie about the prediction `honest`.
pub fn attempts(honest: &Case<Prediction>) -> Vec<Attempt<Prediction>> {
    let mut lies = Lies::new(honest.context);
    let Case { context, public, witness } = honest;
    let but = |change: &dyn Fn(&mut Prediction)| {
        let mut public = public.clone();
        change(&mut public);
        public
    };
    lies.tell("a wrong class", Class::False, but(&|p| p.classes = bumped(&p.classes)), witness);
    lies.tell("an output one quantum off", Class::False, but(&|p| p.logits = bumped(&p.logits)), witness);
    let flat = |p: &mut Prediction| p.logits = Tensor::vector(p.logits.data().to_vec());
    lies.tell("outputs in another shape", Class::False, but(&flat), witness);
    lies.tell("answers of another model", Class::Unrelated, public.clone(), &bumped(witness));
    let none = |p: &mut Prediction| p.features = Tensor::vector(Vec::new());
    lies.tell("answers to nothing", Class::Malformed, but(&none), witness);
    let narrow = |p: &mut Prediction| {
        let rows = p.features.len() as u32;
        p.features =
            Tensor::new(&[rows, 1], p.features.data().to_vec()).unwrap_or_else(|_| p.features.clone());
    };
    lies.tell("rows of other columns", Class::False, but(&narrow), witness);
    let proof = forge::<Prediction>(context, public, &Prediction::witness(witness));
    let mut attempts = lies.attempts;
    attempts.extend(moved(*context, &proof, || public.clone()));
    attempts
}
