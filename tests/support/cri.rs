//! One call of the Kubernetes container runtime interface, as the kubelet makes it.
//!
//! Spec: <https://github.com/kubernetes/cri-api/blob/v0.37.0/pkg/apis/runtime/v1/api.proto>, and for the framing
//! <https://github.com/grpc/grpc/blob/v1.74.0/doc/PROTOCOL-HTTP2.md>.

use std::path::Path;
use std::time::Duration;

use h2::client;
use http::{HeaderMap, Request};
use tokio::net::UnixStream;
use tokio::time::timeout;

/// Nobody waits longer for a pull.
const PATIENCE: Duration = Duration::from_secs(120);

const PULL_IMAGE: &str = "http://localhost/runtime.v1.ImageService/PullImage";

/// `AuthConfig`, as far as it is used: what a pull secret becomes.
#[derive(Debug, Clone, Copy)]
pub struct Login<'a> {
    pub username: &'a str,
    pub password: &'a str,
    /// The URL of the one server that this is for; empty for any.
    pub server: &'a str,
}

impl Login<'_> {
    fn message(&self) -> Vec<u8> {
        let fields = [(1, self.username), (2, self.password), (4, self.server)];
        let fields = fields.map(|(number, text)| field(number, text.as_bytes()));
        fields.concat()
    }
}

/// Pulls an image and returns how the runtime names it, or what it says against that.
pub async fn pull_image(
    socket: &Path,
    image: &str,
    login: Option<Login<'_>>,
) -> Result<String, String> {
    // PullImageRequest.image, ImageSpec.image in it, and PullImageRequest.auth.
    let mut message = field(1, &field(1, image.as_bytes()));
    message.extend(login.map_or(Vec::new(), |login| field(2, &login.message())));
    let called = timeout(PATIENCE, call(socket, &message)).await;
    called.unwrap_or_else(|_| panic!("no answer about {image} in {PATIENCE:?}"))
}

async fn call(socket: &Path, message: &[u8]) -> Result<String, String> {
    let stream = UnixStream::connect(socket).await.unwrap();
    let (mut sender, connection) = client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let request = Request::post(PULL_IMAGE)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .unwrap();
    let (response, mut body) = sender.send_request(request, false).unwrap();
    let mut frame = vec![0];
    frame.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend(message);
    body.send_data(frame.into(), true).unwrap();
    let (head, mut body) = response.await.unwrap().into_parts();
    let mut answer = Vec::new();
    while let Some(data) = body.data().await {
        answer.extend(data.unwrap());
    }
    // A call that failed at once has no trailers: its status is in the head.
    let status = body.trailers().await.unwrap().unwrap_or(head.headers);
    let text = |headers: &HeaderMap, name| {
        let value = headers.get(name).map(|value| value.to_str().unwrap());
        value.unwrap_or_default().to_owned()
    };
    match text(&status, "grpc-status").as_str() {
        "0" => Ok(first_field(&answer[5..])),
        status_code => Err(format!("{status_code}: {}", text(&status, "grpc-message"))),
    }
}

/// Writes a field of bytes, fewer than 16 KiB.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(bytes.len()).ok();
    let length = length.filter(|length| *length < 0x80);
    let high = u8::try_from(bytes.len() >> 7).unwrap();
    let low = (bytes.len() & 0x7f) as u8;
    let mut message = vec![number << 3 | 2];
    match length {
        Some(length) => message.push(length),
        None => message.extend([low | 0x80, high]),
    }
    message.extend(bytes);
    message
}

/// Reads a message whose first field is a text of less than 128 bytes.
fn first_field(message: &[u8]) -> String {
    assert_eq!(message[0], 0x0a, "{message:?}");
    let length = usize::from(message[1]);
    String::from_utf8(message[2..2 + length].to_vec()).unwrap()
}
