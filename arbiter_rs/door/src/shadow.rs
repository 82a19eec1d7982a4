//! What a second catalog would have decided, as a message.

use arbiter_core::{decision::Reason, time::Timestamp};
use arbiter_store::{
    Store,
    arbiter::{DenialCount, ShadowReport, ShadowSample},
    log::proto_time,
};

use crate::{arbitration::Door, messages::repit::v1 as proto, respond::Writer, status::Refusal};

/// How many rules a report names at most.
const MAX_RULES: usize = 256;

impl<S: Store> Door<S> {
    /// Let a second catalog decide beside the active one.
    ///
    /// # Errors
    /// [`Refusal`] where it does not hold together, or one runs already.
    pub fn start_shadow(&self, compiled: &[u8]) -> Result<(), Refusal> {
        Ok(self.arbiter().start_shadow(compiled, crate::clock::Clock::system_now())?)
    }

    /// What it would have changed so far.
    ///
    /// # Errors
    /// [`Refusal`] where none runs.
    pub fn shadow_report(&self) -> Result<proto::ShadowReport, Refusal> {
        let report = self.arbiter().shadow_report()?;
        Ok(message(&report, self.arbiter().active_version(), crate::clock::Clock::system_now()))
    }
}

fn message(report: &ShadowReport, version: u64, now: Timestamp) -> proto::ShadowReport {
    let mut rules: Vec<_> = report.rules.iter().collect();
    rules.sort_by(|(left_rule, left), (right_rule, right)| {
        let changed = |count: &DenialCount| count.only_active + count.only_shadow;
        let all = |count: &DenialCount| count.active + count.shadow;
        let by_count = changed(right).cmp(&changed(left)).then_with(|| all(right).cmp(&all(left)));
        by_count.then_with(|| (&left_rule.1, &left_rule.2).cmp(&(&right_rule.1, &right_rule.2)))
    });
    proto::ShadowReport {
        start_time: report.start.map(proto_time),
        report_time: Some(proto_time(now)),
        catalog_version: version,
        request_count: report.requests,
        left_out_count: report.left_out,
        decision_count: report.decisions,
        same_count: report.same,
        only_active_count: report.only_active,
        only_shadow_count: report.only_shadow,
        other_reasons_count: report.other_reasons,
        reasons: report.reasons.iter().map(|(reason, held)| count(*reason, ("", ""), *held)).collect(),
        rules: rules
            .into_iter()
            .take(MAX_RULES)
            .map(|((reason, policy, rule), held)| count(*reason, (policy, rule), *held))
            .collect(),
        samples: report.samples.iter().map(sample).collect(),
        active_us: report.active_ns / 1_000,
        shadow_us: report.shadow_ns / 1_000,
    }
}

fn count(reason: Reason, (policy, rule): (&str, &str), held: DenialCount) -> proto::ShadowDenialCount {
    proto::ShadowDenialCount {
        reason: reason as i32,
        policy: policy.to_owned(),
        rule: rule.to_owned(),
        active_count: held.active,
        shadow_count: held.shadow,
        only_active_count: held.only_active,
        only_shadow_count: held.only_shadow,
    }
}

fn sample(held: &ShadowSample) -> proto::ShadowSample {
    let verdict = |is_denied: bool| if is_denied { proto::Verdict::Deny } else { proto::Verdict::Grant };
    let writer = |snapshot| Writer { snapshot, customer: &held.customer, party: &held.customer };
    proto::ShadowSample {
        customer_id: held.customer.clone(),
        campaign_id: held.campaign.clone(),
        channel: held.channel.clone(),
        ask_time: Some(proto_time(held.asked)),
        active_verdict: verdict(held.active.is_some()).into(),
        shadow_verdict: verdict(held.shadow.is_some()).into(),
        active_denial: held.active.as_ref().map(|denial| writer(&held.active_snapshot).denial(denial)),
        shadow_denial: held.shadow.as_ref().map(|denial| writer(&held.shadow_snapshot).denial(denial)),
    }
}
