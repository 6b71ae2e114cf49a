//! Tools the model asked for: started, waited for with words, given up.
//!
//! What a tool does is not known here. The call knows only that one runs, how long the caller has waited, and
//! two requests that are the call's own affair: to hang up, and the answer to the recording question.

use serde::Deserialize;

use super::{
    Call,
    port::{Note, Output, RequestId, ToEngine, ToolRequest},
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
/// How many tools may run at a time. More are refused.
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
}

/// The answer to the recording question, as the model gives it.
#[derive(Deserialize)]
struct Consent {
    agreed: bool,
}

const DONE: &str = r#"{"status":"ok"}"#;
const TOO_MANY: &str =
    r#"{"status":"error","say":"Too many tools at once. Ask for them one after the other."}"#;
const OTHERS_FIRST: &str =
    r#"{"status":"not_run","say":"Tell the caller the other results first, then say goodbye."}"#;
const UNCLEAR: &str = r#"{"status":"error","say":"`agreed` must be true or false."}"#;
const NO_ANSWER: &str = r#"{"status":"no_answer_in_time","say":"Nothing was booked or changed as far as is known. Offer to take a message."}"#;

impl Call {
    /// Starts what a reply asked for; `spoke` tells whether it also said something.
    pub(super) fn start_tools(&mut self, requests: Vec<ToolRequest>, spoke: bool) {
        let ends = |request: &ToolRequest| ToolName::parse(&request.name) == Some(ToolName::EndCall);
        let others = requests.iter().any(|request| !ends(request));
        let mut goes_on = false;
        for request in requests {
            if self.tools.iter().any(|running| running.id == request.id) {
                continue; // Asked for twice is asked for once.
            }
            match ToolName::parse(&request.name) {
                Some(ToolName::EndCall) if others => self.tool_output(request.id, OTHERS_FIRST),
                Some(ToolName::EndCall) => {
                    self.tool_output(request.id, DONE);
                    self.end_call(spoke);
                }
                Some(ToolName::RecordingConsent) => goes_on |= !self.consent(&request) || !spoke,
                _ if self.tools.len() >= TOOLS_MAX => {
                    goes_on = true;
                    self.note(Note::Limit("tools_max"));
                    self.tool_output(request.id, TOO_MANY);
                }
                _ => {
                    self.note(Note::ToolBegan(request.id));
                    self.tools.push(Running { id: request.id, since: self.now });
                    self.outbox.push_back(Output::RunTool(request));
                }
            }
        }
        if goes_on {
            self.continue_after_tools();
        }
    }

    /// Tells the model that nothing it asked for was done, so that no request of its stays without an answer.
    pub(super) fn refuse_tools(&mut self, requests: Vec<ToolRequest>, why: &str) {
        for request in requests.into_iter().take(TOOLS_MAX) {
            self.tool_output(request.id, why);
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
        while let Some(at) =
            self.tools.iter().position(|running| now.since(running.since) >= TOOL_WAIT_MS_MAX)
        {
            let id = self.tools.swap_remove(at).id;
            self.note(Note::ToolEnded { id, took_ms: TOOL_WAIT_MS_MAX, late: true });
            self.tool_output(id, NO_ANSWER);
            self.continue_after_tools();
        }
        let Some(since) = self.tools_since() else {
            self.tool_words = 0;
            return;
        };
        let due = WORDS.iter().take_while(|(at, _)| now.since(since) >= *at).count();
        if due <= self.tool_words || self.trial.is_some() || self.silenced() || self.caller_has_floor() {
            return;
        }
        self.tool_words = due;
        if let Some((_, phrase)) = WORDS.get(due - 1) {
            self.fill(*phrase); // Says nothing while the agent speaks: then the caller hears something.
        }
    }

    pub(super) fn tools_deadline(&self) -> Option<CallTime> {
        let since = self.tools_since()?;
        let due = WORDS.get(self.tool_words).map(|(at, _)| since + *at).filter(|at| *at > self.now);
        Some(due.map_or(since + TOOL_WAIT_MS_MAX, |due| due.min(since + TOOL_WAIT_MS_MAX)))
    }

    /// Since when the caller has waited for tools.
    fn tools_since(&self) -> Option<CallTime> {
        self.tools.iter().map(|running| running.since).min()
    }

    /// When the last tool has answered, the model goes on.
    fn continue_after_tools(&mut self) {
        if self.tools.is_empty() {
            self.owe(self.owed.reply.and_then(|answer| answer.turn_ended()));
        }
    }

    /// Takes the caller's answer to the recording question. Returns whether it could be understood.
    fn consent(&mut self, request: &ToolRequest) -> bool {
        let Ok(Consent { agreed }) = serde_json::from_str(&request.arguments) else {
            self.tool_output(request.id, UNCLEAR);
            return false;
        };
        if agreed && !std::mem::replace(&mut self.recording, true) {
            self.outbox.push_back(Output::Record);
        }
        self.tool_output(request.id, DONE);
        true
    }

    fn tool_output(&mut self, id: RequestId, output: &str) {
        self.tell(ToEngine::ToolOutput { id, output: output.to_owned() });
    }
}
