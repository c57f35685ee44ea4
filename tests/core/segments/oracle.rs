//! The same answers found another way: wasmparser walks the whole file, and who reaches whom is a matrix that is
//! closed over.

use wasmparser::{
    CompositeInnerType, DataKind, ElementItems, ElementSectionReader, ExternalKind, FunctionBody,
    Operator, Parser, Payload, TableInit, TypeRef, ValType,
};

/// What the oracle says of one segment: whether it is passive, and is read at the start; function, offset and
/// name of what names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SegmentFacts {
    pub(crate) passive: bool,
    pub(crate) at_start: bool,
    pub(crate) readers: Vec<(u32, u64, &'static str)>,
}

#[derive(Default)]
struct Module {
    imports: usize,
    bodies: Vec<Vec<(u64, Instruction)>>,
    referenced: Vec<usize>,
    exports: Vec<usize>,
    starts: Vec<usize>,
    shares_table: bool,
    shares_references: bool,
    import_names: Vec<String>,
    export_names: Vec<String>,
    reference_globals: bool,
    passive: Vec<bool>,
}

#[derive(Clone, Copy)]
enum Instruction {
    Call(usize),
    Indirect,
    Elsewhere,
    Names(u32, &'static str),
}

/// Returns what is said of the segments of every module that has some, in file order.
pub(crate) fn tell(bytes: &[u8]) -> Vec<Vec<SegmentFacts>> {
    let mut modules = Vec::new();
    let mut open: Vec<Option<Module>> = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.unwrap() {
            Payload::Version { encoding, .. } => {
                let is_module = encoding == wasmparser::Encoding::Module;
                open.push(is_module.then(Module::default));
            }
            Payload::End(_) => {
                modules.extend(open.pop().unwrap());
            }
            payload => {
                if let Some(module) = open.last_mut().unwrap() {
                    module.payload(payload);
                }
            }
        }
    }
    if modules.len() > 1 {
        cross(&mut modules);
    }
    let modules = modules.iter().filter(|module| !module.passive.is_empty());
    modules.map(Module::tell).collect()
}

/// Adds to what modules start with what other modules start there; nothing is said of instances.
fn cross(modules: &mut [Module]) {
    let inner: Vec<_> = modules.iter().map(|module| module.matrix(false)).collect();
    loop {
        let starts = |modules: &[Module]| modules.iter().map(|it| it.starts.len()).sum::<usize>();
        let before = starts(modules);
        for from in 0..modules.len() {
            let one = &modules[from];
            let reached = |node: usize| one.starts.iter().any(|&start| inner[from][start][node]);
            let called = (0..one.imports).filter(|&import| reached(import));
            let called: Vec<String> = called.map(|it| one.import_names[it].clone()).collect();
            let shares = |it: &Module| it.shares_table || it.shares_references;
            let refers = shares(one) && reached(one.imports + one.bodies.len());
            for module in modules.iter_mut() {
                let names = module.export_names.iter().zip(&module.exports);
                let entered = names.filter(|(name, _)| called.contains(name));
                let mut entered: Vec<usize> = entered.map(|(_, &function)| function).collect();
                if refers && shares(module) {
                    entered.push(module.imports + module.bodies.len());
                }
                entered.retain(|node| !module.starts.contains(node));
                module.starts.extend(entered);
            }
        }
        if before == starts(modules) {
            return;
        }
    }
}

impl Module {
    fn payload(&mut self, payload: Payload<'_>) {
        match payload {
            Payload::TypeSection(groups) => {
                // The names of wasmparser's types tell where a reference is.
                let types = groups
                    .into_iter()
                    .flat_map(|group| group.unwrap().into_types());
                for ty in types {
                    if let CompositeInnerType::Func(function) = ty.composite_type.inner {
                        self.shares_references |= format!("{function:?}").contains("Ref(");
                    }
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    let import = import.unwrap();
                    match import.ty {
                        TypeRef::Func(_) | TypeRef::FuncExact(_) => {
                            self.imports += 1;
                            self.import_names.push(import.name.to_owned());
                        }
                        TypeRef::Table(_) => self.shares_table = true,
                        TypeRef::Global(global) => {
                            let is_reference = matches!(global.content_type, ValType::Ref(_));
                            self.reference_globals |= is_reference;
                            self.shares_references |= is_reference;
                        }
                        _ => {}
                    }
                }
            }
            Payload::TableSection(tables) => {
                for table in tables {
                    if let TableInit::Expr(expression) = table.unwrap().init {
                        self.refer(expression.get_operators_reader());
                    }
                }
            }
            Payload::GlobalSection(globals) => {
                for global in globals {
                    let global = global.unwrap();
                    self.reference_globals |= matches!(global.ty.content_type, ValType::Ref(_));
                    self.refer(global.init_expr.get_operators_reader());
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export.unwrap();
                    let function = export.index as usize;
                    match export.kind {
                        ExternalKind::Func | ExternalKind::FuncExact => {
                            self.exports.push(function);
                            self.export_names.push(export.name.to_owned());
                            if ["_initialize", "__wasm_call_ctors", "cabi_realloc"]
                                .contains(&export.name)
                            {
                                self.starts.push(function);
                            }
                        }
                        ExternalKind::Table => self.shares_table = true,
                        ExternalKind::Global => self.shares_references |= self.reference_globals,
                        _ => {}
                    }
                }
            }
            Payload::StartSection { func, .. } => self.starts.push(func as usize),
            Payload::ElementSection(elements) => self.elements(elements),
            Payload::CodeSectionEntry(body) => self.body(&body),
            Payload::DataSection(segments) => {
                for segment in segments {
                    let passive = matches!(segment.unwrap().kind, DataKind::Passive);
                    self.passive.push(passive);
                }
            }
            _ => {}
        }
    }

    fn refer(&mut self, operators: wasmparser::OperatorsReader<'_>) {
        for operator in operators {
            if let Operator::RefFunc { function_index } = operator.unwrap() {
                self.referenced.push(function_index as usize);
            }
        }
    }

    fn elements(&mut self, elements: ElementSectionReader<'_>) {
        for element in elements {
            match element.unwrap().items {
                ElementItems::Functions(functions) => {
                    let functions = functions.into_iter();
                    self.referenced
                        .extend(functions.map(|function| function.unwrap() as usize));
                }
                ElementItems::Expressions(_, expressions) => {
                    for expression in expressions {
                        self.refer(expression.unwrap().get_operators_reader());
                    }
                }
            }
        }
    }

    fn body(&mut self, body: &FunctionBody<'_>) {
        let operators = body.get_operators_reader().unwrap();
        self.refer(operators.clone());
        let mut instructions = Vec::new();
        for operator in operators.into_iter_with_offsets() {
            let (operator, offset) = operator.unwrap();
            // The names of wasmparser's operators tell which of them call.
            let name = format!("{operator:?}");
            let name = name.split(' ').next().unwrap();
            let instruction = match operator {
                Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                    Instruction::Call(function_index as usize)
                }
                Operator::MemoryInit { data_index, .. } => {
                    Instruction::Names(data_index, "memory.init")
                }
                Operator::DataDrop { data_index } => Instruction::Names(data_index, "data.drop"),
                Operator::ArrayNewData {
                    array_data_index, ..
                } => Instruction::Names(array_data_index, "array.new_data"),
                Operator::ArrayInitData {
                    array_data_index, ..
                } => Instruction::Names(array_data_index, "array.init_data"),
                _ if name.contains("Call") || name.contains("Resume") => Instruction::Indirect,
                _ if name == "Suspend" || name == "Switch" => Instruction::Elsewhere,
                _ => continue,
            };
            instructions.push((offset, instruction));
        }
        self.bodies.push(instructions);
    }

    /// Two more nodes stand for what can be referred to and for the outside, which may come back.
    fn matrix(&self, comes_back: bool) -> Vec<Vec<bool>> {
        let functions = self.imports + self.bodies.len();
        let (reference, outside) = (functions, functions + 1);
        let mut reaches = vec![vec![false; functions + 2]; functions + 2];
        for (node, row) in reaches.iter_mut().enumerate() {
            row[node] = true;
            row[outside] |= comes_back && node < self.imports;
        }
        for (body, instructions) in self.bodies.iter().enumerate() {
            let row = &mut reaches[self.imports + body];
            for (_, instruction) in instructions {
                match *instruction {
                    Instruction::Call(function) => row[function] = true,
                    Instruction::Indirect => row[reference] = true,
                    Instruction::Elsewhere => {
                        row[reference] = true;
                        row[outside] = true;
                    }
                    Instruction::Names(..) => {}
                }
            }
        }
        for &function in &self.referenced {
            reaches[reference][function] = true;
        }
        for &function in &self.exports {
            reaches[outside][function] = true;
        }
        reaches[outside][reference] |= self.shares_table;
        reaches[reference][outside] |= comes_back && self.shares_table;
        close(&mut reaches);
        reaches
    }

    fn tell(&self) -> Vec<SegmentFacts> {
        let reaches = self.matrix(true);
        let segments = self.passive.iter().enumerate();
        segments
            .map(|(index, &passive)| {
                let mut facts = SegmentFacts {
                    passive,
                    at_start: !passive,
                    readers: Vec::new(),
                };
                for (body, instructions) in self.bodies.iter().enumerate() {
                    let function = self.imports + body;
                    for (offset, instruction) in instructions {
                        if let Instruction::Names(data, name) = *instruction
                            && data as usize == index
                        {
                            facts.readers.push((function as u32, *offset, name));
                            let reached = self.starts.iter().any(|&start| reaches[start][function]);
                            facts.at_start |= reached && name != "data.drop";
                        }
                    }
                }
                facts
            })
            .collect()
    }
}

/// Adds whom those reach whom one reaches, until nothing changes.
fn close(reaches: &mut [Vec<bool>]) {
    loop {
        let mut changed = false;
        for node in 0..reaches.len() {
            for via in 0..reaches.len() {
                if node == via || !reaches[node][via] {
                    continue;
                }
                let further = reaches[via].clone();
                for (known, reached) in reaches[node].iter_mut().zip(further) {
                    changed |= reached && !*known;
                    *known |= reached;
                }
            }
        }
        if !changed {
            return;
        }
    }
}
