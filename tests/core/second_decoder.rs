//! The second decoder of delta files, which is written in Python from docs/FORMAT.md, gives the same contents.

use std::fs;
use std::path::Path;
use std::process::Command;

use arbitrary::Unstructured;
use wasm_smith::{Config, Module};
use wasmparser::{FunctionBody, Operator, Parser, Payload};
use wharf::component::Component;
use wharf::delta::{self, Base, DeltaFile, Effort, Method, Options, Part, PartKind};
use wharf::digest::{Digest, Identity};
use wharf::split::SplitPolicy;

use crate::format_examples::{dump, format};
use crate::support::binary::{leb, noise, section, vector};

const POLICY: SplitPolicy = SplitPolicy {
    floor: 16,
    ..SplitPolicy::DEFAULT
};

/// Runs the second decoder. Returns its message if it rejects the file.
fn run_decoder(delta: &Path, base: &Path, output: &Path) -> Result<(), String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/core/delta_decoder");
    let mut command = Command::new("python3");
    command.args(["-B", script]).arg(delta);
    command.arg("--base").arg(base).arg("--out").arg(output);
    let run = command.output().expect("python3 must be installed");
    match run.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&run.stderr).into_owned()),
    }
}

fn write_contents(component: &Component<Vec<u8>>, directory: &Path) {
    fs::create_dir(directory).unwrap();
    fs::write(directory.join("config"), component.config.to_bytes()).unwrap();
    for layer in 0..component.contents().count() {
        let mut content = Vec::new();
        std::io::copy(&mut component.content(layer, &|_| {}), &mut content).unwrap();
        fs::write(directory.join(format!("layer-{layer}")), content).unwrap();
    }
}

/// Makes a delta file, and compares what the second decoder writes with the new component. Returns the parts.
fn compare(old: Vec<u8>, new: Vec<u8>) -> Vec<Part> {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let [old, new] = [old, new].map(|bytes| Component::read(bytes, &POLICY).unwrap());
    let options = Options {
        level: delta::DEFAULT_LEVEL,
        effort: Effort::Best,
        memory: Options::DEFAULT_MEMORY,
    };
    let (mut scratch, mut file) = (tempfile::tempfile().unwrap(), Vec::new());
    let made = delta::make(
        &old,
        &new,
        &POLICY,
        options,
        &mut scratch,
        &mut file,
        &|_| {},
    )
    .unwrap();
    fs::write(path("delta"), &file).unwrap();
    write_contents(&old, &path("old"));
    write_contents(&new, &path("new"));
    run_decoder(&path("delta"), &path("old"), &path("decoded")).unwrap();
    let parts: Vec<Part> = made.parts.into_iter().map(|(part, _)| part).collect();
    for part in &parts {
        let name = match part.kind {
            PartKind::Config => "config".to_owned(),
            PartKind::Layer(layer) => format!("layer-{layer}"),
            _ => continue,
        };
        let [decoded, expected] =
            ["decoded", "new"].map(|parent| fs::read(path(parent).join(&name)).unwrap());
        assert!(decoded == expected, "{name}: {part:?}");
    }
    parts
}

/// Returns a module with code, data, elements and names. Addresses begin at `first`. A version has one function, type and
/// global more than the one before, and other locals.
fn module(version: usize, first: usize) -> Vec<u8> {
    let hex = |value: usize| -> String {
        let bytes = (value as u32).to_le_bytes();
        bytes.iter().map(|byte| format!("\\{byte:02x}")).collect()
    };
    let (mut functions, mut items, mut words) = (String::new(), String::new(), String::new());
    for number in 0..80 {
        let (callee, address) = ((number * 7) % 79, first + 20 * number);
        let local = 1 + (number + version) % 3;
        functions += &format!(
            "(func $f{number} (type $t) (local i32 i32 i32 i64)
               local.get 0 i32.const {address} i32.add local.tee {local} i32.load offset={address}
               (if (result i32) (then local.get {local} call $f{callee})
                 (else global.get $g i32.const {number} i32.xor))
               (block (block (br_table 0 1 0 (local.get 0))))
               i64.const {} i32.wrap_i64 i32.add
               (f64.store (i32.const 8) (f64.const {number}.5))
               (v128.store (i32.const 16) (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15
                 (v128.load (i32.const {address})) (v128.const i64x2 {number} 1)))
               (i32.atomic.store (i32.const 0) (i32.atomic.rmw.add (i32.const 4) (local.get 0)))
               (memory.copy (i32.const 0) (i32.const {address}) (i32.const {number}))
               (table.set (i32.const 0) (ref.func $f{callee}))
               (try_table (catch_all 0) (throw $e))
               (drop (call_indirect (type $t) (local.get 0) (i32.const {number}))))\n",
            address * 3,
        );
        items += &format!(" $f{number}");
        words += &hex(address);
        if number == 10 {
            for new in 0..version {
                functions += &format!("(func $new{new} (type $new) local.get 0 drop)\n");
            }
        }
    }
    functions += &renamed_locals(version);
    let globals = "(global (mut i32) (i32.const 7))".repeat(version);
    let types = match version {
        0 => "(type $t (func (param i32) (result i32)))",
        _ => "(type $new (func (param i32))) (type $t (func (param i32) (result i32)))",
    };
    let next = first + 5000;
    let text = format!(
        "(module {types} (memory 4) (table 200 funcref) (tag $e) {globals}
           (global $g (mut i32) (i32.const 1)) {functions}
           (elem (i32.const 1) func{items}) (elem declare func $f0 $f1)
           (elem (i32.const 100) funcref (ref.func $f3) (ref.null func))
           (data (i32.const {first}) \"{words}\") (data (i32.const {next}) \"abc{words}\") (data \"passive{words}\"))"
    );
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"))
}

/// Returns a function whose many locals have other numbers in each version, so that corrections share places of a table.
fn renamed_locals(version: usize) -> String {
    const LOCALS: usize = 1500;
    let order = noise(9, 4 * LOCALS);
    let accesses = order.chunks_exact(2).map(|pair| {
        let old = usize::from(pair[0]) << 8 | usize::from(pair[1]);
        let local = (old * 7 * (version + 1) + version) % LOCALS;
        format!("local.get {local} drop\n")
    });
    let (types, accesses) = ("i32 ".repeat(LOCALS), accesses.collect::<String>());
    format!("(func $locals (local {types}) {accesses})\n")
}

#[test]
fn the_second_decoder_decodes_every_method() {
    let parts = compare(module(0, 70_001), module(2, 70_444));
    let count = |method, has_map| {
        let is_wanted = |part: &&Part| part.method == method && (part.map > 0) == has_map;
        parts.iter().filter(is_wanted).count()
    };
    assert_eq!(count(Method::Whole, false), 1, "{parts:?}");
    assert_eq!(count(Method::Code, true), 1, "{parts:?}");
    // Data, elements and names.
    assert!(count(Method::Covers, true) >= 2, "{parts:?}");
}

/// Returns a module with instructions of many proposals.
fn generate(bytes: &[u8]) -> Vec<u8> {
    let config = Config {
        min_funcs: 3,
        min_data_segments: 1,
        min_element_segments: 1,
        gc_enabled: true,
        simd_enabled: true,
        relaxed_simd_enabled: true,
        threads_enabled: true,
        tail_call_enabled: true,
        exceptions_enabled: true,
        memory64_enabled: true,
        reference_types_enabled: true,
        wide_arithmetic_enabled: true,
        max_memories: 3,
        ..Config::default()
    };
    let module = Module::new(config, &mut Unstructured::new(bytes)).unwrap();
    module.to_bytes()
}

/// Adds 3 to the functions of calls and 2 to the globals of a module. The result need not be valid. Returns nothing for
/// a module without code.
fn move_indices(module: &[u8]) -> Option<Vec<u8>> {
    let (mut bodies, mut code) = (Vec::new(), 0..0);
    for payload in Parser::new(0).parse_all(module) {
        match payload.unwrap() {
            Payload::CodeSectionStart {
                unchecked_range, ..
            } => code = unchecked_range.start as usize..unchecked_range.end as usize,
            Payload::CodeSectionEntry(body) => bodies.push(vector(&move_body(module, &body))),
            _ => {}
        }
    }
    let payload = [leb(bodies.len()), bodies.concat()].concat();
    // The id and the size are before the payload.
    let start = code.start.checked_sub(leb(code.len()).len() + 1)?;
    let code_section = section(10, &payload);
    Some([&module[..start], &code_section, &module[code.end..]].concat())
}

fn move_body(module: &[u8], body: &FunctionBody<'_>) -> Vec<u8> {
    let mut operators = body.get_operators_reader().unwrap();
    let mut at = operators.original_position() as usize;
    let mut moved = module[body.range().start as usize..at].to_vec();
    while !operators.eof() {
        let operator = operators.read().unwrap();
        let end = operators.original_position() as usize;
        let index = match operator {
            Operator::Call { function_index } => Some(function_index as usize + 3),
            Operator::GlobalGet { global_index } => Some(global_index as usize + 2),
            Operator::GlobalSet { global_index } => Some(global_index as usize + 2),
            _ => None,
        };
        match index {
            Some(index) => moved.extend([vec![module[at]], leb(index)].concat()),
            None => moved.extend(&module[at..end]),
        }
        at = end;
    }
    moved
}

#[test]
fn the_second_decoder_decodes_generated_pairs() {
    const PAIRS: usize = 6;
    let pairs = (300..).filter_map(|seed| {
        let module = generate(&noise(seed, 6000));
        let moved = move_indices(&module)?;
        Some((module, moved))
    });
    let mut methods = Vec::new();
    for (old, new) in pairs.take(PAIRS) {
        let parts = compare(old, new);
        methods.extend(parts.iter().map(|part| part.method));
    }
    assert!(methods.contains(&Method::Code), "{methods:?}");
}

/// The contents of the example of a map, code and covers.
const EXAMPLE: [(&str, &str); 2] = [
    (
        "020c01017f20004180086a10030b0a0020002802900810050b",
        "020c01017f20014190086a10040b0b0020002802a0084510060b",
    ),
    (
        "01004180080b0c840800000700000061626364",
        "01004190080b0d94080000080000006162636421",
    ),
];

fn hex(text: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(byte).collect()
}

#[test]
fn both_decoders_decode_the_example_of_a_map_code_and_covers() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let file = dump(&format(), "### 17.12 Example");
    fs::write(path("delta"), &file).unwrap();
    fs::create_dir(path("old")).unwrap();
    for (number, (old, _)) in EXAMPLE.iter().enumerate() {
        fs::write(path("old").join(number.to_string()), hex(old)).unwrap();
    }
    run_decoder(&path("delta"), &path("old"), &path("decoded")).unwrap();
    let delta = DeltaFile::open(file).unwrap();
    let methods: Vec<Method> = delta.header.parts.iter().map(|part| part.method).collect();
    assert_eq!(methods, [Method::Whole, Method::Code, Method::Covers]);
    for (number, (old, new)) in EXAMPLE.into_iter().enumerate() {
        let (old, new, mut decoded) = (hex(old), hex(new), Vec::new());
        let (base, content) = (Base::Memory(&old), Identity::of(&new));
        delta
            .decode(number + 1, base, content, &mut decoded)
            .unwrap();
        assert_eq!(decoded, new);
        let layer = format!("layer-{}", number + 1);
        assert_eq!(fs::read(path("decoded").join(layer)).unwrap(), new);
    }
}

#[test]
fn the_second_decoder_rejects_another_base_and_a_damaged_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let mut file = dump(&format(), "### 17.11 Example");
    let old = dump(&format(), "## 14. Example");
    let old = Component::read(old, &POLICY).unwrap();
    write_contents(&old, &path("old"));
    fs::create_dir(path("empty")).unwrap();
    fs::write(path("delta"), &file).unwrap();
    assert_eq!(
        run_decoder(&path("delta"), &path("old"), &path("decoded")),
        Ok(())
    );
    let config = fs::read(path("decoded").join("config")).unwrap();
    assert!(file[40..].starts_with(Digest::of(&config).bytes()));
    let error = run_decoder(&path("delta"), &path("empty"), &path("decoded")).unwrap_err();
    assert!(error.starts_with("error: there is no content"), "{error}");
    for at in [40, file.len() - 1] {
        file[at] ^= 1;
        fs::write(path("delta"), &file).unwrap();
        assert!(run_decoder(&path("delta"), &path("old"), &path("decoded")).is_err());
        file[at] ^= 1;
    }
}
