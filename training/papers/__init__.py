"""The papers' tables and figures, each reproduced by the module of its name: `reproduce(job)`."""

from pathlib import Path

CONFIGS = Path(__file__).parents[1] / "configs"
# What `live-train papers` takes; a module has _ where its name has -.
NAMES = (
    *("musicvae-table1", "musicvae-interpolation", "musicvae-attributes"),
    *("vrae", "vrnn-polyphony", "vrnn-feel", "vrash"),
)
