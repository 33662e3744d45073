"""What one process of a group does in tests: python -m tests.helpers.together FOLDER.

Each trains small networks and leaves what it ended with in FOLDER/RANK.pth.
"""

from __future__ import annotations

import dataclasses
import sys

import torch

from core.data.datasets import Split
from core.training import distributed, models
from core.training.loop import train
from core.training.results import TrainingData
from core.training.settings import TrainConfig

SHAPE, CLASSES, COUNT = (1, 8, 8), 4, 145
PLAIN = TrainConfig(epochs=1, optimizer="sgd", lr=0.05)
UNEVEN = PLAIN.replace(batch_size=25)  # parts of 13 and 12, the last batch 10 and 10
SINGLE = PLAIN.replace(batch_size=36)  # the last batch has one image
THREE = PLAIN.replace(batch_size=71)  # parts of 36 and 35, the last batch has three images
ODD = PLAIN.replace(batch_size=35)  # parts of 18 and 17, the last batch 3 and 2
CASES = {"uneven": UNEVEN, "single": SINGLE, "three": THREE, "odd": ODD}
NORM = PLAIN.replace(epochs=2, batch_size=25, rotation=5.0)


def parts() -> TrainingData:
    """Patches of noise, brighter where their class is."""
    generator = torch.Generator().manual_seed(3)
    labels = torch.arange(COUNT) % CLASSES
    images = torch.randint(0, 120, (COUNT, *SHAPE), generator=generator)
    for index, label in enumerate(labels.tolist()):
        images[index, :, 2 * label : 2 * label + 2] += 100
    fit = Split(images.to(torch.uint8), labels)
    return TrainingData(fit, fit, fit.take(torch.arange(8)), (0.3,), (0.2,))


def network(name: str = "mlp", **sizes) -> torch.nn.Module:
    torch.manual_seed(1)
    return models.build(name, SHAPE, CLASSES, **sizes)


def weights(config: TrainConfig, world: distributed.World, name: str = "mlp", **sizes) -> dict:
    model = network(name, **sizes)
    done = train(model, parts(), config, world=world)
    state = {key: value.clone() for key, value in model.state_dict().items()}
    return {"state": state, "history": done.history}


def ending(world: distributed.World, data: TrainingData, **calls) -> str:
    """The name of what ends a training; the group must be of use afterwards."""
    try:
        train(network(), data, PLAIN.replace(epochs=50), world=world, **calls)
    except Exception as error:
        world.sum(1.0)
        return type(error).__name__
    return "nothing"


def main() -> int:
    torch.set_num_threads(1)
    world = distributed.join("cpu")

    def refuse(*_) -> None:
        raise OSError("no room")

    told = {"on_batch": refuse} if world.rank == 0 else {}
    closed = {"on_epoch": refuse} if world.rank == 0 else {}
    overflowing = dataclasses.replace(parts(), std=(1e-38,))
    found = {
        "world": [world.rank, world.size, world.backend],
        "cases": {name: weights(config, world) for name, config in CASES.items()},
        "norm": weights(NORM, world, "cnn", widths=(4, 4), batch_norm=True, dropout=0.2),
        "endings": {
            "batch": ending(world, parts(), **told),
            "epoch": ending(world, parts(), **closed),
            "diverged": ending(world, overflowing),
        },
        "broadcast": world.broadcast({"from": world.rank, "tensor": torch.ones(2)}),
    }
    torch.save(found, f"{sys.argv[1]}/{world.rank}.pth")
    if world.rank:
        world.broadcast()  # the first's word that it leaves
    world.leave()
    return 0


if __name__ == "__main__":
    distributed.end_process(main())
