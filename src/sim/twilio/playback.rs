//! Twilio's buffer towards the caller's ear.

use std::collections::VecDeque;

use super::super::sound;

/// A gap shorter than this, in milliseconds, between two stretches of sound is an underrun.
const GAP_MS: u64 = 200;

/// What has been received and not been played.
#[derive(Debug, Default)]
pub(super) struct Playback {
    queue: VecDeque<Piece>,
    /// When the buffer ran dry, if it is.
    dry_since: Option<u64>,
    pub(super) underruns: usize,
}

#[derive(Debug)]
enum Piece {
    Sound(VecDeque<u8>),
    Mark(String),
}

impl Playback {
    pub(super) fn sound(&mut self, sound: Vec<u8>, now: u64) {
        if let Some(since) = self.dry_since.take()
            && (1..GAP_MS).contains(&now.saturating_sub(since))
        {
            self.underruns += 1;
        }
        self.queue.push_back(Piece::Sound(sound.into()));
    }

    /// Takes a mark; the ones to be sent back at once, if nothing is left to play.
    pub(super) fn mark(&mut self, name: String) -> Vec<String> {
        self.queue.push_back(Piece::Mark(name));
        self.passed()
    }

    /// Drops the sound; every outstanding mark.
    pub(super) fn clear(&mut self) -> Vec<String> {
        self.dry_since = None;
        let marks = self.queue.drain(..).filter_map(|piece| match piece {
            Piece::Mark(name) => Some(name),
            Piece::Sound(_) => None,
        });
        marks.collect()
    }

    /// The next 20 ms for the ear, shorter when there is no more, and the marks that are behind it.
    pub(super) fn play(&mut self, now: u64) -> (Vec<u8>, Vec<String>) {
        let mut played = Vec::with_capacity(sound::FRAME);
        let mut marks = self.passed();
        while played.len() < sound::FRAME
            && let Some(Piece::Sound(piece)) = self.queue.front_mut()
        {
            let take = piece.len().min(sound::FRAME - played.len());
            played.extend(piece.drain(..take));
            if piece.is_empty() {
                self.queue.pop_front();
            }
            marks.extend(self.passed());
        }
        if !played.is_empty() && self.queue.is_empty() {
            self.dry_since = Some(now + 20);
        }
        (played, marks)
    }

    /// The marks with no sound before them.
    fn passed(&mut self) -> Vec<String> {
        let mut marks = vec![];
        while let Some(Piece::Mark(_)) = self.queue.front() {
            if let Some(Piece::Mark(name)) = self.queue.pop_front() {
                marks.push(name);
            }
        }
        marks
    }
}
