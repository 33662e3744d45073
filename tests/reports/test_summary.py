"""A run in words."""

from core.reports import summary


def test_the_accuracy_file_names_model_framework_data_and_settings(tiny):
    text = summary.accuracy_text(tiny)
    accuracy = f"{100 * tiny.metrics['test_accuracy']:.2f} %"
    for part in ("digits-cnn", "PyTorch", "Digits", accuracy, "Batch size: 64", "Epochs: 2"):
        assert part in text


def test_the_report_has_a_line_a_class(tiny):
    text = summary.report_text(tiny)
    first = tiny.metrics["per_class"][0]
    assert f"{first['precision']:.4f}" in text.splitlines()[1]
    assert len(text.splitlines()) > 12


def test_sentences_count_and_share():
    metrics = {"confusion": [[8, 2], [1, 9]], "most_confused": [[0, 1, 2], [1, 0, 1]]}
    assert summary.confused_sentences(metrics, ["Shirt", "Coat"]) == [
        "Shirt taken for Coat: 2 times, 20.0 % of Shirt",
        "Coat taken for Shirt: 1 time, 10.0 % of Coat",
    ]


def test_a_history_becomes_one_line_an_epoch(tiny):
    lines = summary.history_csv(tiny.history()[0]).splitlines()
    assert lines[0].startswith("epoch,train_loss")
    assert len(lines) == 3
