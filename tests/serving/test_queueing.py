"""Whose turn it is: who sends little waits little, nobody waits for ever, and a batch is never too large."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct.corrector.parts import Part
from fairseq_asr_correct.serving.queueing import TURN, Correct, Job, Queue, QueueFull, work

PLENTY = 10**9


def job(*lengths: int, client: str = "", of: Correct | None = None) -> Job:
    """A request with parts of so many pieces."""
    return Job([Part(f"{length}", [9] * length) for length in lengths], client, of)


def queue(*jobs: Job, max_parts: int = 4, max_pieces: int = 100, max_work: int = PLENTY) -> Queue:
    made = Queue(max_parts, max_pieces, max_work)
    for one in jobs:
        assert made.add(one) == []
    return made


def test_a_class_after_the_other() -> None:
    longest, long, short, other = job(*[99] * 6), job(40, 40), job(50), job(7)
    batches = queue(longest, long, short, other, max_pieces=1000)
    assert batches.take() == [(short, [0]), (other, [0]), (long, [0, 1])]
    assert batches.take() == [(longest, [0, 1, 2, 3])]
    assert batches.take() == [(longest, [4, 5])] and not batches


def test_clients_take_turns() -> None:
    many = [job(length, client="many") for length in (2, 3, 4)]
    one = [job(length, client="one") for length in (5, 6)]
    batches = queue(*many, *one)
    assert batches.take() == [(many[0], [0]), (one[0], [0]), (many[1], [0]), (one[1], [0])]


def test_nobody_waits_for_ever() -> None:
    medium, large = job(*[99] * 5), job(*[99] * 60)
    batches = queue(large, medium, max_parts=1)
    begin = []
    for _ in range(TURN**2):
        batches.add(job(1))
        begin.append(batches.take()[0][0])
    others = [TURN * turn - 1 for turn in range(1, TURN + 1)]
    assert [turn for turn, one in enumerate(begin) if one in (medium, large)] == others
    assert [begin[turn] for turn in others] == [*[medium] * 5, *[large] * 3]


def test_the_third_class_has_its_turn() -> None:
    large = job(*[99] * 60)
    batches = queue(large, max_parts=1)
    for _ in range(TURN**2):
        batches.add(job(1))
        batches.add(job(80))
        last = batches.take()[0][0]
    assert last is large and large.rows == list(reversed(range(1, 60)))


def test_padding_counts() -> None:
    batches = queue(job(9, 9), job(49, 49), max_parts=10)  # 10 and 50 with their ends
    assert [[len(rows) for _, rows in batches.take()] for _ in range(2)] == [[2], [2]]
    assert [[rows for _, rows in batch] for batch in [queue(job(500), job(300)).take()]] == [[[0]]], (
        "larger than a batch"
    )


def test_parts_without_pieces_need_no_turn() -> None:
    one = job(0, 3, 0)
    assert work(one.parts[0]) == 0 and queue(one).take() == [(one, [1])]
    one.give([1], ["corrected"])
    assert one.answer.result(0) == ["0", "corrected", "0"]


def test_who_has_to_leave() -> None:
    long, short = job(10, 10), job(10)
    batches = queue(long, short, max_work=33)
    with pytest.raises(QueueFull):
        batches.add(job(10, 10, 10))
    assert batches.add(job(9)) == [long] and batches.work == 21
    with pytest.raises(QueueFull):
        batches.add(job(14))
    assert batches.add(job(11)) == [], "there is room"


def test_what_is_begun_has_less_work_left() -> None:
    begun = job(10, 10, 10)
    batches = queue(begun, max_parts=1, max_work=33)
    batches.take()
    with pytest.raises(QueueFull):
        batches.add(job(10, 10))


lengths = st.lists(st.integers(0, 60), min_size=1, max_size=8)


@given(st.lists(lengths, max_size=12), st.integers(1, 6), st.integers(1, 150))
def test_every_part_comes_once_in_batches_that_are_small_enough(
    requests: list[list[int]], max_parts: int, max_pieces: int
) -> None:
    jobs = [one for one in (job(*request) for request in requests) if one.rows]
    batches = queue(*jobs, max_parts=max_parts, max_pieces=max_pieces)
    total = batches.work
    seen = []
    while batches:
        works = []
        for one, rows in batches.take():
            works += [work(one.parts[row]) for row in rows]
            seen += [(one, row) for row in rows]
        assert 1 <= len(works) <= max_parts
        assert len(works) == 1 or len(works) * max(works) <= max_pieces
        total -= sum(works)
        assert batches.work == total
    expected = [(one, row) for one in jobs for row, part in enumerate(one.parts) if part.tokens]
    assert len(seen) == len(expected) and set(seen) == set(expected)


@given(st.lists(st.tuples(lengths, st.integers(0, 2)), max_size=12), st.integers(1, 6))
def test_a_batch_has_one_domain(requests: list[tuple[list[int], int]], max_parts: int) -> None:
    domains = [None, lambda parts: ["a"], lambda parts: ["b"]]
    jobs = [one for one in (job(*some, of=domains[of]) for some, of in requests) if one.rows]
    batches, seen = queue(*jobs, max_parts=max_parts), 0
    while batches:
        batch = batches.take()
        assert len({one.correct for one, _ in batch}) == 1
        seen += sum(len(rows) for _, rows in batch)
    assert seen == sum(len(part.tokens) > 0 for one in jobs for part in one.parts)


@given(st.integers(0, 10**6), st.integers(1, 5))
def test_a_short_text_waits_for_two_batches_at_most(seed: int, length: int) -> None:
    """Whatever others have sent that is longer, from however many connections, and go on to send."""
    draw = random.Random(seed)
    others = [job(*(draw.randint(6, 128) for _ in range(draw.randint(1, 40)))) for _ in range(40)]
    batches = queue(*others, max_parts=32, max_pieces=512)
    for _ in range(draw.randint(0, 8)):
        batches.take()
    short = job(length)
    batches.add(short)
    taken = 0
    while short.rows:
        taken += 1
        batches.take()
        batches.add(job(*[60] * 100))
    assert taken <= 2
