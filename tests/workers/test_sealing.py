"""What is sealed opens under the right key, in its own place, unchanged; and nowhere else."""

import base64

import pytest

from workers.errors import UserError
from workers.sealing import CannotOpen, Sealed, read_key_ring


def a_key(letter: str) -> str:
    return base64.b64encode(letter.encode() * 32).decode()


OLD, NEW = f"old:{a_key('a')}", f"new:{a_key('b')}"


def test_the_newest_key_seals_and_every_key_opens() -> None:
    before = read_key_ring("OMS_KEYS", OLD).seal(b"secret", b"here")
    ring = read_key_ring("OMS_KEYS", f"{NEW}, {OLD}")
    after = ring.seal(b"secret", b"here")
    assert (before.key_id, after.key_id) == ("old", "new")
    assert ring.open(before, b"here") == ring.open(after, b"here") == b"secret"


def test_the_same_text_is_never_sealed_the_same() -> None:
    ring = read_key_ring("OMS_KEYS", NEW)
    assert len({ring.seal(b"secret", b"").box for _ in range(100)}) == 100


def test_an_unknown_key_is_named() -> None:
    sealed = read_key_ring("OMS_KEYS", OLD).seal(b"secret", b"here")
    with pytest.raises(CannotOpen, match=r"^OMS_KEYS has no key 'old'$"):
        read_key_ring("OMS_KEYS", NEW).open(sealed, b"here")


@pytest.mark.parametrize("wrong", ["key", "place", "text", "short"])
def test_what_does_not_fit_does_not_open(wrong: str) -> None:
    ring = read_key_ring("OMS_KEYS", f"{NEW},{OLD}")
    sealed = ring.seal(b"secret", b"here")
    box = sealed.box
    if wrong == "key":
        sealed = Sealed("old", box)
    elif wrong == "text":
        sealed = Sealed("new", box[:-1] + bytes([box[-1] ^ 1]))
    elif wrong == "short":
        sealed = Sealed("new", box[:5])
    about = b"there" if wrong == "place" else b"here"
    with pytest.raises(CannotOpen, match="does not open what was sealed"):
        ring.open(sealed, about)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "key 1 is not an id"),
        (a_key("a"), "key 1 is not an id"),
        (f"{NEW},old:c2hvcnQ=", "key 2 is not an id"),
        (f"{NEW},old:not base64!", "key 2 is not an id"),
        (f"{NEW},{NEW}", "the id of key 2 is there twice"),
    ],
)
def test_a_ring_that_cannot_be_read_is_one_line_without_a_key(text: str, fault: str) -> None:
    with pytest.raises(UserError, match=f"^OMS_KEYS: {fault}") as raised:
        read_key_ring("OMS_KEYS", text)
    assert "c2hvcnQ" not in str(raised.value)
    assert a_key("a") not in str(raised.value)
    assert a_key("b") not in repr(read_key_ring("OMS_KEYS", NEW))
