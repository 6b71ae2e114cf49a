//! `frontdesk doctor`: is everything as it should be, and if not, what to do.

use std::process::ExitCode;

use crate::{
    boot::{
        self,
        config::Config,
        doctor::{self, Verdict},
    },
    platform::clock::Clock,
};

pub(super) async fn run(config: &Config, clock: Clock) -> anyhow::Result<ExitCode> {
    boot::install_tls();
    let findings = doctor::examine(config, clock.now()).await;
    for finding in &findings {
        let mark = match finding.verdict {
            Verdict::Well => "ok",
            Verdict::Advice => "note",
            Verdict::Problem => "MEND",
        };
        println!("{mark:<5} {:<14} {}", finding.subject, finding.words);
    }
    let problems = findings.iter().filter(|finding| finding.verdict == Verdict::Problem).count();
    println!();
    match problems {
        0 => println!("Calls can be answered."),
        1 => println!("One thing must be mended before calls can be answered."),
        many => println!("{many} things must be mended before calls can be answered."),
    }
    Ok(if problems == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
