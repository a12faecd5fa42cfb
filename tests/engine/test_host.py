"""When the built-in sound may have to be heard."""

import pytest
import toy_composer

from engine.host import wants_sound
from engine.port import Port


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
