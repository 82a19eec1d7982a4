//! Bytes as a state.

use super::{
    ABOUT_SUBJECT, ANSWERED, AT_POINT, CHARGED, CLAIM_CHANNELS, CLAIM_OF_MEMBER, CLAIM_SCORE,
    CLAIM_SCORE_MICROS, CLAIMS, CodecError, EXTENDED, FOLDED, KEYED, KIND_OF_MEMBER, MAX_CHARGES,
    MAX_CLAIM_CHANNELS, MAX_MEMBER_BYTES, MEMBERS, OF_MEMBER, OUT_OF_SEQUENCE, PLANNED, SEGMENTED, TASTES,
};
use crate::compiled::EngagementKind;
use crate::customer::{
    AccountKey, Charge, Claim, Contact, CustomerState, Engagement, MAX_CLAIMS, MAX_CONTACTS, MAX_ENGAGEMENTS,
    MAX_MEMBERS, MAX_SEGMENTS, MAX_SUPPRESSIONS, Member, Pool, Status, Suppression, Taste, Whose,
};
use crate::ids::{CampaignId, CapacityId, ChannelId, FamilyId, ONE, SegmentId, TermsId};
use crate::time::Timestamp;

pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl Reader<'_> {
    pub(crate) fn byte(&mut self) -> Result<u8, CodecError> {
        let (first, rest) = self.0.split_first().ok_or(CodecError::Damaged("too short"))?;
        self.0 = rest;
        Ok(*first)
    }

    fn varint(&mut self) -> Result<u64, CodecError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(CodecError::Damaged("a number is too long"))
    }

    pub(super) fn signed(&mut self) -> Result<i64, CodecError> {
        let value = self.varint()?;
        Ok((value >> 1).cast_signed() ^ -((value & 1).cast_signed()))
    }

    pub(super) fn small(&mut self) -> Result<u32, CodecError> {
        u32::try_from(self.varint()?).map_err(|_| CodecError::Damaged("a number is too large"))
    }

    fn optional(&mut self) -> Result<Option<u32>, CodecError> {
        Ok(self.small()?.checked_sub(1))
    }

    pub(crate) fn length(&mut self, most: usize) -> Result<usize, CodecError> {
        let length =
            usize::try_from(self.varint()?).map_err(|_| CodecError::Damaged("a list is too long"))?;
        if length > most { Err(CodecError::Damaged("a list is too long")) } else { Ok(length) }
    }

    fn key(&mut self) -> Result<u64, CodecError> {
        let (key, rest) = self.0.split_first_chunk::<8>().ok_or(CodecError::Damaged("too short"))?;
        self.0 = rest;
        Ok(u64::from_le_bytes(*key))
    }

    pub(super) fn segment_sets(&mut self) -> Result<Vec<Vec<SegmentId>>, CodecError> {
        let sets = self.length(MAX_CONTACTS)?;
        (0..sets)
            .map(|_| (0..self.length(MAX_SEGMENTS)?).map(|_| self.small().map(SegmentId)).collect())
            .collect()
    }

    pub(super) fn contacts(&mut self) -> Result<Vec<Contact>, CodecError> {
        let length = self.length(MAX_CONTACTS)?;
        let mut contacts = Vec::with_capacity(length + 1);
        let (mut time, mut expected) = (0_i64, 1_u32);
        for _ in 0..length {
            time = time.wrapping_add(self.signed()?);
            let terms = TermsId(self.small()?);
            let flags = self.byte()?;
            let sequence = if flags & OUT_OF_SEQUENCE == 0 { expected } else { self.small()? };
            let segment_set = if flags & SEGMENTED == 0 { 0 } else { self.small()? };
            let key = if flags & KEYED == 0 { None } else { Some(self.key()?) };
            let count = if flags & FOLDED == 0 { 1 } else { self.small()? };
            let more = if flags & EXTENDED == 0 { 0 } else { self.byte()? };
            let (whose, lead_ms, charges) = self.extension(more)?;
            let status = Status::of(flags & 3).ok_or(CodecError::Damaged("no such status"))?;
            contacts.push(Contact {
                time: Timestamp(time),
                sequence,
                terms,
                status,
                is_answered: flags & ANSWERED != 0,
                segment_set,
                key,
                count,
                whose,
                lead_ms,
                charges,
            });
            expected = sequence.wrapping_add(1);
        }
        Ok(contacts)
    }

    fn engagement_kind(&mut self) -> Result<(EngagementKind, Member), CodecError> {
        let byte = self.byte()?;
        let kind = EngagementKind::of(u64::from(byte & !KIND_OF_MEMBER))
            .ok_or(CodecError::Damaged("no such engagement"))?;
        Ok((kind, Member(self.where_flagged(byte, KIND_OF_MEMBER)?)))
    }

    /// A number that is only there where a flag says so.
    fn where_flagged(&mut self, flags: u8, flag: u8) -> Result<u32, CodecError> {
        if flags & flag == 0 { Ok(0) } else { self.small() }
    }

    fn key_where_flagged(&mut self, flags: u8, flag: u8) -> Result<u64, CodecError> {
        if flags & flag == 0 { Ok(0) } else { self.key() }
    }

    fn extension(&mut self, flags: u8) -> Result<(Whose, i64, Vec<Charge>), CodecError> {
        let whose = Whose {
            member: Member(self.where_flagged(flags, OF_MEMBER)?),
            contact_point: self.key_where_flagged(flags, AT_POINT)?,
            subject: self.key_where_flagged(flags, ABOUT_SUBJECT)?,
        };
        let lead = if flags & PLANNED == 0 { 0 } else { self.varint()? };
        let lead_ms = i64::try_from(lead).map_err(|_| CodecError::Damaged("a number is too large"))?;
        let charges = if flags & CHARGED == 0 { Vec::new() } else { self.charges()? };
        Ok((whose, lead_ms, charges))
    }

    fn charges(&mut self) -> Result<Vec<Charge>, CodecError> {
        let length = self.length(MAX_CHARGES)?;
        (0..length)
            .map(|_| {
                let account = AccountKey {
                    capacity: CapacityId(self.small()?),
                    per: self.optional()?,
                    start: Timestamp(self.signed()?),
                };
                Ok(Charge { account, pool: Pool(self.small()?), amount: self.signed()? })
            })
            .collect()
    }

    pub(crate) fn sections(&mut self, state: &mut CustomerState) -> Result<(), CodecError> {
        let sections = self.byte()?;
        if sections & MEMBERS != 0 {
            let length = self.length(MAX_MEMBERS)?;
            state.members = (0..length).map(|_| self.member()).collect::<Result<_, _>>()?;
        }
        if sections & CLAIMS != 0 {
            state.claims = self.claims(state.clock)?;
        }
        if sections & TASTES != 0 {
            let length = self.length(MAX_ENGAGEMENTS)?;
            state.tastes = (0..length).map(|_| self.taste()).collect::<Result<_, _>>()?;
        }
        Ok(())
    }

    fn member(&mut self) -> Result<String, CodecError> {
        let length = self.length(MAX_MEMBER_BYTES)?;
        let (name, rest) = self.0.split_at_checked(length).ok_or(CodecError::Damaged("too short"))?;
        self.0 = rest;
        String::from_utf8(name.to_vec()).map_err(|_| CodecError::Damaged("a name is not UTF-8"))
    }

    fn taste(&mut self) -> Result<Taste, CodecError> {
        Ok(Taste {
            member: Member(self.small()?),
            family: FamilyId(self.small()?),
            time: Timestamp(self.signed()?),
            strength: self.number()?,
        })
    }

    fn number(&mut self) -> Result<f64, CodecError> {
        let number = f64::from_bits(self.key()?);
        if number.is_finite() { Ok(number) } else { Err(CodecError::Damaged("a number is not finite")) }
    }

    fn claims(&mut self, clock: Timestamp) -> Result<Vec<Claim>, CodecError> {
        let length = self.length(MAX_CLAIMS)?;
        let mut from = clock.0;
        let mut claims = Vec::with_capacity(length + 1);
        for _ in 0..length {
            let flags = self.byte()?;
            let member = Member(self.where_flagged(flags, CLAIM_OF_MEMBER)?);
            let campaign = CampaignId(self.small()?);
            let channels = if flags & CLAIM_CHANNELS == 0 { 0 } else { self.length(MAX_CLAIM_CHANNELS)? };
            let channels = (0..channels).map(|_| self.small().map(ChannelId)).collect::<Result<_, _>>()?;
            from = from.wrapping_add(self.signed()?);
            let until = Timestamp(from.wrapping_add(self.signed()?));
            let score = self.score(flags)?;
            let version = self.varint()?;
            claims.push(Claim { member, campaign, channels, from: Timestamp(from), until, score, version });
        }
        Ok(claims)
    }

    fn score(&mut self, flags: u8) -> Result<Option<f64>, CodecError> {
        if flags & CLAIM_SCORE_MICROS != 0 {
            #[expect(clippy::cast_precision_loss, reason = "written from a score that this gives back")]
            return Ok(Some(self.signed()? as f64 / ONE as f64));
        }
        if flags & CLAIM_SCORE != 0 { self.number().map(Some) } else { Ok(None) }
    }

    pub(crate) fn engagements(&mut self) -> Result<Vec<Engagement>, CodecError> {
        let mut engagements = Vec::new();
        self.engagements_into(&mut engagements)?;
        Ok(engagements)
    }

    /// [`Reader::engagements`] behind those that a list holds.
    pub(crate) fn engagements_into(&mut self, engagements: &mut Vec<Engagement>) -> Result<(), CodecError> {
        let length = self.length(MAX_ENGAGEMENTS)?;
        engagements.reserve(length + 1);
        let mut time = 0_i64;
        for _ in 0..length {
            time = time.wrapping_add(self.signed()?);
            let (kind, member) = self.engagement_kind()?;
            engagements.push(Engagement {
                member,
                time: Timestamp(time),
                kind,
                terms: self.optional()?.map(TermsId),
                offer_family: self.optional()?.map(FamilyId),
                channel: self.optional()?.map(ChannelId),
                value: self.signed()?,
                key: self.key()?,
            });
        }
        Ok(())
    }

    pub(crate) fn suppressions(&mut self) -> Result<Vec<Suppression>, CodecError> {
        let length = self.length(MAX_SUPPRESSIONS + 2 * MAX_MEMBERS)?;
        (0..length)
            .map(|_| {
                let since = Timestamp(self.signed()?);
                let (kind, member) = self.engagement_kind()?;
                Ok(Suppression { member, since, kind, channel: self.optional()?.map(ChannelId) })
            })
            .collect()
    }
}
