"""A customer's link opens its order without a login, and tells whoever finds it nothing else."""

import pytest

from domain.order_link import order_token
from tests.api.world import Api


def link(order_id: str, secret: str = "link") -> str:
    return f"/o/{order_token(order_id, secret)}"


async def opted_out(api: Api, order_id: str) -> bool:
    found = await api.sql(
        "SELECT 1 FROM mail_opt_outs JOIN orders USING (channel) "
        "WHERE order_id = :o AND email = lower(customer_email)",
        o=order_id,
    )
    return bool(found)


async def test_the_page_shows_where_the_goods_are_and_nothing_about_the_buyer(api: Api) -> None:
    order_id = await api.full_order()
    answer = await api.client.get(link(order_id), headers={"Authorization": ""})
    assert answer.status_code == 200
    page = answer.text
    assert "A part of your order is on its way." in page
    assert f"Parcel 1 is on its way. TRK{order_id}" in page
    assert "<td>Lamp</td><td>2</td><td>1 shipped</td>" in page
    assert "Total: $25.00" in page
    assert not [word for word in ("Ada", "example.com", "Main Street", "62701") if word in page]
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("locale", "language", "said"),
    [
        ("pt-BR", None, ["Uma parte do seu pedido está a caminho.", "enviados: 1", "US$\xa025,00"]),
        ("es-MX", None, ["Una parte de su pedido está en camino.", "USD\xa025.00", 'lang="es"']),
        ("fr", "es", ["Una parte de su pedido está en camino.", "25,00\xa0US$", "La Mesa"]),
        ("fr", None, ["A part of your order is on its way.", 'lang="en"', "Shop"]),
    ],
)
async def test_the_page_speaks_the_order_s_language_or_its_channel_s(
    api: Api, locale: str, language: str | None, said: list[str]
) -> None:
    order_id = await api.full_order()
    await api.sql("UPDATE orders SET locale = :l WHERE order_id = :o", l=locale, o=order_id)
    if language:
        await api.sql(
            "INSERT INTO brands (channel, name, language, legal_lines, colors) "
            "VALUES ('shop', 'La Mesa', :l, '{}', '{}')",
            l=language,
        )
    try:
        page = (await api.client.get(link(order_id))).text
    finally:
        await api.sql("DELETE FROM brands")
    for words in said:
        assert words in page


async def test_a_link_signed_with_a_secret_that_was_replaced_still_opens(api: Api) -> None:
    order_id = await api.full_order()
    assert (await api.client.get(link(order_id, "new-link"))).status_code == 200


@pytest.mark.parametrize("end", ["", "~", "~AAAAAAAAAAAAAAAAAAAAAA"])
async def test_whoever_guesses_learns_not_even_whether_the_order_is_there(
    api: Api, end: str
) -> None:
    order_id = await api.full_order()
    answers = [await api.client.get(f"/o/{name}{end}") for name in (order_id, "shop-none")]
    assert {answer.status_code for answer in answers} == {404}
    assert answers[0].json() == answers[1].json()


async def test_a_link_of_an_order_that_was_never_admitted_opens_nothing(api: Api) -> None:
    assert (await api.client.get(link("shop-none"))).status_code == 404


async def test_one_click_stops_optional_mail_and_another_brings_it_back(api: Api) -> None:
    order_id = await api.full_order()
    one_click = {"List-Unsubscribe": "One-Click"}
    for _ in range(2):
        answer = await api.client.post(f"{link(order_id)}/unsubscribe", data=one_click)
        assert answer.status_code == 200
        assert "You get no notes" in answer.text
        assert await opted_out(api, order_id)
    answer = await api.client.post(f"{link(order_id)}/subscribe")
    assert "You get all notes" in answer.text
    assert not await opted_out(api, order_id)
    written = await api.sql(
        "SELECT action FROM audit_log WHERE subject = :o ORDER BY audit_id", o=order_id
    )
    assert [row.action for row in written] == ["OptionalMailStopped", "OptionalMailResumed"]


async def test_a_forged_link_stops_nobodys_mail(api: Api) -> None:
    order_id = await api.full_order()
    answer = await api.client.post(f"{link(order_id, 'guess')}/unsubscribe")
    assert answer.status_code == 404
    assert not await opted_out(api, order_id)


async def test_what_a_merchant_wrote_cannot_become_markup(api: Api) -> None:
    order_id = await api.full_order()
    await api.sql("UPDATE products SET name = '<script>x</script>' WHERE sku = 'A-1'")
    try:
        page = (await api.client.get(link(order_id))).text
    finally:
        await api.sql("UPDATE products SET name = 'Lamp' WHERE sku = 'A-1'")
    assert "&lt;script&gt;" in page
    assert "<script" not in page
