"""Who writes what bench.reading.handwriting reads, MNIST's writers and our own pens or handwriting
fonts, and the kinds of pictures that are made of it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bench.reading import pens, scenes, typefaces

PHOTO = scenes.photo
PICTURES = {
    "tablet": scenes.tablet,
    "photo": PHOTO,
    "shadow": lambda k, r: PHOTO(k, r, shadow=True),
    "ruled paper": lambda k, r: PHOTO(k, r, lines="ruled"),
    "squared, shadow": lambda k, r: PHOTO(k, r, lines="squared", shadow=True),
    "pencil": lambda k, r: PHOTO(k, r, pencil=True),
    "pencil, ruled": lambda k, r: PHOTO(k, r, pencil=True, lines="ruled", shadow=True),
    "coloured": lambda k, r: PHOTO(k, r, coloured=True, shadow=True),
    "on a table": lambda k, r: PHOTO(k, r, desk=True),
    "blackboard": lambda k, r: PHOTO(k, r, board=True),
    "far away": lambda k, r: PHOTO(k, r, room=r.uniform(4, 7)),
    "scan": scenes.scan,
    "scan with box": lambda k, r: scenes.scan(k, r, box=True),
    "12 to 24 pixels": scenes.tiny,
}
FONT_STRINGS = {
    "font": {},
    "font, ruled": {"lines": "ruled"},
    "font, squared": {"lines": "squared"},
    "font, pencil": {"pencil": True},
    "font, table": {"desk": True},
}
STRINGS = ("clean", "photo", "pencil", "ruled", "boxes", "lines", "touching", "strip")


class Writers:
    """Held-out digits and our own pens in turn, by chance."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, seed: int):
        self.images, self.labels, self.rng = images, labels, np.random.RandomState(seed)

    def digit(self, height: int, turn: float = 8.0) -> tuple[np.ndarray, int]:
        if self.rng.rand() < 1 / 3:
            label = self.rng.randint(10)
            return pens.digit(label, self.rng, height), label
        index = self.rng.randint(len(self.images))
        drawn = scenes.enlarge(self.images[index], height, self.rng)
        turned = scenes.turned(drawn, self.rng.uniform(-turn, turn)) if turn else drawn
        return turned, int(self.labels[index])

    def string(self, kind: str) -> tuple[np.ndarray, str]:
        """A picture of one or several lines, and what stands there."""
        height, lines = self.rng.randint(60, 100), []
        for _ in range(self.rng.randint(2, 4) if kind == "lines" else 1):
            chosen = [
                self.digit(int(height * self.rng.uniform(0.9, 1.1)), turn=0)
                for _ in range(self.rng.randint(2, 8))
            ]
            sheet, _ = scenes.string(
                [drawn for drawn, _ in chosen],
                self.rng,
                touching=kind in ("touching", "strip"),
                boxes=kind == "boxes",
            )
            lines.append((sheet, "".join(str(label) for _, label in chosen)))
        wide = max(sheet.shape[1] for sheet, _ in lines)
        sheet = np.concatenate([np.pad(s, ((0, 0), (0, wide - s.shape[1]))) for s, _ in lines])
        text = "/".join(text for _, text in lines)
        if kind in ("clean", "strip"):
            noise = self.rng.normal(0, 6 * (kind == "strip"), sheet.shape)
            return np.clip(250 * (1 - 0.9 * sheet) + noise, 0, 255).astype(np.uint8), text
        more = {"lines": "ruled"} if kind == "ruled" else {}
        room, shadow = self.rng.uniform(1.1, 2), self.rng.rand() < 0.5
        pencil = kind == "pencil"
        return PHOTO(sheet, self.rng, room=room, shadow=shadow, pencil=pencil, **more), text


class Fonts:
    """Hands of handwriting fonts, by chance."""

    def __init__(self, folder: str, seed: int):
        self.paths, self.rng = typefaces.files(folder), np.random.RandomState(seed)

    def digits(self, make) -> Iterator[tuple[np.ndarray, int]]:
        """Every digit of every font as a picture, and its label."""
        for path in self.paths:
            for label in range(10):
                drawn = typefaces.digit(path, label, self.rng.randint(60, 200))
                yield make(scenes.turned(drawn, self.rng.uniform(-8, 8)), self.rng), label

    def string(self, kind: str) -> tuple[np.ndarray, str]:
        """A photo of a string on paper, and what stands there."""
        text = "".join(str(self.rng.randint(10)) for _ in range(self.rng.randint(3, 8)))
        path = self.paths[self.rng.randint(len(self.paths))]
        drawn = typefaces.string(path, text, self.rng.randint(70, 110), self.rng)
        room, shadow = self.rng.uniform(1.2, 2.5), self.rng.rand() < 0.5
        return PHOTO(drawn, self.rng, room=room, shadow=shadow, **FONT_STRINGS[kind]), text
