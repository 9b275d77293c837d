//! Links between the pages of a v3 list: absolute, parameters sorted by name and encoded as a form.

use annals_model::Order;
use serde_json::Value;

use super::request::Paging;
use crate::listing::Frame;

/// A page of a list, as far as links know it.
pub(super) struct PageOf<'r> {
    /// The server's address.
    pub(super) base_url: &'r str,
    /// The list's path.
    pub(super) path: &'static str,
    /// Which page, and how long pages are.
    pub(super) paging: Paging,
    /// Name and value of every filter that was sent.
    pub(super) sent: &'r [(String, String)],
}

impl PageOf<'_> {
    /// What surrounds its resources, of so many in all.
    pub(super) fn frame(&self, total: u64) -> Frame {
        let pages = total.div_ceil(u64::from(self.paging.per_page)).max(1);
        let link = |page: u64| {
            let href = Value::from(self.address(page));
            format!(r#"{{"href":{href}}}"#)
        };
        let maybe = |page: Option<u64>| page.map_or_else(|| "null".to_owned(), link);
        let next = maybe((self.paging.page < pages).then(|| self.paging.page + 1));
        let previous = maybe((self.paging.page > 1).then(|| self.paging.page - 1));
        let (first, last) = (link(1), link(pages));
        Frame {
            open: format!(
                r#"{{"pagination":{{"total_results":{total},"total_pages":{pages},"first":{first},"last":{last},"next":{next},"previous":{previous}}},"resources":["#
            ),
            separator: ",",
            close: "]}".to_owned(),
        }
    }

    /// Resources before this page.
    pub(super) fn offset(&self) -> u64 {
        (self.paging.page - 1).saturating_mul(u64::from(self.paging.per_page))
    }

    /// The address of another page of the same list.
    fn address(&self, page: u64) -> String {
        let mut parameters = self.sent.to_vec();
        parameters.push(("page".to_owned(), page.to_string()));
        parameters.push(("per_page".to_owned(), self.paging.per_page.to_string()));
        if let Some((column, order)) = self.paging.order_by {
            let sign = if order == Order::Descending { '-' } else { '+' };
            parameters.push(("order_by".to_owned(), format!("{sign}{column}")));
        }
        parameters.sort_unstable();
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&parameters).finish();
        format!("{}{}?{query}", self.base_url, self.path)
    }
}
