//! The world before the first second: customers with contacts that they hold.

use std::{net::SocketAddr, time::Duration};

use fastrand::Rng;
use prost::Message;

use crate::{
    answers::{Outcomes, Recorded},
    error::LoadError,
    messages::repit::v1::{EngagementKind, RecordEngagementsRequest},
    numbers::{ns, place, span},
    over_admission::Detector,
    profile::{Fill, Profile},
    pump::pump,
    questions::{self, Template, grpc_head},
};

/// Contacts in one message.
const AT_ONCE: u64 = 1_000;
const CONNECTIONS: usize = 4;
const IN_FLIGHT: usize = 8;

/// Fill a store as the profile says; `progress` gets how many contacts are sent, of how many.
///
/// What is requested rather than recorded is not counted by the detector: its window began before the run.
pub fn fill(
    address: SocketAddr,
    profile: &Profile,
    detector: &mut Detector,
    random_id: u64,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<u64, LoadError> {
    let total = profile.world.customers * profile.world.contacts_each;
    if total == 0 {
        return Ok(0);
    }
    match profile.world.fill {
        Fill::Record => record(address, profile, detector, random_id, progress),
        Fill::Request => request(address, profile, random_id, progress),
    }?;
    Ok(total)
}

/// Send messages of one method; the first error that an answer holds ends in one of the run.
fn send(
    address: SocketAddr,
    method: &str,
    bodies: &mut dyn Iterator<Item = Vec<u8>>,
    first_error: impl Fn(&[u8]) -> Option<String>,
) -> Result<(), LoadError> {
    let mut refused = None;
    let mut take = |body: &[u8]| refused = refused.take().or_else(|| first_error(body));
    let path = format!("/repit.v1.ArbitrationService/{method}");
    pump(address, &path, CONNECTIONS, IN_FLIGHT, bodies, &mut take)?;
    refused.map_or(Ok(()), |trouble| Err(LoadError::Server(format!("filling the world: {trouble}"))))
}

/// The customers of contact `n` and of those after it, up to `AT_ONCE`: every customer once, then every customer again.
fn chunks(profile: &Profile) -> impl Iterator<Item = std::ops::Range<u64>> {
    let total = profile.world.customers * profile.world.contacts_each;
    (0..total).step_by(place(AT_ONCE)).map(move |from| from..(from + AT_ONCE).min(total))
}

fn record(
    address: SocketAddr,
    profile: &Profile,
    detector: &mut Detector,
    random_id: u64,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), LoadError> {
    let (newest, oldest) = (span(&profile.world.newest), span(&profile.world.oldest));
    let (newest, oldest) = (newest.map_err(LoadError::Usage)?, oldest.map_err(LoadError::Usage)?);
    let ways = profile.ways();
    let total = profile.world.customers * profile.world.contacts_each;
    let mut random = Rng::with_seed(profile.seed);
    let mut bodies = chunks(profile).map(|numbers| {
        progress(numbers.end, total);
        let mut engagements = Vec::new();
        for number in numbers {
            let age = Duration::from_nanos(random.u64(ns(newest)..=ns(oldest)));
            let (customer, chosen) = (number % profile.world.customers, random.usize(..profile.asks.len()));
            let Some(ask) = profile.asks.get(chosen) else { continue };
            if let Some(way) = ask.candidates.first().and_then(|way| ways.iter().position(|each| each == way))
            {
                detector.recorded(customer, way, age);
            }
            let id = random_id.wrapping_add(number);
            engagements.push(questions::engagement(id, customer, ask, EngagementKind::Sent, Some(age)));
        }
        questions::whole(&RecordEngagementsRequest { engagements, ..RecordEngagementsRequest::default() })
    });
    let first_error = |body: &[u8]| {
        let results = Recorded::decode(body).map(|recorded| recorded.results).unwrap_or_default();
        results.into_iter().find_map(|result| result.error).map(|error| error.message)
    };
    send(address, "RecordEngagements", &mut bodies, first_error)
}

fn request(
    address: SocketAddr,
    profile: &Profile,
    random_id: u64,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), LoadError> {
    let templates: Vec<Template> = profile.asks.iter().map(Template::of_ask).collect();
    let total = profile.world.customers * profile.world.contacts_each;
    let mut bodies = chunks(profile).map(|numbers| {
        progress(numbers.end, total);
        let mut body = Vec::new();
        for number in numbers {
            if let Some(template) = templates.get(place(number / profile.world.customers) % templates.len()) {
                template.write_field(
                    &mut body,
                    random_id.wrapping_add(number),
                    number % profile.world.customers,
                );
            }
        }
        let mut whole = Vec::with_capacity(body.len() + 5);
        grpc_head(&mut whole, body.len());
        whole.extend(body);
        whole
    });
    let first_error = |body: &[u8]| {
        let results = Outcomes::decode(body).map(|outcomes| outcomes.results).unwrap_or_default();
        results.into_iter().find_map(|result| result.error).map(|error| error.message)
    };
    send(address, "BatchRequestContacts", &mut bodies, first_error)
}
