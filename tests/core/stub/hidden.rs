//! Manifests that put more into layers than belongs there, and files that contradict themselves.

use wharf::section::BinaryKind;
use wharf::{stub, world};

use super::*;
use crate::support::binary::{
    self, COMPONENT_HEADER, MODULE_HEADER, component, custom, data, leb, lying_section, module,
    passive, section,
};

/// An imported and an exported instance, and a module with all that a suffix has.
struct Parts {
    bytes: Vec<u8>,
    /// Named ranges: of whole sections, or where that is said of payloads.
    places: BTreeMap<&'static str, Range<u64>>,
}

const FUNCTIONS: usize = 2;

fn types() -> Vec<u8> {
    section(1, &[1, 0x60, 0, 0])
}

fn functions(count: usize) -> Vec<u8> {
    section(3, &[leb(count), vec![0; count]].concat())
}

fn code(count: usize) -> Vec<u8> {
    let body = [6, 0, 0x41, 1, 0x1a, 1, 0x0b];
    section(10, &[leb(count), body.repeat(count)].concat())
}

impl Parts {
    fn new() -> Self {
        // An instance type without exports, and an instance of it that is imported.
        let instance_type = section(7, &[1, 0x42, 0]);
        let import = |name: &[u8; 5]| section(10, &[&[1, 0, 5], name.as_slice(), &[5, 0]].concat());
        let mut parts = Self {
            bytes: COMPONENT_HEADER.to_vec(),
            places: BTreeMap::new(),
        };
        parts.push("note", &custom("note", b"0123456789"));
        parts.push("type", &instance_type);
        parts.push("import", &import(b"a:b/c"));
        let sections = [
            ("module type", types()),
            ("module function", functions(FUNCTIONS)),
            ("module memory", section(5, &[1, 0, 1])),
            ("module export", section(7, &[1, 1, b'm', 2, 0])),
            ("module datacount", section(12, &[1])),
            ("module code", code(FUNCTIONS)),
            ("module data", data(&[passive(b"the tide is high")])),
            ("module note", custom("note", b"0123456789")),
            ("module kept", custom("component-type:x", b"0123456789")),
            ("module last", custom("last", b"0123456789")),
        ];
        let of_module = module(
            &sections
                .iter()
                .map(|(_, bytes)| bytes.clone())
                .collect::<Vec<_>>(),
        );
        let whole = section(1, &of_module);
        let mut at = parts.bytes.len() + whole.len() - of_module.len() + MODULE_HEADER.len();
        for (name, bytes) in &sections {
            parts
                .places
                .insert(name, at as u64..(at + bytes.len()) as u64);
            at += bytes.len();
        }
        parts.push("module", &whole);
        parts.push("other note", &custom("note", b"0123456789"));
        parts.push("second import", &import(b"x:y/z"));
        parts
    }

    fn push(&mut self, name: &'static str, section: &[u8]) {
        let start = self.bytes.len() as u64;
        self.bytes.extend(section);
        self.places.insert(name, start..self.bytes.len() as u64);
    }

    fn whole(&self, name: &str) -> Range<u64> {
        self.places[name].clone()
    }

    /// Without id and size, and of custom sections without the name.
    fn content(&self, name: &str) -> Range<u64> {
        let whole = self.whole(name);
        let skipped = match self.bytes[whole.start as usize] {
            0 => 3 + u64::from(self.bytes[whole.start as usize + 2]),
            _ => 2,
        };
        whole.start + skipped..whole.end
    }

    fn suffix(&self) -> Range<u64> {
        self.whole("module datacount").start..self.whole("module kept").start
    }

    fn cut(&self, holes: &[Range<u64>]) -> Cut {
        Cut::new(&self.bytes, holes)
    }

    /// Asserts that a layer is needed, and that with it the stub is that of the file.
    #[track_caller]
    fn assert_needed(&self, hole: Range<u64>, what: &str) {
        let cut = self.cut(std::slice::from_ref(&hole));
        match cut.stub() {
            Err(Error::Needs { layer: 0 }) => {}
            other => panic!("{what}: {other:?}"),
        }
        let (stub, needed) = cut.stub_with_needed();
        assert_eq!(needed, [0]);
        assert_eq!(stub.unwrap(), whole(&self.bytes), "{what}");
    }

    #[track_caller]
    fn assert_dropped(&self, holes: &[Range<u64>], what: &str) {
        let stub = self.cut(holes).stub();
        assert_eq!(
            stub.unwrap_or_else(|error| panic!("{what}: {error}")),
            whole(&self.bytes),
            "{what}"
        );
    }
}

#[test]
fn layers_may_contain_dropped_sections() {
    let parts = Parts::new();
    let names = world::interfaces(&whole(&parts.bytes)).unwrap();
    assert_eq!(names.imports, ["a:b/c", "x:y/z"]);
    let dropped = [
        "note",
        "module datacount",
        "module code",
        "module data",
        "module note",
        "module last",
        "other note",
    ];
    let contents: Vec<Range<u64>> = dropped.iter().map(|name| parts.content(name)).collect();
    parts.assert_dropped(&contents, "all");
    for (hole, name) in contents.iter().zip(dropped) {
        parts.assert_dropped(std::slice::from_ref(hole), name);
        let Range { start, end } = *hole;
        let inner = (end - start > 4).then(|| vec![start..start + 1, start + 2..end - 1]);
        parts.assert_dropped(&inner.unwrap_or_default(), name);
    }
    parts.assert_dropped(&[parts.suffix()], "suffix");
    parts.assert_dropped(
        &[parts.suffix(), parts.content("module last")],
        "suffix and more",
    );
}

#[test]
fn layers_may_contain_nothing_else() {
    let parts = Parts::new();
    for kept in [
        "type",
        "import",
        "second import",
        "module type",
        "module function",
        "module memory",
        "module export",
        "module kept",
    ] {
        // As the section itself, its content, and a byte of that.
        let content = parts.content(kept);
        parts.assert_needed(parts.whole(kept), kept);
        parts.assert_needed(content.clone(), kept);
        parts.assert_needed(content.end - 1..content.end, kept);
    }
    for name in ["note", "module", "other note"] {
        let whole = parts.whole(name);
        parts.assert_needed(whole.clone(), "with its header");
        parts.assert_needed(whole.start + 1..whole.end, "with its size");
    }
    for name in ["note", "module note", "other note"] {
        let content = parts.content(name);
        parts.assert_needed(content.start - 1..content.end, "with a part of its name");
    }
    for name in ["note", "module code", "module data", "module last"] {
        let content = parts.content(name);
        parts.assert_needed(
            content.start..content.end + 1,
            "with a byte of what follows",
        );
        parts.assert_needed(
            content.end - 1..content.end + 3,
            "from within, with what follows",
        );
    }
    let (first, last) = (parts.whole("note"), parts.whole("second import"));
    parts.assert_needed(
        first.start + 7..last.end,
        "from a custom section to the end",
    );
    parts.assert_needed(0..1, "the header of the file");
    parts.assert_needed(BinaryKind::HEADER_BYTES..last.end, "everything");
}

#[test]
fn a_suffix_counts_only_at_its_valid_position() {
    let parts = Parts::new();
    let suffix = parts.suffix();
    let nested = parts.whole("module");
    parts.assert_needed(suffix.start..nested.end + 1, "past the end of its module");
    parts.assert_needed(
        suffix.start..parts.whole("second import").end,
        "far past it",
    );
    parts.assert_needed(
        parts.whole("module code").start..suffix.end,
        "not from the first section",
    );
    parts.assert_needed(
        suffix.start..parts.whole("module note").start,
        "to a section that is not kept",
    );
    parts.assert_needed(
        suffix.start..parts.whole("module code").start,
        "to the code",
    );
    parts.assert_needed(parts.whole("module type"), "types as a suffix");
    parts.assert_needed(
        parts.whole("module memory").start..parts.whole("module export").start,
        "memories",
    );
    // To the module's end is where one that keeps nothing after it would end: what it hides is within the module.
    let cut = parts.cut(std::slice::from_ref(&(suffix.start..nested.end)));
    let names = world::interfaces(&cut.stub().unwrap()).unwrap();
    assert_eq!(names.imports, ["a:b/c", "x:y/z"]);
    // A second one.
    let holes = [suffix, parts.whole("module last")];
    let (stub, needed) = parts.cut(&holes).stub_with_needed();
    assert_eq!((stub.unwrap(), needed), (whole(&parts.bytes), vec![1]));
    // That of the file itself, in which imports could be.
    let bytes = module(&[types(), functions(1), code(1)]);
    let hole = bytes.len() as u64 - code(1).len() as u64..bytes.len() as u64;
    let cut = Cut::new(&bytes, &[hole]);
    assert!(matches!(cut.stub(), Err(Error::Needs { layer: 0 })));
    assert_eq!(cut.stub_with_needed().0.unwrap(), whole(&bytes));
}

/// What decodes as a component that holds a module of these sections.
fn nests(sections: &[Vec<u8>]) -> Result<Vec<u8>, Error> {
    let nested = component(&[section(1, &module(sections))]);
    let outcome = stub::of_source(&nested);
    // Nested or not, the rule is the same.
    assert_eq!(outcome.is_ok(), stub::of_source(&module(sections)).is_ok());
    outcome
}

#[test]
fn wrong_counts_are_errors() {
    let reason = |outcome: Result<Vec<u8>, Error>| match outcome {
        Err(Error::Malformed { reason, .. }) => reason,
        other => panic!("{other:?}"),
    };
    let sound = nests(&[types(), functions(2), code(2)]).unwrap();
    world::decode(&sound).unwrap();
    for bodies in [0, 1, 3] {
        let outcome = nests(&[types(), functions(2), code(bodies)]);
        assert!(reason(outcome).contains("one body for each"));
    }
    assert!(reason(nests(&[code(2), types(), functions(2)])).contains("one body for each"));
    assert!(reason(nests(&[types(), section(10, &[0xff; 5])])).contains("one body for each"));
    let many = section(3, &[leb(0xffff_ffff), vec![0; 3]].concat());
    assert!(reason(nests(&[types(), many])).contains("its number of functions"));
    assert!(reason(nests(&[types(), section(3, &[])])).contains("its number of functions"));
    // Functions without bodies, twice the bodies, types that are not there: said by who decodes the stub.
    for sections in [
        vec![types(), functions(2)],
        vec![types(), functions(2), data(&[passive(b"x")])],
        vec![types(), functions(2), code(2), code(2)],
        vec![types(), functions(2), functions(2), code(2)],
        vec![functions(2), code(2)],
        vec![types(), code(0), functions(2)],
    ] {
        let stub = nests(&sections).unwrap();
        assert!(world::decode(&stub).is_err(), "{sections:?}");
    }
}

#[test]
fn unreadable_files_are_errors() {
    let offset = |bytes: &[u8]| match stub::of_source(bytes) {
        Err(Error::Malformed { offset, .. }) => offset,
        other => panic!("{other:?}"),
    };
    assert_eq!(offset(&component(&[vec![1]])), 8);
    assert_eq!(
        offset(&component(&[vec![7, 0xff, 0xff, 0xff, 0xff, 0x7f]])),
        8
    );
    assert_eq!(offset(&component(&[lying_section(7, 9, b"short")])), 8);
    let inner = module(&[lying_section(1, 9, b"short")]);
    assert_eq!(offset(&component(&[section(1, &inner), types()])), 18);
    for bytes in [
        b"".as_slice(),
        b"\0asm",
        b"\0asm\x02\0\0\0",
        b"wharf and more",
    ] {
        assert!(matches!(stub::of_source(bytes), Err(Error::Header)));
    }
}

#[test]
fn contents_that_do_not_fit_their_recipe_are_errors() {
    let parts = Parts::new();
    let cut = parts.cut(&[parts.content("note")]);
    let of = |root: &[u8], layers| stub::of_root(&cut.recipe, root, &layers);
    let short = of(&cut.root[1..], BTreeMap::new());
    assert!(matches!(short, Err(Error::Size { layer: 0, .. })));
    let long = of(&cut.root, BTreeMap::from([(0, vec![0; 11])]));
    assert!(matches!(
        long,
        Err(Error::Size {
            layer: 1,
            expected: 10,
            found: 11
        })
    ));
    let mut recipe = cut.recipe.clone();
    recipe.layers[0].offset = u64::MAX;
    let outside = stub::of_root(&recipe, &cut.root, &BTreeMap::new());
    assert!(matches!(outside, Err(Error::Tiling(_))));
}

#[test]
fn a_stub_has_a_limit() {
    let large = component(&[section(7, &vec![0; stub::MAX_STUB_BYTES])]);
    assert!(matches!(stub::of_source(&large), Err(Error::TooLarge)));
    // A quarter of it in functions becomes more than all of it in bodies.
    let count = stub::MAX_STUB_BYTES / 4;
    let many = module(&[types(), functions(count), code(0)]);
    assert!(matches!(
        stub::of_source(&many),
        Err(Error::Malformed { .. })
    ));
    let bodies = section(10, &[leb(count), vec![0; 4]].concat());
    let many = module(&[types(), functions(count), bodies]);
    assert!(matches!(stub::of_source(&many), Err(Error::TooLarge)));
}

#[test]
fn nesting_is_cheap_and_limited() {
    for depth in [99, 100, 101, 5000] {
        let bytes = binary::nest(depth);
        let stub = whole(&bytes);
        // What is too deep is kept as it is, and so is what is in it.
        let opaque = stub.windows(5).filter(|window| window == b"level").count();
        assert_eq!(opaque, depth.saturating_sub(100));
    }
}
