"""Claims on carriers over HTTP: listed, and ended once: settled with an amount, or refused."""

from typing import Any

from tests.api.world import Api


async def a_claim(api: Api) -> str:
    """On a parcel worth 15.00."""
    parcel = f"{await api.full_order()}-f1"
    await api.sql(
        "INSERT INTO carrier_claims (fulfillment_id, cause, tracking_number, amount_minor,"
        " currency) VALUES (:f, 'lost', :t, 1500, 'USD')",
        f=parcel,
        t=f"TRK-{parcel}",
    )
    return parcel


async def end(api: Api, parcel: str, how: str, body: Any = None, **headers: str) -> Any:
    return await api.client.post(f"/claims/{parcel}/{how}", json=body, headers=headers)


async def listed(api: Api, **params: Any) -> list[dict[str, Any]]:
    found, cursor = [], None
    while True:
        more = {"cursor": cursor} if cursor else {}
        page = (await api.client.get("/claims", params=params | more)).json()
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


async def test_a_claim_is_settled_once_with_what_the_carrier_pays(api: Api) -> None:
    parcel = await a_claim(api)
    for _ in range(2):
        answer = await end(
            api, parcel, "settled", {"amount_minor": 1_200}, **{"Idempotency-Key": f"c-{parcel}"}
        )
        assert (answer.status_code, answer.json()["state"]) == (200, "settled")
    assert answer.json()["settled_minor"] == 1_200
    for how, body in (("settled", {"amount_minor": 1}), ("refused", None)):
        again = await end(api, parcel, how, body)
        assert (again.status_code, again.json()["code"]) == (409, "wrong_state")
    audited = await api.sql(
        "SELECT before, after FROM audit_log WHERE action = 'ClaimEnded' AND subject = :s", s=parcel
    )
    assert [tuple(each) for each in audited] == [
        ({"state": "open"}, {"state": "settled", "settled_minor": 1_200})
    ]


async def test_a_refused_claim_pays_nothing(api: Api) -> None:
    parcel = await a_claim(api)
    refused = (await end(api, parcel, "refused")).json()
    assert (refused["state"], refused["settled_minor"]) == ("refused", None)


async def test_no_carrier_pays_more_than_is_claimed(api: Api) -> None:
    parcel = await a_claim(api)
    for wrong in (1_501, -1, "x", None):
        assert (await end(api, parcel, "settled", {"amount_minor": wrong})).status_code == 422
    assert (await end(api, "shop-none-f1", "refused")).status_code == 404
    assert (await end(api, parcel, "settled", {"amount_minor": 0})).status_code == 200


async def test_open_claims_are_listed_oldest_first_page_by_page(api: Api) -> None:
    made = [await a_claim(api) for _ in range(3)]
    await end(api, made[1], "refused")
    still_open = [each["fulfillment_id"] for each in await listed(api, state="open", limit=1)]
    assert [parcel for parcel in still_open if parcel in made] == [made[0], made[2]]
    every = {each["fulfillment_id"]: each["state"] for each in await listed(api)}
    assert [every[parcel] for parcel in made] == ["open", "refused", "open"]
