//! The settings of connections to registries.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderValue;

use super::pace::Pace;
use crate::manifest::media_type;
use crate::store::cache::Cache;
use crate::store::retry::Retry;
use crate::store::{Error, Observer};

/// The access that tokens are requested for. GHCR refuses an anonymous token with push access, even for reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reading.
    Pull,
    /// Reading and writing.
    Push,
}

/// Settings of the connections to a registry.
#[derive(Clone)]
pub struct Options {
    /// Whether http replaces https. Loopback hosts use http by default, unless `tls` is set.
    pub plain_http: bool,
    /// Whether loopback hosts use https, unless `plain_http` is set.
    pub tls: bool,
    /// Whether host names must resolve to public addresses only, and redirects and token servers must have public
    /// addresses. A registry that is named by its address is not checked. No proxy is used then, because a proxy would
    /// resolve names itself.
    pub public_only: bool,
    /// Certificates in PEM form that are trusted in addition to the system's; may be empty.
    pub ca_certificates: Vec<u8>,
    /// The retry policy for transient failures.
    pub retry: Retry,
    /// The time limit for connecting.
    pub connect_timeout: Duration,
    /// How long the server may send nothing. During an upload, how long both sides may send nothing.
    pub read_timeout: Duration,
    /// The speed limits for the body of an answer.
    pub pace: Pace,
    /// Media types of manifests that are accepted besides OCI's and Docker's. A gateway shows an artifact in another
    /// form only to clients that name that form.
    pub manifest_types: &'static [&'static str],
    /// The cache that records which registries have no referrers API.
    pub cache: Option<Arc<Cache>>,
    /// Receives the events of every request.
    pub observer: Arc<dyn Observer>,
}

impl Options {
    /// Returns the `Accept` header of requests for manifests.
    pub(super) fn accept(&self) -> Result<HeaderValue, Error> {
        let types = [&[media_type::MANIFESTS], self.manifest_types].concat();
        HeaderValue::try_from(types.join(", "))
            .map_err(|_| Error::settings("a media type of manifests is invalid"))
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            plain_http: false,
            tls: false,
            public_only: false,
            ca_certificates: Vec::new(),
            retry: Retry::NETWORK,
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(60),
            pace: Pace::default(),
            manifest_types: &[],
            cache: None,
            observer: Arc::new(()),
        }
    }
}
