//! Recorded clips, joined and known again.

use frontdesk::{
    audio::g711,
    domain::{assistant::Language, phrases::Phrase},
    sim::{ear::Ear, voice::Voice},
};

const LINES: [(Language, &[&str]); 2] = [
    (
        Language::German,
        &[
            "Ja, das ist in Ordnung, ich brauche einen Termin zur Kontrolle.",
            "Geht es nächste Woche vormittags?",
            "Den zweiten bitte.",
            "Den ersten bitte.",
            "Mein Name ist Erika Mustermann.",
            "Ja, bitte.",
            "Ja, das stimmt.",
            "Mm-hm.",
            "Vielen Dank, auf Wiederhören.",
        ],
    ),
    (
        Language::English,
        &[
            "Yes, that is fine, I need an appointment for a check-up.",
            "Is there anything next week in the morning?",
            "The second one, please.",
            "The first one, please.",
            "My name is Erica Miller.",
            "Yes, please.",
            "Yes, that is right.",
            "Mm-hm.",
            "Thank you very much, goodbye.",
        ],
    ),
];

#[test]
fn a_sentence_is_joined_from_clips_with_pauses_between() {
    let voice = Voice::embedded().unwrap();
    let second = voice.caller(Language::English, "The second one, please.").unwrap();
    let goodbye = voice.caller(Language::English, "Thank you very much, goodbye.").unwrap();
    let both =
        voice.caller(Language::English, "the second one please. Thank you very much – goodbye").unwrap();
    assert!(both.len() >= second.len() + goodbye.len() - 300 * 8);
    assert!(both.starts_with(&second[..second.len() - 300 * 8]));
}

#[test]
fn words_nobody_recorded_are_named() {
    let voice = Voice::embedded().unwrap();
    let said =
        voice.caller(Language::English, "The second one, please. Abracadabra simsalabim, goodbye xyzzy.");
    let unknown = said.unwrap_err();
    assert!(unknown.words[0].starts_with("abracadabra simsalabim"), "{unknown}");
    assert!(unknown.words.last().unwrap().ends_with("xyzzy"), "{unknown}");
}

#[test]
fn every_sentence_is_known_again_by_its_sound_even_over_a_bad_line() {
    let voice = Voice::embedded().unwrap();
    for (language, lines) in LINES {
        let mut ear = Ear::default();
        let sounds: Vec<Vec<i16>> = lines
            .iter()
            .map(|words| {
                let sound = voice.caller(language, words).unwrap();
                sound.iter().map(|byte| g711::decode(*byte)).collect()
            })
            .collect();
        for (words, sound) in lines.iter().zip(&sounds) {
            ear.learn(words, sound);
        }
        for (words, sound) in lines.iter().zip(&sounds) {
            assert_eq!(ear.know(sound), Some(*words));
            assert_eq!(ear.know(&worse(sound)), Some(*words), "over a bad line");
        }
        let tone: Vec<i16> = (0..8_000).map(|n| ((n as f32 * 0.4).sin() * 8_000.0) as i16).collect();
        assert_eq!(ear.know(&tone), None);
        assert_eq!(ear.know(&[]), None);
    }
}

#[test]
fn a_sentence_is_found_behind_an_echo_of_what_the_agent_said() {
    let voice = Voice::embedded().unwrap();
    for (language, lines) in LINES {
        let sound = |words: &str| -> Vec<i16> {
            let sound = voice.caller(language, words).unwrap();
            sound.iter().map(|byte| g711::decode(*byte)).collect()
        };
        let mut ear = Ear::default();
        lines.iter().for_each(|words| ear.learn(words, &sound(words)));
        let opening = voice.agent(language, Phrase::OfferCallBack.words(language)).unwrap();
        let echo: Vec<i16> = opening.iter().map(|byte| g711::decode(*byte) / 3).collect();
        assert_eq!(ear.know(&echo), None, "the echo alone is nothing the caller says");
        let both = [echo, sound(lines[0])].concat();
        assert_eq!(ear.know(&both), Some(lines[0]));
    }
}

/// Off the grid, quieter, with a little noise, and a frame lost.
fn worse(sound: &[i16]) -> Vec<i16> {
    let mut heard = vec![0; 2_437];
    heard.extend(sound.iter().map(|sample| sample / 2));
    heard.drain(4_800..4_960.min(heard.len()).max(4_800));
    let noise = |n: usize| (n as i16).wrapping_mul(25_173).wrapping_add(13_849) / 1_000;
    heard.iter_mut().enumerate().for_each(|(n, sample)| *sample = sample.saturating_add(noise(n)));
    heard.resize(heard.len() + 4_000, 0);
    heard
}
