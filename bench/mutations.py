"""Do the tests bite? Break the code in one place after another and count what nobody notices.

Run: python -m bench.mutations [--only WORDS] [--jobs 2]. Each change is made in a copy of the tree
and the tests named beside it are run there; it is killed when one of them fails. Exits 1 when a
change survives, 2 when an entry no longer applies or its tests fail without it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import queue
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
COPIED = (
    *("core", "ui", "pages", "tests", "artifacts", "assets", "bench", ".streamlit"),
    *("streamlit_app.py", "pyproject.toml"),
)
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(
    [
        *("pytest", "torch", "torchvision.datasets", "sklearn.metrics", "scipy.stats"),
        *("captum.attr", "matplotlib.figure", "plotly.graph_objects", "streamlit.testing.v1"),
    ]
)


@dataclass(frozen=True)
class Mutation:
    """`old` stands once in `file` and becomes `new`; `tests` are pytest's arguments."""

    file: str
    old: str
    new: str
    tests: str

    @property
    def applies(self) -> bool:
        return (ROOT / self.file).read_text(encoding="utf-8").count(self.old) == 1

    def __str__(self) -> str:
        return f"{self.file}: {' '.join(self.old.split())} -> {' '.join(self.new.split())}"


def of(file: str, tests: str, *changes: tuple[str, str]) -> list[Mutation]:
    """Changes (old, new) of one file that the same tests notice."""
    return [Mutation(file, old, new, tests) for old, new in changes]


MUTATIONS = [
    *of(
        "core/data/datasets.py",
        "tests/data/test_datasets.py",
        ('    digest.update(np.ascontiguousarray(labels, "<i8").data)\n', ""),
        ("    digest.update(np.ascontiguousarray(images).data)\n", ""),
        ("(images.shape, tuple(classes))", "(images.shape,)"),
        ("np.sort(order[count:]), np.sort(order[:count])", "order[:count], order[count:]"),
        ("share @ (values - mean) ** 2", "share @ abs(values - mean)"),
    ),
    *of(
        "core/data/sources.py",
        "tests/data/test_sources.py tests/data/test_datasets.py",
        ("found and found.classes == classes", "found"),
        ("        digits=True,\n        sha256=", "        sha256="),
    ),
    *of(
        "core/data/digits.py",
        "tests/data/test_digits.py",
        ("(np.arange(len(members)) + rng.uniform()) / len(members)", "rng.uniform()"),
    ),
    *of(
        "core/training/settings.py",
        "tests/training/test_settings.py",
        ('<= each <= stated["high"]', '<= each < stated["high"]'),
        ("isinstance(each, bool) != (kind == ", "False and (kind == "),
        (
            "lr: float = setting(\n        1e-3, 1e-8, 10.0",
            "lr: float = setting(\n        1e-3, 1e-8, 100.0",
        ),
        ("setting(0.0, 0.0, 0.9, group", "setting(0.0, -1.0, 0.9, group"),
        ('changes.setdefault("select", "last")', 'changes.setdefault("select", "best")'),
    ),
    *of(
        "core/jobs/job.py",
        "tests/jobs/test_job.py",
        ("settings.check(field, getattr(self, name))", "field"),
        ("images -= round(images * self.config.validation)", "images -= 0"),
        ('if self.device not in ("auto", "cpu")', 'if self.device not in ("auto", "cpu", "cuda")'),
        ("{name: info[name] for name in OPTIONS if name in info}", "{}"),
    ),
    *of(
        "core/jobs/queue.py",
        "tests/jobs/test_queue.py",
        ("_check_room(active, visitor, len(new))", "_check_room(active, visitor)"),
        ("for folder in made:", "for folder in made[1:]:"),
        ("limits.check(from_description(run.info)[1])", "from_description(run.info)"),
    ),
    *of(
        "core/training/settings.py",
        "tests/test_older_runs.py",
        ('{"flags": "upstrokes"}', "dict[str, str]()"),
    ),
    *of(
        "core/analysis/ood.py",
        "tests/test_older_runs.py",
        ('NAME = "clouds.npz"', 'NAME = "means.npz"'),
    ),
    *of(
        "core/runs/reproduction.py",
        "tests/test_older_runs.py",
        ('NAME = "reproduced.json"', 'NAME = "reproduction.json"'),
    ),
    *of(
        "core/training/augmentation.py",
        "tests/training/test_augmentation.py",
        ("turn = (angle - torch.deg2rad", "turn = (angle + torch.deg2rad"),
        ("images.flip(3)", "images.flip(2)"),
        ("-F.max_pool2d(-images, 3, 1, 1)", "F.max_pool2d(images, 3, 1, 1)"),
        ("return 2 * elastic * smooth", "return 8 * elastic * smooth"),
        ("(draws[0] < probability)", "(draws[0] > probability / 4)"),
        ("torch.tan(draws[1] * math.radians(config.shear))", "torch.zeros_like(draws[1])"),
        ("torch.tan(draws[1]", "torch.sin(draws[1]"),
        ("(shear * cos - sin) * aspect", "(shear * cos - sin)"),
        ("1 + draws[3] * config.scale", "1 + draws[2] * config.scale"),
        (
            "draws[0] * math.radians(config.rotation)",
            "draws[0].abs() * math.radians(config.rotation)",
        ),
        ("config.translation * size", "config.translation * size / 2"),
    ),
    *of(
        "core/training/steps.py",
        "tests/training/test_updates.py",
        (
            "F.cross_entropy(logits, labels, label_smoothing=smoothing)",
            "F.cross_entropy(logits, labels)",
        ),
        ("labels, weight, label_smoothing", "labels, None, label_smoothing"),
        ("loss = sums / len(labels)", "loss = sums / weight[labels].sum()"),
        ("loss if factor == 1.0 else loss * factor", "loss"),
        ("    reduce(network)\n", ""),
        ("network.parameters(), config.clip", "network.parameters(), 1e9"),
        ("same = not smoothing and weight is None", "same = True"),
    ),
    *of(
        "core/training/loop.py",
        "tests/training/test_updates.py",
        ("plateau.step(losses[-1])", "pass"),
        ("score(shown, data.validation", "score(model, data.validation"),
        ("predict_logits(shown, data.shown.images, ", "predict_logits(model, data.shown.images, "),
        ("best_weights or shown.state_dict()", "best_weights or model.state_dict()"),
        ("in shown.state_dict().items()", "in model.state_dict().items()"),
        ('if config.balance == "weights" else None', "if False else None"),
        ("images, labels = mix(images, labels)", "pass"),
        ("waited(losses) >= config.patience", "waited(losses) > config.patience"),
        ('"plateau": plateau}', '"plateau": None}'),
        ("rates.append(optimizer", "rates.append(0 * optimizer"),
        ('enabled=precision == "bfloat16"', "enabled=False"),
        ("config.patience or config.schedule", "config.schedule"),
    ),
    *of(
        "core/training/batches.py",
        "tests/training/test_batches.py tests/training/test_updates.py",
        ("weights = class_weights(labels)[labels]", "weights = torch.ones(len(labels))"),
        ("counts.clamp(min=1))", "counts.clamp(min=1).sqrt())"),
        ("((v2.MixUp, config.mixup), (v2.CutMix, config.cutmix))", "((v2.MixUp, config.mixup),)"),
    ),
    *of(
        "core/training/optimization.py",
        "tests/training/test_optimization.py tests/training/test_updates.py",
        ("if p.ndim > 1]", "]"),
        ('"weight_decay": config.weight_decay', '"weight_decay": 0.0'),
        ("momentum=0.9, nesterov=True", "momentum=0.9"),
        ("momentum=0.9, nesterov=True", "momentum=0.0"),
        ("lr=config.lr, eps=config.eps", "lr=config.lr"),
        ("torch.optim.Adam, ", "torch.optim.AdamW, "),
        (
            "pct_start=0.25)\n        return cycle, None",
            "pct_start=0.25)\n        return None, None",
        ),
        ("(step + 1) / (warm + 1)", "1.0"),
        ("1 / (warm + 1), total_iters", "1.0, total_iters"),
        ("(step - warm) / max(1, total - warm)", "step / total"),
        ("(config.step_size * steps)", "config.step_size"),
        ("patience=config.step_size, threshold=0.0", "patience=config.step_size"),
        ("factor=config.gamma, ", ""),
        ("get_ema_multi_avg_fn(config.ema)", "get_ema_multi_avg_fn(0.999)"),
        ("use_buffers=True", "use_buffers=False"),
        ("list(losses).index(min(losses))", "list(losses)[::-1].index(min(losses))"),
    ),
    *of(
        "core/training/loop.py",
        "tests/training/test_loop.py",
        ("average.n_averaged.fill_(1)", "pass"),
        ("if not all(bool(value.isfinite().all())", "if not all(True"),
        ('if not math.isfinite(record["validation_loss"] or 0.0):', "if False:"),
        ("steps < 5", "steps < 4"),
        ("config.batch_size < 2 * world.size", "config.batch_size < world.size"),
    ),
    *of(
        "core/training/batches.py",
        "tests/training/test_batches.py tests/training/test_loop.py",
        ("if rest == 1 and sizes:", "if False:"),
    ),
    *of(
        "core/training/precision.py",
        "tests/training/test_precision.py",
        ("WORTH = 50_000_000", "WORTH = 50"),
        ("counter.get_total_flops() // 2", "counter.get_total_flops()"),
        ("work >= WORTH and _multiplies", "work >= WORTH or _multiplies"),
        ('found.get("avx512_bf16") or', "True or"),
    ),
    *of(
        "core/training/distributed.py",
        "tests/training/test_distributed.py::test_two_processes_take_the_steps_of_one -m slow",
        ("flat /= self.size", "flat /= 1"),
        ("return self.size * own / count, own", "return 1.0, own"),
    ),
    *of(
        "core/jobs/experiment.py",
        "tests/jobs/test_experiment.py",
        ("torch.set_num_threads(job.threads or", "torch.set_num_threads(0 * (job.threads or 0) or"),
        ('torch.set_num_threads(info["threads"])\n        checkpoint', "checkpoint"),
        ("model.load_state_dict(begun or {})", "pass"),
        ("    history.touch()", "    # "),
        ("if not (folder / store.MANIFEST).exists():", "if True:"),
        ("        _forget_results(folder)\n        files.write_epoch", "        files.write_epoch"),
        ('saved.get("average") or ', ""),
        ("> files.MAX_TENSOR_BYTES:", "> 1e12:"),
        ('metrics["stopped_early"] = not stopped and', 'metrics["stopped_early"] ='),
        ("for path in (answers, checkpoint,", "for path in (checkpoint,"),
    ),
    *of(
        "core/runs/files.py",
        "tests/jobs/test_experiment.py",
        ('(record["epoch"] - 1) * len(content)', '(record["epoch"]) * len(content)'),
        (
            "return found[: epochs * 2 * count].reshape",
            "return found[-epochs * 2 * count :].reshape",
        ),
        ("if len(found) < epochs * 2 * count:", "if False:"),
    ),
    *of(
        "core/runs/files.py",
        "tests/runs/test_files.py",
        ("if buffer.tell() > MAX_TENSOR_BYTES:", "if False:"),
    ),
    *of(
        "core/evaluation/classification.py",
        "tests/evaluation/test_classification.py",
        ("labels.astype(np.int64) * classes + predicted", "predicted * classes + labels"),
        ("    np.fill_diagonal(errors, 0)\n", ""),
    ),
    *of(
        "core/evaluation/uncertainty.py",
        "tests/evaluation/test_uncertainty.py",
        ("z2 = float(ndtri(0.5 + confidence / 2)) ** 2 * new", "z2 = float(ndtri(0.9)) ** 2 * new"),
        ("stretch = right / count, (count + new) / new", "stretch = right / count, 1"),
        ("math.erfc(apart / math.sqrt(2))", "math.erfc(apart)"),
        ("(2 * lost + difference * (1 - difference))", "(2 * lost)"),
        ("score(at) - z, -edge", "score(at) - 0.9 * z, -edge"),
        ("answered = log_odds >= as_log_odds", "answered = log_odds > as_log_odds"),
        ("logsumexp(ordered[:, :-1], axis=1)", "ordered[:, -2]"),
        ("np.argsort(-log_odds", "np.argsort(log_odds"),
        ('"log_odds" not in stored and', '"log_odds" in stored and'),
        ("np.std(values, ddof=1)", "np.std(values)"),
    ),
    *of(
        "core/evaluation/calibration.py",
        "tests/evaluation/test_calibration.py",
        ('side="left"', 'side="right"'),
        ("tail = 0.025 / len(np.unique(member))", "tail = 0.025"),
        ("(1 + (by_chance >= error).sum())", "(by_chance <= error).sum()"),
        ("sure = wrong < 0.01", "sure = wrong < 2"),
        ("(low > 1 or high < 1) and self.after < self.before", "self.after < self.before"),
        ("(low > 1 or high < 1) and self.after < self.before", "low > 1 or high < 1"),
        ("_fit(labels[~half], probs[~half])", "_fit(labels[half], probs[half])"),
        ("- 3.841458820694124", "- 0.5"),
        ("_log(probs) / np.exp(place)", "_log(probs) * np.exp(place)"),
    ),
    *of(
        "core/evaluation/curves.py",
        "tests/evaluation/test_curves.py",
        ("self.p_value < ALPHA", "self.p_value < 1"),
        ("highest_since=float(losses[best:].max())", "highest_since=float(losses[-1])"),
        ("by_chance += over_images", "by_chance += 0 * over_images"),
        ("drawn[:, -1] - drawn.min(1)", "drawn[:, -1]"),
        ('"overfitting" if self.training_fell', '"overfitting" if not self.training_fell'),
        ('"dataset", "dataset_sha256", "model"', '"dataset", "model"'),
    ),
    *of(
        "core/evaluation/paired_tests.py",
        "tests/evaluation/test_paired_tests.py",
        ("if self.gained > self.lost", "if self.gained < self.lost"),
        ("if self.p_value >= CHANCE", "if self.p_value < CHANCE"),
        ("difference=(only_b - only_a) / count", "difference=(only_a - only_b) / count"),
        ("(a & b, a & ~b, ~a & b, ~a & ~b)", "(a & b, ~a & b, a & ~b, ~a & ~b)"),
    ),
    *of(
        "core/evaluation/learning_dynamics.py",
        "tests/evaluation/test_learning_dynamics.py",
        ("before & ~now", "now & ~before"),
        ('"Learned": np.flatnonzero(now & ~before)', '"Learned": np.flatnonzero(now & before)'),
        ("if epoch > 1 else np.zeros_like(now)", "if epoch > 1 else now"),
        ("(right[:-1] & ~right[1:])", "(~right[:-1] & right[1:])"),
        ("times[often] >= OFTEN", "times[often] > OFTEN"),
    ),
    *of(
        "core/evaluation/label_issues.py",
        "tests/evaluation/test_label_issues.py",
        ("if r == name", "if r"),
        ("probs >= np.maximum(thresholds", "probs > 0.5 + 0 * np.maximum(thresholds"),
        ("np.where(confident.sum(1) > 1, ", "np.where(confident.sum(1) > 99, "),
        ("& (counts > 0)", "& (counts >= 0)"),
        ("np.argsort(own[found]", "np.argsort(-own[found]"),
    ),
    *of(
        "core/evaluation/samples.py",
        "tests/evaluation/test_samples.py",
        ('sure if order == "Least sure" else -sure', '-sure if order == "Least sure" else sure'),
        ("np.where(probs.argmax(1) == labels, sure, -sure)", "-sure"),
        ("np.lexsort((sure, keys))", "np.argsort(keys, kind='stable')"),
        ('["epoch_classes"][:kept_epoch, indices]', '["epoch_classes"][:, indices]'),
        ('== (outcome == "Right")', '== (outcome == "Wrong")'),
        ("keys = -learning_dynamics", "keys = learning_dynamics"),
        ("sure >= low", "sure > low"),
    ),
    *of(
        "core/runs/safe_zip.py",
        "tests/runs/test_safe_zip.py",
        ("MAX_RATIO = 100 ", "MAX_RATIO = 10_000 "),
        ("MAX_ENTRIES = 2000", "MAX_ENTRIES = 2_000_000"),
        (' or name.startswith(".")', ""),
        ("stat.S_IFMT(mode) not in (0, stat.S_IFREG)", "stat.S_IFMT(mode) == stat.S_IFDIR"),
    ),
    *of(
        "core/runs/limits.py",
        "tests/runs/test_limits.py",
        ('"LIGHTBOX_MAX_QUEUE": (50, 8,', '"LIGHTBOX_MAX_QUEUE": (8, 50,'),
        ('"LIGHTBOX_IMPORT": ("on", "off",', '"LIGHTBOX_IMPORT": ("on", "on",'),
        ('"LIGHTBOX_PERSONAL": ("on", "off",', '"LIGHTBOX_PERSONAL": ("on", "on",'),
        ('"LIGHTBOX_MAX_IMPORT": (100, 10,', '"LIGHTBOX_MAX_IMPORT": (100, 100,'),
        ("if choices and text not in choices", "if False"),
        ("if name not in VARIABLES", "if not VARIABLES"),
        ("usable_threads() // trainings()", "usable_threads() * trainings()"),
    ),
    *of(
        "core/runs/provenance.py",
        "tests/analysis/test_facts.py",
        ("if other.metrics and curves.seed_key(other.info) == key", "if other.info == run.info"),
    ),
    *of(
        "core/runs/status.py",
        "tests/runs/test_status.py",
        ('"stalled" if quiet_s(folder) > STALL_S', '"stalled" if quiet_s(folder) < STALL_S'),
        ("if found or row == line.find(folder):", "if True:"),
        ("row.deaths != line.OWN if row", "row.deaths == line.OWN if row"),
        ('"stopped" if metrics else "interrupted"', '"interrupted"'),
        ("(row or not metrics) and locks.is_locked", "not metrics and locks.is_locked"),
    ),
    *of(
        "core/runs/line.py",
        "tests/runs/test_line.py",
        ("ORDER BY NOT running, rowid", "ORDER BY rowid"),
        ("SET running = excluded.running, deaths", "SET deaths"),
        ('if getattr(_kept, "key", None) != key', 'if not hasattr(_kept, "key")'),
        ('for rest in root.glob(f"{NAME}*")', "for rest in ()"),
        ('if asked.get("line") and', "if"),
        ("and not ended(path.parent)", ""),
        ("key=os.path.getmtime", "key=str"),
    ),
    *of(
        "core/runs/locks.py",
        "tests/runs/test_locks.py",
        ("fcntl.LOCK_SH | fcntl.LOCK_NB", "fcntl.LOCK_EX | fcntl.LOCK_NB"),
        ("LOOKS = 8 ", "LOOKS = 1 "),
    ),
    *of(
        "core/jobs/supervisor.py",
        "tests/jobs/test_supervisor.py",
        ("deaths >= DEATHS or", ""),
        ("row.deaths + 1 if epochs == row.epochs else 1", "row.deaths + 1"),
        ("or row.deaths == line.OWN", ""),
        ("or line.ended(folder)", ""),
        ("hangs and (folder / status.STOP).exists()", "hangs"),
        ('process.create_time() == said["started"]', "True"),
        ("threads <= usable_threads()", "True"),
        ("len(alike) < limits.trainings() and", ""),
        ("all(other.task == line.TRAIN for other in running)", "True"),
        ("same = row in line.rows(store.root())", "same = True"),
        ("(first or line.rows(root))", "first"),
    ),
    *of(
        "core/analysis/ood.py",
        "tests/analysis/test_ood.py",
        ("RARE = 99 ", "RARE = 90 "),
        ("self.distances(features) / self.limit", "self.distances(features) * self.limit"),
        ("if loops > MOST_LOOPS", "if loops >= MOST_LOOPS"),
    ),
    *of(
        "core/analysis/facts.py",
        "tests/analysis/test_facts.py",
        ("= prediction_interval(", "= wilson_interval("),
        ('concern=True, page="claim")\n\n\ndef of_data', 'page="claim")\n\n\ndef of_data'),
        ('if not run.info["images"]["validation"]', 'if run.info["images"]["validation"]'),
        ("if max(support) > 1.5", "if max(support) < 1.5"),
        ("1 - answered / count", "answered / count"),
    ),
    *of(
        "core/analysis/findings.py",
        "tests/analysis/test_findings.py",
        ("against.p_value < ALPHA and", ""),
        ("by_epoch.get(kept, {})", "history[kept - 1]"),
        ("- GAP > float(ndtri(1 - ALPHA)) * error", "> GAP"),
        ("< ALPHA / len(classes)", "< 2"),
        ("concern=p_value < ALPHA", "concern=error > 0.02"),
        ("if calibrated(run).concern and found.helps", "if found.helps"),
        ("concern=bool(pdtrc(wrong - 1, expected) < ALPHA)", "concern=True"),
    ),
    *of(
        "core/analysis/duplicates.py",
        "tests/analysis/test_duplicates.py",
        ("shares[place] >= near", "shares[place] < near"),
    ),
    *of(
        "core/analysis/scoring.py",
        "tests/cli/test_run_commands.py",
        ('exact = right == run.metrics["test_right"] and not changed', "exact = True"),
        ('exact = right == run.metrics["test_right"] and', "exact ="),
        (' == run.metrics["test_right"] and not changed', ' == run.metrics["test_right"]'),
    ),
    *of(
        "core/analysis/scoring.py",
        "tests/runs/test_reproduction.py",
        ("probs.astype(np.float16).argmax(1)", "probs.argmax(1)"),
    ),
    *of(
        "core/runs/reproduction.py",
        "tests/runs/test_reproduction.py",
        ('not found.get("changed_predictions")', "True"),
    ),
    *of(
        "core/analysis/baselines.py",
        "tests/analysis/test_baselines.py",
        ('if len(found) == row["count"]', "if len(found)"),
    ),
    *of(
        "core/reading/personal.py",
        "tests/reading/test_personal.py",
        ("int(self.id, 16) % HELD_OUT == 0", "int(self.id, 16) % HELD_OUT != 0"),
    ),
    *of(
        "core/reading/personal_scores.py",
        "tests/reading/test_personal_scores.py",
        ("unseen = held if trained else", "unseen = held if not trained else"),
    ),
    *of(
        "core/reading/binarization.py",
        "tests/reading/test_binarization.py",
        ("ways if light_ground else ways[::-1]", "ways[::-1] if light_ground else ways"),
        ("best.clear < UNCLEAR", "best.clear > UNCLEAR"),
    ),
    *of(
        "core/reading/background.py",
        "tests/reading/test_background.py",
        ("np.clip((flat - gray)", "np.clip((gray - flat)"),
    ),
    *of(
        "core/reading/digit_strings.py",
        "tests/reading/test_digit_strings.py",
        ("gain > most[last]", "gain < most[last]"),
        ("return path[::-1]", "return path"),
    ),
    *of(
        "core/reading/reader.py",
        "tests/reading/test_reader.py",
        ("if not sources.known(info).digits", "if not sources.known(info).drawn"),
        ("digits = sources.known(self.run.info).digits", "digits = True"),
        ("[why or ood.why_far(score) for why, score", "[why for why, _"),
    ),
    *of(
        "core/reading/preprocessing.py",
        "tests/reading/test_preprocessing.py",
        (
            "dark strokes on a light ground were turned light on dark",
            "light strokes on a dark ground were turned dark on light",
        ),
        ("if strongest < 240", "if strongest < 40"),
    ),
    *of(
        "core/cli/run_commands.py",
        "tests/cli/test_run_commands.py",
        ("%{doubt}", "%"),
    ),
    *of(
        "core/jobs/fine_tuning.py",
        "tests/jobs/test_fine_tuning.py -k held_out_are_never",
        ("(~held & ~shown, held & ~shown)", "(held & ~shown, ~held & ~shown)"),
    ),
    *of(
        "core/figures/static.py",
        "tests/figures/test_static.py",
        ("axes.imshow(np.log10(1 + counts)", "axes.imshow(np.log10(1 + counts.T)"),
        ("axes.text(column, row, count", "axes.text(row, column, count"),
        ('xlabel="predicted", ylabel="true"', 'xlabel="true", ylabel="predicted"'),
        ("axes.plot(epochs[kept], values[kept]", "axes.plot(values[kept], epochs[kept]"),
        ("integer=True, min_n_ticks=1", "integer=True"),
        ("color = RIGHT if right else WRONG", "color = WRONG if right else RIGHT"),
        ("yerr=spans(bins), ", ""),
        ("axes.scatter(confidence, accuracy", "axes.scatter(accuracy, confidence"),
        ('"svg.hashsalt": "lightbox"', '"svg.hashsalt": None'),
    ),
    *of(
        "core/figures/static.py",
        "tests/reports/test_html_report.py -k ticks",
        ("{100 * share:.10g}%", "{100 * share:.0f}%"),
    ),
    *of(
        "core/figures/charts.py",
        "tests/figures/test_charts.py",
        ('x=[row["confidence"] for row in bins]', 'x=[row["accuracy"] for row in bins]'),
        ('y=[row["accuracy"] for row in bins]', 'y=[row["confidence"] for row in bins]'),
        ('xaxes(title="mean confidence"', 'xaxes(title="accuracy"'),
        ('yaxes(title="accuracy", range', 'yaxes(title="mean confidence", range'),
        ("update_xaxes(title=axis", "update_xaxes(title=quantity"),
        ("update_yaxes(title=quantity, type", "update_yaxes(title=axis, type"),
        ('title="share answered"', 'title="of them right"'),
        ("np.where(right, RIGHT, WRONG)", "np.where(right, WRONG, RIGHT)"),
        ("hashlib.sha256(f", "hashlib.sha1(f"),
        ('"symbol": symbol, ', ""),
        ('"array": above, "arrayminus": below', '"array": below, "arrayminus": above'),
    ),
    *of(
        "core/figures/confusion_matrix.py",
        "tests/figures/test_confusion_matrix.py",
        ("        x=predicted,\n        y=truths,", "        x=truths,\n        y=predicted,"),
        ('xaxes(title="predicted"', 'xaxes(title="true"'),
        ('1 if cells == "Row share" else 0', '0 if cells == "Row share" else 1'),
    ),
    *of(
        "core/figures/image_grid.py",
        "tests/figures/test_image_grid.py",
        ("NEUTRAL if r is None else RIGHT if r", "RIGHT if r"),
    ),
    *of(
        "core/figures/thumbnails.py",
        "tests/figures/test_thumbnails.py",
        ("(RIGHT if right else WRONG)", "(WRONG if right else RIGHT)"),
        ("values[..., None] >= 0", "values[..., None] <= 0"),
    ),
    *of(
        "core/reports/html_report.py",
        "tests/reports/test_html_report.py",
        ('    return text.replace("&", ', '    return text or text.replace("&", '),
        ('{escape(entry["note"])}', '{entry["note"]}'),
        ('"Surest", stored', '"Index", stored'),
        ("<h1>{escape(run.title[:200])}", "<h1>{run.title[:200]}"),
        ('kind = "good" if good else "bad"', 'kind = "bad" if good else "good"'),
    ),
    *of(
        "core/reports/import_checks.py",
        "tests/reports/test_import_checks.py",
        ("abs(share - right) <= 0.002", "abs(share - right) <= 1"),
        ("or len(odds) != count", ""),
        (" or not np.isfinite(odds).all()", ""),
        ("type(number) is not int or number < 0", "False"),
        ("1 <= side <= 1024", "1 <= side"),
        ("labels.min() < 0 or labels.max() >= classes", "labels.min() < 0"),
        ("allow_pickle=False", "allow_pickle=True"),
    ),
    *of(
        "ui/drawings_panel.py",
        "tests/ui/test_drawings_panel.py",
        ("if entry.answered else None", "if entry.answered else False"),
    ),
    *of(
        "ui/reading_panel.py",
        "tests/ui/test_reading_panel.py",
        ("unsure = given.unlike or ", "unsure = "),
        ('f"{digit.label}?" if digit.unlike', "digit.label if digit.unlike"),
    ),
    *of(
        "ui/url.py",
        "tests/ui/test_url.py",
        ("int(text) < count", "int(text) <= count"),
        ('        put("page", None)\n', ""),
        ("None if value in (None, default)", "None if value is None"),
        ('.get(name, ""), default)', '.get(name, ""), options[0])'),
        ("<= int(high[:4]) <= 100", "<= int(high[:4])"),
        ("if option in asked", "if option not in asked"),
        ('st.query_params.get(name) == "1"', "bool(st.query_params.get(name))"),
    ),
]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="words that the entry must hold")
    parser.add_argument("--jobs", type=int, default=2, help="copies of the tree at work")
    options = parser.parse_args()
    chosen = [mutation for mutation in MUTATIONS if options.only in str(mutation)]
    if stale := [mutation for mutation in chosen if not mutation.applies]:
        print("these no longer apply:", *stale, sep="\n  ", file=sys.stderr)
        return 2
    os.environ["OMP_NUM_THREADS"] = "1"
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        copies: queue.Queue[Path] = queue.Queue()
        for number in range(options.jobs):
            copies.put(_copy(Path(folder) / str(number)))
        with ThreadPoolExecutor(options.jobs) as pool:
            files = sorted({mutation.tests for mutation in chosen})
            broken = [
                t for t, said in zip(files, pool.map(_on(copies), files), strict=True) if said
            ]
            if broken:
                print("these fail without a change:", *broken, sep="\n  ", file=sys.stderr)
                return 2
            survivors = 0
            for mutation, killer in zip(chosen, pool.map(_on(copies), chosen), strict=True):
                survivors += not killer
                print(f"{killer or 'SURVIVED':70.70}  {mutation}", flush=True)
    seconds = time.monotonic() - start
    print(f"{len(chosen)} changes, {survivors} survivors, {seconds:.0f} s")
    return bool(survivors)


def _copy(folder: Path) -> Path:
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "cache")
            )
        elif (ROOT / name).exists():
            shutil.copy(ROOT / name, folder / name)
    return folder


def _on(copies: queue.Queue[Path]):
    """What tries a mutation, or runs tests without one, on a copy that is free."""

    def work(task: Mutation | str) -> str:
        folder = copies.get()
        try:
            if isinstance(task, str):
                return _failing(folder, task)
            path = folder / task.file
            whole = path.read_text(encoding="utf-8")
            path.write_text(whole.replace(task.old, task.new), encoding="utf-8")
            try:
                return _failing(folder, task.tests)
            finally:
                path.write_text(whole, encoding="utf-8")
        finally:
            copies.put(folder)

    return work


def _failing(folder: Path, tests: str) -> str:
    """The first test that fails in a copy, or "" when all pass."""
    said = folder / "said.txt"
    child = SERVER.Process(target=_tested, args=(folder, tests, said))
    child.start()
    child.join()
    text = said.read_text(encoding="utf-8")
    found = re.search(r"^(?:FAILED|ERROR) (\S+)", text, re.MULTILINE)
    if child.exitcode and not (child.exitcode == 1 and found):
        raise RuntimeError(f"pytest {tests} ended with {child.exitcode}:\n{text[-3000:]}")
    return found[1].removeprefix("tests/") if found else ""


def _tested(folder: Path, tests: str, said: Path) -> None:
    """pytest in a copy of the tree, in a process that has loaded the heavy packages already."""
    import pytest

    os.chdir(folder)
    sys.path[:] = [str(folder), *(path for path in sys.path if path not in ("", str(ROOT)))]
    sys.dont_write_bytecode = True
    for stream in (1, 2):
        os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
    options = ("-x", "-q", "--no-header", "-p", "no:cacheprovider")
    raise SystemExit(int(pytest.main([*options, *tests.split()])))


__all__: Sequence[str] = ("MUTATIONS", "Mutation")

if __name__ == "__main__":
    raise SystemExit(main())
