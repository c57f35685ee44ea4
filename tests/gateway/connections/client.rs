//! Clients: HTTP/1 by hand, so that every byte is seen, and HTTP/2 by hyper.

use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// A connection on which HTTP/1 is written and read.
pub(crate) struct Http1Client<S = TcpStream> {
    stream: BufReader<S>,
}

/// An answer whose body has a length.
#[derive(Debug)]
pub(crate) struct WholeAnswer {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl WholeAnswer {
    pub(crate) fn status(&self) -> u16 {
        self.head[9..12].parse().unwrap()
    }

    /// Returns a header, whose name is given in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.find_map(|(other, value)| other.eq_ignore_ascii_case(name).then_some(value))
}

impl Http1Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Http1Client<S> {
    pub(crate) fn over(stream: S) -> Self {
        let stream = BufReader::new(stream);
        Self { stream }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    pub(crate) async fn ask(&mut self, method: &str, path: &str) {
        self.send(format!("{method} {path} HTTP/1.1\r\nHost: wharf\r\n\r\n"))
            .await;
    }

    /// Asks, and reads an answer that has a length.
    pub(crate) async fn get(&mut self, path: &str) -> WholeAnswer {
        self.ask("GET", path).await;
        self.answer().await
    }

    /// The same under a name that every loopback listener allows.
    pub(crate) async fn get_local(&mut self, path: &str) -> WholeAnswer {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
            .await;
        self.answer().await
    }

    pub(crate) async fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.stream.read_u8().await.unwrap());
        }
        String::from_utf8(head).unwrap()
    }

    pub(crate) async fn answer(&mut self) -> WholeAnswer {
        let head = self.head().await;
        let length = header(&head, "content-length").unwrap().parse().unwrap();
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.unwrap();
        WholeAnswer { head, body }
    }

    pub(crate) async fn read(&mut self, bytes: usize) -> Vec<u8> {
        let mut read = vec![0; bytes];
        self.stream.read_exact(&mut read).await.unwrap();
        read
    }

    /// Reads to the end of the connection, which may be a broken one.
    pub(crate) async fn rest(&mut self) -> (Vec<u8>, io::Result<()>) {
        let mut rest = Vec::new();
        let ended = self.stream.read_to_end(&mut rest).await.map(drop);
        (rest, ended)
    }

    /// Reads the next HTTP/2 frame, and returns its type, its flags and its payload.
    pub(crate) async fn frame(&mut self) -> io::Result<(u8, u8, Vec<u8>)> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).await?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let mut payload = vec![0; length];
        self.stream.read_exact(&mut payload).await?;
        Ok((head[3], head[4], payload))
    }

    /// Waits until the other side closes; it must say nothing before.
    pub(crate) async fn closed(&mut self) {
        let (rest, _however) = self.rest().await;
        assert_eq!(String::from_utf8_lossy(&rest), "");
    }
}

/// An HTTP/2 connection.
#[derive(Clone)]
pub(crate) struct Http2Client {
    send: SendRequest<Empty<Bytes>>,
    ended: Shared<BoxFuture<'static, ()>>,
}

impl Http2Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap()).await
    }

    pub(crate) async fn over<S>(stream: S) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // The least there is: what a client that takes nothing can be sent.
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .initial_stream_window_size(65_535)
            .initial_connection_window_size(65_535);
        let (send, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
        // How it ends is said by its requests.
        let ended = tokio::spawn(connection).map(drop).boxed().shared();
        Self { send, ended }
    }

    pub(crate) async fn ask(&mut self, method: &str, path: &str) -> Response<Incoming> {
        self.try_ask(method, path).await.unwrap()
    }

    pub(crate) async fn try_ask(
        &mut self,
        method: &str,
        path: &str,
    ) -> hyper::Result<Response<Incoming>> {
        let request = Request::builder()
            .method(method)
            .uri(format!("http://wharf.test{path}"))
            .body(Empty::new())
            .unwrap();
        self.send.ready().await?;
        self.send.send_request(request).await
    }

    /// Sends a request without a body.
    pub(crate) async fn send(&mut self, request: http::request::Builder) -> Response<Incoming> {
        self.send.ready().await.unwrap();
        let request = request.body(Empty::new()).unwrap();
        self.send.send_request(request).await.unwrap()
    }

    pub(crate) async fn get(&mut self, path: &str) -> Bytes {
        let answer = self.ask("GET", path).await;
        answer.into_body().collect().await.unwrap().to_bytes()
    }

    /// Waits until the connection is closed.
    pub(crate) async fn closed(&self) {
        self.ended.clone().await;
    }
}

/// Reads a body as far as it comes.
pub(crate) async fn collected(mut body: Incoming) -> (Vec<u8>, hyper::Result<()>) {
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => read.extend(frame.into_data().unwrap_or_default()),
            Err(error) => return (read, Err(error)),
        }
    }
    (read, Ok(()))
}
