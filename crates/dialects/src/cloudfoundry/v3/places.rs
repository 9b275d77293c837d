//! `GET /v3/organizations`, `/v3/spaces` and `/v3/apps`: places as v3 resources, where the command line's version 8 looks
//! names up.
//!
//! Parameters that would narrow the list by what events do not tell are refused, as unknown ones are.

use annals_model::{Order, Principal};
use serde_json::{Value, json};

use super::{
    super::{
        Config, access,
        condition::TextTest,
        errors::Problem,
        places::{self, GUID, NAME, ORGANIZATION, Place, SPACE, Wanted},
    },
    links::PageOf,
    request::{Nested, Paging, joined},
};
use crate::host::{Body, Call};

/// Columns that places may be ordered by. Times are not known of them, so only the direction has an effect: they come
/// by name.
const ORDER_BY: [&str; 3] = ["created_at", "updated_at", "name"];

/// A list: its path, its parameters, and what each asks of a place.
struct List {
    path: &'static str,
    allowed: &'static [&'static str],
    columns: &'static [(&'static str, &'static str)],
}

const ORGANIZATIONS: List = List {
    path: "/v3/organizations",
    allowed: &["page", "per_page", "order_by", "names", "guids"],
    columns: &[("names", NAME), ("guids", GUID)],
};
const SPACES: List = List {
    path: "/v3/spaces",
    allowed: &["page", "per_page", "order_by", "names", "guids", "organization_guids"],
    columns: &[("names", NAME), ("guids", GUID), ("organization_guids", ORGANIZATION)],
};
const APPS: List = List {
    path: "/v3/apps",
    allowed: &["page", "per_page", "order_by", "names", "guids", "organization_guids", "space_guids"],
    columns: &[
        ("names", NAME),
        ("guids", GUID),
        ("organization_guids", ORGANIZATION),
        ("space_guids", SPACE),
    ],
};

/// Answers `GET /v3/organizations`.
pub(in super::super) async fn organizations(
    call: &Call,
    settings: &Config,
    principal: &Principal,
) -> Result<Body, Problem> {
    let request = Request::read(&ORGANIZATIONS, call, settings, principal)?;
    let found = places::organizations(call, principal, &request.wanted).await?;
    Ok(request.answer(call, found, |place, resource| {
        resource["name"] = place.name.as_str().into();
        resource["suspended"] = false.into();
    }))
}

/// Answers `GET /v3/spaces`.
pub(in super::super) async fn spaces(
    call: &Call,
    settings: &Config,
    principal: &Principal,
) -> Result<Body, Problem> {
    let request = Request::read(&SPACES, call, settings, principal)?;
    let found = places::spaces(call, principal, &request.wanted).await?;
    Ok(request.answer(call, found, |place, resource| {
        resource["name"] = place.name.as_str().into();
        resource["relationships"] = json!({ "organization": related(place.organization.as_deref()) });
    }))
}

/// Answers `GET /v3/apps`: the applications that events were about, deleted ones included.
pub(in super::super) async fn apps(
    call: &Call,
    settings: &Config,
    principal: &Principal,
) -> Result<Body, Problem> {
    let request = Request::read(&APPS, call, settings, principal)?;
    let found = places::apps(call, principal, &request.wanted).await?;
    Ok(request.answer(call, found, |place, resource| {
        resource["name"] = place.name.as_str().into();
        resource["relationships"] = json!({ "space": related(place.space.as_deref()) });
    }))
}

fn related(guid: Option<&str>) -> Value {
    json!({ "data": guid.map(|guid| json!({ "guid": guid })) })
}

/// What was asked, by somebody who may ask.
struct Request {
    path: &'static str,
    paging: Paging,
    wanted: Wanted,
    /// Name and value of every filter that was sent, for links.
    sent: Vec<(String, String)>,
}

impl Request {
    fn read(list: &List, call: &Call, settings: &Config, principal: &Principal) -> Result<Self, Problem> {
        access::check_scopes(principal)?;
        let parameters = Nested::read(&call.query);
        let mut wrong = Vec::new();
        let paging = Paging::read(&parameters, &ORDER_BY, &mut wrong);
        parameters.check_names(list.allowed, &mut wrong);
        let (mut tests, mut sent) = (Vec::new(), Vec::new());
        for (name, column) in list.columns {
            match parameters.get(name).map(|given| given.list(name)) {
                None => {}
                Some(Ok(items)) => {
                    sent.push(((*name).to_owned(), joined(&items)));
                    tests.push((*column, TextTest::OneOf(items.into_iter().collect())));
                }
                Some(Err(problem)) => wrong.push(problem),
            }
        }
        wrong.extend(paging.beyond(settings.max_total_results));
        if wrong.is_empty() {
            Ok(Self { path: list.path, paging, wanted: Wanted::new(tests), sent })
        } else {
            Err(Problem::BadQuery(wrong.join(", ")))
        }
    }

    /// The page of these, each with what `complete` says of it.
    fn answer(&self, call: &Call, mut found: Vec<Place>, complete: impl Fn(&Place, &mut Value)) -> Body {
        if self.paging.order() == Order::Descending {
            found.reverse();
        }
        let page =
            PageOf { base_url: &call.base_url, path: self.path, paging: self.paging, sent: &self.sent };
        let frame = page.frame(found.len() as u64);
        let skipped = usize::try_from(page.offset()).unwrap_or(usize::MAX);
        let shown = found.iter().skip(skipped).take(self.paging.per_page as usize);
        let resources: Vec<String> = shown
            .map(|place| {
                let mut resource = json!({ "guid": place.guid, "created_at": null, "updated_at": null });
                complete(place, &mut resource);
                resource["metadata"] = json!({ "labels": {}, "annotations": {} });
                resource["links"] = json!({});
                resource.to_string()
            })
            .collect();
        format!("{}{}{}", frame.open, resources.join(frame.separator), frame.close).into()
    }
}
