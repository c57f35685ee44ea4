//! Splitting and splicing as ratios to the speed of SHA-256 in a single thread, measured turn by turn.
//!
//! `cargo bench --bench ratio`

#[path = "support/inputs.rs"]
pub mod inputs;
#[path = "support/measure.rs"]
pub mod measure;
#[path = "support/work.rs"]
pub mod work;

use std::process::ExitCode;
use std::time::Instant;

use self::inputs::App;
use self::work::Cut;

/// Medians of so many turns.
const TURNS: usize = 15;

/// Nothing may be slower than this part of SHA-256's speed.
const LEAST: f64 = 0.5;

fn main() -> ExitCode {
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("nothing is measured without --bench, which `cargo bench` passes");
        return ExitCode::SUCCESS;
    }
    let mut single = Vec::new();
    inputs::write_large(&mut single, 1, 64 << 20).expect("memory");
    let inputs = [
        ("application", App::full(0).component()),
        ("single section of 64 MiB", single),
    ];
    let mut enough = true;
    let mut rows = Vec::new();
    for (name, bytes) in inputs {
        let speeds = speeds(&Cut::new(bytes));
        let [sha256, split, splice] = speeds;
        let ratios = [split / sha256, splice / sha256];
        enough &= ratios.iter().all(|&ratio| ratio >= LEAST);
        let mut row = vec![name.to_owned()];
        row.extend(speeds.map(|speed| format!("{speed:.0}")));
        row.extend(ratios.map(|ratio| format!("{ratio:.2}")));
        rows.push(row);
    }
    let header = [
        "MB/s",
        "SHA-256",
        "split and hash",
        "splice and check",
        "split/SHA-256",
        "splice/SHA-256",
    ];
    println!("{}\n", measure::machine(None));
    println!("{}", measure::table(&header, &rows));
    println!("neither ratio may be below {LEAST}");
    match enough {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// Returns the speeds of SHA-256, of splitting and of splicing in MB/s.
fn speeds(cut: &Cut) -> [f64; 3] {
    let work: [fn(&Cut); 3] = [Cut::sha256, Cut::identify, Cut::splice];
    let mut seconds = [const { Vec::new() }; 3];
    for _ in 0..TURNS {
        for (work, seconds) in work.iter().zip(&mut seconds) {
            let begin = Instant::now();
            work(cut);
            seconds.push(begin.elapsed().as_secs_f64());
        }
    }
    let megabytes = cut.bytes.len() as f64 / 1e6;
    seconds.map(|seconds| megabytes / measure::median(seconds.into_iter()))
}
