//! The `f32` form of the nets that validators step in integers: the same layers, and the same layout down to the order of each
//! core's elements, so that a model of the one is a model of the other but for rounding.

use super::{Layer, Mlp, ModelError};
use bitneuron_compress::factor::TrainLinear;
use bitneuron_core::exact::programs::{Linear, Net};
use std::sync::Arc;

/// ```
/// use bitneuron_core::exact::programs::{Linear, Net, Train};
/// use bitneuron_learning::model::{Mlp, Model};
/// let hidden = Linear::Train(Train::new(&[8, 8], &[16, 16], &[4])?);
/// let net = Net::new(vec![hidden, Linear::Dense { from: 256, to: 10 }])?;
/// let model = Mlp::try_from(&net)?;
/// assert_eq!(*model.layout(), net.layout());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl TryFrom<&Net> for Mlp {
    type Error = ModelError;

    fn try_from(net: &Net) -> Result<Self, ModelError> {
        Self::of(net.linears().iter().map(Layer::try_from).collect::<Result<_, _>>()?)
    }
}

impl TryFrom<&Linear> for Layer {
    type Error = ModelError;

    fn try_from(linear: &Linear) -> Result<Self, ModelError> {
        let train = match linear {
            Linear::Dense { from, to } => {
                return Ok(Self::Dense { inputs: *from as usize, outputs: *to as usize });
            }
            Linear::Train(train) => train,
        };
        let (mut inputs, mut outputs, mut ranks) = (Vec::new(), Vec::new(), Vec::new());
        for [left, from, to, _] in train.cores() {
            inputs.push(from as usize);
            outputs.push(to as usize);
            ranks.push(left as usize);
        }
        // The rank in front of the first core is 1 and none of the train's own.
        let ranks = ranks.split_off(1);
        Ok(Self::Factored(Arc::new(TrainLinear::interleaved(&inputs, &outputs, &ranks)?)))
    }
}
