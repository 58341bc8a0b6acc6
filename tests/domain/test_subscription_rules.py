"""Which events and addresses a subscription may name."""

import ipaddress

import pytest

from domain.events import EVENT_NAMES, event_id
from domain.subscriptions import fault_of_events, fault_of_url, is_public


@pytest.mark.parametrize(
    "url",
    [
        "https://erp.example.com/orders?key=1",
        "https://erp.example.com:8443",
        "https://93.184.215.14/",
        "https://[2606:2800:21f::1]/hook",
        "https://localhost.example.com/",
    ],
)
def test_a_public_https_address_is_accepted(url: str) -> None:
    assert fault_of_url(url, allow_private=False) is None


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("http://erp.example.com/", "https"),
        ("http://127.0.0.1/", "https"),
        ("ftp://erp.example.com/", "https"),
        ("erp.example.com", "https"),
        ("https://", "host"),
        ("https://:443/", "host"),
        ("https://erp.example.com:x/", "no URL"),
        ("https://[::1/", "no URL"),
        ("https://me:secret@erp.example.com/", "no user"),
        ("https://erp.example.com/#part", "fragment"),
        ("https://erp.example.com/a b", "spaces"),
        ("https://erp.example.com/\n", "printable"),
        ("https://tür.example/", "ASCII"),
        ("https://a..b/", "name"),
        ("https://erp.example.com/" + "x" * 2_000, "2000"),
        ("https://localhost/", "public"),
        ("https://127.0.0.1/", "public"),
        ("https://10.1.2.3/", "public"),
        ("https://[::1]/", "public"),
        ("https://[::ffff:10.0.0.1]/", "public"),
    ],
)
def test_any_other_address_is_refused(url: str, fault: str) -> None:
    assert fault in (fault_of_url(url, allow_private=False) or "")


def test_one_machine_may_tell_itself_without_tls_and_nobody_else() -> None:
    for url in ("http://127.0.0.1:9000/", "http://localhost/", "http://[::1]/", "https://10.1.2.3"):
        assert fault_of_url(url, allow_private=True) is None
    for url in ("http://10.1.2.3/", "http://erp.example.com/"):
        assert fault_of_url(url, allow_private=True) == "the URL must begin with https://"


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "10.0.0.1", "100.100.100.200", "127.0.0.53", "168.63.129.16", "169.254.169.254",
        "172.16.0.1", "192.0.0.192", "192.168.1.1", "224.0.0.1", "255.255.255.255", "::", "::1",
        "fe80::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "64:ff9b::a00:1",
        "2002:a00:1::", "2001:0:a00:1::",
    ],
)  # fmt: skip
def test_what_leads_inside_is_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f::1", "::ffff:93.184.215.14"])
def test_what_leads_outside_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    ("events", "fault"),
    [
        ([], "at least one"),
        (["*", "Delivered"], "alone"),
        (["Delivered", "Devoured"], "Devoured"),
        (["delivered"], "delivered"),
    ],
)
def test_a_filter_names_known_events_or_all(events: list[str], fault: str) -> None:
    assert fault in (fault_of_events(events) or "")


def test_every_event_can_be_asked_for() -> None:
    assert fault_of_events(EVENT_NAMES) is None
    assert fault_of_events(["*"]) is None
    assert len(set(EVENT_NAMES)) == len(EVENT_NAMES)


def test_an_event_s_id_is_its_own_for_ever() -> None:
    ids = {event_id("shop-1", 12), event_id("shop-11", 2), event_id("shop-1.1", 2)}
    assert len(ids) == 3
    assert event_id("shop-1", 12) == "evt_bcd713c3729276d330a71993ad5dfaa3"
