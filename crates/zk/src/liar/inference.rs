//! Lies about an inference.

use super::{Attempt, Class, Lies, forge, moved};
use crate::Computation;
use crate::suite::Case;
use crate::suite::world::bumped;
use bitneuron_core::claim::Inference;
use bitneuron_core::exact::Tensor;

/// Every lie about the inference `honest`.
pub fn attempts(honest: &Case<Inference>) -> Vec<Attempt<Inference>> {
    let mut lies = Lies::new(honest.context);
    let Case { context, public, witness } = honest;
    let but = |change: &dyn Fn(&mut Inference)| {
        let mut public = public.clone();
        change(&mut public);
        public
    };
    lies.tell("a wrong class", Class::False, but(&|i| i.classes = bumped(&i.classes)), witness);
    lies.tell("a logit one quantum off", Class::False, but(&|i| i.logits = bumped(&i.logits)), witness);
    lies.tell("a class missing", Class::False, but(&|i| i.classes = shortened(&i.classes)), witness);
    let zero = |i: &mut Inference| i.features = zeroed(&i.features);
    lies.tell("answers to other rows", Class::False, but(&zero), witness);
    lies.tell("answers of another model", Class::Unrelated, public.clone(), &bumped(witness));
    let none = |i: &mut Inference| i.features = Tensor::vector(Vec::new());
    lies.tell("answers to nothing", Class::Malformed, but(&none), witness);
    let proof = forge::<Inference>(context, public, &Inference::witness(witness));
    let mut attempts = lies.attempts;
    attempts.extend(moved(*context, &proof, || public.clone()));
    attempts
}

fn shortened(vector: &Tensor) -> Tensor {
    Tensor::vector(vector.data().iter().skip(1).copied().collect())
}

fn zeroed(tensor: &Tensor) -> Tensor {
    Tensor::new(tensor.shape(), vec![0; tensor.len()]).unwrap_or_else(|_| tensor.clone())
}
