"""Files damaged at random: a run over them ends in words, or accounts for every row."""

import random
import time
from pathlib import Path

from rating.accounts_file import load_accounts
from rating.errors import TrunkrateError
from rating.pipeline import rate_reading
from rating.sources.block import Options
from rating.sources.files import CdrFile
from rating.sources.reading import read_files
from rating.tariffs.book import load_book
from rating.zone import Zone


def check_damaged(
    seed: int, sources: list[bytes], file: Path, accounts: Path, format_name: str, letters: bytes
) -> None:
    """Damage `sources` for five seconds or 2,000 runs, each written to `file` and rated.

    Parameters
    ----------
    letters : those of the format that hurt most
    """
    random.seed(seed)
    book = load_book("contract")
    known = load_accounts(accounts, book)
    options = Options(Zone("Europe/Paris"))
    end, runs = time.monotonic() + 5, 0
    while time.monotonic() < end and runs < 2000:
        runs += 1
        file.write_bytes(_damaged(bytearray(random.choice(sources)), letters))
        try:
            reading = read_files([CdrFile(file.name, file)], options, random.choice(("auto", format_name)))
            run = rate_reading(reading, book, known)
            list(reading.raw(0, sorted({reject.line for reject in reading.rejects})))
        except TrunkrateError:
            continue
        assert sum(run.total.values()) == run.rows
    assert runs > 20


def _damaged(data: bytearray, letters: bytes) -> bytearray:
    for _ in range(random.choice((1, 3, 30))):
        at = random.randrange(len(data))
        kind = random.randrange(4)
        if kind == 0:
            data[at] = random.choice(letters)
        elif kind == 1:
            del data[at : at + random.randrange(40)]
        elif kind == 2:
            data[at:at] = data[at : at + random.randrange(60)]
        else:
            data[at:at] = bytes([random.randrange(256)])
    return data
