"""A finished run in words, from what it stored. Pages and exports say the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.analysis import facts
from core.evaluation import curves
from core.evaluation.classification import macro_mean
from core.evaluation.uncertainty import between, percent, spread
from core.runs import files
from core.runs.provenance import dataset_title
from core.runs.store import Run


def accuracy_text(run: Run) -> str:
    """The result in a few lines, as a person would hand it in."""
    info, metrics = run.info, run.metrics
    rows = {
        "Model": f"{info['title']} ({info['recipe']}), {info['parameters']:,} parameters",
        "Framework": f"PyTorch {info['versions']['torch']}",
        "Dataset": dataset_title(run),
        "Test accuracy": f"{percent(metrics['test_accuracy'])} "
        f"({metrics['test_right']:,} of {metrics['test_count']:,}; "
        f"95 % interval {between(metrics['test_accuracy_interval'])})",
        "Test loss": f"{metrics['test_loss']:.4f}",
        "Batch size": info["config"]["batch_size"],
        "Epochs": f"{info['config']['epochs']} (kept: {metrics['kept_epoch']})",
        "Learning rate": info["config"]["lr"],
        "Seed": info["seed"],
        "Author's result": info["stated"] or "none stated",
    }
    return "".join(f"{name}: {value}\n" for name, value in rows.items())


def class_rows(run: Run) -> list[list[str]]:
    """[class, precision, recall, F1, images] of each class, and last their mean, as texts."""
    rows, names = run.metrics["per_class"], ("precision", "recall", "f1")
    mean = {"class": "macro mean", **macro_mean(rows), "support": run.metrics["test_count"]}
    return [
        [row["class"][:80], *(f"{row[name]:.4f}" for name in names), f"{row['support']:,}"]
        for row in (*rows, mean)
    ]


def report_text(run: Run) -> str:
    """Precision, recall, F1 and support of each class, and the most confused pairs."""
    rows = [["class", "precision", "recall", "f1", "support"], *class_rows(run)]
    width = max(len(row[0]) for row in rows) + 2
    lines = [f"{name:<{width}}" + "".join(f"{text:>10}" for text in row) for name, *row in rows]
    lines.append(f"{'accuracy':<{width}}{run.metrics['test_accuracy']:>10.4f}\n\nMost confused:")
    lines += [f"  {sentence}" for sentence in confused_sentences(run.metrics, run.info["classes"])]
    return "\n".join(lines) + "\n"


def confused_sentences(
    metrics: dict[str, Any], classes: Sequence[str], limit: int = 5
) -> list[str]:
    """The most frequent mistakes in words, such as "Shirt taken for Coat: 70 times, 7 % of
    Shirt".
    """
    counts = metrics["confusion"]
    return [
        f"{classes[true]} taken for {classes[predicted]}: {count} time{'s' if count > 1 else ''}, "
        f"{100 * count / sum(counts[true]):.1f} % of {classes[true]}"
        for true, predicted, count in metrics["most_confused"][:limit]
    ]


def history_csv(history: Sequence[dict[str, Any]]) -> str:
    """One line an epoch under a line of names, which are those of the first record."""
    names = list(history[0]) if history else ["epoch"]
    return files.csv_text([names, *([record.get(name) for name in names] for record in history)])


def result_line(run: Run) -> str:
    """What a finished training says last."""
    metrics = run.metrics
    return (
        f"{run.id}: {facts.accuracy(run).sentence} Epoch {metrics['kept_epoch']} kept, "
        f"{metrics['total_seconds']:.1f} s\n{run.folder}"
    )


def leaderboard(runs: Sequence[Run]) -> dict[str, list[Any]]:
    """Columns of the table of finished runs: accuracies in percent, training in seconds."""
    return {
        "Run": [run.title for run in runs],
        "Test accuracy": [100 * run.metrics["test_accuracy"] for run in runs],
        "95 % interval": [between(run.metrics["test_accuracy_interval"]) for run in runs],
        "Author's result": [run.info.get("stated") or "" for run in runs],
        "Data set": [dataset_title(run) for run in runs],
        "Parameters": [run.info.get("parameters") for run in runs],
        "Epochs": [run.info["config"]["epochs"] for run in runs],
        "Training": [run.metrics.get("training_seconds") for run in runs],
        "Trained": [run.info.get("created", "")[:10] for run in runs],
    }


def results_table(runs: Sequence[Run]) -> str:
    """Finished runs as a Markdown table: ours beside the author's, with interval and time. Runs
    that differ by their seed alone share the row of the lowest seed, with mean and deviation.
    """
    rows = [
        (
            "| recipe | data set | parameters | test accuracy | 95 % interval | seeds | author "
            "| epochs | training |"
        ),
        "|---|---|--:|--:|---|---|---|--:|--:|",
    ]
    groups: dict[str, list[Run]] = {}
    for run in runs:
        if run.metrics:
            groups.setdefault(curves.seed_key(run.info), []).append(run)
    for group in groups.values():
        run = min(group, key=lambda each: each.info["seed"])
        info, metrics = run.info, run.metrics
        rows.append(
            f"| `{info['recipe']}` | {dataset_title(run)} | {info['parameters']:,} "
            f"| **{percent(metrics['test_accuracy'])}** "
            f"| {between(metrics['test_accuracy_interval'])} "
            f"| {_over_seeds(group)} | {info['stated'] or '-'} | {info['config']['epochs']} "
            f"| {metrics['training_seconds']:.1f} s |"
        )
    return "\n".join(rows)


def _over_seeds(group: Sequence[Run]) -> str:
    """Mean and standard deviation of several seeds' test accuracies in percent; "1" for one."""
    if len(group) < 2:
        return "1"
    mean, deviation = spread([100 * run.metrics["test_accuracy"] for run in group])
    return f"{len(group)}: {mean:.2f} ± {deviation:.2f}"
