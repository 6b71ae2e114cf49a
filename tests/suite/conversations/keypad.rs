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

fn typed(keys: &str) -> String {
    let mut scene = Scene::answered();
    scene.wait(1_500);
    for key in keys.chars() {
        scene.give(Input::Keyed(key));
        scene.wait(200);
    }
    scene.wait(3_000);
    let [Words(words)] = &self::keys(&scene.told(0))[..] else { panic!("one fact: {:?}", scene.told(0)) };
    assert_eq!(scene.asked(0), 1, "and it is answered");
    words.clone()
}

#[test]
fn a_key_of_the_menu_is_told_by_what_it_means() {
    let mut scene = Scene::answered();
    scene.wait(1_500);
    scene.give(Input::Keyed('2'));
    scene.wait(900);
    let told = keys(&scene.told(0));
    assert_eq!(
        told,
        [Words("[The caller pressed 2 on the telephone, which means: wants an appointment]".to_owned())]
    );
    assert!(typed("3").contains("pressed these keys on the telephone: 3"), "another key is only a key");
    assert!(!typed("22").contains("appointment"), "two keys are no choice");
}

#[test]
fn a_number_is_typed_instead_of_spoken_and_told_as_one() {
    let words = typed("12081964#");
    assert_eq!(words, "[The caller typed this on the telephone instead of saying it: 1 2 0 8 1 9 6 4 #]");
}

#[test]
fn the_number_of_a_payment_card_never_reaches_the_model() {
    for card in ["4111111111111111", "4111111111111111#", "378282246310005"] {
        let words = typed(card);
        assert!(words.contains("payment card") && !words.chars().any(|c| c.is_ascii_digit()), "{words}");
    }
    assert!(typed("4111111111111112").contains("1 1 1 2"), "what is no card's number is a number");
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

/// What was to be looked at as a PIN.
fn pins(scene: &Scene) -> Vec<String> {
    let pin = |output: &Output| {
        if let Output::LookAtPin(Words(typed)) = output { Some(typed.clone()) } else { None }
    };
    scene.story.iter().filter_map(|(_, output)| pin(output)).collect()
}

#[test]
fn a_pin_that_was_asked_for_is_looked_at_and_reaches_nobody_else() {
    let mut scene = Scene::answered();
    scene.wait(1_500);
    scene.give(Input::ExpectPin);
    for key in "4711".chars() {
        scene.give(Input::Keyed(key));
        scene.wait(3_000);
    }
    assert!(pins(&scene).is_empty(), "people look it up");
    scene.give(Input::Keyed('#'));
    assert_eq!(pins(&scene), ["4711#"]);
    assert!(keys(&scene.told(0)).is_empty(), "the model learns no digit of it");
    scene.give(Input::PinLookedAt(Words("[It is right.]".to_owned())));
    assert_eq!(keys(&scene.told(0)), [Words("[It is right.]".to_owned())]);
    assert_eq!(scene.asked(0), 1, "and goes on");
    scene.give(Input::Keyed('5'));
    scene.wait(2_500);
    assert_eq!((pins(&scene).len(), keys(&scene.told(0)).len()), (1, 2), "what is typed then is no PIN");
}

#[test]
fn a_key_of_the_menu_is_a_digit_while_a_pin_is_typed() {
    let mut scene = Scene::answered();
    scene.wait(1_500);
    scene.give(Input::ExpectPin);
    scene.give(Input::Keyed('2'));
    scene.wait(1_500);
    scene.give(Input::Keyed('3'));
    scene.wait(4_500);
    assert_eq!(pins(&scene), ["23"], "a long pause ends it, too");
}

#[test]
fn a_pin_is_not_waited_for_without_end() {
    let mut scene = Scene::answered();
    scene.wait(1_500);
    scene.give(Input::ExpectPin);
    for _ in 0..7 {
        scene.says("Einen Moment noch.", 1_000);
        scene.wait(8_000);
    }
    scene.give(Input::Keyed('3'));
    scene.wait(2_500);
    assert_eq!((pins(&scene).len(), keys(&scene.told(0)).len()), (0, 1));
}
