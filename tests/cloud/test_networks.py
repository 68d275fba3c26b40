"""Where a request comes from, and who yields when there are too many."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.networks import first_of_largest, network_of


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2::5", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::5", "2001:db8:1:3::/64"),
        ("", ""),
        ("testclient", "testclient"),
    ],
)
def test_an_ipv6_subscriber_counts_as_one_network(address: str, network: str) -> None:
    assert network_of(address) == network


@given(st.lists(st.sampled_from("abcd"), max_size=20))
def test_the_largest_network_yields_its_oldest(networks: list[str]) -> None:
    waiting = list(enumerate(networks))
    chosen = first_of_largest(waiting, lambda one: one[1])
    if not waiting:
        assert chosen is None
        return
    assert chosen is not None
    assert all(networks.count(chosen[1]) >= networks.count(other) for other in networks)
    assert networks.index(chosen[1]) == chosen[0] or networks.count(networks[0]) == networks.count(chosen[1])
