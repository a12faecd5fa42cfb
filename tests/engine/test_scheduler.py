"""Every note on has one note off, whatever happens in between."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.bar import STEPS_PER_BAR, TICKS_PER_BAR, TICKS_PER_STEP, Bar, Note
from engine.codec import CODECS, HOLD, NOTE_OFF
from engine.scheduler import Scheduler

TRIO, ROLL = CODECS["trio"], CODECS["roll"]


def as_written(tick: int, lean: int) -> int:
    """Return the tick on which a hit is sent where nothing but its lean moves it."""
    return tick + lean


@dataclass
class Listener:
    """Hears what a scheduler sends, and objects to what no instrument should be sent."""

    events: list[tuple[int, int, list[int]]] = field(default_factory=list)
    on: dict[tuple[int, int], int] = field(default_factory=dict)

    def hear(self, tick: int, voice: int, message: list[int]) -> None:
        """Take one message."""
        assert not self.events or tick >= self.events[-1][0]
        self.events.append((tick, voice, message))
        key = (message[0] & 0x0F, message[1])
        if message[0] & 0xF0 == 0x90:
            assert key not in self.on, "struck while it sounds"
            self.on[key] = voice
        elif message[0] & 0xF0 == 0x80:
            assert self.on.pop(key) == voice, "ended by another voice"

    def notes(self) -> list[tuple[int, int, int]]:
        """Return (tick, status, pitch) of all that was heard."""
        return [(tick, message[0], message[1]) for tick, _, message in self.events]


def scheduler(listener: Listener, *channels: int) -> Scheduler:
    """Return a scheduler of voices on `channels` that sends to `listener`."""
    return Scheduler(channels, listener.hear, lambda velocity, _: velocity)


def note(tick: int, pitch: int, duration: int, voice: int = 0) -> Note:
    """Return a note of middling strength."""
    return Note(tick, voice, pitch, duration, 80)


def test_offs_come_before_ons_and_lower_voices_first() -> None:
    ears = Listener()
    notes = scheduler(ears, 0, 1)
    notes.place(0, Bar((note(0, 60, 120), note(0, 40, 120, 1), note(120, 60, 120)), (0, 0)))
    notes.send_due(120, as_written)
    assert ears.notes() == [(0, 0x90, 60), (0, 0x91, 40), (120, 0x80, 60), (120, 0x81, 40), (120, 0x90, 60)]


def test_a_note_at_the_end_of_a_bar_carries_on_as_the_next_bar_says() -> None:
    for held, ended in ((0, TICKS_PER_BAR), (360, TICKS_PER_BAR + 360)):
        ears = Listener()
        notes = scheduler(ears, 0)
        notes.place(0, Bar((note(1800, 60, 120),), (0,)))
        notes.send_due(TICKS_PER_BAR - 1, as_written)
        notes.place(TICKS_PER_BAR, Bar((), (held,)))
        notes.send_due(2 * TICKS_PER_BAR, as_written)
        assert ears.notes() == [(1800, 0x90, 60), (ended, 0x80, 60)]


def test_a_note_may_be_held_through_a_whole_bar() -> None:
    ears = Listener()
    notes = scheduler(ears, 0)
    for index, held in enumerate((0, TICKS_PER_BAR, 120)):
        struck = (note(1800, 60, 120),) if index == 0 else ()
        notes.place(index * TICKS_PER_BAR, Bar(struck, (held,)))
    notes.send_due(3 * TICKS_PER_BAR, as_written)
    assert ears.notes() == [(1800, 0x90, 60), (2 * TICKS_PER_BAR + 120, 0x80, 60)]


def test_a_note_ends_on_the_channel_on_which_it_began() -> None:
    ears = Listener()
    notes = scheduler(ears, 0)
    notes.place(0, Bar((note(0, 60, 240), note(480, 62, 120)), (0,)))
    notes.send_due(0, as_written)
    notes.set_channel(0, 5)
    notes.send_due(960, as_written)
    assert ears.notes() == [(0, 0x90, 60), (240, 0x80, 60), (480, 0x95, 62), (600, 0x85, 62)]


def test_a_pitch_struck_by_two_voices_on_one_channel_ends_first() -> None:
    ears = Listener()
    notes = scheduler(ears, 3, 3)
    notes.place(0, Bar((note(0, 60, 960), note(480, 60, 120, 1)), (0, 0)))
    notes.send_due(TICKS_PER_BAR, as_written)
    assert ears.notes() == [(0, 0x93, 60), (480, 0x83, 60), (480, 0x93, 60), (600, 0x83, 60)]


def test_replacing_the_rest_of_a_bar_gives_sounding_notes_their_new_end() -> None:
    ears = Listener()
    notes = scheduler(ears, 0)
    notes.place(0, Bar((note(0, 60, 480), note(480, 62, 480)), (0,)))
    notes.send_due(100, as_written)
    notes.place(0, Bar((note(0, 60, 960), note(960, 64, 480)), (0,)), 240)
    notes.send_due(TICKS_PER_BAR, as_written)
    assert ears.notes() == [(0, 0x90, 60), (960, 0x80, 60), (960, 0x90, 64), (1440, 0x80, 64)]


def test_mute_ends_what_sounds_and_skips_what_comes() -> None:
    ears = Listener()
    notes = scheduler(ears, 0)
    notes.place(0, Bar((note(0, 60, 480), note(480, 62, 480), note(960, 64, 480)), (0,)))
    notes.send_due(100, as_written)
    notes.mute(100, 0, True)
    notes.send_due(500, as_written)
    notes.mute(500, 0, False)
    notes.send_due(TICKS_PER_BAR, as_written)
    assert ears.notes() == [(0, 0x90, 60), (100, 0x80, 60), (960, 0x90, 64), (1440, 0x80, 64)]


def test_panic_ends_each_note_and_then_silences_the_channels_used() -> None:
    ears = Listener()
    notes = scheduler(ears, 0, 9)
    notes.place(0, Bar((note(0, 60, 480), note(0, 36, 480, 1)), (0, 0)))
    notes.send_due(0, as_written)
    notes.panic(50)
    assert [message for _, _, message in ears.events[2:]] == [
        [0x80, 60, 0],
        [0x89, 36, 0],
        *([0xB0, number, 0] for number in (64, 120, 123)),
        *([0xB9, number, 0] for number in (64, 120, 123)),
    ]


TOKENS = st.one_of(st.sampled_from([HOLD, HOLD, NOTE_OFF]), st.integers(58, 63))
BARS = st.lists(st.tuples(TOKENS, TOKENS, st.integers(0, 15)), min_size=STEPS_PER_BAR, max_size=STEPS_PER_BAR)
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("go"), st.integers(1, 900)),
        st.tuples(st.just("replace"), BARS),
        st.tuples(st.just("mute"), st.integers(0, 2), st.booleans()),
        st.tuples(st.just("channel"), st.integers(0, 2), st.integers(0, 2)),
        st.tuples(st.just("panic")),
    ),
    max_size=25,
)


@given(st.lists(BARS, min_size=1, max_size=4), ACTIONS)
def test_every_note_on_has_its_note_off(bars: list[list[tuple[int, ...]]], actions: list[tuple]) -> None:
    ears = Listener()
    notes = scheduler(ears, 0, 1, 2)
    tick, placed, rows = -1, -1, bars[0]
    for action, *values in actions:
        if action == "go":
            tick += values[0]
            while placed * TICKS_PER_BAR + TICKS_PER_BAR <= tick + 40:
                placed += 1
                rows = bars[placed % len(bars)]
                notes.place(placed * TICKS_PER_BAR, TRIO.to_bar(rows))
            notes.send_due(tick, as_written)
        elif action == "replace" and placed >= 0:
            step = max(0, tick - placed * TICKS_PER_BAR) // TICKS_PER_STEP + 1
            rows = [*rows[:step], *values[0][step:]]
            notes.place(placed * TICKS_PER_BAR, TRIO.to_bar(rows), step * TICKS_PER_STEP)
        elif action == "mute":
            notes.mute(max(0, tick), *values)
        elif action == "channel":
            notes.set_channel(*values)
        elif action == "panic":
            notes.panic(max(0, tick))
        for voice in range(3):
            sounding = [pitch for (_, pitch), owner in ears.on.items() if owner == voice]
            assert notes.sounding(voice) == tuple(sorted(sounding))
    notes.end_all(max(0, tick))
    assert ears.on == {}


@given(BARS, BARS, st.integers(0, 15), st.integers(0, TICKS_PER_BAR))
def test_a_replaced_bar_sounds_as_if_it_had_been_so_from_the_start(
    old: list[tuple[int, ...]], new: list[tuple[int, ...]], step: int, reached: int
) -> None:
    mixed = [*old[:step], *new[step:]]
    heard = []
    for first in (old, mixed):
        ears = Listener()
        notes = scheduler(ears, 0, 1, 9)
        notes.place(0, TRIO.to_bar(first))
        notes.send_due(min(reached, step * TICKS_PER_STEP - 1), as_written)
        notes.place(0, TRIO.to_bar(mixed), step * TICKS_PER_STEP)
        notes.place(TICKS_PER_BAR, TRIO.to_bar(old))
        notes.send_due(2 * TICKS_PER_BAR, as_written)
        heard.append(ears.notes())
    assert heard[0] == heard[1]


def rolled(rows: list[set[int]]) -> Bar:
    """Return the bar of a roll in which the pitches of `rows` are down, step by step."""
    return ROLL.to_bar([tuple(int(21 + key in row) for key in range(88)) for row in rows])


def test_a_pitch_that_is_down_on_both_sides_of_a_bar_line_is_one_note() -> None:
    ears = Listener()
    notes = scheduler(ears, 0)
    notes.place(0, rolled([{60, 64}, {60, 64}, {60}, {60, 67}]))
    notes.place(TICKS_PER_BAR, rolled([{60, 62}, {60}, set(), {67}]))
    notes.send_due(2 * TICKS_PER_BAR - 1, as_written)
    line = TICKS_PER_BAR
    assert ears.notes() == [
        *((0, 0x90, 60), (0, 0x90, 64), (960, 0x80, 64), (1440, 0x90, 67)),
        *((line, 0x80, 67), (line, 0x90, 62), (line + 480, 0x80, 62), (line + 960, 0x80, 60)),
        (line + 1440, 0x90, 67),
    ]


@dataclass
class Keys:
    """What should be heard of a roll: a key goes down where it was up a step ago, or at a bar line.

    It stays down as long as every step says so; what a mute or a panic has ended waits for the next time.
    """

    on: dict[int, int] = field(default_factory=dict)  # pitch -> channel
    heard: list[tuple[int, int, int]] = field(default_factory=list)
    muted: bool = False
    channel: int = 0

    def step(self, tick: int, before: set[int], now: set[int]) -> None:
        """Pass a step; `before` is empty at a bar line."""
        self.end(tick, set(self.on) - now)
        for pitch in sorted(now - before - set(self.on)) if not self.muted else ():
            self.on[pitch] = self.channel
            self.heard.append((tick, 0x90 | self.channel, pitch))

    def end(self, tick: int, pitches: set[int]) -> None:
        """Let keys go up."""
        self.heard += [(tick, 0x80 | self.on.pop(pitch), pitch) for pitch in sorted(pitches)]


ROWS = st.lists(st.sets(st.sampled_from([60, 61, 62])), min_size=40, max_size=40)
DEEDS = st.lists(
    st.one_of(
        st.tuples(st.just("go"), st.integers(1, 900)),
        st.tuples(st.just("replace"), ROWS, st.integers(0, 1), st.integers(0, 5)),
        st.tuples(st.just("mute"), st.booleans()),
        st.tuples(st.just("channel"), st.integers(0, 2)),
        st.tuples(st.just("panic")),
    ),
    min_size=4,
    max_size=30,
)


@settings(deadline=None, max_examples=150)
@given(st.sampled_from([4, 8, 10, 40]), st.lists(ROWS, min_size=1, max_size=3), DEEDS)
def test_of_a_roll_that_is_heard_which_should_be(
    steps: int, bars: list[list[set[int]]], deeds: list[tuple]
) -> None:
    """Bars are placed shortly before their line and written anew from any step that has not been sent."""
    ears, keys = Listener(), Keys()
    notes, rows, ticks = scheduler(ears, 0), [bars[0][:steps]], TICKS_PER_BAR // steps
    notes.place(0, rolled(rows[0]))
    tick = -1
    for deed, *values in deeds:
        if deed == "go":
            ahead = range(tick + 1, tick + 1 + values[0])
            for now in [
                t for t in ahead if t % ticks == 0 or (t + 40) % TICKS_PER_BAR == 0 or t == ahead[-1]
            ]:
                if (now + 40) % TICKS_PER_BAR == 0:
                    rows.append(bars[len(rows) % len(bars)][:steps])
                    notes.place(now + 40, rolled(rows[-1]))
                if now % ticks == 0:
                    bar, step = divmod(now // ticks, steps)
                    keys.step(now, rows[bar][step - 1] if step else set(), rows[bar][step])
                notes.send_due(now, as_written)
            tick += values[0]
        elif deed == "replace":
            new, back, ahead = values
            number = max(0, len(rows) - 1 - back)
            step = max(0, (tick - number * TICKS_PER_BAR) // ticks + 1) + ahead
            if step < steps:
                rows[number] = [*rows[number][:step], *new[step:steps]]
                notes.place(number * TICKS_PER_BAR, rolled(rows[number]), step * ticks)
        elif deed == "mute":
            notes.mute(max(0, tick), 0, *values)
            (keys.muted,) = values
            if keys.muted:
                keys.end(max(0, tick), set(keys.on))
        elif deed == "channel":
            notes.set_channel(0, *values)
            (keys.channel,) = values
        else:
            notes.panic(max(0, tick))
            keys.end(max(0, tick), set(keys.on))
        assert notes.sounding(0) == tuple(sorted(keys.on))
    played = [event for event in ears.notes() if event[1] < 0xB0]
    assert sorted(played) == sorted(keys.heard)
    assert [event for event in played if event[1] >= 0x90] == [e for e in keys.heard if e[1] >= 0x90]
