//! The same instructions as wasmparser reads them.

use wasmparser::{
    BinaryReader, BlockType, BrTable, Catch, Handle, HeapType, Ieee32, Ieee64, MemArg,
    MemArgTarget, Operator, OperatorsReader, Ordering, RefType, ResumeTable, TryTable,
    UnpackedIndex, V128, ValType, WasmFeatures,
};

use super::OperandKind::{self, *};

/// An instruction that wasmparser reads.
#[derive(Debug, PartialEq)]
pub(super) struct ReferenceInstruction {
    pub(super) name: &'static str,
    pub(super) operands: Vec<(OperandKind, i64)>,
    pub(super) end: usize,
}

/// Reads the instruction at the start of `bytes`. Some are readable only in an `if` or a `try`.
pub(super) fn read(bytes: &[u8]) -> Option<ReferenceInstruction> {
    [&[][..], &[0x04, 0x40], &[0x06, 0x40]]
        .iter()
        .find_map(|block| {
            let bytes = [block, bytes].concat();
            let mut reader = reader_of(&bytes);
            if !block.is_empty() {
                reader.read().unwrap();
            }
            let mut instruction = read_next(&mut reader)?;
            instruction.end -= block.len();
            Some(instruction)
        })
}

/// Reads all instructions of a function body without its locals.
pub(super) fn read_all(bytes: &[u8]) -> Vec<ReferenceInstruction> {
    let mut reader = reader_of(bytes);
    let mut instructions = Vec::new();
    while !reader.eof() {
        instructions.push(read_next(&mut reader).unwrap());
    }
    instructions
}

fn reader_of(bytes: &[u8]) -> OperatorsReader<'_> {
    OperatorsReader::new(BinaryReader::new_features(bytes, 0, WasmFeatures::all()))
}

fn read_next(reader: &mut OperatorsReader<'_>) -> Option<ReferenceInstruction> {
    let operator = reader.read().ok()?;
    let mut operands = Vec::new();
    add_operands(&operator, &mut operands);
    Some(ReferenceInstruction {
        name: name(&operator),
        operands,
        end: reader.original_position() as usize,
    })
}

macro_rules! define_names {
    ($( @$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($ann:tt)*) )*) => {
        /// The names of all operators.
        pub(super) const NAMES: &[&str] = &[$(stringify!($op)),*];

        fn name(operator: &Operator<'_>) -> &'static str {
            match operator {
                $(Operator::$op { .. } => stringify!($op),)*
                _ => unreachable!("an operator is missing in the list"),
            }
        }

        fn add_operands(operator: &Operator<'_>, operands: &mut Vec<(OperandKind, i64)>) {
            match operator {
                $(Operator::$op $({ $($arg),* })? => {
                    $($($arg.add_to(stringify!($arg), operands);)*)?
                })*
                _ => unreachable!("an operator is missing in the list"),
            }
        }
    };
}
wasmparser::for_each_operator!(define_names);

/// A field of an operator.
trait Field {
    /// Adds the operands that the field with this name consists of.
    fn add_to(&self, name: &str, operands: &mut Vec<(OperandKind, i64)>);
}

impl Field for u32 {
    fn add_to(&self, name: &str, operands: &mut Vec<(OperandKind, i64)>) {
        let kind = match name {
            "function_index" => Function,
            "type_index" | "struct_type_index" | "array_type_index" | "cont_type_index" => Type,
            "array_type_index_dst" | "array_type_index_src" | "argument_index" | "result_index" => {
                Type
            }
            "global_index" => Global,
            "local_index" => Local,
            "relative_depth" => Label,
            "mem" | "dst_mem" | "src_mem" | "table" | "table_index" | "dst_table" | "src_table"
            | "tag_index" => Other,
            "data_index" | "elem_index" | "array_data_index" | "array_elem_index" => Other,
            "field_index" | "array_size" => Other,
            _ => panic!("the field {name} is new"),
        };
        operands.push((kind, i64::from(*self)));
    }
}

impl Field for i32 {
    fn add_to(&self, _name: &str, operands: &mut Vec<(OperandKind, i64)>) {
        operands.push((I32, i64::from(*self)));
    }
}

impl Field for i64 {
    fn add_to(&self, _name: &str, operands: &mut Vec<(OperandKind, i64)>) {
        operands.push((I64, *self));
    }
}

impl Field for MemArg {
    fn add_to(&self, _name: &str, operands: &mut Vec<(OperandKind, i64)>) {
        let mut alignment = i64::from(self.align);
        if self.ordering.is_some() {
            alignment |= 1 << 4;
        }
        match self.target {
            // The index is absent, or it is present and zero: the caller knows only one of both.
            MemArgTarget::Memory(0) => operands.push((Other, alignment)),
            MemArgTarget::Memory(index) => {
                operands.extend([(Other, alignment | 1 << 6), (Other, i64::from(index))])
            }
            MemArgTarget::Array(index) => {
                operands.extend([(Other, alignment | 1 << 5), (Type, i64::from(index))])
            }
        }
        operands.push((Offset, self.offset as i64));
    }
}

impl Field for BlockType {
    fn add_to(&self, name: &str, operands: &mut Vec<(OperandKind, i64)>) {
        match self {
            BlockType::Empty => {}
            BlockType::Type(value_type) => value_type.add_to(name, operands),
            BlockType::FuncType(index) => operands.push((Type, i64::from(*index))),
        }
    }
}

impl Field for ValType {
    fn add_to(&self, name: &str, operands: &mut Vec<(OperandKind, i64)>) {
        if let ValType::Ref(reference) = self {
            reference.add_to(name, operands);
        }
    }
}

impl Field for Vec<ValType> {
    fn add_to(&self, name: &str, operands: &mut Vec<(OperandKind, i64)>) {
        self.iter()
            .for_each(|value_type| value_type.add_to(name, operands));
    }
}

impl Field for RefType {
    fn add_to(&self, name: &str, operands: &mut Vec<(OperandKind, i64)>) {
        self.heap_type().add_to(name, operands);
    }
}

impl Field for HeapType {
    fn add_to(&self, _name: &str, operands: &mut Vec<(OperandKind, i64)>) {
        match self {
            HeapType::Abstract { .. } => {}
            HeapType::Concrete(index) | HeapType::Exact(index) => match index {
                UnpackedIndex::Module(index) => operands.push((Type, i64::from(*index))),
                other => panic!("{other} is no index of a module"),
            },
        }
    }
}

impl Field for BrTable<'_> {
    fn add_to(&self, _name: &str, operands: &mut Vec<(OperandKind, i64)>) {
        operands.extend(
            self.targets()
                .map(|label| (Label, i64::from(label.unwrap()))),
        );
        operands.push((Label, i64::from(self.default())));
    }
}

impl Field for TryTable {
    fn add_to(&self, name: &str, operands: &mut Vec<(OperandKind, i64)>) {
        self.ty.add_to(name, operands);
        for clause in &self.catches {
            match *clause {
                Catch::One { tag, label } | Catch::OneRef { tag, label } => {
                    operands.extend([(Other, i64::from(tag)), (Label, i64::from(label))]);
                }
                Catch::All { label } | Catch::AllRef { label } => {
                    operands.push((Label, i64::from(label)))
                }
            }
        }
    }
}

impl Field for ResumeTable {
    fn add_to(&self, _name: &str, operands: &mut Vec<(OperandKind, i64)>) {
        for clause in &self.handlers {
            match *clause {
                Handle::OnLabel { tag, label } => {
                    operands.extend([(Other, i64::from(tag)), (Label, i64::from(label))]);
                }
                Handle::OnSwitch { tag } => operands.push((Other, i64::from(tag))),
            }
        }
    }
}

macro_rules! define_fixed_fields {
    ($($field:ty),*) => {
        $(impl Field for $field {
            fn add_to(&self, _name: &str, _operands: &mut Vec<(OperandKind, i64)>) {}
        })*
    };
}
define_fixed_fields!(Ieee32, Ieee64, V128, Ordering, u8, [u8; 16]);
