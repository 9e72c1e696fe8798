"""CDRs, accounts and a deck of any size for measurements: fixed seed, arrays only, numbers of no one.

python bench/generate.py 1000000 bench/data
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

SEED = 20261001
START = 1_790_805_600  # 2026-10-01T00:00 in Paris
MONTH_S = 31 * 86_400 + 3_600


def cdrs(count: int, trunks: int = 500) -> pa.Table:
    """A month of calls: 45 % inbound, 12 % unanswered, one forwarded leg in fifty."""
    rng = np.random.default_rng(SEED)
    trunk = rng.integers(0, trunks, count)
    outbound = rng.random(count) < 0.55
    answered = rng.random(count) < 0.88
    setup_ms = (START + rng.integers(0, MONTH_S, count)) * 1000 + rng.integers(0, 1000, count)
    ring_ms = rng.integers(1_000, 25_000, count)
    talk_ms = (rng.lognormal(4.6, 1.1, count).clip(0.5, 14_400) * 1000).astype(np.int64)
    answer_ms = setup_ms + ring_ms
    release_ms = np.where(answered, answer_ms + talk_ms, answer_ms)
    own = 33_199_000_000 + trunk * 10 + rng.integers(0, 10, count)
    other = _called(rng, trunk, count)
    user = trunk * 10 + rng.integers(0, 10, count)
    forwarded = outbound & (rng.random(count) < 0.02)
    return pa.table(
        {
            "source": pa.array(["gw1"]).take(pa.array(np.zeros(count, np.int64))),
            "call_id": _name("c", rng.permutation(count)),
            "trunk_id": _name("t", trunk),
            "direction": pa.array(["inbound", "outbound"]).take(pa.array(outbound.astype(np.int64))),
            "a_number": _number(np.where(outbound, own, other)),
            "b_number": _number(np.where(outbound, other, own)),
            "setup_time": _instant(setup_ms),
            "answer_time": pc.if_else(pa.array(answered), _instant(answer_ms), pa.scalar("")),
            "release_time": _instant(release_ms),
            "sip_code": pc.if_else(pa.array(answered), pa.scalar("200"), pa.scalar("486")),
            "user_id": _name("user", user),
            "forwarded_by": pc.if_else(pa.array(forwarded), _name("user", user), pa.scalar("")),
            "forward_type": pc.if_else(pa.array(forwarded), pa.scalar("unconditional"), pa.scalar("")),
        }
    )


def _called(rng: np.random.Generator, trunk: np.ndarray, count: int) -> np.ndarray:
    """Regular correspondents of each trunk: French fixed and mobile, some abroad."""
    which = rng.zipf(1.3, count) % 4_000
    kind = (which * 7 + trunk) % 20
    base = np.select([kind < 9, kind < 17], [33_261_910_000, 33_639_980_000], 12_025_550_100)
    spread = np.where(kind < 17, (which * 37 + trunk * 101) % 10_000, which % 100)
    return base + spread


def _name(word: str, index: np.ndarray) -> pa.Array:
    return pc.binary_join_element_wise(word, pc.cast(pa.array(index), pa.string()), "")


def _number(value: np.ndarray) -> pa.Array:
    return pc.binary_join_element_wise("+", pc.cast(pa.array(value), pa.string()), "")


def _instant(milliseconds: np.ndarray) -> pa.Array:
    return pa.array(np.char.add(milliseconds.astype("M8[ms]").astype("U23"), "Z"))


def accounts(trunks: int = 500) -> str:
    """An accounts file for the trunks."""
    lines = ["customers:"]
    for i in range(trunks):
        low = 33_199_000_000 + i * 10
        lines.append(f"  - {{id: k{i}, numbers: ['+{low}..+{low + 9}']}}")
    lines.append("trunks:")
    plans = ("unlimited-fixed", "unlimited-fixed-mobile", "metered")
    for i in range(trunks):
        lines.append(f"  - {{id: t{i}, customer: k{i}, channels: {2 + i % 9}, plan: {plans[i % 3]}}}")
    return "\n".join(lines) + "\n"


def write(count: int, folder: Path, csv: bool = True) -> None:
    """Write the CDRs as Parquet (and CSV) and the accounts."""
    folder.mkdir(parents=True, exist_ok=True)
    table = cdrs(count)
    pq.write_table(table, folder / f"cdrs-{count}.parquet")
    if csv:
        pa_csv.write_csv(table, folder / f"cdrs-{count}.csv", pa_csv.WriteOptions(quoting_style="none"))
    (folder / "accounts.yaml").write_text(accounts(), encoding="utf-8")


if __name__ == "__main__":
    write(int(sys.argv[1]), Path(sys.argv[2]))
