"""An address is announced by frames that every host of a network takes."""

from __future__ import annotations

import pytest

from nodes.podman.announce import announcements
from nodes.podman.networks import Attachment

MAC = "02:fe:00:00:00:c8"


def frames(*addresses: str, mac: str = MAC) -> list[bytes]:
    return announcements([Attachment(network="lan", addresses=addresses, mac=mac)])


def test_an_ip4_address_asks_everybody_for_itself() -> None:
    (frame,) = frames("10.0.0.200")
    assert frame.hex(" ", 1) == (
        "ff ff ff ff ff ff 02 fe 00 00 00 c8 08 06 "
        "00 01 08 00 06 04 00 01 "
        "02 fe 00 00 00 c8 0a 00 00 c8 00 00 00 00 00 00 0a 00 00 c8"
    )


def test_an_ip6_address_is_advertised_to_all_and_overrides_what_is_known() -> None:
    (frame,) = frames("fd00::c8")
    ethernet, head, message = frame[:14], frame[14:54], frame[54:]
    assert ethernet.hex() == "333300000001" + "02fe000000c8" + "86dd"
    assert (head[6], head[7], head[4:6]) == (58, 255, len(message).to_bytes(2))
    assert (message[0], message[4]) == (136, 0x20)
    assert message[24:] == bytes.fromhex("0201" + "02fe000000c8")


def test_the_checksum_of_an_advertisement_is_right() -> None:
    (frame,) = frames("fd00::c8")
    message = frame[54:]
    pseudo = frame[22:54] + len(message).to_bytes(4) + (58).to_bytes(4)
    words = pseudo + message
    total = sum(int.from_bytes(words[at : at + 2]) for at in range(0, len(words), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    assert total == 0xFFFF


def test_each_address_is_announced() -> None:
    assert len(frames("10.0.0.200", "fd00::c8")) == 2


@pytest.mark.parametrize("mac", ["", "02:fe"])
def test_what_has_no_mac_address_is_not_announced(mac: str) -> None:
    assert frames("10.0.0.200", mac=mac) == []
