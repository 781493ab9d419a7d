"""What a corrector was made of, as the README.md of its folder."""

from collections.abc import Iterable

from fairseq_asr_correct.evaluation.markdown import markdown
from fairseq_asr_correct.recipes.recipe import PairsOf, Recipe


def card(recipe: Recipe, title: str) -> str:
    """The card as Markdown: recognizers, texts, training, and the licence of each source.

    Args:
        recipe: what it was made by.
        title: its first line.
    """
    training, errors = recipe.training, recipe.errors
    pairs = [(name, ", ".join(one.recognizers) or "all", f"{one.repeat:g}") for name, one in recipe.pairs.items()]
    made = []
    for one in errors:
        texts = ", ".join(f"{name} {100 * share:.0f}%" for name, share in one.texts.items())
        rates = " to ".join(f"{100 * rate:g}%" for rate in one.wer)
        made.append((one.name, one.learned_from, f"{one.lines:,}", texts, rates))
    sources = [
        (name, one.origin or one.path, one.licence) for name, one in recipe.sources.items() if name in used(recipe)
    ]
    parts = [
        f"# {title}",
        f"`{training.architecture}` with {training.decoder_layers} decoder layers, trained on from {recipe.start}: "
        f"{training.updates:,} updates of at most {training.batch_tokens:,} tokens.",
        "Pairs of recognizers that it was trained on, and that errors were learned from:",
        markdown(("pairs", "recognizers", "each comes so often"), pairs),
        "Errors made in text:",
        markdown(("errors", "learned from", "lines", "texts", "word error rate"), made),
        "Its decision.json was fitted on: " + ", ".join(recipe.decision.sets) + ".",
        markdown(("source", "what it is", "licence"), sources),
    ]
    return "\n\n".join(parts) + "\n"


def used(recipe: Recipe) -> set[str]:
    """The names of the sources that go into the corrector."""
    texts = {text for one in recipe.errors for text in one.texts} | set(recipe.sounds.texts if recipe.sounds else ())
    fitted: Iterable[PairsOf] = (recipe.evaluation[name] for name in {*recipe.valid, *recipe.decision.sets})
    return {
        *(one.source for one in recipe.pairs.values()),
        *(one.source for one in fitted),
        *(recipe.texts[name].source for name in texts),
    }
