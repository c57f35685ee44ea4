//! What one registry sends says nothing of what another one has.

use super::scripted::{Act, Gate, Scripted};
use super::*;

#[tokio::test]
async fn a_slow_registry_does_not_delay_other_registries() {
    let artifact = sections();
    let (slow, quick) = (Scripted::of(&[&artifact]), Scripted::of(&[&artifact]));
    let gate = Gate::closed();
    for layer in &artifact.manifest.layers {
        slow.act(layer.blob, Act::Hold(0, gate.clone()));
    }
    slow.act(artifact.manifest.root.blob, Act::Hold(0, gate.clone()));
    let ground = Ground::new();
    let contents = ground.open(PLENTY, 1);
    let waiting = {
        let (contents, component) = (Arc::clone(&contents), artifact.from(&slow));
        tokio::spawn(async move { whole(&contents, component, BodyForm::Whole).await })
    };
    slow.streams(1).await;
    let mut component = artifact.from(&quick);
    component.origin.upstream = Digest::of(b"quick");
    let body = whole(&contents, component, BodyForm::Whole).await;
    assert!(body == artifact.bytes);
    gate.open();
    assert!(waiting.await.unwrap() == artifact.bytes);
}
