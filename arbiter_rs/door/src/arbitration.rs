//! The verbs of the data plane: bytes of a request message in, bytes of its answer out.

use std::collections::HashMap;
use std::sync::Arc;

use arbiter_core::{apply::ContactName, contact_id, request::Purpose, time::Timestamp};
use arbiter_store::{
    Store,
    arbiter::{Arbiter, ArbiterError, SettleStep},
};
use futures_util::{StreamExt, stream};
use prost::Message;

use crate::{
    clock::Clock,
    convert::{self, Checks},
    messages::{google::rpc::Status, repit::v1 as proto},
    pace::Pace,
    respond::Writer,
    status::Refusal,
};

/// How many requests or engagements one batch holds at most.
pub const MAX_BATCH: usize = 10_000;
/// How many customers of one batch are worked on at once; those of a store that never waits are done one after the other.
pub(crate) const CUSTOMERS_IN_FLIGHT: usize = 256;
/// How many timeline entries an explanation has where the caller does not say.
const TIMELINE_ENTRIES: usize = 100;

/// The verbs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Arbitrate and reserve.
    RequestContact,
    /// Arbitrate alone.
    CheckContact,
    /// Requests in bulk.
    BatchRequestContacts,
    /// One message of a stream of requests.
    StreamRequestContacts,
    /// It was sent.
    ConfirmContact,
    /// It was not sent.
    ReleaseContact,
    /// What came back.
    RecordEngagements,
    /// One message of a stream of claims.
    RegisterClaims,
    /// Claims given back.
    WithdrawClaims,
    /// Live claims, and how many came.
    ListClaims,
    /// Why?
    ExplainCustomer,
}

impl Verb {
    /// Its name in `ArbitrationService`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RequestContact => "RequestContact",
            Self::CheckContact => "CheckContact",
            Self::BatchRequestContacts => "BatchRequestContacts",
            Self::StreamRequestContacts => "StreamRequestContacts",
            Self::ConfirmContact => "ConfirmContact",
            Self::ReleaseContact => "ReleaseContact",
            Self::RecordEngagements => "RecordEngagements",
            Self::RegisterClaims => "RegisterClaims",
            Self::WithdrawClaims => "WithdrawClaims",
            Self::ListClaims => "ListClaims",
            Self::ExplainCustomer => "ExplainCustomer",
        }
    }

    /// Whether one call of it may ask for much.
    #[must_use]
    pub const fn is_bulk(self) -> bool {
        matches!(
            self,
            Self::BatchRequestContacts
                | Self::RecordEngagements
                | Self::RegisterClaims
                | Self::WithdrawClaims
                | Self::ListClaims
                | Self::ExplainCustomer
        )
    }
}

/// The data plane on one store.
#[derive(Debug)]
pub struct Door<S> {
    arbiter: Arc<Arbiter<S>>,
    clock: Clock,
}

pub(crate) fn decode<M: Message + Default>(bytes: &[u8]) -> Result<M, Refusal> {
    let name = std::any::type_name::<M>().rsplit("::").next().unwrap_or_default();
    M::decode(bytes).map_err(|error| Refusal::undecodable(name, &error))
}

/// A message after `head` zero bytes, in one allocation of the right size.
fn written(head: usize, message: &impl Message) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(head.saturating_add(message.encoded_len()));
    bytes.resize(head, 0);
    message.encode_raw(&mut bytes);
    bytes
}

impl<S: Store> Door<S> {
    /// The door to an engine.
    pub const fn new(arbiter: Arc<Arbiter<S>>, clock: Clock) -> Self {
        Self { arbiter, clock }
    }

    pub(crate) const fn clock(&self) -> Clock {
        self.clock
    }

    /// The engine behind it.
    pub const fn arbiter(&self) -> &Arc<Arbiter<S>> {
        &self.arbiter
    }

    /// Answer one call.
    ///
    /// # Errors
    /// [`Refusal`]: what went wrong, as gRPC says it. A denial is an answer.
    pub async fn call(&self, verb: Verb, request: &[u8]) -> Result<Vec<u8>, Refusal> {
        self.answer(verb, request, 0, &Pace::Straight).await
    }

    /// [`Door::call`] with `head` zero bytes before the answer, for a frame to be written around it in place.
    pub(crate) async fn answer(
        &self,
        verb: Verb,
        request: &[u8],
        head: usize,
        pace: &Pace,
    ) -> Result<Vec<u8>, Refusal> {
        Ok(match verb {
            Verb::RequestContact => written(head, &self.request(&decode(request)?, Purpose::Reserve).await?),
            // CheckContactRequest has the fields of RequestContactRequest, number by number.
            Verb::CheckContact => written(head, &self.request(&decode(request)?, Purpose::Check).await?),
            Verb::BatchRequestContacts => written(head, &self.batch(&decode(request)?).await?),
            Verb::StreamRequestContacts => written(head, &self.stream(request).await),
            Verb::ConfirmContact => written(head, &self.confirm(&decode(request)?).await?),
            Verb::ReleaseContact => written(head, &self.release(&decode(request)?).await?),
            Verb::RecordEngagements => written(head, &self.record(&decode(request)?, pace).await?),
            Verb::RegisterClaims => written(head, &self.register_claims(request, pace).await),
            Verb::WithdrawClaims => written(head, &self.withdraw_claims(&decode(request)?).await?),
            Verb::ListClaims => written(head, &self.list_claims(&decode(request)?).await?),
            Verb::ExplainCustomer => written(head, &self.explain(&decode(request)?).await?),
        })
    }

    async fn request(
        &self,
        message: &proto::RequestContactRequest,
        purpose: Purpose,
    ) -> Result<proto::RequestContactResponse, Refusal> {
        let (request, now) = convert::request(message, purpose, self.clock)?;
        let (outcome, snapshot) = self.arbiter.request(&request, now).await?;
        Ok(Writer { snapshot: &snapshot, customer: request.customer, party: request.party }.response(
            &request.candidates,
            &outcome,
            purpose,
        ))
    }

    pub(crate) async fn result(&self, message: &proto::RequestContactRequest) -> proto::RequestContactResult {
        use proto::request_contact_result::Result as Outcome;
        let result = match self.request(message, Purpose::Reserve).await {
            Ok(response) => Outcome::Response(response),
            Err(Refusal(status)) => Outcome::Error(*status),
        };
        proto::RequestContactResult { result: Some(result) }
    }

    /// Customers are worked on at once, the requests of each one after the other.
    async fn batch(
        &self,
        message: &proto::BatchRequestContactsRequest,
    ) -> Result<proto::BatchRequestContactsResponse, Refusal> {
        let groups = groups_of(message)?;
        let answered = stream::iter(groups).map(|group| async move {
            let mut results = Vec::with_capacity(group.len());
            for index in group {
                if let Some(request) = message.requests.get(index) {
                    results.push((index, self.result(request).await));
                }
            }
            results
        });
        let results = in_order(answered.buffer_unordered(CUSTOMERS_IN_FLIGHT).collect().await);
        Ok(proto::BatchRequestContactsResponse { results })
    }

    pub(crate) async fn stream(&self, request: &[u8]) -> proto::StreamRequestContactsResponse {
        use proto::request_contact_result::Result as Outcome;
        let result = match decode::<proto::StreamRequestContactsRequest>(request) {
            Ok(message) => self.result(&message.request.unwrap_or_default()).await,
            Err(Refusal(status)) => proto::RequestContactResult { result: Some(Outcome::Error(*status)) },
        };
        proto::StreamRequestContactsResponse { result: Some(result) }
    }

    async fn confirm(
        &self,
        message: &proto::ConfirmContactRequest,
    ) -> Result<proto::ConfirmContactResponse, Refusal> {
        let mut checks = Checks::default();
        let named = checks.contact_id(|| "contact_id".to_owned(), &message.contact_id);
        let now = checks.now(self.clock, message.as_of_time.as_ref());
        let send_time = checks.time(|| "send_time".to_owned(), message.send_time.as_ref()).unwrap_or(now);
        checks.finish(())?;
        let contact = self.settle(&message.contact_id, named, SettleStep::Confirm { send_time }, now).await?;
        Ok(proto::ConfirmContactResponse { contact })
    }

    async fn release(
        &self,
        message: &proto::ReleaseContactRequest,
    ) -> Result<proto::ReleaseContactResponse, Refusal> {
        let mut checks = Checks::default();
        let named = checks.contact_id(|| "contact_id".to_owned(), &message.contact_id);
        checks.reason(&message.reason);
        let now = checks.now(self.clock, message.as_of_time.as_ref());
        checks.finish(())?;
        let contact = self
            .settle(&message.contact_id, named, SettleStep::Release { reason: &message.reason }, now)
            .await?;
        Ok(proto::ReleaseContactResponse { contact })
    }

    async fn settle(
        &self,
        contact_id: &str,
        named: Option<(ContactName, &str)>,
        step: SettleStep<'_>,
        now: Timestamp,
    ) -> Result<Option<proto::Contact>, Refusal> {
        let Some((name, party)) = named else {
            return Err(Refusal::not_found("CONTACT_UNKNOWN", "Contact", contact_id));
        };
        let (state, snapshot) = self.arbiter.settle(party, name, step, now).await.map_err(|error| {
            if let ArbiterError::Settle(error) = error {
                Refusal::unsettled(error, contact_id)
            } else {
                error.into()
            }
        })?;
        Ok(state.contact(name.sequence, name.time).map(|contact| {
            let customer = state.name_of(party, contact.whose.member);
            Writer { snapshot: &snapshot, customer, party }.contact(contact, now)
        }))
    }

    /// Engagements of one party are recorded in their order, in one commit.
    async fn record(
        &self,
        message: &proto::RecordEngagementsRequest,
        pace: &Pace,
    ) -> Result<proto::RecordEngagementsResponse, Refusal> {
        let mut checks = Checks::default();
        checks.batch("engagements", message.engagements.len(), MAX_BATCH);
        let now = checks.now(self.clock, message.as_of_time.as_ref());
        checks.finish(())?;
        let groups = by_party(message.engagements.iter().map(party_of));
        let recorded = stream::iter(groups).map(|group| async {
            pace.steps(group.len()).await;
            self.record_party(message, group, now).await
        });
        let results = in_order(recorded.buffer_unordered(CUSTOMERS_IN_FLIGHT).collect().await);
        Ok(proto::RecordEngagementsResponse { results })
    }

    async fn record_party(
        &self,
        message: &proto::RecordEngagementsRequest,
        group: Vec<usize>,
        now: Timestamp,
    ) -> Vec<(usize, proto::EngagementResult)> {
        let party = group.first().and_then(|index| message.engagements.get(*index)).map_or("", party_of);
        let (mut results, mut sound, mut reports) = (Vec::with_capacity(group.len()), Vec::new(), Vec::new());
        for (index, engagement) in group
            .into_iter()
            .filter_map(|index| message.engagements.get(index).map(|engagement| (index, engagement)))
        {
            match convert::report(engagement, index, now) {
                Ok(report) => {
                    sound.push((index, engagement));
                    reports.push((engagement.event_id.as_str(), report));
                }
                Err(Refusal(status)) => results.push((index, failed(*status))),
            }
        }
        if reports.is_empty() {
            return results;
        }
        match self.arbiter.record(party, &reports, now).await {
            Ok((outcomes, _)) => {
                results.extend(sound.into_iter().zip(outcomes).map(|((index, engagement), outcome)| {
                    let result = match outcome {
                        Ok(recorded) => proto::EngagementResult {
                            is_duplicate: recorded.is_duplicate,
                            contact_id: recorded
                                .contact
                                .map(|name| contact_id::format(name, party))
                                .unwrap_or_default(),
                            error: None,
                        },
                        Err(error) => failed(
                            *Refusal::unrecorded(
                                error,
                                index,
                                &engagement.contact_id,
                                &engagement.campaign_id,
                                &engagement.channel,
                            )
                            .0,
                        ),
                    };
                    (index, result)
                }))
            }
            Err(error) => {
                let Refusal(status) = error.into();
                results.extend(sound.into_iter().map(|(index, _)| (index, failed((*status).clone()))));
            }
        }
        results
    }

    async fn explain(
        &self,
        message: &proto::ExplainCustomerRequest,
    ) -> Result<proto::ExplainCustomerResponse, Refusal> {
        let (request, now) = convert::explain_request(message, self.clock)?;
        let only = (!message.campaign_id.is_empty()).then_some(message.campaign_id.as_str());
        if let Some(name) = only
            .filter(|name| self.arbiter.snapshot().is_ok_and(|snapshot| snapshot.campaign(name).is_none()))
        {
            return Err(Refusal::not_found("CAMPAIGN_UNKNOWN", "Campaign", name));
        }
        let (loaded, explanation, snapshot) = self.arbiter.explain(&request, only, now).await?;
        let writer = Writer { snapshot: &snapshot, customer: request.customer, party: request.party };
        let most = if message.max_entries == 0 { TIMELINE_ENTRIES } else { message.max_entries as usize };
        let mut response =
            writer.explanation(&loaded.state, &explanation, &self.arbiter.holdings(), (most, now));
        response.value_bytes = u32::try_from(loaded.bytes).unwrap_or(u32::MAX);
        Ok(response)
    }
}

/// The requests of a batch by party, where their number is allowed.
pub(crate) fn groups_of(message: &proto::BatchRequestContactsRequest) -> Result<Vec<Vec<usize>>, Refusal> {
    let mut checks = Checks::default();
    checks.batch("requests", message.requests.len(), MAX_BATCH);
    checks.finish(())?;
    Ok(by_party(message.requests.iter().map(|request| party(&request.party_id, &request.customer_id))))
}

fn failed(status: Status) -> proto::EngagementResult {
    proto::EngagementResult { error: Some(status), ..proto::EngagementResult::default() }
}

/// The party of a customer: the one named, else the customer itself.
pub(crate) fn party<'a>(party: &'a str, customer: &'a str) -> &'a str {
    if party.is_empty() { customer } else { party }
}

/// The party of an engagement: that of its contact, where it names one.
fn party_of(engagement: &proto::Engagement) -> &str {
    match contact_id::parse(&engagement.contact_id) {
        Some((_, of_contact)) => of_contact,
        None => party(&engagement.party_id, &engagement.customer_id),
    }
}

/// Positions of the entries of each party, parties in the order of their first entry.
pub(crate) fn by_party<'a>(customers: impl Iterator<Item = &'a str>) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut known: HashMap<&str, usize> = HashMap::new();
    for (index, customer) in customers.enumerate() {
        let group = *known.entry(customer).or_insert(groups.len());
        match groups.get_mut(group) {
            Some(positions) => positions.push(index),
            None => groups.push(vec![index]),
        }
    }
    groups
}

pub(crate) fn in_order<T>(answered: Vec<Vec<(usize, T)>>) -> Vec<T> {
    let mut results: Vec<(usize, T)> = answered.into_iter().flatten().collect();
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}
