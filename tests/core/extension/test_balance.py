"""Balance over any chains: no superset above its share, and nothing stays that has lost what it stands on."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskcraft_core.config import BuildConfig
from taskcraft_core.extension.balance import ALWAYS, balance, chain_of
from taskcraft_core.models import Evidence, Reason, Selector, Task

EVIDENCE = Evidence(document_id="d", uri="d", media_type="text/html", quote="q a", answer_span="a", place="b0")


def task(key: str, kind: str, hops: int, parents: tuple[str, ...] = (), superset: str | None = None) -> Task:
    selector = Selector(document_id=superset, kind="row", field="f", value="v") if superset else None
    return Task(
        task_id=key, kind=kind, question=f"{key}?", answer="a", answers=("a",), hops=hops, width=1, tools=("page",),
        identifier="i", relation="r", selector=selector, language="en", parent_ids=parents, evidence=(EVIDENCE,),
        trajectory=(), trajectory_kind="solved", agent_score=2, no_tools_score=0, agent_steps=1, judge_votes=(2,),
        checks=(),
    )  # fmt: skip


@st.composite
def builds(draw: st.DrawFn) -> list[Task]:
    """Chains of 2 to 4 hops over few supersets, each level standing on any task of the level below."""
    supersets = st.sampled_from([f"S{n}" for n in range(draw(st.integers(1, 14)))])
    cores, tasks, serial = ["core"], [], 0
    for hops in range(2, draw(st.integers(2, 4)) + 1):
        level = []
        for _ in range(draw(st.integers(0, 25))):
            serial += 1
            core, auxiliary = draw(st.sampled_from(cores)), f"aux{serial}"
            level.append(f"{serial * 7919 % 1000:03}-{hops}")
            tasks += [
                task(level[-1], "depth", hops, (core, auxiliary), draw(supersets)),
                task(auxiliary, "atomic", 1),
            ]
        if not level:
            break
        cores = level
    return tasks


SHARES = st.sampled_from([0.1, 0.2, 0.34, 0.5, 1.0])


@given(builds(), SHARES, st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_balance(tasks: list[Task], share: float, random) -> None:
    config = BuildConfig(superset_share=share)
    kept, left = balance(tasks, config)
    by_id = {one.task_id: one for one in tasks}
    depth = [one for one in kept if one.kind == "depth"]
    used = Counter(superset for one in depth for superset in chain_of(one, by_id))
    assert all(count <= max(share * len(depth), ALWAYS) for count in used.values())
    ids = {one.task_id for one in kept}
    assert all(one.parent_ids[0] in ids | {"core"} for one in depth)
    assert {one.task_id for one in tasks if one.kind == "atomic"} <= ids
    assert [one.task_id for one in kept] == sorted(ids)
    assert len(kept) + len(left) == len(tasks)
    assert all(one.reason is Reason.SUPERSET_SHARE and one.stage == "depth" for one in left)
    shuffled = list(tasks)
    random.shuffle(shuffled)
    assert balance(shuffled + tasks[:1], config) == (kept, left)


def test_a_share_of_all_leaves_everything_in() -> None:
    tasks = [task(f"{n}", "depth", 2, ("core", "aux"), "S") for n in range(7)]
    assert balance(tasks, BuildConfig(superset_share=1.0)) == (tasks, [])


@pytest.mark.parametrize(("supersets", "kept"), [(20, 160), (3, 15), (1, 5)])
def test_a_tenth_needs_ten_supersets_and_fewer_are_in_a_few_tasks_each(supersets: int, kept: int) -> None:
    tasks = [task(f"{n:03}", "depth", 2, ("core", "aux"), f"S{n % supersets}") for n in range(8 * supersets)]
    assert len(balance(tasks, BuildConfig(superset_share=0.1))[0]) == kept


def test_the_overused_superset_loses_and_no_other() -> None:
    many = [task(f"a{n:02}", "depth", 2, ("core", "aux"), "Hub") for n in range(30)]
    rare = [task(f"b{n:02}", "depth", 2, ("core", "aux"), f"S{n}") for n in range(18)]
    kept, left = balance(many + rare, BuildConfig(superset_share=0.1))
    assert {one.task_id for one in rare} <= {one.task_id for one in kept}
    assert len(kept) == 18 + ALWAYS
    assert all("superset" in one.detail for one in left)


def test_a_chain_counts_every_superset_that_it_passes() -> None:
    inner = task("in", "depth", 2, ("core", "aux1"), "S1")
    outer = task("out", "depth", 3, ("in", "aux2"), "S2")
    by_id = {"in": inner, "out": outer}
    assert chain_of(outer, by_id) == {"S1", "S2"}
    assert chain_of(inner, by_id) == {"S1"}


def test_three_hop_chains_go_first_and_bring_what_they_stand_on() -> None:
    shallow = [task(f"a{n}", "depth", 2, ("core", "aux"), "S1") for n in range(4)]
    inner = task("z", "depth", 2, ("core", "aux"), "S1")
    outer = task("zz", "depth", 3, ("z", "aux"), "S2")
    others = [task(f"o{n}", "depth", 2, ("core", "aux"), f"T{n}") for n in range(6)]
    kept = {one.task_id for one in balance([*shallow, inner, outer, *others], BuildConfig(superset_share=0.25))[0]}
    assert {"z", "zz"} <= kept
    assert len(kept & {one.task_id for one in shallow}) < len(shallow)
