//! The catalog that decisions through a store are measured under.

use arbiter_core::time::DAY_MS;
use serde_json::{Value, json};

/// 20 rules, of which 5 judge the campaign that asks; a contact is remembered for so many days.
pub(crate) fn catalog(horizon_days: i64) -> Vec<u8> {
    let rule = |index: i64| {
        json!({"name": format!("r{index}"), "frequency_cap": {"measure": "contacts", "limit": 100,
            "window": {"sliding_ms": (7 + index) * DAY_MS}, "counted": "attempts", "window_text": "w"}})
    };
    let policy = |index: i64| {
        let campaign = if index < 5 { "spring" } else { "autumn" };
        json!({"name": format!("p{index}"), "applies_to": {"campaigns": [campaign]}, "rules": [rule(index)]})
    };
    let campaign =
        |name: &str| json!({"name": name, "priority": 50, "kind": "marketing", "channels": ["email"]});
    let policies: Vec<Value> = (0..20).map(policy).collect();
    let catalog = json!({
        "format": 1, "zone": "Europe/Paris", "horizon_ms": horizon_days * DAY_MS, "policies": policies,
        "campaigns": [campaign("spring"), campaign("autumn")],
        "channels": [{"name": "email", "cost": 2_000, "pressure": 1_000_000, "expires_after_ms": DAY_MS, "unconfirmed": "counts"}],
    });
    serde_json::to_vec(&catalog).unwrap()
}
