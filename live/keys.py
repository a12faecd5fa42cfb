"""Every key of the stage: what it does, in a word for the footer and in a sentence for palette and help."""

from textual.binding import Binding

VOICE_KEYS = 6  # voices that a number key can mute


def _key(
    keys: str, action: str, name: str, says: str, *, id: str, display: str, footer: bool = False
) -> Binding:
    return Binding(keys, action, name, show=footer, key_display=display, tooltip=says, id=id)


KEYS = [
    _key("space", "do('play')", "Play", "Play or stop.", id="play", display="space", footer=True),
    _key(
        "minus,underscore",
        "do('bpm', -1)",
        "Slower",
        "One beat a minute slower.",
        id="slower",
        display="-",
        footer=True,
    ),
    _key(
        "plus,equals_sign",
        "do('bpm', 1)",
        "Faster",
        "One beat a minute faster.",
        id="faster",
        display="+",
        footer=True,
    ),
    _key("t", "do('tap')", "Tap", "Tap the tempo; the odd stray tap does no harm.", id="tap", display="t"),
    _key("T", "do('ask_bpm')", "Tempo …", "Type the tempo in beats a minute.", id="bpm", display="T"),
    _key(
        "c",
        "do('count_in')",
        "Count-in",
        "Count a bar in before the first one; again for two, again for none.",
        id="count_in",
        display="c",
    ),
    _key(
        "less_than_sign",
        "do('offset', -1)",
        "Sooner",
        "Let the output in use have everything a millisecond sooner; it is kept.",
        id="sooner",
        display="<",
    ),
    _key(
        "greater_than_sign",
        "do('offset', 1)",
        "Later",
        "Let the output in use have everything a millisecond later; it is kept.",
        id="later",
        display=">",
    ),
    _key(
        "o",
        "do('ask_offset')",
        "Offset …",
        "Type how many milliseconds after its time the output in use has everything; negative is before.",
        id="offset",
        display="o",
    ),
    _key(
        "l,L",
        "do('learn')",
        "Learn",
        "Bind controllers: focus a parameter, move a control, focus the next. Again to leave.",
        id="learn",
        display="l",
        footer=True,
    ),
    _key(
        "u,U",
        "do('unlearn')",
        "Unlearn",
        "Forget the focused parameter's controller.",
        id="unlearn",
        display="u",
    ),
    _key(
        "p,exclamation_mark",
        "do('panic')",
        "Panic",
        "End every note on every channel that it played on, at once.",
        id="panic",
        display="p",
        footer=True,
    ),
    _key(
        "r,R",
        "do('record')",
        "Rec",
        "Record a new .mid here, or finish it.",
        id="record",
        display="r",
        footer=True,
    ),
    _key("a", "do('anchor', 'A')", "New A", "Draw a new latent for anchor A.", id="anchor_a", display="a"),
    _key("b", "do('anchor', 'B')", "New B", "Draw a new latent for anchor B.", id="anchor_b", display="b"),
    _key(
        "A",
        "do('capture', 'A')",
        "Keep as A",
        "Put what plays now into anchor A.",
        id="capture_a",
        display="A",
    ),
    _key(
        "B",
        "do('capture', 'B')",
        "Keep as B",
        "Put what plays now into anchor B.",
        id="capture_b",
        display="B",
    ),
    _key(
        "left_square_bracket",
        "do('morph', -0.05)",
        "Toward A",
        "Morph toward anchor A.",
        id="toward_a",
        display="[",
    ),
    _key(
        "right_square_bracket",
        "do('morph', 0.05)",
        "Toward B",
        "Morph toward anchor B.",
        id="toward_b",
        display="]",
    ),
    _key(
        "n",
        "do('seed')",
        "New seed",
        "Draw the notes anew: another seed, same latents.",
        id="seed",
        display="n",
    ),
    _key("S", "do('ask_seed')", "Seed …", "Type the seed of the notes' chance.", id="ask_seed", display="S"),
    _key("right", "app.focus_next", "Next", "Go to the next parameter.", id="next", display="→"),
    _key("left", "app.focus_previous", "Previous", "Go to the parameter before.", id="previous", display="←"),
    *(
        _key(
            str(voice + 1),
            f"do('mute', {voice})",
            f"Mute {voice + 1}",
            f"Mute or unmute voice {voice + 1}.",
            id=f"mute_{voice + 1}",
            display=str(voice + 1),
        )
        for voice in range(VOICE_KEYS)
    ),
    _key(
        "i,I",
        "notices",
        "Notices",
        "Every notice so far, in full.",
        id="notices",
        display="i",
    ),
    _key(
        "question_mark",
        "help",
        "Help",
        "Every key, and what the preset is.",
        id="help",
        display="?",
        footer=True,
    ),
    _key(
        "q",
        "quit",
        "Quit",
        "End every note, finish the recording and leave.",
        id="quit",
        display="q",
        footer=True,
    ),
]
