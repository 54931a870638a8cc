//! The page and the picture.

use crate::fixture;
use bitneuron_core::Amount;
use bitneuron_node::devnet::{page, plot};
use bitneuron_sim::report::Report;
use std::path::Path;

/// Elements that have no end tag in HTML.
const VOID: [&str; 2] = ["meta", "!doctype"];

/// Checks that each tag that opens closes, in the right order; the number of elements.
fn elements(markup: &str) -> usize {
    let mut open = Vec::new();
    let mut count = 0;
    for piece in markup.split('<').skip(1) {
        let (tag, _) = piece.split_once('>').expect("a tag ends");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "an element ends that is not the innermost");
            continue;
        }
        count += 1;
        let name = tag.split_whitespace().next().expect("a tag has a name");
        assert_eq!(tag.matches('"').count() % 2, 0, "quotes of <{tag}>");
        if !tag.ends_with('/') && !VOID.contains(&name) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
    count
}

#[test]
fn the_page_is_well_formed_and_holds_every_plot_with_a_caption() {
    let page = page::page(&fixture::report()).expect("page");
    assert!(elements(&page) > 300);
    for name in ["accuracy", "bytes", "balances", "finality", "stake", "reputation"] {
        let start = page.find(&format!("<figure id=\"{name}\">")).expect(name);
        let figure = page[start..].split("</figure>").next().expect("ends");
        assert!(figure.contains("<svg ") && figure.contains("<polyline "), "{name} has lines");
        let caption = figure.split("<figcaption>").nth(1).expect("caption");
        assert!(caption.len() > 40 && caption.trim_end().ends_with(".</figcaption>"), "{name}: {caption}");
    }
    assert_eq!(page.matches("<svg ").count(), 6);
}

#[test]
fn the_page_needs_nothing_else() {
    let page = page::page(&fixture::report()).expect("page");
    let without_namespaces = page.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
    for foreign in ["http:", "https:", "src=", "<link", "<script", "@import", "url("] {
        assert!(!without_namespaces.contains(foreign), "{foreign}");
    }
    assert!(page.contains("prefers-color-scheme:dark") && page.contains("width=device-width"));
}

#[test]
fn foreign_text_is_escaped_wherever_it_is_shown() {
    let evil = "<b onclick='x'>&\"";
    let mut report = fixture::report();
    report.trace_hash = evil.into();
    report.setting.partition = evil.into();
    report.setting.compressor = evil.into();
    report.setting.adversaries = evil.into();
    report.setting.without = Some(evil.into());
    report.adversaries[0].who = evil.into();
    report.adversaries[0].conduct = evil.into();
    report.balances.insert(evil.into(), Amount::TOKEN);
    report.history[59].balances.insert(evil.into(), Amount::TOKEN);
    let page = page::page(&report).expect("page");
    elements(&page);
    assert!(!page.contains("<b "), "raw markup");
    // Trace, partition, compressor twice, adversaries, without, who, conduct, role in the table and in the plot.
    assert_eq!(page.matches("&lt;b onclick=").count(), 10);
}

#[test]
fn a_wrong_supply_is_shouted() {
    let mut report = fixture::report();
    assert!(!page::page(&report).expect("page").contains("WRONG"));
    report.supply.actual = Amount(Amount::SUPPLY.0 - 1);
    assert!(page::page(&report).expect("page").contains("<strong>WRONG</strong>"));
}

#[test]
fn pages_and_pictures_depend_on_the_report_only() {
    let report = fixture::report();
    assert_eq!(page::page(&report), page::page(&report));
    assert_eq!(plot::accuracy_alone(&report), plot::accuracy_alone(&report));
}

#[test]
fn the_picture_is_well_formed_and_shows_all_five_figures() {
    let svg = plot::accuracy_alone(&fixture::report()).expect("svg");
    elements(&svg);
    assert!(svg.starts_with("<svg ") && svg.contains("<title>") && svg.contains("class=\"paper\""));
    for name in ["validators", "worst", "users", "users alone", "all in one place"] {
        assert!(svg.contains(&format!(">\n{name}\n</text>")), "{name}");
    }
}

#[test]
fn guilty_validators_are_named_in_their_plots() {
    let mut report = fixture::report();
    let named = |report: &Report| {
        let plots = plot::all(report).expect("plots");
        plots.iter().filter(|plot| plot.svg.contains("validator 6")).map(|plot| plot.name).collect::<Vec<_>>()
    };
    assert_eq!(named(&report), ["stake", "reputation"]);
    report.adversaries.clear();
    report.validators.iter_mut().for_each(|validator| validator.slashed = Amount::ZERO);
    assert!(named(&report).is_empty());
}

#[test]
fn an_empty_history_and_a_vast_network_are_drawn_too() {
    let mut report = fixture::report();
    report.history.iter_mut().for_each(|round| {
        round.stakes = vec![Amount::tokens(1); 64];
        round.reputations = vec![0; 64];
    });
    elements(&page::page(&report).expect("64 validators"));
    report.history.clear();
    report.adversaries.clear();
    elements(&page::page(&report).expect("no rounds"));
}

/// Leaves page and picture where a person can look at them.
#[test]
#[ignore = "for eyes: writes into the target folder"]
fn show() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let report = fixture::report();
    std::fs::write(folder.join("report.html"), page::page(&report).expect("page")).expect("written");
    std::fs::write(folder.join("accuracy.svg"), plot::accuracy_alone(&report).expect("plot"))
        .expect("written");
    println!("{}", folder.display());
}
