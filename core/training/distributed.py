"""The processes that train one network together, as torchrun starts them; alone without it.

torch is imported late: the command line and the worker ask here before they need it.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    import torch
    from torch import nn

TIMEOUT = timedelta(hours=24)  # the others wait for the first, which may wait in line for hours
EVERY = 8  # steps from one word of the first process to the next: a stop is heard within so many
RUN_KEY = "lightbox/run"


class Ended(Exception):
    """The first process has ended the training; the others follow."""


@dataclass(frozen=True)
class World:
    """This process among those that train together.

    `rank` counts from 0 over all machines, `local_rank` on this one; `backend` is gloo, nccl, or
    None when there is only one. The first process, rank 0, writes, prints and evaluates.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1
    backend: str | None = None
    store: Any = field(default=None, repr=False, compare=False)  # torchrun's own, for `remember`

    @property
    def every(self) -> int:
        """Steps between two calls of `together` within an epoch, which also ends with one."""
        return 1 if self.size == 1 else EVERY

    def place(self, device: torch.device) -> torch.device:
        """The device of this process, where one process alone would take `device`."""
        if self.size == 1:
            return device
        import torch

        if self.backend == "nccl":
            return torch.device("cuda", self.local_rank)
        return torch.device("cpu")

    def check_batch(self, batch_size: int) -> None:
        """Raises ValueError when a batch has fewer images than there are processes."""
        if batch_size < self.size:
            raise ValueError(
                f"batch_size: {batch_size} is fewer than the {self.size} processes: raise "
                "--batch-size or start fewer with --nproc-per-node"
            )

    def share(self, count: int, batch_size: int) -> slice:
        """This process's part of a batch of `count` images; parts differ by one image at most.

        A last batch of fewer than two images a process is everybody's as a whole: then no process
        is without work, and batch norm has more than one image to go by.
        """
        if count < min(batch_size, 2 * self.size):
            return slice(0, count)
        least, more = divmod(count, self.size)
        start = self.rank * least + min(self.rank, more)
        return slice(start, start + least + (self.rank < more))

    def weigh(self, count: int, own: int) -> tuple[float, int]:
        """(factor of the local mean loss, images to count) for `own` of `count` images.

        `average_gradients` takes the mean over processes; with the factor it is the gradient of
        the mean loss over the whole batch. Each image is counted once.
        """
        if self.size == 1:
            return 1.0, own
        if own == count:  # everybody has the whole batch
            return 1.0, count if self.rank == 0 else 0
        return self.size * own / count, own

    def wrap(self, model: nn.Module) -> nn.Module:
        """What to call for a forward pass of `model`, whose weights, buffers and names it shares.

        On CUDA its batch norms become SyncBatchNorm, which normalises with the whole batch. gloo
        has none: there each process normalises with its own part, and `average_buffers` is due
        after each epoch.
        """
        if self.backend != "nccl":
            return model
        from torch import nn

        return nn.SyncBatchNorm.convert_sync_batchnorm(model)

    def average_gradients(self, model: nn.Module) -> None:
        """Give every process the mean of all processes' gradients, bit for bit the same in each
        attempt: one sum over one flat tensor, where DistributedDataParallel's buckets change after
        its first step and with them the order in which three or more processes are summed.
        """
        if self.size > 1:
            self._average([each.grad for each in model.parameters() if each.grad is not None])

    def average_buffers(self, model: nn.Module) -> None:
        """Give every process the mean of all processes' running statistics."""
        if self.backend != "nccl":  # SyncBatchNorm keeps them equal
            self._average([each for each in model.buffers() if each.is_floating_point()])

    def _average(self, tensors: list[torch.Tensor]) -> None:
        if self.size == 1 or not tensors:
            return
        import torch
        from torch import distributed

        flat = torch.cat([each.flatten() for each in tensors])
        distributed.all_reduce(flat)
        flat /= self.size
        parts = flat.split([each.numel() for each in tensors])
        for each, mean in zip(tensors, parts, strict=True):
            each.copy_(mean.view_as(each))

    def sum(self, *values: float) -> list[float]:
        """Each value summed over all processes, in float64."""
        if self.size == 1:
            return list(values)
        import torch
        from torch import distributed

        total = torch.tensor(values, dtype=torch.float64)
        distributed.all_reduce(total)
        return total.tolist()

    def together(self, act: Callable[[], None]) -> None:
        """Call `act` on the first process while the others wait; when it raises, all stop.

        It raises what it raised on the first, Ended on the others: one byte is broadcast each
        time. All processes must come here after the same steps.
        """
        if self.size == 1:
            act()
            return
        import torch
        from torch import distributed

        trouble: BaseException | None = None
        if self.rank == 0:
            try:
                act()
            except BaseException as error:  # Ctrl-C too: the others must hear of it
                trouble = error
        word = torch.tensor([trouble is not None], dtype=torch.uint8)
        distributed.broadcast(word, 0)
        if trouble is not None:
            raise trouble
        if word.item():
            raise Ended

    def broadcast(self, value: Any = None) -> Any:
        """The first process's value (tensors, numbers, strings and containers of them)."""
        if self.size == 1:
            return value
        import torch
        from torch import distributed

        box = [value]
        distributed.broadcast_object_list(box, src=0, device=torch.device("cpu"), weights_only=True)
        return box[0]

    def remember(self, run_id: str) -> None:
        """Tell later attempts of this very torchrun which run is theirs."""
        if self.store is not None:
            self.store.set(RUN_KEY, run_id)

    def recall(self) -> str | None:
        """The run of an earlier attempt, when torchrun has started this group again; else None.

        It stands in the key-value store that torchrun's agent keeps in its own memory for as long
        as it lives. So nothing else can be mistaken for it: no other interrupted run, no other
        launch with the same --rdzv-id. When the machine that holds the store is lost, so is the
        note, and the next attempt begins a run of its own.
        """
        if self.store is None or not self.store.check([RUN_KEY]):
            return None
        return self.store.get(RUN_KEY).decode()

    def leave(self) -> None:
        """End the group; on the first process, after letting the others go. Only after success:
        torchrun ends the others when one fails.
        """
        if self.size == 1:
            return
        from torch import distributed

        if self.rank == 0:
            self.broadcast(None)
        self.sum(0.0)  # nobody closes a connection before all have heard
        distributed.destroy_process_group()


ALONE = World()


def is_lost(error: BaseException) -> bool:
    """Whether an error says that another process of the group is gone."""
    text = str(error)
    return any(words in text for words in ("closed by peer", "reset by peer", "Broken pipe"))


def from_environment(environment: Mapping[str, str] = os.environ) -> World:
    """The world that torchrun's variables describe, not yet joined; ALONE without them."""
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    if any(name not in environment for name in names):
        return ALONE
    rank, size, local_rank, local_size = (int(environment[name]) for name in names)
    return World(rank, size, local_rank, local_size)


def end_process(status: int) -> NoReturn:
    """End this process with an exit status; one of a group without closing the interpreter.

    gloo's threads outlive the group in torch 2.14, and one that lets go of its last tensor while
    the interpreter closes aborts the process, which torchrun takes for a failure.
    """
    if not is_launched():
        sys.exit(status)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def is_launched() -> bool:
    """Whether torchrun has started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def join(device: str = "auto") -> World:
    """Meet the other processes that torchrun has started and return the world; ALONE without it.

    nccl when there is CUDA and `device` allows it, otherwise gloo on the CPU; words and numbers
    always go over gloo. Raises ValueError when the device cannot be shared among processes.
    """
    if not is_launched():
        return ALONE
    world = from_environment()
    if world.size > 1:
        world = dataclasses.replace(world, backend=_backend(world, device))
    if world.rank:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first decides; the others hear of it
    from torch import distributed

    store, _, _ = next(distributed.rendezvous("env://", timeout=TIMEOUT))
    if world.size > 1:
        attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
        distributed.init_process_group(
            "cpu:gloo,cuda:nccl" if world.backend == "nccl" else "gloo",
            store=distributed.PrefixStore(f"lightbox/attempt-{attempt}", store),
            rank=world.rank,
            world_size=world.size,
            timeout=TIMEOUT,
        )
    return dataclasses.replace(world, store=store)


def _backend(world: World, device: str) -> str:
    import torch
    from torch import distributed

    if device in ("auto", "cuda") and torch.cuda.is_available() and distributed.is_nccl_available():
        if world.local_rank >= torch.cuda.device_count():
            raise ValueError(
                f"device: process {world.local_rank} of this machine has no GPU of its own "
                f"({torch.cuda.device_count()} here): lower --nproc-per-node or use --device cpu"
            )
        torch.cuda.set_device(world.local_rank)
        return "nccl"
    if device not in ("auto", "cpu"):
        raise ValueError(
            f"device: {device!r} cannot be shared by {world.size} processes here; use --device cpu"
        )
    return "gloo"
