"""The command line as a person types it."""

import pytest

from core.cli.main import main


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "nope"], "unknown recipe 'nope': choose one of"),
        (["train", "digits-cnn", "--lr", "0"], "lr: 0.0 is outside"),
        (["train", "digits-cnn", "--epochs", "1000000"], "epochs: 1000000 is outside"),
        (["train", "digits-cnn", "--batch-size", "2000"], "batch_size: 2000 is more than the 1317"),
        (["train", "digits-cnn", "--seed", "-1"], "seed: -1 is outside 0"),
        (["train", "digits-cnn", "--device", "abacus"], "device: 'abacus' is unknown"),
        (["train", "digits-cnn", "--precision", "int4"], "precision: 'int4' is unknown"),
        (["evaluate", "../../etc"], "unknown run"),
        (["resume", "nothing"], "unknown run"),
        (["further", "nothing"], "unknown run"),
        (["personal", "nothing"], "unknown run"),
        (["export", "nothing"], "unknown run"),
        (["predict", "nothing", "x.png"], "unknown run"),
        (["fetch", "imagenet"], "unknown data set 'imagenet'"),
    ],
)
def test_errors_name_the_thing_and_exit_2(artifacts, capsys, arguments, message):
    """Cases 39 and 41."""
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_a_variable_that_is_set_wrongly_is_named_and_nothing_is_done(capsys, monkeypatch):
    monkeypatch.setenv("LIGHTBOX_TRAINING", "of")
    assert main(["runs"]) == 2
    told = "error: LIGHTBOX_TRAINING: 'of' is unknown; choose one of on, off\n"
    assert capsys.readouterr() == ("", told)


def test_help_is_everywhere(capsys):
    for arguments in ([], ["train"], ["runs"], ["predict"], ["export"], ["evaluate"], ["fetch"]):
        with pytest.raises(SystemExit) as stopped:
            main([*arguments, "--help"])
        assert stopped.value.code == 0
        assert "usage: python -m core" in capsys.readouterr().out
