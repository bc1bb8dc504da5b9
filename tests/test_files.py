"""Files that are whole or not there, on systems that cannot claim space in advance and on disks that are full."""

import errno
import io
import os
import resource
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from zfhelpers import files
from zfhelpers.files import cached_array, new_array

REFUSALS = sorted({errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL, errno.ENOSYS})


def refusing(number):
    def posix_fallocate(*_):
        raise OSError(number, os.strerror(number))

    return posix_fallocate


def without(monkeypatch, answer):
    """As on macOS, or as a file system that cannot says it."""
    if answer == "no such function":
        monkeypatch.delattr(os, "posix_fallocate", raising=False)
    else:
        monkeypatch.setattr(os, "posix_fallocate", refusing(answer), raising=False)


ANSWERS = ["no such function", *REFUSALS]
NAMES = [errno.errorcode.get(answer, answer) for answer in ANSWERS]


def blocks(path):
    """What a file takes on its disk."""
    return path.stat().st_blocks


@pytest.mark.parametrize("shape", [(0, 3), (5, 7), (300, 100)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float16])
@pytest.mark.parametrize("answer", ["as it is here", *ANSWERS], ids=["as it is here", *NAMES])
def test_space_is_claimed_also_where_the_system_cannot(tmp_path, monkeypatch, answer, shape, dtype):
    if answer != "as it is here":
        without(monkeypatch, answer)
    monkeypatch.setattr(files, "CHUNK", 1000)  # so that some are several chunks and no whole number of them
    values = np.random.default_rng(0).integers(0, 200, shape).astype(dtype)
    full = tmp_path / "zeros"
    with open(full, "wb") as file:
        file.write(bytes(values.nbytes))
        os.fsync(file.fileno())
    with new_array(tmp_path / "deep" / "x.npy", shape, dtype) as array:
        assert blocks(next((tmp_path / "deep").iterdir())) >= blocks(full), "a file with holes has claimed nothing"
        array[:] = values
    np.testing.assert_array_equal(np.load(tmp_path / "deep" / "x.npy"), values)
    assert os.listdir(tmp_path / "deep") == ["x.npy"]


@pytest.mark.parametrize("answer", ANSWERS, ids=NAMES)
def test_a_full_disk_is_a_sentence_before_the_memory_map_is_touched(tmp_path, monkeypatch, answer):
    without(monkeypatch, answer)
    monkeypatch.setattr(files, "CHUNK", 1000)
    monkeypatch.setattr(np, "load", lambda *_, **__: pytest.fail("the map was made"))
    written = []

    class Full(io.FileIO):
        """A file on a disk with room for a header and three chunks."""

        def write(self, data):
            written.append(len(data))
            if len(written) > 4:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().write(data)

    monkeypatch.setattr(files, "open", Full, raising=False)
    with (
        pytest.raises(OSError, match=r"x\.npy cannot be written to .*\(No space left on device\); set ZF_CACHE") as told,
        new_array(tmp_path / "x.npy", (100, 100)),
    ):
        pytest.fail("the block was entered")
    assert told.value.errno == errno.ENOSPC
    assert written == [128, *[1000] * 4]
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG, errno.EIO, errno.EDQUOT], ids=errno.errorcode.get)
def test_what_is_no_refusal_is_not_tried_again(tmp_path, monkeypatch, number):
    monkeypatch.setattr(os, "posix_fallocate", refusing(number), raising=False)
    with (
        pytest.raises(OSError, match=r"cannot be written to .*; set ZF_CACHE to a folder with room") as told,
        new_array(tmp_path / "x.npy", (4, 4)),
    ):
        pytest.fail("the block was entered")
    assert told.value.errno == number
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("here", [True, False])
def test_a_real_limit_of_the_system_is_the_same_sentence(tmp_path, here):
    """In a process of its own no file may grow past 10,000 bytes, as on a full disk."""
    code = (
        "import os, pathlib, resource, signal, sys; from zfhelpers.files import new_array;"
        f"{'' if here else 'del os.posix_fallocate;'}"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000));"
        "new_array(pathlib.Path(sys.argv[1]) / 'x.npy', (200, 200)).__enter__()"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 1
    assert "The cache x.npy cannot be written to" in done.stderr.splitlines()[-1]
    assert "(File too large); set ZF_CACHE to a folder with room." in done.stderr.splitlines()[-1]
    assert not os.listdir(tmp_path)
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


def test_an_error_of_what_fills_the_array_is_not_one_of_the_cache(tmp_path):
    with (
        pytest.raises(FileNotFoundError, match=r"^There is no image 'gone\.jpg'\.$"),
        new_array(tmp_path / "x.npy", (2, 2)),
    ):
        raise FileNotFoundError("There is no image 'gone.jpg'.")
    assert not os.listdir(tmp_path)


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="the system does not tell what is in memory")
def test_what_was_read_of_a_mapped_array_is_given_back_and_can_be_read_again(tmp_path):
    np.save(tmp_path / "large.npy", np.arange(2**23))  # 64 MB
    array = np.load(tmp_path / "large.npy", mmap_mode="r")

    def shared():
        return int(open("/proc/self/statm").read().split()[2]) * resource.getpagesize() / 2**20

    before = shared()
    total = int(array.sum())
    assert shared() - before > 50
    files.forget(array)
    assert shared() - before < 10
    assert int(array.sum()) == total == (2**23 - 1) * 2**22


def test_what_was_written_is_not_forgotten_with_its_memory(tmp_path):
    files.forget(np.zeros(3))
    with new_array(tmp_path / "a.npy", (2**20,)) as array:
        array[:] = 7
        files.forget(array)
        array[5] = 9
        files.forget(array[:9])
        assert array[4:7].tolist() == [7, 9, 7]
    written = np.load(tmp_path / "a.npy")
    assert (written[5], written.sum(dtype=int)) == (9, 7 * 2**20 + 2)


def test_a_private_copy_keeps_what_was_changed(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(9))
    private = np.load(tmp_path / "a.npy", mmap_mode="c")
    private[3] = 1
    files.forget(private)
    assert private[3] == 1


# ------------------------------------------------------------------------------------------------ what several want at once


def wanted_by_four(fill):
    """What four get who want one array of the cache at once; each opens the lock itself, as processes do."""
    together = threading.Barrier(4)

    def want(_):
        together.wait()
        try:
            return np.array(cached_array("drawn", "key", (2, 3), fill))
        except RuntimeError as error:
            return error

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(want, range(4)))


def test_what_several_want_at_once_is_made_once(tmp_path, monkeypatch):
    monkeypatch.setenv("ZF_CACHE", str(tmp_path / "new"))
    made = []

    def fill(array):
        time.sleep(0.2)  # long enough that all have seen that it is not there
        made.append(array.shape)
        array[:] = len(made)

    assert all((one == 1).all() for one in wanted_by_four(fill))
    assert made == [(2, 3)]
    assert [path.suffix for path in (tmp_path / "new").iterdir()] == [".npy"]


def test_who_waited_for_one_that_failed_makes_it_himself(tmp_path, monkeypatch):
    monkeypatch.setenv("ZF_CACHE", str(tmp_path))
    tried = []

    def fill(array):
        tried.append(array)
        if len(tried) == 1:
            raise RuntimeError("no pen")
        array[:] = 7

    got = wanted_by_four(fill)
    assert sum(isinstance(one, RuntimeError) for one in got) == 1
    assert all((one == 7).all() for one in got if not isinstance(one, RuntimeError))
    assert [path.suffix for path in tmp_path.iterdir()] == [".npy"]


@pytest.mark.parametrize("module", [None, "refuses"])
def test_without_locks_nobody_waits(tmp_path, monkeypatch, module):
    class Refuses:
        LOCK_EX = 2

        @staticmethod
        def flock(*_):
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setenv("ZF_CACHE", str(tmp_path))
    monkeypatch.setattr(files, "fcntl", module and Refuses)
    assert (cached_array("drawn", "key", (2, 3), lambda array: array.fill(5)) == 5).all()
    assert [path.suffix for path in tmp_path.iterdir()] == [".npy"]
