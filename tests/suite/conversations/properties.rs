//! What holds in every call, whatever happens in whatever order.

use std::{collections::BTreeMap, sync::Arc};

use frontdesk::{
    audio::vad::Voice,
    call::{
        Call,
        port::{
            Input, ItemId, Mark, Output, Refusal, ReplyStatus, RequestId, Sound, ToCaller, ToEngine,
            ToolRequest, Words,
        },
    },
    domain::{money::MicroUsd, time::CallTime},
};
use proptest::prelude::*;

use crate::support::scene::{COUGH, HUM, NOISE, SILENCE, SPEECH, setup};

/// Something that happens, or a mark that comes back: which of those sent can be known only as the call runs.
#[derive(Clone, Debug)]
enum Event {
    Input(Input),
    /// Of the marks sent, the n-th of those that have not come back.
    Mark(usize),
    /// Frames of one kind, 20 ms apart.
    Frames(Voice, u8),
    /// Whatever time the call waits for.
    Deadline,
}

fn item() -> impl Strategy<Value = ItemId> {
    (10_u32..16).prop_map(ItemId)
}

/// Sound that is known by each of its bytes.
fn plain(item: ItemId, bytes: u64) -> Sound {
    Sound(vec![item.0 as u8; bytes as usize])
}

fn words() -> impl Strategy<Value = Words> {
    prop::sample::select(vec!["", "ja", "mm-hm", "nein danke", "I want an appointment"])
        .prop_map(|words| Words(words.to_owned()))
}

fn tool() -> impl Strategy<Value = ToolRequest> {
    let names = prop::sample::select(vec!["book", "find_slots", "end_call", "recording_consent", "fly"]);
    let arguments = prop::sample::select(vec!["{}", r#"{"agreed":true}"#, "{", ""]);
    (0_u32..4, names, arguments).prop_map(|(id, name, arguments)| ToolRequest {
        id: RequestId(id),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
    })
}

fn event() -> impl Strategy<Value = Event> {
    let voices = prop::sample::select(vec![SPEECH, HUM, COUGH, NOISE, SILENCE]);
    let status = prop::sample::select(vec![
        ReplyStatus::Completed,
        ReplyStatus::Completed,
        ReplyStatus::Cancelled,
        ReplyStatus::Incomplete,
        ReplyStatus::Failed,
    ]);
    let refusal = prop::sample::select(vec![
        Refusal::AlreadyReplying,
        Refusal::NothingToCancel,
        Refusal::NothingToCommit,
        Refusal::Item,
        Refusal::Other,
    ]);
    let millis = prop_oneof![8 => 0_u64..900, 1 => Just(0), 1 => 150_000_u64..250_000];
    prop_oneof![
        12 => (voices, 1_u8..60).prop_map(|(voice, frames)| Event::Frames(voice, frames)),
        12 => Just(Event::Deadline),
        10 => (0_usize..4).prop_map(Event::Mark),
        6 => (item(), millis).prop_map(|(item, millis)| Event::Input(Input::ReplyAudio { item, sound: plain(item, millis * 8) })),
        1 => (item(), 1_usize..999).prop_map(|(item, bytes)| Event::Input(Input::ReplyAudio { item, sound: plain(item, bytes as u64) })),
        4 => Just(Event::Input(Input::ReplyBegan)),
        4 => (status, prop::collection::vec(tool(), 0..3)).prop_map(|(status, tools)| {
            Event::Input(Input::ReplyEnded { status, tools, cost: MicroUsd(1) })
        }),
        2 => item().prop_map(|item| Event::Input(Input::ReplyItemDone(item))),
        2 => (item(), words()).prop_map(|(item, words)| Event::Input(Input::ReplyWords { item, words })),
        3 => Just(Event::Input(Input::EngineHearsSpeech)),
        3 => Just(Event::Input(Input::EngineHearsSilence)),
        4 => (20_u32..26).prop_map(|item| Event::Input(Input::CallerCommitted(ItemId(item)))),
        4 => (20_u32..26, words(), any::<bool>())
            .prop_map(|(item, words, last)| Event::Input(Input::CallerSaid { item: ItemId(item), words, last, confidence: None })),
        3 => Just(Event::Input(Input::EngineReady)),
        2 => refusal.prop_map(|refusal| Event::Input(Input::EngineRefused(refusal))),
        2 => (0_u32..4).prop_map(|id| Event::Input(Input::ToolAnswered { id: RequestId(id), output: "{}".to_owned() })),
        1 => prop::sample::select(vec!['1', '#', '*']).prop_map(|key| Event::Input(Input::Keyed(key))),
        1 => (0_u32..9, 0_u64..5_000, 0_u32..3).prop_map(|(piece, end_ms, generation)| {
            Event::Input(Input::Played(Mark { piece, end_ms, generation }))
        }),
        1 => Just(Event::Input(Input::Tick)),
        1 => prop::sample::select(vec![
            Input::Leave, Input::CallerHungUp, Input::EngineLost, Input::PassOn, Input::Hold, Input::Resume,
            Input::Mute(true), Input::Mute(false), Input::ExpectPin,
        ]).prop_map(Event::Input),
    ]
}

/// Events and the milliseconds before each; some calls cannot be interrupted, some have no clips.
fn story() -> impl Strategy<Value = (bool, bool, Vec<(u64, Event)>)> {
    let gaps = prop_oneof![10 => 0_u64..50, 4 => 50_u64..700, 2 => 700_u64..9_000, 1 => 9_000_u64..2_000_000];
    (any::<bool>(), any::<bool>(), prop::collection::vec((gaps, event()), 1..150))
}

/// A call and what can be known of it from outside.
struct Watched {
    call: Call,
    now: u64,
    all: Vec<Output>,
    marks: Vec<Mark>,
    unnamed: Option<u8>,
    /// How far each item was acknowledged or could have been played by time.
    sent: BTreeMap<u8, u64>,
    active: Option<u64>,
    over: bool,
}

impl Watched {
    fn new(interruptible: bool, clips: bool) -> Self {
        let mut setup = setup();
        setup.policy.interruptible = interruptible;
        if !clips {
            setup.clips.clear();
            setup.opening_clip = None;
        }
        Self {
            call: Call::answered(Arc::new(setup), CallTime(0)),
            now: 0,
            all: Vec::new(),
            marks: Vec::new(),
            unnamed: None,
            sent: BTreeMap::new(),
            active: None,
            over: false,
        }
    }

    fn live(&mut self, events: &[(u64, Event)]) {
        for (gap, event) in events {
            self.now += gap;
            match event {
                Event::Input(input) => self.give(input.clone()),
                Event::Mark(n) if *n < self.marks.len() => {
                    let mark = self.marks.remove(*n);
                    self.give(Input::Played(mark));
                }
                Event::Mark(_) => {}
                Event::Frames(voice, frames) => {
                    for _ in 0..*frames {
                        self.give(Input::CallerAudio { voice: *voice, spoken: CallTime(self.now) });
                        self.now += 20;
                    }
                }
                Event::Deadline => {
                    if let Some(due) = self.call.deadline() {
                        self.now = self.now.max(due.0);
                        self.give(Input::Tick);
                        let next = self.call.deadline();
                        assert!(next.is_none_or(|next| next.0 > self.now), "{next:?} at {}", self.now);
                    }
                }
            }
        }
    }

    fn give(&mut self, input: Input) {
        if matches!(input, Input::ReplyEnded { .. } | Input::EngineRefused(_)) {
            self.active = None;
        }
        let outputs: Vec<Output> = self.call.handle(input, CallTime(self.now)).collect();
        for output in &outputs {
            self.check(output);
        }
        assert_eq!(self.call.deadline().is_none(), self.call.ended());
        self.all.extend(outputs);
    }

    fn check(&mut self, output: &Output) {
        assert!(!self.over, "after the end: {output:?}");
        match output {
            Output::HangUp(_) => self.over = true,
            Output::ToCaller(ToCaller::Play(sound)) => {
                assert!(!sound.0.is_empty() && sound.0.len() % 160 == 0);
                self.unnamed = Some(sound.0[0]);
            }
            Output::ToCaller(ToCaller::Mark(mark)) => {
                let name = self.unnamed.take().expect("a mark follows its sound");
                let sent = self.sent.entry(name).or_default();
                *sent = (*sent).max(mark.end_ms);
                self.marks.push(*mark);
                assert!(self.marks.len() < 10_000);
            }
            Output::ToEngine(ToEngine::Truncate { item, heard_ms }) => {
                let sent = self.sent.get(&(item.0 as u8)).copied().unwrap_or(0);
                assert!(*heard_ms > 0 && *heard_ms <= sent, "{heard_ms} of {sent} sent");
            }
            Output::ToEngine(ToEngine::Respond { .. }) => {
                assert!(self.active.is_none_or(|free| free <= self.now), "two replies at once");
                self.active = Some(u64::MAX);
            }
            Output::ToEngine(ToEngine::Cancel) => self.active = Some(self.now + 600),
            Output::ToCaller(ToCaller::Clear)
            | Output::ToEngine(_)
            | Output::RunTool(_)
            | Output::LookAtPin(_)
            | Output::Record
            | Output::PauseRecording
            | Output::ResumeRecording
            | Output::Note(_) => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_rules_of_every_call_hold((interruptible, clips, events) in story()) {
        let mut watched = Watched::new(interruptible, clips);
        watched.live(&events);
        for _ in 0..2_000 {
            let Some(due) = watched.call.deadline() else { break };
            prop_assert!(due.0 < 3_600_000_000, "a call left to itself ends");
            watched.now = watched.now.max(due.0);
            watched.give(Input::Tick);
        }
        prop_assert!(watched.call.ended(), "a call left to itself ends");
    }

    #[test]
    fn the_same_inputs_give_the_same_outputs((interruptible, clips, events) in story()) {
        let mut one = Watched::new(interruptible, clips);
        let mut other = Watched::new(interruptible, clips);
        one.live(&events);
        other.live(&events);
        prop_assert_eq!(one.all, other.all);
    }
}
