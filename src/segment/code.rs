//! The calls, references and reads in a function body.

use wasmparser::{BinaryReader, FunctionBody, Operator, OperatorsReader};

use super::calls::{Callee, Calls};
use super::{Instruction, MAX_CALLS, MAX_FUNCTIONS, MAX_READERS, SegmentReader, UnreadPart};

/// The facts collected from the code of a module.
#[derive(Debug, Default)]
pub(super) struct Code {
    pub(super) calls: Calls,
    /// The instructions that name a data segment, each with the data index, in file order.
    pub(super) readers: Vec<(u32, SegmentReader)>,
    /// The number of functions, including imported ones.
    pub(super) functions: u32,
}

impl Code {
    /// Collects the facts of one body, with at most `readers_left` more readers.
    pub(super) fn body(
        &mut self,
        reader: BinaryReader<'_>,
        readers_left: &mut usize,
    ) -> Result<(), UnreadPart> {
        let mut operators = FunctionBody::new(reader).get_operators_reader()?;
        while !operators.eof() {
            let (operator, offset) = operators.read_with_offset()?;
            self.operator(&operator, offset, readers_left)?;
        }
        Ok(operators.finish()?)
    }

    /// Collects the references in a constant expression.
    pub(super) fn expression(
        &mut self,
        mut operators: OperatorsReader<'_>,
    ) -> Result<(), UnreadPart> {
        while !operators.eof() {
            if let (Operator::RefFunc { function_index }, offset) = operators.read_with_offset()? {
                self.refer(function_index, offset)?;
            }
        }
        Ok(())
    }

    fn operator(
        &mut self,
        operator: &Operator<'_>,
        offset: u64,
        readers_left: &mut usize,
    ) -> Result<(), UnreadPart> {
        match *operator {
            Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                self.known(function_index, offset)?;
                self.call(Callee::Function(function_index), offset)
            }
            Operator::CallIndirect { .. }
            | Operator::ReturnCallIndirect { .. }
            | Operator::CallRef { .. }
            | Operator::ReturnCallRef { .. }
            | Operator::Resume { .. }
            | Operator::ResumeThrow { .. }
            | Operator::ResumeThrowRef { .. } => self.call(Callee::Reference, offset),
            // The next code to run is unknown.
            Operator::Suspend { .. } | Operator::Switch { .. } => {
                self.call(Callee::Reference, offset)?;
                self.call(Callee::Outside, offset)
            }
            Operator::RefFunc { function_index } => self.refer(function_index, offset),
            Operator::MemoryInit { data_index, .. } => {
                self.reader(data_index, offset, Instruction::MemoryInit, readers_left)
            }
            Operator::DataDrop { data_index } => {
                self.reader(data_index, offset, Instruction::DataDrop, readers_left)
            }
            Operator::ArrayNewData {
                array_data_index, ..
            } => {
                let instruction = Instruction::ArrayNewData;
                self.reader(array_data_index, offset, instruction, readers_left)
            }
            Operator::ArrayInitData {
                array_data_index, ..
            } => {
                let instruction = Instruction::ArrayInitData;
                self.reader(array_data_index, offset, instruction, readers_left)
            }
            _ => Ok(()),
        }
    }

    fn call(&mut self, callee: Callee, offset: u64) -> Result<(), UnreadPart> {
        match self.calls.call(callee) {
            true => Ok(()),
            false => Err(UnreadPart::Limit {
                offset,
                what: "calls in a file",
                most: MAX_CALLS as u64,
            }),
        }
    }

    /// Records that the module makes a reference to a function.
    pub(super) fn refer(&mut self, function: u32, offset: u64) -> Result<(), UnreadPart> {
        self.known(function, offset)?;
        self.calls.refer(function);
        Ok(())
    }

    /// Fails if there is no function with this index.
    pub(super) fn known(&self, function: u32, offset: u64) -> Result<(), UnreadPart> {
        match function < self.functions.min(MAX_FUNCTIONS) {
            true => Ok(()),
            false => Err(UnreadPart::damaged(offset, "no such function")),
        }
    }

    fn reader(
        &mut self,
        data_index: u32,
        offset: u64,
        instruction: Instruction,
        readers_left: &mut usize,
    ) -> Result<(), UnreadPart> {
        *readers_left = readers_left.checked_sub(1).ok_or(UnreadPart::Limit {
            offset,
            what: "instructions that name a data segment",
            most: MAX_READERS as u64,
        })?;
        let reader = SegmentReader {
            function: self.calls.current(),
            offset,
            instruction,
        };
        self.readers.push((data_index, reader));
        Ok(())
    }
}
