"""A recipe says what is wrong with it in one sentence, before anything is done."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.recipes.model_card import card, used
from fairseq_asr_correct.recipes.recipe import read_recipe

SHIPPED = ROOT / "examples" / "general" / "recipe.yaml"
SMALLEST: dict[str, Any] = {
    "sources": {name: {"path": f"{name}.jsonl", "licence": "CC0"} for name in ("heard", "kept", "books", "unused")},
    "pairs": {"ctc": {"source": "heard", "recognizers": ["one"]}},
    "texts": {"books": {"source": "books"}, "novels": {"source": "books", "today": 0.5}},
    "errors": [
        {"name": "ctc", "learned_from": "ctc", "lines": 10, "texts": {"books": 0.25, "novels": 0.75}, "wer": [0.1, 0.3]}
    ],
    "evaluation": {"dev": {"source": "kept"}},
    "valid": ["dev"],
    "cleaning": {"error_free": 0.1},
    "start": "bert",
    "training": {
        "architecture": "bert_transformer_copy", "decoder_layers": 2, "updates": 4, "batch_tokens": 100,
        "learning_rate": 0.001, "warm_up": 1,
    },
    "decision": {"sets": ["dev"], "error_free": ["ctc"], "sentences": 5},
    "variants": {"half": {"errors": [], "training": {"updates": 2}, "pairs": {"ctc": {"repeat": 0.5}}}},
}  # fmt: skip
Change = Callable[[dict[str, Any]], Any]


def written(path: Path, change: Change = lambda content: None) -> Path:
    content = copy.deepcopy(SMALLEST)
    change(content)
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def test_values_have_their_types_and_defaults(tmp_path: Path) -> None:
    recipe = read_recipe(written(tmp_path / "r.yaml"))
    assert recipe.pairs["ctc"].recognizers == ("one",) and recipe.pairs["ctc"].repeat == 1.0
    assert recipe.errors[0].texts == {"books": 0.25, "novels": 0.75} and recipe.errors[0].wer == (0.1, 0.3)
    assert recipe.training.updates == 4 and recipe.sounds is None and recipe.cleaning.spelling is None


def test_a_variant_changes_what_it_names_alone(tmp_path: Path) -> None:
    whole, half = (read_recipe(written(tmp_path / "r.yaml"), names) for names in ((), ("half",)))
    assert (half.training.updates, half.training.batch_tokens) == (2, 100)
    assert half.pairs["ctc"].recognizers == ("one",) and half.pairs["ctc"].repeat == 0.5
    assert half.errors == () and len(whole.errors) == 1


def put(*keys: Any) -> Change:
    """Sets what all but the last lead to."""

    def change(content: dict[str, Any]) -> None:
        *places, name, value = keys
        for place in places:
            content = content[place]
        content[name] = value

    return change


MISTAKES: list[tuple[Change, str]] = [
    (put("training", "update", 3), r"training: there is no setting 'update'; did you mean updates\?"),
    (put("colour", 1), r"there is no setting 'colour'; "),
    (lambda content: content["training"].pop("updates"), "training lacks 'updates'"),
    (lambda content: content["sources"]["heard"].pop("licence"), "sources: heard lacks 'licence'"),
    (put("sources", "heard", "licence", " "), "heard has an empty licence: say under which one"),
    (put("training", "learning_rate", "1e-3"), "learning_rate: '1e-3' is not a number; write 0.001 for 1e-3"),
    (put("training", "updates", 2.5), "updates: 2.5 is not a whole number"),
    (put("training", "updates", True), "updates: True is not a whole number"),
    (put("training", "updates", 0), "updates is 0, and must be at least 1"),
    (put("valid", "dev"), "valid: 'dev' is not a list"),
    (put("sources", []), r"sources: \[\] is not a mapping"),
    (put("errors", 0, "texts", "books", 0.2), "errors: ctc: the shares of its texts sum to 0.95, and must to 1"),
    (put("errors", 0, "texts", {"books": 1.5, "novels": -0.5}), "texts: books is 1.5, and a share is from 0 to 1"),
    (put("texts", "novels", "today", 7), "texts: novels: today is 7, and a share is from 0 to 1"),
    (put("cleaning", "error_free", 15), "error_free is 15, and a share"),
    (put("errors", 0, "wer", [0.3, 0.1]), "wer is one rate, or two with the lower first"),
    (put("errors", 0, "learned_from", "mms"), "names 'mms', which is not among the pairs: ctc"),
    (put("errors", 0, "flags", {"sound_share": 0.5}), "has a sound_share, but there are no `sounds`"),
    (put("pairs", "ctc", "source", "nowhere"), "pairs: ctc names 'nowhere', which is not among the sources"),
    (put("evaluation", "train", {"source": "kept"}), "take another name"),
    (put("evaluation", "a.b", {"source": "kept"}), "may only have letters, digits"),
    (put("decision", "sets", []), "decision: sets is empty"),
    (put("language", "latin"), "language is 'latin', and must be one of english, other"),
    (put("cleaning", "spelling", "scots"), "must be one of american, british"),
    (put("variants", ["cpu"]), r"variants: \['cpu'\] is not a mapping of names to values"),
    (put("variants", "half", 5), "variants: half: 5 is not a mapping of names to values"),
    (put("evaluation", "dev", "repeat", 2), "evaluation: dev has a repeat, which only pairs have"),
    (put("evaluation", "dev", "most", 0), "evaluation: dev: most is 0, and must be at least 1"),
    (put("pairs", "ctc", "repeat", -1), "pairs: ctc: repeat is -1, and must be at least 0"),
    (put("sounds", {"texts": ["books"], "lines": -5}), "sounds: lines is -5, and must be at least 1"),
    (put("training", "warm_up", -3), "warm_up is -3, and must be at least 0"),
    (put("training", "learning_rate", float("nan")), "learning_rate: nan is not a number that can be used"),
    (put("training", "learning_rate", 0), "learning_rate is 0, and must be above 0"),
    (put("training", "dropout", 7), "training: dropout is 7, and a share is from 0 to 1"),
    (put("cleaning", "max_wer", -1), "max_wer is -1, and must be at least 0"),
    (put("cleaning", "max_words", 0), "max_words is 0, and must be at least 1"),
    (put("variants", "half", {"trainin": 1}), "variants: half: there is no setting 'trainin'; did you mean training"),
]


@pytest.mark.parametrize(("change", "message"), MISTAKES, ids=[message for _, message in MISTAKES])
def test_mistakes(change: Change, message: str, tmp_path: Path) -> None:
    path = written(tmp_path / "r.yaml", change)
    with pytest.raises(UserError, match=message) as error:
        read_recipe(path)
    assert str(error.value).startswith(str(path)) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", "is not YAML"),
        ("a: 1\nb: 2\na: 3\n", "'a' comes twice"),
        ("{a: 1, [b]: 2}", "is not YAML|not a mapping"),
        ("just text", "is not a mapping"),
        ("!!python/object/apply:os.getcwd []", "is not YAML"),
        ("\xff", "is not YAML"),
    ],
)
def test_files_that_are_no_recipe(text: str, message: str, tmp_path: Path) -> None:
    (path := tmp_path / "r.yaml").write_text(text, encoding="latin-1")
    with pytest.raises(UserError, match=message) as error:
        read_recipe(path)
    assert "\n" not in str(error.value)


def test_a_variant_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no variant 'tiny'; it has half"):
        read_recipe(written(tmp_path / "r.yaml"), ["tiny"])
    with pytest.raises(UserError, match="cannot be read: No such file"):
        read_recipe(tmp_path / "none.yaml")


def test_the_shipped_recipe_and_its_variants() -> None:
    """Each names the licence of all data, and `small` leaves a recognizer out that it is measured on."""
    for variants in ((), ("cpu",), ("small",), ("cpu", "small")):
        recipe = read_recipe(SHIPPED, variants)
        assert all(source.licence and source.origin for source in recipe.sources.values())
    seen = {name for one in recipe.pairs.values() for name in one.recognizers}
    unseen = {name for one in recipe.evaluation.values() for name in one.recognizers} - seen
    assert unseen == {"mms-1b-l1107"} and "mms-1b-l1107" not in recipe.decision.sets


def test_the_card_names_each_source_that_was_used_and_its_licence(tmp_path: Path) -> None:
    recipe = read_recipe(written(tmp_path / "r.yaml"))
    assert used(recipe) == {"heard", "kept", "books"}
    text = card(recipe, "A corrector")
    assert text.startswith("# A corrector\n") and "| books | books.jsonl | CC0 |" in text and "unused" not in text
    assert "| ctc | ctc | 10 | books 25%, novels 75% | 10% to 30% |" in text
