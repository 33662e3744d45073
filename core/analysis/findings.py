"""What a run's stored numbers say to a reviewer, stop by stop.

Some facts raise a concern, which asks for an answer. Most rules of this are plain (nothing was held
out, one seed); VERDICTS of them judge what chance may bring, each with ALPHA as its rate of false
alarms, so that of a run without a fault all together raise one in at most 5 of 100 cases:
`python -m bench.verdicts` counts them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from pathlib import Path

import numpy as np

from core.analysis import baselines
from core.analysis.facts import Fact, answers, of_data, of_limits
from core.evaluation import calibration, curves, paired_tests
from core.evaluation.uncertainty import ALPHA, percent, wilson_interval
from core.runs import provenance, store
from core.runs.store import Run

SURE = 0.99  # a mistake above it is one that hardly any threshold would have caught
GAP = 0.02  # between training and validation accuracy that is worth a word


def of_baselines(run: Run) -> list[Fact]:
    name, metrics = run.info["dataset"], run.metrics
    known = baselines.read(name, run.info["dataset_sha256"])
    command = f"python -m core baselines {name}"
    if known is None:
        return [Fact(f"What simple methods reach on this data set was not measured: {command}")]
    best = max(known["rows"], key=lambda row: row["accuracy"])
    reached = [f"{row['name']} reaches {percent(row['accuracy'])}" for row in known["rows"]]
    found = [Fact(f"{'; '.join(reached)}.", best["accuracy"], n=best["count"], page="claim")]
    if (predicted := baselines.predictions(best)) is None:
        return [*found, Fact(f"Their predictions were not kept, so none compares: {command}")]
    stored = run.predictions()
    against = paired_tests.compare(stored["labels"], predicted, stored["probs"].argmax(1))
    low, high = against.difference_interval
    better = against.p_value < ALPHA and against.difference > 0
    verdict = "more than chance explains" if better else "which chance may explain"
    if against.difference < 0:
        verdict = "so the simple method is as good or better"
    found.append(
        Fact(
            f"This run reaches {percent(metrics['test_accuracy'])}, "
            f"{100 * against.difference:+.2f} points ({100 * low:+.2f} to {100 * high:+.2f}) "
            f"against {best['name'].lower()}, {verdict}.",
            against.difference,
            against.difference_interval,
            against.count,
            "McNemar's test and Tango's interval over the same images.",
            concern=not better,
            page="claim",
        )
    )
    return found


def trend(run: Run) -> Fact:
    """What the validation loss says of the number of epochs."""
    history, _ = run.history()
    stored = run.predictions()
    labels = stored.get("validation_labels", np.empty(0, int))
    over_images = None
    if len(labels) > 1:
        true = stored["validation_probs"][np.arange(len(labels)), labels].astype(float)
        losses = -np.log(np.maximum(true, calibration.SMALLEST))
        over_images = float(losses.std(ddof=1) / np.sqrt(len(losses)))
    found = curves.trend(history, over_images)
    if found is None:
        return Fact("There is no validation curve to judge it by.", concern=True, page="curves")
    return Fact(
        found.sentence,
        found.last - found.lowest,
        n=len(history),
        how="Its rise or fall against the standard error of one value: over the validation images, "
        "and over neighbouring epochs round their trend.",
        remedy="Fewer epochs, augmentation or weight decay."
        if found.verdict == "overfitting"
        else "",
        concern=found.verdict in ("overfitting", "lost ground", "still falling"),
        page="curves",
    )


def of_curves(run: Run) -> list[Fact]:
    from scipy.special import ndtri

    history, unreadable = run.history()
    if not history:
        return [Fact("No epoch was finished, so there is no curve.", concern=True, page="run")]
    kept, by_epoch = run.metrics["kept_epoch"], {record["epoch"]: record for record in history}
    epochs = run.metrics.get("epochs", len(history))
    found = [Fact(f"Epoch {kept} of {epochs} was kept.", kept, n=epochs, page="curves"), trend(run)]
    record = by_epoch.get(kept, {})
    train, held = record.get("train_accuracy"), record.get("validation_accuracy")
    if train is not None and held is not None:
        images = run.info["images"]
        error = np.sqrt(
            train * (1 - train) / images["fit"] + held * (1 - held) / images["validation"]
        )
        found.append(
            Fact(
                f"At that epoch it had {percent(train)} right in training and {percent(held)} on "
                "validation.",
                train - held,
                (train - held - 1.96 * error, train - held + 1.96 * error),
                images["validation"],
                f"A gap of more than {percent(GAP, 0)} beyond chance asks for an answer. "
                + provenance.training_note(run.info),
                concern=bool(train - held - GAP > float(ndtri(1 - ALPHA)) * error),
                page="curves",
            )
        )
    if unreadable:
        text = f"{unreadable} lines of the history are unreadable."
        found.append(Fact(text, unreadable, concern=True, page="curves"))
    return found


def weakest(run: Run, count: int = 3) -> list[Fact]:
    """The classes that are found least often, each against the run's accuracy."""
    from scipy.special import bdtr

    metrics, classes = run.metrics, run.info["classes"]
    counts, found = np.array(metrics["confusion"]), []
    support = counts.sum(1)
    for true in np.argsort(np.diag(counts) / np.maximum(support, 1), kind="stable")[:count]:
        others = np.where(np.arange(len(classes)) == true, -1, counts[true])
        right, total, predicted = int(counts[true, true]), int(support[true]), int(others.argmax())
        if not total or others[predicted] <= 0:
            continue
        ends = wilson_interval(right, total)
        found.append(
            Fact(
                f"{classes[true]} has recall {right / total:.3f} ({ends[0]:.3f} to {ends[1]:.3f}); "
                f"{percent(others[predicted] / total, 1)} go to {classes[predicted]} "
                f"({others[predicted]} images).",
                right / total,
                ends,
                total,
                "It asks for an answer where it lies below the run's accuracy beyond chance "
                f"(binomial, all {len(classes)} classes taken together).",
                concern=bool(bdtr(right, total, metrics["test_accuracy"]) < ALPHA / len(classes)),
                page="samples",
                query={"true": classes[true], "said": classes[predicted]},
            )
        )
    return found


def of_errors(run: Run) -> list[Fact]:
    return weakest(run) or [Fact("Not one test image was misclassified.", 0, page="samples")]


def reliability(run: Run, temperature: float = 1.0) -> list[dict[str, float]]:
    """calibration.reliability_bins of the test images, their logits divided by `temperature`."""
    stored = run.predictions()
    right, sure = answers(run)[0], _confidence(run)
    if temperature != 1:
        sure = calibration.tempered(stored["probs"], temperature).max(1)
    return calibration.reliability_bins(right, sure)


def _confidence(run: Run) -> np.ndarray:
    from scipy.special import expit

    return np.asarray(expit(answers(run)[1].astype(float)))


def _once(make: Callable[[Run], Fact]) -> Callable[[Run], Fact]:
    """A fact of a run's predictions alone: made once, as long as these do not change."""

    @lru_cache(maxsize=64)
    def kept(folder: Path, stamp: int) -> Fact:
        return make(Run(folder.name, folder))

    @wraps(make)
    def fact(run: Run) -> Fact:
        path = run.folder / store.PREDICTIONS
        return kept(run.folder, path.stat().st_mtime_ns if path.exists() else 0)

    return fact


@_once
def calibrated(run: Run) -> Fact:
    """Whether confidence and accuracy agree, by one test over all test images."""
    right, sure, bins = answers(run)[0], _confidence(run), reliability(run)
    error = calibration.expected_calibration_error(bins)
    by_chance = calibration.errors_by_chance(sure)
    typical, p_value = float(np.median(by_chance)), calibration.p_value(error, by_chance)
    over = sure.mean() > right.mean()
    verdict = (
        f"more than chance explains: it is {'too sure' if over else 'less sure than it could be'}"
        if p_value < ALPHA
        else "which chance explains"
    )
    return Fact(
        f"Confidence and accuracy differ by {100 * error:.2f} points on average, {verdict}.",
        error,
        n=len(right),
        how="Expected calibration error over 15 bins; a calibrated network with the same "
        f"confidences has {100 * typical:.2f} (p = {p_value:.3f}, by simulation).",
        concern=p_value < ALPHA,
        page="claim",
    )


@_once
def temperature(run: Run) -> Fact:
    """What dividing the logits would mend. `value` is None where there is nothing to fit."""
    stored = run.predictions()
    try:
        found = calibration.temperature(
            stored.get("validation_labels", np.empty(0, int)),
            stored.get("validation_probs", np.empty((0, 1))),
        )
    except ValueError as error:
        return Fact(f"No temperature: {error}.", page="claim")
    low, high = found.interval
    words = f"Temperature {found.value:.2f} ({low:.2f} to {high:.2f}), by the validation images: "
    if calibrated(run).concern and found.helps:
        words += (
            "dividing the logits by it takes the error there from "
            f"{100 * found.before:.2f} to {100 * found.after:.2f} points."
        )
    else:
        words += "no gain beyond chance is to be had from it."
    return Fact(
        words,
        found.value,
        found.interval,
        found.count,
        "Fitted on the validation images with its likelihood interval; its gain is measured on "
        "each half of them with the temperature of the other.",
        page="claim",
    )


def of_calibration(run: Run) -> list[Fact]:
    from scipy.special import pdtrc

    right, sure = answers(run)[0], _confidence(run)
    found = [calibrated(run), temperature(run)]
    beyond = sure > SURE
    wrong, expected = int((~right & beyond).sum()), float((1 - sure[beyond]).sum())
    if wrong:
        text = f"{wrong} test image{'s are' if wrong > 1 else ' is'} misclassified with more than"
        found.append(
            Fact(
                f"{text} {percent(SURE, 0)} confidence; {expected:.1f} would be, were it right as "
                "often as it is sure.",
                wrong,
                n=int(beyond.sum()),
                how="Counted against a Poisson number of that mean.",
                concern=bool(pdtrc(wrong - 1, expected) < ALPHA),
                page="samples",
                query={"show": "Wrong", "order": "Surest"},
            )
        )
    return found


STOPS: dict[str, Callable[[Run], list[Fact]]] = {
    "data": of_data,
    "baselines": of_baselines,
    "curves": of_curves,
    "errors": of_errors,
    "calibration": of_calibration,
    "limits": of_limits,
}


def of(run: Run) -> dict[str, list[Fact]]:
    """All facts of a finished run, by the stops of a review. Raises BrokenRun."""
    return {stop: make(run) for stop, make in STOPS.items()}
