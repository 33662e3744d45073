"""What one process of a group does in tests: python -m tests.helpers.together FOLDER.

Each trains small networks and leaves what it ended with in FOLDER/RANK.pth.
"""

from __future__ import annotations

import copy
import dataclasses
import sys

import torch

from core.data.datasets import Split
from core.training import distributed, loop, models
from core.training.loop import train
from core.training.results import TrainingData
from core.training.settings import TrainConfig

SHAPE, CLASSES, COUNT = (1, 8, 8), 4, 145
PLAIN = TrainConfig(epochs=1, optimizer="sgd", lr=0.05)
UNEVEN = PLAIN.replace(batch_size=25)  # parts of 13 and 12, the last batch 10 and 10
SINGLE = PLAIN.replace(batch_size=36)  # the last batch has one image
THREE = PLAIN.replace(batch_size=71)  # parts of 36 and 35, the last batch has three images
ODD = PLAIN.replace(batch_size=35)  # parts of 18 and 17, the last batch 3 and 2
WEIGHTS = UNEVEN.replace(balance="weights", clip=0.05, schedule="cosine", warmup=0.5)
SAMPLING = UNEVEN.replace(balance="sampling", ema=0.5)
CASES = {"uneven": UNEVEN, "single": SINGLE, "three": THREE, "odd": ODD}
CASES |= {"weights": WEIGHTS, "sampling": SAMPLING}
NORM = PLAIN.replace(epochs=2, batch_size=25, rotation=5.0)


def parts(skewed: bool = False) -> TrainingData:
    """Patches of noise, brighter where their class is; with `skewed` most are of the first."""
    generator = torch.Generator().manual_seed(3)
    labels = torch.arange(COUNT) % CLASSES
    if skewed:
        labels *= torch.arange(COUNT) % 7 < 2
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
    done = train(model, parts(config.balance != "none"), config, world=world)
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


def resumed(world: distributed.World) -> bool:
    """Whether a training that goes on from its second epoch ends with the unbroken one's bits."""
    more = {"ema": 0.9, "mixup": 0.5, "schedule": "plateau", "step_size": 1, "patience": 4}
    config, saved = NORM.replace(epochs=4, batch_size=36, **more), {}

    def keep(record, checkpoint, answers) -> None:
        if record["epoch"] == 2:
            saved.update(copy.deepcopy(checkpoint))

    sizes = {"widths": (8, 8), "batch_norm": True, "dropout": 0.2}
    unbroken, broken = network("cnn", **sizes), network("cnn", **sizes)
    train(unbroken, parts(), config, world=world, keep=keep)
    train(broken, parts(), config, world=world, resume=world.broadcast(saved))
    pairs = zip(unbroken.state_dict().values(), broken.state_dict().values(), strict=True)
    return all(torch.equal(*pair) for pair in pairs)


def early(world: distributed.World) -> list[float]:
    """Learning rates of a training whose validation loss never falls."""
    rates, take = [], loop.make_optimizer
    config = PLAIN.replace(epochs=50, patience=3, schedule="plateau", step_size=1, gamma=0.5)

    def spied(*given):
        made = take(*given)
        rates.append(made)
        return made

    score, loop.make_optimizer = loop.score, spied
    loop.score = lambda *_: {"validation_loss": 1.0, "validation_accuracy": 0.5}
    train(network(), parts(), config, world=world)
    loop.score, loop.make_optimizer = score, take
    world.sum(1.0)
    return [rates[0].param_groups[0]["lr"]]


def main() -> int:
    torch.set_num_threads(1)
    world = distributed.join("cpu")

    def refuse(*_) -> None:
        raise OSError("no room")

    told = {"on_batch": refuse} if world.rank == 0 else {}
    closed = {"on_epoch": refuse} if world.rank == 0 else {}
    overflowing = dataclasses.replace(parts(), std=(1e-38,))
    found: dict = {"resumed": resumed(world)}
    if world.size > 2:
        torch.save(found, f"{sys.argv[1]}/{world.rank}.pth")
        if world.rank:
            world.broadcast()
        world.leave()
        return 0
    found |= {
        "world": [world.rank, world.size, world.backend],
        "cases": {name: weights(config, world) for name, config in CASES.items()},
        "norm": weights(NORM, world, "cnn", widths=(4, 4), batch_norm=True, dropout=0.2),
        "endings": {
            "batch": ending(world, parts(), **told),
            "epoch": ending(world, parts(), **closed),
            "diverged": ending(world, overflowing),
        },
        "early": early(world),
        "broadcast": world.broadcast({"from": world.rank, "tensor": torch.ones(2)}),
    }
    torch.save(found, f"{sys.argv[1]}/{world.rank}.pth")
    if world.rank:
        world.broadcast()  # the first's word that it leaves
    world.leave()
    return 0


if __name__ == "__main__":
    distributed.end_process(main())
