"""What is compared: the models and their settings, the splits, and where the runs are kept."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from ..environments import BUILD

HERE = Path(__file__).parent
MODELS: dict[str, dict[str, Any]] = json.loads((HERE / "models.json").read_text())


@dataclasses.dataclass(frozen=True)
class Plan:
    """Which splits are run, and where their results are kept.

    Attributes
    ----------
    out : Path
        Folder of settings.json, race.json and the results.
    work : Path
        Folder of the splits, and of what the models predicted: a folder for each split.
    folds : dict of str to list of str
        Names of the folds of each year.
    latest : str
        Name of the split of each user's latest ratings.
    """

    out: Path = HERE
    work: Path = BUILD / "accuracy"
    folds: dict[str, list[str]] = dataclasses.field(
        default_factory=lambda: {year: [f"{year}-{f}" for f in range(5)] for year in YEARS}
    )
    latest: str = "2018-latest"

    @property
    def splits(self) -> list[str]:
        """All of them, in the order in which they are run."""
        first, *others = self.folds.values()
        return [*first, self.latest, *(name for names in others for name in names)]

    def inner(self, name: str) -> str:
        """The split on which a model's settings are chosen."""
        first_fold = next(iter(self.folds.values()))[0]
        return f"{self.latest if MODELS[name]['uses'] == 'ranking' else first_fold}-inner"

    def chosen(self) -> dict[str, dict[str, Any]]:
        """The settings that were chosen for each model, and the scores of those tried."""
        file = self.out / "settings.json"
        return json.loads(file.read_text()) if file.exists() else {}

    def choose(self, name: str, choice: dict[str, Any]) -> None:
        """Write down what was chosen for a model."""
        self.out.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.chosen() | {name: choice}, indent=1)
        (self.out / "settings.json").write_text(text + "\n")

    def settings_of(self, name: str) -> dict[str, dict[str, Any]]:
        """The settings of a model that are compared: its defaults, and the best of those tried."""
        settings = {"default": MODELS[name]["default"]}
        if name in self.chosen():
            settings["tuned"] = self.chosen()[name]["options"]
        return settings

    def files(self, name: str, setting: str, splits: list[str]) -> dict[str, Path]:
        """The runs that exist of a model's setting, by split.

        A run under this name that was made with other options is left out.
        """
        options = MODELS[name]["fixed"] | self.settings_of(name)[setting]
        runs = {}
        for split in splits:
            file = self.work / split / f"{name}.{setting}.npz"
            if is_of(file, options):
                runs[split] = file
        return runs


def is_of(file: Path, options: dict[str, Any]) -> bool:
    """Whether a run is there, and was made with these options."""
    note = file.with_suffix(".json")
    return file.exists() and note.exists() and json.loads(note.read_text()) == options


YEARS = ("2018", "2016")


def tiny(out: Path) -> Plan:
    """A plan for minutes: it shows that everything runs, and its numbers say nothing."""
    return Plan(out, out / "work", {"tiny": ["tiny-0", "tiny-1"]}, "tiny-latest")
