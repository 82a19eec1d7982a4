//! A request asked again: its grants come back as they were.

use crate::asked::{Asked, asked, remaining};
use crate::catalog::Snapshot;
use crate::customer::{Contact, CustomerState};
use crate::decide::Asker;
use crate::decision::{Decision, Grant};
use crate::register::Terms;
use crate::rules::View;
use crate::standings::Standings;

/// Answer the grants of an earlier request with this id again; returns how many there were, and the campaign of the last.
///
/// Of candidates that are alike the best ranked one had the earliest grant.
pub(crate) fn repeat_grants(
    snapshot: &Snapshot,
    state: &CustomerState,
    asker: &Asker<'_>,
    standings: &Standings,
    order: &[usize],
    decisions: &mut [Decision],
) -> (usize, Option<String>) {
    let request = asker.request;
    let Some(key) = request.key() else { return (0, None) };
    let (mut grants, mut winner) = (0, None);
    let of_request =
        state.contacts.iter().filter(|contact| contact.is_of_request(key, asker.member, asker.now));
    for contact in of_request {
        let Some(terms) = snapshot.register.terms(contact.terms) else { continue };
        let name = snapshot.register.campaigns.get(terms.campaign.index());
        grants += 1;
        winner = name.cloned().or(winner);
        let is_open = |index: &&usize| {
            let candidate = request.candidates.get(**index);
            decisions.get(**index).is_some_and(|decision| decision.grant.is_none())
                && candidate.is_some_and(|candidate| {
                    snapshot.channel(candidate.channel) == Some(terms.channel)
                        && name.is_some_and(|name| name == candidate.campaign)
                })
        };
        if let Some(decision) = order.iter().find(is_open).and_then(|index| decisions.get_mut(*index)) {
            let score = decision.score;
            *decision = Decision { score, ..repeated(snapshot, state, asker, standings, (contact, terms)) };
        }
    }
    (grants, winner)
}

/// The decision that a contact was granted by, as things stood then.
fn repeated(
    snapshot: &Snapshot,
    state: &CustomerState,
    asker: &Asker<'_>,
    standings: &Standings,
    (contact, terms): (&Contact, &Terms),
) -> Decision {
    let grant = Grant {
        sequence: contact.sequence,
        time: contact.time,
        expires: contact.expires(terms),
        terms: contact.terms,
        is_repeat: true,
    };
    let name = snapshot.register.campaigns.get(terms.campaign.index());
    let remaining = name.and_then(|name| snapshot.campaign(name)).map(|campaign| {
        let view = View {
            segments: state.segments_of(contact),
            before_sequence: contact.sequence,
            whose: contact.whose,
            asked: Some(contact.granted()),
            ..asker.view(snapshot, state, standings, (campaign, Some(contact.terms), terms))
        };
        let rules: Vec<Asked<'_>> = asked(&view).collect();
        remaining(&rules, &view, contact.time)
    });
    Decision { grant: Some(grant), remaining: remaining.unwrap_or_default(), ..Decision::default() }
}
