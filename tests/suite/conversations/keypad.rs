//! Keys of the telephone.

use frontdesk::call::port::{Input, ItemId, Output, ToEngine, Words};

use crate::support::scene::{Scene, setup};

fn keys(told: &[ToEngine]) -> Vec<Words> {
    told.iter()
        .filter_map(|what| if let ToEngine::CallerDid(words) = what { Some(words.clone()) } else { None })
        .collect()
}

#[test]
fn keys_silence_the_agent_and_reach_the_model_as_one_entry() {
    let mut scene = Scene::agent_has_spoken(900);
    let at = scene.now;
    for key in ['4', '2'] {
        scene.give(Input::Keyed(key));
        scene.wait(300);
    }
    assert_eq!(scene.clears(at), 1);
    assert!(keys(&scene.told(at)).is_empty(), "not while more may come");
    scene.wait(2_000);
    let [Words(words)] = &keys(&scene.told(at))[..] else { panic!("one entry: {:?}", scene.told(at)) };
    assert!(words.ends_with("4 2]"), "{words}");
    assert_eq!(scene.asked(at), 1);
}

#[test]
fn the_hash_key_ends_an_entry_at_once() {
    let mut scene = Scene::answered();
    scene.wait(1_500);
    scene.give(Input::Keyed('7'));
    scene.give(Input::Keyed('#'));
    assert_eq!(keys(&scene.told(0)).len(), 1);
    assert_eq!(scene.asked(0), 1);
}

#[test]
fn keys_without_end_become_entries_of_bounded_length() {
    let mut scene = Scene::with(setup());
    for _ in 0..100 {
        scene.give(Input::Keyed('1'));
    }
    scene.give(Input::EngineReady);
    assert_eq!(keys(&scene.told(0)).len(), 3);
}

/// What became of the recording, in order.
fn recorded(scene: &Scene) -> Vec<Output> {
    let about = |output: &&Output| {
        matches!(output, Output::Record | Output::PauseRecording | Output::ResumeRecording)
    };
    scene.story.iter().map(|(_, output)| output).filter(about).cloned().collect()
}

#[test]
fn what_is_keyed_in_is_not_recorded() {
    let mut scene = Scene::agent_has_spoken(900);
    scene.asks_for(1, "recording_consent", r#"{"agreed":true}"#);
    scene.give(Input::Keyed('4'));
    scene.wait(300);
    scene.give(Input::Keyed('2'));
    scene.wait(1_900);
    assert_eq!(recorded(&scene), [Output::Record, Output::PauseRecording]);
    scene.wait(200);
    assert_eq!(recorded(&scene), [Output::Record, Output::PauseRecording, Output::ResumeRecording]);
}

#[test]
fn from_a_card_number_on_nothing_is_recorded_until_something_else_is_said() {
    let mut scene = Scene::agent_has_spoken(900);
    let said = |words: &str, last| Input::CallerSaid {
        item: ItemId(77),
        words: Words(words.to_owned()),
        last,
        confidence: None,
    };
    scene.asks_for(1, "recording_consent", r#"{"agreed":true}"#);
    scene.give(said("Die Karte ist", false));
    assert_eq!(recorded(&scene), [Output::Record], "there is nothing to hide");
    scene.give(said("Die Karte ist 4111 1111 1", false));
    assert_eq!(recorded(&scene).len(), 2, "before it is over");
    scene.give(said("Die Karte ist 4111 1111 1111 1111", true));
    assert_eq!(recorded(&scene), [Output::Record, Output::PauseRecording]);
    scene.give(said("gültig bis 3 28, Prüfnummer 123", true));
    assert_eq!(recorded(&scene).len(), 2, "there are still digits in it");
    scene.give(said("Danke, das war alles.", true));
    assert_eq!(recorded(&scene).last(), Some(&Output::ResumeRecording));
    scene.give(said("Meine Telefonnummer ist 0170 12345678", true));
    assert_eq!(recorded(&scene).len(), 3, "a telephone number is no secret");
}

#[test]
fn a_pause_ends_by_itself() {
    let mut scene = Scene::agent_has_spoken(900);
    scene.asks_for(1, "recording_consent", r#"{"agreed":true}"#);
    let words = Words("5500 0055 5555 5559".to_owned());
    scene.give(Input::CallerSaid { item: ItemId(77), words, last: true, confidence: None });
    scene.until("the recording goes on", 31_000, |scene| recorded(scene).len() == 3);
}
