//! The verbs of claims: register, withdraw, list.

use arbiter_core::{
    claims::{ClaimError, MAX_AHEAD_MS, Registered},
    time::Timestamp,
};
use arbiter_store::{Store, arbiter::ClaimToRegister};
use futures_util::{StreamExt, stream};

use crate::{
    arbitration::{CUSTOMERS_IN_FLIGHT, Door, MAX_BATCH, by_party, decode, in_order, party},
    convert::{Checks, MAX_NAME_BYTES},
    messages::{google::rpc::Status, repit::v1 as proto},
    pace::Pace,
    respond::Writer,
    status::Refusal,
};

/// What became of one place of a message.
type PlaceResult = Result<Registered, Refusal>;

impl<S: Store> Door<S> {
    /// One message of the stream. What is wrong with the whole of it is said in the answer.
    pub(crate) async fn register_claims(&self, request: &[u8], pace: &Pace) -> proto::RegisterClaimsResponse {
        match self.register(request, pace).await {
            Ok(response) => response,
            Err(Refusal(status)) => {
                proto::RegisterClaimsResponse { error: Some(*status), ..Default::default() }
            }
        }
    }

    async fn register(&self, request: &[u8], pace: &Pace) -> Result<proto::RegisterClaimsResponse, Refusal> {
        let message: proto::RegisterClaimsRequest = decode(request)?;
        let (from, until, now) = self.span(&message)?;
        let groups = by_party(message.places.iter().map(|place| party(&place.party_id, &place.customer_id)));
        let span = (from, until, now);
        let registered = stream::iter(groups).map(|group| async {
            pace.steps(group.len()).await;
            self.register_party(&message, group, span).await
        });
        let results = in_order(registered.buffer_unordered(CUSTOMERS_IN_FLIGHT).collect().await);
        Ok(summed(&message, results))
    }

    /// The span of the claims of a message, and its time.
    fn span(
        &self,
        message: &proto::RegisterClaimsRequest,
    ) -> Result<(Timestamp, Timestamp, Timestamp), Refusal> {
        let mut checks = Checks::default();
        checks.name(|| "campaign_id".to_owned(), &message.campaign_id, 1, MAX_NAME_BYTES);
        checks.batch("places", message.places.len(), MAX_BATCH);
        let now = checks.now(self.clock(), message.as_of_time.as_ref());
        let checks_so_far = checks.is_sound();
        let from = checks.time(|| "from_time".to_owned(), message.from_time.as_ref()).unwrap_or(now);
        let until = checks.time(|| "until_time".to_owned(), message.until_time.as_ref());
        match until {
            // Without a time nothing can be said of the span.
            _ if !checks_so_far => {}
            None if message.until_time.is_none() => {
                checks.wrong("until_time", "is needed: a claim ends some day, at most 400 days ahead");
            }
            None => {}
            Some(until) if until <= now => {
                checks.wrong("until_time", "lies in the past: nothing is left to claim")
            }
            Some(until) if until > now.plus_ms(MAX_AHEAD_MS) => {
                checks.wrong("until_time", "is more than 400 days ahead: claim again when it is nearer");
            }
            Some(until) if until <= from => checks.wrong("until_time", "is not after `from_time`"),
            Some(_) => {}
        }
        checks.finish(())?;
        let snapshot = self.arbiter().snapshot()?;
        let Some(campaign) = snapshot.campaign(&message.campaign_id) else {
            return Err(Refusal::not_found("CAMPAIGN_UNKNOWN", "Campaign", &message.campaign_id));
        };
        let mut checks = Checks::default();
        for (index, name) in message.channels.iter().enumerate() {
            let known = snapshot.channel(name);
            if message.channels.iter().take(index).any(|before| before == name) {
                checks.wrong(format!("channels[{index}]"), "is named twice");
                break;
            }
            if !campaign.channels.iter().any(|(channel, _)| Some(*channel) == known) {
                let shown: String = name.chars().take(MAX_NAME_BYTES).collect();
                checks.wrong(
                    format!("channels[{index}]"),
                    format!("`{shown}` is not a channel of the campaign"),
                );
            }
        }
        checks.finish((from, until.unwrap_or(now), now))
    }

    async fn register_party(
        &self,
        message: &proto::RegisterClaimsRequest,
        group: Vec<usize>,
        (from, until, now): (Timestamp, Timestamp, Timestamp),
    ) -> Vec<(usize, PlaceResult)> {
        let (mut results, mut sound, mut wanted) = (Vec::with_capacity(group.len()), Vec::new(), Vec::new());
        let mut name = "";
        for index in group {
            let Some(place) = message.places.get(index) else { continue };
            if let Err(refusal) = check_place(place, index) {
                results.push((index, Err(refusal)));
                continue;
            }
            name = party(&place.party_id, &place.customer_id);
            sound.push(index);
            wanted.push(ClaimToRegister {
                customer: &place.customer_id,
                campaign: &message.campaign_id,
                channels: &message.channels,
                from,
                until,
                score: place.score,
            });
        }
        if wanted.is_empty() {
            return results;
        }
        match self.arbiter().register_claims(name, &wanted, now).await {
            Ok(outcomes) => {
                let refused = |error| unregistered(error, &message.campaign_id);
                let outcomes = outcomes.into_iter().map(|outcome| outcome.map_err(refused));
                results.extend(sound.into_iter().zip(outcomes));
            }
            Err(error) => {
                let refusal = Refusal::from(error);
                results.extend(sound.into_iter().map(|index| (index, Err(refusal.clone()))));
            }
        }
        results
    }

    pub(crate) async fn withdraw_claims(
        &self,
        message: &proto::WithdrawClaimsRequest,
    ) -> Result<proto::WithdrawClaimsResponse, Refusal> {
        let mut checks = Checks::default();
        checks.name(|| "campaign_id".to_owned(), &message.campaign_id, 1, MAX_NAME_BYTES);
        checks.batch("places", message.places.len(), MAX_BATCH);
        for (index, place) in message.places.iter().enumerate().take(MAX_BATCH) {
            checks.customer_id(|| format!("places[{index}].customer_id"), &place.customer_id);
            checks.party(|| format!("places[{index}].party_id"), &place.party_id, &place.customer_id);
        }
        let now = checks.now(self.clock(), message.as_of_time.as_ref());
        checks.finish(())?;
        let snapshot = self.arbiter().snapshot()?;
        let Some(campaign) = snapshot.campaign(&message.campaign_id).map(|known| known.common.campaign)
        else {
            return Err(Refusal::not_found("CAMPAIGN_UNKNOWN", "Campaign", &message.campaign_id));
        };
        let groups = by_party(message.places.iter().map(|place| party(&place.party_id, &place.customer_id)));
        // One after the other within a party: they would only get in each other's way.
        let withdrawn = stream::iter(groups).map(|group| async move {
            let mut count = 0;
            for place in group.into_iter().filter_map(|index| message.places.get(index)) {
                let party = party(&place.party_id, &place.customer_id);
                count += self.arbiter().withdraw_claims(party, &place.customer_id, campaign, now).await?;
            }
            Ok::<u64, Refusal>(count)
        });
        let mut withdrawn = withdrawn.buffer_unordered(CUSTOMERS_IN_FLIGHT);
        let mut withdrawn_count = 0;
        while let Some(count) = withdrawn.next().await {
            withdrawn_count += count?;
        }
        Ok(proto::WithdrawClaimsResponse { withdrawn_count, catalog_version: 0 })
    }

    pub(crate) async fn list_claims(
        &self,
        message: &proto::ListClaimsRequest,
    ) -> Result<proto::ListClaimsResponse, Refusal> {
        let mut checks = Checks::default();
        checks.name(|| "campaign_id".to_owned(), &message.campaign_id, 0, MAX_NAME_BYTES);
        if !message.customer_id.is_empty() || !message.party_id.is_empty() {
            checks.customer_id(|| "customer_id".to_owned(), &message.customer_id);
        }
        let party = checks.party(|| "party_id".to_owned(), &message.party_id, &message.customer_id);
        let now = checks.now(self.clock(), message.as_of_time.as_ref());
        checks.finish(())?;
        let snapshot = self.arbiter().snapshot()?;
        if !message.campaign_id.is_empty() && snapshot.campaign(&message.campaign_id).is_none() {
            return Err(Refusal::not_found("CAMPAIGN_UNKNOWN", "Campaign", &message.campaign_id));
        }
        let campaign = (!message.campaign_id.is_empty()).then_some(message.campaign_id.as_str());
        // Who asks about a customer is not told of all campaigns.
        let is_counted = campaign.is_some() || message.customer_id.is_empty();
        let totals = if is_counted { self.arbiter().claim_totals(campaign, now).await? } else { Vec::new() };
        let totals = totals.into_iter().map(|(campaign_id, held)| proto::ClaimTotals {
            campaign_id,
            registered_count: held.registered,
            used_count: held.used,
            withdrawn_count: held.withdrawn,
            due_count: held.due,
            due_used_count: held.due_used,
        });
        let mut response = proto::ListClaimsResponse { claims: Vec::new(), totals: totals.collect() };
        if !message.customer_id.is_empty() {
            let (claims, snapshot) = self.arbiter().claims(party, &message.customer_id, now).await?;
            let writer = Writer { snapshot: &snapshot, customer: &message.customer_id, party };
            let claims = claims.iter().map(|held| writer.claim(&held.claim));
            response.claims =
                claims.filter(|claim| campaign.is_none_or(|name| name == claim.campaign_id)).collect();
        }
        Ok(response)
    }
}

fn check_place(place: &proto::ClaimedPlace, index: usize) -> Result<(), Refusal> {
    let mut checks = Checks::default();
    let field = |name: &str| format!("places[{index}].{name}");
    checks.customer_id(|| field("customer_id"), &place.customer_id);
    checks.party(|| field("party_id"), &place.party_id, &place.customer_id);
    checks.score(|| field("score"), place.score);
    checks.finish(())
}

fn unregistered(error: ClaimError, campaign: &str) -> Refusal {
    match error {
        ClaimError::CampaignUnknown => Refusal::not_found("CAMPAIGN_UNKNOWN", "Campaign", campaign),
        ClaimError::TooMany => Refusal::exhausted("CLAIMS_FULL", &error.to_string()),
        ClaimError::PartyFull => Refusal::party_full(),
    }
}

fn summed(
    message: &proto::RegisterClaimsRequest,
    results: Vec<PlaceResult>,
) -> proto::RegisterClaimsResponse {
    let mut response = proto::RegisterClaimsResponse::default();
    for (index, (place, result)) in message.places.iter().zip(results).enumerate() {
        match result {
            Ok(registered) => {
                response.registered_count += 1;
                response.known_count += u32::from(registered != Registered::Added);
            }
            Err(Refusal(status)) => response.refusals.push(refused(index, place, *status)),
        }
    }
    response
}

fn refused(index: usize, place: &proto::ClaimedPlace, error: Status) -> proto::ClaimRefusal {
    proto::ClaimRefusal {
        index: u32::try_from(index).unwrap_or(u32::MAX),
        customer_id: place.customer_id.clone(),
        error: Some(error),
    }
}
