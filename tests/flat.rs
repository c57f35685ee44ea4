//! The flat form: what other tools publish is read.

#[path = "support/wharf.rs"]
mod binary;
#[path = "support/fault.rs"]
mod fault;
#[path = "flat/reading.rs"]
mod reading;

use binary::assemble;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
