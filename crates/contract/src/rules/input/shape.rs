
/// The integer formats of the OpenAPI format registry, with their least and greatest values.
pub(super) const INTEGERS: [(&str, f64, f64); 8] = [
    ("int8", -128.0, 127.0),
    ("int16", -32_768.0, 32_767.0),
    ("int32", -2_147_483_648.0, 2_147_483_647.0),
    ("int64", -9_223_372_036_854_775_808.0, 9_223_372_036_854_775_807.0),
    ("uint8", 0.0, 255.0),
    ("uint16", 0.0, 65_535.0),
    ("uint32", 0.0, 4_294_967_295.0),
    ("uint64", 0.0, 18_446_744_073_709_551_615.0),
];

/// Whether an array can only be short although it has no `maxItems`: nothing but the items described one by one, or each of
/// a list once.
pub(super) fn is_short(value: &Value<'_, '_>) -> bool {
    let shut = |keyword| value.get(keyword).and_then(Node::as_bool) == Some(false);
    if shut(Keyword::Items) || shut(Keyword::UnevaluatedItems) {
        return true;
    }
    let is_set = value.has(Keyword::UniqueItems) && value.get(Keyword::UniqueItems).and_then(Node::as_bool) == Some(true);
    is_set && value.children(Role::Items).iter().any(|item| item.is_closed())
}
