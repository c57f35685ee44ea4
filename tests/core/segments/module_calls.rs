//! What the modules of one file do to each other at the start.

use wharf::segment::SegmentVerdict::{self, ReadAtStart, Streamable, Unknown};

use super::{assemble, segments_of, verdicts};
use crate::support::binary::component;

/// A module whose only segment is read by its export `go`, and by nothing else.
const READER: &str = r#"(core module $b
    (memory (export "m") 1)
    (data $d "bytes")
    (func $read (export "go") (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1)))
    (func (export "other")))"#;

/// Asserts what is said of the one segment of `READER`, beside which a component has these fields.
#[track_caller]
fn assert_verdict(verdict: SegmentVerdict, fields: &str) {
    let text = format!("(component {READER} (core instance $i (instantiate $b)) {fields})");
    assert_eq!(verdicts(&text), [verdict], "{text}");
}

/// A module that imports `go` and does this with it, with an instance that gets it from `READER`.
fn caller(fields: &str) -> String {
    format!(
        r#"(core module $a (import "b" "go" (func $go)) {fields})
           (core instance (instantiate $a (with "b" (instance $i))))"#
    )
}

#[test]
fn start_functions_may_call_other_modules() {
    for (verdict, fields) in [
        (ReadAtStart, "(start $go)"),
        (ReadAtStart, "(start $s) (func $s call $go)"),
        (ReadAtStart, r#"(func (export "_initialize") call $go)"#),
        (
            ReadAtStart,
            r#"(func (export "__wasm_call_ctors") call $go)"#,
        ),
        (ReadAtStart, r#"(func (export "cabi_realloc") call $go)"#),
        (ReadAtStart, r#"(export "cabi_realloc" (func $go))"#),
        (
            ReadAtStart,
            "(table 1 funcref) (elem (i32.const 0) $go) (start $s) (func $s (call_indirect (i32.const 0)))",
        ),
        (Streamable, ""),
        (Streamable, r#"(func (export "run") call $go)"#),
        (
            Streamable,
            r#"(start $s) (func $s) (func (export "run") call $go)"#,
        ),
    ] {
        assert_verdict(verdict, &caller(fields));
    }
    // Another function of the same module, which leads nowhere.
    let other = r#"(core module $a (import "b" "go" (func)) (import "b" "other" (func $other)) (start $other))
        (core instance (instantiate $a (with "b" (instance $i))))"#;
    assert_verdict(Streamable, other);
    // Modules count whether there is an instance or not: names decide.
    assert_verdict(
        ReadAtStart,
        r#"(core module (import "x" "go" (func $f)) (start $f))"#,
    );
    assert_verdict(
        Streamable,
        r#"(core module (import "go" "x" (func $f)) (start $f))"#,
    );
}

#[test]
fn instances_made_of_exports_are_followed() {
    let renamed = |name: &str| {
        format!(
            r#"(core instance $j (export "f" (func $i "{name}")))
               (core instance $k (export "g" (func $j "f")))
               (core module $a (import "b" "g" (func $g)) (start $g))
               (core instance (instantiate $a (with "b" (instance $k))))"#
        )
    };
    assert_verdict(ReadAtStart, &renamed("go"));
    assert_verdict(Streamable, &renamed("other"));
    let passed_on = |name: &str| {
        format!(
            r#"(core module $p (import "b" "{name}" (func $f)) (export "f" (func $f)))
               (core instance $p (instantiate $p (with "b" (instance $i))))
               (core module $a (import "b" "f" (func $f)) (start $f))
               (core instance (instantiate $a (with "b" (instance $p))))"#
        )
    };
    assert_verdict(ReadAtStart, &passed_on("go"));
    assert_verdict(Streamable, &passed_on("other"));
}

#[test]
fn references_go_from_module_to_module() {
    let reader = |fields: &str, more: &str| {
        let start = "(core module $b (type $t (func))";
        let reader = READER.replace("(core module $b", &format!("{start} {fields}"));
        // Nobody imports what reads.
        let reader = reader.replace(r#"(export "go")"#, "");
        format!("(component {reader} (core instance $i (instantiate $b)) {more})")
    };
    let user = |fields: &str| {
        format!(
            r#"(core module $a (type $t (func)) {fields} (start $s))
               (core instance (instantiate $a (with "b" (instance $i))))"#
        )
    };
    let table = r#"(table (export "t") 1 funcref) (elem (i32.const 0) $read)"#;
    let call = r#"(import "b" "t" (table 1 funcref)) (func $s (call_indirect (i32.const 0)))"#;
    let global = r#"(global (export "r") (ref $t) (ref.func $read))"#;
    let by_global =
        r#"(import "b" "r" (global $r (ref $t))) (func $s (call_ref $t (global.get $r)))"#;
    let given =
        r#"(elem declare func $read) (func (export "get") (result (ref $t)) ref.func $read)"#;
    let taken =
        r#"(import "b" "get" (func $get (result (ref $t)))) (func $s (call_ref $t (call $get)))"#;
    for (fields, user_of) in [(table, call), (global, by_global), (given, taken)] {
        let text = reader(fields, &user(user_of));
        assert_eq!(verdicts(&text), [ReadAtStart], "{text}");
        let text = reader(
            fields,
            &user(&user_of.replace("(func $s ", "(func $s) (func ")),
        );
        assert_eq!(verdicts(&text), [Streamable], "{text}");
        let text = reader("", &user("(func $s (call_ref $t (ref.null $t)))"));
        assert_eq!(verdicts(&text), [Streamable], "{text}");
    }
    // The other way round: one module puts its function into another's table, which calls it.
    let calling = r#"(core module $c (table (export "t") 1 funcref)
            (func (export "cabi_realloc") (call_indirect (i32.const 0))))
        (core instance $c (instantiate $c))"#;
    let filling = reader(
        r#"(import "c" "t" (table 1 funcref)) (elem (i32.const 0) $read)"#,
        "",
    )
    .replace("(component", &format!("(component {calling}"))
    .replace(
        "(instantiate $b)",
        r#"(instantiate $b (with "c" (instance $c)))"#,
    );
    assert_eq!(verdicts(&filling), [ReadAtStart], "{filling}");
}

#[test]
fn the_host_does_not_come_back_into_other_modules() {
    let start = r#"(core module $a (import "h" "f" (func $f)) (start $f))"#;
    let host = format!(
        r#"(import "f" (func $f)) (core func $l (canon lower (func $f))) {start}
           (core instance (instantiate $a (with "h" (instance (export "f" (func $l))))))
           (func (export "run") (canon lift (core func $i "go")))"#
    );
    assert_verdict(Streamable, &host);
    // A function of the component itself.
    let own = format!(
        r#"(func $f (canon lift (core func $i "go"))) (core func $l (canon lower (func $f))) {start}
           (core instance (instantiate $a (with "h" (instance (export "f" (func $l))))))"#
    );
    assert_verdict(ReadAtStart, &own);
    // A function of another component of the file.
    let nested = format!(
        r#"(func $f (canon lift (core func $i "go")))
           (component $c (import "f" (func $f)) (core func $l (canon lower (func $f))) {start}
             (core instance (instantiate $a (with "h" (instance (export "f" (func $l)))))))
           (instance (instantiate $c (with "f" (func $f))))"#
    );
    assert_verdict(ReadAtStart, &nested);
    // A destructor, which whoever drops the resource calls.
    let dropping = |start: &str| {
        let reader = READER.replace(r#"(export "go")"#, r#"(export "go") (param i32)"#);
        format!(
            r#"(component {reader} (core instance $i (instantiate $b))
                (type $r (resource (rep i32) (dtor (core func $i "go"))))
                (core func $drop (canon resource.drop $r))
                (core module $a (import "h" "f" (func $f (param i32)))
                  (func $s (call $f (i32.const 0))) {start})
                (core instance (instantiate $a (with "h" (instance (export "f" (func $drop)))))))"#
        )
    };
    assert_eq!(verdicts(&dropping("(start $s)")), [ReadAtStart]);
    assert_eq!(verdicts(&dropping("")), [Streamable]);
}

#[test]
fn code_from_elsewhere_may_call_anything() {
    for foreign in [
        r#"(import "m" (core module $m (import "b" "go" (func))))
           (core instance (instantiate $m (with "b" (instance $i))))"#,
        r#"(import "c" (component $c))"#,
        r#"(import "i" (instance $j (export "m" (core module)))) (alias export $j "m" (core module))"#,
    ] {
        assert_verdict(ReadAtStart, foreign);
    }
    assert_verdict(Streamable, r#"(import "i" (instance (export "f" (func))))"#);
}

#[test]
fn an_adapter_with_its_tables_is_followed() {
    let component = |in_main: &str| {
        format!(
            r#"(component
                (import "print" (func $print))
                (core module $main (import "sys" "write" (func $write)) (import "sys" "read" (func $sysread))
                  (memory 1) (data $d "bytes")
                  (func $read (export "run") (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1)))
                  (func (export "alloc")) {in_main})
                (core module $shim (table (export "t") 2 funcref)
                  (func (export "0") (call_indirect (i32.const 0)))
                  (func (export "1") (call_indirect (i32.const 1))))
                (core module $adapter (import "main" "alloc" (func $alloc)) (import "main" "run" (func $run))
                  (import "host" "print" (func $print))
                  (func (export "write") call $print)
                  (func (export "command") call $run)
                  (func (export "cabi_import_realloc") call $alloc call $print))
                (core module $fill (import "" "0" (func $f)) (import "" "1" (func $g))
                  (import "" "t" (table 2 funcref)) (elem (i32.const 0) $f $g))
                (core instance $shim (instantiate $shim))
                (core instance $sys (export "write" (func $shim "0")) (export "read" (func $shim "1")))
                (core instance $main (instantiate $main (with "sys" (instance $sys))))
                (core func $lowered (canon lower (func $print)))
                (core instance $adapter (instantiate $adapter (with "main" (instance $main))
                  (with "host" (instance (export "print" (func $lowered))))))
                (core instance $fillers (export "0" (func $adapter "write")) (export "1" (func $lowered))
                  (export "t" (table $shim "t")))
                (core instance (instantiate $fill (with "" (instance $fillers))))
                (func (export "run") (canon lift (core func $adapter "command"))))"#
        )
    };
    assert_eq!(verdicts(&component("")), [Streamable]);
    assert_eq!(
        verdicts(&component(r#"(func (export "_initialize") call $write)"#)),
        [ReadAtStart]
    );
    // Through the adapter into the main module.
    let text = component("").replace("call $alloc call $print", "call $run");
    assert_eq!(verdicts(&text), [ReadAtStart]);
    // Through table and adapter.
    let text = component("").replace(
        r#"(export "write") call $print"#,
        r#"(export "write") call $run"#,
    );
    let text = text.replace("call $alloc call $print", "call $alloc");
    assert_eq!(verdicts(&text), [Streamable]);
    let starting = r#"(core module (import "sys" "write" (func $f)) (start $f))"#;
    let text = text.replace(
        "(core module $shim",
        &format!("{starting} (core module $shim"),
    );
    assert_eq!(verdicts(&text), [ReadAtStart]);
}

#[test]
fn calls_between_modules_are_followed_up_to_a_limit() {
    let chain = |length: usize| {
        // Each module calls one that stands before it.
        let modules: String = (0..length)
            .map(|n| {
                format!(
                    r#"(core module (import "" "f{n}" (func $f)) (func (export "f{}") call $f))"#,
                    n + 1
                )
            })
            .collect();
        format!(r#"{modules} (core module (import "" "f{length}" (func $f)) (start $f))"#)
    };
    assert_verdict(Streamable, &chain(20));
    assert_verdict(ReadAtStart, &chain(150));
    assert_verdict(ReadAtStart, &chain(20).replace(r#""f0""#, r#""go""#));
}

#[test]
fn a_module_that_was_not_read_may_call_any_other() {
    let module = |text: &str| nested_module_of(&assemble(text));
    let exported = r#"(module (memory 1) (data $d "bytes")
        (func (export "go") (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1))))"#;
    let inner = exported.replace(r#"(export "go")"#, "");
    let mut damaged = assemble("(module (func nop))");
    let nop = damaged.len() - 2;
    assert_eq!(damaged[nop], 1);
    let verdict =
        |modules: &[Vec<u8>]| segments_of(&component(modules)).modules[0].segments[0].verdict;
    let whole = nested_module_of(&damaged);
    damaged[nop] = 0xff;
    let damaged = nested_module_of(&damaged);
    assert_eq!(verdict(&[module(exported), whole]), Streamable);
    assert_eq!(verdict(&[module(exported), damaged.clone()]), Unknown);
    assert_eq!(verdict(&[module(&inner), damaged]), Streamable);
}

/// The section of a component that holds a module.
fn nested_module_of(module: &[u8]) -> Vec<u8> {
    crate::support::binary::section(1, module)
}
