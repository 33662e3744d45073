"""A look at a lock takes nothing, and none takes another for the holder."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from core.runs import locks


@pytest.mark.parametrize("shared", [True, False], ids=["shared locks", "none, as on Windows"])
def test_four_lookers_never_take_one_another_for_the_holder(tmp_path, monkeypatch, shared):
    """Case 57: a look that takes the lock was wrong in a quarter of the looks."""
    if not shared:
        monkeypatch.setattr(locks, "fcntl", None)
    (tmp_path / "lock").touch()
    with ThreadPoolExecutor(4) as lookers:
        looks = list(lookers.map(lambda _: locks.is_locked(tmp_path), range(2000)))
    assert looks == [False] * 2000
    with locks.lock(tmp_path), ThreadPoolExecutor(4) as lookers:
        assert all(lookers.map(lambda _: locks.is_locked(tmp_path), range(20)))


def test_a_worker_gets_its_lock_while_lookers_look(tmp_path):
    (tmp_path / "lock").touch()
    with ThreadPoolExecutor(4) as lookers:
        looks = [lookers.submit(locks.is_locked, tmp_path) for _ in range(5000)]
        for _ in range(20):
            with locks.lock(tmp_path):
                pass
    assert all(look.exception() is None for look in looks)
