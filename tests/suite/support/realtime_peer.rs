//! A hand-made client of the Realtime interface, and minds for the stand-in it talks to.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use frontdesk::{
    domain::assistant::Language,
    platform::clock::Clock,
    sim::{
        ear::Ear,
        openai::{Asked, Manners, Mind, OpenAi, Setup, Thought},
        voice::Voice,
    },
};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{self, Message, client::IntoClientRequest},
};

/// The model the stand-in has.
pub const MODEL: &str = "gpt-realtime-2.1";

/// The key it wants.
pub const KEY: &str = "sk-test";

/// No message takes longer than this, whatever the machine is busy with.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Answers what a test put down, in order, and keeps what it was asked.
#[derive(Clone, Default)]
pub struct Written {
    pub ear: Ear,
    pub thoughts: Arc<Mutex<VecDeque<Thought>>>,
    pub asked: Arc<Mutex<Vec<Asked>>>,
}

impl Written {
    pub fn saying(sentences: &[&str]) -> Self {
        let thoughts = sentences.iter().map(|say| Thought { say: (*say).to_owned(), calls: vec![] });
        Self { thoughts: Arc::new(Mutex::new(thoughts.collect())), ..Self::default() }
    }

    pub fn then_calls(self, name: &str, arguments: Value) -> Self {
        let calls = vec![(name.to_owned(), arguments)];
        self.thoughts.lock().unwrap().push_back(Thought { say: String::new(), calls });
        self
    }

    pub fn then_says(self, say: &str) -> Self {
        self.thoughts.lock().unwrap().push_back(Thought { say: say.to_owned(), calls: vec![] });
        self
    }
}

impl Mind for Written {
    fn hear(&mut self, samples: &[i16]) -> Option<String> {
        self.ear.know(samples).map(str::to_owned)
    }

    fn answer(&mut self, asked: &Asked) -> Result<Thought, String> {
        self.asked.lock().unwrap().push(asked.clone());
        self.thoughts.lock().unwrap().pop_front().ok_or_else(|| "nothing is written down".to_owned())
    }

    fn take_back(&mut self) {}
}

/// A stand-in with that mind, everything else usual, in a hurry.
pub async fn stand_in(mind: Written) -> OpenAi {
    stand_in_at(mind, 10).await
}

/// The same at a pace.
pub async fn stand_in_at(mind: Written, pace: u32) -> OpenAi {
    OpenAi::start(Setup {
        clock: Clock::hurried(pace),
        voice: Arc::new(Voice::embedded().unwrap()),
        language: Language::English,
        key: KEY.to_owned(),
        models: vec![(MODEL.to_owned(), None), ("gpt-realtime".to_owned(), Some("2027-01-20".to_owned()))],
        minds: Box::new(move || Box::new(mind.clone())),
        manners: Manners::default(),
        keep_log: true,
    })
    .await
    .unwrap()
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The client.
pub struct Peer {
    socket: Socket,
    /// Every event so far.
    pub events: Vec<Value>,
}

impl Peer {
    /// Connects as the vendor wants it.
    pub async fn connect(server: &OpenAi) -> Self {
        let headers = [("Authorization", &*format!("Bearer {KEY}"))];
        let socket = Self::try_connect(server, &format!("?model={MODEL}"), &headers).await.unwrap();
        Self { socket, events: vec![] }
    }

    /// Connects in some way, or hears the HTTP status of the refusal.
    pub async fn try_connect(
        server: &OpenAi,
        query: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Socket, u16> {
        let url = format!("{}/realtime{query}", server.base_url().replacen("http", "ws", 1));
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        match tokio_tungstenite::connect_async(request).await {
            Ok((socket, _)) => Ok(socket),
            Err(tungstenite::Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(other) => panic!("{other}"),
        }
    }

    /// Connects and configures a session: pcmu both ways, both decisions the client's, words written down.
    pub async fn configured(server: &OpenAi) -> Self {
        let mut peer = Self::connect(server).await;
        peer.until("session.created").await;
        peer.send(session(json!({}))).await;
        peer.until("session.updated").await;
        peer
    }

    pub async fn send(&mut self, event: Value) {
        self.send_text(event.to_string()).await;
    }

    pub async fn send_text(&mut self, text: String) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// The next event; `None` at the socket's end. Frames that are no JSON object are passed over.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next()).await;
            match message.expect("an event within the time") {
                Some(Ok(Message::Text(text))) => {
                    if let Ok(event @ Value::Object(_)) = serde_json::from_str::<Value>(&text) {
                        self.events.push(event.clone());
                        return Some(event);
                    }
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// The close code of the socket, once it closes: `None` for an end without a word.
    pub async fn close_code(&mut self) -> Option<u16> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next()).await;
            match message.expect("an end within the time") {
                Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code.into()),
                Some(Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// The next event of that type.
    pub async fn until(&mut self, kind: &str) -> Value {
        loop {
            let event = self.next().await;
            let event = event.unwrap_or_else(|| panic!("the socket ended before {kind}"));
            if event["type"] == kind {
                return event;
            }
        }
    }

    /// Sends something the server answers at once, and waits for that: whatever it had to say to what was
    /// sent before is in `events` then.
    pub async fn settle(&mut self) {
        self.send(json!({ "type": "input_audio_buffer.clear" })).await;
        self.until("input_audio_buffer.cleared").await;
    }

    /// Sends sound in frames of 20 ms.
    pub async fn speak(&mut self, mu_law: &[u8]) {
        for frame in mu_law.chunks(160) {
            let audio = base64_simd::STANDARD.encode_to_string(frame);
            self.send(json!({ "type": "input_audio_buffer.append", "audio": audio })).await;
        }
    }

    /// The types of all events so far.
    pub fn kinds(&self) -> Vec<&str> {
        self.events.iter().map(|event| event["type"].as_str().unwrap()).collect()
    }

    /// Everything of one type so far.
    pub fn all(&self, kind: &str) -> Vec<&Value> {
        self.events.iter().filter(|event| event["type"] == kind).collect()
    }

    /// The sound of all deltas so far.
    pub fn sound(&self) -> Vec<u8> {
        let deltas = self.all("response.output_audio.delta");
        let bytes = |delta: &Value| base64_simd::STANDARD.decode_to_vec(delta["delta"].as_str().unwrap());
        deltas.into_iter().flat_map(|delta| bytes(delta).unwrap()).collect()
    }
}

/// A session.update as a telephone agent sends it, with changes to `session`'s turn detection.
pub fn session(turn_detection: Value) -> Value {
    let mut detection = json!({
        "type": "server_vad", "silence_duration_ms": 500,
        "create_response": false, "interrupt_response": false,
    });
    for (key, value) in turn_detection.as_object().unwrap() {
        detection[key] = value.clone();
    }
    json!({
        "type": "session.update",
        "session": {
            "type": "realtime",
            "output_modalities": ["audio"],
            "instructions": "Be brief.",
            "audio": {
                "input": {
                    "format": { "type": "audio/pcmu" },
                    "noise_reduction": { "type": "near_field" },
                    "transcription": { "model": "gpt-transcribe", "language": "en" },
                    "turn_detection": detection,
                },
                "output": { "format": { "type": "audio/pcmu" }, "voice": "marin" },
            },
            "tools": [{
                "type": "function", "name": "find_slots", "description": "Free times.",
                "parameters": { "type": "object", "properties": {} },
            }],
            "tool_choice": "auto",
        },
    })
}

/// Silence, in 8 kHz μ-law.
pub fn silence(ms: usize) -> Vec<u8> {
    vec![0xff; ms * 8]
}
