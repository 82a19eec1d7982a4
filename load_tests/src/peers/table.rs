//! The comparison as Markdown, written between the markers of a page.

use std::{fmt::Write, fs, path::Path};

use crate::{
    error::{LoadError, file_error},
    numbers::{float, ratio},
    peers::{PeersReport, Row, goals::Goal},
    report::figure,
};

const BEGIN: &str = "<!-- make peers: begin -->";
const END: &str = "<!-- make peers: end -->";

/// Put the tables between the markers of a page.
pub(super) fn write(report: &PeersReport, page: &Path) -> Result<(), LoadError> {
    let text = fs::read_to_string(page).map_err(|error| file_error(page, &error))?;
    let replaced = between(&text, &self::text(report))
        .ok_or_else(|| file_error(page, &format!("has no `{BEGIN}` before `{END}`")))?;
    fs::write(page, replaced).map_err(|error| file_error(page, &error))
}

fn between(page: &str, text: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{text}{END}{after}"))
}

/// The tables.
pub(super) fn text(report: &PeersReport) -> String {
    let machine = &report.machine;
    let mut text = format!(
        "`{}`, {}: {}, {} cores, {} GiB, {}; load average {} at its end. {} rounds of {} s, medians; every store held {} keys.\n\n",
        report.command,
        report.date,
        machine.processor,
        machine.cores,
        machine.memory_gib,
        machine.system,
        machine.load_average,
        report.rounds.0,
        figure(report.rounds.1),
        figure(float(report.customers)),
    );
    text.push_str("| who | version | answers/s, 8 x 32 | over the first | CPU µs an answer: server / Redis / generator | one stream p50 / p99 µs | MB for 1 M keys | two servers, grants beyond |\n");
    text.push_str("|---|---|---|---|---|---|---|---|\n");
    let first = report.rows.first().map_or(0.0, |row| row.figures.per_second);
    for row in &report.rows {
        write_row(&mut text, row, first);
    }
    text.push('\n');
    for (name, per_second, us) in &report.batches {
        let _ = writeln!(
            text,
            "- {name}: {} decisions/s, {} µs of the server each",
            figure(*per_second),
            figure(*us)
        );
    }
    for absent in &report.absent {
        let _ = writeln!(text, "- not there: {absent}");
    }
    text.push_str("\n| who | what it does that others do not, and what it does not |\n|---|---|\n");
    for row in &report.rows {
        let _ = writeln!(text, "| {} | {} |", row.name, row.does);
    }
    text.push_str("\n| goal | seen | must | aim | holds | on what |\n|---|---|---|---|---|---|\n");
    for goal in &report.goals {
        write_goal(&mut text, goal);
    }
    text.push('\n');
    text
}

fn write_row(text: &mut String, row: &Row, first: f64) {
    let figures = &row.figures;
    let redis = if figures.redis_us > 0.0 { figure(figures.redis_us) } else { "-".to_owned() };
    let memory = row.bytes_per_key.map_or("-".to_owned(), figure);
    let overshoot =
        row.overshoot.as_ref().map_or_else(|why| format!("- ({why})"), |seen| figure(float(*seen)));
    let errors = if figures.error_share > 0.0 {
        format!(" ({} % errors)", figure(figures.error_share * 100.0))
    } else {
        String::new()
    };
    let _ = writeln!(
        text,
        "| {} | {} | {}{errors} | {:.2} | {} / {redis} / {} | {} / {} | {memory} | {overshoot} |",
        row.name,
        row.version,
        figure(figures.per_second),
        ratio(figures.per_second, first),
        figure(figures.server_us),
        figure(figures.generator_us),
        figure(figures.p50_us),
        figure(figures.p99_us),
    );
}

fn write_goal(text: &mut String, goal: &Goal) {
    let shown = |value: f64| if value >= 1_000.0 { figure(value) } else { format!("{value:.2}") };
    let seen = goal.seen.map_or("-".to_owned(), shown);
    let holds = goal.is_held.map_or("not measured", |is_held| if is_held { "yes" } else { "**no**" });
    let _ = writeln!(
        text,
        "| {} | {seen} | {} | {} | {holds} | {} |",
        goal.name,
        shown(goal.must),
        shown(goal.aim),
        goal.note
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_replace_what_stood_between_the_markers_and_nothing_else() {
        let page = format!("# A\n{BEGIN}\nold\n{END}\nB\n");
        assert_eq!(between(&page, "new\n").unwrap(), format!("# A\n{BEGIN}\nnew\n{END}\nB\n"));
        assert_eq!(between("no markers", "new"), None);
    }
}
