//! What a function body calls, refers to and reads.

use wasmparser::{BinaryReader, FunctionBody, Operator, OperatorsReader};

use super::calls::{Callee, Calls};
use super::{Instruction, MAX_CALLS, MAX_FUNCTIONS, MAX_READERS, Reader, Unread};

/// What is gathered from the code of a module.
#[derive(Debug, Default)]
pub(super) struct Code {
    pub(super) calls: Calls,
    /// Each with the data index that it names, in file order.
    pub(super) readers: Vec<(u32, Reader)>,
    /// How many functions there are, imported ones included.
    pub(super) functions: u32,
}

impl Code {
    /// Gathers from one body; up to `readers_left` more readers are kept.
    pub(super) fn body(
        &mut self,
        reader: BinaryReader<'_>,
        readers_left: &mut usize,
    ) -> Result<(), Unread> {
        let mut operators = FunctionBody::new(reader).get_operators_reader()?;
        while !operators.eof() {
            let (operator, offset) = operators.read_with_offset()?;
            self.operator(&operator, offset, readers_left)?;
        }
        Ok(operators.finish()?)
    }

    /// Gathers from a constant expression.
    pub(super) fn expression(&mut self, mut operators: OperatorsReader<'_>) -> Result<(), Unread> {
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
    ) -> Result<(), Unread> {
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
            // Who goes on there is not said.
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

    fn call(&mut self, callee: Callee, offset: u64) -> Result<(), Unread> {
        match self.calls.call(callee) {
            true => Ok(()),
            false => Err(Unread::Limit {
                offset,
                what: "calls in a file",
                most: MAX_CALLS as u64,
            }),
        }
    }

    /// Notes that a reference to a function is made.
    pub(super) fn refer(&mut self, function: u32, offset: u64) -> Result<(), Unread> {
        self.known(function, offset)?;
        self.calls.refer(function);
        Ok(())
    }

    /// Fails if there is no such function.
    pub(super) fn known(&self, function: u32, offset: u64) -> Result<(), Unread> {
        match function < self.functions.min(MAX_FUNCTIONS) {
            true => Ok(()),
            false => Err(Unread::damaged(offset, "no such function")),
        }
    }

    fn reader(
        &mut self,
        data_index: u32,
        offset: u64,
        instruction: Instruction,
        readers_left: &mut usize,
    ) -> Result<(), Unread> {
        *readers_left = readers_left.checked_sub(1).ok_or(Unread::Limit {
            offset,
            what: "instructions that name a data segment",
            most: MAX_READERS as u64,
        })?;
        let reader = Reader {
            function: self.calls.current(),
            offset,
            instruction,
        };
        self.readers.push((data_index, reader));
        Ok(())
    }
}
