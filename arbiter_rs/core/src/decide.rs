//! The decision: (catalog, state, request, now) to an answer and the state after it. Pure: the same arguments give the same answer.

use std::fmt;

use crate::alternatives::alternatives;
use crate::arbitrate::{Rank, ranked};
use crate::asked::{Asked, asked, charges, earliest, remaining};
use crate::catalog::{Campaign, Snapshot};
use crate::claims::{Use, use_up};
use crate::compaction::Keeping;
use crate::customer::{Charge, Contact, CustomerState, Engagement, MAX_CONTACTS, Member, Whose};
use crate::decision::{Alternative, Decision, Denial, Grant, Reason};
use crate::ids::{FamilyId, SegmentId, TermsId};
use crate::register::Terms;
use crate::repeat::repeat_grants;
use crate::request::{Candidate, Purpose, Request};
use crate::rules::{PolicyRule, View};
use crate::score::Score;
use crate::standings::Standings;
use crate::time::Timestamp;

/// Why there is no decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecideError {
    /// The value refers to names that this version of the catalog has not heard of: another replica has applied a newer one.
    CatalogBehind,
    /// The party has as many customers as it can have, and this is another.
    PartyFull,
}

impl fmt::Display for DecideError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CatalogBehind => "value was written under a newer catalog than this one",
            Self::PartyFull => "the party has as many customers as it can have",
        })
    }
}

impl std::error::Error for DecideError {}

/// The answers, in the order of the candidates, and whether the state has changed.
#[derive(Debug)]
pub struct Outcome {
    /// One per candidate.
    pub decisions: Vec<Decision>,
    /// Other ways, where nothing was granted.
    pub alternatives: Vec<Alternative>,
    /// Whether a place was taken: the state must then be kept.
    pub is_changed: bool,
}

/// Whether everything that a value names is known to this version of the catalog.
///
/// # Errors
/// [`DecideError::CatalogBehind`] where something is not.
pub fn ensure_known(snapshot: &Snapshot, state: &CustomerState) -> Result<(), DecideError> {
    let register = &snapshot.register;
    let known = |id: TermsId| id.index() < register.terms.len();
    let known_family = |id: &FamilyId| *id == FamilyId::UNNAMED || id.index() < register.offer_families.len();
    let known_charge = |charge: &Charge| charge.account.capacity.index() < register.capacities.len();
    let is_known =
        state.contacts.iter().all(|contact| known(contact.terms) && contact.charges.iter().all(known_charge))
            && state.engagements.iter().all(|engagement| {
                engagement.terms.is_none_or(known)
                    && engagement.offer_family.as_ref().is_none_or(known_family)
            })
            && state.claims.iter().all(|claim| claim.campaign.index() < register.campaigns.len());
    if is_known { Ok(()) } else { Err(DecideError::CatalogBehind) }
}

/// Judge the candidates in their rank, give at most `max_grants` places and write them into `state`.
///
/// The caller keeps the state only where the outcome says that it changed and the purpose was to reserve, and only where no standing was
/// missing: otherwise it makes those known and decides anew on the state as it was.
///
/// # Errors
/// [`DecideError`] where the value refers to names that the snapshot does not have, or the party is full.
pub fn decide(
    snapshot: &Snapshot,
    state: &mut CustomerState,
    request: &Request<'_>,
    standings: &mut Standings,
    now: Timestamp,
) -> Result<Outcome, DecideError> {
    ensure_known(snapshot, state)?;
    standings.begin();
    let member = state.admit_member(request.party, request.customer).ok_or(DecideError::PartyFull)?;
    let segments = given_segments(snapshot, request);
    let asker = Asker { request, segments: &segments, member, now };
    let contenders = asker.contenders(snapshot, state, standings);
    let ranks: Vec<Rank<'_>> = contenders.iter().map(Contender::rank).collect();
    let order = ranked(&ranks);
    let mut decisions: Vec<Decision> = contenders
        .iter()
        .map(|contender| Decision { score: contender.score, ..Decision::default() })
        .collect();
    let next_sequence = state.next_sequence;
    let (repeated, mut winner) = repeat_grants(snapshot, state, &asker, standings, &order, &mut decisions);
    let mut free = request.max_grants.saturating_sub(repeated);
    let mut is_changed = false;
    for index in &order {
        let (Some(contender), Some(decision)) = (contenders.get(*index), decisions.get_mut(*index)) else {
            continue;
        };
        if decision.grant.is_some() {
            continue;
        }
        let outranked_by = (free == 0).then(|| winner.clone().unwrap_or_default());
        *decision = judge(snapshot, state, &asker, standings, contender, outranked_by);
        if decision.grant.is_some() {
            take_place(snapshot, state, &asker, contender, decision);
            standings.spend(&decision.charges);
            winner = Some(contender.candidate.campaign.to_owned());
            free -= 1;
            is_changed = true;
        }
    }
    let is_kept = is_changed && request.purpose == Purpose::Reserve;
    if !is_kept {
        // What a check would have granted is no contact that a denial could name.
        let denials = decisions.iter_mut().flat_map(|decision| &mut decision.denials);
        denials.for_each(|denial| denial.contacts.retain(|contact| contact.sequence < next_sequence));
    }
    let is_refused = decisions.iter().all(|decision| decision.grant.is_none());
    let best = order.first().and_then(|index| {
        let known =
            order.iter().find(|index| contenders.get(**index).is_some_and(|held| held.campaign.is_some()));
        let index = known.unwrap_or(index);
        Some((contenders.get(*index)?, decisions.get(*index)?))
    });
    let alternatives = match best {
        Some((contender, decision)) if is_refused => {
            alternatives(snapshot, state, &asker, standings, contender, decision)
        }
        _ => Vec::new(),
    };
    if is_kept {
        forget(snapshot, state, now);
    }
    Ok(Outcome { decisions, alternatives, is_changed: is_kept })
}

/// The integers of the segments that a request gives; of a derived one only what the customer did counts.
pub(crate) fn given_segments(snapshot: &Snapshot, request: &Request<'_>) -> Vec<SegmentId> {
    let known = request.segments.iter().filter_map(|name| snapshot.segment(name));
    known.filter(|id| snapshot.derived.iter().all(|segment| segment.id != *id)).collect()
}

/// What the catalog still wants to know of a value.
struct Kept<'a>(&'a Snapshot);

impl Keeping for Kept<'_> {
    /// Contacts that a never-ending rest depends on stay beyond the horizon.
    fn needs(&self, state: &CustomerState, contact: &Contact) -> bool {
        self.0.register.terms(contact.terms).is_some_and(|terms| {
            let mut back_offs = self.0.rules.iter().filter_map(PolicyRule::back_off);
            back_offs.any(|back_off| back_off.needs(contact, terms, state.segments_of(contact)))
        })
    }

    fn taught_by(&self, engagement: &Engagement) -> Option<(FamilyId, i64)> {
        crate::affinity::taught_by(self.0, engagement)
    }
}

/// Keep a changed value within its maxima.
pub fn forget(snapshot: &Snapshot, state: &mut CustomerState, now: Timestamp) {
    // A day of grace: replicas whose clocks are behind still find what they would count.
    let oldest = snapshot.horizon_at(now).minus_ms(crate::time::DAY_MS);
    if state.contacts.len() > MAX_CONTACTS {
        state.forget_charges(&snapshot.register, now);
    }
    state.compact(now, oldest, &Kept(snapshot));
}

/// Who asks, with the names resolved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker<'a> {
    pub(crate) request: &'a Request<'a>,
    pub(crate) segments: &'a [SegmentId],
    pub(crate) member: Member,
    pub(crate) now: Timestamp,
}

impl<'a> Asker<'a> {
    /// The moment of the contact.
    pub(crate) fn time(&self) -> Timestamp {
        self.request.planned.unwrap_or(self.now)
    }

    /// The view of a campaign by a channel.
    pub(crate) fn view(
        &self,
        snapshot: &'a Snapshot,
        state: &'a CustomerState,
        standings: &'a Standings,
        (campaign, terms_id, terms): (&'a Campaign, Option<TermsId>, &'a Terms),
    ) -> View<'a> {
        View {
            snapshot,
            state,
            campaign,
            terms,
            terms_id,
            segments: self.segments,
            calendar: self.request.calendar.as_ref(),
            before_sequence: u32::MAX,
            customer: self.request.customer,
            whose: Whose {
                member: self.member,
                contact_point: self.request.contact_point,
                subject: self.request.subject,
            },
            asked: self.request.planned.map(|_| self.now),
            rank: Rank { priority: terms.priority, score: 0.0, deadline: None, campaign: &campaign.name },
            standings,
        }
    }

    fn contenders(
        &self,
        snapshot: &'a Snapshot,
        state: &CustomerState,
        standings: &Standings,
    ) -> Vec<Contender<'a>> {
        let candidates = self.request.candidates.iter();
        candidates.map(|candidate| Contender::of(snapshot, state, self, standings, *candidate)).collect()
    }
}

/// A candidate with its names resolved and its score worked out.
#[derive(Debug)]
pub(crate) struct Contender<'a> {
    pub(crate) candidate: Candidate<'a>,
    pub(crate) campaign: Option<&'a Campaign>,
    pub(crate) terms_id: Option<TermsId>,
    pub(crate) terms: Option<Terms>,
    pub(crate) score: Option<Score>,
}

impl<'a> Contender<'a> {
    pub(crate) fn of(
        snapshot: &'a Snapshot,
        state: &CustomerState,
        asker: &Asker<'a>,
        standings: &Standings,
        candidate: Candidate<'a>,
    ) -> Self {
        let contender = Self::unscored(snapshot, candidate);
        let score = match contender.view(snapshot, state, asker, standings) {
            Some(view) => Score::of(&view, &candidate, asker.time()),
            None => candidate.score.map(Score::Given),
        };
        Self { score, ..contender }
    }

    /// For where no claim is there to rank it among.
    pub(crate) fn unscored(snapshot: &'a Snapshot, candidate: Candidate<'a>) -> Self {
        let Some(campaign) = snapshot.campaign(candidate.campaign) else {
            return Self { candidate, campaign: None, terms_id: None, terms: None, score: None };
        };
        let channel = snapshot.channel(candidate.channel);
        let terms_id = campaign.channels.iter().find(|(id, _)| Some(*id) == channel).map(|(_, terms)| *terms);
        let terms = terms_id.and_then(|id| snapshot.register.terms(id)).cloned();
        let terms = terms.unwrap_or_else(|| snapshot.unlisted_terms(campaign, channel));
        Self { candidate, campaign: Some(campaign), terms_id, terms: Some(terms), score: None }
    }

    pub(crate) fn rank(&self) -> Rank<'a> {
        Rank {
            priority: self.campaign.map_or(0, |campaign| campaign.common.priority),
            score: self.score.map_or(0.0, |score| score.figure()),
            deadline: self.candidate.deadline,
            campaign: self.candidate.campaign,
        }
    }

    /// The view of it as things stand; nothing where the catalog does not know its campaign.
    pub(crate) fn view<'b>(
        &'b self,
        snapshot: &'b Snapshot,
        state: &'b CustomerState,
        asker: &Asker<'b>,
        standings: &'b Standings,
    ) -> Option<View<'b>> {
        let of = (self.campaign?, self.terms_id, self.terms.as_ref()?);
        Some(View { rank: self.rank(), ..asker.view(snapshot, state, standings, of) })
    }
}

/// Ask every rule about one candidate.
fn judge(
    snapshot: &Snapshot,
    state: &CustomerState,
    asker: &Asker<'_>,
    standings: &Standings,
    contender: &Contender<'_>,
    outranked_by: Option<String>,
) -> Decision {
    let undecided = Decision { score: contender.score, ..Decision::default() };
    let Some(view) = contender.view(snapshot, state, asker, standings) else {
        return Decision { denials: vec![Denial::plain(Reason::CampaignUnknown)], ..undecided };
    };
    let t = asker.time();
    let rules: Vec<Asked<'_>> = asked(&view).collect();
    let mut denials: Vec<Denial> = rules.iter().filter_map(|asked| asked.deny(&view, t)).collect();
    if let Some(winner) = outranked_by {
        let beyond = Denial::plain(Reason::Outranked);
        denials.push(Denial { outranked_by: Some(winner), earliest: Some(t), ..beyond });
    }
    match (denials.is_empty(), contender.terms_id) {
        (true, Some(terms_id)) => Decision {
            grant: Some(Grant {
                sequence: 0,
                time: t,
                expires: t.plus_ms(view.terms.expires_after_ms),
                terms: terms_id,
                is_repeat: false,
            }),
            remaining: remaining(&rules, &view, t),
            charges: charges(&rules, &view, t),
            ..undecided
        },
        _ => {
            // Of one reason: what stands with customer and campaign, the rules in the order of the document, what better candidates took.
            let is_beyond = |denial: &Denial| denial.reason == Reason::Outranked && denial.rule.is_none();
            denials.sort_by_key(|denial| (denial.reason, is_beyond(denial), denial.rule));
            let is_endless = denials.iter().any(|denial| denial.earliest.is_none());
            let earliest = if is_endless { None } else { earliest(&rules, &view, t) };
            Decision { denials, earliest, ..undecided }
        }
    }
}

/// The winner's contact is there before the next is judged, and its claim is used.
fn take_place(
    snapshot: &Snapshot,
    state: &mut CustomerState,
    asker: &Asker<'_>,
    contender: &Contender<'_>,
    decision: &mut Decision,
) {
    let (Some(grant), Some(terms)) = (&mut decision.grant, &contender.terms) else { return };
    let request = asker.request;
    let segment_set = state.admit_segments(asker.segments);
    let sequence = state.admit_contact(Contact {
        time: grant.time,
        terms: grant.terms,
        segment_set,
        key: request.key(),
        whose: Whose { member: asker.member, contact_point: request.contact_point, subject: request.subject },
        lead_ms: grant.time.0.saturating_sub(asker.now.0).max(0),
        charges: decision.charges.clone(),
        ..Contact::default()
    });
    grant.sequence = if request.purpose == Purpose::Reserve { sequence } else { 0 };
    decision.claim = use_up(
        snapshot,
        state,
        Use {
            member: asker.member,
            campaign: terms.campaign,
            channel: terms.channel,
            time: grant.time,
            asked: asker.now,
        },
    );
}
