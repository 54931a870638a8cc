//! Writes valid inputs and the attacks that are kept to where the programs of cargo-fuzz look for them.

use bitneuron_fuzz::TARGETS;
use std::{fs, io, path::Path};

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for target in TARGETS {
        let folder = root.join("libfuzzer/corpus").join(target.name);
        fs::create_dir_all(&folder)?;
        for (number, seed) in (target.seeds)().iter().enumerate() {
            fs::write(folder.join(format!("seed-{number}")), seed)?;
        }
        let attacks = root.join("attacks").join(target.name);
        for attack in fs::read_dir(attacks).into_iter().flatten() {
            let attack = attack?;
            fs::copy(attack.path(), folder.join(attack.file_name()))?;
        }
    }
    Ok(())
}
