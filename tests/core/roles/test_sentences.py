"""Sentences turned round into questions: English and Chinese."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskcraft_core.roles.extractive.writing.chinese import ask_sentence_zh, sentences_zh
from taskcraft_core.roles.extractive.writing.sentences import ask_sentence, sentences

TURNED = [
    ("The Forth Bridge was opened on 4 March 1890.", "4 March 1890", "when was the Forth Bridge opened"),
    ("In 1787, William Herschel discovered Titania.", "1787", "in what year did William Herschel discover Titania"),
    ("The ship sank in 1904 near Malta.", "1904", "in what year did the ship sink near Malta"),
    ("The tower is 330 m tall.", "330 m", "how tall is the tower"),
    ("The crater is 139 km across.", "139 km", "how far across is the crater"),
    ("Titan has a diameter of 5,150 km.", "5,150 km", "what is the diameter of Titan"),
    ("The length of the main span is 1,991 m.", "1,991 m", "what is the length of the main span"),
    ("The mask weighs 10.23 kg.", "10.23 kg", "how much does the mask weigh"),
    ("Titan is the largest moon of Saturn.", "Titan", "what is the largest moon of Saturn"),
    ("The bridge was designed by John Fowler in London.", "John Fowler", "by whom was the bridge designed in London"),
]
LEFT_ALONE = [
    "It was opened on 4 March 1890.",
    "The bridge was begun in 1882 and opened in 1890.",
    "The tower is about 330 m tall.",
    "Each panel was 2.7 m long.",
    "The mission was renamed Solstice and began in October 2010.",
    "The mast (a replica) was raised in 1904.",
    "The first of these was found in 1898.",
    "The bridge was opened on 4 March 1890, and closed in 1990.",
    "Nothing here holds a value.",
]


@pytest.mark.parametrize(("sentence", "answer", "clause"), TURNED)
def test_a_sentence_is_turned_into_its_question(sentence: str, answer: str, clause: str) -> None:
    asked = ask_sentence(sentence)
    assert asked is not None
    assert (asked.answer, asked.clause) == (answer, clause)


@pytest.mark.parametrize("sentence", LEFT_ALONE)
def test_a_sentence_that_gives_no_whole_question_is_left_alone(sentence: str) -> None:
    assert ask_sentence(sentence) is None


@pytest.mark.parametrize(
    ("sentence", "answer", "clause"),
    [
        ("泰山的主峰海拔为1545米。", "1545米", "泰山的主峰海拔是多少"),
        ("京张铁路于1909年建成通车。", "1909年", "京张铁路是什么时候建成通车的"),
    ],
)
def test_a_chinese_sentence_is_turned_into_its_question(sentence: str, answer: str, clause: str) -> None:
    asked = ask_sentence_zh(sentence)
    assert asked is not None
    assert (asked.answer, asked.clause) == (answer, clause)


def test_a_chinese_pronoun_or_estimate_is_left_alone() -> None:
    assert ask_sentence_zh("它的面积约为4500平方公里。") is None
    assert sentences_zh("甲。乙！") == ["甲。", "乙！"]


def test_abbreviations_do_not_end_a_sentence() -> None:
    assert sentences("Dr. Fowler met J. Baker in 1882. They agreed.") == [
        "Dr. Fowler met J. Baker in 1882.",
        "They agreed.",
    ]


@given(st.text(max_size=200))
def test_any_text_is_turned_or_left_alone(text: str) -> None:
    asked = ask_sentence(text)
    assert asked is None or (asked.answer in text and asked.answer not in asked.clause)
