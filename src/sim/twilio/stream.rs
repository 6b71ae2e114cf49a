//! The Media Streams socket, with a person at the other end of the line.

use std::{collections::VecDeque, time::Duration};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};
use tokio_util::sync::CancellationToken;

use super::{
    super::{Faults, caller::Person, sound},
    Dial, Report, StreamEnd,
    conditions::Line,
    playback::Playback,
    shapes::{self, ToTwilio},
    sid, signature,
};
use crate::{domain::time::CallTime, platform::clock::Stopwatch};

/// How long a socket may take to open.
const OPEN_MAX: Duration = Duration::from_secs(10);

/// How long the caller's side waits for the close it asked for to be answered.
const CLOSE_MAX: Duration = Duration::from_secs(2);

struct Stream<'a> {
    socket: WebSocketStream<TcpStream>,
    dial: &'a Dial,
    faults: &'a Faults,
    report: &'a mut Report,
    watch: Stopwatch,
    sid: String,
    sequence: u64,
    playback: Playback,
    line: Line,
    /// What was heard on earlier streams of the call, in milliseconds.
    before_ms: u64,
    /// Frames that are under way to the server, and when each arrives.
    under_way: VecDeque<(u64, String)>,
}

impl Dial {
    pub(super) async fn stream(
        &self,
        url: &str,
        parameters: &[(String, String)],
        person: &mut dyn Person,
        ended: &CancellationToken,
        faults: &Faults,
        report: &mut Report,
    ) -> StreamEnd {
        let socket = match self.clock.within(OPEN_MAX, self.open(url)).await {
            Some(Ok(socket)) => socket,
            Some(Err(code)) => return StreamEnd::Broken(code),
            None => return StreamEnd::Broken(31_901),
        };
        let sid = sid("MZ");
        let before_ms = (report.caller_sound.len() / sound::BYTES_PER_MS) as u64;
        report.stream_sid = Some(sid.clone());
        let mut stream = Stream {
            socket,
            dial: self,
            faults,
            report,
            watch: self.clock.stopwatch(),
            sid,
            sequence: 0,
            playback: Playback::default(),
            line: Line::new(self.conditions.clone()),
            before_ms,
            under_way: VecDeque::new(),
        };
        let end = match stream.talk(parameters, person, ended).await {
            Ok(end) => end,
            Err(_) => StreamEnd::Broken(31_921),
        };
        stream.report.underruns = stream.playback.underruns;
        end
    }

    /// Opens the socket as Twilio does: signed over the URL as it stands in the document.
    async fn open(&self, url: &str) -> Result<WebSocketStream<TcpStream>, u16> {
        let mut request = url.into_client_request().map_err(|_| 31_923u16)?;
        let signature = signature(&self.account.token, url, &[]);
        let signature = HeaderValue::from_str(&signature).map_err(|_| 31_923u16)?;
        request.headers_mut().insert("X-Twilio-Signature", signature);
        request.headers_mut().insert("User-Agent", HeaderValue::from_static("Twilio.TmeWs/1.0"));
        let wire = TcpStream::connect(self.reach).await.map_err(|_| 31_902u16)?;
        wire.set_nodelay(true).ok();
        let opened = tokio_tungstenite::client_async(request, wire).await;
        opened.map(|(socket, _)| socket).map_err(|_| 31_920)
    }
}

type Sent = Result<(), tokio_tungstenite::tungstenite::Error>;

impl Stream<'_> {
    async fn talk(
        &mut self,
        parameters: &[(String, String)],
        person: &mut dyn Person,
        ended: &CancellationToken,
    ) -> Result<StreamEnd, tokio_tungstenite::tungstenite::Error> {
        self.send(json!({ "event": "connected", "protocol": "Call", "version": "1.0.0" })).await?;
        let custom: serde_json::Map<String, Value> =
            parameters.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        let start = json!({
            "event": "start",
            "start": {
                "accountSid": self.dial.account.sid,
                "streamSid": self.sid,
                "callSid": self.report.call_sid,
                "tracks": ["inbound"],
                "mediaFormat": { "encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1 },
                "customParameters": custom,
            },
        });
        self.send_numbered(start).await?;
        self.watch = self.dial.clock.stopwatch();
        let mut frame = 0u64;
        loop {
            // Frame n holds what was said in the 20 ms before it leaves.
            let due = self.watch.moment(CallTime((frame + 1) * 20));
            tokio::select! {
                biased;
                // First, because a server hangs up before it closes: where both have come, the call was hung up.
                () = ended.cancelled() => return self.stop(StreamEnd::ServerHungUp).await,
                message = self.socket.next() => match message {
                    Some(Ok(Message::Text(text))) => self.received(&text).await?,
                    Some(Ok(Message::Binary(_))) => self.faults.add("stream: a binary frame (31950)"),
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                    Some(Ok(Message::Close(frame))) => {
                        return Ok(StreamEnd::ServerClosed(frame.map(|frame| frame.code.into())));
                    }
                    Some(Err(_)) | None => return Ok(StreamEnd::Broken(31_921)),
                },
                () = tokio::time::sleep_until(due) => {
                    if let Some(end) = self.frame(frame, person).await? {
                        return Ok(end);
                    }
                    frame += 1;
                }
            }
        }
    }

    /// Twenty milliseconds of the call: both ears, one mouth.
    async fn frame(
        &mut self,
        number: u64,
        person: &mut dyn Person,
    ) -> Result<Option<StreamEnd>, tokio_tungstenite::tungstenite::Error> {
        let now = number * 20;
        let (mut played, marks) = self.playback.play(now);
        // A person's own time goes on from one stream to the next.
        let act = person.live(&played, self.before_ms + now);
        played.resize(sound::FRAME, sound::SILENCE);
        self.report.agent_sound.extend_from_slice(&played);
        let mut spoken = act.sound;
        spoken.resize(sound::FRAME, sound::SILENCE);
        let spoken = self.line.mix(spoken, &played);
        self.report.caller_sound.extend_from_slice(&spoken);
        let (at, copies) = self.line.send(number, now);
        if copies > 0 {
            self.sequence += 1;
            let media = json!({
                "event": "media",
                "sequenceNumber": (self.sequence).to_string(),
                "streamSid": self.sid,
                "media": {
                    "track": "inbound",
                    "chunk": (number + 1).to_string(),
                    "timestamp": now.to_string(),
                    "payload": base64_simd::STANDARD.encode_to_string(&spoken),
                },
            });
            let at = self.under_way.back().map_or(at, |(last, _)| at.max(*last));
            self.under_way.extend(std::iter::repeat_n((at, media.to_string()), copies));
        }
        while let Some((_, message)) = self.under_way.pop_front_if(|(at, _)| *at <= now) {
            self.send_text(message).await?;
        }
        self.marks_passed(marks).await?;
        if let Some(digit) = act.press {
            let dtmf = json!({ "track": "inbound_track", "digit": digit.to_string() });
            self.send_numbered(json!({ "event": "dtmf", "dtmf": dtmf })).await?;
        }
        let late = Duration::from_millis(now) >= self.dial.limit;
        if !act.hang_up && !late {
            return Ok(None);
        }
        self.stop(if late { StreamEnd::LimitReached } else { StreamEnd::CallerHungUp }).await.map(Some)
    }

    /// The call is over: says so, and closes.
    async fn stop(&mut self, end: StreamEnd) -> Result<StreamEnd, tokio_tungstenite::tungstenite::Error> {
        let stop = json!({ "accountSid": self.dial.account.sid, "callSid": self.report.call_sid });
        self.send_numbered(json!({ "event": "stop", "stop": stop })).await?;
        self.socket.close(None).await.ok();
        let socket = &mut self.socket;
        let answered = async { while let Some(Ok(_)) = socket.next().await {} };
        self.dial.clock.within(CLOSE_MAX, answered).await;
        Ok(end)
    }

    async fn received(&mut self, text: &str) -> Sent {
        if self.dial.keep_log {
            self.report.received.push(text.to_owned());
        }
        let now = self.watch.call_time().0;
        match shapes::read(text, &self.sid) {
            Ok(ToTwilio::Media(sound)) => {
                if self.report.first_sound.is_none() {
                    self.report.first_sound = Some(self.watch.elapsed());
                }
                self.playback.sound(sound, now);
                Ok(())
            }
            Ok(ToTwilio::Mark(name)) => {
                let marks = self.playback.mark(name);
                self.marks_passed(marks).await
            }
            Ok(ToTwilio::Clear) => {
                self.report.clears.push(Duration::from_millis(now));
                let marks = self.playback.clear();
                self.marks_passed(marks).await
            }
            Err(why) => {
                self.faults.add(format!("stream (31951): {why}"));
                Ok(())
            }
        }
    }

    async fn marks_passed(&mut self, marks: Vec<String>) -> Sent {
        for name in marks {
            self.report.marks += 1;
            self.send_numbered(json!({ "event": "mark", "mark": { "name": name } })).await?;
        }
        Ok(())
    }

    async fn send_numbered(&mut self, mut message: Value) -> Sent {
        self.sequence += 1;
        message["sequenceNumber"] = self.sequence.to_string().into();
        message["streamSid"] = self.sid.as_str().into();
        self.send(message).await
    }

    async fn send(&mut self, message: Value) -> Sent {
        self.send_text(message.to_string()).await
    }

    async fn send_text(&mut self, text: String) -> Sent {
        if self.dial.keep_log {
            self.report.sent.push(text.clone());
        }
        self.socket.send(Message::text(text)).await
    }
}
