"""What a run's stored numbers say to a reviewer, each as a sentence with the page that shows it.
Called by review.py; nothing is computed here that a run does not store.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from core.analysis import baselines, duplicates
from core.runs import provenance, store
from core.runs.store import Run
from core.runs.summary import dataset_title

SURE = 0.99  # a mistake above it is one that no threshold would have caught
WEAK_RECALL = 0.95
GAP = 0.02  # between confidence and accuracy, or training and validation, that is worth a word


@dataclass(frozen=True)
class Finding:
    """A sentence raised from the numbers, and the page and choices that show it.

    `concern`: it asks for an answer; otherwise it says that nothing was found.
    """

    sentence: str
    page: str = ""
    query: dict[str, str] = field(default_factory=dict)
    concern: bool = False


def of_data(run: Run) -> list[Finding]:
    images, support = run.info["images"], [row["support"] for row in run.metrics["per_class"]]
    split = (
        f"{images['fit']:,} images of {dataset_title(run)} taught it, "
        f"{images['validation']:,} were held out for choices, {images['test']:,} judged it once."
    )
    found = [Finding(split, "samples")]
    found.append(_doubles(run))
    if not images["validation"]:
        found.append(
            Finding(
                "Nothing was held out: no setting can have been chosen honestly.",
                "run",
                {},
                concern=True,
            )
        )
    if max(support) > 1.5 * max(1, min(support)):
        found.append(
            Finding(
                f"The test part is uneven: {min(support):,} to {max(support):,} images a class, "
                "so accuracy leans towards the frequent ones.",
                "confusion_matrix",
                concern=True,
            )
        )
    return found


def _doubles(run: Run) -> Finding:
    """Test images that also stand in the training part, when that was looked for."""
    name = run.info["dataset"]
    known = duplicates.read(name, run.info["dataset_sha256"])
    if known is None:
        return Finding(
            "Whether test images also stand in the training part has not been looked for: "
            f"python -m core duplicates {name}"
        )
    return Finding(
        provenance.duplicates_sentence(known),
        "claim",
        concern=known["exact"] + known["near"] > 0,
    )


def of_baselines(run: Run) -> list[Finding]:
    name, accuracy = run.info["dataset"], run.metrics["test_accuracy"]
    known = baselines.read(name, run.info["dataset_sha256"])
    if known is None:
        support = [row["support"] for row in run.metrics["per_class"]]
        share = max(support) / sum(support)
        return [
            Finding(
                f"Always saying the most frequent class of the test part would be right in "
                f"{share:.1%}; this run is right in {accuracy:.2%}.",
                concern=accuracy < 2 * share and accuracy < 0.9,
            ),
            Finding(f"Other simple methods were not scored: python -m core baselines {name}"),
        ]
    best = max(known["rows"], key=lambda row: row["accuracy"])
    low, _ = run.metrics["test_accuracy_interval"]
    reached = [f"{row['name']} reaches {row['accuracy']:.2%}" for row in known["rows"]]
    _, high = best["interval"]
    verdict = "their 95 % intervals overlap" if low <= high else "its whole 95 % interval above"
    return [
        Finding(f"{'; '.join(reached)}.", "claim"),
        Finding(
            f"This run reaches {accuracy:.2%}, {100 * (accuracy - best['accuracy']):+.2f} points "
            f"against {best['name'].lower()}: {verdict}.",
            "claim",
            concern=low <= high,
        ),
    ]


def of_curves(run: Run) -> list[Finding]:
    history, unreadable = run.history()
    if not history:
        return [Finding("No epoch was finished, so there is no curve.", "run", concern=True)]
    kept = run.metrics["kept_epoch"]
    found = [Finding(f"Epoch {kept} of {len(history)} was kept.", "curves")]
    losses = [loss for record in history if (loss := record.get("validation_loss")) is not None]
    if len(losses) < len(history):
        found.append(Finding("There is no validation curve to judge it by.", "curves", {}, True))
        return found
    best = int(np.argmin(losses)) + 1
    if kept != best:
        found.append(
            Finding(
                f"Validation loss was lowest at epoch {best} ({losses[best - 1]:.4f}); the kept "
                f"epoch {kept} has {losses[kept - 1]:.4f}.",
                "curves",
                concern=losses[kept - 1] > 1.1 * losses[best - 1],
            )
        )
    if best == len(history) and len(history) > 1:
        found.append(
            Finding(
                "Validation loss still fell at the end: more epochs may help.", "curves", {}, True
            )
        )
    record = history[kept - 1]
    gap = record["train_accuracy"] - record["validation_accuracy"]
    found.append(
        Finding(
            f"At that epoch it read {record['train_accuracy']:.2%} right in training and "
            f"{record['validation_accuracy']:.2%} on validation.",
            "curves",
            concern=gap > GAP,
        )
    )
    if unreadable:
        found.append(
            Finding(f"{unreadable} lines of the history are unreadable.", "curves", {}, True)
        )
    return found


def of_errors(run: Run) -> list[Finding]:
    metrics, classes = run.metrics, run.info["classes"]
    counts = np.array(metrics["confusion"])
    found = []
    ranked = sorted(enumerate(metrics["per_class"]), key=lambda pair: pair[1]["recall"])
    for true, row in ranked[:3]:
        others = np.where(np.arange(len(classes)) == true, -1, counts[true])
        predicted, total = int(others.argmax()), int(counts[true].sum())
        if not total or others[predicted] <= 0:
            continue
        share = others[predicted] / total
        found.append(
            Finding(
                f"{classes[true]} has recall {row['recall']:.3f}; {share:.1%} go to "
                f"{classes[predicted]} ({others[predicted]} images).",
                "samples",
                {"true": classes[true], "said": classes[predicted]},
                concern=row["recall"] < WEAK_RECALL,
            )
        )
    return found or [Finding("Not one test image was misclassified.", "samples")]


def of_calibration(run: Run) -> list[Finding]:
    metrics, stored = run.metrics, run.predictions()
    error = metrics["expected_calibration_error"]
    found = [
        Finding(
            f"Confidence and accuracy differ by {100 * error:.2f} points on average.",
            "claim",
            concern=error > GAP,
        )
    ]
    bins = [row for row in metrics["calibration"] if row["count"] >= 30]
    if bins:
        worst = max(bins, key=lambda row: abs(row["confidence"] - row["accuracy"]))
        found.append(
            Finding(
                f"Widest gap: confidence {worst['confidence']:.2f} but accuracy "
                f"{worst['accuracy']:.2f} in the bin {worst['low']:.2f} to {worst['high']:.2f} "
                f"({worst['count']:,} images).",
                "claim",
                concern=abs(worst["confidence"] - worst["accuracy"]) > 2 * GAP,
            )
        )
    probs = stored["probs"]
    sure = int(((probs.argmax(1) != stored["labels"]) & (probs.max(1) > SURE)).sum())
    if sure:
        text = (
            f"{sure} test image{'s are' if sure > 1 else ' is'} misclassified with more than 99 %"
        )
        found.append(Finding(f"{text} confidence.", "samples", {"show": "Wrong"}, True))
    return found


def of_limits(run: Run) -> list[Finding]:
    info, metrics = run.info, run.metrics
    low, high = metrics["test_accuracy_interval"]
    found = [
        Finding(
            f"{metrics['test_accuracy']:.2%} of {metrics['test_count']:,} images: the 95 % "
            f"interval is {low:.2%} to {high:.2%}, for images of this kind only.",
        )
    ]
    seeds = {
        other.info["seed"]
        for other in store.list_runs()
        if other.metrics
        and all(other.info.get(key) == info.get(key) for key in ("recipe", "config", "dataset"))
    }
    if len(seeds) < 2:
        found.append(
            Finding(
                f"One seed ({info['seed']}) was trained: how much another one differs is not "
                "known.",
                "train",
                {"from": run.id},
                concern=True,
            )
        )
    else:
        found.append(Finding(f"{len(seeds)} seeds of these settings are here.", "run"))
    if info.get("stated"):
        found.append(Finding(f"Its author stated {info['stated']}.", "run"))
    if metrics.get("stopped"):
        text = f"The training was stopped after {metrics['epochs']} epochs."
        found.append(Finding(text, "run", concern=True))
    return found
