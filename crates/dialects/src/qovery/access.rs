//! Who asks, and what of one organization they may read. Every query of this dialect is made here.

use annals_model::{Presented, Principal, Query, Refusal, Scope, TimeRange, Timestamp};
use http::header::AUTHORIZATION;

use super::{Problem, Qovery, wire::uuid_text};
use crate::host::{Call, Host};

const NANOS_PER_DAY: i64 = 24 * 60 * 60 * 1_000_000_000;

/// What a caller may read of one organization.
pub(super) struct Access<'c> {
    host: &'c dyn Host,
    scope: Scope,
    /// The organization's id.
    pub(super) organization: String,
    /// Before this instant nothing may be read, though it is kept.
    pub(super) read_limit: Option<Timestamp>,
    /// Whether the organization is one that the caller's rights name.
    named: bool,
}

/// Who asks: `Authorization: Bearer …` or `Authorization: Token …`, either with any credential.
///
/// # Errors
/// When the credential is missing or refused.
pub(super) async fn principal(call: &Call) -> Result<Principal, Problem> {
    let mut headers = call.headers.get_all(AUTHORIZATION).iter();
    let (Some(header), None) = (headers.next(), headers.next()) else { return Err(Problem::Unauthorized) };
    let (scheme, token) =
        header.to_str().ok().and_then(|text| text.trim().split_once(' ')).ok_or(Problem::Unauthorized)?;
    let known = ["bearer", "token"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    let token = token.trim();
    if !known || token.is_empty() {
        return Err(Problem::Unauthorized);
    }
    let verdict = call.host.authenticate(Presented::Token(token.to_owned())).await;
    verdict.map_err(|refusal| match refusal {
        Refusal::Unavailable => Problem::Unavailable,
        Refusal::Unknown | Refusal::Expired | Refusal::BadSignature | Refusal::Unacceptable => {
            Problem::Unauthorized
        }
    })
}

/// What the caller may read of the organization in the path.
///
/// # Errors
/// When the credential is missing or refused, the organization's id is no UUID, or the caller has no right on it.
pub(super) async fn organization<'c>(dialect: &Qovery, call: &'c Call) -> Result<Access<'c>, Problem> {
    let principal = principal(call).await?;
    let given = call.parameters.first().map_or("", String::as_str);
    let organization = uuid_text(given)
        .ok_or_else(|| Problem::BadRequest(format!("organizationId: '{given}' is not a UUID")))?;
    let everything = principal.read_scope();
    let access = of_scope(dialect, call, &everything, organization);
    if access.scope.is_nothing() {
        return Err(Problem::Forbidden);
    }
    Ok(access)
}

/// What of one organization lies in a scope.
pub(super) fn of_scope<'c>(
    dialect: &Qovery,
    call: &'c Call,
    scope: &Scope,
    organization: String,
) -> Access<'c> {
    let days = dialect.read_limit_days(&organization);
    let named = scope.organizations().is_some_and(|known| known.contains(&organization.as_str()));
    Access {
        host: call.host.as_ref(),
        scope: scope.narrow_to_organization(&organization),
        read_limit: days.map(|days| read_limit(call.host.now(), days)),
        organization,
        named,
    }
}

/// The first instant whose events may be read of an organization that may read so many days back.
pub(super) fn read_limit(now: Timestamp, days: u32) -> Timestamp {
    now.plus_nanos(-i64::from(days).saturating_mul(NANOS_PER_DAY))
}

impl Access<'_> {
    /// Everything of the organization, beyond its read limit too.
    pub(super) fn unlimited_query(&self) -> Query {
        Query::new(self.scope.clone())
    }

    /// Everything of the organization that may be read.
    pub(super) fn query(&self) -> Query {
        self.unlimited_query().range(TimeRange::new(self.read_limit, None))
    }

    /// A page of events.
    pub(super) async fn page(&self, query: Query) -> Result<annals_model::Page, Problem> {
        Ok(self.host.page(query).await?)
    }

    /// Whether a query selects anything.
    pub(super) async fn any(&self, query: Query) -> Result<bool, Problem> {
        Ok(!self.page(query.limit(1)).await?.events.is_empty())
    }

    /// The distinct values of a field among the events of a query, the most frequent first.
    pub(super) async fn values(
        &self,
        query: Query,
        field: annals_model::Field,
        limit: usize,
    ) -> Result<Vec<String>, Problem> {
        // One group may be that of the events without a value.
        let groups = self.host.group(query, field, limit + 1).await?;
        Ok(groups.into_iter().filter_map(|group| group.value).take(limit).collect())
    }

    /// Refuses an organization that nobody has heard of: the caller's rights do not name it, and no event does.
    pub(super) async fn require_known(&self) -> Result<(), Problem> {
        if self.named || self.any(self.unlimited_query()).await? { Ok(()) } else { Err(Problem::NotFound) }
    }
}
