"""Series that come with statsmodels."""

import warnings

import pytest

from rnnzoo.data.packaged_series import packaged_series

datasets = pytest.importorskip("statsmodels.datasets", reason="the packaged series come with statsmodels")


def test_sunspots_are_those_of_statsmodels_and_their_own_copy():
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # pandas hands out arrays that nobody may write to
        values = packaged_series("sunspots", "error").values
    frame = datasets.sunspots.load_pandas().data
    assert values[:, 0].tolist() == frame["SUNACTIVITY"].tolist()
    values[0] = -1.0
    assert datasets.sunspots.load_pandas().data["SUNACTIVITY"][0] == frame["SUNACTIVITY"][0] != -1.0
