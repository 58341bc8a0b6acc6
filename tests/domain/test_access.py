"""Roles name scopes that exist, and only one of them may do everything."""

from domain.access import ADMIN, ROLES, SCOPES


def test_roles_name_known_scopes_and_none_is_empty() -> None:
    for role, scopes in ROLES.items():
        assert scopes, role
        assert scopes <= SCOPES, role


def test_only_the_admin_may_do_everything() -> None:
    assert [role for role, scopes in ROLES.items() if ADMIN in scopes] == ["admin"]


def test_every_scope_belongs_to_some_role() -> None:
    assert set().union(*ROLES.values()) == SCOPES


def test_who_reads_the_audit_log_changes_no_orders() -> None:
    writes = {scope for scope in SCOPES if scope.endswith(":write")}
    assert ROLES["auditor"].isdisjoint(writes)
