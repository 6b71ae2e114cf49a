//! The telephone's end of a call: one media socket that has proven itself.
//!
//! Written to without waiting: what is sent goes into the socket's bounded buffer. It decides nothing.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{Sink, Stream};
use metrics::counter;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, Utf8Bytes, protocol::WebSocketConfig},
};
use tracing::debug;

use crate::{
    call::port::Mark,
    platform::{clock::Clock, metrics as figures},
    telephony::media_stream::{self, StreamSid},
};

/// What may wait to be sent to the telephone, in bytes, before the line counts as lost: sound is let out less
/// than two seconds ahead of its marks, so a socket that takes nothing is full only when it is dead.
pub const UNSENT_BYTES_MAX: usize = 128 << 10;
/// Socket buffers are sized for frames of 20 ms, not for files.
const READ_BYTES: usize = 4 << 10;
const WRITE_BYTES: usize = 16 << 10;
/// How long saying goodbye to the socket may take, in seconds.
const CLOSE_SECONDS_MAX: u64 = 1;

/// How a media socket is to be set up; `message_bytes_max` is the largest message taken from it.
pub fn socket_config(message_bytes_max: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BYTES)
        .write_buffer_size(WRITE_BYTES)
        .max_write_buffer_size(UNSENT_BYTES_MAX)
        .max_message_size(Some(message_bytes_max))
        .max_frame_size(Some(message_bytes_max))
}

/// See the module's own words.
pub(super) struct Phone<S> {
    socket: WebSocketStream<S>,
    stream: StreamSid,
    text: String,
    unflushed: bool,
    broken: bool,
    clock: Clock,
}

impl<S> Phone<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    pub(super) fn new(socket: WebSocketStream<S>, stream: StreamSid, clock: Clock) -> Self {
        Self { socket, stream, text: String::new(), unflushed: false, broken: false, clock }
    }

    /// The next text message; `None` once the line is lost.
    pub(super) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Utf8Bytes>> {
        if self.broken {
            return Poll::Ready(None);
        }
        loop {
            match std::task::ready!(Pin::new(&mut self.socket).poll_next(context)) {
                Some(Ok(Message::Text(text))) => return Poll::Ready(Some(text)),
                Some(Ok(Message::Ping(_))) => self.unflushed = true, // The answer was queued by the library.
                Some(Ok(Message::Binary(_))) => {
                    counter!(figures::FRAMES_TOTAL, "fate" => "binary").increment(1);
                }
                Some(Ok(Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(_))) | None => return Poll::Ready(None),
                Some(Err(error)) => {
                    counter!(figures::FRAMES_TOTAL, "fate" => "broken").increment(1);
                    debug!(%error, "the media socket failed");
                    return Poll::Ready(None);
                }
            }
        }
    }

    pub(super) fn play(&mut self, sound: &[u8]) {
        let mut text = std::mem::take(&mut self.text);
        media_stream::write_media(&self.stream, sound, &mut text);
        self.put(text);
    }

    pub(super) fn mark(&mut self, mark: Mark) {
        let mut text = std::mem::take(&mut self.text);
        media_stream::write_mark(&self.stream, mark, &mut text);
        self.put(text);
    }

    pub(super) fn clear(&mut self) {
        let mut text = std::mem::take(&mut self.text);
        media_stream::write_clear(&self.stream, &mut text);
        self.put(text);
    }

    pub(super) fn unflushed(&self) -> bool {
        self.unflushed
    }

    /// Sends what waits, as far as the socket takes it; an error when the line is lost.
    pub(super) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<(), ()>> {
        if self.broken {
            return Poll::Ready(Err(()));
        }
        let flushed = std::task::ready!(Pin::new(&mut self.socket).poll_flush(context));
        self.unflushed = false;
        Poll::Ready(flushed.map_err(drop))
    }

    /// Closes the socket: Twilio goes on to the verbs after `</Connect>`.
    pub(super) async fn close(&mut self) {
        let closing = self.socket.close(None);
        let _ = self.clock.within(Duration::from_secs(CLOSE_SECONDS_MAX), closing).await;
    }

    /// Puts one message into the socket's buffer. It is bounded: full means that nobody reads, and the line
    /// counts as lost.
    fn put(&mut self, text: String) {
        self.unflushed = true;
        if Pin::new(&mut self.socket).start_send(Message::Text(text.into())).is_err() && !self.broken {
            counter!(figures::LIMIT_REACHED_TOTAL, "limit" => "unsent_bytes_max").increment(1);
            self.broken = true;
        }
    }
}
