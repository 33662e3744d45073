"""A training's progress on the terminal."""

import sys

from core.jobs import progress

INFO = {
    "id": "small-1",
    "title": "A small network",
    "parameters": 1234,
    "dataset": "digits",
    "images": {"fit": 100, "validation": 20},
    "config": {"epochs": 2},
    "device": "cpu",
    "precision": "float32",
    "threads": 1,
}
RECORD = {
    "epoch": 1,
    "train_loss": 0.5,
    "train_accuracy": 0.8,
    "validation_loss": 0.25,
    "validation_accuracy": 0.9,
    "seconds": 1.5,
    "images_per_second": 2000.0,
}


def test_a_start_and_each_epoch_are_a_line(capsys):
    printer = progress.callbacks()
    printer.start(INFO)
    printer.epoch(RECORD)
    printer.epoch(RECORD | {"validation_loss": None, "validation_accuracy": None})
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.startswith("small-1: A small network, 1,234 parameters, digits (100 + 20 images)")
    assert "validation loss 0.2500 accuracy 90.00 %" in second
    assert "validation" not in third
    assert third.endswith("1.5 s  2,000 images/s")


def test_there_is_no_bar_where_none_can_be_drawn():
    assert progress.callbacks().batch is None


def test_the_bar_says_how_far_it_is_and_what_is_left(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    printer = progress.callbacks()
    printer.start(INFO)
    clock = iter([10.0, 10.0, 12.0])
    monkeypatch.setattr(progress.time, "perf_counter", lambda: next(clock, 12.0))
    printer.batch(1, 20, 0.7, 0.5)  # the first only starts the clock
    assert capsys.readouterr().err == ""
    printer.batch(1, 100, 0.6, 0.6)
    bar = capsys.readouterr().err
    assert bar.count("█") == bar.count("░") == 15
    assert "epoch 1/2  loss 0.6000" in bar
    assert "0:02 left" in bar
