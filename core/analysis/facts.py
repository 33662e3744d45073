"""What is true of a run's number, made once: each fact with its interval, how it was computed, and
what would change it. Review, pages, model card, report and command line render these and those of
findings.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from core.analysis import duplicates
from core.evaluation.uncertainty import (
    between,
    percent,
    prediction_interval,
    selective,
    spread,
    stored_log_odds,
    wilson_interval,
)
from core.runs import provenance, store
from core.runs.store import Run

Interval = tuple[float, float]


@dataclass(frozen=True)
class Fact:
    """A true sentence on a run. `value` with its 95 % `interval` is of `n` images (or seeds,
    epochs); `how` says how it was computed, `remedy` what would change it; `page` and `query` show
    it. `concern`: it asks for an answer.
    """

    sentence: str
    value: float | None = None
    interval: Interval | None = None
    n: int = 0
    how: str = ""
    remedy: str = ""
    concern: bool = False
    page: str = ""
    query: dict[str, str] = field(default_factory=dict)


def accuracy(run: Run) -> Fact:
    metrics = run.metrics
    ends = wilson_interval(metrics["test_right"], metrics["test_count"])
    return Fact(
        f"{percent(metrics['test_accuracy'])} of {metrics['test_count']:,} test images are "
        f"classified correctly; 95 % interval {between(ends)}.",
        metrics["test_accuracy"],
        ends,
        metrics["test_count"],
        "Wilson's score interval: the true shares that this count does not speak against. It holds "
        "for these weights and for images of this kind only.",
        "More test images narrow it.",
    )


def other_images(run: Run) -> Fact:
    """What to expect of a second test set."""
    metrics = run.metrics
    ends = prediction_interval(metrics["test_right"], metrics["test_count"])
    return Fact(
        f"Of another {metrics['test_count']:,} images of this kind {between(ends)} can be "
        "expected; images of another kind were not measured.",
        metrics["test_accuracy"],
        ends,
        metrics["test_count"],
        "A 95 % prediction interval: wider than the interval above, for the other images vary too.",
    )


def seeds(run: Run, known: Sequence[Run] | None = None) -> Fact:
    """How much another seed differs; `known` are the runs to look among, by default all."""
    found = provenance.seeds(run, store.list_runs() if known is None else known)
    if len(found) < 2:
        return Fact(
            f"One seed ({run.info['seed']}) was trained: how much another one differs is not "
            "known.",
            n=1,
            remedy="Train it with other seeds.",
            concern=True,
            page="train",
            query={"from": run.id},
        )
    mean, deviation = spread([share for _, share in found])
    names = ", ".join(str(seed) for seed, _ in found)
    return Fact(
        f"Over seeds {names} the mean is {percent(mean)}, the standard deviation "
        f"{100 * deviation:.2f} points.",
        mean,
        n=len(found),
        how="Finished runs that differ by their seed alone, each on the same test images.",
        page="curves",
    )


def split(run: Run) -> Fact:
    images = run.info["images"]
    return Fact(
        f"{images['fit']:,} images of {provenance.dataset_title(run)} taught it, "
        f"{images['validation']:,} were held out for choices, {images['test']:,} judged it.",
        n=images["test"],
        how="The test images were scored after every epoch, for the record; no setting, epoch or "
        "threshold was chosen by them here.",
        page="samples",
    )


def repeated(run: Run) -> Fact:
    """Test images that also stand in the training part, when that was looked for."""
    name = run.info["dataset"]
    known = duplicates.read(name, run.info["dataset_sha256"])
    if known is None:
        text = "Whether test images also stand in the training part has not been looked for"
        return Fact(f"{text}: python -m core duplicates {name}")
    exact, near, count = known["exact"], known["near"], known["images"]["test"]
    how = "The nearest training image of each test image, by the pixels."
    if not exact + near:
        sentence = f"None of the {count:,} test images stands in the training part, nor nearly so."
        return Fact(sentence, 0, n=count, how=how, page="claim")
    unlike = sum(pair["labels"][0] != pair["labels"][1] for pair in known["pairs"])
    sentence = (
        f"Of {count:,} test images {exact or 'none'} exactly and {near or 'none'} nearly repeat "
        "one of the training part" + (f"; {unlike} of them under another label." if unlike else ".")
    )
    return Fact(sentence, exact + near, n=count, how=how, concern=True, page="claim")


def of_data(run: Run) -> list[Fact]:
    support = [row["support"] for row in run.metrics["per_class"]]
    found = [split(run), repeated(run)]
    if not run.info["images"]["validation"]:
        text = "Nothing was held out: no setting can have been chosen honestly."
        found.append(Fact(text, concern=True, page="run"))
    if max(support) > 1.5 * max(1, min(support)):
        text = (
            f"The test part is uneven: {min(support):,} to {max(support):,} images a class, so "
            "accuracy leans towards the frequent ones."
        )
        found.append(Fact(text, concern=True, page="confusion_matrix"))
    return found


def answers(run: Run, part: str = "") -> tuple[np.ndarray, np.ndarray]:
    """(right, log-odds of the predicted class), each (N,), of the run's test images, or with `part`
    "validation_" of those.
    """
    stored = run.predictions()
    right = stored[f"{part}probs"].argmax(1) == stored[f"{part}labels"]
    return right, stored_log_odds(stored, part)


def coverage(run: Run, threshold: float) -> Fact:
    """What answering only above a confidence means on the test images."""
    good, log_odds = answers(run)
    answered, right = selective(good, log_odds, threshold)
    count, at_least = len(good), f"{100 * threshold:g} %"
    if not answered:
        return Fact(f"Never {at_least} sure: every image is left to a person.", n=0)
    ends = wilson_interval(right, answered)
    return Fact(
        f"Answering only when at least {at_least} sure it is right on "
        f"{percent(right / answered)} of {answered:,} images (95 % interval "
        f"{between(ends)}) and leaves {percent(1 - answered / count, 1)} to a person.",
        right / answered,
        ends,
        answered,
    )


def of_limits(run: Run) -> list[Fact]:
    found = [accuracy(run), other_images(run), seeds(run)]
    if run.info.get("stated"):
        found.append(Fact(f"Its author stated {run.info['stated']}.", page="run"))
    if run.metrics.get("stopped"):
        epochs = run.metrics.get("epochs", len(run.history()[0]))
        text = f"The training was stopped after {epochs} epochs."
        found.append(Fact(text, epochs, concern=True, page="run"))
    return found
