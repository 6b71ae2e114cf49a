//! The walls between tenants, on every page there is: a page asked for with another tenant's id does not exist.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::{
    browsing::Browsing,
    neighbours::{CANARY, Neighbour},
    office::Office,
    served,
};

/// What may stand where a path has a word and no id.
const WORDS: [&str; 20] = [
    "end",
    "hold",
    "resume",
    "mute",
    "unmute",
    "transfer",
    "take-over",
    "listen",
    "test",
    "rotate",
    "remove",
    "pause",
    "cancel",
    "erase",
    "export",
    "approve",
    "decline",
    "take",
    "done",
    "refuse",
];

/// Every path of the console that has a name in it.
fn paths() -> BTreeSet<String> {
    served::paths().into_iter().filter(|path| path.contains('{')).collect()
}

#[tokio::test]
async fn no_page_and_no_act_knows_another_tenants_things() {
    let office = Office::open().await;
    Neighbour::settle(&office, "alpha", "plain", 1).await;
    let beta = Neighbour::settle(&office, "beta", CANARY, 2).await;
    let mut ada = Browsing::signed_in(&office, "owner@alpha.example", "en").await;
    let mut seen = 0;
    for path in paths() {
        if path.starts_with("/console/assets/")
            || path.starts_with("/console/operator/")
            || path.contains("{*")
        {
            continue;
        }
        let names: Vec<&str> = path.split('{').skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
        let mut filled = vec![path.clone()];
        for name in names {
            let id = match name {
                "id" | "act" | "answer" | "voice" => None,
                "user" => beta.ids.get("member"),
                // A secret is no id: one that was never given out leads nowhere.
                "secret" => beta.ids.get("share"),
                "wish" => beta.ids.get("opt_out"),
                // Something no tenant has is as little there as what another has.
                "closure" | "absence" | "event" => beta.ids.get("clash"),
                name => Some(beta.ids.get(name).unwrap_or_else(|| panic!("what is `{name}` in {path}?"))),
            };
            filled = filled
                .iter()
                .flat_map(|path| {
                    let values: Vec<String> =
                        id.map_or_else(|| WORDS.map(str::to_owned).to_vec(), |id| vec![id.clone()]);
                    values
                        .into_iter()
                        .map(|value| path.replace(&format!("{{{name}}}"), &value))
                        .collect::<Vec<_>>()
                })
                .collect();
        }
        for path in filled {
            let looked = ada.get(&path).await;
            assert!([404, 405].contains(&looked.status), "GET {path}: {} {}", looked.status, looked.text);
            let done = ada.post(&path, &[]).await;
            assert!([404, 405, 422].contains(&done.status), "POST {path}: {} {}", done.status, done.text);
            assert!(!looked.text.contains(CANARY) && !done.text.contains(CANARY), "{path}");
            seen += 1;
        }
    }
    assert!(seen > 10, "{seen}");
}

#[tokio::test]
async fn a_stranger_sees_no_page_of_the_inside() {
    let office = Office::open().await;
    let mut stranger = Browsing::at(office.server.addr, "en");
    for path in paths() {
        if path.starts_with("/console/assets/") || path.contains("{*") {
            continue;
        }
        let filled: String = path.replace(['{', '}'], "x");
        let page = stranger.get(&filled).await;
        assert!(
            page.path.starts_with("/console/entry/login") || page.status == 404 || page.status == 405,
            "{filled}: {} {}",
            page.status,
            page.path
        );
        let page = stranger.post(&filled, &[("a", "b")]).await;
        assert!([401, 404, 405].contains(&page.status), "{filled}: {}", page.status);
    }
}

/// Pages of one path that are looked at, such as weeks of a calendar.
const OF_ONE_PATH_MAX: u32 = 2;

#[tokio::test]
async fn whoever_looks_on_is_shown_no_way_that_is_closed_to_them() {
    let office = Office::open().await;
    let practice = Neighbour::settle(&office, "ways", "plain", 1).await;
    let mut refused = vec![];
    for role in ["viewer", "member", "admin"] {
        office.member(&practice.owner, "eve", role).await;
        let mut eve = Browsing::signed_in(&office, &format!("eve@{role}.example"), "en").await;
        let mut open = vec!["/console/today".to_owned()];
        let (mut looked, mut times) = (BTreeSet::new(), BTreeMap::<String, u32>::new());
        let mut forms = BTreeMap::new();
        while let Some(path) = open.pop() {
            let plain = path.split('?').next().unwrap().to_owned();
            let seen = times.entry(plain).or_default();
            *seen += 1;
            if *seen > OF_ONE_PATH_MAX || !looked.insert(path.clone()) {
                continue;
            }
            let page = eve.get(&path).await;
            if page.status >= 400 {
                // A copy of what is known stands in the neighbour's list without its file.
                if !path.contains("/exports/") {
                    refused.push(format!("{role} is led to {path}: {}", page.status));
                }
                continue;
            }
            open.extend(page.links());
            for (action, fields) in page.forms() {
                let made_for = fields.iter().find(|(name, _)| name == "made-for");
                let tenant = Some(practice.owner.tenant());
                assert_eq!(made_for.map(|(_, id)| id.as_str()), tenant, "{path}: the form for {action}");
                if !action.starts_with("/console/entry/") {
                    forms.insert(
                        if action.is_empty() { path.clone() } else { action },
                        (path.clone(), fields),
                    );
                }
            }
        }
        assert!(looked.len() > 15, "{role}: {looked:?}");
        for (action, (page, fields)) in forms {
            let fields: Vec<(&str, &str)> =
                fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let done = eve.post(&action, &fields).await;
            if done.status == 403 {
                refused.push(format!("{role} is shown a form for {action} on {page}"));
            }
        }
    }
    assert!(refused.is_empty(), "{refused:#?}");
}
