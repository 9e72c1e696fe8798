"""An explanation as text, for the finance reviewer on the phone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from rating.accounts import EVER_FROM, EVER_TO
from rating.explain.derive import Explanation, ReasonStep
from rating.explain.limits import LimitState
from rating.explain.words import ARTICLES, MODE_NAMES, MONTH_NAMES, REASON_NAMES, WORDS
from rating.money import decimal_text
from rating.tariffs.book import TariffBook

SECOND = 1_000_000_000


class Speaker:
    """Says numbers, instants and sentences in one language, by one book's zone and currency."""

    def __init__(self, lang: str, book: TariffBook) -> None:
        self.lang, self.book = lang, book
        self.words, self.reasons = WORDS[lang], REASON_NAMES[lang]
        self.zone = ZoneInfo(book.zone.name)

    def say(self, key: str, **values: Any) -> str:
        return self.words[key].format(**values)

    def count(self, value: int) -> str:
        """A whole number with its thousands apart."""
        return f"{value:,}".replace(",", "\u202f") if self.lang == "fr" else f"{value:,}"

    def money(self, value: Fraction, least: int | None = None) -> str:
        """An exact amount as decimal text; one that has no end is shown as a fraction."""
        least = self.book.amount_decimals if least is None else least
        scaled = value * 10**12
        if scaled.denominator != 1:
            text = f"{value.numerator}/{value.denominator}"
        else:
            text = decimal_text(int(scaled), 12, least)
        return text.replace(".", ",") if self.lang == "fr" else text

    def instant(self, value: int) -> str:
        """Local date and time, with the fraction that it has."""
        if value in (EVER_FROM, EVER_TO):
            return self.say("open")
        seconds, rest = divmod(value, SECOND)
        local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).astimezone(self.zone)
        fraction = f".{rest:09d}".rstrip("0").rstrip(".")
        offset = f"{local:%z}"
        return f"{local:%Y-%m-%d %H:%M:%S}{fraction}{offset[:3]}:{offset[3:]}"

    def month(self, text: str) -> str:
        return f"{MONTH_NAMES[self.lang][int(text[5:]) - 1]} {text[:4]}"

    def seconds(self, value: Fraction) -> str:
        text = decimal_text(int(value * 10**9), 9, 0)
        return text.replace(".", ",") if self.lang == "fr" else text


def render(explanation: Explanation, book: TariffBook, lang: str) -> str:
    """The derivation as text."""
    speaker = Speaker(lang, book)
    parts = [
        _title(explanation, speaker),
        _section(1, speaker.say("call"), _call(explanation, speaker)),
        _section(2, speaker.say("destination"), _destination(explanation, speaker)),
        _section(3, speaker.say("reasons"), _reasons(explanation, speaker)),
    ]
    number = 4
    if explanation.limits and explanation.plan:
        plan = explanation.plan
        title = speaker.say("limits", plan=plan.name, source=plan.source or book.name)
        parts.append(_section(number, title, _limits(explanation, speaker)))
        number += 1
    parts.append(_section(number, speaker.say("amount"), _amount(explanation, speaker)))
    parts.append(_section(number + 1, speaker.say("compared"), _compared(explanation, speaker)))
    return "\n\n".join(parts) + "\n"


def _section(number: int, title: str, lines: list[str]) -> str:
    return "\n".join([f"{number}. {title}", *(f"   {line}" for line in lines)])


def _title(explanation: Explanation, speaker: Speaker) -> str:
    call = explanation.call
    title = speaker.say(
        "title",
        call_id=call["call_id"],
        source=call["source"],
        trunk=explanation.trunk.id,
        customer=explanation.customer.name or explanation.customer.id,
        month=speaker.month(call["month"]),
    )
    name = speaker.reasons[explanation.reason]
    reason = name[0].upper() + name[1:]
    if explanation.reason == "no_rate":
        verdict = speaker.say("unrated", reason=reason)
    elif explanation.amount is None:
        verdict = speaker.say("not_charged", reason=reason)
    else:
        verdict = speaker.say(
            "charged",
            reason=reason,
            billed=speaker.count(explanation.billed_s),
            duration=speaker.count(explanation.duration_s),
            amount=speaker.money(explanation.amount.rounded),
            currency=speaker.book.currency,
        )
    return f"{title}\n{verdict}"


def _call(explanation: Explanation, speaker: Speaker) -> list[str]:
    call = explanation.call
    lines = [speaker.say("from", text=call["a_number"] or "?")]
    if call["forwarded_by"]:
        kind = call["forward_type"] or "unknown"
        lines.append(speaker.say("forwarded", text=call["forwarded_by"], type=kind))
    same = call["b_dialled"] == call["b_number"]
    values = {"dialled": call["b_dialled"] or "?", "number": call["b_number"]}
    lines.append(speaker.say("to" if same else "to_read", **values))
    state = explanation.channels
    if state.over_cap:
        values = {name: value for name, value in state.words().items() if name != "why_key"}
        lines.append(speaker.say(f"call_{state.why}", **values))
    release = speaker.instant(call["release_time"])
    if call["answer_time"] is None:
        setup = speaker.instant(call["setup_time"])
        lines.append(speaker.say("unanswered", setup=setup, release=release, sip=call["sip_code"]))
    else:
        lines.append(
            speaker.say(
                "answered",
                answer=speaker.instant(call["answer_time"]),
                release=release,
                zone=speaker.book.zone.name,
                seconds=speaker.seconds(explanation.seconds),
                duration=speaker.count(explanation.duration_s),
            )
        )
    return lines


def _destination(explanation: Explanation, speaker: Speaker) -> list[str]:
    call = explanation.call
    if call["answer_time"] is None or call["direction"] == "inbound":
        return [speaker.say("no_destination")]
    day = speaker.instant(call["answer_time"])[:10]
    if not explanation.matches:
        return [speaker.say("none_match", day=day)]
    width = max(len(match.prefix) for match in explanation.matches)
    lines = [speaker.say("in_force", day=day)]
    for match in explanation.matches:
        key = "longest" if match is explanation.matches[-1] else "match"
        values = {"destination": match.destination, "line": match.line}
        lines.append("  " + speaker.say(key, prefix=match.prefix.ljust(width), **values))
    base = next(row for row in explanation.rows if not row.window and row.from_second == 0)
    values = {"price": speaker.money(base.price), "currency": speaker.book.currency}
    lines.append(speaker.say("class", destination=base.destination, klass=base.klass, **values))
    return lines


def _reasons(explanation: Explanation, speaker: Speaker) -> list[str]:
    names = [speaker.reasons[step.reason] for step in explanation.steps]
    width = max(len(name) for name in names)
    lines = []
    for name, step in zip(names, explanation.steps, strict=True):
        answer = speaker.say("yes" if step.applies else "no")
        article = ARTICLES.get(step.reason, "")
        tail = f"  [{article}]" if article else ""
        lines.append(f"{name.ljust(width)}  {answer:3}  {_why(step, speaker)}{tail}")
    return lines


def _why(step: ReasonStep, speaker: Speaker) -> str:
    values = dict(step.values)
    for name in ("start", "end", "when", "at"):
        if values.get(name) is not None:
            values[name] = speaker.instant(values[name])
    if values.get("because"):
        values["because"] = f"({values['because']})" if step.why == "interval" else values["because"]
    if "billed_s" in values:
        values["billed_s"] = speaker.count(values["billed_s"])
    return speaker.say(f"why_{step.why}", **values).rstrip()


def _limits(explanation: Explanation, speaker: Speaker) -> list[str]:
    lines = []
    for place, state in enumerate(explanation.limits, 1):
        lines.append(_limit_head(place, state, speaker))
        lines += [f"   {line}" for line in _limit_state(state, explanation, speaker)]
    return lines


def _limit_head(place: int, state: LimitState, speaker: Speaker) -> str:
    scale = ""
    if state.channels is not None:
        each = _size(state, state.limit.limit, speaker)
        scale = speaker.say("scale", each=each, channels=state.channels)
    return speaker.say(
        "limit",
        place=place,
        reason=speaker.reasons[state.limit.reason],
        size=_size(state, state.size, speaker),
        scale=scale,
        mode=MODE_NAMES[speaker.lang][state.mode],
    )


def _limit_state(state: LimitState, explanation: Explanation, speaker: Speaker) -> list[str]:
    lines = []
    if state.subject:
        lines.append(speaker.say("subject", subject=state.subject))
    if state.decision:
        when = speaker.instant(state.decision.when)
        values = {"who": state.decision.who, "because": state.decision.why}
        lines.append(speaker.say("decided", when=when, **values))
    used = {name: _used(state, getattr(state, name), speaker) for name in ("before", "after", "total")}
    if state.counts:
        lines.append(speaker.say("counted", **used))
    else:
        lines.append(speaker.say("not_counted", before=used["before"], total=used["total"]))
    if state.hidden:
        lines.append(speaker.say("hidden", count=speaker.count(state.hidden)))
    if not state.crossing:
        lines.append(speaker.say("never_crossed"))
    else:
        here = state.crossing == explanation.call["call_id"]
        at = speaker.instant(state.at)
        lines.append(speaker.say("crossed_here" if here else "crossed", call_id=state.crossing, at=at))
    if state.billed_s:
        billed, left = speaker.count(state.billed_s), speaker.count(state.left_s)
        lines.append(speaker.say("bills", billed=billed, left=left))
    return lines


def _size(state: LimitState, value: int, speaker: Speaker) -> str:
    """A limit as the plan writes it: numbers, or hours and minutes."""
    if state.limit.measure == "distinct_numbers" or value % 60:
        return _used(state, value, speaker)
    hours, minutes = divmod(value // 60, 60)
    parts = [f"{speaker.count(hours)} h"] if hours else []
    return " ".join([*parts, *([f"{minutes} min"] if minutes or not hours else [])])


def _used(state: LimitState, value: int, speaker: Speaker) -> str:
    if state.limit.measure == "distinct_numbers":
        return speaker.say("numbers", count=speaker.count(value))
    return f"{speaker.count(value)} s"


def _amount(explanation: Explanation, speaker: Speaker) -> list[str]:
    amount = explanation.amount
    if amount is None:
        return [speaker.say("nothing")]
    billed = speaker.count(explanation.billed_s)
    if explanation.included_s:
        lines = [speaker.say("part", billed=billed, start=speaker.count(explanation.included_s))]
    else:
        lines = [speaker.say("whole", billed=billed)]
    whose = speaker.say(f"whose_{amount.increments_of}")
    lines.append(
        speaker.say(
            "increments",
            first=amount.first_s,
            following=amount.following_s,
            whose=whose,
            billable=speaker.count(amount.billable_s),
        )
    )
    for run in amount.runs:
        where = run.row.window or (f"> {run.row.from_second} s" if run.row.from_second else "")
        window = speaker.say("window", window=where, line=run.row.line) if where else ""
        lines.append(
            speaker.say(
                "run",
                count=speaker.count(run.count),
                seconds=run.seconds,
                start=speaker.count(run.start_s),
                price=speaker.money(run.row.price),
                window=window,
                exact=speaker.money(run.exact),
            )
        )
    if amount.terms.fee or amount.terms.per_call:
        fee, per_call = speaker.money(amount.terms.fee), speaker.money(amount.terms.per_call)
        partly = speaker.say("no_fees")
        lines.append(partly if explanation.included_s else speaker.say("fees", fee=fee, per_call=per_call))
    if amount.bound:
        lines.append(speaker.say(amount.bound, charged=speaker.money(amount.charged)))
    lines.append(
        speaker.say(
            "rounded",
            charged=speaker.money(amount.charged),
            decimals=speaker.book.amount_decimals,
            amount=speaker.money(amount.rounded),
            currency=speaker.book.currency,
        )
    )
    return lines


def _compared(explanation: Explanation, speaker: Speaker) -> list[str]:
    if not explanation.differences:
        return [speaker.say("agree")]
    return [
        speaker.say("differ"),
        *(
            speaker.say("difference", name=name, recorded=recorded, own=own)
            for name, recorded, own in explanation.differences
        ),
    ]
