"""The package's face: every public name is there, costs nothing until it is used, and hides no module."""

import subprocess
import sys

import pytest

import zfhelpers as zf


@pytest.mark.parametrize("name", zf.__all__)
def test_every_public_name_is_there(name):
    assert getattr(zf, name).__doc__
    assert name in dir(zf)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'deconvolution'"):
        zf.deconvolution  # noqa: B018


def test_the_package_and_the_batch_programs_load_no_torch():
    code = "import sys, zfhelpers, zfhelpers.report.run, zfhelpers.report.pages, zfhelpers.paper; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
