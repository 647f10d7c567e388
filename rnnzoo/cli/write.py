"""``rnnzoo write``: what a checkpoint writes of given sources, with no recipe and no data."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rnnzoo.cli.arguments import Arguments
from rnnzoo.errors import RnnzooError

OF_DRAWS = ("temperature", "top_k", "top_p", "seed")
OF_BOTH = ("min_length", "max_length", "prefix")


def write(argv: Sequence[str]) -> int:
    """Print the text that is written for each source, a line each; with several texts, each after its score."""
    arguments = Arguments(
        "write",
        "Write what belongs to each source: a translation of a text, a caption of an image, a text of a class.",
        "What is not given is as the model was made.",
    )
    arguments.usage = "rnnzoo write CHECKPOINT SOURCE [SOURCE ...] [--OPTION VALUE ...]"
    arguments.add_argument("checkpoint", help="a .ckpt file, such as a run's best.ckpt")
    arguments.add_argument("sources", nargs="+", metavar="SOURCE", help="a text, an image file, a class, [1, 0.5]")
    arguments.add_argument("--beam_size", metavar="N", type=int, help="hypotheses of each source; 1 is greedy")
    arguments.add_argument(
        "--num_return", metavar="N", type=int, help="so many of the best texts of each, with their scores"
    )
    arguments.add_argument("--groups", metavar="N", type=int, help="groups of hypotheses that avoid each other's words")
    arguments.add_argument("--diversity", metavar="X", type=float, help="how much the groups do (default: 0.5)")
    arguments.add_argument("--length_penalty", metavar="X", help="none, average or wu")
    arguments.add_argument("--coverage_penalty", metavar="X", type=float, help="beta, with attention only")
    arguments.add_argument("--min_length", metavar="N", type=int, help="at least so many tokens")
    arguments.add_argument("--max_length", metavar="N", type=int, help="at most so many tokens")
    arguments.add_argument(
        "--no_repeat_ngram_size", metavar="N", type=int, help="no n-gram of this size twice in a text"
    )
    arguments.add_argument("--prefix", metavar="TEXT", help="how each text must begin")
    arguments.add_argument(
        "--without_replacement", metavar="N", type=int, help="draw N different texts of each, with their log p"
    )
    arguments.add_argument("--temperature", metavar="X", type=float, help="of these draws: divides the logits")
    arguments.add_argument("--top_k", metavar="N", type=int, help="of these draws: the N likeliest tokens only")
    arguments.add_argument("--top_p", metavar="X", type=float, help="of these draws: the likeliest of this probability")
    arguments.add_argument("--seed", metavar="N", type=int, help="of these draws: the same seed gives the same texts")
    arguments.add_argument("--stream", action="store_true", help="show each text while it is written, a line a change")
    arguments.trust()
    given = vars(arguments.parse(argv))
    path, own, sources = Path(given.pop("checkpoint")), given.pop("import"), given.pop("sources")
    num_return, streams, draws = given.pop("num_return"), given.pop("stream"), given.pop("without_replacement")
    if num_return is not None and streams:
        raise RnnzooError("write: --stream shows the best text alone: leave out --num_return")
    options = {name: value for name, value in given.items() if value is not None}
    _refuse_others(options, draws, streams, num_return)

    from rnnzoo.cli import checkpoints, console
    from rnnzoo.cli.generate import condition_of, trusted
    from rnnzoo.tasks import SequenceTask
    from rnnzoo.tasks.live_writing import LiveWritingTask

    console.quiet()
    checkpoints.load(path)  # says what is wrong with a file that is not one
    task = SequenceTask.load_from_checkpoint(path, map_location="cpu", trust=trusted(own))
    if not isinstance(task, LiveWritingTask):
        raise RnnzooError(f"{path} is a checkpoint of {type(task).__name__}, which writes nothing of a source")
    raw = [condition_of(task, source) for source in sources] if "condition" in task.hparams else sources
    if streams:
        for source in raw:
            for text in task.stream(source, **options):
                print(text, flush=True)
    elif draws is not None:
        for found in task.sample_without_replacement(raw, draws, **options):
            print("\n".join(f"{one.log_prob:.4f}\t{one.text}" for one in found))
    elif num_return is None:
        print("\n".join(task.predict(raw, **options)))
    else:
        for found in task.hypotheses(raw, num_return, **options):
            print("\n".join(f"{one.score:.4f}\t{one.text}" for one in found))
    return 0


def _refuse_others(options: Mapping[str, Any], draws: int | None, streams: bool, num_return: int | None) -> None:
    """Refuse options of a search beside draws, and the other way round: they would do nothing."""
    if draws is None:
        wrong, why = [name for name in options if name in OF_DRAWS], "is of draws: give --without_replacement N too, or"
    else:
        wrong, why = (
            [name for name in options if name not in (*OF_DRAWS, *OF_BOTH)],
            "is of a search, and texts are drawn:",
        )
        wrong += ["stream"] * streams + ["num_return"] * (num_return is not None)
    if wrong:
        raise RnnzooError(f"write: --{wrong[0]} {why} leave it out")
