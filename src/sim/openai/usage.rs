//! What a response is billed: counted the way the vendor says it counts (protocols.md §2.7).

use serde_json::{Value, json};

/// The caller's audio, in milliseconds per token.
const HEARD_MS_PER_TOKEN: u64 = 100;

/// The model's audio, in milliseconds per token.
const SPOKEN_MS_PER_TOKEN: u64 = 50;

/// Characters of text per token, roughly.
const CHARS_PER_TOKEN: usize = 4;

/// Tokens of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tokens {
    pub(super) text: u64,
    pub(super) audio: u64,
}

impl Tokens {
    pub(super) fn text(text: &str) -> Self {
        Self { text: text.chars().count().div_ceil(CHARS_PER_TOKEN) as u64, audio: 0 }
    }

    pub(super) fn heard(ms: u64) -> Self {
        Self { text: 0, audio: ms.div_ceil(HEARD_MS_PER_TOKEN) }
    }

    pub(super) fn spoken(ms: u64) -> Self {
        Self { text: 0, audio: ms.div_ceil(SPOKEN_MS_PER_TOKEN) }
    }

    fn sum(self) -> u64 {
        self.text + self.audio
    }
}

impl std::ops::Add for Tokens {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { text: self.text + other.text, audio: self.audio + other.audio }
    }
}

/// The `usage` of a `response.done`. What was input to the response before is cached.
pub(super) fn of_response(input: Tokens, before: Tokens, output: Tokens) -> Value {
    let cached = Tokens { text: before.text.min(input.text), audio: before.audio.min(input.audio) };
    json!({
        "total_tokens": input.sum() + output.sum(),
        "input_tokens": input.sum(),
        "output_tokens": output.sum(),
        "input_token_details": {
            "text_tokens": input.text,
            "audio_tokens": input.audio,
            "image_tokens": 0,
            "cached_tokens": cached.sum(),
            "cached_tokens_details": {
                "text_tokens": cached.text,
                "audio_tokens": cached.audio,
                "image_tokens": 0,
            },
        },
        "output_token_details": { "text_tokens": output.text, "audio_tokens": output.audio },
    })
}
