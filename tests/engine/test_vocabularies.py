"""Vocabularies and sequences from files.

``tokenizers.json`` holds tokenizers that the tokenizers library 0.23.3 trained on four sentences of this project's
own, with the ids that it gives to three texts.
"""

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from engine.interop import ImportFileError, sequences, tables, vocabularies
from engine.interop.sequences import read_sequence
from engine.interop.tokenizer_json import Pieces
from engine.interop.vocabularies import read_vocabulary

MADE = json.loads((Path(__file__).parent / "tokenizers.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", MADE)
def test_ids_are_the_librarys(tmp_path, name):
    settings, said = MADE[name]
    file = tmp_path / "tokenizer.json"
    file.write_text(json.dumps(settings), encoding="utf-8")
    tokenizer = read_vocabulary(file)
    again = vocabularies.from_facts(json.loads(json.dumps(tokenizer.facts())))
    for text, ids in said:
        assert tokenizer.encode(text)[0] == ids
        assert again.encode(text) == tokenizer.encode(text)


def test_pieces_of_bytes_are_shown_as_text():
    assert Pieces.read(MADE["BPE of bytes"][0]).encode("the cat sat")[1] == ("the", " cat", " sat")


LONG = {"type": "Replace", "pattern": {"String": "a"}, "content": "a" * 9999}


def test_long_words_are_split_quickly_or_not_at_all():
    """What would be tried is counted, not timed; before, each of these took from 15 seconds to hours."""
    vocab = {"a": 0, "##a": 1, "[UNK]": 2}
    pieces = {"type": "WordPiece", "vocab": vocab, "unk_token": "[UNK]", "max_input_chars_per_word": 10**9}
    assert Pieces.read({"model": pieces, "normalizer": LONG}).encode("a")[0] == [0] + 9998 * [1]
    pairs = {"type": "BPE", "vocab": {"a": 0, "aa": 1}, "merges": ["a a"]}
    assert Pieces.read({"model": pairs, "normalizer": LONG}).encode("a")[0] == 4999 * [1] + [0]
    pieces["vocab"] = vocab | {"b" * 1000: 3}
    scored = {"type": "Unigram", "vocab": [["b", -1.0], ["c" * 1000, -1.0]], "unk_id": 0}
    for model in (pieces, scored):
        with pytest.raises(ValueError, match="the text is too long, or its words are"):
            Pieces.read({"model": model, "normalizer": LONG})


def test_added_tokens_are_found_the_longest_first_and_an_empty_one_never():
    names = ["<a>", "<a>b", "", "(*", "^-]"]
    added = [{"id": index + 2, "content": name} for index, name in enumerate(names)]
    model = {"type": "WordLevel", "vocab": {"x": 0, "?": 1}, "unk_token": "?"}
    made = Pieces.read({"model": model, "added_tokens": added})
    assert made.split("x<a>b<a>x<(*^-]x<a") == ["x", "<a>b", "<a>", "x<", "(*", "^-]", "x<a"]
    assert made.split("") == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model", {"type": "WordPiece", "vocab": {"a": 0}, "continuing_subword_prefix": 5}),
        ("model", {"type": "WordPiece", "vocab": {"a": 0}, "max_input_chars_per_word": "x"}),
        ("model", {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": ["a"]}),
        ("model", {"type": "BPE", "vocab": {"a": 0}, "merges": [["a", 1]]}),
        ("model", {"type": "BPE", "vocab": {"a": 0}, "merges": ["a"]}),
        ("model", {"type": "BPE", "vocab": {"a": 0}, "merges": [], "end_of_word_suffix": 3}),
        ("model", {"type": "Unigram", "vocab": []}),
        ("model", {"type": "Unigram", "vocab": [["a", float("nan")]]}),
        ("normalizer", [1]),
        ("normalizer", {"type": ["NFC"]}),
        ("normalizer", {"type": "Replace", "pattern": {"String": 1}, "content": "a"}),
        ("normalizer", {"type": "Prepend", "prepend": 1}),
        ("pre_tokenizer", {"type": "Metaspace", "replacement": {}}),
        ("pre_tokenizer", {"type": "CharDelimiterSplit", "delimiter": 1}),
        ("pre_tokenizer", {"type": "Sequence", "pretokenizers": [None]}),
        ("post_processor", {"type": "BertProcessing", "sep": [["x"], 1], "cls": [["y"], 2]}),
        ("post_processor", {"type": "BertProcessing"}),
        ("post_processor", {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": 3}}]}),
        ("post_processor", {"type": "TemplateProcessing", "single": [{}]}),
    ],
)
def test_every_part_of_a_tokenizer_is_of_its_kind(name, value):
    settings = {"model": {"type": "WordLevel", "vocab": {"a": 0, "?": 1}, "unk_token": "?"}, name: value}
    with pytest.raises(ValueError, match="is not what a tokenizer's is"):
        Pieces.read(settings)


@pytest.mark.parametrize(
    "data",
    [
        {"itos": ["low", "High"]},
        {"stoi": {"low": 0, "High": 1}},
        {"stoi": {"low": 0, "High": 1}, "itos": ["low", "High"], "default_index": 0},
        {"idx2word": {"0": "low", "1": "High"}},
    ],
)
def test_a_vocabulary_in_an_object(tmp_path, data):
    (tmp_path / "v.json").write_text(json.dumps(data), encoding="utf-8")
    assert read_vocabulary(tmp_path / "v.json").words == ("low", "High")


def test_words_that_are_called_like_parts_are_words(tmp_path):
    (tmp_path / "v.json").write_text('{"itos": 0, "stoi": 1}', encoding="utf-8")
    assert read_vocabulary(tmp_path / "v.json").words == ("itos", "stoi")


def test_a_token_without_end_is_refused(tmp_path):
    (tmp_path / "v.json").write_text(json.dumps(["x" * 3000]), encoding="utf-8")
    with pytest.raises(ImportFileError, match="a token of 3,000 letters is not possible; at most 1,000 are shown"):
        read_vocabulary(tmp_path / "v.json")


def test_texts_and_tables_have_limits_of_their_own(tmp_path, monkeypatch):
    (tmp_path / "long.txt").write_bytes(b"a " * 2**20 + b"a")
    with pytest.raises(ImportFileError, match=r"long\.txt: has 2,097,153 bytes, more than the 2,097,152"):
        read_sequence(tmp_path / "long.txt")
    monkeypatch.setattr(sequences, "limit", lambda: 16_000)
    for name, most in (("a.txt", 16), ("a.csv", 1000)):
        (tmp_path / name).write_text("1\n" * (most // 2 + 1))
        with pytest.raises(ImportFileError, match=f"more than the {most:,} that"):
            read_sequence(tmp_path / name)


@pytest.mark.parametrize("descr", ["|S0", "<U0", "|V0"])
def test_values_without_a_width_are_refused_before_they_are_copied(tmp_path, descr):
    header = repr({"descr": descr, "fortran_order": False, "shape": (3 * 10**9,)}).encode() + b"\n"
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header)
    with pytest.raises(ImportFileError, match=r"a\.npy: the array holds values of type .*; real numbers are wanted"):
        read_sequence(tmp_path / "a.npy")


def test_half_a_letter_is_refused():
    with pytest.raises(ValueError, match="letter 3 of the text is half a letter"):
        Pieces.read(MADE["BPE of bytes"][0]).encode("a \ud800")


@pytest.mark.parametrize(
    ("name", "text", "kind", "typed", "ids"),
    [
        ("vocab.txt", "<unk>\nthe\ncat\n", "words", "The cat dog", [1, 2, 0]),
        ("letters.txt", " \na\nb\nc", "letters", "ab c", [1, 2, 0, 3]),
        ("stoi.json", '{"a": 1, "b": 0, "<unk>": 2}', "letters", "abz", [1, 0, 2]),
        ("itos.json", '{"0": "low", "1": "High"}', "words", "High low", [1, 0]),
        ("list.json", '["one", "two", "don\'t"]', "words", "two don't", [1, 2]),
    ],
)
def test_plain_vocabularies(tmp_path, name, text, kind, typed, ids):
    (tmp_path / name).write_text(text, encoding="utf-8")
    found = read_vocabulary(tmp_path / name)
    assert (found.kind, found.encode(typed)[0]) == (kind, ids)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("v.json", b"[1, 2]", "v.json: is no vocabulary: every token must be a text"),
        ("v.json", b"{", "v.json: is no JSON: line 1, column 2"),
        ("v.json", b'{"a": true}', "its values must be the ids"),
        ("v.json", b'{"a": 99999999999}', "ids must be from 0"),
        ("v.json", b'{"model": {"type": "Own", "vocab": {}}}', "its model is 'Own'"),
        ("v.json", b'{"model": {"type": "BPE", "vocab": {"a": 0}}}', "its model.merges is not"),
        ("v.json", (b'{"model": {"type": "WordLevel", "vocab": {"a": 0}}, "pre_tokenizer": {"type": "Split",'
         b' "pattern": {"Regex": "(a+)+"}}}'), "its pre-tokenizer is 'Split', which is not known here"),
        ("v.json", b"[" * 100_000, "nested beyond reason"),
        ("v.txt", b"\xff\xfe", "v.txt: is not a text in UTF-8: byte 0 is 0xff"),
        ("v.txt", b"", "v.txt: is empty"),
        ("v.csv", b"a", "v.csv: is no vocabulary known here"),
    ],
)  # fmt: skip
def test_a_vocabulary_that_is_none_is_named(tmp_path, name, data, said):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ImportFileError) as error:
        read_vocabulary(tmp_path / name)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("x.csv", "1,2\n3,4\n", [[1, 2], [3, 4]]),
        ("x.csv", "time,load\n1,2\n\n3,4\n", [[1, 2], [3, 4]]),
        ("x.csv", "# made by hand\n1;2,5\n3;4\n", [[1, 2.5], [3, 4]]),
        ("x.tsv", "1\t-2e3\n", [[1, -2000]]),
        ("x.csv", "\ufeff1 2\n3 nan\n", [[1, 2], [3, np.nan]]),
        ("x.csv", "1,2\r3,4\r", [[1, 2], [3, 4]]),
        ("x.csv", "1,2 # the first\n  # nothing\n3,4", [[1, 2], [3, 4]]),
        # As pandas writes an array, with its index and without.
        ("x.csv", ",0,1\n0,0.5,1\n1,3,4\n", [[0.5, 1], [3, 4]]),
        ("x.csv", '"",0\n0,7\n1,8\n', [[7], [8]]),
        ("x.csv", ",a,b\n0,5,6\n1,7,8\n", [[5, 6], [7, 8]]),
        ("x.tsv", "\t0\t1\n0\t5\t6\n", [[5, 6]]),
        ("x.csv", ",0,1\n3,5,6\n1,7,8\n", [[3, 5, 6], [1, 7, 8]]),
        ("x.csv", "0,1,2\n0.5,1.0,2e-05\n0.0,nan,-3.0\n", [[0.5, 1, 2e-5], [0, np.nan, -3]]),
        ("x.csv", "0;1\n0,5;1,0\n", [[0.5, 1]]),
        # What may as well be numbers is taken as numbers.
        ("x.csv", "0,1,2\n3,4,5\n", [[0, 1, 2], [3, 4, 5]]),
        ("x.csv", "0,1\n0.5,0.6\n1,0.3\n", [[0, 1], [0.5, 0.6], [1, 0.3]]),
        ("x.csv", "0.0,1.0\n0.5,0.6\n", [[0, 1], [0.5, 0.6]]),
        ("x.csv", "0\n0.5\n", [[0], [0.5]]),
        ("x.csv", "0,1,2\n", [[0, 1, 2]]),
    ],
)
def test_tables(tmp_path, name, text, wanted):
    (tmp_path / name).write_text(text, encoding="utf-8")
    np.testing.assert_array_equal(read_sequence(tmp_path / name), wanted)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1,2\n3,x\n", "x.csv: line 2, column 2 is 'x', which is no number"),
        ("a,b\n1,2\n3\n", "x.csv: line 3 has 1 columns and the first 2"),
        ("# nothing\n", "x.csv: holds no numbers"),
        ("a,b\n", "x.csv: line 1, column 1 is 'a'"),
        (",1,2\n3,4,5\n", "x.csv: line 1, column 1 is '', which is no number"),
        ("1\n1_000\n", "x.csv: line 2, column 1 is '1_000'"),
        ("1\n\u0663\n", "x.csv: line 2, column 1 is '\u0663'"),
        (" # a\n # b\n", "x.csv: holds no numbers"),
    ],
)
def test_a_table_that_is_none_is_named(tmp_path, text, said):
    (tmp_path / "x.csv").write_text(text, encoding="utf-8")
    with pytest.raises(ImportFileError) as error:
        read_sequence(tmp_path / "x.csv")
    assert str(error.value).startswith(said)


@pytest.mark.parametrize("block", [1, 7, 40, 10**6])
def test_a_table_in_blocks_is_the_same_table(block, monkeypatch):
    monkeypatch.setattr(tables, "BLOCK", block)
    wanted = np.arange(40).reshape(20, 2) + 0.5
    text = "# made\n\n,0,1\r\n" + "\n\n".join(f"{n},{a},{b} # {n}" for n, (a, b) in enumerate(wanted))
    np.testing.assert_array_equal(tables.parse_table(text), wanted)
    bare = "0,1\n" + "\n".join(f"{a},{b}" for a, b in wanted)
    np.testing.assert_array_equal(tables.parse_table(bare, numbered=True), wanted)
    np.testing.assert_array_equal(tables.parse_table(bare), [[0, 1], *wanted])
    np.testing.assert_array_equal(tables.parse_table(f"{bare}\n7,8.5\n", numbered=True), [[0, 1], *wanted, [7, 8.5]])
    with pytest.raises(ValueError, match="line 44, column 3 is 'x'"):
        tables.parse_table(f"{text}\n\n20,3,x")
    with pytest.raises(ValueError, match="line 44 has 1 columns and the first 3"):
        tables.parse_table(f"{text}\n\n1\n")


def test_the_lines_of_a_large_table_are_not_all_there_at_once():
    text = "1\n" * 500_000
    tracemalloc.start()
    found = tables.parse_table(text)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.shape == (500_000, 1) and found.all()
    assert most < 3 * (found.nbytes + len(text))


def test_a_wide_table_is_read(tmp_path):
    row = ",".join(["0.5"] * 100_000)
    (tmp_path / "x.csv").write_text(f"{row}\n{row}\n", encoding="utf-8")
    assert read_sequence(tmp_path / "x.csv").shape == (2, 100_000)


def test_arrays(tmp_path):
    x = np.arange(6.0).reshape(3, 2)
    np.save(tmp_path / "x.npy", x)
    np.savez(tmp_path / "x.npz", other=x + 1, x=x)
    np.savez(tmp_path / "one.npz", only=x.astype(np.float32))
    for name in ("x.npy", "x.npz", "one.npz"):
        np.testing.assert_array_equal(read_sequence(tmp_path / name), x)
    (tmp_path / "t.txt").write_text("  hello there\n", encoding="utf-8")
    assert read_sequence(tmp_path / "t.txt") == "hello there"


def test_arrays_that_are_none_are_named(tmp_path):
    np.save(tmp_path / "o.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.save(tmp_path / "c.npy", np.array([1j]))
    np.save(tmp_path / "e.npy", np.zeros((0, 3)))
    np.savez(tmp_path / "two.npz", a=np.zeros(2), b=np.zeros(2))
    np.save(tmp_path / "cut.npy", np.zeros((1000, 1000)))
    (tmp_path / "cut.npy").write_bytes((tmp_path / "cut.npy").read_bytes()[:500])
    (tmp_path / "no.npy").write_bytes(b"no array at all")
    said = {
        "o.npy": "holds Python objects", "c.npy": "real numbers are wanted", "e.npy": "holds no numbers",
        "two.npz": "holds a, b; one array is wanted, or one named x", "cut.npy": "needs 8,000,000 bytes and has 372",
        "no.npy": "is damaged", "gone.npy": "cannot be read", "x.wav": "is no sequence known here",
    }  # fmt: skip
    for name, words in said.items():
        with pytest.raises(ImportFileError) as error:
            read_sequence(tmp_path / name)
        assert str(error.value).startswith(f"{name}: ") and words in str(error.value)
