"""Musical statistics of token windows, to compare what a model plays with its data (NumPy only).

`statistics` and `attributes` take windows of int64 tokens (B, bars, 16, 3) and give one float64 per window;
NaN where a window has nothing to measure (a missing voice, fewer than two notes).
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.codec import DRUMS, HOLD, NOTE_OFF

Tokens = NDArray[np.integer[Any]]
Values = NDArray[np.float64]

MAJOR = (0, 2, 4, 5, 7, 9, 11)
KEYS = np.array([[(pitch - tonic) % 12 in MAJOR for pitch in range(12)] for tonic in range(12)], np.float64)
SNARE = 1  # its class, and so its bit in a drum token
LOW = 0b11  # kick and snare, which carry the rhythm
KIT = {"kick": 0b1, "snare": 0b10, "hat": 0b1100, "tom": 0b1110000, "cymbal": 0b110000000}
ROUNDING = 1e-9  # apart, two values of a statistic are one
HITS = np.array([token.bit_count() for token in range(DRUMS.vocabulary)])


def statistics(windows: Tokens) -> dict[str, Values]:
    """Return each statistic of each window.

    Notes and hits are a bar; intervals and range in semitones; polyphony in voices that sound at once;
    the others are shares: melody and bass notes in the best-fitting major key, melody notes that repeat
    the one before, melody notes on the grid of eighths, snare hits on beats two and four, bars without a
    sound, bars that equal an earlier one of their window in all voices.
    """
    melody, bass, drums = _columns(windows)
    bars = windows.shape[1]
    beats = np.arange(melody.shape[1]) % 16
    snare = (drums > 0) & (drums >> SNARE & 1 == 1)
    sounding = [_sounding(melody), _sounding(bass), drums > 0]
    onsets, intervals = _onsets(melody), _intervals(melody)
    silent = [~voice.reshape(len(windows), bars, -1).any(2) for voice in sounding]
    values = {
        "melody notes": onsets.sum(1) / bars,
        "bass notes": _onsets(bass).sum(1) / bars,
        "drum hits": _hits(drums) / bars,
        "in key": _in_key(melody, bass).max(1),
        "melody interval": _mean(np.abs(intervals)),
        "repeated notes": _mean(np.where(np.isnan(intervals), np.nan, intervals == 0)),
        "melody on eighths": ratio(onsets[:, ::2].sum(1), onsets.sum(1)),
        "melody range": _range(melody),
        "bass range": _range(bass),
        "polyphony": sum(voice.mean(1) for voice in sounding),
        "backbeat": ratio((snare & ((beats == 4) | (beats == 12))).sum(1), snare.sum(1)),
        "silent melody bars": silent[0].mean(1),
        "silent bass bars": silent[1].mean(1),
        "silent drum bars": silent[2].mean(1),
        "repeated bars": _repeated(windows),
    }
    missing = {"melody": _missing(melody), "bass": _missing(bass), "drum": _missing(drums)}
    return {name: _without(value, name, missing) for name, value in values.items()}


def summary(values: Mapping[str, Values]) -> dict[str, float | None]:
    """Return the mean of each statistic over the windows that have it, None where no window has."""
    return {
        name: float(np.nanmean(value)) if np.isfinite(value).any() else None for name, value in values.items()
    }


def overlap(
    played: Mapping[str, Values], data: Mapping[str, Values], bins: int = 40
) -> dict[str, float | None]:
    """Return the area, 0 to 1, that the histograms of `played` and `data` share for each statistic.

    The bins divide the range of the data, whatever was played, so that overlaps with the same data compare;
    what lies below or above it shares nothing. Data of one value shares what equals it. None where no window
    of one set has the statistic.
    """
    return {name: _overlap(played[name], data[name], bins) for name in played if name in data}


def duplicates(test: Tokens, train: Tokens, voice: int) -> float:
    """Return the share of the `test` windows whose column `voice` stands token for token in `train`.

    Both (B, bars, 16, voices); a window that lacks the voice is no duplicate, and the share of no windows
    is 0.
    """
    known = set(_spelt(train, voice))
    found = [bool((window[..., voice] >= 0).any()) for window in test]
    same = [there and key in known for there, key in zip(found, _spelt(test, voice), strict=True)]
    return sum(same) / max(len(same), 1)


def attributes(windows: Tokens) -> dict[str, Values]:
    """Return the attributes that describe what a direction in latent space does (MusicVAE, Figure 4).

    Densities are onsets a bar, of the drums also by kind; register is the mean pitch of the melody; the
    average interval is in semitones. Drum syncopation is the share of kicks and snares off the grid of
    eighths. The rest are shares of melody onsets: off that grid with the sixteenth before empty; between
    two beats with both sixteenths before empty; on the white keys.
    """
    melody, bass, drums = _columns(windows)
    bars = windows.shape[1]
    onsets = _onsets(melody)
    count = onsets.sum(1)
    one_before = np.pad(onsets, ((0, 0), (1, 0)))[:, :-1]
    two_before = np.pad(onsets, ((0, 0), (2, 0)))[:, :-2]
    step = np.arange(melody.shape[1])
    missing = {"melody": _missing(melody), "bass": _missing(bass), "drum": _missing(drums)}
    values = {
        "melody density": count / bars,
        "melody register": _mean(np.where(onsets, melody, np.nan)),
        "bass density": _onsets(bass).sum(1) / bars,
        "drum density": _hits(drums) / bars,
        **{f"{kit} drum density": _hits(drums, classes) / bars for kit, classes in KIT.items()},
        "drum syncopation": ratio(_hits(drums[:, 1::2], LOW), _hits(drums, LOW)),
        "16th syncopation": ratio((onsets & (step % 2 == 1) & ~one_before).sum(1), count),
        "8th syncopation": ratio((onsets & (step % 4 == 2) & ~one_before & ~two_before).sum(1), count),
        "average interval": _mean(np.abs(_intervals(melody))),
        "C diatonic": ratio((onsets & np.isin(melody % 12, MAJOR)).sum(1), count),
    }
    return {name: _without(value, name, missing) for name, value in values.items()}


def _columns(windows: Tokens) -> tuple[Tokens, Tokens, Tokens]:
    flat = windows.reshape(len(windows), -1, windows.shape[-1])
    return flat[:, :, 0], flat[:, :, 1], flat[:, :, 2]


def _missing(column: Tokens) -> NDArray[np.bool_]:
    return np.asarray((column < 0).any(1))


def _without(value: Values, name: str, missing: Mapping[str, NDArray[np.bool_]]) -> Values:
    """Return `value` with NaN for the windows that lack the voice it is named after."""
    for voice, lacking in missing.items():
        if voice in name.split():
            value = np.where(lacking, np.nan, value)
    return np.asarray(value, np.float64)


def _onsets(column: Tokens) -> NDArray[np.bool_]:
    return (column >= 0) & (column < NOTE_OFF)


def _latest(events: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return at each step the last step at or before it that has an event, -1 where none has."""
    steps = np.where(events, np.arange(events.shape[1]), -1)
    return np.maximum.accumulate(steps, axis=1)


def _sounding(column: Tokens) -> NDArray[np.bool_]:
    latest = _latest((column >= 0) & (column != HOLD))
    last = np.take_along_axis(column, np.maximum(latest, 0), 1)
    return (latest >= 0) & (last >= 0) & (last < NOTE_OFF)


def _intervals(column: Tokens) -> Values:
    """Return at each onset the semitones from the onset before, NaN elsewhere: (B, steps)."""
    onsets = _onsets(column)
    before = np.pad(_latest(onsets), ((0, 0), (1, 0)), constant_values=-1)[:, :-1]
    previous = np.take_along_axis(column, np.maximum(before, 0), 1)
    return np.where(onsets & (before >= 0), column - previous, np.nan).astype(np.float64)


def _hits(drums: Tokens, classes: int = DRUMS.vocabulary - 1) -> NDArray[np.int64]:
    """Return the hits of each window, those of `classes` only, a bit each."""
    return np.asarray(HITS[np.maximum(drums, 0) & classes].sum(1))


def _in_key(melody: Tokens, bass: Tokens) -> Values:
    """Return the share of melody and bass onsets in each of the twelve major keys: (B, 12)."""
    both = np.concatenate([melody, bass], 1)
    onsets = _onsets(both)
    classes = np.stack([(onsets & (both % 12 == pitch)).sum(1) for pitch in range(12)], 1)
    return ratio(classes @ KEYS.T, onsets.sum(1)[:, None])


def _range(column: Tokens) -> Values:
    onsets = _onsets(column)
    high = np.where(onsets, column, -1).max(1)
    low = np.where(onsets, column, NOTE_OFF).min(1)
    return np.where(onsets.any(1), high - low, np.nan).astype(np.float64)


def _repeated(windows: Tokens) -> Values:
    flat = windows.reshape(*windows.shape[:2], -1)  # (B, bars, tokens)
    same = (flat[:, :, None] == flat[:, None]).all(3)  # (B, bars, bars)
    return np.asarray(np.tril(same, -1).any(2).mean(1), np.float64)


def _mean(values: Values) -> Values:
    return ratio(np.nansum(values, 1), np.isfinite(values).sum(1))


def ratio(part: NDArray[Any], whole: NDArray[Any]) -> Values:
    """Return part / whole, NaN where the whole is 0."""
    return np.where(whole > 0, part / np.maximum(whole, 1e-12), np.nan).astype(np.float64)


def _spelt(windows: Tokens, voice: int) -> Iterator[bytes]:
    columns = np.ascontiguousarray(windows[..., voice], np.int16)  # every token fits
    return (column.tobytes() for column in columns)


def _overlap(played: Values, data: Values, bins: int) -> float | None:
    played, data = played[np.isfinite(played)], data[np.isfinite(data)]
    if not len(played) or not len(data):
        return None
    low, high = data.min(), data.max()
    if np.isclose(low, high, ROUNDING, ROUNDING):
        return float(np.isclose(played, low, ROUNDING, ROUNDING).mean())
    # What is outside the range counts in the divisor alone: it lies in open bins that hold no data.
    shares = [np.histogram(values, bins, (low, high))[0] / len(values) for values in (played, data)]
    return float(np.minimum(*shares).sum())
