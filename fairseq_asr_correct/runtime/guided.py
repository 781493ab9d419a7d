"""Input-guided search on a corrector's graphs: what ``decoding/input_guided.py`` writes, in NumPy.

Each pass of the decoder is over all of an output so far and a guess of what follows. Nothing of an earlier pass is kept
but edit distances, because most sentences need one pass or two.

A sentence is padded to a length that follows from its own, and computed only with those of the same length. In int8, a
sentence's result does not depend on the others, to the last bit; in float32 but for rounding.

With several threads, each searches for a share of the sentences. Between the products of a pass lies much that has one
thread, NumPy and small operators, and the threads fill each other's gaps.
"""

import math
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

import numpy as np

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.runtime.chosen import Chosen
from fairseq_asr_correct.runtime.edit_rows import Rows, edit_rows, of_copies, unwritten
from fairseq_asr_correct.runtime.encoded import BEGIN, END, Encoded, batches, padded, padded_length
from fairseq_asr_correct.runtime.going import Going, Guided, Tokens
from fairseq_asr_correct.runtime.graphs import Graphs
from fairseq_asr_correct.tokens.search import FLAGS
from fairseq_asr_correct.tokens.words import continue_words

MAX_LEN_A, MAX_LEN_B = FLAGS["max_len_a"], FLAGS["max_len_b"]
SHARE = 4  # sentences from which on a thread of their own is worth it


class GuidedDecoder:
    """Input-guided search. Threads may share it.

    Args:
        graphs: of the model.
    """

    def __init__(self, graphs: Graphs) -> None:
        self._graphs = graphs
        self._positions = graphs.shape.positions_of
        self._continues = continue_words(tuple(graphs.symbols))
        self._begins = 1 - np.array(self._continues, np.int64)
        self._pool = ThreadPoolExecutor(max(1, graphs.threads - 1), "search")  # its threads start when there is work

    def decode(self, sources: Sequence[Tokens], scored: bool = True) -> list[Guided]:
        """What greedy search writes for each source.

        Args:
            sources: each at most as long as ``Graphs.longest``.
            scored: whether to give scores of a sentence that stays as it is, too.

        Raises:
            UserError: the model computes probabilities that are not numbers, or a source is too long.
        """
        sizes = [self._size(source) for source in sources]
        own, *others = shares(sizes, self._graphs.threads)
        futures: list[Future[dict[int, Guided]]] = []
        try:
            for part in others:
                futures.append(self._pool.submit(self._decode, sources, sizes, part, scored))
        except RuntimeError:  # Python ends, and a thread of the caller goes on
            own = [number for part in (own, *others[len(futures) :]) for number in part]
        try:
            found = self._decode(sources, sizes, own, scored)
        finally:
            wait(futures)
        for future in futures:
            found |= future.result()
        return [found[number] for number in range(len(sources))]

    def _decode(
        self, sources: Sequence[Tokens], sizes: Sequence[int], which: Sequence[int], scored: bool
    ) -> dict[int, Guided]:
        """What is written for some of the sources, by their numbers."""
        found: dict[int, Guided] = {}
        for numbers in batches((number, sizes[number], sizes[number]) for number in which):
            some = [list(sources[number]) for number in numbers]
            encoded = Encoded.of(self._graphs, some, self._begins)
            sentences = [
                Going(row, source, list(source), longest=self._longest(source)) for row, source in enumerate(some)
            ]
            while going := [sentence for sentence in sentences if not sentence.ended]:
                for one in going:
                    del one.guess[one.longest - len(one.written) :]
                for batch in batches(
                    (one, size, size) for one, size in zip(going, map(self._size_so_far, going), strict=True)
                ):
                    self._pass(encoded[[one.number for one in batch]], batch)
            found |= zip(numbers, self._results(sentences, scored), strict=True)
        return found

    def score(self, sources: Sequence[Tokens], targets: Sequence[Tokens]) -> list[list[float]]:
        """Log-probabilities of the tokens of a target for each source, and of its end; NaN if it is too long.

        Raises:
            UserError: the model computes probabilities that are not numbers, or a source is too long.
        """
        found = [[math.nan] * (len(target) + 1) for target in targets]
        most = self._positions["decoder"]
        sizes = [(self._size(source), len(target) + 1) for source, target in zip(sources, targets, strict=True)]
        items = [
            (i, max(length, size), (length, padded_length(size, most)))
            for i, (length, size) in enumerate(sizes)
            if size <= most
        ]
        for numbers in batches(items):
            encoded = Encoded.of(self._graphs, [sources[number] for number in numbers], self._begins)
            some = [list(targets[number]) for number in numbers]
            start = padded([[BEGIN, *target] for target in some], max(map(len, some)) + 1)
            before = np.repeat(unwritten(encoded.source.shape[1])[None], len(some), axis=0)
            rows = edit_rows(start, encoded.source, before)
            chosen, ends = self._run(encoded, [[]] * len(some), some, rows)
            chosen.score(self._graphs)
            for number, scores in zip(numbers, np.split(chosen.asked_scores, ends[:-1]), strict=True):
                found[number] = scores.tolist()
        return found

    def _size(self, source: Tokens) -> int:
        """How many tokens a source is computed as."""
        if len(source) > self._graphs.longest:
            raise UserError(
                f"a source has {len(source)} pieces, more than this model's {self._graphs.longest}: split it"
            )
        return padded_length(len(source) + 2, self._positions["encoder"])

    def _size_so_far(self, sentence: Going) -> int:
        """How many tokens a pass over a sentence has."""
        return padded_length(len(sentence.written) + len(sentence.guess) + 1, self._positions["decoder"])

    def _longest(self, source: Tokens) -> int:
        return min(MAX_LEN_A * (len(source) + 1) + MAX_LEN_B, self._positions["decoder"] - 1)

    def _pass(self, encoded: Encoded, sentences: list[Going]) -> None:
        """One pass of the decoder over the guess of each sentence."""
        length = encoded.source.shape[1]
        if all(one.before is None for one in sentences):
            most = max(len(one.guess) for one in sentences)
            rows = np.repeat(of_copies(1 + most, length)[None], len(sentences), axis=0)
        else:
            new = [[*one.written[-1:], *one.guess] for one in sentences]
            before = np.stack([one.before for one in sentences if one.before is not None])
            rows = edit_rows(padded(new, max(map(len, new))), encoded.source, before)
        written, guesses = [one.written for one in sentences], [one.guess for one in sentences]
        chosen, ends = self._run(encoded, written, guesses, rows)
        chosen.choose(self._graphs)
        for number, (one, start, end) in enumerate(zip(sentences, [0, *ends], ends, strict=False)):
            one.take(chosen[start:end], rows[number], self._continues)

    def _results(self, sentences: Sequence[Going], scored: bool) -> list[Guided]:
        """What is written; log-probabilities that nobody asked for before are computed now, all at once."""
        wanted = [one for one in sentences if scored or one.changed]
        parts = [([] if one.first is None else [one.first]) + one.later for one in wanted]
        known: dict[int, Chosen] = {}
        if wanted:
            every = Chosen.joined([part for some in parts for part in some])
            every.score(self._graphs)
            ends = np.cumsum([sum(map(len, some)) for some in parts]).tolist()
            known = {one.number: every[start:end] for one, start, end in zip(wanted, [0, *ends], ends, strict=False)}
        return [one.result(known.get(one.number)) for one in sentences]

    def _run(
        self, encoded: Encoded, written: Sequence[Tokens], guesses: Sequence[Tokens], rows: Rows
    ) -> tuple[Chosen, list[int]]:
        """Runs the decoder on guesses of what follows what is written.

        Args:
            encoded: the sources.
            written: of each, so far.
            guesses: of each, of what follows.
            rows: edit distances after the last token written, and after each of the guess, ``(batch, new, source)``.

        Returns:
            What to choose from at the place of each of the guess and behind it, one sentence after the other, and
            where each sentence ends there.
        """
        counts = [1 + len(guess) for guess in guesses]
        tokens = [[BEGIN, *one, *guess] for one, guess in zip(written, guesses, strict=True)]
        length = padded_length(max(map(len, tokens)), self._positions["decoder"])
        inputs = encoded.states | {"written": padded(tokens, length), "source": encoded.source}
        sentences = np.repeat(np.arange(len(tokens)), counts)
        ends = np.cumsum(counts)
        new = np.arange(ends[-1]) - np.repeat(ends - counts, counts)
        places = new + np.repeat([len(one) for one in written], counts)
        if self._graphs.shape.copies:
            distances = np.zeros((len(tokens), length, encoded.source.shape[1]), np.float32)
            distances[sentences, places] = rows[sentences, new]
            inputs["distances"] = distances
        outputs = self._graphs.decoder(inputs)
        outputs = {name: array[sentences, places] for name, array in outputs.items()}
        asked = np.array([token for guess in guesses for token in (*guess, END)], np.int64)
        return Chosen.of(outputs, encoded.source[sentences], asked, self._graphs.int8), ends.tolist()


def shares(sizes: Sequence[int], threads: int) -> list[list[int]]:
    """Cuts sentences into a share for each thread, which have about as many tokens and sentences of like lengths.

    Args:
        sizes: of each sentence, in tokens.
        threads: the most shares.

    Returns:
        The numbers of the sentences of each share, at least of one; shares have :data:`SHARE` of them on average, or
        more.
    """
    order = sorted(range(len(sizes)), key=sizes.__getitem__)
    count = max(1, min(threads, len(sizes) // SHARE))
    ends = np.cumsum([sizes[number] for number in order])
    cuts = np.searchsorted(ends, [sum(sizes) * part / count for part in range(1, count)], side="right")
    parts = [part.tolist() for part in np.split(np.array(order, np.int64), cuts)]
    return [part for part in parts if part] or [[]]
