//! tntorch, tensorly and teneva: tensor formats as people use them.

use crate::Failure;
use serde_json::Value;
use std::{env, fs, process};

/// CPU seconds on one thread, medians.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensors {
    /// Names and versions.
    pub names: String,
    /// Each folding: tntorch, tensorly and teneva, and the error of tntorch.
    pub foldings: Vec<Folding>,
    /// CP of rank 32 by tensorly, 20 sweeps.
    pub cp_als: f64,
    /// Tucker of rank 32 by tensorly, 5 sweeps.
    pub tucker: f64,
}

/// A train of rank 32 in one folding.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Folding {
    /// Seconds of tntorch.
    pub tntorch: f64,
    /// Its relative error.
    pub error: f64,
    /// Seconds of tensorly.
    pub tensorly: f64,
    /// Seconds of teneva.
    pub teneva: f64,
}

/// Runs `peers/compress/run.sh` on these tensors: minutes, and gigabytes of packages at first.
///
/// # Errors
/// The script fails or prints something else.
pub fn measure(matrix: &[f32], tensor: &[f32]) -> Result<Tensors, Failure> {
    let folder = env::temp_dir().join(format!("bitneuron-tensors-{}", process::id()));
    fs::create_dir_all(&folder)?;
    let told = (|| {
        let mut arguments = Vec::new();
        for (name, values) in [("--matrix", matrix), ("--tensor", tensor)] {
            let path = folder.join(name.trim_start_matches('-'));
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            fs::write(&path, bytes)?;
            arguments.extend([name.into(), path.into_os_string()]);
        }
        super::script("compress", &arguments)
    })();
    fs::remove_dir_all(&folder)?;
    read(&told?)
}

fn read(object: &Value) -> Result<Tensors, Failure> {
    let number = |object: &Value, field: &'static str| object.get(field).and_then(Value::as_f64).ok_or(field);
    let folding = |object: &Value| -> Result<Folding, Failure> {
        Ok(Folding {
            tntorch: number(object, "tntorch")?,
            error: number(object, "tntorch_error")?,
            tensorly: number(object, "tensorly")?,
            teneva: number(object, "teneva")?,
        })
    };
    let foldings = object.get("foldings").and_then(Value::as_array).ok_or("foldings")?;
    let peers = object.get("peers").and_then(Value::as_object).ok_or("peers")?;
    let names = peers.iter().map(|(name, version)| format!("{name} {}", version.as_str().unwrap_or("?")));
    Ok(Tensors {
        names: names.collect::<Vec<_>>().join(", "),
        foldings: foldings.iter().map(folding).collect::<Result<_, _>>()?,
        cp_als: number(object, "cp_als")?,
        tucker: number(object, "tucker")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_script_prints_is_read_and_anything_less_is_not() {
        let mut object = json!({
            "peers": {"tntorch": "1.1.2"}, "runs": 5, "cp_als": 1.8, "tucker": 9.5,
            "foldings": [{"modes": [4, 4], "tntorch": 0.4, "tntorch_error": 0.1, "tensorly": 1.9, "teneva": 2.2}],
        });
        let read_well = read(&object).unwrap();
        assert_eq!((read_well.names.as_str(), read_well.foldings.len()), ("tntorch 1.1.2", 1));
        object["foldings"][0]["teneva"] = Value::Null;
        assert_eq!(read(&object).unwrap_err().to_string(), "teneva");
    }
}
