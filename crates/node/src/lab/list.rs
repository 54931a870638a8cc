//! What experiments may name.

use bitneuron_learning::{merge, model, named::Named, optim};
use bitneuron_sim::{
    attack,
    lab::{CODECS, KEYS},
};
use std::io::{self, Write};

/// Tells of all rules, attacks, codecs, models and keys, one line each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct List;

impl List {
    /// Writes the lists.
    ///
    /// # Errors
    /// `out` cannot be written to.
    pub fn run(self, out: &mut dyn Write) -> io::Result<()> {
        let mut section = |title: &str, lines: &mut dyn Iterator<Item = (String, String)>| {
            writeln!(out, "{title}")?;
            for (form, about) in lines {
                writeln!(out, "  {form:<34}  {about}")?;
            }
            writeln!(out)
        };
        let own = |(form, about): (&str, &str)| (form.to_owned(), about.to_owned());
        let named = |one: Named| own((one.form, one.about));
        section(
            "Keys of an experiment, with their defaults",
            &mut KEYS.iter().map(|key| (format!("{} = {:?}", key.name, key.default), key.about.to_owned())),
        )?;
        section("merge", &mut merge::rules().map(named))?;
        section("attack", &mut attack::names().map(named))?;
        section("codec", &mut CODECS.into_iter().map(own))?;
        section(
            "model, without the features and classes, which are those of the data: mlp:32",
            &mut model::NAMES.into_iter().map(named),
        )?;
        section("update", &mut optim::NAMES.into_iter().map(named))
    }
}
