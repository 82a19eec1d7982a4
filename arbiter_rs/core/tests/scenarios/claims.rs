//! Plays the steps that register, withdraw and list claims, as the service does around the core.

use arbiter_core::claims::{self, ClaimError, LiveClaim, MAX_AHEAD_MS, Registered};
use arbiter_core::customer::Claim;
use arbiter_core::ids::{CampaignId, ChannelId};
use arbiter_core::time::Timestamp;

use crate::expected::same;
use crate::player::Player;
use crate::written::{self, Claims, Expected, Step, Withdraw, moment};

type Refused = &'static str;

impl Player {
    pub(crate) fn take_claims(&mut self, step: &Step, at: Timestamp) -> Result<(), String> {
        let none = Expected::default();
        let then = step.then.all().first().unwrap_or(&none);
        let error = if let Some(claim) = &step.claim {
            let outcome = self.register_claims(claim, at);
            if let Ok((registered, known)) = outcome {
                same("registered", &registered, &then.registered.unwrap_or(claim.customers.len()))?;
                same("known", &known, &then.known)?;
            }
            outcome.err()
        } else if let Some(withdraw) = &step.withdraw {
            let outcome = self.withdraw_claims(withdraw, at);
            if let (Ok(withdrawn), Some(expected)) = (outcome, then.withdrawn) {
                same("withdrawn", &withdrawn, &expected)?;
            }
            outcome.err()
        } else if let Some(asked) = &step.claims {
            self.compare_claims(asked, then, at)?;
            None
        } else {
            None
        };
        same("error", &error.unwrap_or_default(), &then.error.as_str())
    }

    /// How many places there are, and how many of them were known.
    fn register_claims(&mut self, asked: &written::Claim, at: Timestamp) -> Result<(usize, usize), Refused> {
        let place = self.place(asked, at)?;
        let mut known = 0;
        for customer in &asked.customers {
            let (customer, party) = self.customer_and_party(customer, &asked.party);
            let mut state = self.states.get(&party).cloned().unwrap_or_default();
            let member = state.admit_member(&party, &customer).ok_or("FAILED_PRECONDITION")?;
            let claim = Claim { member, ..place.clone() };
            let registered = claims::register(&self.snapshot, &mut state, claim, at);
            known += usize::from(registered.map_err(code)? != Registered::Added);
            self.states.insert(party, state);
        }
        Ok((asked.customers.len(), known))
    }

    /// The place that each of the customers gets, with everything checked that does not depend on a customer.
    fn place(&self, asked: &written::Claim, at: Timestamp) -> Result<Claim, Refused> {
        let campaign = self.snapshot.campaign(&asked.campaign).ok_or("NOT_FOUND")?;
        let instant = |text: &String| moment(text, at, &self.moments);
        let (from, until) = (asked.from.as_ref().map_or(at, instant), asked.until.as_ref().map(instant));
        let until = until.filter(|until| *until > at && from < *until && *until <= at.plus_ms(MAX_AHEAD_MS));
        let listed = |name: &String| {
            let channel = self.snapshot.channel(name);
            let listed = campaign.channels.iter().map(|(listed, _)| *listed);
            listed.into_iter().find(|listed| Some(*listed) == channel)
        };
        let channels: Option<Vec<ChannelId>> = asked.channels.iter().map(listed).collect();
        Ok(Claim {
            member: arbiter_core::customer::Member::OWN,
            campaign: campaign.common.campaign,
            channels: channels.ok_or("INVALID_ARGUMENT")?,
            from,
            until: until.ok_or("INVALID_ARGUMENT")?,
            score: asked.score,
            version: self.snapshot.version,
        })
    }

    /// How many live claims were given back.
    fn withdraw_claims(&mut self, asked: &Withdraw, at: Timestamp) -> Result<usize, Refused> {
        let campaign = self.snapshot.campaign(&asked.campaign).ok_or("NOT_FOUND")?.common.campaign;
        if asked.customers.is_empty() {
            return Ok(self.withdraw_campaign(campaign, at));
        }
        let mut withdrawn = 0;
        for customer in &asked.customers {
            let (customer, party) = self.customer_and_party(customer, &asked.party);
            let Some(state) = self.states.get_mut(&party) else { continue };
            let member = state.member(&party, &customer);
            withdrawn += claims::withdraw(&self.snapshot, state, member, campaign, at).len();
        }
        Ok(withdrawn)
    }

    /// All that it ever registered: the catalog says so, in a version of its own.
    fn withdraw_campaign(&mut self, campaign: CampaignId, at: Timestamp) -> usize {
        let count = |player: &Self| {
            let live = player.states.values().flat_map(|state| claims::live(&player.snapshot, state, at));
            live.filter(|live| live.claim.campaign == campaign).count()
        };
        let before = count(self);
        self.register.withdraw_claims(campaign, self.snapshot.version);
        self.apply(None);
        before - count(self)
    }

    fn compare_claims(&self, asked: &Claims, then: &Expected, at: Timestamp) -> Result<(), String> {
        let (customer, party) = self.customer_and_party(&asked.customer, &asked.party);
        let state = self.states.get(&party).cloned().unwrap_or_default();
        let member = state.member(&party, &customer);
        let mut held: Vec<LiveClaim<'_>> =
            claims::live(&self.snapshot, &state, at).filter(|live| live.claim.member == member).collect();
        held.sort_by(|left, right| left.rank().order(&right.rank()));
        let instant = |text: &String| moment(text, at, &self.moments);
        let came: Vec<_> =
            held.iter().map(|live| (live.campaign.name.clone(), live.claim.from, live.claim.until)).collect();
        let wanted = then.live.iter();
        let wanted: Vec<_> = wanted
            .map(|claim| (claim.campaign.clone(), instant(&claim.from), instant(&claim.until)))
            .collect();
        same("live claims", &came, &wanted)?;
        for (live, wanted) in held.iter().zip(&then.live) {
            if wanted.score.is_some() {
                same("score of a claim", &live.claim.score, &wanted.score)?;
            }
            if let Some(channels) = &wanted.channels {
                let names = &self.snapshot.register.channels;
                let held = live.claim.channels.iter().map(|channel| names[channel.index()].clone());
                same("channels of a claim", &held.collect(), channels)?;
            }
        }
        Ok(())
    }
}

fn code(error: ClaimError) -> Refused {
    match error {
        ClaimError::TooMany => "RESOURCE_EXHAUSTED",
        ClaimError::PartyFull => "FAILED_PRECONDITION",
        ClaimError::CampaignUnknown => "NOT_FOUND",
    }
}
