"""Whether two spellings mean one place."""

from __future__ import annotations

import pytest

from sparkdrift.references.places import absolute, is_folder, same_place


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("main.risk.log", "main.risk.log", True),
        ("main.risk.log", "main.risk.train", False),
        ("log", "./log", False),
        ("./log", "log/", True),
        ("./log", "./a/../log/.", True),
        ("./log", "./train", False),
        ("s3://b/log", "s3://b/log/", True),
        ("s3://b/log", "s3://other/log", False),
        ("file:/data/log", "/data/log", True),
        ("file:///data/log/", "/data/./log", True),
        (None, "/data/log", False),
        (None, None, True),
    ],
)
def test_a_folder_may_be_spelt_in_many_ways(one, other, same):
    assert same_place(one, other) == same_place(other, one) == same


def test_a_link_and_a_relative_name_are_what_they_lead_to(tmp_path, monkeypatch):
    (tmp_path / "log").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "log")
    monkeypatch.chdir(tmp_path)
    for spelt in ("./log", "log/", str(tmp_path / "link"), f"{tmp_path}/log"):
        assert same_place(spelt, f"file:{tmp_path}/log")
    # What is stored is a folder for everybody, wherever they stand.
    assert absolute("log") == str(tmp_path / "log")
    assert is_folder(absolute("log"))
    assert not is_folder("log")
    assert absolute("s3://b/log") == "s3://b/log"
