"""What a second catalog would have decided beside the active one."""

from dataclasses import dataclass
from datetime import datetime

from repit.answers import Denial
from repit.kinds import DenialReason, Verdict
from repit.times import time_in
from repit.v1.shadow_pb2 import ShadowDenialCount as ShadowDenialCountMessage
from repit.v1.shadow_pb2 import ShadowReport as ShadowReportMessage
from repit.v1.shadow_pb2 import ShadowSample as ShadowSampleMessage


@dataclass(frozen=True, slots=True)
class ShadowDenialCount:
    """How often a reason, or a rule, was the first to deny under either catalog.

    `only_active_count` of its denials under the active catalog are grants under the second, `only_shadow_count` the
    other way round.
    """

    reason: DenialReason
    policy: str
    rule: str
    active_count: int
    shadow_count: int
    only_active_count: int
    only_shadow_count: int

    @classmethod
    def from_message(cls, message: ShadowDenialCountMessage) -> "ShadowDenialCount":
        """The counts of a message."""
        return cls(
            reason=DenialReason.of_number(message.reason),
            policy=message.policy,
            rule=message.rule,
            active_count=message.active_count,
            shadow_count=message.shadow_count,
            only_active_count=message.only_active_count,
            only_shadow_count=message.only_shadow_count,
        )


@dataclass(frozen=True, slots=True)
class ShadowSample:
    """One decision that differs, with the first denial of each side that denied."""

    customer_id: str
    campaign_id: str
    channel: str
    ask_time: datetime | None
    active_verdict: Verdict
    shadow_verdict: Verdict
    active_denial: Denial | None
    shadow_denial: Denial | None

    @classmethod
    def from_message(cls, message: ShadowSampleMessage) -> "ShadowSample":
        """The sample of a message."""
        return cls(
            customer_id=message.customer_id,
            campaign_id=message.campaign_id,
            channel=message.channel,
            ask_time=time_in(message, "ask_time"),
            active_verdict=Verdict.of_number(message.active_verdict),
            shadow_verdict=Verdict.of_number(message.shadow_verdict),
            active_denial=Denial.from_message(message.active_denial) if message.HasField("active_denial") else None,
            shadow_denial=Denial.from_message(message.shadow_denial) if message.HasField("shadow_denial") else None,
        )


@dataclass(frozen=True, slots=True)
class ShadowReport:
    """What would have differed since the second catalog began.

    `decision_count` decisions of `request_count` requests were compared; `same_count`, `only_active_count` (granted by
    the active catalog alone), `only_shadow_count` and `other_reasons_count` (denied by both for different reasons) add
    up to it. `active_us` and `shadow_us` are the microseconds that deciding took under each.
    """

    start_time: datetime | None
    report_time: datetime | None
    catalog_version: int
    request_count: int
    left_out_count: int
    decision_count: int
    same_count: int
    only_active_count: int
    only_shadow_count: int
    other_reasons_count: int
    reasons: tuple[ShadowDenialCount, ...]
    rules: tuple[ShadowDenialCount, ...]
    samples: tuple[ShadowSample, ...]
    active_us: int
    shadow_us: int

    @classmethod
    def from_message(cls, message: ShadowReportMessage) -> "ShadowReport":
        """The report of a message."""
        return cls(
            start_time=time_in(message, "start_time"),
            report_time=time_in(message, "report_time"),
            catalog_version=message.catalog_version,
            request_count=message.request_count,
            left_out_count=message.left_out_count,
            decision_count=message.decision_count,
            same_count=message.same_count,
            only_active_count=message.only_active_count,
            only_shadow_count=message.only_shadow_count,
            other_reasons_count=message.other_reasons_count,
            reasons=tuple(ShadowDenialCount.from_message(count) for count in message.reasons),
            rules=tuple(ShadowDenialCount.from_message(count) for count in message.rules),
            samples=tuple(ShadowSample.from_message(sample) for sample in message.samples),
            active_us=message.active_us,
            shadow_us=message.shadow_us,
        )

    @property
    def differing_count(self) -> int:
        """The decisions that differ."""
        return self.decision_count - self.same_count

    def __str__(self) -> str:
        return (
            f"{self.differing_count:,} of {self.decision_count:,} decisions differ: "
            f"{self.only_active_count:,} granted by the active catalog alone, {self.only_shadow_count:,} by the second "
            f"alone, {self.other_reasons_count:,} denied for other reasons"
        )
