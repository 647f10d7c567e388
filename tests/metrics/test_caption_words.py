"""The words of captions against what the Stanford PTBTokenizer made of the same texts."""

from __future__ import annotations

import random
import shutil

import pytest

from rnnzoo.metrics.captions import CaptionScores
from rnnzoo.metrics.treebank_words import caption_words

# What PTBTokenizer().tokenize({n: [{"caption": text}] ...}) of pycocoevalcap 1.2 gives: java -cp
# stanford-corenlp-3.4.1.jar edu.stanford.nlp.process.PTBTokenizer -preserveLines -lowerCase, less its punctuation.
PUBLISHED = {
    "A man (in red) can't run .": "a man -lrb- in red -rrb- ca n't run",
    "The U.S. flag at 3 o'clock": "the u.s. flag at 3 o'clock",
    "I cannot go gonna": "i can not go gon na",
    "two dogs/cats & a #1 sign": "two dogs/cats & a # 1 sign",
    "it costs $5.50 ... ok": "it costs $ 5.50 ok",
    "the men's T-shirt": "the men 's t-shirt",
    "a 1/2 mile": "a 1/2 mile",
    'He said "hi" -- then left': "he said hi then left",
    "women , n't": "women n't",
    "Let's go; e.g. this": "let 's go e.g. this",
    "John's 'quoted' word": "john 's quoted word",
    "a.m. and p.m.": "a.m. and p.m.",
    "rock'n'roll": "rock 'n' roll",
    "café über": "café über",
    "mother-in-law's car": "mother-in-law 's car",
    "the '90s": "the '90s",
    "a man 's hat": "a man 's hat",
    "wanna play": "wan na play",
    "100,000 people": "100,000 people",
    "ca n't": "ca n't",
    "in the U.S.": "in the u.s.",
    "U.S.-born": "u.s.-born",
    "Mr. Smith and Dr. Jones": "mr. smith and dr. jones",
    "mr. smith": "mr. smith",
    "No. 5": "no. 5",
    "no. way": "no way",
    "no.1": "no. 1",
    "ill. x": "ill x",
    "Ill. x": "ill. x",
    "10:30 am": "10:30 am",
    "2:30 p.m.": "2:30 p.m.",
    "16:9": "16:9",
    "a [sic] word": "a -lsb- sic -rsb- word",
    "a {curly} one": "a -lcb- curly -rcb- one",
    "gotta go": "got ta go",
    "lemme see": "lem me see",
    "gimme it": "gim me it",
    "Gonna go": "gon na go",
    "wannabe": "wannabe",
    "'tis the season": "'t is the season",
    "'twas night": "'t was night",
    "d'you know": "d'you know",
    "l'x": "l' x",
    "more'n that": "more 'n that",
    "y'all come": "y' all come",
    "ma'am": "ma'am",
    "rock 'n' roll": "rock 'n' roll",
    "AT&T": "at&t",
    "r&b": "r & b",
    "a &amp; b": "a & b",
    "get 'em": "get 'em",
    "'till late": "'till late",
    "'bout time": "bout time",
    "it’s a “nice” day": "it 's a nice day",
    "the dogs' tails": "the dogs tails",
    "isn't": "is n't",
    "CAN'T": "ca n't",
    "dos and don'ts": "dos and do n'ts",
    "he'd've": "he 'd 've",
    "tri-colored": "tri-colored",
    "well - known": "well known",
    "a -- b": "a b",
    "x — y": "x y",
    "1-2": "1-2",
    "20%": "20 %",
    "@home": "@home",
    "me@example.com": "me@example.com",
    "http://x.y/z.": "http://x.y/z",
    "word.word": "word.word",
    "a dog,a cat": "a dog a cat",
    "and/or": "and/or",
    "1,000.5": "1,000.5",
    "end.": "end",
    "....": "",
    "!!": "!!",
    "wow!!!": "wow !!!",
    "what?": "what",
    "`a`": "a",
    "5'6\"": "5 6",
    "½ cup": "1/2 cup",
    "€5": "$ 5",
    "25¢": "25 cents",
    "1st": "1st",
    "the 50's": "the 50 's",
    "11-year-old": "11-year-old",
    "jack-o'-lantern": "jack-o lantern",
    "D'Artagnan": "d'artagnan",
    "s'mores": "s'mores",
    "-5": "-5",
    ".5": ".5",
    "a. b": "a. b",
    "vitamin c.": "vitamin c.",
    "Inc.": "inc.",
    "6 ft. tall": "6 ft. tall",
    "5 ft.": "5 ft.",
    "in. x": "in x",
    "Ph.D.": "ph.d.",
    "S.C.U.B.A. diver": "s.c.u.b.a. diver",
}


@pytest.mark.parametrize("text", PUBLISHED)
def test_words_are_those_of_the_coco_evaluation(text: str) -> None:
    assert caption_words(text) == PUBLISHED[text].split()


def test_the_fixture_is_what_the_published_tokenizer_gives() -> None:
    module = pytest.importorskip("pycocoevalcap.tokenizer.ptbtokenizer")
    if shutil.which("java") is None:
        pytest.skip("the published tokenizer needs java")
    found = module.PTBTokenizer().tokenize({text: [{"caption": text}] for text in PUBLISHED})
    assert {text: lines[0] for text, lines in found.items()} == PUBLISHED


def test_scores_of_texts_are_those_of_the_coco_evaluation_with_its_own_words() -> None:
    bleu = pytest.importorskip("pycocoevalcap.bleu.bleu")
    cider = pytest.importorskip("pycocoevalcap.cider.cider")
    rouge = pytest.importorskip("pycocoevalcap.rouge.rouge")
    draw, texts = random.Random(0), [text for text in PUBLISHED if len(PUBLISHED[text].split()) > 2]
    references = [[*draw.sample(texts, draw.randint(0, 4)), text] for text in texts]
    predictions = [text if draw.random() < 0.6 else draw.choice(texts) for text in texts]
    found = {row: [PUBLISHED[text]] for row, text in enumerate(predictions)}
    wanted = {row: [PUBLISHED[text] for text in own] for row, own in enumerate(references)}
    bleus, _ = bleu.Bleu(4).compute_score(wanted, found, verbose=0)
    expected = {f"bleu_{n}": score for n, score in enumerate(bleus, start=1)}
    expected["rouge_l"], _ = rouge.Rouge().compute_score(wanted, found)
    expected["cider"], _ = cider.Cider().compute_score(wanted, found)
    metric = CaptionScores()
    metric.update(predictions, references)
    scores = {name: float(score) for name, score in metric.compute().items()}
    assert scores == pytest.approx(expected, abs=1e-6)
    assert 0.3 < scores["bleu_4"] < 0.9
