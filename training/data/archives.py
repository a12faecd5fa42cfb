"""What the archives named in the training data's own documents say of themselves: licences, splits, grids.

An archive is known by its manifest's content, whatever the name of its folder or file; a file of the
polyphonic benchmark, which has none, by its own.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

LEAD = "GPL-3 (Nottingham), MIT (OpenEWLD), patterns GPL-2+"
POP909 = "MIT (POP909, POP909-CL), patterns GPL-2+"
POLYPHONY = (
    "poly-boulanger-lewandowski: carried by an MIT repository (TCN); the originals (Boulanger-Lewandowski et "
    "al. 2012) state none"
)

# Where each folder of an archive has its own licence, by folder, and by file where a folder has several.
LICENCES: dict[str, str | dict[str, str]] = {
    "pop909-mma-trio": POP909,
    "pop909-mma-trio-2": POP909,
    "pop909-grid": "MIT",
    "lead-mma-trio": LEAD,
    "groove": "CC BY 4.0, Google Magenta (Groove MIDI Dataset)",
    "openewld": "MIT; public-domain songs by the source's word, some first performed after 1930",
    "nottingham": "GPL-3",
    "folk-fiddle": "public-domain tunes; transcriptions free to use, perhaps not commercially",
    "free-games": {
        "easyrpg-rtp": "CC BY 4.0, Juan Manuel Nigretti (EasyRPG RTP)",
        "easyrpg-rtp/Boss 3.mid": "CC0, Someoneman (EasyRPG RTP)",
        "freedink-data": "free replacements, licences not stated in the archive (FreeDink)",
        **{
            f"freedink-data/{name}.mid": "zlib-like, Seth A. Robinson (FreeDink)"
            for name in ("1003", "2", "dance", "insper", "lively", "love")
        },
        "freedoom": "BSD-3-Clause (Freedoom)",
        "liquidwar-data": "GPL-2+ (Liquid War)",
        "openmsx": "GPL-2 (OpenMSX)",
        "planetblupi": "GPL-3+ (Planet Blupi)",
        "simutrans-data": "Artistic-1.0 (simutrans)",
        "tannerhelland": "CC BY 4.0, Tanner Helland",
    },
    "JSB_Chorales": POLYPHONY,
    "JSB_Chorales_16th_SATB": (
        "poly-boulanger-lewandowski: Bach's chorales by voice, from JSB-Chorales-dataset (C.-Z. A. Huang), "
        "which states none, after Boulanger-Lewandowski et al. 2012 and M. Allan"
    ),
    "Nottingham": POLYPHONY,
    "MuseData": POLYPHONY,
    "Piano_midi": POLYPHONY,
}
UNSTATED = "not stated"

# sha256 of each archive's MANIFEST.csv, which holds the sum of every file that it lists.
MANIFESTS = {
    "fca6929ab0179fa987f969bb36dabbd09aff1a968d7cef7017e1689b5d36f9a8": "folk-fiddle",
    "819f527b4f327dc8e1699822177554bbf0418339ba4367722be47381e74c08f1": "free-games",
    "7f1001b70ccf149c23e1b1bfb1699f40bcd8dd6f95404ffcab1fc185edcf08cc": "groove",
    "45bf2314bd19e01cc295fcea5ad3f9d1671aa5430949daac52b49c62928c91f2": "lead-mma-trio",
    "10990a0192383dcc82eebd289bc36420b0a2c2527334b331e519f4c37028cb8f": "nottingham",
    "1bf82711d9f7f2c72e6b142758ef382252a6c4fdbc49be10c9039f101ce0efc8": "openewld",
    "4cd6227c57237c7ba288807dddf0e12b90161d81b21c1b0fdf126e77cbbec255": "pop909-grid",
    "ed2d67f4d79a4cf3f1eb498387625a2f9e7b15209d94190c86d9dae4568bc5d7": "pop909-mma-trio",
    "df9856546e00af7e8d08fcc14ae40e6541a9ff813d5b790d2738416185f0c894": "pop909-mma-trio-2",
}

# sha1 of each file of `poly-boulanger-lewandowski`, which has no manifest.
BENCHMARKS = {
    "d656fa675ac455477086718103c26e866f49d64f": "JSB_Chorales",
    "e24f7c2f64fe932ca78c3cb69e6e5552ca03726f": "JSB_Chorales_16th_SATB",
    "9cd6e48346b9edb517411bbb18b989c92295c542": "Nottingham",
    "cd7f480dfa039ca7159b3605a6a459b603390099": "MuseData",
    "e504305019706efd9685965119f7bd96c2ac141c": "Piano_midi",
}

# Frames in a bar of 4/4, as the chorales' README has them; of the other sets no document says it.
FRAMES_A_BAR = {"JSB_Chorales": 4, "JSB_Chorales_16th_SATB": 16}

# Archives whose official split is by recording: their groups are players and span it.
SPLIT_BY_RECORDING = frozenset({"groove"})

# What the first stores, and the runs that learnt from them, say of an archive that is put otherwise now.
FIRST_WORDS = {
    ("groove", "CC BY 4.0"),
    ("openewld", "MIT; public-domain songs by the source's word"),
    (
        "free-games",
        "freedoom: BSD-3-Clause, openmsx: GPL-2, simutrans-data: Artistic-1.0, planetblupi: GPL-3+, "
        "freedink-data: zlib-like, liquidwar-data: FAL or GPL-2+, tannerhelland: CC BY 4.0, "
        "easyrpg-rtp: CC BY 4.0",
    ),
    *((name, UNSTATED) for name in BENCHMARKS.values()),
}


def recognise(manifest: bytes) -> str:
    """Return the name of the archive that has this MANIFEST.csv, empty for any other."""
    return MANIFESTS.get(hashlib.sha256(manifest).hexdigest(), "")


def licence_of(archive: str, path: str) -> str:
    """Return the licence of one file of `archive`, a name that `recognise` gave."""
    licence = LICENCES.get(archive, UNSTATED)
    if isinstance(licence, str):
        return licence
    parts = path.split("/")
    for first in range(len(parts)):  # what wraps the archive may come before its own folders
        inside = "/".join(parts[first:])
        if found := licence.get(inside) or licence.get(parts[first]):
            return found
    return UNSTATED


def restated(name: str, licence: str) -> str:
    """Return what a store or a run says of the source `name`, in today's words."""
    if (name, licence) not in FIRST_WORDS:
        return licence
    today = LICENCES[name]
    if isinstance(today, str):
        return today
    # FreeDink's own files give no voice that can be used: no store ever held them.
    return joined(text for place, text in today.items() if not place.startswith("freedink-data/"))


def frames_a_bar(source: Mapping[str, Any]) -> int:
    """Return how many frames of a roll make a bar of 4/4 in `source`, one of a store's; 0: nobody says."""
    if "frames_a_bar" in source:
        return int(source["frames_a_bar"])
    first = (source["name"], source["licence"]) in FIRST_WORDS
    return FRAMES_A_BAR.get(source["name"], 0) if first else 0


def joined(licences: Iterable[str]) -> str:
    """Return each of `licences` once, as one text."""
    return "; ".join(dict.fromkeys(licences))
