"""Whatever the book, the accounts and the calls: every explanation agrees with the run."""

import tempfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from channel_strategies import channel_cases
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import cases, csv_text, fair_use_cases

from rating.batch import Request, run_batch
from rating.errors import SourceError, UsageError
from rating.explain.as_json import as_text
from rating.explain.derive import explain
from rating.explain.folder import Found, find_call
from rating.explain.render import render

FEWER = max(1, settings.get_profile(settings._current_profile).max_examples // 4)


@settings(max_examples=FEWER)
@given(st.one_of(cases(), fair_use_cases(), fair_use_cases(), channel_cases()), st.sampled_from(["en", "fr"]))
def test_every_call_is_explained_as_it_was_rated(case, lang):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        book, accounts = case.write(folder)
        (folder / "cdrs.csv").write_text(csv_text(case.columns, case.rows), encoding="utf-8")
        bare = "international" if case.bare_international else "national"
        request = Request(
            [str(folder / "cdrs.csv")],
            str(accounts),
            str(book),
            folder / "out",
            month=case.month,
            timezone=case.timezone,
            ambiguous=case.ambiguous,
            bare_numbers=bare,
        )
        try:
            run_batch(request)
        except SourceError:
            return
        rated = pq.read_table(folder / "out" / "rated_calls.parquet", columns=["source", "call_id"])
        for call in rated.to_pylist():
            found = find_call(folder / "out", call["call_id"], call["source"])
            assert isinstance(found, Found)
            explanation = explain(found)
            assert explanation.differences == (), render(explanation, found.book, "en")
            assert call["call_id"] in render(explanation, found.book, lang)
            assert as_text(explanation)


def test_two_sources_with_one_call_id_want_a_source(tmp_path):
    (tmp_path / "accounts.yaml").write_text(
        "customers: [{id: a}, {id: b}]\n"
        "trunks: [{id: t1, customer: a, channels: 1}, {id: t2, customer: b, channels: 1}]\n"
    )
    head = (
        "source,call_id,trunk_id,direction,a_number,b_number,setup_time,answer_time,release_time,sip_code,"
        "user_id,forwarded_by,forward_type\n"
    )
    row = "{},c1,{},inbound,anonymous,0199000110,2026-10-05T09:00:00Z,,2026-10-05T09:00:10Z,487,,,\n"
    (tmp_path / "cdrs.csv").write_text(head + row.format("gw1", "t1") + row.format("gw2", "t2"))
    request = Request(
        [str(tmp_path / "cdrs.csv")], str(tmp_path / "accounts.yaml"), "contract", tmp_path / "out"
    )
    run_batch(request)
    with pytest.raises(UsageError, match="call 'c1' is known to sources gw1, gw2; expected --source"):
        find_call(tmp_path / "out", "c1", None)
    found = find_call(tmp_path / "out", "c1", "gw2")
    assert isinstance(found, Found)
    assert found.call["trunk_id"] == "t2"
