from taskcraft_core.dataset.cascade import drop_with_descendants

PARENTS = {"a": (), "b": (), "ab": ("a", "b"), "abb": ("ab", "b"), "c": ()}


def test_everything_built_on_what_leaves_leaves_to_the_last_generation() -> None:
    assert drop_with_descendants(PARENTS, ["a"]) == {"ab": "a", "abb": "ab"}


def test_nothing_else_leaves() -> None:
    assert drop_with_descendants(PARENTS, ["abb", "c"]) == {}


def test_a_parent_that_never_was_there_counts_as_gone() -> None:
    assert drop_with_descendants({"x": ("lost",), "y": ("x",)}, []) == {"x": "lost", "y": "x"}


def test_tasks_built_on_each_other_do_not_hang() -> None:
    assert drop_with_descendants({"x": ("y",), "y": ("x",)}, []) == {}
    assert drop_with_descendants({"x": ("y",), "y": ("x",)}, ["x"]) == {"y": "x"}
