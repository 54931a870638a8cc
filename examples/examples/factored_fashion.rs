//! Fashion-MNIST with factored layers: a perceptron 784-512-10, dense and in factors of four kinds, one seed. Ranks shrink while it
//! learns; what is sent has five bits a value by slices of the factors. How each is trained stands in `benches/src/scene/fashion.rs`.
//!
//! The images are those of the Debian package `dataset-fashion-mnist`; where it is not installed, this says so and ends.
//!
//! ```text
//! cargo run --release -p bitneuron-examples --example factored_fashion
//! ```

use bitneuron::{core::Seed, learning::data::FASHION_MNIST};
use bitneuron_benches::scene::fashion::{Images, run};
use std::{error::Error, io::Write as _};

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut out = std::io::stdout();
    let Some(images) = Images::load()? else {
        writeln!(out, "no images in {FASHION_MNIST}: install the package dataset-fashion-mnist")?;
        return Ok(());
    };
    writeln!(
        out,
        "| layers | accuracy | parameters | fewer | as sent | bytes | fewer |\n|---|---|---|---|---|---|---|"
    )?;
    let mut whole = None;
    for outcome in run(&images, Seed::from_number(1))? {
        let parameters = outcome.parameters as f64;
        let dense = *whole.get_or_insert(parameters);
        let [fine, sent] = [outcome.fine, outcome.sent].map(|accuracy| 100.0 * accuracy);
        let less = 4.0 * dense / outcome.bytes as f64;
        writeln!(
            out,
            "| {} | {fine:.2} % | {} | {:.1}× | {sent:.2} % | {} | {less:.1}× |",
            outcome.kind,
            outcome.parameters,
            dense / parameters,
            outcome.bytes
        )?;
    }
    Ok(())
}
