//! Copies of what is known: complete, readable by a machine, sealed where they lie, gone after a while.

use std::collections::BTreeMap;

use frontdesk::platform::clock::Clock;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    ground::{CANARY, Ground, NUMBER, OTHER, OTHER_NUMBER},
    on_both_grounds,
};

on_both_grounds! {
    async fn a_copy_of_what_is_known_of_somebody_holds_all_of_it_and_nothing_of_others(ground: Ground) {
        let now = Clock::system().now();
        let somebody = ground.somebody("somebody", CANARY, NUMBER, 1, now.plus_minutes(-600)).await;
        ground.somebody("other", OTHER, OTHER_NUMBER, 2, now.plus_minutes(-600)).await;
        let owner = &ground.owner;
        let asked = owner.post("/api/exports", json!({ "number": NUMBER })).await;
        assert_eq!(asked.status, 202);
        let path = format!("/api/exports/{}", asked.well()["id"].as_str().unwrap());
        let made = ground.done(owner, &path).await;
        let copy = fetch(&ground, &path).await;
        assert_eq!(copy.len() as u64, made["length"].as_u64().unwrap());
        let files = files(&copy);
        let manifest: Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
        assert_eq!(manifest["of"]["number"], NUMBER);
        assert_eq!(manifest["counts"], made["counts"]);
        for table in ["contacts", "calls", "turns", "tool_calls", "call_summaries", "recordings", "transfers", "messages",
            "appointments", "appointment_history", "booking_requests", "outgoing_calls", "campaign_entries"]
        {
            let rows = rows(&files, table);
            assert!(!rows.is_empty(), "{table}: {:?}", files.keys());
            assert_eq!(rows.len() as u64, manifest["counts"][table].as_u64().unwrap(), "{table}");
        }
        assert_eq!(rows(&files, "contacts")[0]["name"], CANARY);
        assert_eq!(rows(&files, "contacts")[0]["email"], format!("{CANARY}@example.com"));
        assert!(rows(&files, "calls")[0]["rang_at"].as_str().unwrap().ends_with('Z'), "an instant is a date");
        assert!(rows(&files, "recordings")[0].get("key").is_none(), "what opens something is left out");
        let sound = &files[&format!("recordings/{}.ogg", somebody.call)];
        assert!(contains(sound, CANARY), "and the sound is there, opened");
        assert!(files.keys().any(|name| name.starts_with("messages/")));
        assert!(!contains(&copy, OTHER) && !contains(&copy, OTHER_NUMBER));
        let lying = std::fs::read(ground.office.house.path("blobs").join(format!("exports/{}.tar", path.rsplit('/').next().unwrap())));
        assert!(!contains(&lying.unwrap(), CANARY), "where it lies it is sealed");
        let told = owner.get(&format!("/api/audit?subject={}", path.rsplit('/').next().unwrap())).await.well();
        assert_eq!(told["items"][0]["action"], "export.fetched");
        // After a while it is gone.
        let later = Clock::showing(now.plus_minutes(7 * 24 * 60 + 1));
        let id = path.rsplit('/').next().unwrap().parse().unwrap();
        ground.forgetting(later).export(&ground.practice.tenant.id, &id).await.unwrap();
        assert_eq!(owner.get(&path).await.status, 404);
        assert!(!ground.blobs().iter().any(|name| name.starts_with("exports/")));
        ground.office.server.stop().await;
    }

    async fn a_copy_of_everything_holds_every_table_and_no_secret(ground: Ground) {
        let now = Clock::system().now();
        ground.somebody("somebody", CANARY, NUMBER, 1, now.plus_minutes(-600)).await;
        ground.somebody("other", OTHER, OTHER_NUMBER, 2, now.plus_minutes(-600)).await;
        let neighbour = ground.office.owner("neighbour").await;
        neighbour.post("/api/contacts", json!({ "name": "goldammer" })).await.well();
        let owner = &ground.owner;
        let key = owner.post("/api/api-keys", json!({ "name": "x", "scopes": ["tenant:read"] })).await.well();
        let asked = owner.post("/api/exports", json!({ "everything": true })).await.well();
        let path = format!("/api/exports/{}", asked["id"].as_str().unwrap());
        ground.done(owner, &path).await;
        let copy = fetch(&ground, &path).await;
        let files = files(&copy);
        assert_eq!(rows(&files, "contacts").len(), 3);
        assert_eq!(rows(&files, "api_keys").len(), 1);
        assert!(rows(&files, "api_keys")[0].get("hash").is_none());
        for table in ["services", "resources", "assistants", "numbers", "audit_entries", "memberships"] {
            assert!(!rows(&files, table).is_empty(), "{table}");
        }
        assert!(contains(&copy, CANARY) && contains(&copy, OTHER));
        assert!(!contains(&copy, "goldammer"), "nothing of a neighbour's");
        assert!(!contains(&copy, key["key"].as_str().unwrap()));
        let admin = ground.office.member(owner, "someone", "admin").await;
        assert_eq!(admin.get(&format!("{path}/content")).await.status, 403, "it is the owner's");
        assert_eq!(owner.delete(&path).await.status, 204);
        assert_eq!(owner.get(&format!("{path}/content")).await.status, 404);
        ground.office.server.stop().await;
    }
}

async fn fetch(ground: &Ground, path: &str) -> Vec<u8> {
    let answer = ground.owner.request(Method::GET, &format!("{path}/content")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/x-tar");
    answer.bytes().await.unwrap().to_vec()
}

/// The files of a tar archive.
fn files(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap().trim_end_matches('\0').to_owned();
    let mut files = BTreeMap::new();
    let mut at = 0;
    while archive[at] != 0 {
        let name = text(&archive[at..at + 100]);
        let length = usize::from_str_radix(&text(&archive[at + 124..at + 136]), 8).unwrap();
        let sum: u32 =
            (0..512).map(|n| if (148..156).contains(&n) { 32 } else { u32::from(archive[at + n]) }).sum();
        assert_eq!(u32::from_str_radix(&text(&archive[at + 148..at + 154]), 8).unwrap(), sum, "{name}");
        files.insert(name, archive[at + 512..at + 512 + length].to_vec());
        at += 512 + length.div_ceil(512) * 512;
    }
    assert_eq!(archive.len(), at + 1_024, "two empty blocks are the end");
    files
}

fn rows(files: &BTreeMap<String, Vec<u8>>, table: &str) -> Vec<Value> {
    let of_table = |name: &str| {
        name.strip_prefix("data/")
            .and_then(|name| name.rsplit_once('-'))
            .is_some_and(|(name, _)| name == table)
    };
    let parts = files.iter().filter(|(name, _)| of_table(name));
    parts
        .flat_map(|(_, part)| part.split(|byte| *byte == b'\n'))
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

fn contains(bytes: &[u8], word: &str) -> bool {
    bytes.windows(word.len()).any(|window| window == word.as_bytes())
}
