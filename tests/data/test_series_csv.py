"""A CSV file of one's own: what is read, and what each mistake in it is told."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from diffusion_utils.data import DataError
from diffusion_utils.data.series_csv import FEWEST, check_channels, check_hourly, read_table, series_to_learn


def written(folder, text, encoding="utf-8"):
    path = folder / "mine.csv"
    path.write_bytes(text.encode(encoding))
    return path


def hourly(values, start=datetime(2024, 1, 1), name="load"):
    rows = [f"{start + timedelta(hours=k)},{value}" for k, value in enumerate(values)]
    return "\n".join([f"time,{name}", *rows]) + "\n"


def test_values_gaps_and_times_are_those_of_the_file(tmp_path):
    table = read_table(written(tmp_path, "date,a,b c\n2024-01-01 00:00,1,2.5\n2024-01-01 01:00,,NaN\n"
                                 "2024-01-01 02:00,-3e1,4\n"))
    np.testing.assert_array_equal(table.values, [[1, np.nan, -30], [2.5, np.nan, 4]])
    assert table.columns == ("a", "b c") and table.step == timedelta(hours=1) and table.time(3) == datetime(2024, 1, 1, 3)
    assert any("a 33.3%" in line for line in table.told)


def test_rows_left_out_become_gaps_in_their_place(tmp_path):
    text = "t,x\n2024-01-01,1\n2024-01-02,2\n2024-01-03,3\n2024-01-06,6\n"
    table = read_table(written(tmp_path, text))
    np.testing.assert_array_equal(table.values, [[1, 2, 3, np.nan, np.nan, 6]])
    assert table.step == timedelta(days=1) and any("2 time stamps are left out" in line for line in table.told)


def test_hour_nought_is_a_monday_at_midnight(tmp_path):
    assert read_table(written(tmp_path, hourly([1, 2, 3], datetime(2024, 1, 3, 5)))).first_hour == 53  # a Wednesday
    assert read_table(written(tmp_path, hourly([1, 2, 3], datetime(2023, 12, 31, 23)))).first_hour == 167  # a Sunday


@pytest.mark.parametrize(("minutes", "advice"), [(15, "take the mean of each hour"), (1440, "must be measured more often")])
def test_another_step_than_an_hour(tmp_path, minutes, advice):
    rows = [f"{datetime(2024, 1, 1) + timedelta(minutes=minutes * k)},{k}" for k in range(3)]
    path = written(tmp_path, "\n".join(["time,a", *rows]))
    with pytest.raises(DataError, match=advice):
        check_hourly(path, read_table(path))
    path = written(tmp_path, hourly([1, 2, 3]))
    check_hourly(path, read_table(path))


@pytest.mark.parametrize("text", [
    "time;a;b\n2024-01-01T00:00Z;1,5;2\n2024-01-01T01:00Z;2,5;\n2024-01-01T02:00Z;3,5;4\n",
    "time\ta\tb\n2024-01-01T00:00Z\t1.5\t2\n2024-01-01T01:00Z\t2.5\t-\n2024-01-01T02:00Z\t3.5\t4\n",
    '"time","a","b"\r\n"2024-01-01 00:00","1.5","2"\r\n"2024-01-01 01:00","2.5","null"\r\n\r\n"2024-01-01 02:00","3.5","4"\r\n',
    "\n time;a;b\n2024-01-01T00:00;1,5;2\n2024-01-01T01:00;2,5;\n2024-01-01T02:00;3,5;4\n",
    "a,time,b\n1.5,2024-01-01 00:00,2\n2.5,2024-01-01 01:00,NA\n3.5,2024-01-01 02:00,4\n",
    "\ufefftime,a,b\n2024-01-01 00:00,1.5,2\n2024-01-01 01:00,2.5,\n2024-01-01 02:00,3.5,4\n",
])
def test_what_programs_write_is_read(tmp_path, text):
    table = read_table(written(tmp_path, text))
    np.testing.assert_array_equal(table.values, [[1.5, 2.5, 3.5], [2, np.nan, 4]])
    assert table.columns == ("a", "b") and table.start == datetime(2024, 1, 1)


@pytest.mark.parametrize(("text", "message"), [
    ("time,a\n2024-01-01 00:00,1\n2024-01-01 01:00,2\n2024-01-01 01:00,3\n",
     "line 4: the time 2024-01-01 01:00:00 is there twice"),
    ("time,a\n2024-01-01 00:00,1\n2024-01-01 02:00,2\n2024-01-01 01:00,3\n", "line 4: .* comes after 2024-01-01 02:00:00"),
    ("time,a\n2024-01-01 00:00,1\n2024-01-01 01:00,2\n2024-01-01 02:00,3\n2024-01-01 02:30,4\n",
     "line 5: 2024-01-01 02:30:00 is 0:30:00 after the row before, which is no multiple of the usual step, 1:00:00"),
    ("time,a\n2024-01-01 00:00,1\n2024-01-01 01:00,warm\n", "line 3: a must be a number, or empty for a gap, got 'warm'"),
    ("time,a\n2024-01-01 00:00,1\n2024-01-01 01:00,inf\n", "line 3: a must be a number"),
    ("time,a\n2024-01-01 00:00,1\n2024-01-01 01:00,1_000\n", "line 3: a must be a number"),
    ("time,a\n2024-01-01 00:00,1\nlater,2\n", "line 3: time must be a time such as 2016-07-01 00:00:00, got 'later'"),
    ("n,a\n1,1\n2,2\n", "no time column: none of n, a begins with a time"),
    ("n,a\n20160701,1\n20160702,2\n", "no time column"),
    ("2024-01-01 00:00,1\n2024-01-01 01:00,2\n2024-01-01 02:00,2\n", "the first line must name the columns"),
    ("time,a\n2024-01-01 00:00,1\n2024-01-01 01:00,2,3\n", "line 3: 3 cells, where the first line names 2 columns"),
    ("time,a,a\n2024-01-01 00:00,1,1\n2024-01-01 01:00,2,2\n", "a name of its own, got 'a' twice"),
    ("time,\n2024-01-01 00:00,1\n2024-01-01 01:00,2\n", "every column needs a name, and one has none"),
    ("time\n2024-01-01 00:00\n2024-01-01 01:00\n", "has times and no other column"),
    ("time,a\n2024-01-01 00:00,1\n", "a line of names and at least two rows, got 2 lines"),
    ("time,a\n0024-01-01 00:00,1\n2024-01-01 00:00,1\n2024-01-01 01:00,1\n2024-01-01 02:00,1\n", "Is a year mistyped"),
    ("time,a\n2024-03-31T01:00+01:00,1\n2024-03-31T03:00+02:00,2\n", "written in 2 zones"),
])
def test_mistakes_are_told_with_their_line(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        read_table(written(tmp_path, text))


def test_no_file_a_folder_and_another_encoding(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(DataError, match="is a folder, not a CSV file"):
        read_table(tmp_path)
    with pytest.raises(DataError, match="not text in UTF-8"):
        read_table(written(tmp_path, hourly([1, 2], name="Müll"), "latin-1"))


@pytest.mark.parametrize(("values", "message"), [(["5", "", "5.0"], "load is 5 throughout"), (["", "", ""], "load is empty")])
def test_a_channel_of_which_nothing_is_to_be_learnt(tmp_path, values, message):
    path = written(tmp_path, hourly(values))
    with pytest.raises(DataError, match=message):
        check_channels(path, read_table(path))


def test_a_series_to_learn_from(tmp_path):
    path = written(tmp_path, hourly([k % 24 for k in range(FEWEST - 1)]))
    with pytest.raises(DataError, match=r"has 671 hours, and at least 672 \(four weeks\)"):
        series_to_learn(path)
    path = written(tmp_path, hourly([k % 24 if k % 10 else "" for k in range(1000)], datetime(2024, 1, 2)))
    series, told = series_to_learn(path)
    assert series.parts == {"train": range(700), "validation": range(700, 800), "test": range(800, 1000)}
    assert series.first_hour == 24 and series.columns == ("load",) and any("load 10.0%" in line for line in told)
    seen = [k % 24 for k in range(700) if k % 10]
    assert float(series.mean) == pytest.approx(np.mean(seen), rel=1e-6)  # of the train part alone, float32
