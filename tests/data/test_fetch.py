"""Fetching: mirrors, checks, one download for two callers. The network is a server on loopback."""

import dataclasses
import gzip
import hashlib
import pathlib
import struct
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from torchvision.datasets import MNIST

from core.data import datasets, fetch, sources


def idx(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


RNG = np.random.RandomState(0)
FILES = {
    f"{part}-{kind}-ubyte.gz": gzip.compress(idx(array))
    for part, count in (("train", 40), ("t10k", 20))
    for kind, array in (
        ("images-idx3", RNG.randint(0, 256, (count, 28, 28))),
        ("labels-idx1", np.arange(count) % 10),
    )
}
SMALL = (
    "b1cfee8531f495c6669017c3d60bc5e69eec66a6e6a811498bfbad0cd987464f",
    "2458a6e5e73ab3fd0fe49221f176faea81081deba6931cde3ab589a77ee4ee18",
)  # of the set that FILES hold, and of its test part


@pytest.fixture
def server():
    """FILES under /good, garbage under /bad, 403 under /forbidden; counts the requests."""
    served: Counter = Counter()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            place, name = self.path.strip("/").split("/")
            status = 403 if place == "forbidden" else 200
            self.send_response(status)
            self.end_headers()
            if status == 200 and self.headers.get("Method") != "HEAD":
                served[f"{place}/{name}"] += 1
                self.wfile.write(b"garbage" if place == "bad" else FILES[name])

        def log_message(self, *_):
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
    running.served = served
    running.address = f"http://127.0.0.1:{running.server_port}"
    yield running
    running.shutdown()


@pytest.fixture
def published(monkeypatch, no_data, server):
    """torchvision's MNIST points at the small files; the test chooses the mirrors."""
    small = dataclasses.replace(sources.DATASETS["mnist"], sha256=SMALL)
    monkeypatch.setitem(sources.DATASETS, "mnist", small)
    sums = [(name, hashlib.md5(content).hexdigest()) for name, content in FILES.items()]
    monkeypatch.setattr(MNIST, "resources", sums)

    def mirrors(*places: str) -> None:
        addresses = [f"{server.address}/{place}/" for place in places]
        monkeypatch.setattr(MNIST, "mirrors", addresses)

    return mirrors


def test_files_are_fetched_checked_and_unpacked(published, no_data):
    published("good")
    mnist = datasets.load("mnist")
    assert len(mnist.train) == 40
    assert len(mnist.test) == 20
    assert (no_data / "MNIST" / "raw" / "train-images-idx3-ubyte").is_file()


def test_only_the_test_part_is_fetched_when_only_it_is_wanted(published, server):
    published("good")
    datasets.fetch_files("mnist", test_only=True)
    assert all("/t10k-" in name for name in server.served)
    assert len(datasets.load_test("mnist")[0]) == 20


@pytest.mark.parametrize("first", ["forbidden", "bad"])
def test_another_mirror_is_tried_after_a_403_or_a_wrong_md5(published, first):
    """Case 33."""
    published(first, "good")
    assert len(datasets.load("mnist").test) == 20


def test_a_failed_fetch_names_files_and_folder_and_leaves_no_part(published, no_data):
    """Case 33."""
    published("forbidden", "bad")
    with pytest.raises(datasets.DatasetError, match=r"t10k-labels-idx1-ubyte\.gz into .*MNIST.raw"):
        datasets.load("mnist")
    assert [path for path in (no_data / "MNIST" / "raw").iterdir() if path.is_file()] == []
    assert len(datasets.load("digits").test) == 360


def test_no_network_at_all_is_said_the_same_way(monkeypatch, published, no_data):
    """Case 33."""
    published("good")
    monkeypatch.setattr(MNIST, "mirrors", ["http://127.0.0.1:9/"])
    with pytest.raises(datasets.DatasetError, match="use the bundled data set 'digits'"):
        datasets.load("mnist")


def test_a_silent_server_is_given_up(monkeypatch, published):
    """Case 33."""
    import socket

    published("good")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        monkeypatch.setattr(MNIST, "mirrors", [address])
        monkeypatch.setattr(fetch, "TIMEOUT_S", 0.3)
        with pytest.raises(datasets.DatasetError, match="timed out"):
            datasets.load("mnist")


def test_two_first_downloads_at_once_fetch_each_file_once(published, server):
    """Case 34."""
    published("good")
    errors = []

    def load():
        try:
            datasets.load("mnist")
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert set(server.served.values()) == {1}


def test_archives_put_there_by_hand_are_used_without_a_network(published, no_data, server):
    published("forbidden")
    folder = no_data / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    assert len(datasets.load_test("mnist")[0]) == 20
    assert len(datasets.load_train("mnist")[0]) == len(datasets.load("mnist").train) == 40
    assert not server.served
    there = [path.name for path in no_data.rglob("*") if not path.is_dir()]
    assert sorted(there) == sorted(FILES)  # nothing is written: the folder may be read-only


def test_a_kill_while_a_file_is_unpacked_leaves_none_of_its_name(published, no_data, monkeypatch):
    from torchvision.datasets import utils

    def half(_, folder, *__):
        (pathlib.Path(folder) / IMAGES.replace("t10k", "train")).write_bytes(b"half")
        raise KeyboardInterrupt

    published("good")
    with monkeypatch.context() as patch:
        patch.setattr(utils, "extract_archive", half)
        with pytest.raises(KeyboardInterrupt):
            datasets.load("mnist")
    assert not list(no_data.glob("MNIST/raw/*ubyte"))
    assert len(datasets.load("mnist").train) == 40


@pytest.mark.parametrize("content", [b"", b"\0\0\x08\x03short", idx(np.zeros(3))])
def test_a_file_that_is_no_idx_is_named_with_the_way_out(tmp_path, content):
    path = tmp_path / "images"
    path.write_bytes(content)
    with pytest.raises(
        datasets.DatasetError, match=r"images is not a whole IDX file[^:]*: delete it"
    ):
        fetch.read_idx(path, dimensions=3)


def test_a_folder_that_cannot_be_written_is_named(published, no_data, monkeypatch):
    published("good")
    monkeypatch.setattr(
        fetch.Path,
        "mkdir",
        lambda *_, **__: (_ for _ in ()).throw(PermissionError(13, "Permission denied")),
    )
    with pytest.raises(datasets.DatasetError, match="set LIGHTBOX_DATA to another folder"):
        datasets.load("mnist")


GOOD = {name: gzip.decompress(content) for name, content in FILES.items()}
IMAGES, LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"


def laid(folder, **changed: bytes):
    """The four files in `folder`, unpacked, but for those given: images or labels."""
    for name, content in GOOD.items():
        (folder / name.removesuffix(".gz")).write_bytes(content)
    for name, content in changed.items():
        (folder / {"images": IMAGES, "labels": LABELS}[name]).write_bytes(content)
    return folder


@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("images", b""),
        ("images", b"\x89PNG" + bytes(2000)),  # another magic
        ("images", idx(np.zeros((20, 28, 28)))[:-1]),  # cut off
        ("images", idx(np.zeros((20, 28, 28))) + b"\0"),  # more than it says
        ("images", b"\0\0\x0d\x03" + idx(np.zeros((20, 28, 28)))[4:]),  # says it holds floats
        ("images", b"\0\0\x08\x03" + b"\xff" * 12 + bytes(2000)),  # says 2**96 pixels
        ("images", idx(np.zeros((20, 784)))),  # two dimensions
        ("labels", idx(np.zeros((20, 1)))),
    ],
)
def test_a_part_that_is_no_idx_of_its_kind_is_refused_by_its_file(tmp_path, name, content, mapped):
    """Case 31: IDX of a wrong magic, type, shape or count. CSV is read from nobody: the one file
    that is read comes with scikit-learn.
    """
    folder = laid(tmp_path, **{name: content})
    with pytest.raises(
        datasets.DatasetError, match=r"t10k-\w+-idx\d-ubyte .*: delete it and fetch"
    ):
        fetch.read_part(folder, "t10k", mapped=mapped)


def test_images_and_labels_of_different_counts_are_refused(tmp_path):
    """Case 31."""
    folder = laid(tmp_path, labels=idx(np.arange(19)))
    with pytest.raises(datasets.DatasetError, match=r"20 t10k images but 19 labels: delete them"):
        fetch.read_part(folder, "t10k")


@pytest.mark.parametrize("content", [b"no gzip", FILES[f"{IMAGES}.gz"][:-40], b""])
def test_an_archive_that_is_cut_off_or_none_is_named(tmp_path, content):
    """Case 31."""
    folder = laid(tmp_path)
    (folder / IMAGES).unlink()
    (folder / f"{IMAGES}.gz").write_bytes(content)
    with pytest.raises(
        datasets.DatasetError, match=r"idx3-ubyte\.gz (cannot be read|is not a whole)"
    ):
        fetch.read_part(folder, "t10k")


def test_an_archive_whose_bytes_were_changed_is_named(tmp_path):
    """Case 31: a fault that gzip leaves to zlib."""
    folder = laid(tmp_path)
    (folder / IMAGES).unlink()
    changed = bytearray(FILES[f"{IMAGES}.gz"])
    changed[10] = 0xFF  # the first block's kind
    (folder / f"{IMAGES}.gz").write_bytes(changed)
    with pytest.raises(datasets.DatasetError, match="cannot be read"):
        fetch.read_part(folder, "t10k")


@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize("part", ["images", "labels"])
@pytest.mark.parametrize("fault", ["empty", "torn", "altered"])
def test_a_plain_file_that_is_not_what_its_archive_holds_is_passed_over(
    tmp_path, part, fault, mapped
):
    name = {"images": IMAGES, "labels": LABELS}[part]
    good = GOOD[f"{name}.gz"]
    wrong = {"empty": b"", "torn": good[:-7], "altered": good[:-1] + bytes([good[-1] ^ 1])}[fault]
    folder = laid(tmp_path, **{part: wrong})
    (folder / f"{name}.gz").write_bytes(FILES[f"{name}.gz"])
    images, labels = fetch.read_part(folder, "t10k", mapped=mapped)
    assert images.tobytes() == GOOD[f"{IMAGES}.gz"][16:]
    assert labels.tobytes() == GOOD[f"{LABELS}.gz"][8:]


@pytest.mark.parametrize("part", ["train", "t10k"])
@pytest.mark.parametrize("name", [IMAGES, LABELS])
@pytest.mark.parametrize("packed", [False, True])
def test_an_altered_file_is_refused_by_its_name(published, no_data, part, name, packed):
    """Also as an archive that is whole, and without its archive: as people have unpacked it."""
    folder = no_data / "MNIST" / "raw"
    folder.mkdir(parents=True)
    laid(folder)
    assert len(datasets.load("mnist").train) == len(datasets.load_train("mnist")[0]) == 40
    path = folder / name.replace("t10k", part)
    content = bytearray(path.read_bytes())
    content[-1] ^= 0xF0  # also a label that is none
    path.write_bytes(content)
    if packed:
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(content))
    readers = [datasets.load, datasets.load_train] + [datasets.load_test] * (part == "t10k")
    for read in readers:
        with pytest.raises(datasets.DatasetError, match=rf"{path.name} .* delete both"):
            read("mnist")
