//! Amazon RDS's events: `POST /` with `Action=DescribeEvents` or `Action=DescribeEventCategories`, AWS's query protocol.
//!
//! The path of a request through this folder: `signature` reads who signed it, `request` checks its parameters and
//! `marker` where its page begins, here the store is asked and the answer framed, `event` writes each event as `xml`,
//! `vocabulary` and `messages` say which words RDS has for events, `problem` says what went wrong. `event` also reads
//! RDS's own events. `docs/dialects/rds.md` states what is supported and what was chosen.

mod event;
mod marker;
mod messages;
mod problem;
mod request;
mod signature;
#[cfg(test)]
mod tests;
mod vocabulary;
mod xml;

use annals_model::{Event, InvalidEvent, Order, Query, Role, Scope, Start, TimeRange, Timestamp};
use futures_util::{FutureExt, future::BoxFuture};
use http::StatusCode;
use uuid::Uuid;

use self::{
    problem::{NAMESPACE, Problem, xml_reply},
    request::Asked,
    vocabulary::{NAME, RDS},
    xml::Xml,
};
use crate::{
    Dialect,
    database_events::vocabulary::listed_as,
    host::{Call, Import, Reply, Route},
    object::read_events,
    parameters::Parameters,
    shown::{Listing, Proof, Shown, second_of},
};

const ROUTES: &[Route] = &[Route::post("/")];
/// The member that holds the events of an answer as AWS's command line prints it.
const EVENTS: &str = "Events";
const DESCRIBE_EVENTS: &str = "DescribeEvents";
const DESCRIBE_EVENT_CATEGORIES: &str = "DescribeEventCategories";
/// The region in which an event is shown to somebody who does not say where they ask.
const REGION_SHOWN: &str = "us-east-1";
/// The version of the API that is spoken.
const VERSION: &str = "2014-10-31";
/// What RDS calls the version of a request that names none.
const VERSION_NONE: &str = "NO_VERSION_SPECIFIED";
/// Bytes of the parameters of a request. All of them are hashed before anybody is known to have signed them.
const PARAMETERS_BYTES_MAX: usize = 64 << 10;

/// The dialect.
pub(crate) struct Rds;

impl Dialect for Rds {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routes(&self) -> &'static [Route] {
        ROUTES
    }

    fn prefixes(&self) -> &'static [&'static str] {
        // Everything it has is at the root.
        &[]
    }

    fn openapi(&self) -> &'static str {
        include_str!("openapi.json")
    }

    fn serve(&self, call: Call) -> BoxFuture<'_, Reply> {
        async move { answer(&call).await.unwrap_or_else(|problem| problem.reply(call.request_id)) }.boxed()
    }

    fn read(&self, body: &[u8], import: &Import) -> Result<Vec<Result<Event, InvalidEvent>>, InvalidEvent> {
        if import.organization.as_deref().unwrap_or_default().is_empty() {
            let message = "is missing: the events name no tenant, so the import must";
            return Err(InvalidEvent::new("organization", message));
        }
        read_events(body, Some(EVENTS), |text| event::read(text, import))
    }

    fn show(&self, event: &Event, _: &str, _: Timestamp) -> Result<Shown, String> {
        let (target, source_type) = listed_as(&RDS, "RDS", event)?;
        let mut xml = Xml::default();
        event::write(event, REGION_SHOWN, &mut xml);
        let second = event.time.to_rfc3339_seconds();
        let parameters = vec![
            ("Action", DESCRIBE_EVENTS.to_owned()),
            ("Version", VERSION.to_owned()),
            ("StartTime", second),
            ("EndTime", second_of(event).1.to_rfc3339_seconds()),
            ("SourceType", source_type.word.to_owned()),
            ("SourceIdentifier", target.to_owned()),
        ];
        let proof = Proof::AwsSignature("aws:amz:us-east-1:rds");
        Ok(Shown {
            content_type: "text/xml",
            body: xml.into_text(),
            request: Listing { path: "/".to_owned(), parameters, proof },
        })
    }
}

async fn answer(call: &Call) -> Result<Reply, Problem> {
    if call.route.is_none() {
        return Err(Problem::method());
    }
    if call.query.len() + call.body.len() > PARAMETERS_BYTES_MAX {
        return Err(Problem::too_long(PARAMETERS_BYTES_MAX));
    }
    // Nothing is told to somebody without a signature, not even which actions there are.
    let signed = signature::read(call, call.host.now()).map_err(Problem::unsigned)?;
    let principal = call.host.authenticate(signed.presented).await.map_err(Problem::refused)?;

    let parameters = Parameters::of_form(call);
    let action = request::one(&parameters, "Action")?.ok_or_else(Problem::missing_action)?;
    let version = request::one(&parameters, "Version")?.unwrap_or(VERSION_NONE);
    if ![DESCRIBE_EVENTS, DESCRIBE_EVENT_CATEGORIES].contains(&action) || version != VERSION {
        return Err(Problem::invalid_action(action, version));
    }
    let scope = principal.read_scope();
    if !principal.has(Role::Reader) || scope.is_nothing() {
        return Err(Problem::denied(&principal.name, action));
    }
    match action {
        DESCRIBE_EVENTS => events(call, &parameters, scope, &signed.region).await,
        _ => categories(call, &parameters),
    }
}

async fn events(call: &Call, parameters: &Parameters, scope: Scope, region: &str) -> Result<Reply, Problem> {
    let asked = Asked::by(parameters, call.host.now())?;
    let query = Query::new(scope)
        .range(TimeRange::new(Some(asked.from), Some(asked.to)))
        .filter(asked.filter.clone())
        .order(Order::Ascending)
        .start(asked.after.map_or(Start::Beginning, Start::After))
        .limit(asked.limit);
    let page = call.host.page(query).await.map_err(|failure| Problem::failed(&failure))?;
    Ok(reply(DESCRIBE_EVENTS, call.request_id, |xml| {
        if let Some(position) = page.next() {
            xml.text("Marker", &asked.marker(position).to_string());
        }
        xml.element(EVENTS, |xml| {
            for event in &page.events {
                event::write(event, region, xml);
            }
        });
    }))
}

fn categories(call: &Call, parameters: &Parameters) -> Result<Reply, Problem> {
    request::refuse_filters(parameters)?;
    let asked = request::source_type(parameters)?;
    let wanted = RDS.source_types.iter().filter(|it| match asked {
        Some(asked) => it.word == asked.word,
        // RDS lists the types that have categories.
        None => !it.rows.is_empty(),
    });
    Ok(reply(DESCRIBE_EVENT_CATEGORIES, call.request_id, |xml| {
        xml.element("EventCategoriesMapList", |xml| {
            for source_type in wanted {
                xml.element("EventCategoriesMap", |xml| {
                    xml.text("SourceType", source_type.word);
                    event::write_categories(source_type.rows.iter().map(|row| row.category), xml);
                });
            }
        });
    }))
}

/// The answer to an action.
fn reply(action: &str, request_id: Uuid, result: impl FnOnce(&mut Xml)) -> Reply {
    let mut xml = Xml::default();
    xml.root(&format!("{action}Response"), NAMESPACE, |xml| {
        xml.element(&format!("{action}Result"), result);
        xml.element("ResponseMetadata", |xml| xml.text("RequestId", &request_id.to_string()));
    });
    xml_reply(StatusCode::OK, xml, request_id)
}
