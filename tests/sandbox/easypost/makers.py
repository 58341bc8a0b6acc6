"""Requests as an order system sends them."""


def address(**fields):
    return {
        "name": "Ana Souza",
        "street1": "417 Montgomery Street",
        "city": "San Francisco",
        "state": "CA",
        "zip": "94104",
        "country": "US",
        "phone": "+1 415 123-4567",
        "email": "ana@example.com",
        **fields,
    }


def shipment(reference="shop-1001:f1:label:1", **to):
    return {
        "shipment": {
            "reference": reference,
            "to_address": address(**to),
            "from_address": address(zip="10001", city="New York", state="NY"),
            "parcel": {"length": 10.0, "width": 8.0, "height": 4.0, "weight": 21.2},
        }
    }


async def bought(world, **given):
    """A shipment with the label of its first rate."""
    made = (await world.easypost.post("/shipments", json=shipment(**given))).json()
    wanted = {"rate": {"id": made["rates"][0]["id"]}}
    answer = await world.easypost.post(f"/shipments/{made['id']}/buy", json=wanted)
    assert answer.status_code == 200, answer.text
    return answer.json()
