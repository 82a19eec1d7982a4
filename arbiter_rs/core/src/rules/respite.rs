//! Respite: no contact for a span after an event.

use super::{Rule, View, is_of_family};
use crate::compiled::CompiledRespite;
use crate::customer::Engagement;
use crate::decision::{Denial, Reason};
use crate::time::Timestamp;
use crate::windows::Span;

/// Looks at the latest event of the named kinds that is not after the moment; only that one counts.
#[derive(Clone, Debug)]
pub struct Respite {
    pub(crate) span: Span,
    /// The rule as compiled.
    pub written: CompiledRespite,
}

impl Respite {
    fn starts(&self, view: &View<'_>, engagement: &Engagement) -> bool {
        self.written.after.contains(&engagement.kind)
            && self.written.min_value.is_none_or(|least| engagement.value >= least)
            && (self.written.of.is_none() || is_of_family(view, engagement))
    }

    fn latest(&self, view: &View<'_>, t: Timestamp) -> Option<Timestamp> {
        view.engagements()
            .rev()
            .find(|engagement| engagement.time <= t && self.starts(view, engagement))
            .map(|engagement| engagement.time)
    }
}

impl Rule for Respite {
    fn check(&self, view: &View<'_>, t: Timestamp) -> Option<Denial> {
        let event = self.latest(view, t)?;
        let end = self.span.end(event, view.calendar, &view.snapshot.calendar);
        end.is_none_or(|end| t < end).then(|| Denial::plain(Reason::Respite))
    }

    fn next_change(&self, view: &View<'_>, t: Timestamp) -> Option<Timestamp> {
        let end = self
            .latest(view, t)
            .and_then(|event| self.span.end(event, view.calendar, &view.snapshot.calendar));
        let later_events = view
            .engagements()
            .filter(|engagement| self.starts(view, engagement))
            .map(|engagement| engagement.time);
        later_events.chain(end).filter(|change| *change > t).min()
    }
}
