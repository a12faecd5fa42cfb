"""A table of a TOML file, read key by key; errors name file, key, value and what is allowed."""

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any


class TableError(Exception):
    """A key that is missing, unknown or out of range."""


def meant(name: str, names: list[str]) -> str:
    """Return " (did you mean ...?)" where one of `names` is close to `name`, else nothing."""
    close = get_close_matches(name, names, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


@dataclass(frozen=True, slots=True)
class Table:
    """One table; where a default is None the key is required."""

    file: Path
    path: str  # of the table within the file, such as "voices[1]."
    raw: dict[str, Any]

    def wrong(self, key: str, allowed: str) -> TableError:
        """Return the error for `key`, saying what it holds and what is allowed."""
        found = f"is {self.raw[key]!r}" if key in self.raw else "is missing"
        return TableError(f"{self.file}: {self.path}{key} {found}, allowed: {allowed}")

    def known(self, keys: tuple[str, ...]) -> None:
        """Refuse every key that is not one of `keys`."""
        for key in self.raw:
            if key not in keys:
                raise TableError(
                    f"{self.file}: {self.path}{key} is no key{meant(key, list(keys))}; "
                    f"allowed: {', '.join(keys)}"
                )

    def text(self, key: str, default: str | None) -> str:
        """Return the text at `key`; a required one is not empty."""
        value = self.raw.get(key, default)
        if not isinstance(value, str) or (default is None and not value):
            raise self.wrong(key, "text in quotes")
        return value

    def number(self, key: str, default: float | None, low: float, high: float) -> float:
        """Return the number at `key`, `low` to `high`."""
        value = self.raw.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise self.wrong(key, f"a number from {low:g} to {high:g}")
        return float(value)

    def whole(self, key: str, default: int | None, low: int, high: int) -> int:
        """Return the whole number at `key`, `low` to `high`."""
        value = self.raw.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.wrong(key, f"a whole number from {low} to {high}")
        return value

    def sub(self, key: str) -> "Table":
        """Return the table under `key`, empty where it is absent."""
        value = self.raw.get(key, {})
        if not isinstance(value, dict):
            raise self.wrong(key, f"a table, [{self.path}{key}]")
        return Table(self.file, f"{self.path}{key}.", value)

    def tables(self, key: str) -> list["Table"]:
        """Return the tables under [[`key`]]."""
        value = self.raw.get(key, [])
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            raise self.wrong(key, f"tables, each under [[{key}]]")
        return [Table(self.file, f"{self.path}{key}[{index}].", entry) for index, entry in enumerate(value)]
