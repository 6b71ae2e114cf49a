//! The agent's own voice comes back from the caller's telephone, as sound, through the ear a call really has.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use frontdesk::{
    audio::{
        MuLaw20ms, g711,
        vad::{Detector, Ear},
    },
    call::{
        Call, Setup,
        port::{Input, Mark, Note, Output, Sound, ToCaller, ToEngine, Verdict, Words},
    },
    domain::{
        assistant::{Language, TurnPolicy},
        time::CallTime,
    },
    sim::voice::Voice,
};

const FRAME_MS: u64 = 20;
const PER_MS: usize = 8;

#[test]
fn the_agents_own_voice_does_not_cut_it_short() {
    for language in Language::ALL {
        for line in [
            Line { echo_ms: 60, ..Line::default() },
            Line { echo_ms: 333, gain: 0.6, ..Line::default() },
            Line { echo_ms: 500, ..Line::default() },
            Line { gain: 0.6, noise_db: Some(-45.0), ..Line::default() },
            Line { jitter_ms: 60, lose_every: 97, noise_db: Some(-58.0), ..Line::default() },
            Line { echo_ms: 60, room: true, ..Line::default() },
            Line { echo_ms: 333, room: true, noise_db: Some(-58.0), ..Line::default() },
        ] {
            let mut talk = Talk::opened(language, line);
            talk.goes_on(talk.opening_ms() + 4_000);
            let told = format!("{language:?} {line:?}: {:?}", talk.verdicts());
            assert!(talk.verdicts().iter().all(|(_, verdict)| *verdict == Verdict::GoesOn), "{told}");
            assert!(talk.clears() <= 4, "it fell silent for itself again and again: {told}");
            assert!(talk.played.len() >= talk.opening, "all of it was said: {told}");
        }
    }
}

#[test]
fn an_echo_that_is_known_is_not_let_through_to_the_engine() {
    let mut talk = Talk::opened(Language::German, Line::default());
    talk.goes_on(talk.opening_ms());
    let known = talk.silenced.first().copied().expect("the echo was known");
    assert!(known < 2_500, "{known}");
    let through = talk.passed.iter().filter(|(at, level_db)| *at >= known && *level_db > -45.0);
    assert_eq!(through.count(), 0, "the engine would take the agent's words for the caller's");
}

#[test]
fn who_speaks_over_the_agents_echo_is_heard() {
    for (language, words) in [
        (Language::German, "Nein, das ist falsch. Lieber am Dienstag."),
        (Language::English, "No, that's wrong. Tuesday would be better."),
    ] {
        let mut talk = Talk::opened(language, Line::default());
        talk.goes_on(4_500);
        assert!(!talk.silenced.is_empty(), "the echo is known by then");
        let before = talk.verdicts().len();
        talk.caller_says(language, words);
        talk.goes_on(3_000);
        let told = talk.verdicts();
        let yields =
            |(at, verdict): &(u64, Verdict)| *verdict == Verdict::Interruption && *at < 4_500 + 1_200;
        assert!(told[before..].iter().any(yields), "{told:?}");
    }
}

#[test]
fn whose_telephone_stops_echoing_is_heard_in_full_again() {
    let mut talk = Talk::opened(Language::German, Line::default());
    talk.goes_on(3_000);
    assert!(!talk.silenced.is_empty(), "the echo is known by then");
    talk.line.gain = 0.0;
    talk.goes_on(3_000);
    let last = talk.silenced.last().copied().unwrap_or_default();
    assert!(last < 5_500, "until {last} the engine heard nothing while the agent spoke");
}

#[test]
fn without_an_echo_no_interruption_is_taken_for_one() {
    let quiet = Line { gain: 0.0, noise_db: Some(-58.0), jitter_ms: 40, ..Line::default() };
    for (language, words) in [
        (Language::German, "Nein, das ist falsch. Lieber am Dienstag."),
        (Language::English, "No, that's wrong. Tuesday would be better."),
    ] {
        for begins in (900..4_500).step_by(450) {
            let mut talk = Talk::opened(language, quiet);
            talk.goes_on(begins);
            talk.caller_says(language, words);
            talk.goes_on(2_500);
            let told = format!("{words} at {begins}: {:?}", talk.verdicts());
            assert!(talk.verdicts().iter().any(|(_, verdict)| *verdict == Verdict::Interruption), "{told}");
        }
    }
}

/// What lies between the two.
#[derive(Clone, Copy, Debug)]
struct Line {
    /// After how long what is played comes back, in milliseconds, and how loud.
    echo_ms: usize,
    gain: f32,
    /// Whether a small loudspeaker and the walls of a room are in between.
    room: bool,
    /// White noise, in dB below full scale.
    noise_db: Option<f32>,
    /// Frames come up to so much later, in order.
    jitter_ms: u64,
    /// Every so many frames one is lost; 0 for none.
    lose_every: u64,
}

impl Default for Line {
    fn default() -> Self {
        Self { echo_ms: 150, gain: 0.3, room: false, noise_db: None, jitter_ms: 0, lose_every: 0 }
    }
}

/// How long anything takes from the server to the telephone, or back, in milliseconds.
const TRAVEL_MS: u64 = 40;

/// The agent says its first words to a caller on a bad line; there is no engine.
struct Talk {
    call: Call,
    now: u64,
    line: Line,
    ear: Ear,
    voice: Voice,
    opening: usize,
    /// On its way to the telephone.
    sent: VecDeque<(u64, ToCaller)>,
    /// At the telephone.
    buffer: VecDeque<ToCaller>,
    played: Vec<u8>,
    /// Everything that came out of the telephone's loudspeaker, silence too.
    out: Vec<f32>,
    caller: VecDeque<u8>,
    /// On its way to the server: when it comes, which frame it is.
    spoken: VecDeque<(u64, u64, MuLaw20ms)>,
    frames: u64,
    began: u64,
    chance: u64,
    story: Vec<(u64, Output)>,
    /// What the engine was let hear: when, how loud.
    passed: Vec<(u64, f32)>,
    /// When it was given silence instead.
    silenced: Vec<u64>,
}

impl Talk {
    fn opened(language: Language, line: Line) -> Self {
        let voice = Voice::embedded().unwrap();
        let words = match language {
            Language::German => {
                "Praxis Doktor Sommer, guten Tag. Was kann ich für Sie tun? Bitte bringen Sie zu Ihrem Termin \
                 Ihre Versichertenkarte und eine Liste Ihrer Medikamente mit. Wann würde es Ihnen passen?"
            }
            Language::English => {
                "Doctor Sommer's practice, good morning. What can I do for you? Please bring your insurance \
                 card and a list of the medicines that you take to your appointment. When would suit you?"
            }
        };
        let sound = voice.agent(language, words).unwrap();
        let opening = sound.len().next_multiple_of(MuLaw20ms::LEN);
        let setup = Setup {
            policy: TurnPolicy::default(),
            language,
            opening: Words(words.to_owned()),
            opening_clip: Some(Arc::new(Sound(sound))),
            clips: BTreeMap::new(),
            keypad: BTreeMap::new(),
        };
        let mut talk = Self {
            call: Call::answered(Arc::new(setup), CallTime(0)),
            now: 0,
            line,
            ear: Ear::new(Detector::default()),
            voice,
            opening,
            sent: VecDeque::new(),
            buffer: VecDeque::new(),
            played: Vec::new(),
            out: Vec::new(),
            caller: VecDeque::new(),
            spoken: VecDeque::new(),
            frames: 0,
            began: u64::MAX,
            chance: 0x2545_F491_4F6C_DD1D,
            story: Vec::new(),
            passed: Vec::new(),
            silenced: Vec::new(),
        };
        talk.give(Input::EngineReady, None);
        talk
    }

    fn opening_ms(&self) -> u64 {
        (self.opening / PER_MS) as u64
    }

    fn caller_says(&mut self, language: Language, words: &str) {
        self.caller = self.voice.caller(language, words).unwrap().into();
    }

    fn verdicts(&self) -> Vec<(u64, Verdict)> {
        let judged = |(at, output): &(u64, Output)| match output {
            Output::Note(Note::Judged { verdict, .. }) => Some((*at, *verdict)),
            Output::Note(_)
            | Output::ToCaller(_)
            | Output::ToEngine(_)
            | Output::RunTool(_)
            | Output::LookAtPin(_)
            | Output::Record
            | Output::PauseRecording
            | Output::ResumeRecording
            | Output::HangUp(_) => None,
        };
        self.story.iter().filter_map(judged).collect()
    }

    fn clears(&self) -> usize {
        self.story.iter().filter(|(_, output)| *output == Output::ToCaller(ToCaller::Clear)).count()
    }

    /// Time passes.
    fn goes_on(&mut self, millis: u64) {
        for _ in 0..millis {
            self.now += 1;
            while self.sent.front().is_some_and(|(at, _)| *at <= self.now) {
                let (_, order) = self.sent.pop_front().unwrap();
                if order == ToCaller::Clear {
                    let marks: Vec<Mark> = self.buffer.drain(..).filter_map(mark).collect();
                    marks.into_iter().for_each(|mark| self.give(Input::Played(mark), None));
                } else {
                    self.buffer.push_back(order);
                }
            }
            // The telephone's frames are not the server's.
            if self.now % FRAME_MS == 7 {
                self.frame();
            }
            while self.spoken.front().is_some_and(|(at, ..)| *at <= self.now) {
                let (_, n, frame) = self.spoken.pop_front().unwrap();
                let voice = self.ear.hear(&frame, self.call.wants_second_opinion());
                self.began = self.began.min(self.now.saturating_sub(n * FRAME_MS));
                let spoken = CallTime(self.began + n * FRAME_MS);
                self.give(Input::CallerAudio { voice, spoken }, Some(voice.level_db));
            }
            if self.call.deadline().is_some_and(|due| due.0 <= self.now) {
                self.give(Input::Tick, None);
            }
        }
    }

    /// The telephone plays twenty milliseconds and sends as much.
    fn frame(&mut self) {
        let mut played = Vec::new();
        while let Some(order) = self.buffer.pop_front() {
            match order {
                ToCaller::Play(Sound(mut sound)) if played.len() < MuLaw20ms::LEN => {
                    let rest = sound.split_off(sound.len().min(MuLaw20ms::LEN - played.len()));
                    played.extend(sound);
                    if !rest.is_empty() {
                        self.buffer.push_front(ToCaller::Play(Sound(rest)));
                    }
                }
                ToCaller::Mark(mark) => self.give(Input::Played(mark), None),
                ToCaller::Play(_) | ToCaller::Clear => {
                    self.buffer.push_front(order);
                    break;
                }
            }
        }
        self.played.extend(&played);
        played.resize(MuLaw20ms::LEN, MuLaw20ms::SILENCE);
        self.out.extend(played.iter().map(|byte| f32::from(g711::decode(*byte))));
        let first = self.out.len() - MuLaw20ms::LEN;
        let frame: [u8; MuLaw20ms::LEN] = std::array::from_fn(|n| {
            let caller = self.caller.pop_front().unwrap_or(MuLaw20ms::SILENCE);
            let noise = self.line.noise_db.map_or(0.0, |db| {
                // A uniform spread of ±a has a loudness of a/√3.
                let amplitude = 32_768.0 * 10_f32.powf(db / 20.0) * 3_f32.sqrt();
                ((self.chance() % 20_001) as f32 / 10_000.0 - 1.0) * amplitude
            });
            let all = f32::from(g711::decode(caller)) + self.echo(first + n) + noise;
            g711::encode(all.clamp(-32_767.0, 32_767.0) as i16)
        });
        let late = if self.line.jitter_ms > 0 { self.chance() % (self.line.jitter_ms + 1) } else { 0 };
        let before = self.spoken.back().map_or(0, |(at, ..)| *at);
        let lost = self.line.lose_every > 0 && self.frames % self.line.lose_every == self.line.lose_every - 1;
        if !lost {
            let at = (self.now + TRAVEL_MS + late).max(before);
            self.spoken.push_back((at, self.frames, MuLaw20ms::new(frame)));
        }
        self.frames += 1;
    }

    /// What comes back of what was played, at one sample.
    fn echo(&self, at: usize) -> f32 {
        let out = |ms: usize, samples: usize| {
            let then = at.checked_sub((self.line.echo_ms + ms) * PER_MS + samples);
            then.and_then(|then| self.out.get(then)).copied().unwrap_or(0.0)
        };
        // A small loudspeaker has no bass; walls send sound back late.
        let loudspeaker = |ms| out(ms, 0) - 0.7 * out(ms, 1);
        self.line.gain
            * match self.line.room {
                false => out(0, 0),
                true => {
                    loudspeaker(0) + 0.4 * loudspeaker(23) + 0.25 * loudspeaker(41) + 0.15 * loudspeaker(66)
                }
            }
    }

    fn give(&mut self, input: Input, level_db: Option<f32>) {
        let outputs: Vec<Output> = self.call.handle(input, CallTime(self.now)).collect();
        for output in outputs {
            match &output {
                Output::ToCaller(order) => self.sent.push_back((self.now + TRAVEL_MS, order.clone())),
                Output::ToEngine(ToEngine::Hear) => {
                    self.passed.extend(level_db.map(|level| (self.now, level)))
                }
                Output::ToEngine(ToEngine::HearSilence) => self.silenced.push(self.now),
                Output::ToEngine(_)
                | Output::RunTool(_)
                | Output::LookAtPin(_)
                | Output::Record
                | Output::PauseRecording
                | Output::ResumeRecording
                | Output::Note(_)
                | Output::HangUp(_) => {}
            }
            self.story.push((self.now, output));
        }
    }

    /// Xorshift: the same in every run.
    fn chance(&mut self) -> u64 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        self.chance
    }
}

fn mark(order: ToCaller) -> Option<Mark> {
    match order {
        ToCaller::Mark(mark) => Some(mark),
        ToCaller::Play(_) | ToCaller::Clear => None,
    }
}
