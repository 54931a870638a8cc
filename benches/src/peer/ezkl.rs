//! EZKL: proofs of inference from ONNX graphs, on halo2 with KZG commitments. What it proves of the net that we prove a
//! whole training step of: 64-32-10 with ReLU, on a batch of 32, at scale 7.
//!
//! ```no_run
//! let ours = 0.05;
//! let theirs = bitneuron_benches::peer::ezkl::inference()?;
//! println!("{} needs {:.0} times our CPU", theirs.name, theirs.prove / ours);
//! # Ok::<(), bitneuron_benches::Failure>(())
//! ```

use crate::Failure;
use serde_json::Value;

/// What EZKL needs for one proof, on one thread.
#[derive(Debug, Clone, PartialEq)]
pub struct Inference {
    /// Its name and version.
    pub name: String,
    /// CPU seconds to prove, key and witness at hand; the median of [`Inference::runs`].
    pub prove: f64,
    /// CPU seconds to verify.
    pub verify: f64,
    /// CPU seconds to make the keys, once a circuit.
    pub setup: f64,
    /// Bytes of the proof.
    pub proof: f64,
    /// Proofs made.
    pub runs: f64,
}

/// Runs `peers/zk/run.sh`: minutes, and 170 MB of packages at first.
///
/// # Errors
/// The script fails or prints something else.
pub fn inference() -> Result<Inference, Failure> {
    read(&super::script("zk", &[])?)
}

fn read(object: &Value) -> Result<Inference, Failure> {
    let number = |field: &'static str| object.get(field).and_then(Value::as_f64).ok_or(field);
    Ok(Inference {
        name: object.get("peer").and_then(Value::as_str).ok_or("peer")?.to_owned(),
        prove: number("prove_cpu_s")?,
        verify: number("verify_cpu_s")?,
        setup: number("setup_cpu_s")?,
        proof: number("proof_bytes")?,
        runs: number("runs")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_script_prints_is_read_and_anything_less_is_not() {
        let mut object = json!({
            "peer": "ezkl 23.0.5", "runs": 3, "prove_cpu_s": 8.6, "verify_cpu_s": 0.03, "setup_cpu_s": 7.5,
            "proof_bytes": 5600,
        });
        let inference = read(&object).unwrap();
        assert_eq!(inference.name, "ezkl 23.0.5");
        assert_eq!(inference.prove.to_bits(), 8.6f64.to_bits());
        object["prove_cpu_s"] = Value::Null;
        assert_eq!(read(&object).unwrap_err().to_string(), "prove_cpu_s");
    }
}
