//! The README's walk from registration to a live number, exactly as it is printed.

use std::process::Command;

use frontdesk::sim::{
    Faults,
    twilio::{Account, Exchange},
};

use crate::support::{house::House, office::Office};

const README: &str = include_str!("../../README.md");

/// The commands under a heading.
fn commands(heading: &str) -> &'static str {
    let (_, section) = README.split_once(&format!("\n## {heading}\n")).expect("the heading");
    let (_, block) = section.split_once("```sh\n").expect("commands");
    block.split_once("```").expect("their end").0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_walk_from_registration_to_a_live_number_works_as_printed() {
    let faults = Faults::default();
    let account = Account { sid: "AC00000000000000000000000000000001".to_owned(), token: "12345".to_owned() };
    let exchange = Exchange::start(account, faults).await.unwrap();
    exchange.offer(["+493055501001"]);
    let house = House::new().ready_for_calls().with("TWILIO__BASE_URL", &exchange.base_url());
    let office = Office::open_in(house).await;
    let desk = format!("http://{}", office.server.addr);
    let walked = tokio::task::spawn_blocking(move || {
        let mut shell = Command::new("sh");
        shell.args(["-eu", "-c", commands("From registration to a live number")]).env("DESK", desk);
        shell.output().unwrap()
    });
    let walked = walked.await.unwrap();
    let said = String::from_utf8_lossy(&walked.stdout).into_owned();
    let complained = String::from_utf8_lossy(&walked.stderr);
    assert!(walked.status.success(), "{said}\n{complained}");
    assert!(said.contains("\"slots\""), "{said}");
    let number = "+493055501001".parse().unwrap();
    let (tenant, number) = office.server.store.across_tenants().number(&number).await.unwrap().unwrap();
    assert_eq!(tenant.name, "Praxis Sommer");
    let assistant = number.number.assistant.expect("somebody answers");
    let mut tx = office.server.store.read(&tenant.id).await.unwrap();
    assert_eq!(tx.assistants().get(&assistant).await.unwrap().unwrap().name, "Reception");
    drop(tx);
    assert_eq!(exchange.purchases(), 1, "bought once");
    office.server.stop().await;
}
