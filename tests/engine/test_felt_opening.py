"""Opening bars with the hits of a feel: written, played, and named where they are none."""

from dataclasses import replace
from multiprocessing import Pipe
from pathlib import Path

import drummed
import pytest
from drummed import Piece

from engine import errands, opening
from engine.arranger import Arranger

piece, trio = drummed.piece, drummed.trio


def carried(piece: Piece, bars: int, folder: Path) -> opening.Opening:
    """Return the opening that `live opening` writes."""
    near, far = Pipe()
    errands.opening(far, piece.setup, bars, str(folder))
    assert near.recv() == ("done", str(folder / opening.FILE))
    read = opening.read(folder, piece.setup.manifest)
    assert read is not None
    return read


def test_an_opening_is_played_by_the_feel_and_leaves_no_trace_in_what_follows(
    piece: Piece, tmp_path: Path
) -> None:
    begun = carried(piece, 3, tmp_path)
    whole, opened = piece.concert(), piece.concert(opening=begun)
    whole.run()
    opened.run()
    assert [(s.tick, s.message) for s in opened.notes()] == [(s.tick, s.message) for s in whole.notes()]
    assert [request.number for request in opened.asked] == [3]
    assert len(opened.asked[0].past) == 3
    assert not Arranger(replace(piece.setup, opening=begun, feel=None)).ready(0)
    other = replace(piece.setup.feel, manifest=replace(piece.setup.feel.manifest, exported_with={}))
    assert not Arranger(replace(piece.setup, opening=begun, feel=other)).ready(0)


@pytest.mark.parametrize(
    "hits", ["[[[0, 0, 0, 3]]]", "[[[16, 0, 9, 3]]]", "[[[0, 0, 9, 61]]]", "[[[0, 9, 9]]]", "[]]", "[[],[]]"]
)
def test_an_opening_whose_hits_are_none_is_named_with_its_remedy(
    trio: Piece, tmp_path: Path, hits: str
) -> None:
    bar = str([[129, 129, 0]] * 16)
    (tmp_path / opening.FILE).write_text(f'{{"key": "x", "bars": [{bar}], "hits": {hits}}}')
    with pytest.raises(opening.OpeningError, match=r"opening\.json: not the opening bars .* `live opening`"):
        opening.read(tmp_path, trio.setup.manifest)
