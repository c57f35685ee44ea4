//! What one registry sends says nothing of what another one has.

use wharf::encoding::Encoding;
use wharf::gateway::content::Sender;

use super::scripted::{Act, Gate, Scripted};
use super::*;

fn sender(name: &str, is_believed: bool) -> Sender {
    Sender {
        name: Digest::of(name.as_bytes()),
        is_believed,
    }
}

/// The artifact as somebody else has it, or says that it has.
fn from(artifact: &Artifact, store: &Arc<Scripted>, sender: Sender) -> Component {
    Component {
        sender,
        ..artifact.from(store)
    }
}

#[tokio::test]
async fn who_is_not_believed_must_send_what_is_kept_already() {
    let artifact = sections();
    let (known, nothing) = (Scripted::of(&[&artifact]), Scripted::of(&[]));
    let ground = Ground::new();
    let (_theirs, held) = held::directory(&artifact);
    let bytes = &artifact.bytes;
    for contents in [
        ground.open(PLENTY, 4),
        Ground::new().open_beside(vec![held], PLENTY, 4),
    ] {
        let body = whole(&contents, artifact.from(&known), Form::Whole).await;
        assert!(body == *bytes);
        let stranger = sender("stranger", false);
        let raw = &artifact.manifest.layers[artifact.layers(Encoding::Raw)[0]];
        let within = raw.offset + 5..raw.offset + 50;
        for form in [Form::Whole, Form::Zstd, Form::Range(within.clone())] {
            let asked = contents.body(from(&artifact, &nothing, stranger), form.clone());
            assert!(asked.await.is_err(), "{form:?}");
        }
        // Once it has sent them they are used for it too, and for no other.
        let honest = Scripted::of(&[&artifact]);
        for fetches in [1, 0] {
            let body = whole(&contents, from(&artifact, &honest, stranger), Form::Whole).await;
            assert!(body == *bytes);
            assert_eq!(honest.opened().len(), fetches * artifact.blobs.len());
        }
        let part = from(&artifact, &nothing, stranger);
        let body = whole(&contents, part, Form::Range(within.clone())).await;
        assert!(body == bytes[within.start as usize..within.end as usize]);
        let other = from(&artifact, &nothing, sender("other", false));
        assert!(contents.body(other, Form::Whole).await.is_err());
    }
}

#[tokio::test]
async fn nobody_waits_for_what_another_registry_sends() {
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
        tokio::spawn(async move { whole(&contents, component, Form::Whole).await })
    };
    slow.streams(1).await;
    let component = from(&artifact, &quick, sender("quick", true));
    let body = whole(&contents, component, Form::Whole).await;
    assert!(body == artifact.bytes);
    gate.open();
    assert!(waiting.await.unwrap() == artifact.bytes);
}
