//! A call on virtual time: a perfect telephone, a caller who makes sounds, an engine that hears and answers.
//!
//! The telephone knows what was truly played; whatever the call says about what was heard is checked against
//! it at every step, and so are the rules that hold in every call.
#![expect(clippy::wildcard_enum_match_arm, reason = "a test names what it looks for, not all the rest")]

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use frontdesk::{
    audio::{g711, vad::Voice},
    call::{
        Call, Setup,
        port::{
            Input, ItemId, Mark, Note, Output, Refusal, ReplyStatus, RequestId, Sound, ToCaller, ToEngine,
            ToolRequest, Verdict, Words,
        },
    },
    domain::{
        assistant::{Language, TurnPolicy},
        conversation::{Outcome, Turn},
        money::MicroUsd,
        phrases::Phrase,
        time::CallTime,
    },
};

/// The first byte of every frame of the opening clip: by it the telephone tells sounds apart. Soft in mu-law.
pub const OPENING: u8 = 240;
/// The same for the server's other clips.
pub const CLIP: u8 = 241;
/// The engine's first item; items count up from here, and sound like their number.
pub const FIRST_ITEM: u32 = 200;

/// A frame of open speech, of a hum, of a cough, of noise, of nothing.
pub const SPEECH: Voice = voice(0.95, 0.9, 0.2);
pub const HUM: Voice = voice(0.9, 0.9, 0.005);
pub const COUGH: Voice = voice(0.7, 0.2, 0.6);
pub const NOISE: Voice = voice(0.1, 0.3, 0.5);
pub const SILENCE: Voice = Voice::SILENT;

const fn voice(speech: f32, voiced: f32, bright: f32) -> Voice {
    Voice { level_db: -22.0, above_floor_db: 25.0, active: true, speech, voiced, bright, tone: false }
}

/// So many milliseconds of sound that the telephone knows by `name`: a voice as loud as [`loudness_db`] says.
pub fn sound(name: u8, millis: u64) -> Sound {
    let frame = |n: u64| {
        let amplitude = 32_768.0 * 10.0_f32.powf(loudness_db(n % 10) / 20.0);
        let byte = g711::encode(amplitude as i16);
        std::iter::once(name).chain(std::iter::repeat_n(byte, 159))
    };
    Sound((0..millis.div_ceil(20)).flat_map(frame).take(millis as usize * 8).collect())
}

/// How loud the agent's voice is in its n-th frame: up and down as voices are, again and again.
fn loudness_db(frame: u64) -> f32 {
    -16.0 - (frame * 7_919 % 23) as f32
}

/// A setup with an opening clip of one second and the server's clips of half a second.
pub fn setup() -> Setup {
    let clips = [
        Phrase::StillThere,
        Phrase::StillThereAgain,
        Phrase::SilenceGoodbye,
        Phrase::OneMinuteLeft,
        Phrase::TimeIsUp,
        Phrase::OneMoment,
        Phrase::StillWorking,
        Phrase::OfferCallBack,
        Phrase::Drained,
        Phrase::PassingOn,
        Phrase::NobodyThere,
        Phrase::ColleagueGone,
        Phrase::OnHold,
        Phrase::StillHeld,
        Phrase::HoldOver,
    ];
    Setup {
        policy: TurnPolicy::default(),
        language: Language::English,
        opening: Words("Practice Sunshine. You are speaking with an automated assistant.".to_owned()),
        opening_clip: Some(Arc::new(sound(OPENING, 1_000))),
        clips: clips.into_iter().map(|phrase| (phrase, Arc::new(sound(CLIP, 500)))).collect(),
        keypad: BTreeMap::from([('2', "wants an appointment".to_owned())]),
    }
}

/// The engine generates 200 ms of sound in so many milliseconds.
const PIECE_EVERY_MS: u64 = 100;

/// How the stand-in engine behaves.
#[derive(Clone, Copy, Debug)]
pub struct Manners {
    /// Whether it answers when asked to.
    pub answers: bool,
    /// Whether it hears the caller at all.
    pub hears: bool,
    /// How much later than the end of the turn's silence it commits, in milliseconds.
    pub late_ms: u64,
    /// From being asked to the first sound, in milliseconds.
    pub thinks_ms: u64,
    /// How long its replies are, in milliseconds.
    pub reply_ms: u64,
    /// From the commit to the caller's words, in milliseconds; none when it does not transcribe.
    pub transcribes_ms: Option<u64>,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            answers: true,
            hears: true,
            late_ms: 50,
            thinks_ms: 300,
            reply_ms: 4_000,
            transcribes_ms: Some(300),
        }
    }
}

#[derive(Debug)]
enum InAir {
    Sound { name: u8, from_ms: u64, to_ms: u64 },
    Mark(Mark),
}

/// Plays what it gets in real time, returns marks, honours clear.
#[derive(Debug, Default)]
struct Telephone {
    buffer: VecDeque<(u64, InAir)>,
    unnamed: Option<(u8, u64)>,
    played: BTreeMap<u8, u64>,
    ear: Option<(u8, u64)>,
}

/// See the module's own words.
pub struct Scene {
    pub call: Call,
    pub now: u64,
    pub manners: Manners,
    /// How long sound travels to the ear, and marks back, in milliseconds each.
    pub travel_ms: u64,
    /// Everything the call wanted, and when; without the frames passed on to the engine.
    pub story: Vec<(u64, Output)>,
    telephone: Telephone,
    due: Vec<(u64, Input)>,
    said: Option<String>,
    voice: Voice,
    engine_item: u32,
    caller_item: u32,
    replying: bool,
    responses: u64,
    freed: bool,
    heard_since: Option<u64>,
    marks_lost: bool,
    /// After how many milliseconds the agent's voice comes back, at 0.3 of its loudness.
    pub echo_ms: Option<u64>,
    played: VecDeque<Option<(u8, u64)>>,
}

impl Scene {
    /// A call that was just answered, with a ready engine.
    pub fn answered() -> Self {
        let mut scene = Self::with(setup());
        scene.give(Input::EngineReady);
        scene
    }

    /// A call that was just answered; its engine is not there yet.
    pub fn with(setup: Setup) -> Self {
        Self {
            call: Call::answered(Arc::new(setup), CallTime(0)),
            now: 0,
            manners: Manners::default(),
            travel_ms: 30,
            story: Vec::new(),
            telephone: Telephone::default(),
            due: Vec::new(),
            said: None,
            voice: SILENCE,
            engine_item: FIRST_ITEM,
            caller_item: 1_000,
            replying: false,
            responses: 0,
            freed: true,
            heard_since: None,
            marks_lost: false,
            echo_ms: None,
            played: VecDeque::from(vec![None; 1_000]),
        }
    }

    /// A call whose opening was heard, in which the caller asked something and the agent has been heard to speak
    /// for `millis` of its reply, which is the first item.
    pub fn agent_has_spoken(millis: u64) -> Self {
        Self::answered().agent_speaks_for(millis)
    }

    /// Goes on until the agent's reply to a question of the caller's was heard for `millis`.
    pub fn agent_speaks_for(mut self, millis: u64) -> Self {
        self.wait(1_500);
        self.says("I would like an appointment please", 1_200);
        self.until("the agent speaks", 5_000, |scene| scene.played_ms(scene.last_item()) >= millis);
        self
    }

    /// Nothing is said for so long.
    pub fn wait(&mut self, millis: u64) {
        self.hears(SILENCE, millis);
    }

    /// The caller makes a sound for so long.
    pub fn hears(&mut self, voice: Voice, millis: u64) {
        self.voice = voice;
        for _ in 0..millis {
            self.step();
        }
        self.voice = SILENCE;
    }

    /// The caller speaks for so long, and the engine will understand `words`.
    pub fn says(&mut self, words: &str, millis: u64) {
        self.said = Some(words.to_owned());
        self.hears(SPEECH, millis);
    }

    /// The caller hums for so long, and the engine will understand `words`.
    pub fn hums(&mut self, words: &str, millis: u64) {
        self.said = Some(words.to_owned());
        self.hears(HUM, millis);
    }

    /// The engine will understand `words` in the next sound of the caller's.
    pub fn say_nothing_but(&mut self, words: &str) {
        self.said = Some(words.to_owned());
    }

    /// Time passes in silence until `done`.
    #[track_caller]
    pub fn until(&mut self, what: &str, most_ms: u64, done: impl Fn(&Self) -> bool) {
        let end = self.now + most_ms;
        while !done(self) {
            assert!(self.now < end, "waited {most_ms} ms until {what}; {:#?}", self.story);
            self.step();
        }
    }

    /// Marks do not come back from now on.
    pub fn lose_marks(&mut self) {
        self.marks_lost = true;
    }

    /// Something happens at this moment.
    pub fn give(&mut self, input: Input) {
        let was_over = self.call.ended();
        let outputs: Vec<Output> = self.call.handle(input, CallTime(self.now)).collect();
        assert!(!was_over || outputs.is_empty(), "an ended call says nothing: {outputs:?}");
        let ends = outputs.iter().position(|output| matches!(output, Output::HangUp(_)));
        assert!(ends.is_none_or(|at| at + 1 == outputs.len()), "nothing comes after the end: {outputs:?}");
        for output in outputs {
            self.carry_out(&output);
            if !matches!(output, Output::ToEngine(ToEngine::Hear | ToEngine::HearSilence)) {
                self.story.push((self.now, output));
            }
        }
    }

    /// The engine's reply under way, or the last one.
    pub fn last_item(&self) -> u32 {
        self.engine_item.saturating_sub(1).max(FIRST_ITEM)
    }

    /// How much of an item, or of a clip, was truly played.
    pub fn played_ms(&self, name: u32) -> u64 {
        self.telephone.played.get(&(name as u8)).copied().unwrap_or(0)
    }

    /// What the ear hears at this moment: which sound, and where in it.
    pub fn ear(&self) -> Option<(u8, u64)> {
        self.telephone.ear
    }

    /// What happened from `at` on that `wanted` picks.
    pub fn since<'a, T>(&'a self, at: u64, wanted: impl Fn(&'a Output) -> Option<T>) -> Vec<T> {
        self.story.iter().filter(|(when, _)| *when >= at).filter_map(|(_, output)| wanted(output)).collect()
    }

    /// When `wanted` happened first from `at` on.
    pub fn when(&self, at: u64, wanted: impl Fn(&Output) -> bool) -> Option<u64> {
        self.story.iter().find(|(when, output)| *when >= at && wanted(output)).map(|(when, _)| *when)
    }

    /// What the call told the engine from `at` on.
    pub fn told(&self, at: u64) -> Vec<ToEngine> {
        self.since(at, |output| match output {
            Output::ToEngine(what) => Some(what.clone()),
            _ => None,
        })
    }

    /// How often a reply was asked for from `at` on.
    pub fn asked(&self, at: u64) -> usize {
        self.told(at).iter().filter(|what| matches!(what, ToEngine::Respond { .. })).count()
    }

    /// The verdicts from `at` on.
    pub fn verdicts(&self, at: u64) -> Vec<Verdict> {
        self.since(at, |output| match output {
            Output::Note(Note::Judged { verdict, .. }) => Some(*verdict),
            _ => None,
        })
    }

    /// How often the agent fell silent from `at` on.
    pub fn clears(&self, at: u64) -> usize {
        self.since(at, |output| (*output == Output::ToCaller(ToCaller::Clear)).then_some(())).len()
    }

    /// What the server said by itself from `at` on.
    pub fn phrases(&self, at: u64) -> Vec<Phrase> {
        self.since(at, |output| match output {
            Output::Note(Note::Said(phrase)) => Some(*phrase),
            _ => None,
        })
    }

    /// The turns that are over.
    pub fn turns(&self) -> Vec<Turn> {
        self.since(0, |output| match output {
            Output::Note(Note::TurnOver(turn)) => Some(turn.clone()),
            _ => None,
        })
    }

    /// How the call ended, if it has.
    pub fn outcome(&self) -> Option<Outcome> {
        self.since(0, |output| match output {
            Output::HangUp(outcome) => Some(*outcome),
            _ => None,
        })
        .first()
        .copied()
    }

    /// The engine's reply asks for a tool, without a word.
    pub fn asks_for(&mut self, id: u32, name: &str, arguments: &str) {
        self.reply_with_tools(0, vec![(id, name, arguments)]);
    }

    /// The engine's reply says something for so long and asks for tools.
    pub fn reply_with_tools(&mut self, millis: u64, tools: Vec<(u32, &str, &str)>) {
        self.due.retain(|(_, input)| !of_reply(input));
        self.replying = true;
        self.give(Input::ReplyBegan);
        if millis > 0 {
            let item = self.next_item();
            self.give(Input::ReplyAudio { item, sound: sound(item.0 as u8, millis) });
            self.give(Input::ReplyItemDone(item));
        }
        let tools = tools
            .into_iter()
            .map(|(id, name, arguments)| ToolRequest {
                id: RequestId(id),
                name: name.to_owned(),
                arguments: arguments.to_owned(),
            })
            .collect();
        self.reply_ends(ReplyStatus::Completed, tools);
    }

    /// The reply under way is over.
    pub fn reply_ends(&mut self, status: ReplyStatus, tools: Vec<ToolRequest>) {
        self.replying = false;
        self.freed = true;
        self.give(Input::ReplyEnded { status, tools, cost: MicroUsd::default() });
    }

    /// A tool answers.
    pub fn tool_answers(&mut self, id: u32) {
        self.give(Input::ToolAnswered { id: RequestId(id), output: r#"{"status":"booked"}"#.to_owned() });
    }

    fn next_item(&mut self) -> ItemId {
        self.engine_item += 1;
        ItemId(self.engine_item - 1)
    }

    fn step(&mut self) {
        self.now += 1;
        for mark in self.telephone.play(self.now) {
            if !self.marks_lost {
                self.due.push((self.now + self.travel_ms, Input::Played(mark)));
            }
        }
        self.played.push_front(self.telephone.ear);
        self.played.truncate(1_000);
        while let Some(at) = self.due.iter().position(|(due, _)| *due <= self.now) {
            let (_, input) = self.due.remove(at);
            if matches!(input, Input::ReplyEnded { .. }) {
                self.replying = false;
                self.freed = true;
            }
            self.give(input);
        }
        if self.now.is_multiple_of(20) {
            self.engine_listens();
            // Voices are never as steady as tones.
            let level_db = self.voice.level_db + (self.now / 20 % 4) as f32 * 2.0;
            let voice = self.echo().unwrap_or(Voice { level_db, ..self.voice });
            self.give(Input::CallerAudio { voice, spoken: CallTime(self.now) });
        }
        if self.call.deadline().is_some_and(|due| due.0 <= self.now) {
            self.give(Input::Tick);
            let next = self.call.deadline();
            assert!(next.is_none_or(|due| due.0 > self.now), "a deadline that was met lies ahead: {next:?}");
        }
    }

    /// The frame that the agent's own voice makes, where it is louder than the caller.
    fn echo(&self) -> Option<Voice> {
        let after = self.echo_ms? as usize;
        let power = |ms: usize| {
            let level = self.played.get(after + ms).copied().flatten();
            level.map_or(0.0, |(_, at)| 10.0_f32.powf(loudness_db(at.saturating_sub(1) / 20 % 10) / 10.0))
        };
        let power = (0..20).map(power).sum::<f32>() / 20.0 * 0.09;
        let level_db = 10.0 * power.max(1e-9).log10();
        (level_db > -50.0 && (!self.voice.active || level_db > self.voice.level_db))
            .then_some(Voice { level_db, ..SPEECH })
    }

    /// The engine's own ears: any sound is speech to it, and half a second of silence ends a turn.
    fn engine_listens(&mut self) {
        // What the call does not pass on, no engine hears.
        if !self.manners.hears || self.call.deaf() {
            return;
        }
        if self.voice.active {
            if self.heard_since.is_none() {
                self.heard_since = Some(self.now);
                self.due.push((self.now + 60, Input::EngineHearsSpeech));
            }
            self.due
                .retain(|(_, input)| !matches!(input, Input::EngineHearsSilence | Input::CallerCommitted(_)));
            let end = self.now + 500 + self.manners.late_ms;
            let item = ItemId(self.caller_item);
            self.due.push((end, Input::EngineHearsSilence));
            self.due.push((end, Input::CallerCommitted(item)));
        } else if self.heard_since.is_some()
            && !self.due.iter().any(|(_, input)| matches!(input, Input::CallerCommitted(_)))
        {
            self.heard_since = None;
            let words = self.said.take().unwrap_or_default();
            if let Some(after) = self.manners.transcribes_ms {
                let words = Words(words);
                let item = ItemId(self.caller_item);
                self.due.push((
                    self.now + after,
                    Input::CallerSaid { item, words, last: true, confidence: None },
                ));
            }
            self.caller_item += 1;
        }
    }

    fn carry_out(&mut self, output: &Output) {
        match output {
            Output::ToCaller(ToCaller::Play(sound)) => {
                self.telephone.unnamed = Some((sound.0[0], sound.0.len() as u64 / 8))
            }
            Output::ToCaller(ToCaller::Mark(mark)) => {
                let arrives = self.now + self.travel_ms;
                if let Some((name, millis)) = self.telephone.unnamed.take() {
                    let from_ms = mark.end_ms - millis;
                    let sound = InAir::Sound { name, from_ms, to_ms: mark.end_ms };
                    self.telephone.buffer.push_back((arrives, sound));
                }
                self.telephone.buffer.push_back((arrives, InAir::Mark(*mark)));
            }
            Output::ToCaller(ToCaller::Clear) => {
                for (_, thing) in std::mem::take(&mut self.telephone.buffer) {
                    if let InAir::Mark(mark) = thing
                        && !self.marks_lost
                    {
                        self.due.push((self.now + self.travel_ms, Input::Played(mark)));
                    }
                }
                self.telephone.ear = None;
            }
            Output::ToEngine(ToEngine::Truncate { item, heard_ms }) => {
                let truly = self.played_ms(item.0);
                assert!(
                    *heard_ms <= truly,
                    "{heard_ms} ms of {item:?} were heard, says the call; truly {truly}"
                );
            }
            Output::ToEngine(ToEngine::Respond { .. }) => self.respond(),
            Output::ToEngine(ToEngine::Cancel) => {
                let began = self.replying;
                self.due.retain(|(_, input)| !of_reply(input));
                if began && self.manners.answers {
                    self.due.push((self.now + 30, reply_ended(ReplyStatus::Cancelled)));
                } else if !began {
                    self.due.push((self.now + 30, Input::EngineRefused(Refusal::NothingToCancel)));
                }
                self.freed = true; // Or it will be, by the call's own patience.
            }
            Output::ToEngine(_)
            | Output::RunTool(_)
            | Output::Record
            | Output::LookAtPin(_)
            | Output::PauseRecording
            | Output::ResumeRecording
            | Output::Note(_)
            | Output::HangUp(_) => {}
        }
    }

    fn respond(&mut self) {
        assert!(self.freed, "a reply is asked for while another is active");
        self.freed = false;
        self.responses += 1;
        if self.replying && self.manners.answers {
            self.freed = true;
            self.due.push((self.now + 10, Input::EngineRefused(Refusal::AlreadyReplying)));
            return;
        }
        self.replying = true;
        if !self.manners.answers {
            return;
        }
        let begins = self.now + self.manners.thinks_ms;
        self.due.push((begins, Input::ReplyBegan));
        let item = self.next_item();
        let pieces = self.manners.reply_ms / 200;
        for n in 0..pieces {
            let sound = sound(item.0 as u8, 200);
            self.due.push((begins + n * PIECE_EVERY_MS, Input::ReplyAudio { item, sound }));
            let words = Words(format!("word{n} "));
            self.due.push((begins + n * PIECE_EVERY_MS, Input::ReplyWords { item, words }));
        }
        self.due.push((begins + pieces * PIECE_EVERY_MS, Input::ReplyItemDone(item)));
        self.due.push((begins + pieces * PIECE_EVERY_MS, reply_ended(ReplyStatus::Completed)));
    }
}

impl Telephone {
    /// Plays a millisecond; returns the marks it came to.
    fn play(&mut self, now: u64) -> Vec<Mark> {
        let mut marks = Vec::new();
        let mut budget = 1;
        self.ear = None;
        while let Some((arrived, thing)) = self.buffer.front_mut() {
            if *arrived > now {
                break;
            }
            match thing {
                InAir::Mark(mark) => marks.push(*mark),
                InAir::Sound { from_ms, to_ms, .. } if from_ms == to_ms => {}
                InAir::Sound { name, from_ms, .. } if budget > 0 => {
                    budget -= 1;
                    *from_ms += 1;
                    let played = self.played.entry(*name).or_default();
                    *played = (*played).max(*from_ms);
                    self.ear = Some((*name, *from_ms));
                    continue;
                }
                InAir::Sound { .. } => break,
            }
            self.buffer.pop_front();
        }
        marks
    }
}

fn reply_ended(status: ReplyStatus) -> Input {
    Input::ReplyEnded { status, tools: Vec::new(), cost: MicroUsd(10) }
}

fn of_reply(input: &Input) -> bool {
    matches!(
        input,
        Input::ReplyBegan
            | Input::ReplyAudio { .. }
            | Input::ReplyWords { .. }
            | Input::ReplyItemDone(_)
            | Input::ReplyEnded { .. }
    )
}
