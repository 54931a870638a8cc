//! Shrinking: from a case that fails to a smaller one that breaks the same law.

use super::{adversary::Adversary, case::Case};

/// The most cases that are tried.
const TRIES: usize = 400;

/// Takes away whatever can be taken away while `fails` still says so: first the adversary and whole kinds of weather, then
/// halves, then ones, until nothing more can.
pub fn shrink(case: &Case, mut fails: impl FnMut(&Case) -> bool) -> Case {
    let (mut least, mut tries) = (case.clone(), 0);
    loop {
        let before = least.clone();
        for smaller in steps(&least) {
            let smaller = smaller.settled();
            if smaller == least || tries == TRIES {
                continue;
            }
            tries += 1;
            if fails(&smaller) {
                least = smaller;
                break;
            }
        }
        if least == before {
            return least;
        }
    }
}

/// The cases next below, boldest first.
fn steps(case: &Case) -> Vec<Case> {
    type Field = fn(&mut Case) -> &mut u64;
    const WEATHER: [Field; 8] = [
        |case| &mut case.crashes,
        |case| &mut case.cuts,
        |case| &mut case.rotate,
        |case| &mut case.loss,
        |case| &mut case.strays,
        |case| &mut case.duplicates,
        |case| &mut case.skew,
        |case| &mut case.drift,
    ];
    const SIZE: [Field; 2] = [|case| &mut case.heights, |case| &mut case.nodes];
    let with = |field: Field, to: fn(u64) -> u64| {
        let mut smaller = case.clone();
        let place = field(&mut smaller);
        *place = to(*place);
        smaller
    };
    let mut steps = vec![Case { adversary: Adversary::None, ..case.clone() }];
    steps.push(Case { equal: true, ..case.clone() });
    steps.extend(WEATHER.map(|field| with(field, |_| 0)));
    steps.extend(SIZE.map(|field| with(field, |n| n / 2)));
    steps.extend(WEATHER.map(|field| with(field, |n| n / 2)));
    steps.extend(SIZE.map(|field| with(field, |n| n.saturating_sub(1))));
    steps.retain(|smaller| smaller != case);
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_matter_goes_away() {
        let case = Case {
            nodes: 7,
            heights: 7,
            loss: 150,
            strays: 90,
            cuts: 2,
            crashes: 1,
            ..Case::fair(Adversary::Split, 3)
        };
        let least = shrink(&case, |case| case.loss >= 20 && case.heights >= 3);
        assert!((20..40).contains(&least.loss), "{least}");
        let expected =
            Case { nodes: 3, heights: 3, equal: true, loss: least.loss, ..Case::fair(Adversary::None, 3) };
        assert_eq!(least, expected.settled());
    }

    #[test]
    fn what_does_not_fail_again_stays() {
        let case = Case::drawn(Adversary::Twins, 5);
        assert_eq!(shrink(&case, |_| false), case);
    }
}
