"""The look of the stage: a dark, high-contrast theme, and one colour a voice."""

from functools import lru_cache

from textual.theme import Theme

BACKGROUND = "#0a0c0f"
LANE = "#10141a"  # behind the notes
BEAT_LINE = "#171d26"
BAR_LINE = "#2a3442"
TRACK = "#2b3440"  # the part of a dial or slider that is not filled
DIM = "#7d8896"
TEXT = "#f2f4f7"
ACCENT = "#ffc247"  # values, focus
GO = "#5ee08a"  # playing
STOP = "#ff5d5d"  # recording, trouble
LEARN = "#d08bff"  # learning and pickup
VOICES = ("#ffc247", "#4fc3ff", "#ff7d9c", "#9be15d", "#c9a2ff", "#ffa05c")
MUTED = "#4a5461"

STAGE = Theme(
    name="stage",
    primary=ACCENT,
    secondary=VOICES[1],
    accent=ACCENT,
    warning="#ffa05c",
    error=STOP,
    success=GO,
    foreground=TEXT,
    background=BACKGROUND,
    surface=LANE,
    panel="#161b22",
    dark=True,
    variables={
        "footer-background": "#161b22",
        "footer-key-foreground": ACCENT,
        "footer-description-foreground": "#c3cad3",
        "block-cursor-background": ACCENT,
        "block-cursor-foreground": BACKGROUND,
    },
)


def voice_colour(voice: int) -> str:
    """Return the colour of voice number `voice`."""
    return VOICES[voice % len(VOICES)]


@lru_cache(maxsize=1024)
def blend(colour: str, other: str, share: float) -> str:
    """Return `colour` mixed with `share` (0 to 1) of `other`, both "#rrggbb"."""
    mixed = (
        round(int(colour[i : i + 2], 16) * (1 - share) + int(other[i : i + 2], 16) * share) for i in (1, 3, 5)
    )
    return "#" + "".join(f"{channel:02x}" for channel in mixed)
