"""Makes lines of a domain to train on: its sentences, others with its terms in them, and pieces of both.

A corrector that is trained on few sentences learns them by heart, and then writes them whatever was said. Nobody can
guess how lines that are put together from pieces go on, so that nothing helps but to copy what is right.
"""

from collections.abc import Iterator, Sequence
from random import Random

from fairseq_asr_correct.english.example_sentences import example_sentences
from fairseq_asr_correct.english.frequencies import any_rare_word, zipf

TIMES = 2  # that each sentence comes as it is, at most
WHOLE, WITH_TERMS = 0.4, 0.2  # of the lines, at most: sentences as they are, and with another term in them
PIECES, LONGEST = (2, 5), 4  # pieces in a line, and words in a piece
SINGLE, TERM = 0.2, 0.15  # of the pieces are any rare word, or a term
COMMON = 5.0  # Zipf value from which a word keeps its place when a term takes one
OTHERS = 2000  # example sentences, where a domain has none


def domain_lines(lines: Sequence[str], terms: Sequence[str], count: int, seed: int) -> Iterator[str]:
    """Lines of a domain, in random order; the same for the same seed.

    Args:
        lines: its sentences; if there are none, example sentences take their place.
        terms: its words and phrases.
        count: how many lines to make.
        seed: another one makes others.
    """
    draw = Random(f"phrasing {seed}")
    own = [line.split() for line in lines]
    pool = own or [line.split() for line in example_sentences(OTHERS, seed)]
    words = [term.split() for term in terms]
    whole = min(TIMES * len(own), round(WHOLE * count))
    with_terms = round(WITH_TERMS * count) if words else 0
    kinds = [_sentence] * whole + [_with_a_term] * with_terms + [_pieces] * (count - whole - with_terms)
    draw.shuffle(kinds)
    order = _without_end(pool, draw)
    return (
        " ".join(kind(next(order) if kind is _sentence else draw.choice(pool), pool, words, draw)) for kind in kinds
    )


def _without_end(pool: list[list[str]], draw: Random) -> Iterator[list[str]]:
    """All sentences in random order, again and again."""
    while True:
        yield from draw.sample(pool, len(pool))


def _sentence(line: list[str], pool: list[list[str]], terms: list[list[str]], draw: Random) -> list[str]:
    return line


def _with_a_term(line: list[str], pool: list[list[str]], terms: list[list[str]], draw: Random) -> list[str]:
    """A sentence with a term in the place of another one, or of a word that is not common."""
    term = draw.choice(terms)
    spans = [(at, at + len(other)) for other in terms for at in _places(line, other)]
    spans = spans or [(at, at + 1) for at, word in enumerate(line) if zipf(word) < COMMON]
    start, end = draw.choice(spans or [(draw.randrange(len(line)),) * 2])
    return [*line[:start], *term, *line[end:]]


def _places(line: list[str], term: list[str]) -> list[int]:
    return [at for at in range(len(line) - len(term) + 1) if line[at : at + len(term)] == term]


def _pieces(line: list[str], pool: list[list[str]], terms: list[list[str]], draw: Random) -> list[str]:
    """Pieces of sentences, rare words and terms, one after another."""
    made: list[str] = []
    for _ in range(draw.randint(*PIECES)):
        chance = draw.random()
        if chance < SINGLE:
            made.append(any_rare_word(draw))
        elif terms and chance < SINGLE + TERM:
            made += draw.choice(terms)
        else:
            sentence = draw.choice(pool)
            start = draw.randrange(len(sentence))
            made += sentence[start : start + draw.randint(1, LONGEST)]
    return made
