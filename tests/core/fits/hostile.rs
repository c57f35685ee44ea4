//! Components of all shapes: there is an answer or a refusal, and never a panic.

use crate::support::smith;
use wharf::fits::{plug, upgrade};

use super::fixtures::wit;

use crate::support::binary::noise;
use crate::support::worlds::from_wit;

#[test]
fn every_readable_component_may_replace_itself() {
    let mut outcomes = [0, 0];
    let mut before: Option<Vec<u8>> = None;
    for seed in 0..60 {
        let bytes = smith::component(seed);
        let verdict = upgrade(&bytes, &bytes);
        if let Ok(verdict) = &verdict {
            assert!(verdict.fits(), "{seed}: {verdict:?}");
        }
        outcomes[usize::from(verdict.is_ok())] += 1;
        for other in before.iter().chain([&bytes]) {
            let answered = [upgrade(other, &bytes).is_ok(), plug(other, &bytes).is_ok()];
            assert!(verdict.is_ok() || answered == [false, false], "{seed}");
        }
        before = Some(bytes);
    }
    assert!(outcomes.iter().all(|&count| count > 5), "{outcomes:?}");
}

#[test]
fn damaged_components_are_answered_or_refused() {
    let text = wit("resources.wit");
    let (app, provider) = (from_wit(&text, "app"), from_wit(&text, "provider"));
    let mut outcomes = [0, 0];
    for seed in 0..400 {
        let random = noise(seed, 12);
        let mut bytes = provider.clone();
        for change in random.chunks(3).take(1 + usize::from(random[0] % 3)) {
            let at = usize::from(change[0]) << 8 | usize::from(change[1]);
            let at = at % bytes.len();
            bytes[at] = change[2];
        }
        let upgraded = upgrade(&provider, &bytes);
        outcomes[usize::from(upgraded.is_ok())] += 1;
        for plugged in [plug(&app, &bytes), plug(&bytes, &app)] {
            assert!(plugged.is_err() || upgraded.is_ok(), "{seed}");
        }
    }
    assert!(outcomes.iter().all(|&count| count > 10), "{outcomes:?}");
}
