/// The content type that ClickHouse sends with a format.
pub(super) fn content_type(format: &str) -> &'static str {
    match format {
        _ if format.starts_with("JSONEachRow")
            || format.ends_with("EachRow") && format.starts_with("JSON")
            || format.ends_with("EachRowWithProgress") =>
        {
            "application/x-ndjson; charset=UTF-8"
        }
        _ if format.starts_with("JSON") => "application/json; charset=UTF-8",
        "CSVWithNames" | "CSVWithNamesAndTypes" => "text/csv; charset=UTF-8; header=present",
        _ if format.starts_with("CSV") => "text/csv; charset=UTF-8; header=absent",
        _ if format.starts_with("TabSeparated") || format.starts_with("TSV") => {
            "text/tab-separated-values; charset=UTF-8"
        }
        _ if format.starts_with("RowBinary") => "application/octet-stream",
        "Native" | "Npy" | "MsgPack" | "BSONEachRow" | "CapnProto" | "Buffers" => "application/octet-stream",
        "Parquet" => "application/vnd.apache.parquet",
        "Arrow" => "application/vnd.apache.arrow.file",
        "ArrowStream" => "application/vnd.apache.arrow.stream",
        "XML" => "application/xml; charset=UTF-8",
        "Markdown" => "text/markdown; charset=UTF-8",
        _ => "text/plain; charset=UTF-8",
    }
}
