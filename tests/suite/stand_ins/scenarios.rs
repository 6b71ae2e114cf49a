//! The written conversations, without a server between the two sides.

use frontdesk::{
    audio::g711,
    domain::{assistant::Language, phrases::Phrase, spoken},
    sim::{
        openai::{Asked, Mind},
        scenario::{NAMES, named},
        voice::Voice,
    },
};
use serde_json::json;

#[test]
fn every_word_of_every_scenario_is_recorded() {
    let voice = Voice::embedded().unwrap();
    for language in Language::ALL {
        for (name, _) in NAMES {
            let scenario = named(name, language).unwrap();
            scenario.caller(&voice).unwrap();
            scenario.script(&voice).unwrap();
            for response in scenario.model.iter().flat_map(|turn| &turn.responses) {
                // What tools answer is said from the server's own vocabulary.
                let own = response.say.split(['{', '}']).step_by(2);
                own.filter(|text| !text.trim().is_empty())
                    .for_each(|text| drop(voice.agent(language, text).unwrap()));
            }
        }
    }
    assert!(named("rob-a-bank", Language::English).is_none());
}

#[test]
fn everything_the_server_says_by_itself_is_recorded() {
    let voice = Voice::embedded().unwrap();
    let phrases = [
        Phrase::Disclosure,
        Phrase::RecordingQuestion,
        Phrase::StillThere,
        Phrase::StillThereAgain,
        Phrase::SilenceGoodbye,
        Phrase::OneMinuteLeft,
        Phrase::TimeIsUp,
        Phrase::OneMoment,
        Phrase::StillWorking,
        Phrase::OfferCallBack,
        Phrase::Apology,
        Phrase::Drained,
    ];
    for language in Language::ALL {
        for phrase in phrases {
            voice.agent(language, phrase.words(language)).unwrap();
        }
        // Minutes that no timetable uses are left out of the German recordings.
        let minute = |piece: &str| language == Language::German && piece.chars().all(char::is_alphabetic);
        for piece in spoken::vocabulary(language) {
            assert!(voice.agent(language, &piece).is_ok() || minute(&piece), "{piece}");
        }
    }
}

#[test]
fn the_model_follows_its_part_with_what_tools_answered() {
    let voice = Voice::embedded().unwrap();
    let mut script = named("book", Language::English).unwrap().script(&voice).unwrap();
    let heard = |script: &mut dyn Mind, words: &str| {
        let sound = voice.caller(Language::English, words).unwrap();
        let samples: Vec<i16> = sound.iter().map(|byte| g711::decode(*byte)).collect();
        Asked { said: vec![script.hear(&samples).unwrap()], ..Asked::default() }
    };
    let answered =
        |tool: &str, answer| Asked { results: vec![(tool.to_owned(), answer)], ..Asked::default() };

    let opened = heard(&mut script, "Yes, that is fine, I need an appointment for a check-up.");
    assert_eq!(
        script.answer(&opened).unwrap().calls,
        [("recording_consent".into(), json!({ "agreed": true }))]
    );
    assert!(
        script.answer(&answered("recording_consent", json!({}))).unwrap().say.starts_with("Please bring")
    );

    let mut asked = heard(&mut script, "Mm-hm.");
    asked.said.extend(heard(&mut script, "Is there anything next week in the morning?").said);
    let looking = script.answer(&asked).unwrap();
    assert_eq!(looking.say, "Certainly, let me see.");
    script.take_back();
    assert_eq!(script.answer(&asked).unwrap(), looking, "what was not heard is said again");
    let slots = json!({ "say": "I have two times for you.", "slots": [{ "key": "A1" }, { "key": "B1" }] });
    assert_eq!(script.answer(&answered("find_slots", slots)).unwrap().say, "I have two times for you.");
    assert_eq!(script.answer(&Asked::default()).unwrap().say, "I have two times for you.", "asked again");

    let second = heard(&mut script, "The second one, please.");
    assert_eq!(script.answer(&second).unwrap().calls[0].1, json!({ "slot": "B1" }));
    let missing = script.answer(&answered("hold_slot", json!({ "status": "error" }))).unwrap_err();
    assert!(missing.contains("/say"), "{missing}");
    let earlier = heard(&mut script, "Is there anything next week in the morning?");
    assert!(
        script.answer(&earlier).unwrap_err().contains("next week"),
        "its part has no answer to that any more"
    );

    let mut script = named("book", Language::English).unwrap().script(&voice).unwrap();
    let listens = heard(&mut script, "Mm-hm.");
    assert_eq!(script.answer(&listens).unwrap().say, "Are you still there?");
    script.answer(&opened).unwrap();
    let said = script.answer(&answered("recording_consent", json!({}))).unwrap().say;
    assert_eq!(script.answer(&listens).unwrap().say, said, "whoever only listens is told it again");
}
