"""Limits: networks in one form, whose address lies inside, and that they are only ever narrowed."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfdoor.core.errors import HalfdoorError
from halfdoor.core.governance.limits import Limits, checked, days_of, is_inside, narrowed, networks_of


@pytest.mark.parametrize(
    ("address", "networks", "inside"),
    [
        ("192.0.2.7", ["192.0.2.0/24"], True),
        ("192.0.3.7", ["192.0.2.0/24"], False),
        ("::ffff:192.0.2.7", ["192.0.2.0/24"], True),
        ("::ffff:192.0.3.7", ["192.0.2.0/24"], False),
        ("192.0.2.7", ["::ffff:192.0.2.0/120"], True),
        ("::192.0.2.7", ["192.0.2.0/24"], False),
        ("2001:db8::1", ["2001:db8::/32"], True),
        ("2001:db9::1", ["2001:db8::/32"], False),
        ("192.0.2.7", ["::/0"], False),
        ("::1", ["0.0.0.0/0"], False),
        ("192.0.2.7", ["2001:db8::/32", "192.0.2.7"], True),
        ("192.0.2.7", [], True),
        (None, [], True),
        (None, ["0.0.0.0/0"], False),
        ("unix:", ["0.0.0.0/0"], False),
        ("192.0.2.7, 10.0.0.1", ["192.0.2.0/24"], False),
        ("", ["0.0.0.0/0"], False),
    ],
)
def test_an_address_counts_as_what_it_is(address, networks, inside):
    assert is_inside(address, networks) is inside


@given(st.ip_addresses(v=4), st.integers(0, 32))
def test_a_mapped_address_is_inside_just_where_its_ipv4_address_is(address, bits):
    network = str(ipaddress.ip_network((address, bits), strict=False))
    for one in (str(address), f"::ffff:{address}"):
        assert is_inside(one, [network])
    other = ipaddress.ip_address(int(address) ^ (1 << 31))
    assert is_inside(f"::ffff:{other}", [network]) is (bits == 0)


@pytest.mark.parametrize("wrong", ["192.0.2.1/24", "example.org", "", "192.0.2.0/33", "1"])
def test_what_is_no_network_is_refused(wrong):
    with pytest.raises(HalfdoorError) as caught:
        networks_of([wrong])
    assert caught.value.code == "bad-limits"


def test_networks_have_one_form():
    assert networks_of(["2001:0db8::/32", "10.0.0.0/8", "2001:db8::/32", "::ffff:10.0.0.0/104"]) == (
        "10.0.0.0/8",
        "2001:db8::/32",
    )
    with pytest.raises(HalfdoorError):
        networks_of([f"10.0.{number}.0/24" for number in range(33)])


@pytest.mark.parametrize(
    "limits", [Limits(bytes=0), Limits(downloads=-1), Limits(days=0), Limits(days=10**6)]
)
def test_senseless_limits_are_refused(limits):
    with pytest.raises(HalfdoorError) as caught:
        checked(limits)
    assert caught.value.code == "bad-limits"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (Limits(bytes=10), Limits(bytes=11)),
        (Limits(downloads=10), Limits(downloads=11)),
        (Limits(networks=("10.0.0.0/8",)), Limits(networks=("10.0.0.0/7",))),
        (Limits(networks=("10.0.0.0/8",)), Limits(networks=("10.1.0.0/16", "192.0.2.0/24"))),
        (Limits(networks=("10.0.0.0/8",)), Limits(networks=("::/0",))),
    ],
)
def test_nothing_is_made_wider(old, new):
    with pytest.raises(HalfdoorError) as caught:
        narrowed(old, new)
    assert caught.value.code == "not-narrower"


def test_what_is_not_named_stays():
    old = Limits(bytes=10, networks=("10.0.0.0/8",), days=5)
    assert narrowed(old, Limits()) == old
    assert narrowed(old, Limits(bytes=3, downloads=2, networks=("10.1.0.0/16",))) == Limits(
        3, 2, ("10.1.0.0/16",), 5
    )
    assert narrowed(Limits(), Limits(bytes=7)) == Limits(bytes=7)


def test_the_shortest_time_holds():
    assert days_of(None, 30, 90) == 30
    assert days_of(None, None) == 180
