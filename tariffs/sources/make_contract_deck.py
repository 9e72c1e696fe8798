"""Write contract/rate_deck.csv from sources/rate_deck.csv and numbering/FR.csv.

    python tariffs/sources/make_contract_deck.py [OUT]

The source deck gives prefixes and (invented) prices, the numbering plan says what each French range
is. This script gives every row its class, adds the ranges that the source lacks and the short
numbers, and sorts by prefix. The same two files give the same bytes. ../README.md has the reasons.
"""

import csv
import sys
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

TARIFFS = Path(__file__).resolve().parent.parent
COLUMNS = [
    "prefix",
    "destination",
    "class",
    "country",
    "price_per_minute",
    "connect_fee",
    "price_per_call",
    "first_s",
    "following_s",
    "min_charge",
    "max_charge",
    "valid_from",
    "valid_to",
    "window",
    "from_second",
]

CLASS_OF_CHARGE = {  # numbering/FR.csv, column charge; block: see below
    "fixed": "fr_fixed",
    "mobile": "fr_mobile",
    "overseas-fixed": "fr_overseas_fixed",
    "overseas-mobile": "fr_overseas_mobile",
    "m2m": "fr_m2m",
    "free": "fr_free",
    "banalise": "fr_shared",
    "majore": "fr_premium",
    "block": "barred",
}
CLASS_OF_SHORT_CHARGE = {
    "emergency": "emergency",
    "free": "fr_free",
    "operator": "fr_free",
    "lookup": "fr_short",
    "majore": "fr_short",
}
TERRITORIES = {
    "BL": "Saint-Barthélemy",
    "GF": "Guyane française",
    "GP": "Guadeloupe",
    "MF": "Saint-Martin",
    "MQ": "Martinique",
    "PM": "Saint-Pierre-et-Miquelon",
    "RE": "La Réunion",
    "YT": "Mayotte",
}
ISO_OF_PLAN = {  # numbering/FR.csv, column territory
    "métropole": "FR",
    "Guadeloupe/St-Martin/St-Barth": "GP",
    "Guyane": "GF",
    "La Réunion/océan Indien": "RE",
    "Martinique": "MQ",
    "Mayotte": "YT",
    "St-Pierre-et-Miquelon": "PM",
}
UNREAD_TERRITORY = {"fixed": "0.0200", "mobile": "0.0600"}  # base price of overseas France, RATE_DECK.md

# C, the price of a call to a fixed number, and S, the service's; S is capped with VAT of 20 %.
C = Decimal("0.0100")
S_PER_MINUTE, S_PER_CALL = Decimal("0.80"), Decimal("3.00")  # 118XYZ; taken for 3BPQ and 10YT, too
SHORT_DESTINATIONS = {
    "10": "France Assistance opérateur 10YT",
    "116": "France Numéros harmonisés 116",
    "118": "France Renseignements 118",
    "30": "France Numéros courts gratuits",
    "31": "France Numéros courts gratuits",
    **{str(start): "France Numéros courts 3BPQ" for start in range(32, 40)},
}


def excluding_tax(price):
    """A price with 20 % of VAT, without it."""
    return price / Decimal("1.2")


def text(price):
    """A price as four decimals, half-up."""
    return str(Decimal(price).quantize(Decimal("0.0001"), ROUND_HALF_UP))


def entry(destination, cls, country, per_minute, connect_fee="0", per_call="", first_s="1", following_s="1"):
    return {
        "destination": destination,
        "class": cls,
        "country": country,
        "price_per_minute": text(per_minute),
        "connect_fee": text(connect_fee),
        "price_per_call": per_call and text(per_call),
        "first_s": first_s,
        "following_s": following_s,
    }


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def longest(table, digits):
    """The value of the longest key that `digits` starts with, or None."""
    starts = (digits[:n] for n in range(len(digits), 0, -1))
    return next((table[start] for start in starts if start in table), None)


def overseas_name(iso, kind, cls):
    """One name per territory and kind, whatever the range and the form: 'Guadeloupe Fixe'."""
    word = {"fixed": "Fixe", "mobile": "Mobile"}[kind]
    name = TERRITORIES.get(iso, "France d'outre-mer")
    return f"{name} {word} M2M" if cls == "fr_m2m" else f"{name} {word}"


def from_source(row, national):
    """A row of the source deck with its class (`national`: the numbering plan by national prefix)."""
    prefix, destination, kind, country = row["prefix"], row["destination"], row["kind"], row["country"]
    if prefix.startswith("33"):
        plan = longest(national, "0" + prefix[2:])
        cls = CLASS_OF_CHARGE[plan["charge"]] if plan else "fr_fixed"  # no plan row: the default of +33
    elif country in TERRITORIES:
        cls = {"fixed": "fr_overseas_fixed", "mobile": "fr_overseas_mobile"}.get(kind, "fr_overseas_special")
    else:
        cls = "satellite" if kind == "satellite" else "international"
    if country in TERRITORIES and cls != "fr_overseas_special":
        destination = overseas_name(country, kind, cls)
    return entry(
        destination,
        cls,
        country,
        row["price_per_minute"],
        row["connect_fee"],
        first_s=row["min_seconds"],
        following_s=row["step_seconds"],
    )


def add_missing_ranges(deck, national):
    """Overseas and M2M ranges whose E.164 form, or the same written after +33, has not their class yet."""
    prices = {
        (row["country"], row["class"]): row["price_per_minute"]
        for row in deck.values()
        if row["class"] in ("fr_fixed", "fr_mobile", "fr_overseas_fixed", "fr_overseas_mobile")
    }
    for dialled, plan in sorted(national.items()):
        cls = CLASS_OF_CHARGE.get(plan["charge"])
        if cls not in ("fr_overseas_fixed", "fr_overseas_mobile", "fr_m2m"):
            continue
        iso = ISO_OF_PLAN.get(plan["territory"])  # None: a territory that the plan does not tell
        kind = "mobile" if dialled[:2] in ("06", "07") else "fixed"
        price = prices.get((iso, f"fr_{kind}" if iso == "FR" else f"fr_overseas_{kind}"))
        name = f"France Fixe longueur étendue M2M {dialled}"  # 0901; 0700 is in the source
        if iso != "FR":
            name = overseas_name(iso, kind, cls)
        for prefix in (plan["e164_prefix"], "33" + dialled[1:]):
            if prefix and longest(deck, prefix)["class"] != cls:
                deck[prefix] = entry(name, cls, iso or "FR", price or UNREAD_TERRITORY[kind])


def add_missing_aliases(deck, national):
    """Splits inside an overseas range (Saint-Martin in 0590…) hold for its form after +33, too."""
    by_e164 = {row["e164_prefix"]: row for row in national.values() if row["country_code"] not in ("", "33")}
    for prefix, row in sorted(deck.items()):
        plan = longest(by_e164, prefix)
        if plan:
            alias = "33" + plan["national_prefix"][1:] + prefix[len(plan["e164_prefix"]) :]
            if longest(deck, alias)["destination"] != row["destination"]:
                deck[alias] = dict(row)


def short_numbers(plan_rows):
    """Rows of the short numbers: whole numbers, or starts with a star."""
    ceiling = C + excluding_tax(S_PER_MINUTE)
    for row in plan_rows:
        number, cls = row["national_prefix"], CLASS_OF_SHORT_CHARGE.get(row["charge"])
        if number.startswith("0") or not cls:  # carrier selection (16XY, E) has no row
            continue
        if row["charge"] == "emergency":
            destination = "France Urgences"
        elif row["charge"] == "operator":
            destination = "France Services de l'opérateur"
        else:
            destination = SHORT_DESTINATIONS[number]
        star = "" if len(number) == int(row["length"]) else "*"
        yield f"FR:{number}{star}", entry(destination, cls, "FR", ceiling if cls == "fr_short" else 0)
    # Examples of numbers with rows of their own: free, banalisé, and majoré by the minute and by the call.
    by_minute, by_call = C + excluding_tax(Decimal("0.15")), excluding_tax(S_PER_CALL)
    yield "FR:3919", entry("France Numéros courts gratuits", "fr_free", "FR", 0)
    yield "FR:3631", entry("France Numéro court 3631", "fr_shared", "FR", C)
    yield "FR:3639", entry("France Numéro court 3639", "fr_short", "FR", by_minute)
    yield "FR:118712", entry("France Renseignements 118712", "fr_short", "FR", C, per_call=by_call)


def main(out=TARIFFS / "contract" / "rate_deck.csv"):
    plan_rows = read(TARIFFS / "numbering" / "FR.csv")
    national = {row["national_prefix"]: row for row in plan_rows if row["national_prefix"].startswith("0")}
    source = read(TARIFFS / "sources" / "rate_deck.csv")
    deck = {row["prefix"]: from_source(row, national) for row in source}
    add_missing_ranges(deck, national)
    add_missing_aliases(deck, national)
    deck["3363998"] = dict(deck["336"])  # fiction, metropolitan, but inside 0639 of Mayotte
    deck.update(short_numbers(plan_rows))
    with open(out, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows({"prefix": prefix, **deck[prefix]} for prefix in sorted(deck))
    print(f"{out}: {len(deck)} prefixes, {len(source)} of them from the source deck")


if __name__ == "__main__":
    main(*sys.argv[1:2])
