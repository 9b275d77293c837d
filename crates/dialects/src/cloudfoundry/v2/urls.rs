//! `prev_url` and `next_url`, spelled as cloud_controller_ng does: parameters sorted by name, encoded as the Addressable
//! library does.

use std::fmt::Write;

use annals_model::Order;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::request::{Paging, Parameters};

/// Everything but what may stand in a query by RFC 3986 and is not a separator of parameters.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b',')
    .remove(b'=')
    .remove(b':')
    .remove(b'@')
    .remove(b'/')
    .remove(b'?');

/// The address of another page of the list at `path`. Parameters that were not sent are left out, except those of paging.
pub(super) fn of_page(
    path: &str,
    order_by: &[&str],
    parameters: &Parameters,
    paging: &Paging,
    page: u64,
) -> String {
    let mut url = path.to_owned();
    let mut separator = '?';
    let mut add = |name: &str, value: &str| {
        // Writing into a text cannot fail.
        let _ = write!(url, "{separator}{name}={}", utf8_percent_encode(value, ENCODED));
        separator = '&';
    };
    parameters.exclude.iter().for_each(|relation| add("exclude-relations", relation));
    parameters.include.iter().for_each(|relation| add("include-relations", relation));
    if let Some(depth) = parameters.depth {
        add("inline-relations-depth", &depth.to_string());
    }
    order_by.iter().for_each(|column| add("order-by", column));
    add("order-direction", if paging.order == Order::Ascending { "asc" } else { "desc" });
    if let Some(orphans) = parameters.orphans {
        add("orphan-relations", &orphans.to_string());
    }
    add("page", &page.to_string());
    parameters.queries.iter().for_each(|query| add("q", query));
    add("results-per-page", &paging.per_page.to_string());
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(query: &str) -> String {
        let parameters = Parameters::read(query).unwrap();
        let paging = parameters.paging(&super::super::super::Config::default()).unwrap();
        of_page("/v2/events", &["timestamp", "id"], &parameters, &paging, paging.page + 1)
    }

    #[test]
    fn links_are_spelled_as_the_platform_does() {
        let before = "/v2/events?order-by=timestamp&order-by=id&order-direction=asc&page=2";
        for (query, rest) in [
            ("", ""),
            (
                "q=actee:cc27&q=timestamp%3E2014-01-01+00%3A00%3A00-04%3A00",
                "&q=actee:cc27&q=timestamp%3E2014-01-01%2000:00:00-04:00",
            ),
            ("q=type+IN+a,b,c", "&q=type%20IN%20a,b,c"),
            ("q=type:a%3Bactee:b", "&q=type:a%3Bactee:b"),
            ("q=timestamp%3E=2014-01-01", "&q=timestamp%3E=2014-01-01"),
            ("q=type:a%26b=c%2Bd%20e/f?g%25h%22i%23j", "&q=type:a%26b=c%2Bd%20e/f?g%25h%22i%23j"),
            ("q=actee:one%3B%3Btwo", "&q=actee:one%3B%3Btwo"),
            ("q=actee:gr%C3%B6%C3%9Fe", "&q=actee:gr%C3%B6%C3%9Fe"),
            ("unknown=1&order-by=id", ""),
        ] {
            assert_eq!(next(query), format!("{before}{rest}&results-per-page=50"), "{query}");
        }
    }

    #[test]
    fn what_was_sent_is_repeated_in_order_of_names() {
        let query = "results-per-page=0x2&q=type:a&orphan-relations=1&order-direction=desc&page=3\
                     &inline-relations-depth=1&include-relations=c&exclude-relations=a,b";
        assert_eq!(
            next(query),
            "/v2/events?exclude-relations=a&exclude-relations=b&include-relations=c&inline-relations-depth=1\
             &order-by=timestamp&order-by=id&order-direction=desc&orphan-relations=1&page=4&q=type:a\
             &results-per-page=2"
        );
    }
}
