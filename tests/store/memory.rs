//! Peak resident memory of push and pull at the default level: under 64 MiB, whatever the size and the number of layers.
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;

use crate::support::workspace::{Answer, Workspace};
use wharf::digest::{Hasher, Identity};

const MIB: u64 = 1024 * 1024;
const LIMIT: u64 = 64 * MIB;
/// How far the peaks of inputs of different sizes may be apart.
const SPREAD: u64 = 8 * MIB;

/// Writes bytes that are neither zeros nor noise: repeated phrases with something new between them.
struct Phrases {
    table: Vec<u8>,
    state: u64,
}

impl Phrases {
    fn new(seed: u64) -> Self {
        let mut phrases = Self {
            table: Vec::new(),
            state: seed * 2 + 1,
        };
        for _ in 0..4096 {
            let number = phrases.next();
            phrases.table.extend(number.to_le_bytes());
        }
        phrases
    }

    fn next(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }

    fn write(&mut self, size: u64, output: &mut impl Write) {
        let mut left = size as usize;
        while left > 0 {
            let number = self.next();
            let start = number as usize % (self.table.len() - 112);
            output
                .write_all(&self.table[start..start + left.min(112)])
                .unwrap();
            left -= left.min(112);
            let new = left.min(8);
            output.write_all(&number.to_le_bytes()[..new]).unwrap();
            left -= new;
        }
    }
}

fn leb(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(byte);
            return bytes;
        }
        bytes.push(byte | 0x80);
    }
}

const HEADER: &[u8] = b"\0asm\x01\0\0\0";

/// A module with one active data segment of so many bytes.
fn one_section(file: &Path, size: u64) {
    let mut output = BufWriter::new(File::create(file).unwrap());
    // One segment for memory 0 at `i32.const 0`.
    let segment = [&[1, 0, 0x41, 0, 0x0b][..], &leb(size)].concat();
    output.write_all(HEADER).unwrap();
    output.write_all(&[11]).unwrap();
    output.write_all(&leb(segment.len() as u64 + size)).unwrap();
    output.write_all(&segment).unwrap();
    Phrases::new(1).write(size, &mut output);
    output.flush().unwrap();
}

/// A module with so many custom sections of so many bytes.
fn many_sections(file: &Path, sections: u64, size: u64) {
    let mut output = BufWriter::new(File::create(file).unwrap());
    output.write_all(HEADER).unwrap();
    for section in 0..sections {
        let name = format!("section-{section:03}");
        let name = [&leb(name.len() as u64), name.as_bytes()].concat();
        output.write_all(&[0]).unwrap();
        output.write_all(&leb(name.len() as u64 + size)).unwrap();
        output.write_all(&name).unwrap();
        Phrases::new(section).write(size, &mut output);
    }
    output.flush().unwrap();
}

/// Runs a command, which must succeed, and returns the most memory it had in use.
fn peak(command: Command) -> u64 {
    let (answer, peak) = Answer::watched(command);
    answer.success();
    peak
}

fn identity(file: &Path) -> Identity {
    let mut hasher = Hasher::new();
    std::io::copy(&mut File::open(file).unwrap(), &mut hasher).unwrap();
    hasher.identity()
}

/// Pushes and pulls, each with a fresh cache, and returns the peaks of both.
fn peaks(make: impl FnOnce(&Path), layers: usize) -> [u64; 2] {
    let workspace = Workspace::new();
    let file = workspace.path("large.wasm");
    make(&file);
    let expected = identity(&file);
    let cold = ["--cache", "cold"];
    let push = ["push", "large.wasm", "oci:store:large"];
    let pushed = peak(workspace.wharf(&push));
    fs::remove_file(file).unwrap();
    let pull = [&["pull", "oci:store:large", "-o", "pulled.wasm"], &cold[..]].concat();
    let pulled = peak(workspace.wharf(&pull));
    assert_eq!(identity(&workspace.path("pulled.wasm")), expected);
    let shape = workspace.json(&["inspect", "oci:store:large"]);
    assert_eq!(shape["layers"].as_array().unwrap().len(), layers);
    [pushed, pulled]
}

fn assert_under(peaks: [u64; 2], what: &str) {
    let [push, pull] = peaks.map(|bytes| bytes as f64 / MIB as f64);
    println!("{what}: push {push:.1} MiB, pull {pull:.1} MiB");
    for peak in peaks {
        assert!(
            peak < LIMIT,
            "{what}: push {push:.1} MiB, pull {pull:.1} MiB"
        );
    }
}

/// A module with so many passive data segments, all of four bytes.
fn many_segments(file: &Path, segments: u64) {
    let mut content = leb(segments);
    for segment in 0..segments {
        content.extend([1, 4]);
        content.extend((segment as u32).to_le_bytes());
    }
    let section = [HEADER, &[11], &leb(content.len() as u64), &content].concat();
    fs::write(file, section).unwrap();
}

#[test]
fn segments_takes_little_memory() {
    let workspace = Workspace::new();
    let segments = 100_000;
    many_segments(&workspace.path("many.wasm"), segments);
    workspace.json(&["push", "many.wasm", "oci:store:many"]);
    let mut as_json = 0;
    for flags in [
        &["many.wasm", "--json"][..],
        &["many.wasm"],
        &["oci:store:many"],
    ] {
        let mut command = workspace.wharf(&[&["inspect", "--segments"], flags].concat());
        command.stdout(File::create(workspace.path("out.txt")).unwrap());
        let peak = peak(command);
        println!("inspect --segments {flags:?}: {} KiB", peak / 1024);
        assert!(peak < LIMIT, "{flags:?}: {peak} bytes");
        // Rows are made where they are written, in every form.
        if flags.len() == 2 {
            as_json = peak;
        }
        assert!(peak < as_json + SPREAD, "{flags:?}: {peak} bytes");
        let shown = String::from_utf8(workspace.read("out.txt")).unwrap();
        let rows = shown.matches("passive").count();
        assert_eq!(rows as u64, segments, "{flags:?}");
    }
}

#[test]
fn memory_does_not_grow_with_the_size() {
    let [small, large] = [64, 512].map(|size| {
        let peaks = peaks(|file| one_section(file, size * MIB), 2);
        assert_under(peaks, &format!("{size} MiB"));
        peaks
    });
    for (small, large) in small.into_iter().zip(large) {
        assert!(small.abs_diff(large) < SPREAD, "{small} and {large} bytes");
    }
}

#[test]
fn memory_does_not_grow_with_the_number_of_layers() {
    let [few, many] = [25, 250].map(|sections| {
        let size = 16 * MIB / sections;
        let peaks = peaks(
            |file| many_sections(file, sections, size),
            sections as usize + 1,
        );
        assert_under(peaks, &format!("{sections} sections"));
        peaks
    });
    for (few, many) in few.into_iter().zip(many) {
        assert!(many < few + SPREAD, "{few} and {many} bytes");
    }
    let small = peaks(|file| many_sections(file, 250, 9 * 1024), 251);
    assert_under(small, "250 small sections");
}
