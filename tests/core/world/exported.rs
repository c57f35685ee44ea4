//! Components that export what no world does: core modules and components.

use wharf::world::{TargetWorld, WitKind, encode};

use super::{assemble, decoded, refusal};

#[test]
fn code_that_is_exported_is_left_out() {
    let text = r#"(component
        (core module $m (func (export "run")))
        (export $out "module" (core module $m))
        (component $c (core module))
        (export "stop" (component $c))
        (core instance $i (instantiate $out))
        (func $run (canon lift (core func $i "run")))
        (export "run" (func $run))
        (export "again" (core module $out))
        (export "walk" (func $run)))"#;
    let bytes = assemble(text);
    let world = decoded(&bytes);
    assert_eq!(world.kind, WitKind::Component);
    let without = r#"(component
        (core module $m (func (export "run")))
        (core instance $i (instantiate $m))
        (func $run (canon lift (core func $i "run")))
        (export "run" (func $run)) (export "walk" (func $run)))"#;
    assert_eq!(world.text, decoded(&assemble(without)).text);
    assert!(
        world.text.contains("export walk: func();"),
        "{}",
        world.text
    );
    assert_eq!(decoded(&encode(&bytes).unwrap()).text, world.text);
    for code in [
        r#"(component (core module) (export "m" (core module 0)))"#,
        r#"(component (component) (export "c" (component 0)))"#,
    ] {
        let world = decoded(&assemble(code));
        assert_eq!(world.text, decoded(&assemble("(component)")).text);
    }
    assert_eq!(world.left_out, ["module", "stop", "again"]);
    assert!(decoded(&assemble(without)).left_out.is_empty());
    let importing =
        r#"(component (import "m" (core module)) (import "c" (component)) (import "f" (func)))"#;
    assert_eq!(decoded(&assemble(importing)).left_out, ["m", "c"]);
    // What is left out must be valid all the same.
    let twice =
        r#"(component (core module) (export "m" (core module 0)) (export "m" (core module 0)))"#;
    assert!(refusal(&assemble(twice)).contains("conflicts"));
}

#[test]
fn code_that_is_exported_is_not_compared() {
    let exporting = |code: &str| {
        let text = format!(
            r#"(component {code} (core module $m (func (export "run")))
                (core instance $i (instantiate $m))
                (func (export "run") (canon lift (core func $i "run"))))"#
        );
        assemble(&text)
    };
    let plain = exporting("");
    let module = exporting(r#"(core module $x) (export "x" (core module $x))"#);
    let component = exporting(r#"(component $x) (export "x" (component $x))"#);
    let other = assemble(r#"(component (core module $x) (export "x" (core module $x)))"#);
    for old in [&plain, &module, &component] {
        let target = TargetWorld::of_component(old).unwrap();
        assert_eq!(target.exports(), ["run"]);
        for new in [&plain, &module, &component] {
            assert_eq!(target.admits(new).unwrap(), Ok(()));
        }
        assert!(target.admits(&other).unwrap().is_err());
    }
}
