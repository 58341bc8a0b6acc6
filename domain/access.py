"""Who may do what: the scopes a key can have, and the roles that name sets of them."""

from typing import Final

ADMIN: Final = "admin"  # implies every other scope
SCOPES: Final = frozenset(
    {
        "orders:read", "orders:write", "stock:read", "fulfillments:read", "fulfillments:write",
        "exceptions:read", "exceptions:write", "audit:read", "webhooks:read", "webhooks:write",
        "privacy:write", "codec:read", "fraud:review", "returns:read", "returns:write",
        "returns:handle", "catalog:read", "catalog:write", ADMIN,
    }
)  # fmt: skip
# A key made for a role has the role's scopes of that day; a later change here leaves it as it is.
ROLES: Final[dict[str, frozenset[str]]] = {
    "storefront": frozenset(
        {"orders:read", "orders:write", "stock:read", "returns:read", "returns:write"}
    ),
    "warehouse": frozenset(
        {
            "fulfillments:read", "fulfillments:write", "stock:read", "returns:read",
            "returns:handle", "catalog:read",
        }
    ),
    "support": frozenset(
        {"orders:read", "orders:write", "stock:read", "fulfillments:read", "exceptions:read",
         "returns:read", "returns:write", "returns:handle", "catalog:read"}
    ),
    "operations": frozenset(
        {
            "orders:read", "orders:write", "stock:read", "fulfillments:read",
            "fulfillments:write", "exceptions:read", "exceptions:write", "webhooks:read",
            "webhooks:write", "codec:read", "returns:read", "returns:write",
            "returns:handle", "catalog:read",
        }
    ),
    "auditor": frozenset(
        {
            "orders:read", "stock:read", "fulfillments:read", "exceptions:read", "audit:read",
            "webhooks:read", "returns:read", "catalog:read",
        }
    ),
    "catalogue": frozenset({"catalog:read", "catalog:write", "stock:read"}),
    "reviewer": frozenset({"orders:read", "orders:write", "fraud:review"}),
    "privacy": frozenset({"orders:read", "audit:read", "privacy:write"}),
    "admin": frozenset({ADMIN}),
}  # fmt: skip
