"""What the archives named in the training data's own documents say of themselves: licences and splits."""

LEAD = "GPL-3 (Nottingham), MIT (OpenEWLD), patterns GPL-2+"
POP909 = "MIT (POP909, POP909-CL), patterns GPL-2+"

# By archive stem; where each folder of an archive has its own licence, by the first folder named here.
LICENCES: dict[str, str | dict[str, str]] = {
    "pop909-mma-trio": POP909,
    "pop909-mma-trio-2": POP909,
    "pop909-grid": "MIT",
    "lead-mma-trio": LEAD,
    "groove": "CC BY 4.0",
    "openewld": "MIT; public-domain songs by the source's word, some first performed after 1930",
    "nottingham": "GPL-3",
    "folk-fiddle": "public-domain tunes; transcriptions free to use, perhaps not commercially",
    "free-games": {
        "freedoom": "BSD-3-Clause",
        "openmsx": "GPL-2",
        "simutrans-data": "Artistic-1.0",
        "planetblupi": "GPL-3+",
        "freedink-data": "zlib-like",
        "liquidwar-data": "FAL or GPL-2+",
        "tannerhelland": "CC BY 4.0",
        "easyrpg-rtp": "CC BY 4.0",
    },
}
UNSTATED = "not stated"

# Archives whose official split is by recording: their groups are players and span it.
SPLIT_BY_RECORDING = frozenset({"groove"})


def licence_of(source: str, path: str | None = None) -> str:
    """Return the licence of one file of `source`, or with no `path` of all of it."""
    licence = LICENCES.get(source, UNSTATED)
    if isinstance(licence, str):
        return licence
    if path is None:
        return ", ".join(f"{folder}: {text}" for folder, text in licence.items())
    return next((licence[folder] for folder in path.split("/") if folder in licence), UNSTATED)
