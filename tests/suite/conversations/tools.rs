//! Tools the model asks for.

use frontdesk::{
    call::port::{Input, ItemId, Note, Output, ReplyStatus, RequestId, ToEngine, ToolRequest},
    domain::phrases::Phrase,
};

use crate::support::scene::{FIRST_ITEM, Scene};

fn asked_something() -> Scene {
    let mut scene = Scene::answered();
    scene.manners.answers = false;
    scene.wait(1_500);
    scene.says("I would like an appointment", 1_000);
    scene.wait(600);
    scene
}

fn request(id: u32, name: &str, arguments: &str) -> ToolRequest {
    ToolRequest { id: RequestId(id), name: name.to_owned(), arguments: arguments.to_owned() }
}

fn run(scene: &Scene) -> Vec<RequestId> {
    scene.since(0, |output| if let Output::RunTool(request) = output { Some(request.id) } else { None })
}

fn outputs(scene: &Scene, of: u32) -> Vec<String> {
    scene
        .told(0)
        .into_iter()
        .filter_map(|what| match what {
            ToEngine::ToolOutput { id, output } if id == RequestId(of) => Some(output),
            _ => None,
        })
        .collect()
}

#[test]
fn a_tool_is_run_and_its_answer_is_spoken_of() {
    let mut scene = asked_something();
    scene.asks_for(1, "find_slots", "{}");
    assert_eq!(run(&scene), [RequestId(1)]);
    scene.wait(300);
    let at = scene.now;
    scene.tool_answers(1);
    assert!(matches!(scene.told(at)[..], [ToEngine::ToolOutput { .. }, ToEngine::Respond { say: None }]));
    assert!(scene.phrases(at).is_empty(), "a quick tool needs no filler");
}

#[test]
fn a_slow_tool_is_bridged_at_1_8_and_20_s_and_given_up_at_25_s() {
    let mut scene = asked_something();
    let at = scene.now;
    scene.asks_for(1, "book", "{}");
    scene.wait(26_000);
    let said: Vec<(u64, Phrase)> = scene
        .story
        .iter()
        .filter_map(|(when, output)| match output {
            Output::Note(Note::Said(phrase)) => Some(((when - at) / 1_000, *phrase)),
            _ => None,
        })
        .collect();
    assert_eq!(said[..3], [(1, Phrase::OneMoment), (8, Phrase::StillWorking), (20, Phrase::OfferCallBack)]);
    assert_eq!(outputs(&scene, 1).len(), 1);
    assert!(outputs(&scene, 1)[0].contains("no_answer_in_time"));
    scene.tool_answers(1);
    assert_eq!(outputs(&scene, 1).len(), 1, "a late answer is ignored");
}

#[test]
fn several_tools_are_awaited_together_and_bridged_once() {
    let mut scene = asked_something();
    let at = scene.now;
    scene.reply_with_tools(0, vec![(1, "find_slots", "{}"), (2, "my_appointments", "{}")]);
    scene.wait(1_500);
    scene.tool_answers(1);
    assert_eq!(scene.asked(at), 0);
    scene.wait(1_500);
    scene.tool_answers(2);
    assert_eq!((scene.asked(at), scene.phrases(at)), (1, vec![Phrase::OneMoment]));
}

#[test]
fn the_same_request_twice_runs_once() {
    let mut scene = asked_something();
    scene.reply_with_tools(0, vec![(1, "book", "{}"), (1, "book", "{}")]);
    assert_eq!(run(&scene), [RequestId(1)]);
}

#[test]
fn the_result_of_a_tool_is_told_although_the_caller_spoke_meanwhile() {
    let mut scene = asked_something();
    scene.manners.answers = true;
    let at = scene.now;
    scene.reply_with_tools(3_000, vec![(1, "book", "{}")]);
    scene.wait(500);
    scene.says("wait I mean something different", 1_000);
    scene.tool_answers(1);
    assert_eq!(outputs(&scene, 1).len(), 1);
    assert_eq!(scene.asked(at), 0, "the caller is speaking");
    scene.wait(2_000);
    assert_eq!(scene.asked(at), 1, "one reply to both");
}

#[test]
fn what_a_reply_that_was_cut_off_asked_for_is_not_run_and_the_model_is_told() {
    let mut scene = Scene::agent_has_spoken(500);
    scene.says("no I wanted something else", 600);
    let tools = vec![request(7, "book", "{}")];
    scene.give(Input::ReplyEnded { status: ReplyStatus::Completed, tools, cost: Default::default() });
    assert!(run(&scene).is_empty());
    assert_eq!(outputs(&scene, 7).len(), 1);
}

#[test]
fn a_request_that_may_be_cut_is_not_run() {
    let mut scene = asked_something();
    let at = scene.now;
    scene.reply_ends(ReplyStatus::Incomplete, vec![request(3, "book", "{\"slot\":")]);
    assert!(run(&scene).is_empty());
    assert_eq!(outputs(&scene, 3).len(), 1);
    scene.wait(500);
    assert_eq!(scene.asked(at), 1, "the model may ask again");
}

#[test]
fn too_many_tools_at_once_are_refused() {
    let mut scene = asked_something();
    scene.reply_with_tools(0, (0..20).map(|n| (n, "find_slots", "{}")).collect());
    assert_eq!(run(&scene).len(), 8);
    assert_eq!(outputs(&scene, 19).len(), 1);
}

#[test]
fn recording_begins_when_the_caller_agreed_and_only_then() {
    for (arguments, records) in [
        (r#"{"agreed": true}"#, 1),
        (r#"{ "agreed":false }"#, 0),
        ("{", 0),
        (r#"{"note":"\"agreed\": true"}"#, 0),
    ] {
        let mut scene = asked_something();
        scene.asks_for(1, "recording_consent", arguments);
        let began = scene.since(0, |output| (*output == Output::Record).then_some(())).len();
        assert_eq!(began, records, "{arguments}");
        assert_eq!(outputs(&scene, 1).len(), 1);
        assert!(run(&scene).is_empty());
    }
}

#[test]
fn a_caller_is_not_spoken_to_twice_when_the_agent_has_thanked_for_the_consent() {
    let mut scene = asked_something();
    let at = scene.now;
    scene.reply_with_tools(1_000, vec![(1, "recording_consent", r#"{"agreed":true}"#)]);
    scene.wait(3_000);
    assert_eq!(scene.asked(at), 0);
    assert_eq!(scene.played_ms(FIRST_ITEM), 1_000);
}

#[test]
fn an_unknown_tool_is_passed_on_and_an_unknown_answer_ignored() {
    let mut scene = asked_something();
    scene.asks_for(1, "fly", "{}");
    assert_eq!(run(&scene), [RequestId(1)]);
    scene.tool_answers(77);
    scene.give(Input::ReplyItemDone(ItemId(77)));
    assert!(outputs(&scene, 77).is_empty());
}
