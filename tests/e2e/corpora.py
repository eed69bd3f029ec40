"""A made-up corpus of any size, and what a night changes in it.

Pages come in families of eight: one that lists, and seven about the things on the list; one page in 64 lists lists.
Every page follows from its seed, its number and its revision alone, and says them in a meta tag, so that a folder can
be changed without notes.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

FAMILY = 8
SURVEY = 64
"""Of so many pages one, the last of the first family, lists the lists of the others."""
_MARK = re.compile(r'<meta name="record" content="(\d+)\.(\d+)\.(\d+)">')

_FIRST = (
    "Var Kel Tor Mel Dra Sil Or Bren Cal Fen Gar Hal Jor Lun Nor Pel Quar Ros Sten Wyn Bal Esk Fior Gris Hel Tal Ulm "
    "Ves Yar Zel"
).split()
_SECOND = (
    "mora della vinne ro sketh lunda bara tine quilla fara dosk ventra mirre holla cand pessa rith gonna lorra sava "
    "nisse tolm"
).split()
_THIRD = " ster wick dal gard holm mere stow by feld nau sund brae thorp vik combe leigh rup crag moss".split(" ")
_COLOURS = "violet crimson turquoise russet scarlet slate coral lilac golden silver black maroon".split()
_ANIMALS = "heron weasel badger falcon salmon hare tortoise raven lynx beetle stag swan".split()
_STUFFS = "basalt cedar copper limestone glass slate bronze marble clay granite willow brass".split()
_FEATS = (
    "Decorated with a {animal} of {colour} {stuff}",
    "Won by a farmer in a wager over a {colour} {animal}",
    "Roofed with {stuff} after a {animal} nested inside",
    "Known for the {colour} {animal} on its {stuff} gate",
    "Once sold for the price of a {stuff} {animal}",
    "Haunted, so children say, by a {colour} {animal}",
)


@dataclass(frozen=True)
class Kind:
    """A kind of thing that a family is about.

    Attributes:
        folder: Where its pages lie.
        noun: What one is called; ends the titles of its pages.
        group: What a list of them begins with.
        sizes: Labels and units of its measures; the first also stands in the list.
        works: What happened to it, and when.
        part: A part of it that has a length.
    """

    folder: str
    noun: str
    group: str
    sizes: tuple[tuple[str, str], ...]
    works: tuple[str, ...]
    part: str


KINDS = (
    Kind("lighthouses", "Lighthouse", "Lights of the", (("Tower height", "m"), ("Beam range", "km")),
         ("lantern was replaced", "gallery was rebuilt"), "causeway"),
    Kind("bridges", "Bridge", "Crossings of the", (("Main span", "m"), ("Deck width", "cm")),
         ("deck was widened", "toll house was demolished"), "approach ramp"),
    Kind("mills", "Mill", "Mills of the", (("Wheel diameter", "cm"), ("Daily output", "kg")),
         ("wheel was repaired", "granary was finished"), "mill race"),
    Kind("reservoirs", "Reservoir", "Waters of the", (("Surface area", "ha"), ("Dam height", "m")),
         ("spillway was tested", "dam was completed"), "intake tunnel"),
    Kind("tramways", "Tramway", "Lines of the", (("Route length", "km"), ("Steepest gradient", "%")),
         ("depot was opened", "last carriage was scrapped"), "loading platform"),
    Kind("observatories", "Observatory", "Domes of the", (("Dome weight", "kg"), ("Mirror diameter", "cm")),
         ("dome was installed", "mirror was polished"), "meridian hall"),
    Kind("orchards", "Orchard", "Orchards of the", (("Planted area", "ha"), ("Annual harvest", "kg")),
         ("wall was extended", "press house was built"), "southern terrace"),
    Kind("quarries", "Quarry", "Quarries of the", (("Pit depth", "m"), ("Yearly yield", "t")),
         ("crane was erected", "northern face was abandoned"), "haul road"),
)  # fmt: skip


def write_corpus(folder: Path, documents: int, seed: int = 0) -> None:
    """Writes pages 0 to `documents` - 1; the same number and seed give the same bytes.

    Args:
        folder: Where to; it is made.
        documents: How many pages.
        seed: Another seed gives other facts about other things.
    """
    for number in range(documents):
        _write(folder, seed, number, 0)


def change(folder: Path, new: int, changed: int, removed: int, seed: int) -> None:
    """What a night does to a corpus.

    Args:
        folder: A corpus; pages keep their names when they are changed.
        new: How many pages are added: some list new things, most are about one.
        changed: How many state another fact than before.
        removed: How many are gone.
        seed: Which ones.
    """
    there = {page: _record_of(page) for page in sorted(folder.rglob("*.html"))}
    drawn = random.Random(f"night {seed}").sample(list(there), changed + removed)
    for page in drawn[:removed]:
        page.unlink()
    for page in drawn[removed:]:
        own, number, revision = there[page]
        _write(folder, own, number, revision + 1)
    own, first = max((one, number + 1) for one, number, _ in there.values())
    for number in range(first, first + new):
        _write(folder, own, number, 0)


def _write(folder: Path, seed: int, number: int, revision: int) -> None:
    title = _title(seed, number)
    page = folder / _uri(seed, number)
    page.parent.mkdir(parents=True, exist_ok=True)
    body = _thing(seed, number, revision) if _is_thing(number) else _listing(seed, number, revision)
    page.write_text(
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        f'<meta name="record" content="{seed}.{number}.{revision}">\n</head>\n<body>\n<main>\n'
        f"<h1>{escape(title)}</h1>\n{body}\n</main>\n</body>\n</html>\n",
        encoding="utf-8",
    )


def _record_of(page: Path) -> tuple[int, int, int]:
    """Seed, number and revision of a page."""
    mark = _MARK.search(page.read_text(encoding="utf-8"))
    assert mark, f"{page} is no page of a made-up corpus"
    seed, number, revision = map(int, mark.groups())
    return seed, number, revision


def _kind(number: int) -> Kind:
    return KINDS[number // FAMILY % len(KINDS)]


def _is_survey(number: int) -> bool:
    return number % SURVEY == FAMILY - 1


def _is_thing(number: int) -> bool:
    return number % FAMILY != 0 and not _is_survey(number)


def _members(number: int) -> list[int]:
    """What a page lists."""
    if _is_survey(number):
        first = number - number % SURVEY
        return list(range(first, first + SURVEY, FAMILY))
    return [one for one in range(number + 1, number + FAMILY) if _is_thing(one)]


def _title(seed: int, number: int) -> str:
    kind, name = _kind(number), _name(seed, number)
    if _is_survey(number):
        return f"Survey of {name} Province"
    return f"{name} {kind.noun}" if _is_thing(number) else f"{kind.group} {name} District"


def _uri(seed: int, number: int) -> str:
    name = re.sub("[^a-z0-9]+", "-", _title(seed, number).lower())
    return f"{'surveys' if _is_survey(number) else _kind(number).folder}/{name}.html"


def _name(seed: int, number: int) -> str:
    """A name that no other page of the corpus has; neighbours do not sound alike."""
    everything = len(_FIRST) * len(_SECOND) * len(_THIRD)
    turns, place = divmod((number + 997 * seed) * 2_749, everything)
    place, first = divmod(place, len(_FIRST))
    third, second = divmod(place, len(_SECOND))
    return _FIRST[first] + _SECOND[second] + _THIRD[third] + ("" if turns < 2_749 else f" {turns - 2_747}")


def _facts(seed: int, number: int, revision: int = 0) -> random.Random:
    return random.Random(f"{seed} {number} {revision}")


def _size(draw: random.Random, unit: str) -> str:
    return f"{draw.randint(105, 9_899) / 10:,} {unit}"


def _thing(seed: int, number: int, revision: int) -> str:
    """A page about one thing; what its list says of it stays the same in every revision."""
    kind, draw = _kind(number), _facts(seed, number, revision)
    label, unit = kind.sizes[0]
    sizes = {label: _size(_facts(seed, number), unit), kind.sizes[1][0]: _size(draw, kind.sizes[1][1])}
    rows = "".join(f'<tr><th scope="row">{key}</th><td>{value}</td></tr>\n' for key, value in sizes.items())
    return (
        f"<p>{escape(_title(seed, number))} stands a short walk from the nearest road.</p>\n"
        f'<table class="infobox">\n<caption>{_name(seed, number)}</caption>\n{rows}</table>\n'
        f"<h2>History</h2>\n<p>{' '.join(_sentences(kind, draw, number))}</p>"
    )


def _sentences(kind: Kind, draw: random.Random, number: int) -> Iterator[str]:
    """One or two facts in prose, different ones on different pages."""
    date = f"{draw.randint(1, 28)} {draw.choice(('March', 'June', 'September', 'November'))} {draw.randint(1820, 1989)}"
    if number % 3 != 1:
        yield f"The {draw.choice(kind.works)} on {date}."
    if number % 3 != 2:
        yield f"The {kind.part} is {draw.randint(21, 990)} m long."
    yield f"Visitors are welcome on dry days, and {draw.choice(_ANIMALS)}s may be seen from the {kind.part}."


def _listing(seed: int, number: int, revision: int) -> str:
    """A page that tells apart what it lists, as a table or as a list of definitions."""
    intro = f"<p>It was read aloud at meeting {_facts(seed, number, revision).randint(2, 400)} of the society.</p>\n"
    members = _members(number)
    told = list(zip(members, _feats(seed, number, revision, len(members)), strict=True))
    if number // FAMILY % 3 == 2:
        entries = "".join(f"<dt>{_link(seed, one)}</dt><dd>{feat}.</dd>\n" for one, feat in told)
        return f"{intro}<h2>What each is known for</h2>\n<dl>\n{entries}</dl>"
    noun, label, unit = ("List", "", "") if _is_survey(number) else (_kind(number).noun, *_kind(number).sizes[0])
    size = f"<th>{label}</th>" if label else ""
    rows = "".join(
        f"<tr><td>{_link(seed, one)}</td><td>{feat}</td>"
        + (f"<td>{_size(_facts(seed, one), unit)}</td></tr>\n" if label else "</tr>\n")
        for one, feat in told
    )
    return (
        f"{intro}<table>\n<caption>What sets them apart</caption>\n<thead><tr><th>{noun}</th>"
        f"<th>Distinction</th>{size}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>"
    )


def _link(seed: int, number: int) -> str:
    return f'<a href="../{_uri(seed, number)}">{escape(_title(seed, number))}</a>'


def _feats(seed: int, number: int, revision: int, count: int) -> list[str]:
    """What tells things apart, each in other words; a revision has another last one."""
    drawn = [_facts(seed, number), _facts(seed, number, revision)]
    feats: list[str] = []
    while len(feats) < count:
        draw = drawn[len(feats) == count - 1]
        words = {"animal": draw.choice(_ANIMALS), "colour": draw.choice(_COLOURS), "stuff": draw.choice(_STUFFS)}
        feat = draw.choice(_FEATS).format(**words)
        if feat not in feats:
            feats.append(feat)
    return feats
