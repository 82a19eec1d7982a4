//! `report.html`: one file, no network, light and dark, tables beside every plot.

use std::fmt::Write;

use crate::{
    drive::Second,
    figures::Percentiles,
    numbers::float,
    plot::{Line, Plot, escape},
    report::{Report, figure},
};

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #59636e; --paper: #fff; --rule: #d1d9e0; --c0: #0550ae; --c1: #bc4c00; --c2: #1a7f37; --c3: #8250df; --bad: #b00020; --good: #116329; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9da7b1; --paper: #0d1117; --rule: #30363d; --c0: #79b8ff; --c1: #ffab70; --c2: #7ee787; --c3: #d2a8ff; --bad: #ff8a93; --good: #7ee787; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.2rem; border-bottom: 1px solid var(--rule); }
.about { color: var(--soft); margin-top: 0; } .verdict { font-size: 1.25rem; font-weight: 600; } .bad { color: var(--bad); } .good { color: var(--good); }
table { border-collapse: collapse; margin: .8rem 0; } caption { text-align: left; color: var(--soft); padding-bottom: .2rem; }
th, td { border-bottom: 1px solid var(--rule); padding: .25rem .8rem .25rem 0; text-align: right; vertical-align: top; } th:first-child, td:first-child, .words td { text-align: left; }
svg { width: 100%; height: auto; } svg text { font: 12px system-ui, sans-serif; fill: var(--soft); } .grid { stroke: var(--rule); }
.line { fill: none; stroke-width: 2; } .c0 { stroke: var(--c0); } .c1 { stroke: var(--c1); } .c2 { stroke: var(--c2); } .c3 { stroke: var(--c3); }
.legend span { margin-right: 1.2rem; white-space: nowrap; } .legend svg { width: 30px; height: 8px; }
.scroll { overflow-x: auto; } code { overflow-wrap: anywhere; }
";

/// The whole page.
pub fn page(report: &Report) -> String {
    let missed = report.missed();
    let verdict = match (&report.broken, missed.is_empty()) {
        (Some(why), _) => format!("<p class=\"verdict bad\">The run was broken off: {}</p>", escape(why)),
        (None, true) => {
            "<p class=\"verdict good\">Every objective held; no contact was over-admitted.</p>".to_owned()
        }
        (None, false) => format!("<p class=\"verdict bad\">Missed: {}</p>", escape(&missed.join("; "))),
    };
    let title = format!("Load test {}", report.profile);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{0}</title><style>{STYLE}</style></head><body><main><h1>{0}</h1><p class=\"about\">{1}</p>{verdict}",
        escape(&title),
        escape(&report.about)
    );
    page.push_str(&objectives(report));
    page.push_str(&summary(report));
    page.push_str(&plots(report));
    page.push_str(&latency_table(report));
    page.push_str(&verdicts(report));
    page.push_str(&errors(report));
    page.push_str(&circumstances(report));
    page.push_str(&seconds(report));
    page.push_str("</main></body></html>\n");
    page
}

fn table(caption: &str, class: &str, heads: &[&str], rows: &[Vec<String>]) -> String {
    let mut html = format!(
        "<div class=\"scroll\"><table class=\"{class}\"><caption>{}</caption><thead><tr>",
        escape(caption)
    );
    for head in heads {
        let _ = write!(html, "<th scope=\"col\">{}</th>", escape(head));
    }
    html.push_str("</tr></thead><tbody>");
    for row in rows {
        html.push_str("<tr>");
        for cell in row {
            let _ = write!(html, "<td>{}</td>", escape(cell));
        }
        html.push_str("</tr>");
    }
    html.push_str("</tbody></table></div>");
    html
}

fn objectives(report: &Report) -> String {
    let rows: Vec<Vec<String>> = report
        .objectives
        .iter()
        .map(|each| {
            vec![
                each.name.clone(),
                figure(each.wanted),
                figure(each.seen),
                if each.is_held { "held" } else { "missed" }.to_owned(),
            ]
        })
        .collect();
    table("Objectives", "", &["objective", "wanted", "seen", ""], &rows)
}

fn summary(report: &Report) -> String {
    let decided = report.grants + report.denials;
    format!(
        "<p>{} calls sent and {} answered in {} s: {} answers a second. {} decisions: {} grants, {} denials. {} errors. {} grants beyond a cap.</p>",
        figure(float(report.sent)),
        figure(float(report.answered)),
        figure(report.seconds),
        figure(report.answers_per_second),
        figure(float(decided)),
        figure(float(report.grants)),
        figure(float(report.denials)),
        figure(float(report.errors.iter().map(|each| each.count).sum())),
        figure(float(report.over_admitted)),
    )
}

fn over_time(report: &Report, name: &'static str, pick: fn(&Second) -> f64) -> Line {
    Line { name, points: report.timeline.iter().map(|second| (float(second.second), pick(second))).collect() }
}

/// As `over_time`, without the seconds in which nothing was answered.
fn while_answered(report: &Report, name: &'static str, pick: fn(&Second) -> f64) -> Line {
    let answered = report.timeline.iter().filter(|second| second.answered > 0);
    Line { name, points: answered.map(|second| (float(second.second), pick(second))).collect() }
}

/// About ten marks of an axis of seconds.
fn marks(report: &Report) -> Vec<(f64, String)> {
    let last = report.timeline.last().map_or(0, |second| second.second);
    let every = (last / 10).max(1);
    (0..=last)
        .filter(|second| second.is_multiple_of(every))
        .map(|second| (float(second), second.to_string()))
        .collect()
}

fn throughput_plot(report: &Report) -> Plot {
    Plot {
        id: "throughput",
        says: format!(
            "Calls a second asked for and answered over {} seconds; on the whole {} answers a second.",
            report.timeline.len(),
            figure(report.answers_per_second)
        ),
        x_name: "second",
        y_name: "calls a second",
        is_log: false,
        x_marks: marks(report),
        lines: vec![
            over_time(report, "asked", |second| second.asked),
            over_time(report, "answered", |second| float(second.answered)),
        ],
    }
}

fn latency_plot(report: &Report) -> Plot {
    Plot {
        id: "latency",
        says: format!(
            "Latency percentiles of each second; on the whole p50 {} and p99 {} microseconds.",
            figure(report.latency.p50_us),
            figure(report.latency.p99_us)
        ),
        x_name: "second",
        y_name: "µs",
        is_log: true,
        x_marks: marks(report),
        lines: vec![
            while_answered(report, "p50", |second| second.latency.p50_us),
            while_answered(report, "p99", |second| second.latency.p99_us),
            while_answered(report, "p99.9", |second| second.latency.p999_us),
        ],
    }
}

fn distribution_plot(report: &Report) -> Plot {
    let nines = |share: f64| -(1.0 - share).log10();
    let highest = report.distribution.last().map_or(0.0, |(share, _)| *share);
    let shares = [("0", 0.0), ("90 %", 0.9), ("99 %", 0.99), ("99.9 %", 0.999), ("99.99 %", 0.9999)];
    let x_marks = shares.into_iter().filter(|(_, share)| highest >= *share);
    Plot {
        id: "distribution",
        says: "Latency by the share of calls that were answered within it.".to_owned(),
        x_name: "share of calls",
        y_name: "µs",
        is_log: true,
        x_marks: x_marks.map(|(words, share)| (nines(share), words.to_owned())).collect(),
        lines: vec![Line {
            name: "all calls",
            points: report.distribution.iter().map(|(share, us)| (nines(*share), *us)).collect(),
        }],
    }
}

fn verdict_plot(report: &Report) -> Plot {
    Plot {
        id: "verdicts",
        says: format!(
            "Grants, denials and errors by second; in all {} grants and {} denials.",
            figure(float(report.grants)),
            figure(float(report.denials))
        ),
        x_name: "second",
        y_name: "a second",
        is_log: false,
        x_marks: marks(report),
        lines: vec![
            over_time(report, "grants", |second| float(second.grants)),
            over_time(report, "denials", |second| float(second.denials)),
            over_time(report, "errors", |second| float(second.errors)),
        ],
    }
}

fn plots(report: &Report) -> String {
    let parts = [
        (
            "Throughput",
            throughput_plot(report),
            "Asked is what the schedule wanted in each second, fixed before the run; answered counts what came back in it.",
        ),
        (
            "Latency over time",
            latency_plot(report),
            "From the instant at which a call was due, not from when it was sent: a server that stalls pays for the calls that wait. Seconds without an answer are left out.",
        ),
        ("Latency distribution", distribution_plot(report), ""),
        ("Verdicts", verdict_plot(report), ""),
    ];
    let section = |(title, plot, note): (&str, Plot, &str)| {
        format!("<section><h2>{title}</h2>{}<p class=\"about\">{note}</p></section>", plot.svg())
    };
    parts.into_iter().map(section).collect()
}

fn latency_table(report: &Report) -> String {
    let row = |name: &str, of: &Percentiles| {
        vec![
            name.to_owned(),
            figure(float(of.count)),
            figure(of.p50_us),
            figure(of.p90_us),
            figure(of.p99_us),
            figure(of.p999_us),
            figure(of.max_us),
        ]
    };
    let mut rows: Vec<Vec<String>> = report.latency_by_verb.iter().map(|(verb, of)| row(verb, of)).collect();
    rows.push(row("all", &report.latency));
    rows.push(row("the generator: late onto the wire", &report.generator.lateness));
    format!(
        "<h2>Figures</h2>{}",
        table("Latency in µs, by verb", "", &["verb", "calls", "p50", "p90", "p99", "p99.9", "max"], &rows)
    )
}

fn verdicts(report: &Report) -> String {
    let rows: Vec<Vec<String>> = report
        .denied_by_reason
        .iter()
        .map(|(reason, count)| vec![reason.clone(), figure(float(*count))])
        .collect();
    let mut html = if rows.is_empty() {
        String::new()
    } else {
        table("Denials by first reason", "", &["reason", "denials"], &rows)
    };
    let _ = write!(html, "<p>Counted by the generator itself: {}.", escape(&or_none(&report.counted_caps)));
    let _ = write!(
        html,
        " Not counted, for they need what only the server knows: {}.</p>",
        escape(&or_none(&report.uncounted_caps))
    );
    if !report.over_admissions.is_empty() {
        let rows: Vec<Vec<String>> = report
            .over_admissions
            .iter()
            .map(|each| {
                vec![
                    each.cap.clone(),
                    each.customer.clone(),
                    each.limit.to_string(),
                    each.held.to_string(),
                    each.contact_id.clone(),
                ]
            })
            .collect();
        html.push_str(&table(
            "Grants beyond a cap, the first of them",
            "",
            &["cap", "customer", "limit", "held", "contact"],
            &rows,
        ));
    }
    html
}

fn or_none(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn errors(report: &Report) -> String {
    let rows: Vec<Vec<String>> = report
        .errors
        .iter()
        .map(|each| vec![each.status.clone(), figure(float(each.count)), each.first.clone()])
        .collect();
    if rows.is_empty() {
        String::new()
    } else {
        table("Errors", "words", &["status", "how many", "the first said"], &rows)
    }
}

fn circumstances(report: &Report) -> String {
    let machine = &report.machine;
    let cpu = |cost: Option<f64>| {
        cost.map_or("not ours to measure".to_owned(), |us| format!("{} µs a call", figure(us)))
    };
    let rows = [
        ("Command", report.command.clone()),
        ("Asked", report.target.clone()),
        ("Loop", report.loop_form.clone()),
        ("Date", report.date.clone()),
        (
            "Machine",
            format!(
                "{}, {} cores, {} GiB, {}; load average {}",
                machine.processor, machine.cores, machine.memory_gib, machine.system, machine.load_average
            ),
        ),
        ("Version", machine.version.clone()),
        ("Server, processor time", cpu(report.server_cpu_us_per_call)),
        ("Redis, processor time", cpu(report.redis_cpu_us_per_call)),
        (
            "Generator, processor time",
            format!(
                "{} µs a call, {} % of one core",
                figure(report.generator.cpu_us_per_call),
                figure(report.generator.cpu_share * 100.0)
            ),
        ),
    ];
    let rows: Vec<Vec<String>> = rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
    format!("<h2>Circumstances</h2>{}", table("What was run, where and how", "words", &["", ""], &rows))
}

fn seconds(report: &Report) -> String {
    let rows: Vec<Vec<String>> = report
        .timeline
        .iter()
        .map(|second| {
            vec![
                second.second.to_string(),
                figure(second.asked.round()),
                figure(float(second.answered)),
                figure(second.latency.p50_us),
                figure(second.latency.p99_us),
                figure(float(second.grants)),
                figure(float(second.denials)),
                figure(float(second.errors)),
            ]
        })
        .collect();
    let heads = ["second", "asked", "answered", "p50 µs", "p99 µs", "grants", "denials", "errors"];
    format!(
        "<details><summary>Second by second</summary>{}</details>",
        table("What the plots show", "", &heads, &rows)
    )
}
