"""The rating of the bench's month in DuckDB.

python bench/peers/duckdb_peer.py MONTH_FOLDER RATE_DECK OUT_FOLDER TARIFF_VERSION
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import duckdb
import pyarrow as pa

from peers.deck import DIGITS, read_spans

NUMBERS, HOURS_S = 300, 40 * 3600  # per channel

MONTHS = tuple(f"{year}-{month:02}" for year in (2026, 2027) for month in range(1, 13))
UNRATED = "COPY (SELECT call_id FROM calls WHERE reason = 'no_rate') TO '{out}' (HEADER)"
REASONS = ("not_answered", "inbound", "emergency", "free", "no_rate", "out_of_plan")
REASONS = (*REASONS, "included", "fair_use_numbers", "fair_use_hours")

TYPES = """
CREATE TYPE texts AS ENUM (
    SELECT DISTINCT unnest([user_id, forwarded_by, forward_type, source]) FROM '{cdrs}'
)
"""

NUMBERED = f"""
CREATE TEMP TABLE numbers AS
WITH reached AS (
    SELECT DISTINCT b_number FROM '{{cdrs}}' WHERE direction = 'outbound' AND {{answer_time}} IS NOT NULL
),
keyed AS (
    SELECT b_number,
        CASE WHEN b_number[1] = '+' THEN rpad(b_number[2:], {DIGITS}, '0')::BIGINT
            ELSE -b_number::BIGINT END AS key
    FROM reached
)
SELECT b_number, row_number() OVER ()::INTEGER AS b_id, deck.* EXCLUDE deck
FROM keyed ASOF LEFT JOIN spans ON key >= start LEFT JOIN deck USING (deck)
"""

SORTED = """
CREATE TEMP TABLE calls AS
SELECT source::texts AS source, call_id, t.trunk, t.trunk_id, t.customer_id, t.plan, t.channels,
    a_number, b_number,
    {setup_time} AS setup, {answer_time} AS answer, {release_time} AS release, coalesce(answer, setup) AS at_,
    strftime(timezone('Europe/Paris', at_ AT TIME ZONE 'UTC'), '%Y-%m')::months AS month,
    user_id::texts AS user_id, forwarded_by::texts AS forwarded_by, forward_type::texts AS forward_type,
    sip_code::SMALLINT AS sip_code, direction = 'outbound' AS outbound,
    outbound AND answer IS NOT NULL AS reached,
    CASE WHEN reached THEN n.b_id END AS b_id,
    CASE WHEN reached THEN n.price ELSE 0 END AS price,
    CASE WHEN reached THEN n.price_per_minute END AS price_per_minute,
    CASE WHEN reached THEN n.prefix END AS prefix,
    CASE WHEN reached THEN n.destination END AS destination,
    CASE WHEN reached THEN n.destination_class END AS destination_class,
    CASE WHEN answer IS NULL THEN 0 ELSE greatest(1, (epoch_ms(release) - epoch_ms(answer) + 999) // 1000) END
        AS duration_s,
    (CASE WHEN answer IS NULL THEN 'not_answered'
        WHEN NOT outbound THEN 'inbound'
        WHEN n.destination_class = 'emergency' THEN 'emergency'
        WHEN n.destination_class = 'fr_free' THEN 'free'
        WHEN n.price IS NULL THEN 'no_rate'
        WHEN t.plan = 'unlimited-fixed' AND n.destination_class IN ('fr_fixed', 'fr_shared') THEN 'included'
        WHEN t.plan = 'unlimited-fixed-mobile'
            AND n.destination_class IN ('fr_fixed', 'fr_mobile', 'fr_shared') THEN 'included'
        ELSE 'out_of_plan' END)::reasons AS reason,
    CASE WHEN reason = 'out_of_plan' THEN duration_s ELSE 0 END AS billed_s, false AS over_cap
FROM '{cdrs}' JOIN trunks t USING (trunk_id) LEFT JOIN numbers n USING (b_number)
ORDER BY (trunk::BIGINT << 44) + epoch_ms(at_), call_id
"""

# Rows are in order now, and stay so: the limits only update them.
CROSSED = f"""
WITH firsts AS (
    SELECT trunk, month, b_id, min(rowid) AS row, any_value(channels) AS channels FROM calls
    WHERE reached AND reason NOT IN ('emergency', 'free') GROUP BY ALL
),
crossed AS (  -- the call that brings one number too many
    SELECT trunk, month, row AS crossing FROM firsts
    QUALIFY row_number() OVER (PARTITION BY trunk, month ORDER BY row) = channels * {NUMBERS} + 1
)
UPDATE calls SET reason = 'fair_use_numbers', billed_s = duration_s FROM crossed c
WHERE calls.trunk = c.trunk AND calls.month = c.month AND calls.rowid >= c.crossing AND reason = 'included'
"""

BEYOND = f"""
WITH eligible AS (
    SELECT rowid AS row, channels, duration_s,
        sum(duration_s) OVER (PARTITION BY trunk, month ORDER BY rowid ROWS UNBOUNDED PRECEDING)::BIGINT
            AS after
    FROM calls WHERE reason = 'included'
),
beyond AS (
    SELECT row, least(duration_s, after - channels * {HOURS_S}) AS beyond_s
    FROM eligible WHERE after > channels * {HOURS_S}
)
UPDATE calls SET reason = 'fair_use_hours', billed_s = beyond_s FROM beyond WHERE calls.rowid = row
"""

RATED = """
COPY (
    SELECT source, call_id, trunk_id, customer_id, '' AS site_id, month,
        CASE WHEN outbound THEN 'outbound' ELSE 'inbound' END AS direction,
        a_number, b_number, b_number AS b_dialled,
        setup AS setup_time, answer AS answer_time, release AS release_time, duration_s,
        coalesce(prefix, '') AS prefix, coalesce(destination, '') AS destination,
        coalesce(destination_class, '') AS destination_class,
        CASE WHEN reached THEN plan ELSE '' END AS plan, reason,
        CASE WHEN reached AND reason NOT IN ('emergency', 'free') THEN duration_s - billed_s ELSE 0 END
            AS included_s,
        billed_s, (billed_s + 59) // 60 * 60 AS billable_s, price_per_minute,
        -- micros a minute to 10**-4, half up
        (((price * billable_s + 3000) // 6000)::DECIMAL(14, 0) * 0.0001::DECIMAL(5, 4))::DECIMAL(18, 4)
            AS amount,
        'EUR' AS currency, over_cap, user_id, forwarded_by, forward_type, sip_code,
        '' AS end_reason, '{version}' AS tariff_version
    FROM calls WHERE reason <> 'no_rate'
) TO '{out}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)
"""

# Releases come before setups of the same instant, and setups of one instant in order of call_id.
EVENTS = """
CREATE TEMP TABLE events AS
WITH event AS (
    SELECT (trunk::BIGINT << 45) + epoch_ms(setup) * 2 + 1 AS event, rowid AS row, call_id, channels
    FROM calls
    UNION ALL SELECT (trunk::BIGINT << 45) + epoch_ms(release) * 2, NULL, '', 0 FROM calls
)
SELECT event, row, channels,
    sum((event & 1) * 2 - 1) OVER (ORDER BY event, call_id ROWS UNBOUNDED PRECEDING) AS up
FROM event
"""

OVER_CAP = """
UPDATE calls SET over_cap = true FROM events e
WHERE e.row = calls.rowid AND e.up > e.channels
    AND NOT (outbound
        AND 'FR:' || b_number IN (SELECT prefix::VARCHAR FROM deck WHERE destination_class = 'emergency'))
"""

PEAKS = """
COPY (
    SELECT trunk_id::VARCHAR AS trunk_id, max(up) AS peak_channels
    FROM (SELECT (event >> 45)::INTEGER AS trunk, up FROM events) JOIN trunks USING (trunk)
    GROUP BY ALL ORDER BY trunk_id
) TO '{out}' (HEADER)
"""


class Laps:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.stages: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.stages[stage] = round(now - self._last, 3)
        self._last = now


def rate(month: Path, deck_file: Path, out: Path, version: str) -> dict[str, float]:
    """Read, rate, write; seconds by stage."""
    laps = Laps()
    db = duckdb.connect()
    cdrs = month / "cdrs.parquet"
    _settings(db, month, deck_file)
    laps.lap("settings")
    kinds = {name: kind for name, kind, *_ in db.execute(f"DESCRIBE FROM '{cdrs}'").fetchall()}
    times = {
        name: f"nullif({name}, '')::TIMESTAMP" if kinds[name] == "VARCHAR" else f"({name} AT TIME ZONE 'UTC')"
        for name in ("setup_time", "answer_time", "release_time")
    }
    db.execute(TYPES.format(cdrs=cdrs))
    db.execute(NUMBERED.format(cdrs=cdrs, **times))
    laps.lap("prefixes")
    db.execute(SORTED.format(cdrs=cdrs, **times))
    laps.lap("read, parse, sort")
    db.execute(CROSSED)
    db.execute(BEYOND)
    laps.lap("limits")
    out.mkdir(parents=True, exist_ok=True)
    db.execute(EVENTS)
    db.execute(PEAKS.format(out=out / "peaks.csv"))
    db.execute(OVER_CAP)
    laps.lap("occupancy")
    db.execute(
        f"COPY (SELECT call_id FROM calls WHERE reason = 'no_rate') TO '{out / 'unrated.csv'}' (HEADER)"
    )
    db.execute(RATED.format(out=out / "rated_calls.parquet", version=version))
    laps.lap("price, write")
    return laps.stages


def _settings(db: duckdb.DuckDBPyConnection, month: Path, deck_file: Path) -> None:
    spans = read_spans(deck_file)
    rows = [pa.array(column) for column in zip(*spans.rows, strict=True)]
    names = ("prefix", "destination", "destination_class", "price")
    db.register("deck_", pa.table({"deck": range(len(spans.rows)), **dict(zip(names, rows, strict=True))}))
    db.register("spans_", pa.table({"start": spans.starts, "deck": spans.row}))
    db.execute("CREATE TEMP TABLE spans AS SELECT start, nullif(deck, -1) AS deck FROM spans_")
    db.execute(f"CREATE TEMP TABLE trunks_ AS FROM '{month / 'trunks.csv'}'")
    for name in names[:3]:
        db.execute(f"CREATE TYPE {name}_ AS ENUM (SELECT DISTINCT {name} FROM deck_)")
    for name in ("trunk_id", "customer_id", "plan"):
        db.execute(f"CREATE TYPE {name}_ AS ENUM (SELECT DISTINCT {name} FROM trunks_)")
    db.execute(
        "CREATE TEMP TABLE deck AS SELECT deck, prefix::prefix_ AS prefix, "
        "destination::destination_ AS destination, "
        "destination_class::destination_class_ AS destination_class, price, "
        "(price::DECIMAL(12, 0) * 0.000001::DECIMAL(6, 6))::DECIMAL(18, 6) AS price_per_minute FROM deck_"
    )
    db.execute(
        "CREATE TEMP TABLE trunks AS SELECT (row_number() OVER (ORDER BY trunk_id))::INTEGER AS trunk, "
        "trunk_id::trunk_id_ AS trunk_id, customer_id::customer_id_ AS customer_id, plan::plan_ AS plan, "
        "channels::INTEGER AS channels FROM trunks_"
    )
    db.execute(f"CREATE TYPE reasons AS ENUM {REASONS}")
    db.execute(f"CREATE TYPE months AS ENUM {MONTHS}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("month", type=Path)
    parser.add_argument("deck", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("version")
    given = parser.parse_args()
    print(json.dumps(rate(given.month, given.deck, given.out, given.version)))
