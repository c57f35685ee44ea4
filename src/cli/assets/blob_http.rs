//! `wharf assets blob-http`

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;
use wharf::assets::blob_http::{self, BlobsUrl};
use wharf::digest::{Digest, Identity};

use crate::cli::failure::{Failure, blocking};
use crate::cli::output::{self, BinaryOutput};
use crate::cli::settings::Context;
use crate::cli::text;

const URL_FORM: &str = "give the URL of a repository's blobs at a gateway or a registry, such as \
                        http://gateway:8080/v2/ghcr.io/me/model/blobs";

/// Write a component that reads remote files by HTTP
///
/// The component exports wharf:assets/blob, and reads URL/DIGEST by range with wasi:http. Bundle it with an
/// application and its assets component. It neither logs in nor follows redirects, so the URL is that of a gateway, or of
/// a registry that answers everybody.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf assets blob-http http://gateway:8080/v2/ghcr.io/me/model/blobs -o blob.wasm
  wharf bundle app.wasm assets.wasm blob.wasm -o bundle.wasm
  wasmtime run -S http bundle.wasm")]
pub(super) struct BlobHttp {
    /// The URL of a repository's blobs, without a digest
    #[arg(value_name = "URL")]
    url: String,
    /// Output file, or `-` for standard output
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

/// The report of `assets blob-http`.
#[derive(Serialize)]
struct BlobHttpReport {
    url: String,
    content_digest: Digest,
    content_size: u64,
}

impl BlobHttp {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let url = BlobsUrl::parse(&self.url)
            .map_err(|error| Failure::usage(error.to_string()).hint(URL_FORM))?;
        let mut out = BinaryOutput::open(&self.output, context.flags.json)?;
        let output = self.output.clone();
        let write = move || {
            let component = blob_http::component(&url)?;
            let written = out.write_all(&component);
            written.with_context(|| text::unwritable(&output))?;
            out.finish()?;
            Ok::<_, Failure>(Identity::of(&component))
        };
        let content = blocking(write).await?;
        if self.output.as_os_str() == "-" {
            return Ok(());
        }
        let report = BlobHttpReport {
            url: self.url,
            content_digest: content.digest,
            content_size: content.size,
        };
        output::print(context, &report, || report.text(&self.output))
    }
}

impl BlobHttpReport {
    fn text(&self, path: &Path) -> String {
        format!(
            "{}  {}, {}\nreads blobs at {}",
            path.display(),
            text::size(self.content_size),
            self.content_digest,
            text::printable(&self.url),
        )
    }
}
