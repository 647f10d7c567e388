import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnzoo.data.files import Text
from rnnzoo.data.splits import cut, splits_from_files, splits_from_folder, splits_from_fractions
from rnnzoo.errors import RnnzooError


def write(folder, **files):
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(content)


def test_folder_finds_the_splits_by_name(tmp_path):
    write(tmp_path, ptb__train__txt="a\n", ptb__valid__txt="b\n", ptb__test__txt="c\n", README="read me\n")
    splits = splits_from_folder(tmp_path)
    assert [part[0].text for part in (splits.train, splits.validation, splits.test)] == ["a\n", "b\n", "c\n"]
    assert splits.description == f"folder {tmp_path.name}"


@pytest.mark.parametrize("name", ["val.txt", "dev.tokens", "wiki.valid.raw", "Validation"])
def test_names_of_validation_files(tmp_path, name):
    write(tmp_path, train="a\n", test="c\n")
    (tmp_path / name).write_text("b\n")
    assert splits_from_folder(tmp_path).validation[0].text == "b\n"


def test_folder_errors_list_what_was_found(tmp_path):
    with pytest.raises(RnnzooError, match=r"data.folder: .*nowhere is absent"):
        splits_from_folder(tmp_path / "nowhere")
    with pytest.raises(RnnzooError, match=r"no file fits 'train' .*the folder has: nothing"):
        splits_from_folder(tmp_path)
    write(tmp_path, train__txt="a\n", train__txt__gz="a\n", valid="b\n", test="c\n")
    with pytest.raises(RnnzooError, match=r"2 files fit 'train': train.txt, train.txt.gz.*data.train_files"):
        splits_from_folder(tmp_path)
    (tmp_path / "train.txt.gz").unlink()
    (tmp_path / "test").unlink()
    (tmp_path / "train.txt").rename(tmp_path / "latest-train.txt")
    with pytest.raises(RnnzooError, match=r"latest-train.txt fits more than one split"):
        splits_from_folder(tmp_path)


def test_flags_to_paste_where_a_split_has_several_files(tmp_path):
    """As the folder of the Penn Treebank files that Mikolov's archive has."""
    for split in ("train", "valid", "test"):
        write(tmp_path, **{f"ptb__{split}__txt": "a\n", f"ptb__char__{split}__txt": "b\n"})
    with pytest.raises(RnnzooError) as raised:
        splits_from_folder(tmp_path)
    assert str(raised.value).startswith(f"data.folder: in {tmp_path} 2 files fit 'train': ptb.char.train.txt, ptb.tr")
    assert str(raised.value).endswith(
        f'such as: --data.train_files "[{tmp_path}/ptb.train.txt]" --data.validation_files "[{tmp_path}/ptb.valid.txt]"'
        f' --data.test_files "[{tmp_path}/ptb.test.txt]"'
    )


def test_fractions_are_numbers():
    with pytest.raises(RnnzooError, match=r"data.fractions: \['0.8', 0.1, 0.1\] must be three shares"):
        cut([Text("a", "x" * 10)], ["0.8", 0.1, 0.1])


def test_a_file_may_not_be_in_two_splits(tmp_path):
    write(tmp_path, a="x\n", b="y\n")
    a, b = str(tmp_path / "a"), str(tmp_path / "b")
    with pytest.raises(RnnzooError, match="is given twice"):
        splits_from_files([a], [b], [str(tmp_path / "." / "a")])


def test_fractions_cut_behind_line_ends_and_know_the_lines(tmp_path):
    write(tmp_path, a="".join(f"line {i}\n" for i in range(10)), b="".join(f"more {i}\n" for i in range(10)))
    splits = splits_from_fractions([str(tmp_path / "a"), str(tmp_path / "b")], [0.7, 0.2, 0.1])
    assert [
        [(text.text.split("\n")[0], text.first_line) for text in part] for part in (splits.train, splits.validation)
    ] == [
        [("line 0", 1), ("more 0", 1)],
        [("more 4", 5)],
    ]
    assert [(text.text, text.first_line) for text in splits.test] == [("more 8\nmore 9\n", 9)]


def test_a_cut_inside_the_last_line_of_a_file_falls_behind_the_file():
    texts = [Text(str(number), "one line\n") for number in range(4)]
    parts = cut(texts, [0.3, 0.4, 0.3])
    assert [[(text.source, text.text) for text in part] for part in parts] == [
        [("0", "one line\n"), ("1", "one line\n")],
        [("2", "one line\n")],
        [("3", "one line\n")],
    ]


def test_one_long_line_is_cut_between_characters():
    parts = cut([Text("text8", "x" * 90 + "y" * 5 + "z" * 5)], [0.9, 0.05, 0.05])
    assert [part[0].text for part in parts] == ["x" * 90, "y" * 5, "z" * 5]


@given(
    st.lists(st.text(alphabet="ab\n", min_size=1, max_size=30), min_size=1, max_size=4),
    st.sampled_from([(0.9, 0.05, 0.05), (0.5, 0.25, 0.25), (0.8, 0.2, 0.0)]),
)
def test_the_parts_are_the_text(contents, fractions):
    texts = [Text(str(number), content) for number, content in enumerate(contents)]
    try:
        parts = cut(texts, fractions)
    except RnnzooError as error:
        assert "is empty" in str(error)  # noqa: PT017  a text too short for three parts
        return
    pieces = [piece for part in parts for piece in part]
    assert "".join(piece.text for piece in pieces) == "".join(contents)
    for piece in pieces:
        whole = contents[int(piece.source)]
        before = whole[: sum(len(p.text) for p in pieces[: pieces.index(piece)] if p.source == piece.source)]
        assert piece.first_line == 1 + before.count("\n")


@pytest.mark.parametrize("fractions", [[0.5, 0.5], [0.9, 0.2, 0.1], [1.2, -0.1, -0.1]])
def test_fractions_add_up(fractions):
    with pytest.raises(RnnzooError, match="add up to 1"):
        cut([Text("a", "abc\n")], fractions)


def test_an_empty_part_is_an_error():
    with pytest.raises(RnnzooError, match=r"the validation part of file a \(2 characters\) is empty"):
        cut([Text("a", "x\n")], [0.9, 0.05, 0.05])
