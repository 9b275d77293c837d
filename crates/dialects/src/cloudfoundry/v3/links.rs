//! Links between the pages of a v3 list: absolute, parameters sorted by name and encoded as a form.

use annals_model::Order;

use super::request::ListRequest;

/// The address of another page of the same list.
pub(super) fn of_page(base_url: &str, request: &ListRequest, page: u64) -> String {
    let mut parameters = request.sent.clone();
    parameters.push(("page".to_owned(), page.to_string()));
    parameters.push(("per_page".to_owned(), request.per_page.to_string()));
    if let Some((column, order)) = request.order_by {
        let sign = if order == Order::Descending { '-' } else { '+' };
        parameters.push(("order_by".to_owned(), format!("{sign}{column}")));
    }
    parameters.sort_unstable();
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&parameters).finish();
    format!("{base_url}/v3/audit_events?{query}")
}
