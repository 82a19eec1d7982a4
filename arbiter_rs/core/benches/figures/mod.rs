//! What a bench measured, as one line per question: read from what criterion keeps.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use criterion::Criterion;
use serde_json::Value;

/// Where criterion keeps what this program measured.
fn directory() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("criterion").join(env!("CARGO_CRATE_NAME"))
}

/// Criterion without plots and with short runs: all benches together take about three minutes.
pub(crate) fn criterion() -> Criterion {
    // Figures of an earlier run would pass for those of questions that this one leaves out. There are none the first time.
    let _ = fs::remove_dir_all(directory());
    Criterion::default().output_directory(&directory()).without_plots().configure_from_args()
}

/// The median of a measurement, in nanoseconds; nothing where it was not run.
fn median_ns(group: &str, question: &str) -> Option<f64> {
    let path = directory().join(group).join(question).join("new").join("estimates.json");
    let estimates: Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    estimates.pointer("/median/point_estimate")?.as_f64()
}

/// Which operations callgrind counts: those in a function of this name, which does each so often.
pub(crate) type Counted = Option<(&'static str, u64)>;

/// Print the median of each question of a group that was run, and beside it the instructions where they are counted; `-` where there is no
/// valgrind.
pub(crate) fn print(group: &str, questions: &[String], counted: Counted) {
    let beside = if counted.is_some() { ", and instructions" } else { "" };
    println!("\n{group}, median per operation{beside}");
    for question in questions {
        let Some(median_ns) = median_ns(group, question) else { continue };
        let counted = counted.map_or_else(String::new, |(function, times)| {
            let instructions = instructions(question, function).map(|all| all / times);
            instructions.map_or_else(|| "-".to_owned(), |count| count.to_string())
        });
        println!("  {question:<64} {:>12} {counted:>10}", in_words(median_ns));
    }
}

fn instructions(question: &str, function: &str) -> Option<u64> {
    let out = format!("--callgrind-out-file={}", directory().join("callgrind.out").display());
    let told = Command::new("valgrind")
        .args(["--tool=callgrind", &out, &format!("--toggle-collect=*{function}*")])
        .arg(std::env::current_exe().ok()?)
        .args(["--count", question])
        .output()
        .ok()?;
    let told = String::from_utf8(told.stderr).ok()?;
    let figure = told.lines().find_map(|line| line.split_once("Collected : "))?.1;
    figure.split_whitespace().next()?.parse().ok()
}

fn in_words(ns: f64) -> String {
    match ns {
        ns if ns < 10_000.0 => format!("{ns:.0} ns"),
        ns if ns < 10_000_000.0 => format!("{:.1} µs", ns / 1e3),
        ns => format!("{:.1} ms", ns / 1e6),
    }
}
