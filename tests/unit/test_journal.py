"""What a migration has done is written down before anything is done because of it."""

from __future__ import annotations

from typing import Any

from nodes.operations.journal import Journal


class Rows:
    """Keep what is recorded, as the database does."""

    def __init__(self) -> None:
        self.facts: dict[str, Any] = {}

    async def record(self, **facts: Any) -> None:
        self.facts.update(facts)


async def test_a_journal_is_read_again_as_it_was_written() -> None:
    rows = Rows()
    journal = Journal()
    await journal.mark(rows, checkpoint_sent=True, new_volumes=["counter-data"])  # type: ignore[arg-type]
    await journal.mark(rows, restore_sent=True, unpacked_into="/var/lib")  # type: ignore[arg-type]
    assert Journal.parse(rows.facts) == journal
    assert journal.checkpoint_sent
    assert journal.restore_sent
    assert not journal.committed


def test_before_anything_was_done_there_is_nothing_to_undo() -> None:
    journal = Journal.parse({})
    assert not any(vars(journal).values())


def test_facts_of_another_version_do_not_stop_a_rollback() -> None:
    journal = Journal.parse({"checkpoint_sent": True, "moved_by_hand": 1})
    assert journal.checkpoint_sent


def test_two_migrations_never_share_a_list_of_volumes() -> None:
    Journal().new_volumes.append("counter-data")
    assert Journal().new_volumes == []
