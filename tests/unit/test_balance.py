"""Where each container of a batch goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from nodes.operations.balance import RESERVE_BYTES, Choice, Movable, balance

_MIB = 1024 * 1024
_GIB = 1024 * _MIB


def movable(name: str, **values: object) -> Movable:
    """Return a container of alder with 100 MiB; its key is the sum of its name's letters."""
    defaults: dict[str, object] = {
        "key": sum(map(ord, name)),
        "name": name,
        "source": "alder",
        "memory_bytes": 100 * _MIB,
        "claims": frozenset({f"the name {name}"}),
        "refused": {},
    }
    return Movable(**{**defaults, **values})  # type: ignore[arg-type]


def places(containers: list[Movable], free_bytes: Mapping[str, int | None]) -> dict[str, str]:
    """Return where each goes, by name."""
    chosen = balance(containers, free_bytes)
    return {each.name: chosen[each.key].destination for each in containers}


def choice_of(container: Movable, free_bytes: Mapping[str, int | None]) -> Choice:
    return balance([container], free_bytes)[container.key]


def test_each_goes_where_most_memory_is_left_after_the_others() -> None:
    containers = [movable(name) for name in "abcd"]
    free = {"birch": 2 * _GIB, "cedar": 2 * _GIB - 1}
    assert places(containers, free) == {"a": "birch", "b": "cedar", "c": "birch", "d": "cedar"}


def test_the_largest_chooses_first() -> None:
    containers = [movable("small"), movable("large", memory_bytes=900 * _MIB)]
    free = {"birch": 1000 * _MIB, "cedar": 500 * _MIB}
    assert places(containers, free) == {"small": "cedar", "large": "birch"}


def test_equal_nodes_are_chosen_by_name() -> None:
    assert places([movable("a")], {"cedar": _GIB, "birch": _GIB}) == {"a": "birch"}


@pytest.mark.parametrize("turned", [False, True])
def test_the_order_of_the_question_changes_nothing(turned: bool) -> None:
    containers = [movable(name, memory_bytes=ord(name) * _MIB) for name in "abcdefgh"]
    free = {"birch": 4 * _GIB, "cedar": 3 * _GIB, "elm": 3 * _GIB}
    asked = containers[::-1] if turned else containers
    nodes = dict(sorted(free.items(), reverse=turned))
    assert places(asked, nodes) == places(containers, free)


def test_nothing_goes_to_its_own_node() -> None:
    assert places([movable("a")], {"alder": 8 * _GIB, "birch": _GIB}) == {"a": "birch"}
    assert choice_of(movable("a"), {"alder": 8 * _GIB}) == Choice(
        reason="There is no other node that could take it."
    )


def test_a_node_that_preflight_refuses_is_not_chosen() -> None:
    container = movable("a", refused={"birch": "A published port is taken."})
    assert places([container], {"birch": 8 * _GIB, "cedar": _GIB}) == {"a": "cedar"}


def test_why_there_is_no_destination_is_said_for_each_node() -> None:
    container = movable(
        "a",
        memory_bytes=512 * _MIB,
        refused={"birch": "No Podman.", "elm": "No Podman."},
    )
    choice = choice_of(container, {"birch": _GIB, "cedar": 100 * _MIB, "elm": _GIB})
    assert choice.destination == ""
    assert choice.reason == (
        "No node can take it. birch, elm: No Podman. "
        "cedar: It has 100 MiB of memory left, and a holds 512 MiB."
    )


def test_a_node_keeps_some_memory_for_itself() -> None:
    container = movable("a")
    enough = container.memory_bytes + RESERVE_BYTES
    assert places([container], {"birch": enough}) == {"a": "birch"}
    assert places([container], {"birch": enough - 1}) == {"a": ""}


@pytest.mark.parametrize("claim", ["the name web", "port 8080/tcp", "the volume data"])
def test_two_that_would_clash_go_to_different_nodes(claim: str) -> None:
    one = movable("a", claims=frozenset({claim}))
    other = movable("b", source="elm", claims=frozenset({claim}))
    found = places([one, other], {"birch": 8 * _GIB, "cedar": _GIB})
    assert set(found.values()) == {"birch", "cedar"}
    assert balance([one, other], {"birch": _GIB})[other.key].reason == (
        f"No node can take it. birch: a, which goes there too, has {claim}."
    )


def test_a_persons_choice_comes_before_memory() -> None:
    containers = [movable("a", wanted="cedar"), movable("b", memory_bytes=700 * _MIB)]
    free = {"birch": 800 * _MIB, "cedar": 850 * _MIB}
    assert places(containers, free) == {"a": "cedar", "b": "birch"}


def test_a_persons_choice_is_followed_with_a_warning_where_memory_is_short() -> None:
    choice = choice_of(movable("a", wanted="birch"), {"birch": 80 * _MIB, "cedar": _GIB})
    assert choice == Choice(
        destination="birch",
        warning="It has 80 MiB of memory left, and a holds 100 MiB.",
    )


def test_what_was_planned_is_done_though_another_node_has_more_memory_by_now() -> None:
    free = {"birch": 400 * _MIB, "cedar": 4 * _GIB}
    assert places([movable("a", planned="birch")], free) == {"a": "birch"}


def test_what_was_planned_stays_when_its_node_has_no_memory_left_for_it() -> None:
    free = {"birch": 80 * _MIB, "cedar": 4 * _GIB}
    assert choice_of(movable("a", planned="birch"), free) == Choice(
        reason="It was to go to birch, and cannot any more. "
        "It has 80 MiB of memory left, and a holds 100 MiB."
    )
    refused = movable("a", planned="cedar", refused={"cedar": "No Podman."})
    assert choice_of(refused, free).reason.endswith("cannot any more. No Podman.")


def test_what_was_planned_comes_after_a_persons_choice_and_before_the_rest() -> None:
    containers = [
        movable("a", memory_bytes=300 * _MIB),
        movable("b", planned="birch"),
        movable("c", wanted="birch", memory_bytes=50 * _MIB),
    ]
    free = {"birch": 400 * _MIB, "cedar": 370 * _MIB}
    assert places(containers, free) == {"a": "cedar", "b": "birch", "c": "birch"}


def test_a_plan_that_is_made_again_from_itself_is_the_same() -> None:
    containers = [movable(name, memory_bytes=ord(name) * _MIB) for name in "abcdefgh"]
    free = {"birch": 500 * _MIB, "cedar": 400 * _MIB}
    first = balance(containers, free)
    again = [replace(each, planned=first[each.key].destination) for each in containers]
    assert balance(again, free) == first


def test_a_choice_that_cannot_work_is_refused_and_not_replaced() -> None:
    refused = movable("a", wanted="birch", refused={"birch": "No Podman."})
    free = {"alder": _GIB, "birch": _GIB, "cedar": _GIB}
    assert choice_of(refused, free) == Choice(reason="It cannot go to birch. No Podman.")
    own = choice_of(movable("a", wanted="alder"), free)
    assert own.reason == "It cannot go to alder. It is there already."
    assert choice_of(movable("a", wanted="elm"), free).destination == ""


def test_a_second_choice_of_the_same_place_is_told_who_is_there() -> None:
    port = frozenset({"port 80/tcp"})
    first = movable("a", wanted="birch", claims=port)
    second = movable("b", wanted="birch", claims=port)
    assert balance([first, second], {"birch": _GIB})[second.key].reason == (
        "It cannot go to birch. a, which goes there too, has port 80/tcp."
    )


def test_a_node_whose_memory_is_not_known_comes_last() -> None:
    containers = [movable(name) for name in "ab"]
    free = {"birch": None, "cedar": 200 * _MIB}
    assert places(containers, free) == {"a": "cedar", "b": "birch"}
