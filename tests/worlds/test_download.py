"""Fetching Tiny-ImageNet from a server of our own: it goes on after an interruption, and takes nothing but the whole."""

import hashlib
import io
import shutil
import subprocess
import sys
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.error import URLError

import numpy as np
import pytest

from zfhelpers.files import data_dir
from zfhelpers.worlds import download as module
from zfhelpers.worlds.download import download, unpack
from zfhelpers.worlds.opening import open_world


def zipped(files):
    """The bytes of an archive, its files in disorder."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.mkdir("tiny-imagenet-200")
        for name in sorted(files, reverse=True):
            file.writestr(name, files[name])
    return archive.getvalue()


@pytest.fixture
def server(tiny, monkeypatch):
    """A server of the archive. It notes in `asked` where each request begins, and sends at most `limit` bytes of the file."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
            server.asked.append(start)
            start = start if server.ranges else 0
            self.send_response(206 if server.ranges else 200)
            self.send_header("Content-Length", str(len(server.content) - start))
            self.end_headers()
            self.wfile.write(server.content[start : server.limit])

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.content, server.asked, server.limit, server.ranges = zipped(tiny), [], None, True
    monkeypatch.setattr(module, "TINYIMAGENET", f"http://127.0.0.1:{server.server_port}/tiny.zip")
    monkeypatch.setattr(module, "TINYIMAGENET_BYTES", len(server.content))
    monkeypatch.setattr(module, "TINYIMAGENET_MD5", hashlib.md5(server.content).hexdigest())
    monkeypatch.setattr(module, "CHUNK", 1000)
    monkeypatch.setattr(module, "CLASSES", 3)
    monkeypatch.setattr(module, "IMAGES_A_CLASS", (4, 2))
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def here():
    return sorted(path.name for path in data_dir().iterdir())


def test_it_is_fetched_once_and_opens(server):
    download("tinyimagenet")
    assert repr(open_world("tinyimagenet")) == "World('tinyimagenet': 3 classes, 4 + 2 images each, 128 px)"
    assert len(open_world("tinyimagenet").train) == 12
    assert here() == ["tiny-imagenet-200", "tiny-imagenet-200.zip"]
    download("tinyimagenet")
    assert server.asked == [0]


def test_a_download_that_was_cut_short_goes_on(server):
    for server.limit in (5000, 9000):
        with pytest.raises(OSError, match=f"was cut short at {server.limit:,} of {len(server.content):,} bytes; they are kept"):
            download("tinyimagenet")
        assert here() == ["tiny-imagenet-200.zip.part"]
    server.limit = None
    download("tinyimagenet")
    assert server.asked == [0, 5000, 9000]
    assert (data_dir() / "tiny-imagenet-200.zip").read_bytes() == server.content
    assert len(open_world("tinyimagenet").val) == 6


def test_a_server_that_cannot_go_on_begins_anew(server):
    server.limit, server.ranges = 5000, False
    with pytest.raises(OSError, match="cut short at 5,000"):
        download("tinyimagenet")
    server.limit = None
    download("tinyimagenet")
    assert server.asked == [0, 5000]
    assert (data_dir() / "tiny-imagenet-200.zip").read_bytes() == server.content


@pytest.mark.parametrize("change", ["longer", "another"])
def test_another_file_is_not_kept(change, server):
    server.content = server.content + b"." if change == "longer" else server.content[:-1] + b"."
    with pytest.raises(ValueError, match=r"is not the file it should be \([\d,]+ bytes with MD5 sum .*; it was removed\.$"):
        download("tinyimagenet")
    assert here() == []


def test_a_server_that_does_not_answer(server, monkeypatch):
    server.limit = 5000
    with pytest.raises(OSError, match="cut short"):
        download("tinyimagenet")
    monkeypatch.setattr(module, "TINYIMAGENET", "http://127.0.0.1:1/tiny.zip")
    with pytest.raises(
        OSError, match=r"could not be fetched \(.*refused.*\); what has arrived is kept: the same command goes on"
    ):
        download("tinyimagenet")
    assert (data_dir() / "tiny-imagenet-200.zip.part").stat().st_size == 5000


def test_unpacking_goes_on_where_it_was_interrupted(server, tiny):
    part = data_dir() / "tiny-imagenet-200.part"
    whole, half = sorted(name for name in tiny if name.endswith(".JPEG"))[:2]
    for name, data in ((whole, b"-" * len(tiny[whole])), (half, tiny[half][:100])):
        (part / name).parent.mkdir(parents=True, exist_ok=True)
        (part / name).write_bytes(data)
    download("tinyimagenet")
    assert (data_dir() / half).read_bytes() == tiny[half]
    assert set((data_dir() / whole).read_bytes()) == set(b"-"), "what was there in full is not written again"
    assert not part.exists()


def test_an_archive_with_another_number_of_images_is_refused(server, monkeypatch):
    monkeypatch.setattr(module, "IMAGES_A_CLASS", (500, 50))
    with pytest.raises(
        ValueError, match=r"\.zip' holds 3 classes of 4 \+ 2 images, not 3 classes of 500 \+ 50 images; remove it"
    ):
        download("tinyimagenet")
    assert here() == ["tiny-imagenet-200.zip"]


def test_an_archive_without_a_class_is_refused(server, tiny):
    archive = data_dir() / "tiny-imagenet-200.zip"
    archive.parent.mkdir()
    archive.write_bytes(zipped({name: data for name, data in tiny.items() if "/n02/" not in name}))
    with pytest.raises(FileNotFoundError, match=r"wnids\.txt differ in 1 class folders, 'n02' first: it was unpacked in part"):
        download("tinyimagenet")
    assert not (data_dir() / "tiny-imagenet-200").exists()


def test_an_archive_that_was_cut_short_is_refused(server):
    archive = data_dir() / "tiny-imagenet-200.zip"
    archive.parent.mkdir()
    archive.write_bytes(server.content[:-3000])
    with pytest.raises(ValueError, match=r"\.zip' is not a whole zip file \(.*\); remove it and fetch it again"):
        unpack(archive, data_dir() / "tiny-imagenet-200")
    assert here() == ["tiny-imagenet-200.zip"]


def test_a_damaged_archive_is_refused_in_one_sentence(server):
    archive, rng = data_dir() / "tiny-imagenet-200.zip", np.random.default_rng(0)
    archive.parent.mkdir()
    sentences = []
    for _ in range(60):
        data = bytearray(server.content)
        for place in rng.integers(len(data), size=rng.integers(1, 6)):
            data[place] ^= 1 << int(rng.integers(8))
        archive.write_bytes(data)
        try:
            unpack(archive, data_dir() / "tiny-imagenet-200")
        except (ValueError, FileNotFoundError) as error:
            sentences.append(str(error))
        for name in ("tiny-imagenet-200", "tiny-imagenet-200.part"):
            shutil.rmtree(data_dir() / name, ignore_errors=True)
    assert len(sentences) > 30
    assert all("tiny-imagenet-200" in sentence and len(sentence.splitlines()) == 1 for sentence in sentences)


def test_a_folder_that_was_unpacked_in_part_is_told(server):
    download("tinyimagenet")
    (data_dir() / "tiny-imagenet-200" / "val" / "images" / "val_3.JPEG").unlink()
    with pytest.raises(FileNotFoundError, match=r"'val_3\.JPEG' first: it was unpacked in part; remove it and fetch it again"):
        download("tinyimagenet")


def test_worlds_without_a_download(tiny):
    with pytest.raises(
        ValueError, match="no download for 'toy'; there is one for imagenette and tinyimagenet, and toy needs none"
    ):
        download("toy")
    said = subprocess.run(
        [sys.executable, "-m", "zfhelpers.worlds.download", "mars"], capture_output=True, text=True, check=False
    )
    assert (said.returncode, said.stdout, said.stderr.count("\n")) == (2, "", 1)
    assert said.stderr.startswith("python -m zfhelpers.worlds.download: There is no download for 'mars'")


def test_imagenette_that_does_not_come_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("ZF_DATA", str(tmp_path))
    for error in (URLError("Name or service not known"), RuntimeError("File not found or corrupted.")):

        def fail(*_, error=error, **__):
            raise error

        monkeypatch.setattr(module, "Imagenette", fail)
        with pytest.raises(
            OSError, match=r"^Imagenette \(95 MB\) could not be fetched \(.*(known>|corrupted)\); the same command"
        ):
            download("imagenette")
