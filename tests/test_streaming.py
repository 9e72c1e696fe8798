"""Nothing of how calls pass through a run shows in what it finds.

Neither the files and blocks that rows come in, nor portions, threads, what is on disk, nor fingerprints that
collide.
"""

import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

import numpy as np
from channel_strategies import channel_cases
from hypothesis import event, given
from hypothesis import strategies as st
from strategies import CDR_COLUMNS, cases, csv_text, fair_use_cases, oneof, rarely, repeats
from test_properties import examples, rows_of, without

from rating.accounts_file import load_accounts
from rating.errors import SourceError
from rating.fingerprints import fingerprints
from rating.pipeline import Settings, rate_stream
from rating.shelf import PORTION
from rating.sources import Options
from rating.sources.files import CdrFile, blocks_of_lines
from rating.sources.reading import stream_files
from rating.tariffs import load_book
from rating.zone import Zone, parse_month

TABLES = ("rated", "unrated", "findings", "usage", "occupancy", "limits")


@dataclass(frozen=True)
class Passage:
    """How calls pass through a run; by default as they do when they are few.

    in_memory : bytes kept before the calls go to disk, None keeps all; block : bytes of a block
    prints : how many fingerprints there are, None for all
    small, together : rows of files that are typed together: of each, and in all
    """

    portion: int = PORTION
    in_memory: int | None = None
    jobs: int = 1
    block: int | None = None
    prints: int | None = None
    at_once: int | None = None
    stretches: int | None = None
    small: int | None = None
    together: int | None = None


PLAIN = Passage()


@st.composite
def passages(draw):
    """Any passage, mostly a thorny one."""
    return Passage(
        portion=draw(oneof(1, 1, 2, 3, 5, 8, 100)),
        in_memory=draw(oneof(None, 0, 300, 600, 1_000, 2_000, 5_000)),
        jobs=draw(st.integers(1, 4)),
        block=draw(oneof(None, 1, 150, 300, 300, 600, 1_000)),
        prints=draw(oneof(None, 1, 2, 5)),
        at_once=draw(oneof(None, 1, 2, 5)),
        stretches=draw(oneof(None, 1, 1, 2)),
        small=draw(oneof(None, 0, 1, 2)),
        together=draw(oneof(None, 2, 3, 5)),
    )


@st.composite
def entangled(draw):
    """A case with many rows that repeat others, some of them on another trunk."""
    case = draw(st.one_of(cases(), cases(), fair_use_cases(), channel_cases()))
    trunks = case.accounts["trunks"]
    rows = list(case.rows)
    for _ in range(draw(st.integers(0, 8)) if rows else 0):
        again = draw(repeats(draw(st.sampled_from(rows)), trunks))
        if draw(rarely(3)):
            again["trunk_id"] = draw(st.sampled_from(trunks))["id"]
        rows.insert(draw(st.integers(0, len(rows))), again)
    if draw(rarely(4)):
        return of_several_sources(case.with_rows(rows), draw(st.randoms(use_true_random=False)))
    return case.with_rows(rows)


def of_several_sources(case, chance):
    """The case with calls of two sources; some trunks do not say which is rated."""
    source_of = {row["call_id"]: chance.choice(("", "teams")) for row in case.rows}
    rows = [{**row, "source": source_of[row["call_id"]]} for row in case.rows]
    trunks = [
        {**trunk, "rating_source": "canonical" if chance.random() < 0.7 else None}
        for trunk in case.accounts["trunks"]
    ]
    return replace(case.with_rows(rows), accounts={**case.accounts, "trunks": trunks}, columns=CDR_COLUMNS)


@contextmanager
def patched(passage):
    """What no setting says, set for a while."""
    with ExitStack() as stack:

        def patch(name, value):
            stack.enter_context(mock.patch(name, value))

        if passage.block is not None:
            patch(
                "rating.sources.canonical_csv.blocks_of_lines",
                lambda stream: blocks_of_lines(stream, passage.block),
            )
        if passage.prints is not None:
            patch("rating.shelf.fingerprints", lambda *of: fingerprints(*of) % np.uint64(passage.prints))
        if passage.at_once is not None:
            patch("rating.repeats.AT_ONCE", passage.at_once)
        if passage.stretches is not None:
            patch("rating.shelf.STRETCHES", passage.stretches)
        if passage.small is not None:
            patch("rating.sources.reading.SMALL", passage.small)
        if passage.together is not None:
            patch("rating.sources.reading.TOGETHER", passage.together)
        yield


class Rater:
    """A case in a folder: rates its rows however they are cut."""

    def __init__(self, case, folder):
        self.folder = Path(folder)
        book, accounts = case.write(folder)
        self.case = case
        self.book = load_book(book)
        self.accounts = load_accounts(accounts, self.book)
        self.options = Options(Zone(case.zone), case.ambiguous, "utf-8", case.bare_international)

    def run(self, parts, passage=PLAIN, write=None):
        """The run of rows that are cut into files: of each, the numbers of its rows."""
        files = []
        for number, rows in enumerate(parts):
            path = self.folder / f"cdrs-{len(parts)}-{number:03d}.csv"
            path.write_text(csv_text(self.case.columns, [self.case.rows[row] for row in rows]))
            files.append(CdrFile(path.name, path))
        month = parse_month(self.case.month) if self.case.month else None
        settings = Settings(self.book, self.accounts, month, self.case.bare_international, passage.jobs)
        settings = replace(settings, portion=passage.portion)
        with tempfile.TemporaryDirectory(dir=self.folder) as spill, patched(passage):
            if passage.in_memory is not None:
                settings = replace(settings, in_memory=passage.in_memory, spill=Path(spill))
            return rate_stream(stream_files(files, self.options), settings, write)

    def found(self, parts, passage=PLAIN):
        """All that a run finds as plain values, or why it refuses."""
        try:
            run = self.run(parts, passage)
        except SourceError as error:
            return str(error)
        results = run.results
        return {
            **{name: rows_of(getattr(results, name)) for name in TABLES},
            "file": results.file.tolist(),
            "is_rated": results.is_rated.tolist(),
            "by_reason": results.by_reason,
            "suspensions": results.suspensions,
            "least": results.least,
            "rejects": list(run.rejects),
            "files": run.files,
            "counts": run.counts,
            "total": run.total,
            "warnings": run.warnings,
            "months": run.months,
            "silences": run.silences,
            "is_clean": run.is_clean,
        }


def regardless_of_files(found, parts):
    """What does not depend on how rows are cut into files; rejects by number of the row."""
    if isinstance(found, str):
        return found
    rejects = []
    for file, line, code, text in found["rejects"]:
        place = f"{found['files'][file].name}:{line}: "
        assert text.startswith(place)
        rejects.append((parts[file][line - 2], code, text.removeprefix(place)))
    return without(found, "file", "files", "counts") | {"rejects": sorted(rejects)}


@st.composite
def cuts(draw, rows):
    """Numbers of rows, in any number of files."""
    count = draw(st.integers(1, 6))
    parts = [[] for _ in range(count)]
    for row, part in enumerate(draw(st.lists(st.integers(0, count - 1), min_size=rows, max_size=rows))):
        parts[part].append(row)
    return parts


@examples(0.5)
@given(entangled(), st.data())
def test_no_passage_of_the_calls_changes_what_is_found(case, data):
    whole = [list(range(len(case.rows)))]
    parts = data.draw(cuts(len(case.rows)), label="files")
    passage = data.draw(passages(), label="passage")
    with tempfile.TemporaryDirectory() as folder:
        rater = Rater(case, folder)
        plain, cut = rater.found(whole), rater.found(parts)
        assert regardless_of_files(cut, parts) == regardless_of_files(plain, whole)
        assert rater.found(whole, passage) == plain
        assert rater.found(parts, passage) == cut
    event(f"two sources: {isinstance(plain, str)}")
    if not isinstance(plain, str):
        event(f"duplicates: {plain['total']['duplicates'] > 0}")
        event(f"conflicts: {any(reject.code == 'CDR-CONFLICT' for reject in plain['rejects'])}")


@examples(0.2)
@given(entangled(), st.data())
def test_calls_written_as_they_come_are_those_that_are_kept(case, data):
    whole = [list(range(len(case.rows)))]
    passage = data.draw(passages(), label="passage")
    rated, unrated = [], []

    def write(calls, without_rate):
        rated.extend(rows_of(calls))
        unrated.extend(rows_of(without_rate))

    with tempfile.TemporaryDirectory() as folder:
        rater = Rater(case, folder)
        try:
            kept = rater.run(whole)
        except SourceError:
            return
        run = rater.run(whole, passage, write)
    assert (rated, unrated) == (rows_of(kept.results.rated), rows_of(kept.results.unrated))
    assert (len(run.results.rated), len(run.results.unrated)) == (0, 0)
    assert run.counts == kept.counts
    for name in ("findings", "usage", "occupancy", "limits"):
        assert rows_of(getattr(run.results, name)) == rows_of(getattr(kept.results, name))
