//! Tools the model asked for: started, waited for with words, given up.
//!
//! What a tool does is not known here. The call knows only that one runs, how long the caller has waited, and
//! two requests that are the call's own affair: to hang up, and the answer to the recording question.

use super::{
    Call,
    port::{Note, Output, RequestId, ToEngine, ToolRequest},
    reply::Owed,
};
use crate::domain::{phrases::Phrase, time::CallTime, tool::ToolName};

/// How long a tool may run before the caller hears that it takes a moment, in milliseconds.
pub const TOOL_FILLER_MS: u64 = 1_000;
/// How long before the caller hears that it takes longer, in milliseconds.
pub const TOOL_UPDATE_MS: u64 = 8_000;
/// How long before the caller is offered a call back, in milliseconds.
pub const TOOL_OFFER_MS: u64 = 20_000;
/// How long before a tool is given up, in milliseconds. A later answer is ignored; nothing is booked twice for it.
pub const TOOL_WAIT_MS_MAX: u64 = 25_000;
/// How many tools one reply may ask for. More are refused.
pub const TOOLS_MAX: usize = 8;

/// What is said meanwhile, and when, in milliseconds.
const WORDS: [(u64, Phrase); 3] = [
    (TOOL_FILLER_MS, Phrase::OneMoment),
    (TOOL_UPDATE_MS, Phrase::StillWorking),
    (TOOL_OFFER_MS, Phrase::OfferCallBack),
];

/// A tool that has not answered.
#[derive(Debug)]
pub(super) struct Running {
    id: RequestId,
    since: CallTime,
    /// How many of [`WORDS`] were said for it.
    said: usize,
}

impl Call {
    /// Starts what a reply asked for; `spoke` tells whether it also said something.
    pub(super) fn start_tools(&mut self, requests: Vec<ToolRequest>, spoke: bool) {
        let mut answered = false;
        for (n, request) in requests.into_iter().enumerate() {
            if n >= TOOLS_MAX {
                self.note(Note::Limit("tools_max"));
                self.tool_output(request.id, r#"{"status":"error","say":"too many tools at once"}"#);
                continue;
            }
            match ToolName::parse(&request.name) {
                Some(ToolName::EndCall) => {
                    self.tool_output(request.id, r#"{"status":"ok"}"#);
                    self.end_call(spoke);
                }
                Some(ToolName::RecordingConsent) => {
                    answered = true;
                    self.consent(&request);
                }
                _ => {
                    self.note(Note::ToolBegan(request.id));
                    self.tools.push(Running { id: request.id, since: self.now, said: 0 });
                    self.outbox.push_back(Output::RunTool(request));
                }
            }
        }
        if answered {
            self.continue_after_tools();
        }
    }

    pub(super) fn tool_answered(&mut self, id: RequestId, output: String) {
        let Some(at) = self.tools.iter().position(|running| running.id == id) else { return };
        let running = self.tools.swap_remove(at);
        self.note(Note::ToolEnded { id, took_ms: self.now.since(running.since), late: false });
        self.tell(ToEngine::ToolOutput { id, output });
        self.continue_after_tools();
    }

    pub(super) fn advance_tools(&mut self) {
        let now = self.now;
        let late: Vec<RequestId> = self
            .tools
            .iter()
            .filter(|running| now.since(running.since) >= TOOL_WAIT_MS_MAX)
            .map(|r| r.id)
            .collect();
        for id in late {
            self.tools.retain(|running| running.id != id);
            self.note(Note::ToolEnded { id, took_ms: TOOL_WAIT_MS_MAX, late: true });
            self.tool_output(
                id,
                r#"{"status":"no_answer_in_time","say":"Nothing was booked or changed as far as is known. Offer to take a message."}"#,
            );
            self.continue_after_tools();
        }
        let Some(longest) = self.tools.iter().min_by_key(|running| running.since) else { return };
        let waited = now.since(longest.since);
        let Some((_, phrase)) = WORDS.get(longest.said).filter(|(at, _)| waited >= *at) else { return };
        let id = longest.id;
        let quiet = !self.playback.speaking() && self.trial.is_none() && !self.caller_has_floor();
        if quiet {
            self.fill(*phrase);
        }
        if let Some(running) = self.tools.iter_mut().find(|running| running.id == id) {
            running.said += 1;
        }
    }

    pub(super) fn tools_deadline(&self) -> Option<CallTime> {
        self.tools
            .iter()
            .map(|running| running.since + WORDS.get(running.said).map_or(TOOL_WAIT_MS_MAX, |(at, _)| *at))
            .min()
    }

    /// When the last tool has answered, the model goes on.
    fn continue_after_tools(&mut self) {
        if self.tools.is_empty() && self.leaving.is_none() {
            self.owed = Some(Owed::reply(self.now, None));
        }
    }

    fn consent(&mut self, request: &ToolRequest) {
        let agreed = request.arguments.split_once("\"agreed\"").is_some_and(|(_, rest)| {
            rest.trim_start().strip_prefix(':').is_some_and(|value| value.trim_start().starts_with("true"))
        });
        if agreed {
            self.outbox.push_back(Output::Record);
        }
        self.tool_output(request.id, r#"{"status":"ok"}"#);
    }

    fn tool_output(&mut self, id: RequestId, output: &str) {
        self.tell(ToEngine::ToolOutput { id, output: output.to_owned() });
    }
}
