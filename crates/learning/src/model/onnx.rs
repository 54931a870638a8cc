//! Perceptrons from files in the format ONNX (feature `onnx`).
//!
//! Read are chains of `Gemm`, `MatMul` and `Add` with `Relu` between them, as frameworks export a perceptron; `Flatten`,
//! `Reshape`, `Identity` and `Dropout` on the way change nothing, and a `Softmax` or `LogSoftmax` at the end is what
//! [`Model::predict`](super::Model::predict) does anyway. Weights are initialisers or `Constant` nodes of `float` or `double`.
//! Anything else is refused by name.
//!
//! A file is foreign: its length, its nodes and every size are bounded, and nothing is stored that is not in the file.

use super::{Mlp, Model as _, ModelError};
use bitneuron_core::{Params, params::ParamsError};
use prost::Message;
use std::collections::BTreeMap;
use std::sync::Arc;
use thiserror::Error;

/// The most bytes of a file: 16 million parameters.
pub const LIMIT: usize = 1 << 26;
/// The most nodes of a graph.
const NODES: usize = 1024;

/// Why a file was not read.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum OnnxError {
    /// It has more than [`LIMIT`] bytes, or too many nodes.
    #[error("more than {0} {1}")]
    TooLarge(usize, &'static str),
    /// It is not of this format.
    #[error("not ONNX: {0}")]
    Format(String),
    /// It has no graph, not one input, or no layer.
    #[error("no chain of layers: {0}")]
    Chain(&'static str),
    /// A node that is no part of a perceptron.
    #[error("node {node:?} is {operation}; a perceptron has Gemm, MatMul, Add and Relu")]
    Operation {
        /// Its name, or that of its output.
        node: String,
        /// What it does.
        operation: String,
    },
    /// A node that stands where it makes no perceptron.
    #[error("node {node:?}: {why}")]
    Place {
        /// Its name, or that of its output.
        node: String,
        /// What is wrong.
        why: &'static str,
    },
    /// A tensor that is not in the file, or whose shape, type or data do not fit.
    #[error("tensor {name:?}: {why}")]
    Tensor {
        /// Its name.
        name: String,
        /// What is wrong.
        why: &'static str,
    },
    /// Layers that make no model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// More parameters than a layout may hold.
    #[error(transparent)]
    Params(#[from] ParamsError),
}

// What is read of the format; field numbers are those of `onnx.proto`. Nodes and tensors stay bytes until they are counted.

#[derive(Clone, PartialEq, Message)]
struct File {
    #[prost(message, optional, tag = "7")]
    graph: Option<Graph>,
}

#[derive(Clone, PartialEq, Message)]
struct Graph {
    #[prost(bytes = "vec", repeated, tag = "1")]
    nodes: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "5")]
    initialisers: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "11")]
    inputs: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "12")]
    outputs: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(string, tag = "1")]
    name: String,
}

#[derive(Clone, PartialEq, Message)]
struct Node {
    #[prost(string, repeated, tag = "1")]
    inputs: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    outputs: Vec<String>,
    #[prost(string, tag = "3")]
    name: String,
    #[prost(string, tag = "4")]
    operation: String,
    #[prost(message, repeated, tag = "5")]
    attributes: Vec<Attribute>,
}

#[derive(Clone, PartialEq, Message)]
struct Attribute {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(float, tag = "2")]
    float: f32,
    #[prost(int64, tag = "3")]
    integer: i64,
    #[prost(message, optional, tag = "5")]
    tensor: Option<Tensor>,
}

#[derive(Clone, PartialEq, Message)]
struct Tensor {
    #[prost(int64, repeated, tag = "1")]
    sizes: Vec<i64>,
    #[prost(int32, tag = "2")]
    kind: i32,
    #[prost(float, repeated, tag = "4")]
    floats: Vec<f32>,
    #[prost(string, tag = "8")]
    name: String,
    #[prost(bytes = "vec", tag = "9")]
    raw: Vec<u8>,
    #[prost(double, repeated, tag = "10")]
    doubles: Vec<f64>,
    #[prost(int32, tag = "14")]
    location: i32,
}

/// `TensorProto.DataType`.
const FLOAT: i32 = 1;
const DOUBLE: i32 = 11;

/// The perceptron of a file, and its parameters.
///
/// # Errors
/// [`OnnxError`].
pub fn read(bytes: &[u8]) -> Result<(Mlp, Params), OnnxError> {
    if bytes.len() > LIMIT {
        return Err(OnnxError::TooLarge(LIMIT, "bytes"));
    }
    let graph = decode::<File>(bytes)?.graph.ok_or(OnnxError::Chain("there is no graph"))?;
    if graph.nodes.len().max(graph.initialisers.len()).max(graph.inputs.len()) > NODES {
        return Err(OnnxError::TooLarge(NODES, "nodes or tensors"));
    }
    let mut tensors = BTreeMap::new();
    for bytes in &graph.initialisers {
        let tensor = decode::<Tensor>(bytes)?;
        tensors.insert(tensor.name.clone(), tensor);
    }
    let inputs = graph.inputs.iter().map(|bytes| Ok(decode::<Value>(bytes)?.name));
    let inputs = inputs.collect::<Result<Vec<_>, OnnxError>>()?;
    // Old files list weights among the inputs.
    let mut inputs = inputs.into_iter().filter(|name| !tensors.contains_key(name));
    let (Some(input), None) = (inputs.next(), inputs.next()) else {
        return Err(OnnxError::Chain("a perceptron has one input"));
    };
    let mut chain = Chain { tensors, value: input, layers: Vec::new(), ended: false };
    graph.nodes.iter().try_for_each(|bytes| chain.take(decode::<Node>(bytes)?))?;
    let output = graph.outputs.first().map(|bytes| decode::<Value>(bytes)).transpose()?;
    if output.is_none_or(|output| output.name != chain.value) {
        return Err(OnnxError::Chain("it does not end in the output"));
    }
    chain.finish()
}

fn decode<M: Message + Default>(bytes: &[u8]) -> Result<M, OnnxError> {
    M::decode(bytes).map_err(|error| OnnxError::Format(error.to_string()))
}

/// A layer on its way.
struct Affine {
    inputs: usize,
    outputs: usize,
    /// `[in, out]`.
    weights: Vec<f32>,
    bias: Option<Vec<f32>>,
    rectified: bool,
}

/// The nodes so far.
struct Chain {
    tensors: BTreeMap<String, Tensor>,
    /// The name of what the last node gave.
    value: String,
    layers: Vec<Affine>,
    /// Whether there was a softmax.
    ended: bool,
}

impl Chain {
    fn take(&mut self, mut node: Node) -> Result<(), OnnxError> {
        let named = if node.name.is_empty() { node.outputs.first() } else { Some(&node.name) };
        let name = named.cloned().unwrap_or_default();
        let place = |why| OnnxError::Place { node: name.clone(), why };
        if node.operation == "Constant" {
            let value = node.attributes.iter_mut().find(|attribute| attribute.name == "value");
            let tensor = value.and_then(|attribute| attribute.tensor.take());
            let output = node.outputs.pop().ok_or_else(|| place("it has no output"))?;
            self.tensors.insert(output, tensor.ok_or_else(|| place("it has no tensor"))?);
            return Ok(());
        }
        let position = node.inputs.iter().position(|input| *input == self.value);
        let position = position.ok_or_else(|| place("it does not continue the chain"))?;
        if self.ended {
            return Err(place("it stands behind the softmax"));
        }
        match (node.operation.as_str(), position) {
            ("Gemm", 0) => self.gemm(&node, &place)?,
            ("MatMul", 0) => {
                let weights = node.inputs.get(1).ok_or_else(|| place("it has no weights"))?;
                let (sizes, values) = self.matrix(weights)?;
                self.affine(sizes, values, None, &place)?;
            }
            ("Add", _) => {
                let other = node.inputs.get(1 - position.min(1)).ok_or_else(|| place("it adds nothing"))?;
                let bias = self.vector(other)?;
                match self.layers.last_mut() {
                    Some(layer) if layer.bias.is_none() && !layer.rectified => layer.bias = Some(bias),
                    _ => return Err(place("it does not follow a product")),
                }
            }
            ("Relu", 0) => match self.layers.last_mut() {
                Some(layer) if !layer.rectified => layer.rectified = true,
                _ => return Err(place("it does not follow a layer")),
            },
            ("Softmax" | "LogSoftmax", 0) => self.ended = true,
            ("Flatten" | "Reshape", 0) if self.layers.is_empty() => {}
            ("Identity" | "Dropout", 0) => {}
            _ => return Err(OnnxError::Operation { node: name, operation: node.operation }),
        }
        self.value = node.outputs.into_iter().next().ok_or(OnnxError::Chain("a node without output"))?;
        Ok(())
    }

    fn gemm(&mut self, node: &Node, place: &dyn Fn(&'static str) -> OnnxError) -> Result<(), OnnxError> {
        let attribute = |name: &str| node.attributes.iter().find(|attribute| attribute.name == name);
        let set = |name: &str| attribute(name).is_some_and(|attribute| attribute.integer != 0);
        let scale = |name: &str| attribute(name).map_or(1.0, |attribute| attribute.float);
        if set("transA") {
            return Err(place("its rows are transposed"));
        }
        let weights = node.inputs.get(1).ok_or_else(|| place("it has no weights"))?;
        let ([mut rows, mut columns], mut values) = self.matrix(weights)?;
        if set("transB") {
            let column = |column: usize| values.iter().skip(column).step_by(columns.max(1)).copied();
            values = (0..columns).flat_map(column).collect();
            (rows, columns) = (columns, rows);
        }
        let (alpha, beta) = (scale("alpha"), scale("beta"));
        values.iter_mut().for_each(|value| *value *= alpha);
        let bias = match node.inputs.get(2).filter(|name| !name.is_empty()) {
            Some(name) => Some(self.vector(name)?.into_iter().map(|value| beta * value).collect()),
            None => None,
        };
        self.affine([rows, columns], values, bias, place)
    }

    fn affine(
        &mut self,
        [inputs, outputs]: [usize; 2],
        weights: Vec<f32>,
        bias: Option<Vec<f32>>,
        place: &dyn Fn(&'static str) -> OnnxError,
    ) -> Result<(), OnnxError> {
        if self.layers.last().is_some_and(|layer| !layer.rectified) {
            return Err(place("there is no Relu between two layers"));
        }
        self.layers.push(Affine { inputs, outputs, weights, bias, rectified: false });
        Ok(())
    }

    fn matrix(&self, name: &str) -> Result<([usize; 2], Vec<f32>), OnnxError> {
        let (sizes, values) = self.tensor(name)?;
        match sizes[..] {
            [rows, columns] => Ok(([rows, columns], values)),
            _ => Err(OnnxError::Tensor { name: name.into(), why: "it is no matrix" }),
        }
    }

    /// A vector, or a matrix of one row.
    fn vector(&self, name: &str) -> Result<Vec<f32>, OnnxError> {
        let (sizes, values) = self.tensor(name)?;
        match sizes[..] {
            [_] | [1, _] => Ok(values),
            _ => Err(OnnxError::Tensor { name: name.into(), why: "it is no vector" }),
        }
    }

    fn tensor(&self, name: &str) -> Result<(Vec<usize>, Vec<f32>), OnnxError> {
        let refuse = |why| OnnxError::Tensor { name: name.into(), why };
        let tensor = self.tensors.get(name).ok_or_else(|| refuse("it is not in the file"))?;
        if tensor.location != 0 {
            return Err(refuse("its data are in another file"));
        }
        let sizes = tensor.sizes.iter().map(|size| usize::try_from(*size).ok().filter(|size| *size > 0));
        let sizes: Vec<usize> =
            sizes.collect::<Option<_>>().ok_or_else(|| refuse("a size is not positive"))?;
        let values: Vec<f32> = match (tensor.kind, tensor.raw.as_slice()) {
            (FLOAT, []) => tensor.floats.clone(),
            (FLOAT, raw) => numbers(raw, f32::from_le_bytes).ok_or_else(|| refuse("its data are cut"))?,
            (DOUBLE, []) => tensor.doubles.iter().map(|value| *value as f32).collect(),
            (DOUBLE, raw) => numbers(raw, |bytes| f64::from_le_bytes(bytes) as f32)
                .ok_or_else(|| refuse("its data are cut"))?,
            _ => return Err(refuse("it is neither float nor double")),
        };
        let product = sizes.iter().try_fold(1usize, |product, size| product.checked_mul(*size));
        if product != Some(values.len()) {
            return Err(refuse("its shape and its data differ"));
        }
        if values.iter().all(|value| value.is_finite()) {
            Ok((sizes, values))
        } else {
            Err(refuse("it is not finite"))
        }
    }

    fn finish(self) -> Result<(Mlp, Params), OnnxError> {
        let (Some(first), Some(last)) = (self.layers.first(), self.layers.last()) else {
            return Err(OnnxError::Chain("there is no layer"));
        };
        if last.rectified {
            return Err(OnnxError::Chain("the last layer is rectified"));
        }
        let widths: Vec<usize> =
            std::iter::once(first.inputs).chain(self.layers.iter().map(|layer| layer.outputs)).collect();
        if self.layers.iter().zip(&widths).any(|(layer, width)| layer.inputs != *width) {
            return Err(OnnxError::Chain("widths do not meet"));
        }
        let model = Mlp::new(&widths)?;
        let mut values = Vec::with_capacity(model.layout().len());
        for layer in self.layers {
            values.extend(layer.weights);
            let bias = layer.bias.unwrap_or_else(|| vec![0.0; layer.outputs]);
            match bias[..] {
                // A single number is added to all.
                [one] => values.extend(vec![one; layer.outputs]),
                _ if bias.len() == layer.outputs => values.extend(bias),
                _ => return Err(OnnxError::Chain("a bias of another width than its layer")),
            }
        }
        let params = Params::new(values, Arc::clone(model.layout()))?;
        Ok((model, params))
    }
}

/// The numbers of little-endian bytes, unless there are bytes left.
fn numbers<const N: usize>(raw: &[u8], number: impl Fn([u8; N]) -> f32) -> Option<Vec<f32>> {
    let (chunks, rest) = raw.as_chunks::<N>();
    rest.is_empty().then(|| chunks.iter().map(|bytes| number(*bytes)).collect())
}
