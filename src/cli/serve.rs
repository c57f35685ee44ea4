//! `wharf serve`

mod log;
mod open_files;

use std::future::{Future, poll_fn};
use std::io;
use std::panic;
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
use wharf::gateway::metrics::Metrics;
use wharf::gateway::server::{self, Tls};
use wharf::gateway::{self, Gateway, Rights, Upstream};
use wharf::package;
use wharf::reference::Repository;
use wharf::store;
use wharf::store::blob_directory::BlobDirectory;
use wharf::store::credentials;
use wharf::store::remote::Options;

use self::log::LogQueue;
use super::failure::Failure;
use super::settings::Context;
use super::text::{parse_size, printable};
use super::{hints, output, wait_for_interrupt};

/// Serve components in single-layer form to other OCI clients, read-only
///
/// Clients such as wkg, oras and containerd pull from this gateway. It splices split components while it sends them, and
/// passes everything else through unchanged. By default it forwards each client's credentials to the upstream. It logs
/// each request on standard error, unless --quiet is given.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf serve                                                the local layout
  wharf serve --upstream oci:store --upstream ghcr.io
  wharf serve --upstream ghcr.io --upstream registry.internal=oci:store
  wharf serve --listen 0.0.0.0:5100 --tls-cert tls.crt --tls-key tls.key --upstream ghcr.io
  wharf serve --listen 0.0.0.0:5100 --admin-listen 0.0.0.0:5101 --upstream ghcr.io
  wharf serve --upstream ghcr.io --blobs /var/lib/containerd/io.containerd.content.v1.content/blobs
  oras pull localhost:5100/demo/calc:1.0.0

Health checks are /healthz and /readyz. Prometheus metrics are at /metrics.")]
pub(crate) struct Serve {
    /// Address to listen on; port 0 takes any free port
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:5100")]
    listen: String,
    /// Second address for health checks and metrics only (plain HTTP) [default: none]
    #[arg(long, value_name = "ADDR")]
    admin_listen: Option<String>,
    /// Registry or layout to serve, or HOST=oci:DIR to serve a layout in place of HOST. May be repeated. A client
    /// that names no upstream gets the first [default: the local layout, WHARF_HOME or ~/.local/share/wharf]
    #[arg(long, value_name = "HOST|[HOST=]oci:DIR")]
    upstream: Vec<Upstream>,
    /// Directory of blobs to read before fetching, such as containerd's content store; may be repeated
    #[arg(long, value_name = "DIR")]
    blobs: Vec<PathBuf>,
    /// Largest total size of blobs and layers in the cache
    #[arg(long, value_name = "SIZE", default_value = "10GiB", value_parser = parse_size)]
    max_cache: u64,
    /// Free space to leave on the disk of the cache, which then keeps less
    /// [default: 256 MiB, or a twentieth of a small disk]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    min_free: Option<u64>,
    /// Use TLS with the certificates in this PEM file [default: plain HTTP]
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// PEM file with the private key of the first certificate
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Host name to accept on a loopback address, beside localhost; may be repeated
    #[arg(long, value_name = "NAME", value_parser = parse_host_name)]
    host: Vec<String>,
    /// Use this user's credentials for every client [default: forward the client's own]
    #[arg(long)]
    own_credentials: bool,
    /// Largest number of connections at once; further connections wait
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    max_connections: u32,
}

#[derive(Serialize)]
struct ServeReport {
    listening: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    admin_listening: Option<String>,
}

impl ServeReport {
    fn line(&self) -> String {
        let listening = &self.listening;
        match &self.admin_listening {
            None => format!("listening on {listening}"),
            Some(admin) => {
                format!("listening on {listening}, health checks and metrics on {admin}")
            }
        }
    }
}

impl Serve {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let metrics = Arc::<Metrics>::default();
        let log = LogQueue::start(Arc::clone(&metrics), io::stderr())?;
        let panics = Arc::clone(&log);
        panic::set_hook(Box::new(move |panic| panics.push(&panic.to_string())));
        let served = self.serve(context, metrics, &log).await;
        // A stalled standard error must not delay the end, so the failure goes to the log too.
        let served = served.map_err(|failure| match context.flags.json {
            true => failure,
            false => {
                failure.lines().iter().for_each(|line| log.push(line));
                failure.mark_reported()
            }
        });
        log.end();
        served
    }

    async fn serve(
        self,
        context: &Context,
        metrics: Arc<Metrics>,
        log: &Arc<LogQueue>,
    ) -> Result<(), Failure> {
        let tls = self.tls()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let lines = Arc::clone(log);
        let server = server::ServerSettings {
            tls,
            hosts: self.host.clone(),
            metrics,
            max_connections: self.max_connections as usize,
            access_log: !context.flags.quiet,
            log: Arc::new(move |line| lines.push(line)),
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
        // The signal handlers come before the line below, because its reader may stop the gateway at once.
        let mut signal = pin!(wait_for_interrupt());
        let has_signal = poll_fn(|context| Poll::Ready(signal.as_mut().poll(context).is_ready()));
        if has_signal.await {
            return Ok(());
        }
        let report = ServeReport {
            listening,
            admin_listening,
        };
        if let Some(warning) = open_files::raise(self.max_connections) {
            log.push(&warning);
        }
        log.push(&report.line());
        if context.flags.json {
            output::print(context, &report, String::new)?;
        }
        let stop = Notify::new();
        let stopped = stop.notified();
        tokio::select! {
            served = server::serve(listener, admin, gateway, server, stopped) => Ok(served?),
            () = async {
                signal.await;
                stop.notify_one();
                // A second signal ends the gateway at once.
                wait_for_interrupt().await;
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

    /// Returns the given upstreams, or the local layout.
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
            min_free: self.min_free,
            max_transfers: context.flags.concurrency,
            log: Arc::clone(&server.log),
            metrics: Arc::clone(&server.metrics),
            grant_lifetime: gateway::GatewaySettings::GRANT_LIFETIME,
            miss_lifetime: gateway::GatewaySettings::MISS_LIFETIME,
        })?)
    }

    /// Returns the credentials to use for upstreams.
    fn rights(&self, context: &Context, upstreams: usize) -> Result<Rights, Failure> {
        let given = context.credentials.clone();
        if !self.own_credentials {
            return match given {
                None => Ok(Rights::Client),
                Some(_) => Err(Failure::usage(
                    "--username has no effect, because each client sends its own credentials",
                )
                .hint(hints::OWN_CREDENTIALS)),
            };
        }
        if context.names_credentials() && upstreams > 1 {
            let failure = Failure::usage(
                "--username and WHARF_TOKEN are for one upstream, but there are several",
            );
            return Err(failure.hint(hints::LOGIN_FOR_EACH));
        }
        Ok(Rights::Own(Arc::new(move |repository: Repository| {
            let given = given.clone();
            Box::pin(async move {
                if let Some(given) = given {
                    return Ok(given);
                }
                // A credential helper is another program, so this blocks.
                let find = move || credentials::find(&repository.registry, &repository.path);
                let found = tokio::task::spawn_blocking(find).await;
                found.unwrap_or(Err(store::Error::Interrupted))
            })
        })))
    }
}

/// Returns the failure for a layout that no client can name.
fn nameless(directory: &Path) -> Failure {
    let directory = printable(&directory.display().to_string());
    let message = format!(
        "clients cannot name the layout `{directory}`, because it is not the first upstream"
    );
    Failure::usage(message).hint(hints::NAME_UPSTREAM)
}

/// Parses the name of a host, without a port.
fn parse_host_name(text: &str) -> Result<String, String> {
    let is_inside = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    match !text.is_empty() && text.bytes().all(is_inside) {
        true => Ok(text.trim_end_matches('.').to_owned()),
        false => Err("a name without scheme and port is required".to_owned()),
    }
}

/// The longest silence of an upstream while a client waits.
const SILENCE: Duration = Duration::from_secs(20);

/// Listens on an address, and returns the listener and its URL.
async fn listen(address: &str, scheme: &str, flag: &str) -> Result<(TcpListener, String), Failure> {
    use io::ErrorKind::{AddrInUse, InvalidInput};
    let listener = TcpListener::bind(address).await.map_err(|error| {
        let name = printable(address);
        match error.kind() {
            InvalidInput => {
                Failure::usage(format!("`{name}` is not an address: {error}")).hint(hints::ADDRESS)
            }
            kind => {
                let failure = Failure::from(
                    anyhow::Error::from(error).context(format!("cannot listen on {name}")),
                );
                match kind {
                    AddrInUse => failure.hint(hints::other_address(flag)),
                    _ => failure,
                }
            }
        }
    })?;
    let address = listener
        .local_addr()
        .context("cannot find the listening address")?;
    Ok((listener, format!("{scheme}://{address}")))
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let name = || printable(&path.display().to_string());
    match std::fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Failure::new(
            Kind::NotFound,
            format!("file `{}` not found", name()),
        )),
        read => Ok(read.with_context(|| format!("cannot read {}", name()))?),
    }
}
