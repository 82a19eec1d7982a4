//! Every scenario of `tests/scenarios` on the core alone: the same files that the stores and the server are held to.

// Marked as tests, although all of this is, because clippy goes by the mark where it lets helpers unwrap.
#[cfg(test)]
#[path = "../both_ways/mod.rs"]
mod both_ways;
#[cfg(test)]
mod claims;
#[cfg(test)]
mod expected;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod player;
#[cfg(test)]
mod written;

#[cfg(test)]
mod files {
    use std::path::{Path, PathBuf};

    use arbiter_core::time::Timestamp;

    use crate::player::Player;
    use crate::written::{Scenario, moment};

    #[expect(clippy::disallowed_methods, reason = "the tests of the core read the scenarios")]
    fn text_of(path: &Path) -> Result<String, String> {
        std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Play one file; the step that did not hold, and why.
    fn play(path: &Path) -> Result<(), String> {
        let scenario: Scenario = toml::from_str(&text_of(path)?).map_err(|error| error.to_string())?;
        let beside = path.with_file_name("compiled").join(path.with_extension("json").file_name().unwrap());
        let catalogs = serde_json::from_str(&text_of(&beside)?).map_err(|error| error.to_string())?;
        let mut player = Player::new(&path.file_stem().unwrap().to_string_lossy(), catalogs);
        let mut at = Timestamp(0);
        for (step, number) in scenario.step.iter().zip(1..) {
            at = moment(&step.at, at, &player.moments);
            let takes = step.takes_place().map_or(at, |text| moment(text, at, &player.moments));
            player.moments.extend(step.names().map(|name| (name.clone(), takes)));
            player.take(step, at, number).map_err(|error| format!("step {number}: {error}"))?;
        }
        Ok(())
    }

    #[test]
    fn every_scenario_holds_on_the_core_alone() {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios");
        let files: Vec<PathBuf> = folder
            .read_dir()
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
            .collect();
        assert!(!files.is_empty(), "no scenarios in {}", folder.display());
        let failed: Vec<String> = files
            .iter()
            .filter_map(|path| Some((path, play(path).err()?)))
            .map(|(path, error)| format!("{}: {error}", path.file_stem().unwrap().display()))
            .collect();
        assert!(failed.is_empty(), "{} of {} failed:\n{}", failed.len(), files.len(), failed.join("\n"));
    }
}
