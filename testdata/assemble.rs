//! Assembles a fixture: `assemble FILE.wat FILE.wasm`. For `testdata/demo`; tests do it themselves.

use std::env;
use std::error::Error;
use std::fs;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [text, binary] = arguments.as_slice() else {
        return Err("usage: assemble FILE.wat FILE.wasm".into());
    };
    fs::write(binary, wat::parse_file(text)?)?;
    Ok(())
}
