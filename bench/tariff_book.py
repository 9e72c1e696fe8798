"""A tariff book for measurements: 12,000 prefixes, prices invented, fixed seed.

French ranges, short numbers, and some two hundred countries whose prefixes nest up to ten digits deep.
Rows with time windows, steps and fees stand on prefixes that the generated month never dials.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

SEED = 20261002
PREFIXES = 12_000
DEEPEST = 10
NO_RATE_CODE = 999
FEATURED = ("7", "44", "86", "870", "881")
"""Country codes with windows, steps and fees."""

_CODES = """
1 20 211 212 213 216 218 220 221 222 223 224 225 226 227 228 229 230 231 232 233 234 235 236 237 238
239 240 241 242 243 244 245 248 249 250 251 252 253 254 255 256 257 258 260 261 263 264 265 266 267
268 269 27 291 297 298 299 30 31 32 34 350 351 352 353 354 355 356 357 358 359 36 370 371 372 373
374 375 376 377 378 380 381 382 383 385 386 387 389 39 40 41 420 421 423 43 45 46 47 48 49 500 501
502 503 504 505 506 507 509 51 52 53 54 55 56 57 58 591 592 593 595 597 598 599 60 61 62 63 64 65 66
670 672 673 674 675 676 677 678 679 680 682 683 685 686 688 690 691 692 81 82 84 850 852 853 855 856
880 886 90 91 92 93 94 95 960 961 962 963 964 965 966 967 968 970 971 972 973 974 975 976 977 992
993 994 995 996 998
"""
COUNTRY_CODES = _CODES.split()

FIXED = {"1": range(0, 100), "2": range(30, 60), "3": range(20, 90), "4": range(20, 100), "5": range(24, 70)}
FIXED["9"] = (*range(50, 60), *range(70, 76), *range(80, 90))
MOBILE = {"6": [ab for ab in range(0, 90) if ab != 39], "7": list(range(40, 90))}
"""First three digits after the 0 of metropolitan numbers, as 1 and 23 of 0123."""

BOOK = """\
name: bench
currency: EUR
timezone: Europe/Paris
country: FR
amount_decimals: 4
prices: excluding_tax
deck_increments: [fr_premium, fr_short]
source: bench/tariff_book.py, prices invented
verified_on: 2026-11-01
"""

WINDOWS = """\
holidays: FR
windows:
  peak: [{days: [mon, tue, wed, thu, fri], from: "08:00", to: "19:00"}]
  night: [{days: [mon, tue, wed, thu, fri, sat, sun, holiday], from: "22:00", to: "06:00"}]
"""

FAIR_USE = """\
fair_use:
  - {reason: forwarding, measure: forwarded_time, per: user, limit: 2 h, types: [unconditional]}
  - {reason: fair_use_numbers, measure: distinct_numbers, per: channel, limit: 300, scope: outbound}
  - {reason: fair_use_hours, measure: time, per: channel, limit: 40 h}
"""

PLANS = {
    "unlimited-fixed": ("[fr_fixed, fr_shared]", "false", FAIR_USE),
    "unlimited-fixed-mobile": ("[fr_fixed, fr_mobile, fr_shared]", "true", FAIR_USE),
    "metered": ("[]", "false", "fair_use: []\n"),
}

HEADER = (
    "prefix,destination,class,country,price_per_minute,connect_fee,price_per_call,first_s,following_s,"
    "min_charge,max_charge,valid_from,valid_to,window,from_second"
)


@dataclass(frozen=True)
class Dialable:
    """Prefixes that generated calls begin with, and how many digits their numbers have, by kind."""

    groups: tuple[tuple[np.ndarray, int], ...]


def dialable() -> Dialable:
    """French fixed, mobile, abroad, free, shared: plain prices, no windows, steps or fees."""
    fixed = [f"33{z}{ab:02}" for z, found in FIXED.items() for ab in found]
    mobile = [f"33{z}{ab:02}" for z, found in MOBILE.items() for ab in found]
    abroad = [p for p in _abroad() if not p.startswith(FEATURED)]
    lists = (
        (fixed, 11),
        (mobile, 11),
        (abroad, 12),
        (["33800", "33801", "33805"], 11),
        (["33806", "33809"], 11),
    )
    return Dialable(tuple((np.array([int(p) for p in found], np.int64), digits) for found, digits in lists))


def _abroad(prefixes: int = PREFIXES) -> list[str]:
    """Country codes and prefixes below them; any prefix may grow a longer one."""
    rng = np.random.default_rng(SEED)
    found = [*COUNTRY_CODES, *FEATURED]
    seen = set(found)
    wanted = prefixes - len(_french())
    while len(found) < wanted:
        parent = found[int(rng.integers(0, len(found)))]
        child = parent + str(rng.integers(0, 10 ** int(rng.integers(1, 3))))
        if len(child) <= DEEPEST and child not in seen:
            seen.add(child)
            found.append(child)
    return found


def _french() -> list[tuple[str, str, str]]:
    """Prefix, destination and class of French rows."""
    rng = np.random.default_rng(SEED + 1)
    rows = [(f"33{z}", "France Fixe", "fr_fixed") for z in FIXED]
    rows += [(f"33{z}", "France Mobile", "fr_mobile") for z in MOBILE]
    for ranges, word, klass, deeper in ((FIXED, "Fixe", "fr_fixed", 8), (MOBILE, "Mobile", "fr_mobile", 6)):
        for z, found in ranges.items():
            for ab in found:
                rows.append((f"33{z}{ab:02}", f"France {word} 0{z}{ab:02}", klass))
                for cd in rng.choice(100, deeper, replace=False).tolist():
                    rows.append((f"33{z}{ab:02}{cd:02}", f"France {word} 0{z}{ab:02}", klass))
    rows += [(f"3380{i}", "France Libre appel", "fr_free") for i in range(6)]
    rows += [(f"3380{i}", "France Banalisé", "fr_shared") for i in range(6, 10)]
    rows += [(f"338{i}", "France Majoré", "fr_premium") for i in (1, 2, 9)]
    rows += [(f"FR:{n}", "Urgences", "emergency") for n in (15, 17, 18, 112, 114, 115, 116117, 119, 191, 196)]
    rows += [(f"FR:{n}", "Numéros courts", "fr_short") for n in (3631, 3639, 3646, 3939, 118712, 118008)]
    return [*rows, ("FR:118*", "Renseignements", "fr_short"), ("FR:10*", "Numéros courts", "fr_short")]


def deck_rows(prefixes: int = PREFIXES) -> list[str]:
    """The lines of rate_deck.csv after the header."""
    rng = np.random.default_rng(SEED + 2)

    def price(low: int, high: int) -> str:
        unit = 10 ** int(rng.integers(0, 3))
        micros = int(rng.integers(low, high)) // unit * unit
        return f"{micros // 10**6}.{micros % 10**6:06}"[: 8 - len(str(unit)) + 1]

    rows = []
    for prefix, destination, klass in _french():
        if klass in ("emergency", "fr_free"):
            cost, terms = "0.0000", "0.0000,,60,60,,"
        elif klass in ("fr_premium", "fr_short"):
            cost, terms = price(50_000, 800_000), "0.1000,0.0500,1,1,0.0800,25.0000"
        else:
            cost, terms = price(8_000, 25_000), "0.0000,,60,60,,"
        rows.append(f"{prefix},{destination},{klass},FR,{cost},{terms},,,,")
    for i, prefix in enumerate(_abroad(prefixes)):
        code = next(c for c in (prefix[:3], prefix[:2], prefix[:1]) if c in COUNTRY_CODES or c in FEATURED)
        klass = "satellite" if code in ("870", "881") else "international"
        begin = f"{prefix},Zone {code} {len(prefix)},{klass},{code}"
        if code not in FEATURED:
            rows.append(f"{begin},{price(9_000, 900_000)},0.0000,,30,6,,,,,,")
            continue
        terms = "0.0500,,30,6,0.0600,9.0000"
        rows.append(f"{begin},{price(9_000, 900_000)},{terms},,,,")
        if i % 3 == 0:
            rows += [f"{begin},{price(9_000, 900_000)},{terms},,,{window}," for window in ("peak", "night")]
        if i % 3 == 1:
            rows.append(f"{begin},{price(9_000, 900_000)},{terms},,,,180")
    return rows


def featured_prefixes() -> set[str]:
    """Prefixes whose rows have a window, a step, a fee or their own increments: not for peers."""
    found = set()
    for row in deck_rows():
        cells = row.split(",")
        if cells[13] or cells[14] or cells[6] or float(cells[5]) or cells[9] or cells[2] == "fr_short":
            found.add(cells[0])
    return found


def write_book(folder: Path, prefixes: int = PREFIXES) -> None:
    """book.yaml, windows.yaml, plans and rate_deck.csv."""
    (folder / "plans").mkdir()
    (folder / "book.yaml").write_text(BOOK, encoding="utf-8")
    (folder / "windows.yaml").write_text(WINDOWS, encoding="utf-8")
    for name, (classes, order_form, fair_use) in PLANS.items():
        text = (
            f"plan: {name}\ndescription: {name}\nsource: Conditions particulières 09.2022, art. 7.2\n"
            f"includes: {{classes: {classes}, destinations: [], order_form: {order_form}}}\n"
            "increments: 60/60\nlimit_channels: max\noccupancy_from: setup\non_over_cap: flag\n" + fair_use
        )
        (folder / "plans" / f"{name}.yaml").write_text(text, encoding="utf-8")
    (folder / "rate_deck.csv").write_text("\n".join([HEADER, *deck_rows(prefixes)]) + "\n", encoding="utf-8")
