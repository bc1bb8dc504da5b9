"""The pictures of the README: what can be drawn is, and what cannot is left as it was."""

import numpy as np

from zfhelpers.figures import Picture
from zfhelpers.report import gallery


def test_what_cannot_be_drawn_is_left_as_it_is(tmp_path, monkeypatch, capsys):
    def missing():
        raise FileNotFoundError("There is no record.")

    picture = Picture(np.zeros((3, 4, 4), np.uint8), alt="A black square.")
    monkeypatch.setattr(gallery, "project_dir", lambda: tmp_path)
    monkeypatch.setattr(gallery, "PICTURES", {"one": lambda: picture, "classes": missing})
    gallery.main()
    folder = tmp_path / "data" / "gallery"
    assert [file.name for file in folder.iterdir()] == ["one.png"]
    assert (folder / "one.png").read_bytes() == picture.png
    out, err = capsys.readouterr()
    assert out == "data/gallery/one.png\n"
    assert err == "classes is left as it is: There is no record.\n"


def test_the_curve_is_drawn_from_its_record(monkeypatch):
    asked = []
    monkeypatch.setattr(gallery.class_curve, "recorded", lambda: "the record")
    panel = {"curves": {}, "band": (1, 2), "marks": {}, "missing": []}
    monkeypatch.setattr(gallery.class_tables, "panel", lambda curve, count: asked.append((curve, count)) or panel)
    assert "15 images a class and 30 images a class" in gallery.draw_classes().alt
    assert asked == [("the record", 15), ("the record", 30)]
