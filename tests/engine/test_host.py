"""When the built-in sound may have to be heard, and that it is from the first note on."""

import pytest
import toy_composer
from jack_server import jack_server

from engine.host import wants_sound
from engine.port import Port
from engine.session import Session


@pytest.mark.parametrize(
    ("api", "named", "asked", "wanted"),
    [
        (None, None, None, True),
        ("JACK", None, None, True),
        ("ALSA", None, None, True),
        ("JACK", "synth", None, False),  # somebody was named, who hears it
        ("CoreMIDI", None, None, False),  # which does not tell who listens
        ("WinMM", None, None, False),
        ("CoreMIDI", "synth", True, True),
        (None, None, False, False),
        ("JACK", None, False, False),
    ],
)
def test_the_built_in_sound_is_opened_where_it_may_be_needed(
    api: str | None, named: str | None, asked: bool | None, wanted: bool
) -> None:
    port = None if api is None else Port(None, api, "live:toy", "")
    assert wants_sound(toy_composer.setup(port=named, sound=asked), port) == wanted


@pytest.mark.parts
def test_the_built_in_sound_has_the_first_notes_while_nobody_listens() -> None:
    setup = toy_composer.setup(sound=None, sound_device="null", api="JACK", play=False, headless=True)
    with jack_server(), Session(setup, toy_composer.run) as session:
        first = session.poll(30.0)  # told before the guard's first word is heard
    assert first is not None
    assert first.out_port == "JACK: live:toy (asked for) -> nobody yet + built-in sound (Null)"
