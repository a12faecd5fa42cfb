"""What `prepare` tells of each source and of each file that it could not use."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from training.data.midi import UnusableError
from training.data.songs import FORMS, Remark


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that gave nothing to the store: the category, and what was found."""

    source: str
    path: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Remarked:
    """A voice that was dropped from a file that is used, or rounded: the category, and what was found."""

    source: str
    path: str
    what: str
    detail: str


@dataclass(slots=True)
class SourceReport:
    """The counts of one source: songs and `windows` by split, `refused` and `voices` by what befell them."""

    name: str
    licence: str = ""  # of its songs in the store
    files: int = 0
    used: int = 0
    songs: int = 0
    trios: int = 0
    rows: int = 0
    splits: dict[str, int] = field(default_factory=dict)  # songs
    windows: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    voices: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """The counts of every source, the refused files and voices; written as report.json into the store."""

    sources: tuple[SourceReport, ...]
    form: str = "trio"
    refused: list[Refused] = field(default_factory=list)
    voices: list[Remarked] = field(default_factory=list)

    def refuse(self, source: SourceReport, path: str, error: UnusableError) -> None:
        """Count a file that gave nothing."""
        source.refused[error.reason] = source.refused.get(error.reason, 0) + 1
        self.refused.append(Refused(source.name, path, error.reason, error.detail))

    def remark(self, source: SourceReport, path: str, remarks: Iterable[Remark]) -> None:
        """Count the voices of a file that were dropped or rounded."""
        for remark in remarks:
            source.voices[remark.what] = source.voices.get(remark.what, 0) + 1
            self.voices.append(Remarked(source.name, path, remark.what, remark.detail))

    def lines(self) -> list[str]:
        """Return the report as lines to print, one per source and one per reason."""
        text = []
        trios = self.form == "trio"
        for source in self.sources:
            songs = f"{source.songs} songs ({source.trios} trios)" if trios else f"{source.songs} songs"
            what, counts = ("windows", source.windows) if trios else ("songs", source.splits)
            by_split = ", ".join(f"{count} {split}" for split, count in sorted(counts.items())) or "none"
            text.append(
                f"{_printable(source.name)}: {source.used} of {source.files} files, {songs}, "
                f"{source.rows} {FORMS[self.form].called}, {what}: {by_split}"
            )
            text += [f"  {count} refused: {reason}" for reason, count in sorted(source.refused.items())]
            text += [
                f"  {count} {'voice' if count == 1 else 'voices'} {what}"
                for what, count in sorted(source.voices.items())
            ]
        return text


def _printable(name: str) -> str:
    """Return a folder's name as any terminal can print it: it may hold bytes that are no text."""
    return name.encode("utf-8", "backslashreplace").decode()
