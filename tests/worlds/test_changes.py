"""The cache never serves pixels of a file that has changed: folders that are changed at random, beside a fresh reading."""

import os
import shutil
import time
from pathlib import Path

import numpy as np
import PIL
import pytest
from PIL import Image, ImageFile

from zfhelpers import files
from zfhelpers.files import cache_dir, cached_array, fingerprint
from zfhelpers.worlds import frames
from zfhelpers.worlds.frames import decode, read_image, to_frame
from zfhelpers.worlds.opening import open_world

STEPS = 12
HALF = "train"


def picture(path, rng):
    """A grey square: all files of an ending are of one size, so that size tells nothing."""
    Image.new("RGB", (12, 10), tuple(rng.integers(0, 256, 3).tolist())).save(path, path.suffix[1:])


def pictures(root):
    return sorted(path for path in (root / HALF).rglob("*") if path.is_file())


def keeping_times(change):
    """As `cp -p`, `rsync -t`, `touch -r` and a restored backup do it: the time of modification is put back."""

    def changed(root, rng):
        before = {path: path.stat().st_mtime_ns for path in pictures(root)}
        change(root, rng)
        for path in pictures(root):
            if path in before:
                os.utime(path, ns=(before[path], before[path]))

    changed.__name__ = f"{change.__name__}, time kept"
    return changed


def rewrite(root, rng):
    picture(rng.choice(pictures(root)), rng)


def replace(root, rng):
    path = rng.choice(pictures(root))
    picture(root / f"new{path.suffix}", rng)
    os.replace(root / f"new{path.suffix}", path)


def flip_a_byte(root, rng):
    path = rng.choice(pictures(root))
    with open(path, "r+b") as file:
        file.seek(-9, os.SEEK_END)
        byte = file.read(1)
        file.seek(-9, os.SEEK_END)
        file.write(bytes([byte[0] ^ 255]))


def swap(root, rng):
    one, other = rng.choice(pictures(root), 2)
    os.rename(one, root / "aside")
    os.rename(other, one) if one != other else None
    os.rename(root / "aside", other)


def swap_classes(root, rng):
    one, other = rng.choice(sorted((root / HALF).iterdir()), 2)
    os.rename(one, root / "aside")
    os.rename(other, one) if one != other else None
    os.rename(root / "aside", other)


def rename(root, rng):
    path = rng.choice(pictures(root))
    os.rename(path, path.with_stem(f"{path.stem}{rng.integers(10)}"))


def rename_a_class(root, rng):
    path = rng.choice(sorted((root / HALF).iterdir()))
    os.rename(path, path.with_name(f"{path.name}{rng.integers(10)}"))


def add(root, rng):
    path = rng.choice(pictures(root))
    picture(path.with_stem(f"{path.stem}-{rng.integers(10**6)}"), rng)


def remove(root, rng):
    path = rng.choice(pictures(root))
    if len(list(path.parent.iterdir())) > 1:
        path.unlink()


def copy_over(root, rng):
    one, other = rng.choice(pictures(root), 2)
    if one != other and one.suffix == other.suffix:
        shutil.copy2(one, other)


def link(root, rng):
    path = rng.choice(pictures(root))
    picture(root / f"linked-{rng.integers(10**6)}{path.suffix}", rng)
    path.unlink()
    path.symlink_to(max(root.glob("linked*"), key=lambda each: each.lstat().st_mtime_ns))


def touch(root, rng):
    os.utime(rng.choice(pictures(root)))


def nothing(root, rng):
    pass


CHANGES = [
    rewrite,
    replace,
    flip_a_byte,
    swap,
    swap_classes,
    rename,
    rename_a_class,
    add,
    remove,
    copy_over,
    link,
    touch,
    nothing,
]
CHANGES += [keeping_times(change) for change in CHANGES]


@pytest.mark.parametrize("how", ["by content", "by time of change", "by time of change, within a tick"])
@pytest.mark.parametrize("seed", range(20))
def test_a_changed_folder_gives_what_a_fresh_reading_gives(how, seed, tmp_path, monkeypatch):
    monkeypatch.setenv("ZF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("ZF_PROGRESS", "0")
    rng, root, wait = np.random.default_rng(seed), tmp_path / "world", 0
    if how != "by content":
        monkeypatch.setattr(files, "READ_LIMIT", 0)
    if how == "by time of change":  # so that files are old enough to be known by it
        monkeypatch.setattr(files, "RECENT", 0.02)
        wait = 0.03
    for name in "ab":
        (root / HALF / name).mkdir(parents=True)
        for ending in ("bmp", "ppm", "png"):
            picture(root / HALF / name / f"{name}.{ending}", rng)
            os.utime(root / HALF / name / f"{name}.{ending}", (10**9, 10**9))  # whole seconds, the same for all
    told = []
    for change in [nothing, *rng.choice(CHANGES, STEPS)]:
        change(root, rng)
        told.append(change.__name__)
        time.sleep(wait)
        train = open_world(f"folder:{root}", image_size=8).train
        fresh = np.stack([np.asarray(to_frame(read_image(path), 9)).transpose(2, 0, 1) for path in train.files])
        assert [str(path) for path in sorted(pictures(root), key=lambda path: path.parts)] == list(train.files)
        np.testing.assert_array_equal(train.frames, fresh, err_msg=" > ".join(told))


@pytest.mark.parametrize(("age", "known_by_content"), [(-5, True), (0, True), (2, True), (9, False)])
def test_a_file_that_changed_lately_is_read_again(age, known_by_content, tmp_path, monkeypatch):
    """Its file system's clock may not have moved since: here it stands still."""
    monkeypatch.setattr(files, "READ_LIMIT", 0)
    stands = int((time.time() - age) * 1e9)
    monkeypatch.setattr(files, "_status", lambda path: (3, stands, stands, 7))
    (tmp_path / "a").write_text("one")
    before = fingerprint([str(tmp_path / "a")])
    (tmp_path / "a").write_text("two")
    assert (fingerprint([str(tmp_path / "a")]) != before) == known_by_content


def test_what_did_not_change_is_not_decoded_again(folder, monkeypatch):
    first = open_world(f"folder:{folder}", image_size=32).train.frames
    monkeypatch.setattr(frames, "read_image", lambda path: pytest.fail(f"{path} was read"))
    for picture in folder.rglob("*.png"):
        os.utime(picture)
    np.testing.assert_array_equal(open_world(f"folder:{folder}", image_size=32).train.frames, first)


@pytest.mark.parametrize("what", ["Pillow", "cut-off images are allowed", "our own rules"])
def test_another_way_of_reading_is_another_array(what, folder, monkeypatch):
    len(open_world(f"folder:{folder}", image_size=32).train)
    before = set(cache_dir().iterdir())
    if what == "Pillow":
        monkeypatch.setattr(PIL, "__version__", "99.0")
    elif what == "our own rules":
        monkeypatch.setattr(frames, "VERSION", frames.VERSION + 1)
    else:
        monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    len(open_world(f"folder:{folder}", image_size=32).train)
    assert len(set(cache_dir().iterdir()) - before) == 1


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("limit", [0, 2**30])
def test_a_file_that_changes_while_it_is_decoded_is_told(limit, half, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "READ_LIMIT", limit)
    paths, decoder = sorted(map(str, folder.rglob("*.png"))), frames.read_image
    Image.new("RGB", (40, 60), (1, 2, 3)).save(tmp_path / "other.png")
    other = (tmp_path / "other.png").read_bytes()

    def late(path):
        Path(paths[0]).write_bytes(other[:20] if half else other)
        return decoder(path)

    monkeypatch.setattr(frames, "read_image", late)
    with pytest.raises(ValueError, match="The images of x-9 changed while they were read; open them again"):
        decode(paths, 9, "x")
    assert not list(cache_dir().iterdir())


@pytest.mark.parametrize("damage", ["cut", "empty", "other shape", "other type", "text"])
def test_a_damaged_array_of_the_cache_is_made_again(damage, tmp_path, monkeypatch):
    monkeypatch.setenv("ZF_CACHE", str(tmp_path))

    def fill(array):
        array[:] = np.arange(12).reshape(3, 4)

    expected = np.array(cached_array("x", "key", (3, 4), fill))
    (path,) = tmp_path.iterdir()
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-3])
    elif damage in ("empty", "text"):
        path.write_bytes(b"" if damage == "empty" else b"nothing of ours")
    else:
        np.save(path, np.zeros((3, 4) if damage == "other type" else (4, 3), np.int64 if damage == "other type" else np.uint8))
    np.testing.assert_array_equal(cached_array("x", "key", (3, 4), fill), expected)


def test_a_fingerprint_is_of_names_order_and_what_cannot_be_read(tmp_path):
    for name in "abc":
        (tmp_path / name).write_bytes(name.encode())
    a, b, gone = (str(tmp_path / name) for name in ("a", "b", "gone"))
    odd = os.fsdecode(os.fsencode(str(tmp_path)) + b"/\xe9")
    shutil.copy(a, odd)
    found = [fingerprint(paths) for paths in ([a, b], [b, a], [a], [], [a, gone], [gone], [odd], [str(tmp_path)])]
    assert len(set(found)) == len(found)
    assert found == [fingerprint(paths) for paths in ([a, b], [b, a], [a], [], [a, gone], [gone], [odd], [str(tmp_path)])]


def test_a_name_of_the_cache_is_plain(tmp_path, monkeypatch):
    monkeypatch.setenv("ZF_CACHE", str(tmp_path))
    cached_array("folder:/a b/\udce9\n☃", "key\udce9", (2,), lambda array: None)
    (path,) = tmp_path.iterdir()
    assert path.name.startswith("folder--a-b----")
    assert path.name.isascii()
