//! The rules that ByzFL has too give what it gives.

use bitneuron_core as core;
use bitneuron_learning as learning;

#[path = "fixtures/byzfl.rs"]
mod byzfl;

#[test]
fn every_shared_rule_agrees() {
    let differences = byzfl::differences().expect("a sound fixture");
    assert_eq!(differences.len(), 60, "three scenes of twenty rules");
    for (rule, difference) in differences {
        assert!(difference <= 1e-5, "{rule}: {difference}");
    }
}
