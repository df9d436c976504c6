"""Samples on disk: what is read, and what is refused with a cure and without a word of what stands in it."""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from flowjoy.analysis.drift.binning import distributions_of
from flowjoy.errors import HarvestError
from flowjoy.sources.sample_files import MAX_FEATURES, STEP, Limits, Sample, read_sample

CANARY = "canary-of-the-data"
SMALL = Limits(size=4000, cells=500)


def read(folder: Path, raw: bytes | str, name: str = "live.csv", limits: Limits = STEP) -> Sample:
    path = folder / name
    path.write_bytes(raw if isinstance(raw, bytes) else raw.encode())
    return read_sample(path, "drift-live", limits)


def test_csv__is_read_as_text_with_what_is_missing(tmp_path: Path) -> None:
    current = read(tmp_path, '\ufeffage, country\n41,"DE, east"\n,NaN\n 7 ,x\n').frame
    assert list(current.columns) == ["age", "country"]
    assert current["age"].isna().tolist() == [False, True, False]
    assert current["country"].tolist()[0] == "DE, east"


def test_missing__is_what_the_docs_say(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "drift.md").read_text()
    result = re.search(r"Missing values are a bin: empty\ncells, (.*?) and the like", page)
    assert result is not None
    texts = re.findall("`([^`]+)`", result[1])
    assert len(texts) == 6
    lines = [f"{case},x" for text in texts for case in (text, text.lower(), text.upper(), f" {text} ")]
    assert read(tmp_path, "\n".join(["age,b", ",x", *lines])).frame["age"].isna().all()


def test_csv__row_numbers_without_a_name_are_no_feature(tmp_path: Path) -> None:
    frame = pd.DataFrame({"age": range(3)})
    current = read(tmp_path, frame.to_csv())
    assert list(current.frame.columns) == ["age"]
    assert "left out" in current.notes[0]
    again = pd.read_csv(tmp_path / "live.csv").to_csv(index=False)
    assert list(read(tmp_path, again).frame.columns) == ["age"]


def test_csv__of_one_column_keeps_lines_without_a_value_and_of_more_leaves_out_empty_ones(tmp_path: Path) -> None:
    assert read(tmp_path, "age\n1\n\n\n2\n").frame["age"].tolist() == ["1", None, None, "2"]
    assert read(tmp_path, "age,b\n1,2\n\n3\n").frame.to_numpy().tolist() == [["1", "2"], ["3", None]]


def test_csv__quotes_and_line_ends_are_those_of_every_table(tmp_path: Path) -> None:
    for end in ("\n", "\r\n", "\r"):
        current = read(tmp_path, end.join(('a,"b ""c"""', '"x, y","1', '2"', ""))).frame
        assert (list(current.columns), current["a"].tolist()) == (["a", 'b "c"'], ["x, y"])
        assert current['b "c"'].tolist() == [f"1{end}2"]


BAD: dict[str, bytes | str] = {
    "empty": "",
    "blank": "\n\n",
    "header only": f"{CANARY},b\n",
    "nothing but row numbers": ",\n1,\n",
    "a column twice": f"{CANARY},b, {CANARY}\n1,2,3\n",
    "not UTF-8": b"a,b\n\xff\xfe,1\n",
    "UTF-16": f"{CANARY},b\n1,2\n".encode("utf-16"),
    "a longer line": f"a,b\n1,2\n{CANARY},2,3\n",
    "longer lines": f"a,b\n1,2,{CANARY}\n1,2,{CANARY}\n",
    "a short line and a long one": f"a,b\n1\n{CANARY},2,3\n",
    "a line without end": "a,b\n1,2\n" + "1," * 1_000_000 + f"{CANARY}\n",
    "a line without end, over many lines": "a,b\n1,2\n" + '"\n",' * 150_000,
    "no header": f"41,{CANARY}\n7,{CANARY}\n",
    "no header, of texts": f"{CANARY},True\n{CANARY},False\n",
    "no header, a value missing": f"{CANARY},,b\n1,2,3\n",
    "no header, the first value missing": f",{CANARY}\nx,2\ny,3\n",
    "no header, a number with an exponent": f"{CANARY},-1.5e-3\nx,2\n",
    "an open quote": f'a,b\n"{CANARY},1\n',
    "semicolons": f"a;b\n{CANARY};1\n",
    "many columns": ",".join(f"c{n}" for n in range(MAX_FEATURES + 1)) + "\n1\n",
    "nothing but columns": b"," * (8 << 20),
    "columns without end": b"a," * (4 << 20),
    "a name without end": "a" * 1001 + ",b\n1,2\n",
    "a cell without end": "a" * 200_000 + ",b\n1,2\n",
}
"""`tests/golden` has the sentences."""


@pytest.mark.parametrize("raw", BAD.values(), ids=BAD)
def test_csv__that_is_no_sample_is_refused_without_being_shown(tmp_path: Path, raw: bytes | str) -> None:
    begun = time.process_time()
    with pytest.raises(HarvestError) as refused:
        read(tmp_path, raw)
    assert time.process_time() - begun < 2
    assert str(refused.value).startswith("drift-live live.csv")
    assert "canary" not in f"{refused.value} {refused.value.hint}"


def test_file__that_is_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HarvestError, match="is larger than"):
        read(tmp_path, "a\n" + "1\n" * 3000, limits=SMALL)
    with pytest.raises(HarvestError, match="600 cells, 500 are read"):
        read(tmp_path, "a,b\n" + "1,2\n" * 299, limits=SMALL)
    with pytest.raises(HarvestError, match="600 cells, 500 are read"):
        read(tmp_path, "a,b\r" + "1,2\r" * 299, limits=SMALL)
    assert len(read(tmp_path, "a,b\n" + "1,2\n" * 249, limits=SMALL).frame) == 249


def test_file__that_is_not_there_or_never_ends_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    for path, message in (
        (tmp_path / "none.csv", "cannot be read"),
        (tmp_path, "is a folder"),
        (tmp_path / "pipe.csv", "is not a file"),
    ):
        with pytest.raises(HarvestError, match=message) as refused:
            read_sample(path, "drift-live", STEP)
        assert str(tmp_path.parent) not in str(refused.value)


def test_parquet__is_read_with_its_types(tmp_path: Path) -> None:
    frame = pd.DataFrame({"age": [1, 2], "ok": [True, None], "when": [pd.Timestamp("2024-06-03"), None]}, index=[7, 9])
    frame.to_parquet(tmp_path / "live.parquet")
    current = read_sample(tmp_path / "live.parquet", "drift-live", STEP).frame
    assert list(current.columns) == ["age", "ok", "when"]
    assert current["age"].tolist() == [1, 2]


def test_parquet__that_is_none_or_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HarvestError, match="not a Parquet file"):
        read(tmp_path, b"PAR1" + b"\x00" * 50 + b"PAR1", "live.parquet")
    packed = tmp_path / "packed.parquet"
    pd.DataFrame({"a": [CANARY] * 1500}).to_parquet(packed, compression="zstd")
    with pytest.raises(HarvestError, match="cells, 500 are read"):
        read_sample(packed, "drift-live", SMALL)
    with pytest.raises(HarvestError, match="is not UTF-8 text"):
        read(tmp_path, packed.read_bytes(), "live.csv")


def test_parquet__of_a_text_that_many_rows_repeat_takes_its_memory_once(tmp_path: Path) -> None:
    path = tmp_path / "live.parquet"
    column = pa.DictionaryArray.from_arrays(pa.array([0] * 50_000, pa.int32()), pa.array(["x" * 100_000]))
    for result in (True, False):
        pq.write_table(pa.table({"a": column, "b": column}), path, store_schema=result)
        current = read_sample(path, "drift-live", STEP).frame
        assert current.shape == (50_000, 2)
        assert len(set(map(id, current["a"]))) <= 50


def test_parquet__of_lists_or_records_or_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "live.parquet"
    for column in ([[1, 2]] * 3, [{"a": 1, "b": 2}] * 3, [{"a": 1}] * 3):
        pd.DataFrame({CANARY: column}).to_parquet(path)
        with pytest.raises(HarvestError, match="columns of lists or records") as refused:
            read_sample(path, "drift-live", STEP)
        assert "canary" not in str(refused.value)
    pd.DataFrame({"a": [f"{n:01000d}" for n in range(400)]}).to_parquet(path, compression="zstd")
    with pytest.raises(HarvestError, match="larger than 0 MiB when it is unpacked"):
        read_sample(path, "drift-live", Limits(size=90_000, cells=10_000))


def test_parquet__of_broken_texts_is_refused_with_a_clear_sentence(tmp_path: Path) -> None:
    path = tmp_path / "live.parquet"
    for kind in (pa.binary(), pa.large_binary()):
        current = pa.array([b"\xff\xfe", b"x"], kind)
        for column in (
            current,
            current.dictionary_encode(),
            current.view(pa.string() if kind == pa.binary() else kind),
        ):
            pq.write_table(pa.table({"a": column}), path)
            with pytest.raises(HarvestError, match="not a Parquet file that can be read"):
                read_sample(path, "drift-live", STEP)
    raw = path.read_bytes()
    for index in range(0, len(raw), 7):
        path.write_bytes(raw[:index] + bytes([raw[index] ^ 0xFF]) + raw[index + 1 :])
        with pytest.raises(HarvestError, match=r"drift-live live\.parquet"):
            read_sample(path, "drift-live", STEP)


def test_parquet__says_the_same_as_a_csv_of_the_same_data(tmp_path: Path) -> None:
    frame = pd.DataFrame({
        "short": pd.array([0.1, 0.2, 3.7, None], dtype="float32"),
        "truth": [True, False, None, True],
        "text": [" DE", "n/a", None, "FR "],
        "kind": pd.Categorical(["a", "b ", None, "NULL"]),
    })  # fmt: skip
    frame.to_parquet(tmp_path / "live.parquet")
    typed = read_sample(tmp_path / "live.parquet", "drift-live", STEP).frame
    text = read(tmp_path, "short,truth,text,kind\n0.1,true, DE,a\n0.2,FALSE,n/a,b \n3.7,,,\n,True,FR ,NULL\n").frame
    assert distributions_of(typed) == distributions_of(text)
    assert typed["text"].tolist() == ["DE", None, None, "FR"]
    assert typed["short"].tolist()[:3] == [0.1, 0.2, 3.7]


def test_parquet__without_pyarrow_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)  # as in the container: it cannot be imported
    with pytest.raises(HarvestError, match="needs the package pyarrow") as refused:
        read(tmp_path, b"", "live.parquet")
    assert "CSV" in refused.value.hint


def test_csv__of_row_numbers_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HarvestError, match="does not name a feature"):
        read(tmp_path, "Unnamed: 0\n0\n1\n")


def test_csv__with_a_line_of_too_many_cells_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    with pytest.raises(HarvestError, match="is not a table"):
        read(tmp_path, "a,b\n1,2\n" + "," * 20_000 + "\n")
