//! The question with its names resolved, and whether every rule is silent on what a value says.

use super::cursor::Held;
use super::plan::{Asks, Plan, Planned, Reach};
use super::sums::Sums;
use super::{Scratch, rank_of};
use crate::affinity::faded;
use crate::catalog::{Campaign, Snapshot};
use crate::claims::{Use, live, use_up};
use crate::customer::{Claim, CustomerState, MAX_SEGMENTS, Member};
use crate::decide::Asker;
use crate::decision::CapUsage;
use crate::ids::{SegmentId, TermsId};
use crate::register::Terms;
use crate::request::{Candidate, Request};
use crate::rules::back_off::BackOff;
use crate::rules::suppression::Objection;
use crate::rules::{Rule, View};
use crate::score::Score;
use crate::standings::Standings;
use crate::time::Timestamp;

/// A plain request.
#[derive(Debug)]
pub(super) struct Question<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) request: &'a Request<'a>,
    pub(super) candidate: Candidate<'a>,
    pub(super) campaign: &'a Campaign,
    pub(super) terms_id: TermsId,
    pub(super) terms: &'a Terms,
    pub(super) plan: &'a Plan,
    pub(super) now: Timestamp,
    /// What a granted contact remembers of the request id.
    pub(super) key: Option<u64>,
    /// The sums that take a contact of the customer at no address and about nothing.
    pub(super) unaddressed: u64,
}

impl<'a> Question<'a> {
    /// Nothing where the request is not plain, or denied whatever the value says.
    pub(super) fn of(
        snapshot: &'a Snapshot,
        request: &'a Request<'a>,
        now: Timestamp,
        segments: &mut Vec<SegmentId>,
    ) -> Option<Self> {
        let [candidate] = request.candidates.as_slice() else { return None };
        if request.planned.is_some() || request.max_grants == 0 || request.party != request.customer {
            return None;
        }
        let place = snapshot.campaign_place(candidate.campaign)?;
        let campaign = snapshot.campaigns.get(place)?;
        let names = &snapshot.register.channels;
        let is_it = |(channel, _): &&_| is_named(names, *channel, candidate.channel);
        let (_, terms_id) = *campaign.channels.iter().find(is_it)?;
        let has_begun = campaign.active_from.is_none_or(|from| from <= now);
        let is_over = campaign.active_until.is_some_and(|until| until <= now);
        if !has_begun || is_over || *snapshot.plans.is_derived.get(place)? {
            return None;
        }
        let terms = snapshot.register.terms(terms_id)?;
        given_segments(snapshot, request, segments)?;
        if !campaign.eligible.takes(terms, segments) {
            return None;
        }
        let plan = snapshot.plans.plan(terms_id)?;
        let mut question = Self {
            snapshot,
            request,
            candidate: *candidate,
            campaign,
            terms_id,
            terms,
            plan,
            now,
            key: request.key(),
            unaddressed: 0,
        };
        question.unaddressed = question.added_up(0, 0);
        Some(question)
    }

    /// The sums that take a contact of the customer at this address and about this subject.
    fn added_up(&self, contact_point: u64, subject: u64) -> u64 {
        let [customer, party, at_point, about_subject] = self.plan.per;
        let if_so = |bits: u64, is_so: bool| if is_so { bits } else { 0 };
        customer
            | party
            | if_so(at_point, contact_point == self.request.contact_point)
            | if_so(about_subject, subject == self.request.subject)
    }

    pub(super) fn whose(&self, held: &Held) -> u64 {
        self.added_up(held.contact_point, held.subject)
    }

    /// The candidate's score where no rule speaks against; what each cap still holds is then in the scratch.
    pub(super) fn judge(&self, scratch: &mut Scratch) -> Option<Option<Score>> {
        let Scratch { state, standings, segments, sums, calendars, firsts, remaining, .. } = scratch;
        let view = || self.view(state, standings, segments);
        if !state.suppressions.is_empty() && Objection.is_against(&view(), self.now) {
            return None;
        }
        firsts.clear();
        let calendar = self.request.calendar.as_ref();
        for index in &self.plan.turning {
            let cap = self.snapshot.rules.get(*index)?.cap()?;
            firsts.push(calendars.first(&cap.window, calendar, &self.snapshot.calendar, self.now).0);
        }
        let score = if self.is_scored() { self.score(&view(), sums) } else { None };
        let claimed = if state.claims.is_empty() {
            Claimed::default()
        } else {
            Claimed::of(&View { rank: rank_of(self, score), ..view() }, self.now)
        };
        self.caps(segments, sums, firsts, claimed, remaining)?;
        if !self.plan.rules.is_empty() {
            let view = view();
            let judging =
                |planned: &&Planned| !planned.is_conditional || self.is_judged(planned.rule, segments);
            let mut planned = self.plan.rules.iter().filter(judging);
            if !planned.all(|planned| self.is_silent(planned, &view, sums) == Some(true)) {
                return None;
            }
        }
        Some(score)
    }

    /// What each cap still holds, this contact counted; nothing where one is full.
    fn caps(
        &self,
        segments: &[SegmentId],
        sums: &Sums,
        firsts: &[i64],
        claimed: Claimed,
        remaining: &mut Vec<CapUsage>,
    ) -> Option<()> {
        let (horizon, priority) = (self.horizon(), self.terms.priority);
        let (mut place, mut sum) = (usize::MAX, sums.tail(usize::MAX));
        remaining.clear();
        remaining.reserve(self.plan.caps.len());
        for cap in &self.plan.caps {
            if cap.is_conditional && !self.is_judged(cap.rule, segments) {
                continue;
            }
            if cap.sum != place {
                (place, sum) = (cap.sum, sums.tail(cap.sum));
            }
            let used = sum.since(self.first(cap.reach, firsts).max(horizon));
            let used = used.saturating_add(cap.measure.weight(self.terms));
            let limit = if priority < cap.min_priority { cap.low_limit } else { cap.limit };
            let held = if cap.is_claimed { claimed.by(cap.measure) } else { 0 };
            if used.saturating_add(held) > limit {
                return None;
            }
            let (limit, used) = (cap.measure.amount(limit), cap.measure.amount(used));
            remaining.push(CapUsage { rule: cap.rule, limit, used });
        }
        Some(())
    }

    /// Whether a rule judges a customer of these segments.
    fn is_judged(&self, rule: usize, segments: &[SegmentId]) -> bool {
        self.snapshot.rules.get(rule).is_some_and(|rule| rule.applies_to.takes(self.terms, segments))
    }

    /// Whether there is anything to make a score of.
    fn is_scored(&self) -> bool {
        let Candidate { score, value, answer_probability, .. } = self.candidate;
        score.or(value).or(answer_probability).or(self.campaign.value).is_some()
    }

    fn view<'b>(
        &'b self,
        state: &'b CustomerState,
        standings: &'b Standings,
        segments: &'b [SegmentId],
    ) -> View<'b> {
        let asker = Asker { request: self.request, segments, member: Member::OWN, now: self.now };
        asker.view(self.snapshot, state, standings, (self.campaign, Some(self.terms_id), self.terms))
    }

    /// Where a window that ends with this moment begins.
    #[inline]
    fn first(&self, reach: Reach, firsts: &[i64]) -> i64 {
        match reach {
            Reach::Sliding(length_ms) => self.now.0.saturating_sub(length_ms.wrapping_sub(1)),
            Reach::Turning(place) => firsts.get(place).copied().unwrap_or(i64::MIN),
        }
    }

    /// The first instant that the horizon has not left behind: contacts before it are forgotten.
    const fn horizon(&self) -> i64 {
        self.snapshot.horizon_at(self.now).plus_ms(1).0
    }

    /// Whether a rule that is no cap says nothing.
    fn is_silent(&self, planned: &Planned, view: &View<'_>, sums: &Sums) -> Option<bool> {
        let rule = self.snapshot.rules.get(planned.rule)?;
        Some(match planned.asks {
            Asks::BackOff(sum) => {
                self.rests_no_more(rule.back_off()?, view, sums.rows(sum), |since| sums.since(sum, since))
            }
            Asks::Contact(sum, length_ms) => {
                let first = self.first(Reach::Sliding(length_ms), &[]).max(self.horizon());
                sums.rows(sum).last().is_some_and(|(latest, _)| *latest >= first)
            }
            Asks::Itself => !rule.as_rule().is_against(view, self.now),
        })
    }

    /// Whether a streak is too short for a rest, or its rest is over.
    fn rests_no_more(
        &self,
        back_off: &BackOff,
        view: &View<'_>,
        rows: &[(i64, i64)],
        length: impl Fn(i64) -> i64,
    ) -> bool {
        let Some((latest, total)) = rows.last() else { return true };
        if *total < i64::from(back_off.written.after) {
            return true;
        }
        let oldest = if back_off.is_endless() { i64::MIN } else { self.horizon() };
        let since = back_off.last_answer(view, self.now).map_or(oldest, |answer| answer.0.max(oldest));
        if *latest < since {
            return true;
        }
        let rest = back_off.rest_of(view, length(since), Timestamp(*latest));
        rest.is_none_or(|end| end.is_some_and(|end| end <= self.now))
    }

    fn score(&self, view: &View<'_>, sums: &Sums) -> Option<Score> {
        Score::tired(view, &self.candidate, self.now, || {
            let half_life_ms = self.snapshot.fatigue_half_life_ms;
            let (Some(sum), Some(half_life_ms)) = (self.plan.tiring, half_life_ms) else { return 1.0 };
            let (mut before, mut tired) = (0, -0.0);
            for (time, total) in sums.rows(sum) {
                if *time >= self.horizon() {
                    let age_ms = self.now.0.saturating_sub(*time);
                    #[expect(clippy::cast_precision_loss, reason = "a count of contacts is a u32")]
                    let count = (total - before) as f64;
                    tired += count * faded(age_ms, half_life_ms);
                }
                before = *total;
            }
            1.0 / (1.0 + tired)
        })
    }

    /// The claim that the grant uses: it is taken out of the scratch.
    pub(super) fn use_claim(&self, scratch: &mut Scratch) -> Option<Claim> {
        if scratch.state.claims.is_empty() {
            return None;
        }
        let by = Use {
            member: Member::OWN,
            campaign: self.terms.campaign,
            channel: self.terms.channel,
            time: self.now,
            asked: self.now,
        };
        use_up(self.snapshot, &mut scratch.state, by)
    }
}

fn is_named(names: &[String], channel: crate::ids::ChannelId, name: &str) -> bool {
    names.get(channel.index()).is_some_and(|known| known == name)
}

/// The integers of the given segments, in their order and each once: as a contact freezes them.
fn given_segments(snapshot: &Snapshot, request: &Request<'_>, segments: &mut Vec<SegmentId>) -> Option<()> {
    segments.clear();
    if request.segments.is_empty() {
        return Some(());
    }
    let known = request.segments.iter().filter_map(|name| snapshot.segment(name));
    segments.extend(known.filter(|id| snapshot.derived.iter().all(|segment| segment.id != *id)));
    segments.sort_unstable();
    segments.dedup();
    (segments.len() <= MAX_SEGMENTS).then_some(())
}

/// What the live claims of better-ranked campaigns can weigh at most, together: contacts, points, money.
#[derive(Clone, Copy, Debug, Default)]
struct Claimed {
    contacts: i64,
    points: i64,
    cost: i64,
}

impl Claimed {
    fn of(view: &View<'_>, now: Timestamp) -> Self {
        let mut claimed = Self::default();
        if view.state.claims.is_empty() {
            return claimed;
        }
        for live in live(view.snapshot, view.state, now) {
            if live.claim.campaign == view.terms.campaign || !live.rank().is_better_than(&view.rank) {
                continue;
            }
            let terms = || live.channels().filter_map(|(_, id)| view.snapshot.register.terms(id));
            claimed.contacts += 1;
            let points = terms().map(|terms| terms.pressure).max().unwrap_or(0);
            let cost = terms().map(|terms| terms.cost).max().unwrap_or(0);
            claimed.points = claimed.points.saturating_add(points);
            claimed.cost = claimed.cost.saturating_add(cost);
        }
        claimed
    }

    const fn by(self, measure: crate::compiled::Measure) -> i64 {
        use crate::compiled::Measure;
        match measure {
            Measure::Contacts => self.contacts,
            Measure::Points => self.points,
            Measure::Cost => self.cost,
        }
    }
}
