"""Readers of files of real-valued series, by format."""

from rnnzoo.data.csv_files import read_csv
from rnnzoo.data.npz_files import read_npz
from rnnzoo.data.series import Series
from rnnzoo.data.ts_files import read_ts
from rnnzoo.data.wide_files import read_wide

__all__ = ["Series", "read_csv", "read_npz", "read_ts", "read_wide"]
