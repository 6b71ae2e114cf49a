//! What a demo looks like.

use std::{io::IsTerminal, net::SocketAddr, path::Path};

use crate::{
    call::port::{Note, Verdict},
    domain::{
        assistant::Language,
        booking::AppointmentStatus,
        conversation::{Speaker, Turn},
        money::MicroUsd,
        spoken,
        time::CallTime,
    },
    live::notice::{Notice, What},
    sim::{
        agenda,
        stage::{self, Played, Stage},
        week::Past,
    },
};

/// Columns before what is said.
const MARGIN: &str = "                  ";

/// Words are broken before this column.
const WIDTH: usize = 100;

/// The terminal, with or without colour.
pub(super) struct Screen {
    colour: bool,
    /// When the caller's turns ended that no reply has been shown for.
    caller_ended: Vec<CallTime>,
    /// Of the reply under way: from the caller's last sound to being sure, and from there to the first sound.
    latency: Option<(u64, u64)>,
}

#[derive(Clone, Copy)]
enum Ink {
    Bold,
    Dim,
    Caller,
    Agent,
    Tool,
    Good,
    Bad,
}

impl Screen {
    /// Colour where a person looks, unless they asked for none (`NO_COLOR`).
    pub(super) fn new() -> Self {
        let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { colour, caller_ended: vec![], latency: None }
    }

    fn ink(&self, ink: Ink, text: &str) -> String {
        let code = match ink {
            Ink::Bold => "1",
            Ink::Dim => "2",
            Ink::Caller => "1;36",
            Ink::Agent => "1;33",
            Ink::Tool => "35",
            Ink::Good => "1;32",
            Ink::Bad => "1;31",
        };
        if self.colour && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    pub(super) fn title(&self, name: &str, language: Language, about: &str, pace: u32) {
        let pace = if pace == 1 { String::new() } else { format!(", {pace} times as fast as life") };
        println!("{} {about} ({language}{pace})", self.ink(Ink::Bold, &format!("frontdesk demo · {name}:")));
    }

    pub(super) fn set(&self, server: SocketAddr, folder: &Path) {
        let set = format!(
            "The server listens on {server} and keeps its data in {}.\n\
             Telephone and engine are stand-ins on this machine; the sound and the sockets are real.",
            folder.display()
        );
        println!("{}\n", self.ink(Ink::Dim, &set));
    }

    pub(super) fn missed(&self, notices: u64) {
        println!("{MARGIN}{}", self.ink(Ink::Dim, &format!("({notices} notices came too fast to be shown)")));
    }

    /// One thing that happened in the call.
    pub(super) fn notice(&mut self, notice: &Notice) {
        match &notice.what {
            What::Ringing => {}
            What::Answered => self.aside(notice.at, "the call is answered"),
            What::PassedOn => self.aside(notice.at, "the line is let go of: the caller is passed on"),
            What::Transfer(state) => self.aside(notice.at, &format!("passing on: {}", state.as_str())),
            What::RecordingBegan => self.aside(notice.at, "the caller agreed: recording"),
            What::Listening(true) => self.aside(notice.at, "somebody at the business listens"),
            What::Listening(false) => self.aside(notice.at, "nobody more listens"),
            What::Ended(outcome) => self.aside(notice.at, &format!("the call is over: {}", outcome.as_str())),
            What::Note { note, tool, .. } => self.note(notice.at, note, tool.as_deref()),
        }
    }

    fn note(&mut self, at: CallTime, note: &Note, tool: Option<&str>) {
        match note {
            Note::FirstAudio => self.aside(at, &format!("first sound {} ms after the start", at.0)),
            Note::TurnOver(turn) => self.turn(turn),
            Note::Paused => self.aside(at, "the caller makes a sound: the agent falls silent"),
            Note::Judged { verdict, silent_ms } => {
                let verdict = match verdict {
                    Verdict::Interruption => "it is an interruption: the agent yields",
                    Verdict::LateInterruption => "it was an interruption after all: the agent yields",
                    Verdict::GoesOn => "it is none: the agent goes on from where the ear was",
                };
                self.aside(at, &format!("{verdict} (silent for {silent_ms} ms)"));
            }
            Note::ReplyLatency { decided_ms, engine_ms } => self.latency = Some((*decided_ms, *engine_ms)),
            Note::ToolEnded { took_ms, late, .. } => {
                let late = if *late { ", given up" } else { "" };
                let line = format!("{} {took_ms} ms{late}", tool.unwrap_or("a tool"));
                println!("{} {}", clock(at), self.ink(Ink::Tool, &format!("  → {line}")));
            }
            Note::OnHold(true) => self.aside(at, "the caller is put on hold"),
            Note::OnHold(false) => self.aside(at, "the caller is back from hold"),
            Note::Muted(true) => self.aside(at, "the agent is silenced"),
            Note::Muted(false) => self.aside(at, "the agent may speak again"),
            Note::Limit(limit) => self.aside(at, &format!("limit reached: {limit}")),
            Note::EngineStalled => self.aside(at, "the engine owes an answer"),
            Note::Refused(refusal) => self.aside(at, &format!("the engine would not: {refusal:?}")),
            Note::Speaks(_) | Note::Heard { .. } | Note::ToolBegan(_) | Note::Said(_) | Note::Cost(_) => {}
        }
    }

    fn aside(&self, at: CallTime, text: &str) {
        println!("{} {}", clock(at), self.ink(Ink::Dim, &format!("  · {text}")));
    }

    /// Who said what, what of it was heard and what was cut.
    fn turn(&mut self, turn: &Turn) {
        let (name, ink) = match turn.speaker {
            Speaker::Caller => ("Caller", Ink::Caller),
            Speaker::Agent => ("Agent ", Ink::Agent),
        };
        let cut = turn.text.strip_prefix(turn.heard_text.as_str()).unwrap_or_default().trim();
        let (heard, cut) = match turn.speaker {
            Speaker::Caller => (turn.text.as_str(), ""),
            Speaker::Agent => (turn.heard_text.trim(), cut),
        };
        let heard = if heard.is_empty() && cut.is_empty() { "(no words)" } else { heard };
        let mut lines = wrapped(heard);
        if !cut.is_empty() {
            lines.extend(wrapped(&format!("✂ {cut}")).into_iter().map(|line| self.ink(Ink::Dim, &line)));
        }
        let mut said = lines.into_iter();
        println!("{} {}  {}", clock(turn.began), self.ink(ink, name), said.next().unwrap_or_default());
        said.for_each(|line| println!("{MARGIN}{line}"));
        match turn.speaker {
            Speaker::Caller => self.caller_ended.push(turn.ended),
            Speaker::Agent => {
                let facts = [self.first_sound(turn), cut_short(turn)];
                for fact in facts.into_iter().flatten() {
                    println!("{MARGIN}{}", self.ink(Ink::Dim, &fact));
                }
            }
        }
    }

    /// How long the caller waited for this turn.
    fn first_sound(&mut self, turn: &Turn) -> Option<String> {
        // A turn may be shown late, after what was said into the reply to it.
        let ended = self.caller_ended.iter().filter(|ended| **ended <= turn.began).max().copied();
        self.caller_ended.retain(|ended| *ended > turn.began);
        match self.latency.take() {
            Some((decided_ms, engine_ms)) => Some(format!(
                "first sound {} ms after the caller's last ({decided_ms} to be sure, {engine_ms} for the engine)",
                decided_ms + engine_ms
            )),
            None => Some(format!(
                "first sound {} ms after the caller's last, tools included",
                turn.began.since(ended?)
            )),
        }
    }

    /// What the database has of the call.
    pub(super) async fn outcome(&self, stage: &Stage, played: &Played) -> Result<(), stage::Error> {
        println!();
        let appointment = match &played.appointment {
            None => "none".to_owned(),
            Some(found) => {
                let language = stage.scenario.language;
                let mut tx = stage.server.store.read(&stage.tenant.id).await?;
                let service = tx.services().get(&found.service).await?;
                let resource = tx.resources().get(&found.resource).await?;
                drop(tx);
                let service = service.and_then(|service| service.names.get(language.code()).cloned());
                let state = match found.status {
                    AppointmentStatus::Confirmed => "",
                    AppointmentStatus::Pending => "(waits for its calendar) ",
                    AppointmentStatus::Held => "(only held) ",
                    AppointmentStatus::Cancelled => "(cancelled) ",
                };
                let zone = &stage.tenant.zone;
                let now = stage.dial.clock.now();
                format!(
                    "{state}{}, {} ({}), with {}, for {}",
                    service.unwrap_or_default(),
                    spoken::moment(found.time.start, now, zone, language),
                    zone.wall(found.time.start).strftime("%F %H:%M"),
                    resource.map(|resource| resource.name).unwrap_or_default(),
                    played.contact.as_ref().map_or("nobody", |contact| contact.name.as_str()),
                )
            }
        };
        self.fact("Appointment", &appointment);
        if let Some(agenda) = &stage.agenda {
            let standing = agenda.standing();
            let own = played.appointment.as_ref().map(|found| agenda::of(&standing, found.id.as_str()));
            let own = own.unwrap_or_default();
            let zone = &stage.tenant.zone;
            let times: Vec<String> = own
                .iter()
                .map(|event| zone.wall(event.start.into()).strftime("%F %H:%M").to_string())
                .collect();
            let times = if times.is_empty() { "nothing of it".to_owned() } else { times.join(", ") };
            self.fact("Calendar", &format!("{} of {}: {times}", agenda.vendor().title(), agenda::ACCOUNT));
        }
        let call = played.call.as_ref();
        let recording = played.recording.as_ref().map(|path| path.display().to_string());
        self.fact("Recording", recording.as_deref().unwrap_or("none"));
        let cost = call.map_or(MicroUsd::default(), |call| call.cost);
        self.fact("Cost", &format!("{cost} at the engine's prices"));
        let asked = played.tool_calls.iter().map(|call| call.name.as_str()).collect::<Vec<_>>().join(", ");
        self.fact("Tools", if asked.is_empty() { "none" } else { &asked });
        self.fact("Length", &format!("{} s", seconds(played.report.duration.as_millis() as u64)));
        println!();
        for problem in &played.problems {
            println!("{} {problem}", self.ink(Ink::Bad, "✗"));
        }
        if played.problems.is_empty() {
            println!("{} It came to what it had to come to.", self.ink(Ink::Good, "✓"));
        }
        Ok(())
    }

    fn fact(&self, name: &str, value: &str) {
        let mut lines = wrapped(value).into_iter();
        println!(
            "{:width$}{}",
            self.ink(Ink::Bold, name),
            lines.next().unwrap_or_default(),
            width = self.wide()
        );
        lines.for_each(|line| println!("{MARGIN}{line}"));
    }

    /// The margin's width, with what the colour of one word adds to it.
    fn wide(&self) -> usize {
        MARGIN.len() + if self.colour { self.ink(Ink::Bold, " ").len() - 1 } else { 0 }
    }

    pub(super) fn week(&self, calls: usize) {
        println!("\nThe week before is being played: {calls} calls.");
    }

    pub(super) fn past(&self, past: Past, problem: Option<stage::Error>) {
        let Past { days_ago, hour, minute, scenario, language, .. } = past;
        let when = format!("{days_ago} working days ago, {hour:02}:{minute:02}");
        match problem {
            None => println!("  {when}  {scenario} ({language})"),
            Some(problem) => println!("  {when}  {scenario} ({language}) left out: {problem}"),
        }
    }

    pub(super) fn kept(&self, server: SocketAddr, login: &str, password: &str) {
        println!(
            "\nThe server stays up; Ctrl-C ends it.\n  console   http://{server}/console\n  sign in   {login}\n  \
             password  {password}\n  API       http://{server}/docs"
        );
    }
}

/// How much of a turn was heard, if it was not all.
fn cut_short(turn: &Turn) -> Option<String> {
    let heard = || format!("heard {} of {} s", seconds(turn.heard_ms), seconds(turn.generated_ms));
    turn.interrupted.then(heard)
}

fn clock(at: CallTime) -> String {
    format!("{:>6} s", seconds(at.0))
}

fn seconds(ms: u64) -> String {
    format!("{}.{}", ms / 1_000, ms % 1_000 / 100)
}

/// The text in lines that fit beside the margin.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let full = lines.last().is_some_and(|line| {
            !line.is_empty() && line.chars().count() + 1 + word.chars().count() > WIDTH - MARGIN.len()
        });
        if full {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(if line.is_empty() { "" } else { " " });
            line.push_str(word);
        }
    }
    lines
}
