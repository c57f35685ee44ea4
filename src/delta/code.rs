//! Code sections as instructions that are copied with predicted operands.
//!
//! ```text
//! old:  local.get 3   call 4709   i32.const 80528
//! new:  local.get 3   call 4712   i32.const 80640   <- copied; the map predicts call and constant
//! ```
//!
//! `docs/FORMAT.md`, "The method code".

mod encoder;
mod prediction;
mod tokens;

use std::io::{self, Read, Write};

pub(super) use self::encoder::CodePair;
use self::prediction::{CLASSES, Predictor, class};
use super::base::{Base, BaseWindow};
use super::instruction::{self, Operand, Unreadable};
use super::literal_prefix;
use super::map::Map;
use super::numbers::{MAX_NUMBER_BYTES, push, read, unzigzag};
use super::part_error;
use super::prefix::FrameReader;
use super::streams::{Stream, Streams, read_number};

/// The streams of a part: three of control, and the gaps and differences of each class.
const STREAMS: usize = 3 + 2 * CLASSES;

/// The maximum size of a function's body, in bytes. Readers have one body in memory.
const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;

/// No instruction and no list of local declarations is longer, in bytes: lists have at most 65,536 items.
const MAX_TOKEN_BYTES: usize = 1024 * 1024;

/// Decodes exactly `size` bytes. `stored` ends with the part.
pub(super) fn decode(
    base: Base<'_>,
    map: &Map,
    stored: &mut dyn Read,
    size: u64,
    output: &mut dyn Write,
) -> io::Result<()> {
    let functions = read_number(stored)?;
    let streams = Streams::read(STREAMS, stored)?;
    let literals = read_number(stored)?;
    let mut decoder = Decoder {
        control: std::array::from_fn(|index| streams.stream(index)),
        classes: std::array::from_fn(|class| Corrections {
            gaps: streams.stream(3 + class),
            differences: streams.stream(3 + CLASSES + class),
            left: None,
        }),
        literals: Literals::new(FrameReader::new(
            literal_prefix(base.memory()),
            stored,
            literals,
        )?),
        base: BaseWindow::new(base)?,
        predictor: Predictor::new(map),
        operands: Vec::new(),
        body: Vec::new(),
        literal: 0,
        copied: 0,
        is_copy_next: false,
        at: 0,
    };
    for class in &mut decoder.classes {
        class.left = class.gaps.next()?;
    }
    let mut left = size;
    let mut head = Vec::new();
    push(&mut head, functions);
    for function in 0..=functions {
        let sizes = head.len() as u64 + decoder.body.len() as u64;
        left = left
            .checked_sub(sizes)
            .ok_or_else(|| part_error("its content is longer than declared"))?;
        output.write_all(&head)?;
        output.write_all(&decoder.body)?;
        if function < functions {
            decoder.function()?;
            head.clear();
            push(&mut head, decoder.body.len() as u64);
        }
    }
    decoder.finish()?;
    match left {
        0 => Ok(()),
        _ => Err(part_error("its content is shorter than declared")),
    }
}

/// The wrong predictions of a class.
struct Corrections<'a> {
    gaps: Stream<'a>,
    differences: Stream<'a>,
    /// The number of right predictions before the next correction, if there is one.
    left: Option<u64>,
}

struct Decoder<'a> {
    control: [Stream<'a>; 3],
    classes: [Corrections<'a>; CLASSES],
    literals: Literals<'a>,
    base: BaseWindow<'a>,
    predictor: Predictor<'a>,
    operands: Vec<Operand>,
    /// The body of the current function.
    body: Vec<u8>,
    /// The literal and copied instructions that are left of the current record.
    literal: u64,
    copied: u64,
    is_copy_next: bool,
    /// The offset of the next copied instruction.
    at: u64,
}

impl Decoder<'_> {
    /// Decodes a function into the body.
    fn function(&mut self) -> io::Result<()> {
        self.predictor.begin_function();
        self.body.clear();
        self.next_record()?;
        match self.literal > 0 {
            true => _ = self.copy_literal(true)?,
            false => self.copy(true, &mut 0)?,
        }
        let mut depth = 1;
        while depth > 0 {
            self.next_record()?;
            match self.literal > 0 {
                true => depth += i64::from(self.copy_literal(false)?),
                false => self.copy(false, &mut depth)?,
            }
            if self.body.len() > MAX_BODY_BYTES {
                return Err(part_error("a function has more than 8 MiB"));
            }
        }
        Ok(())
    }

    /// Reads records until instructions are left.
    fn next_record(&mut self) -> io::Result<()> {
        while self.literal == 0 && self.copied == 0 {
            if self.is_copy_next {
                self.copied = self.control[1].number()?;
                let seek = unzigzag(self.control[2].number()?);
                let at = self
                    .at
                    .checked_add_signed(seek)
                    .filter(|&at| at <= self.base.size());
                self.at = at.ok_or_else(|| part_error("it seeks outside its base"))?;
            } else {
                self.literal = self.control[0].number()?;
            }
            self.is_copy_next = !self.is_copy_next;
        }
        Ok(())
    }

    fn copy_literal(&mut self, is_head: bool) -> io::Result<i8> {
        self.literal -= 1;
        self.literals
            .copy(is_head, &mut self.operands, &mut self.body)
    }

    /// Copies the head of a function, or instructions up to the end of the run, of the function or of the window.
    fn copy(&mut self, is_head: bool, depth: &mut i64) -> io::Result<()> {
        let mut wanted = 64;
        let size = self.base.size();
        loop {
            let window = self.base.get(self.at, wanted)?;
            let is_rest = self.at + window.len() as u64 >= size;
            let mut copier = Copier {
                window,
                written: 0,
                at: 0,
                predictor: &mut self.predictor,
                classes: &mut self.classes,
                operands: &mut self.operands,
                body: &mut self.body,
            };
            let copied = match is_head {
                true => copier.copy_head(),
                false => copier.copy_instructions(&mut self.copied, depth),
            };
            let at = copier.at;
            match copied {
                Err(CopyError::End) if at == 0 && !is_rest && wanted < MAX_TOKEN_BYTES => {
                    wanted *= 4
                }
                Err(CopyError::End) if at == 0 => {
                    return Err(part_error(
                        "its base has no instruction where one is copied",
                    ));
                }
                Ok(()) | Err(CopyError::End) => {
                    self.copied -= u64::from(is_head);
                    self.at += at as u64;
                    return Ok(());
                }
                Err(CopyError::Part(error)) => return Err(error),
            }
        }
    }

    /// Checks that nothing is left.
    fn finish(mut self) -> io::Result<()> {
        self.control.iter().try_for_each(Stream::finish)?;
        for class in &self.classes {
            class.gaps.finish()?;
            class.differences.finish()?;
            if class.left.is_some() {
                return Err(part_error("a correction has no operand"));
            }
        }
        if self.literal > 0 || self.copied > 0 {
            return Err(part_error("its last record is longer than its content"));
        }
        self.literals.finish()
    }
}

/// Copies instructions of a window with predicted operands. Bytes that stay as they are follow in one piece.
struct Copier<'a, 'p> {
    window: &'a [u8],
    /// The offset in the window up to which the bytes are in the body.
    written: usize,
    at: usize,
    predictor: &'a mut Predictor<'p>,
    classes: &'a mut [Corrections<'p>; CLASSES],
    operands: &'a mut Vec<Operand>,
    body: &'a mut Vec<u8>,
}

enum CopyError {
    /// The window ends within an instruction. The instructions before it are copied.
    End,
    Part(io::Error),
}

impl Copier<'_, '_> {
    fn copy_head(&mut self) -> Result<(), CopyError> {
        let mut start = 0;
        if read(self.window, &mut start).is_none() {
            return Err(self.unreadable(match self.window.len() < MAX_NUMBER_BYTES {
                true => Unreadable::End,
                false => Unreadable::Unknown,
            }));
        }
        let head = instruction::read_locals(self.window, start, self.operands);
        let head = head.map_err(|error| self.unreadable(error))?;
        self.written = start;
        self.write_operands()?;
        self.finish(head.end);
        Ok(())
    }

    fn copy_instructions(&mut self, count: &mut u64, depth: &mut i64) -> Result<(), CopyError> {
        let mut copied = Ok(());
        while *count > 0 && *depth > 0 && self.body.len() + self.at - self.written <= MAX_BODY_BYTES
        {
            match instruction::read(self.window, self.at, self.operands) {
                Ok(next) => {
                    self.write_operands()?;
                    self.at = next.end;
                    *depth += i64::from(next.depth);
                    *count -= 1;
                }
                Err(error) => {
                    copied = Err(self.unreadable(error));
                    break;
                }
            }
        }
        self.finish(self.at);
        copied
    }

    fn unreadable(&self, error: Unreadable) -> CopyError {
        match error {
            Unreadable::End => CopyError::End,
            Unreadable::Unknown => CopyError::Part(part_error(
                "its base has no instruction where one is copied",
            )),
        }
    }

    fn finish(&mut self, end: usize) {
        self.body.extend_from_slice(&self.window[self.written..end]);
        self.written = end;
        self.at = end;
    }

    #[inline]
    fn write_operands(&mut self) -> Result<(), CopyError> {
        for operand in &*self.operands {
            let value = self.classes[class(operand.kind)]
                .value(operand, self.predictor)
                .map_err(CopyError::Part)?;
            if value == operand.value {
                continue;
            }
            self.body
                .extend_from_slice(&self.window[self.written..operand.start]);
            self.written = operand.end;
            if !instruction::write(operand, value, self.body) {
                return Err(CopyError::Part(part_error(
                    "an operand does not fit its instruction",
                )));
            }
        }
        Ok(())
    }
}

impl Corrections<'_> {
    /// Returns the new value of an operand.
    #[inline]
    fn value(&mut self, operand: &Operand, predictor: &mut Predictor<'_>) -> io::Result<i64> {
        let predicted = predictor.predict(operand.kind, operand.value);
        match &mut self.left {
            None => Ok(predicted),
            Some(left) if *left > 0 => {
                *left -= 1;
                Ok(predicted)
            }
            Some(_) => {
                let value = predicted.wrapping_add(unzigzag(self.differences.number()?));
                self.left = self.gaps.next()?;
                predictor.correct(operand.kind, operand.value, value);
                Ok(value)
            }
        }
    }
}

/// The literal instructions.
struct Literals<'a> {
    frames: FrameReader<'a>,
    bytes: Vec<u8>,
    at: usize,
}

impl<'a> Literals<'a> {
    fn new(frames: FrameReader<'a>) -> Self {
        Self {
            frames,
            bytes: Vec::new(),
            at: 0,
        }
    }

    /// Appends an instruction to a body. Returns the change of the block depth.
    fn copy(
        &mut self,
        is_head: bool,
        operands: &mut Vec<Operand>,
        body: &mut Vec<u8>,
    ) -> io::Result<i8> {
        loop {
            let read = match is_head {
                true => instruction::read_locals(&self.bytes, self.at, operands),
                false => instruction::read(&self.bytes, self.at, operands),
            };
            match read {
                Ok(instruction) => {
                    body.extend_from_slice(&self.bytes[self.at..instruction.end]);
                    self.at = instruction.end;
                    return Ok(instruction.depth);
                }
                Err(Unreadable::End) if self.fill()? => {}
                Err(_) => return Err(part_error("a literal is no instruction")),
            }
        }
    }

    /// Reads more bytes. Returns whether there are some.
    fn fill(&mut self) -> io::Result<bool> {
        const PIECE_BYTES: u64 = 64 * 1024;
        self.bytes.drain(..self.at);
        self.at = 0;
        let read = (&mut self.frames)
            .take(PIECE_BYTES)
            .read_to_end(&mut self.bytes)?;
        Ok(read > 0)
    }

    fn finish(&mut self) -> io::Result<()> {
        match self.at == self.bytes.len() && self.frames.read(&mut [0])? == 0 {
            true => Ok(()),
            false => Err(part_error("a literal is left")),
        }
    }
}
