//! `wharf serve`

use std::future::{Future, poll_fn};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use wharf::error::Kind;
use wharf::gateway::server::{self, Tls};
use wharf::gateway::{self, Gateway, Rights, Upstream};
use wharf::package;
use wharf::reference::Repository;
use wharf::store;
use wharf::store::blob_directory::BlobDirectory;
use wharf::store::credentials;
use wharf::store::remote::Options;

use super::failure::Failure;
use super::settings::Context;
use super::text::{parse_size, printable};
use super::{hints, interrupted, output};

/// Be a registry that shows every component in one piece
///
/// Clients that know nothing of layers pull from it; what is stored by section is spliced while it is sent, and everything
/// else passes through as it is. It only reads. Credentials of clients go to the upstream that they are for. Each request
/// is a line on standard error, unless --quiet is given.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf serve                                                what this user has published
  wharf serve --upstream oci:store --upstream ghcr.io
  wharf serve --upstream ghcr.io --upstream registry.internal=oci:store
  wharf serve --listen 0.0.0.0:5100 --tls-cert tls.crt --tls-key tls.key --upstream ghcr.io
  wharf serve --listen 0.0.0.0:5100 --admin-listen 0.0.0.0:5101 --upstream ghcr.io
  wharf serve --upstream ghcr.io --blobs /var/lib/containerd/io.containerd.content.v1.content/blobs
  oras pull localhost:5100/demo/calc:1.0.0

/healthz says whether it is alive, /readyz whether an upstream can be asked, /metrics what was done.")]
pub(crate) struct Serve {
    /// Where to listen; port 0 takes any that is free
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:5100")]
    listen: String,
    /// Where to answer /healthz, /readyz and /metrics, too, and nothing else, by plain http: for who probes and measures
    #[arg(long, value_name = "ADDR")]
    admin_listen: Option<String>,
    /// What to show: a registry, a layout, or a layout in the place of a registry; the first is meant where a client
    /// names none [default: the layout that packages are in]
    #[arg(long, value_name = "HOST|[HOST=]oci:DIR")]
    upstream: Vec<Upstream>,
    /// A directory of blobs that somebody else keeps, such as containerd's content store: what is there is not fetched
    #[arg(long, value_name = "DIR")]
    blobs: Vec<PathBuf>,
    /// The most that is kept of blobs and layers
    #[arg(long, value_name = "SIZE", default_value = "10GiB", value_parser = parse_size)]
    max_cache: u64,
    /// Speak TLS with the certificates in this PEM file
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The key of the first certificate, as PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Read with this user's credentials for everybody who connects, whoever they are
    #[arg(long)]
    own_credentials: bool,
    /// The most connections at once; further ones wait
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    max_connections: u32,
}

#[derive(Serialize)]
struct Report {
    listening: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    admin_listening: Option<String>,
}

impl Report {
    fn line(&self) -> String {
        let listening = &self.listening;
        match &self.admin_listening {
            None => format!("listening on {listening}"),
            Some(admin) => format!("listening on {listening}, for probes and metrics on {admin}"),
        }
    }
}

impl Serve {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let tls = self.tls()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let server = server::ServerSettings {
            tls,
            max_connections: self.max_connections as usize,
            access_log: !context.flags.quiet,
            log: Arc::new(say),
            ..server::ServerSettings::default()
        };
        let gateway = Arc::new(self.gateway(context, &server)?);
        let (listener, listening) = listen(&self.listen, scheme, "--listen").await?;
        let (admin, admin_listening) = match &self.admin_listen {
            Some(address) => {
                let (admin, listening) = listen(address, "http", "--admin-listen").await?;
                (Some(admin), Some(listening))
            }
            None => (None, None),
        };
        // Asked for before anybody is told: who reads that line may stop us at once.
        let mut asked = pin!(interrupted());
        let is_asked = poll_fn(|context| Poll::Ready(asked.as_mut().poll(context).is_ready()));
        if is_asked.await {
            return Ok(());
        }
        let report = Report {
            listening,
            admin_listening,
        };
        say(&report.line());
        if context.flags.json {
            output::print(context, &report, String::new)?;
        }
        let stop = Notify::new();
        let stopped = stop.notified();
        tokio::select! {
            served = server::serve(listener, admin, gateway, server, stopped) => Ok(served?),
            () = async {
                asked.await;
                stop.notify_one();
                // Whoever asks again does not want to wait.
                interrupted().await;
            } => Err(Failure::interrupted()),
        }
    }

    fn tls(&self) -> Result<Option<Tls>, Failure> {
        let (Some(certificates), Some(key)) = (&self.tls_cert, &self.tls_key) else {
            return Ok(None);
        };
        let (certificates, key) = (read(certificates)?, read(key)?);
        Ok(Some(Tls::from_pem(&certificates, &key)?))
    }

    /// Returns what was named, or the layout that packages are in.
    fn upstreams(&self, context: &Context) -> Result<Vec<Upstream>, Failure> {
        if !self.upstream.is_empty() {
            return Ok(self.upstream.clone());
        }
        let directory = context.local_layout.clone();
        let directory = directory.ok_or(package::Error::NoLocalLayout)?;
        let host = None;
        Ok(vec![Upstream::Layout { directory, host }])
    }

    fn gateway(
        &self,
        context: &Context,
        server: &server::ServerSettings,
    ) -> Result<Gateway, Failure> {
        let upstreams = self.upstreams(context)?;
        for upstream in upstreams.iter().skip(1) {
            if let Upstream::Layout {
                directory,
                host: None,
            } = upstream
            {
                return Err(nameless(directory));
            }
        }
        let blobs = self.blobs.iter();
        let blobs = blobs.map(|directory| BlobDirectory::open(directory));
        let blobs = blobs.collect::<Result<_, _>>()?;
        let cache = context.cache()?;
        Ok(Gateway::new(gateway::GatewaySettings {
            rights: self.rights(context, upstreams.len())?,
            upstreams,
            options: Options {
                retry: gateway::GatewaySettings::RETRY,
                read_timeout: SILENCE,
                ..context.options()
            },
            directory: cache.ingest().join("gateway"),
            cache,
            blobs,
            max_bytes: self.max_cache,
            max_transfers: context.flags.concurrency,
            log: Arc::clone(&server.log),
            metrics: Arc::clone(&server.metrics),
            remembered: gateway::GatewaySettings::GRANT_LIFETIME,
            missed: gateway::GatewaySettings::MISS_LIFETIME,
        })?)
    }

    /// Returns whose rights count.
    fn rights(&self, context: &Context, upstreams: usize) -> Result<Rights, Failure> {
        let given = context.credentials.clone();
        if !self.own_credentials {
            return match given {
                None => Ok(Rights::Client),
                Some(_) => Err(Failure::usage(
                    "credentials are of no use where each client shows its own",
                )
                .hint(hints::OWN_CREDENTIALS)),
            };
        }
        if context.names_credentials() && upstreams > 1 {
            let failure = Failure::usage(
                "--username and WHARF_TOKEN are for one registry, and these are more upstreams",
            );
            return Err(failure.hint(hints::LOGIN_FOR_EACH));
        }
        Ok(Rights::Own(Arc::new(move |repository: Repository| {
            let given = given.clone();
            Box::pin(async move {
                if let Some(given) = given {
                    return Ok(given);
                }
                // A credential helper is a program that is waited for.
                let find = move || credentials::find(&repository.registry, &repository.path);
                let found = tokio::task::spawn_blocking(find).await;
                found.unwrap_or(Err(store::Error::Interrupted))
            })
        })))
    }
}

/// A layout that nobody could ask for.
fn nameless(directory: &Path) -> Failure {
    let directory = printable(&directory.display().to_string());
    let message =
        format!("the layout `{directory}` is not the first upstream, so nothing names it");
    Failure::usage(message).hint(hints::NAME_UPSTREAM)
}

/// Prints a line on stderr. That nobody reads it any more is no reason to stop.
fn say(line: &str) {
    let _nobody_reads = writeln!(io::stderr().lock(), "{}", printable(line));
}

/// How long an upstream may be silent while a client waits.
const SILENCE: Duration = Duration::from_secs(20);

/// Listens there, and returns the URL.
async fn listen(address: &str, scheme: &str, flag: &str) -> Result<(TcpListener, String), Failure> {
    use io::ErrorKind::{AddrInUse, InvalidInput};
    let listener = TcpListener::bind(address).await.map_err(|error| {
        let name = printable(address);
        match error.kind() {
            InvalidInput => {
                Failure::usage(format!("`{name}` is no address: {error}")).hint(hints::ADDRESS)
            }
            kind => {
                let failure = Failure::from(anyhow::Error::from(error).context(name));
                match kind {
                    AddrInUse => failure.hint(hints::other_address(flag)),
                    _ => failure,
                }
            }
        }
    })?;
    let address = listener
        .local_addr()
        .context("the address that is listened to")?;
    Ok((listener, format!("{scheme}://{address}")))
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let name = || printable(&path.display().to_string());
    match std::fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Failure::new(
            Kind::NotFound,
            format!("no file `{}`", name()),
        )),
        read => Ok(read.with_context(name)?),
    }
}
