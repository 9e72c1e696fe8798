"""Parquet files of the canonical columns, however their writer coded the texts."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_bad_input import good_table

from rating.sources.block import FileNotes, Options
from rating.sources.canonical_parquet import read
from rating.sources.files import CdrFile
from rating.zone import named_zone


@pytest.mark.parametrize("use_dictionary", [True, False, ["a_number"]])
@pytest.mark.parametrize("different", [1, 3, 4000])
def test_texts_are_the_same_whether_coded_or_plain(tmp_path, different, use_dictionary):
    one = good_table()
    table = pa.concat_tables([one] * 4000)
    numbers = [f"+3319900{i % different:04d}" for i in range(len(table))]
    for name in ("a_number", "b_number"):
        table = table.set_column(table.schema.get_field_index(name), name, pa.array(numbers))
    path = tmp_path / "calls.parquet"
    pq.write_table(table, path, row_group_size=1500, use_dictionary=use_dictionary)
    options = Options(named_zone("Europe/Paris"), "reject", "utf-8", False)
    blocks = list(read(CdrFile(path.name, path), options, FileNotes()))
    for name in ("a_number", "b_number", "trunk_id"):
        found = [value.decode() for block in blocks for value in block.columns[name].to_pylist()]
        assert found == table[name].to_pylist()
