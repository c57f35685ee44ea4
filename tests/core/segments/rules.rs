//! The rule of docs/SEGMENTS.md, one case a sentence.

use wharf::segment::Instruction::{ArrayInitData, ArrayNewData, DataDrop, MemoryInit};
use wharf::segment::Mode;
use wharf::segment::SegmentVerdict::{self, ReadAtStart, Streamable};

use super::{assemble, readers, segments_of, verdicts};
use crate::support::workspace;

/// Asserts what is said of the one segment `$d` of a module, in which `$read` reads it.
#[track_caller]
fn assert_verdict(verdict: SegmentVerdict, fields: &str) {
    let text = format!(
        r#"(module
            {fields}
            (memory 1)
            (data $d "bytes")
            (func $read (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1))))"#
    );
    assert_eq!(verdicts(&text), [verdict], "{text}");
}

#[test]
fn reads_reachable_at_the_start_count() {
    for (verdict, fields) in [
        (Streamable, ""),
        (Streamable, r#"(export "run" (func $read))"#),
        (Streamable, r#"(export "_start" (func $read))"#),
        (
            Streamable,
            r#"(export "run" (func $read)) (start $s) (func $s)"#,
        ),
        (ReadAtStart, "(start $read)"),
        (ReadAtStart, r#"(export "_initialize" (func $read))"#),
        (ReadAtStart, r#"(export "__wasm_call_ctors" (func $read))"#),
        (
            ReadAtStart,
            "(start $a) (func $a call $b) (func $b call $c) (func $c call $read)",
        ),
        (
            ReadAtStart,
            "(start $a) (func $a call $b) (func $b return_call $read)",
        ),
        (
            Streamable,
            "(start $a) (func $a call $b) (func $b call $a) (func $c call $read)",
        ),
        // What is called in code that never runs is called.
        (
            ReadAtStart,
            "(start $a) (func $a (if (i32.const 0) (then unreachable call $read)))",
        ),
    ] {
        assert_verdict(verdict, fields);
    }
}

#[test]
fn an_indirect_call_reaches_every_function_that_is_referred_to() {
    let indirect = "(start $a) (table 1 funcref) (func $a (call_indirect (i32.const 0)))";
    let tail = "(start $a) (table 1 funcref) (func $a (return_call_indirect (i32.const 0)))";
    let by_ref = "(type $t (func)) (start $a) (func $a (call_ref $t (ref.null $t)))";
    let tail_ref = "(type $t (func)) (start $a) (func $a (return_call_ref $t (ref.null $t)))";
    let resumed =
        "(type $t (func)) (type $k (cont $t)) (start $a) (func $a (resume $k (ref.null $k)))";
    let referred = [
        "(elem (i32.const 0) $read)",
        "(elem func $read)",
        "(elem declare func $read)",
        "(elem funcref (ref.null func) (ref.func $read))",
        "(global funcref (ref.func $read))",
        "(table 1 funcref (ref.func $read))",
        "(elem declare func $f) (func $f (drop (ref.func $read))) (export \"x\" (func $read))",
    ];
    for caller in [indirect, tail, by_ref, tail_ref, resumed] {
        for elements in referred {
            if elements.contains("i32.const 0") && !caller.contains("table") {
                continue;
            }
            assert_verdict(ReadAtStart, &format!("{caller} {elements}"));
        }
        assert_verdict(Streamable, caller);
        assert_verdict(
            Streamable,
            &format!("{caller} (export \"run\" (func $read))"),
        );
    }
    // Nothing at the start calls indirectly.
    let fields =
        "(table 1 funcref) (elem (i32.const 0) $read) (func $a (call_indirect (i32.const 0)))";
    assert_verdict(Streamable, fields);
}

#[test]
fn a_call_to_an_import_reaches_every_export() {
    let import = r#"(import "h" "f" (func $host))"#;
    let exported = r#"(export "run" (func $read))"#;
    for (verdict, fields) in [
        (ReadAtStart, format!("{import} {exported} (start $host)")),
        (
            ReadAtStart,
            format!("{import} {exported} (start $a) (func $a call $host)"),
        ),
        (
            Streamable,
            format!("{import} {exported} (func $a call $host)"),
        ),
        (
            Streamable,
            format!("{import} (start $a) (func $a call $host)"),
        ),
        // An import that a reference may be of.
        (
            ReadAtStart,
            format!(
                "{import} {exported} (table 1 funcref) (elem (i32.const 0) $host)
                 (start $a) (func $a (call_indirect (i32.const 0)))"
            ),
        ),
        // A table that both sides have.
        (
            ReadAtStart,
            format!(
                r#"{import} (table (export "t") 1 funcref) (elem (i32.const 0) $read)
                 (start $host)"#
            ),
        ),
        (
            ReadAtStart,
            format!(
                r#"(import "h" "t" (table 1 funcref)) {exported}
                 (start $a) (func $a (call_indirect (i32.const 0)))"#
            ),
        ),
        (
            Streamable,
            format!("{import} (table 1 funcref) (elem (i32.const 0) $read) (start $host)"),
        ),
    ] {
        assert_verdict(verdict, &fields);
    }
}

#[test]
fn functions_named_realloc_run_at_the_start() {
    for (verdict, name) in [
        (ReadAtStart, "cabi_realloc"),
        (ReadAtStart, "cabi_import_realloc"),
        (ReadAtStart, "canonical_abi_realloc"),
        (Streamable, "cabi_post_run"),
    ] {
        assert_verdict(verdict, &format!(r#"(export "{name}" (func $read))"#));
    }
}

/// A component that uses the export `grow` of a module as realloc where `options` says so.
fn component(options: &str, aliases: &str) -> String {
    format!(
        r#"(component
            (core module $m
              (memory (export "m") 1)
              (data $d "bytes")
              (func (export "run") (result i32) i32.const 0)
              (func (export "grow") (param i32 i32 i32 i32) (result i32)
                (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1)) i32.const 0))
            (core instance $i (instantiate $m))
            {aliases}
            (func (export "run") (result string)
              (canon lift (core func $i "run") (memory (core memory $i "m")) {options})))"#
    )
}

#[test]
fn functions_used_as_realloc_run_at_the_start() {
    let lowered = r#"
        (import "say" (func $say (param "text" string) (result string)))
        (core module $l (memory (export "m") 1))
        (core instance $l (instantiate $l))
        (core func (canon lower (func $say) (memory (core memory $l "m")) (realloc (core func $i "grow"))))"#;
    let renamed = r#"
        (core instance $a (export "a" (func $i "grow")))
        (core instance $b (export "b" (func $a "a")))"#;
    let not_lifted = component("", "").replace("(result string)", "(result u32)");
    for (verdict, text) in [
        (Streamable, not_lifted.clone()),
        (
            ReadAtStart,
            component(r#"(realloc (core func $i "grow"))"#, ""),
        ),
        (
            ReadAtStart,
            component(r#"(realloc (core func $b "b"))"#, renamed),
        ),
        (
            ReadAtStart,
            component("", lowered).replace("-> string", "").replace(
                r#"(func (export "run") (result string)"#,
                r#"(func (export "run") (result u32)"#,
            ),
        ),
    ] {
        assert_eq!(verdicts(&text), [verdict], "{text}");
    }
    // In a module of another component of the same file the name counts too.
    let inner = component(r#"(realloc (core func $i "grow"))"#, "");
    let both = not_lifted.replace("(core module $m", &format!("{inner} (core module $m"));
    assert_eq!(verdicts(&both), [ReadAtStart, ReadAtStart]);
}

#[test]
fn every_instruction_that_names_a_segment_is_found() {
    let text = r#"(module
        (type $a (array (mut i8)))
        (import "h" "f" (func))
        (memory 1) (memory $second 1)
        (data $active (memory $second) (i32.const 70000) "copied")
        (data $new "array.new_data") (data $init "array.init_data")
        (data $dropped "data.drop") (data $none "nothing")
        (func $start (data.drop $dropped) (data.drop $active))
        (start $start)
        (func (export "_initialize")
          (drop (array.new_data $a $new (i32.const 0) (i32.const 2))))
        (func (export "run") (param (ref $a))
          (array.init_data $a $init (local.get 0) (i32.const 0) (i32.const 0) (i32.const 2))
          (memory.init $second $init (i32.const 0) (i32.const 0) (i32.const 2))))"#;
    let bytes = assemble(text);
    let found = segments_of(&bytes);
    let segments = &found.modules[0].segments;
    assert_eq!(
        readers(&found),
        [
            vec![(1, DataDrop)],
            vec![(2, ArrayNewData)],
            vec![(3, ArrayInitData), (3, MemoryInit)],
            vec![(1, DataDrop)],
            vec![],
        ]
    );
    let verdicts: Vec<SegmentVerdict> = segments.iter().map(|segment| segment.verdict).collect();
    let expected = [ReadAtStart, ReadAtStart, Streamable, Streamable, Streamable];
    assert_eq!(verdicts, expected);
    let active = Mode::Active {
        memory: 1,
        address: Some(70_000),
    };
    assert_eq!(segments[0].mode, active);
    assert!(segments[1..].iter().all(|it| it.mode == Mode::Passive));
    let init = |index: usize| {
        let init = &segments[index].init;
        &bytes[init.start as usize..init.end as usize]
    };
    assert_eq!((init(0), init(4)), (&b"copied"[..], &b"nothing"[..]));
    for (segment, opcode) in [(1, [0xfb, 9]), (2, [0xfb, 18]), (3, [0xfc, 9])] {
        let at = segments[segment].readers[0].offset as usize;
        assert_eq!(bytes[at..at + 2], opcode, "segment {segment}");
    }
}

#[test]
fn constant_addresses_are_reported() {
    let text = r#"(module
        (import "h" "g" (global $g i32))
        (memory 1) (memory i64 1)
        (data (i32.const -1) "a") (data (memory 1) (i64.const -1) "b")
        (data (global.get $g) "c") (data (i32.add (i32.const 1) (i32.const 2)) "d")
        (data (memory 1) (i64.const 0x123456789a) "e"))"#;
    let found = segments_of(&assemble(text));
    let modes: Vec<Mode> = found.modules[0].segments.iter().map(|it| it.mode).collect();
    let active = |memory, address| Mode::Active { memory, address };
    let expected = [
        active(0, Some(u64::from(u32::MAX))),
        active(1, Some(u64::MAX)),
        active(0, None),
        active(0, None),
        active(1, Some(0x12_3456_789a)),
    ];
    assert_eq!(modes, expected);
}

#[test]
fn an_old_module_without_a_data_count_is_read() {
    let text = r#"(module (memory 1) (data (i32.const 8) "old") (data "passive") (func))"#;
    let bytes = assemble(text);
    assert!(!has_data_count(&bytes));
    assert_eq!(verdicts(text), [ReadAtStart, Streamable]);
    // Bulk memory instructions need one in a valid module, and are found without.
    let used = r#"(module (memory 1) (data $d "x")
        (func $s (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1))) (start $s))"#;
    let mut bytes = assemble(used);
    assert!(has_data_count(&bytes));
    let at = bytes.windows(3).position(|it| it == [12, 1, 1]).unwrap();
    bytes.drain(at..at + 3);
    let found = segments_of(&bytes);
    assert_eq!(found.modules[0].segments[0].verdict, ReadAtStart);
}

fn has_data_count(bytes: &[u8]) -> bool {
    wasmparser::Parser::new(0)
        .parse_all(bytes)
        .any(|payload| matches!(payload, Ok(wasmparser::Payload::DataCountSection { .. })))
}

#[test]
fn modules_are_named_by_their_paths() {
    let found = segments_of(&workspace::assemble("passive"));
    assert_eq!(found.unread, []);
    let modules = found.modules.iter();
    let facts: Vec<(&str, Vec<SegmentVerdict>)> = modules
        .map(|module| {
            let verdicts = module.segments.iter().map(|segment| segment.verdict);
            (module.path.as_str(), verdicts.collect())
        })
        .collect();
    let main = vec![ReadAtStart, Streamable, ReadAtStart, Streamable];
    let expected = [
        ("module[0]", main),
        ("component[0]/module[0]", vec![ReadAtStart]),
    ];
    assert_eq!(facts, expected);
    let alone = segments_of(&assemble(r#"(module (data "x"))"#));
    assert_eq!(alone.modules[0].path, "");
    let none = segments_of(&assemble("(module (func))"));
    assert_eq!(none.modules, []);
}
