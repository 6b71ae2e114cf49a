//! Media sockets: upgraded here and handed to the calls in the air.
//!
//! A socket is let through by its form alone; whose call it is, it must prove with its first words.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{handshake::derive_accept_key, protocol::Role},
};
use tracing::{debug, error};

use super::{Doors, problem::Problem};
use crate::live;

/// What a request became that was upgraded here.
pub(super) type Socket = WebSocketStream<TcpStream>;

/// Makes a media socket of a request, and has its call carried beside.
pub(super) fn open(doors: Doors, request: Request) -> Response {
    let opening = match Opening::of(request) {
        Ok(opening) => opening,
        Err(problem) => return problem.into_response(),
    };
    let lines = doors.lines.clone();
    opening.serve(&doors, move |socket| async move { lines.carry(socket).await })
}

/// A request that can become a WebSocket.
pub(super) struct Opening {
    accept: HeaderValue,
    upgrade: OnUpgrade,
}

impl Opening {
    /// Looks whether it can.
    ///
    /// # Errors
    /// [`Problem::Malformed`] when it cannot.
    pub(super) fn of(mut request: Request) -> Result<Self, Problem> {
        let accept = websocket_accept(request.headers())?;
        let upgrade = request.extensions_mut().remove::<OnUpgrade>();
        let upgrade = upgrade
            .ok_or_else(|| Problem::Malformed("this connection cannot become a WebSocket".to_owned()))?;
        Ok(Self { accept, upgrade })
    }

    /// Answers that it does, and has it served beside.
    pub(super) fn serve<F>(self, doors: &Doors, serve: impl FnOnce(Socket) -> F + Send + 'static) -> Response
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let Self { accept, upgrade } = self;
        let config = live::socket_config(doors.lines.message_bytes_max());
        doors.tasks.spawn(async move {
            let upgraded = match upgrade.await {
                Ok(upgraded) => upgraded,
                Err(error) => return debug!(%error, "a media socket was given up"),
            };
            // Our listener serves plain TCP; taking it out of its wrapping spares every frame two indirections.
            let Ok(parts) = upgraded.downcast::<TokioIo<TcpStream>>() else {
                return error!("a media socket is not a TCP stream");
            };
            let (stream, early) = (parts.io.into_inner(), parts.read_buf.to_vec());
            serve(WebSocketStream::from_partially_read(stream, early, Role::Server, Some(config)).await)
                .await;
        });
        let headers = [
            (header::CONNECTION, HeaderValue::from_static("Upgrade")),
            (header::UPGRADE, HeaderValue::from_static("websocket")),
            (header::SEC_WEBSOCKET_ACCEPT, accept),
        ];
        (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
    }
}

/// What RFC 6455 §4.2 asks of an upgrade, and the answer to its key.
fn websocket_accept(headers: &HeaderMap) -> Result<HeaderValue, Problem> {
    let has = |name: header::HeaderName, word: &str| {
        headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .any(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(word)))
    };
    let malformed = |what: &str| Problem::Malformed(what.to_owned());
    if !has(header::CONNECTION, "upgrade") || !has(header::UPGRADE, "websocket") {
        return Err(malformed("this is the door of WebSockets"));
    }
    if !has(header::SEC_WEBSOCKET_VERSION, "13") {
        return Err(malformed("only version 13 of WebSocket is spoken"));
    }
    let key =
        headers.get(header::SEC_WEBSOCKET_KEY).ok_or_else(|| malformed("Sec-WebSocket-Key is missing"))?;
    HeaderValue::from_str(&derive_accept_key(key.as_bytes())).map_err(|_| Problem::Internal)
}
