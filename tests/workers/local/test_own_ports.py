"""Each process of one machine shows its figures on a port of its own."""

from workers.local.environment import with_own_ports


def test_each_process_has_the_next_ports() -> None:
    env = {"OMS_METRICS_PORT": "9100", "OMS_TEMPORAL_METRICS_PORT": "9200", "OMS_GRACE_S": "5"}
    assert with_own_ports(env, 2) == {
        "OMS_METRICS_PORT": "9102",
        "OMS_TEMPORAL_METRICS_PORT": "9202",
        "OMS_GRACE_S": "5",
    }


def test_without_ports_there_are_none() -> None:
    assert with_own_ports({"OMS_METRICS_PORT": ""}, 1) == {"OMS_METRICS_PORT": ""}
