//! Reports: a page that needs nothing but itself, and tables in Markdown and CSV.

mod heat;
mod page;
mod plot;
mod table;

pub(crate) use heat::heat;
pub(crate) use page::html;
pub(crate) use plot::{Line, Plot, Scale, bytes};
pub(crate) use table::{cells, markdown, timing};

use super::{Cell, Results};

/// Cells by attack and rule, for one combination of everything else that was swept.
pub(crate) struct Matrix<'a> {
    /// What else was swept, written out; empty where nothing was.
    pub(crate) title: String,
    /// The columns: attacks.
    pub(crate) columns: Vec<&'a str>,
    /// The rows: rules, each with its cells.
    pub(crate) rows: Vec<(&'a str, Vec<Option<Cell<'a>>>)>,
}

impl Results {
    /// One matrix of rules by attacks for each combination of the rest; none where there are not several of both.
    pub(crate) fn matrices(&self) -> Vec<Matrix<'_>> {
        let crossed = ["merge", "attack"];
        if !crossed.iter().all(|key| self.swept.iter().any(|swept| swept == key)) {
            return Vec::new();
        }
        let (rules, attacks) = (self.values("merge"), self.values("attack"));
        // The number of liars tells no attack from attacks, so it does not part matrices.
        let without = ["merge", "attack", "liars"];
        let mut matrices: Vec<Matrix<'_>> = Vec::new();
        for cell in self.cells() {
            let title = self.label(&cell, &without);
            let place = matrices.iter().position(|matrix| matrix.title == title).unwrap_or_else(|| {
                let rows = rules.iter().map(|rule| (*rule, attacks.iter().map(|_| None).collect())).collect();
                matrices.push(Matrix { title, columns: attacks.clone(), rows });
                matrices.len() - 1
            });
            let column = attacks.iter().position(|attack| *attack == cell.get("attack"));
            let row = matrices
                .get_mut(place)
                .and_then(|matrix| matrix.rows.iter_mut().find(|(rule, _)| *rule == cell.get("merge")));
            if let (Some(column), Some((_, cells))) = (column, row)
                && let Some(free) = cells.get_mut(column)
            {
                *free = Some(cell);
            }
        }
        matrices
    }
}
