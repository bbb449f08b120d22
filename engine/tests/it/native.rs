//! The format Native for clients that name a revision of the protocol, as Go's does.

use crate::process::{Engine, plain_client};

async fn native(engine: &Engine, query: &str, sql: &str) -> Vec<u8> {
    let url = format!("{}?default_format=Native&{query}", engine.url());
    let answer = plain_client().post(url).body(sql.to_owned()).send().await.expect("answer");
    let status = answer.status();
    let body = answer.bytes().await.expect("body").to_vec();
    assert_eq!(status, 200, "{sql}: {}", String::from_utf8_lossy(&body));
    body
}

const BLOCK_INFO: [u8; 8] = [1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0];

#[tokio::test]
async fn columns_of_every_kind_are_found() {
    let engine = Engine::start();
    for expression in [
        "number",
        "toString(number)",
        "repeat('x', number * 100)",
        "toFixedString('abc', 5)",
        "toInt8(number)",
        "toDecimal32(number, 2)",
        "toDecimal64(number, 2)",
        "toDecimal128(number, 2)",
        "toDecimal256(number, 2)",
        "toInt256(number)",
        "generateUUIDv4(1) = generateUUIDv4(2)",
        "toUUID('00000000-0000-7000-8000-000000000001')",
        "toIPv4('127.0.0.1')",
        "toIPv6('::1')",
        "toDate('2026-01-30') + number",
        "toDateTime64('2026-01-30 10:30:00', 3, 'UTC')",
        "toDateTime('2026-01-30 10:30:00', 'Asia/Shanghai')",
        "toIntervalDay(number)",
        "CAST('a, (b' AS Enum8('a, (b' = 1, 'c\\'d' = 2))",
        "NULL",
        "nullIf(number, 1)",
        "nullIf(toString(number), '1')",
        "range(number)",
        "arrayMap(x -> arrayMap(y -> toString(y), range(x)), range(number))",
        "[nullIf(number, 1), 7]",
        "map('a', number, 'b', 7)",
        "map(toString(number), ['x', 'y'])",
        "(number, toString(number), [1])",
        "CAST((number, 'x') AS Tuple(a UInt64, `b c` String))",
        "toLowCardinality(toString(number))",
        "toLowCardinality(nullIf(toString(number), '1'))",
        "CAST(range(number) AS Array(LowCardinality(String)))",
        "CAST([] AS Array(LowCardinality(String)))",
        "CAST((number, 'x') AS Tuple(LowCardinality(String), LowCardinality(Nullable(String))))",
        "CAST(map('a', 'b') AS Map(LowCardinality(String), LowCardinality(String)))",
        "CAST((1, 2) AS Point)",
        "CAST([[(1, 2), (3, 4)], []] AS Polygon)",
    ] {
        check(&engine, expression, "").await;
    }
}

/// Columns whose types stand before their data, in both layouts that ClickHouse has for them.
#[tokio::test]
async fn columns_of_changing_types_are_found() {
    let engine = Engine::start();
    for expression in [
        "number::Variant(UInt64, String)",
        "if(number = 1, NULL, toString(number))::Variant(UInt64, Array(LowCardinality(String)), String)",
        "[number::Variant(UInt64, String), 'x'::Variant(UInt64, String)]",
        "number::Dynamic",
        "if(number = 1, [1, 2]::Dynamic, 'text'::Dynamic)",
        "if(number = 1, NULL::Dynamic, toDate('2026-01-30')::Dynamic(max_types=1))",
        "number::Dynamic(max_types=0)",
        "map('a', number::Dynamic)",
        "(number::Dynamic, toLowCardinality('x')::Dynamic)",
        "toJSONString(map('a', number))::JSON",
        r#"concat('{"a": {"b": [', toString(number), ', "x"]}, "c": [{"d": 1}, {"e": "f"}]}')::JSON"#,
        r#"if(number = 1, '{}', '{"a": 1, "b": null, "c": true, "d": 1.5}')::JSON"#,
        r#"'{"a": 1, "b": "x", "c": 2}'::JSON(max_dynamic_paths=1, a UInt8, `b` LowCardinality(String), SKIP e)"#,
        r#"'{"a": 1, "b": "x"}'::JSON(max_dynamic_paths=0)"#,
        r#"['{"a": 1}'::JSON, '{"b": 2}'::JSON]"#,
        r#"('{"a": 1}'::JSON, number)"#,
    ] {
        for setting in ["", ", output_format_native_use_flattened_dynamic_and_json_serialization = 1"] {
            check(&engine, expression, setting).await;
        }
    }
}

/// The columns of an answer stay as they are; what is new stands before the block and before each column's data.
async fn check(engine: &Engine, expression: &str, setting: &str) {
    let alone = format!(
        "SELECT {expression} AS a FROM numbers(3) SETTINGS allow_suspicious_low_cardinality_types = 1{setting}"
    );
    let whole = native(engine, "", &alone).await;
    // One column, three rows, its name, the length of its type: each is one byte, but for the name.
    assert_eq!(whole[..4], [1, 3, 1, b'a'], "{expression}");
    let type_end = 5 + usize::from(whole[4]);
    let beside = alone.replace(" AS a", " AS a, toUInt8(9) AS b");
    for (revision, flag) in [("54460", &[0_u8][..]), ("54405", &[][..])] {
        let newer = native(engine, &format!("client_protocol_version={revision}"), &beside).await;
        let mut expected = BLOCK_INFO.to_vec();
        expected.extend_from_slice(&[2, 3]);
        expected.extend_from_slice(&whole[2..type_end]);
        expected.extend_from_slice(flag);
        expected.extend_from_slice(&whole[type_end..]);
        expected.extend_from_slice(b"\x01b\x05UInt8");
        expected.extend_from_slice(flag);
        expected.extend_from_slice(&[9, 9, 9]);
        assert_eq!(newer, expected, "{expression} for {revision}{setting}");
    }
}

/// What Go's client asks first, and statements that libchdb does not stream.
#[tokio::test]
async fn every_way_of_answering_knows_the_revision() {
    let engine = Engine::start();
    for sql in [
        "SELECT displayName(), version(), revision(), timezone()",
        "SHOW DATABASES",
        "EXPLAIN SELECT 1",
        "SELECT number FROM numbers(3) FORMAT Native",
    ] {
        let answer = native(&engine, "client_protocol_version=54460", sql).await;
        assert_eq!(answer[..8], BLOCK_INFO, "{sql}");
    }
    // Other formats have no revisions.
    assert_eq!(native(&engine, "client_protocol_version=54460", "SELECT 1 FORMAT TSV").await, b"1\n");
}

#[tokio::test]
async fn each_block_of_a_long_answer_begins_anew() {
    let engine = Engine::start();
    let sql = "SELECT number FROM numbers(200000) SETTINGS max_block_size = 60000";
    let answer = native(&engine, "client_protocol_version=54460", sql).await;
    let (mut rest, mut rows) = (answer.as_slice(), 0_usize);
    while let Some(block) = rest.strip_prefix(&BLOCK_INFO) {
        // One column; the number of rows takes up to three bytes here.
        let length = block[1..].iter().position(|byte| byte & 0x80 == 0).expect("a number") + 1;
        let count =
            block[1..=length].iter().rev().fold(0_usize, |sum, byte| sum << 7 | usize::from(byte & 0x7f));
        let data = block[1 + length..].strip_prefix(b"\x06number\x06UInt64\x00").expect("its column");
        for (row, number) in data[..count * 8].chunks_exact(8).enumerate() {
            assert_eq!(number, ((rows + row) as u64).to_le_bytes());
        }
        rows += count;
        rest = &data[count * 8..];
    }
    assert_eq!((rows, rest.len()), (200_000, 0));
}
