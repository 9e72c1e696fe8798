"""What a telephone heard."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from running import Running


def pitch(record: str | Path) -> tuple[int, float]:
    """The strongest frequency of the second half of a record, and its share of the whole power. [Hz]"""
    with wave.open(str(record)) as opened:
        assert opened.getframerate() == 8000
        sound = np.frombuffer(opened.readframes(opened.getnframes()), np.int16)
    part = sound[len(sound) // 2 :].astype(float)
    assert len(part) > 4000
    power = np.abs(np.fft.rfft(part * np.hanning(len(part)))) ** 2
    peak = int(power[5:].argmax()) + 5
    return round(peak * 8000 / len(part)), float(power[peak - 4 : peak + 5].sum() / power.sum())


def assert_heard(running: Running, *phones: Any, tones: Sequence[int]) -> list[str]:
    """Let calls end; each telephone has heard its tone. What they printed. [Hz]"""
    said = [phone.communicate(timeout=15)[0] for phone in phones]
    assert all("over 200" in one for one in said), (said, running.log)
    for phone, tone in zip(phones, tones, strict=True):
        found, share = pitch(phone.record)
        assert abs(found - tone) <= 5
        assert share > 0.9
    return said
